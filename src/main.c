/* tinyhttpd: parse the options, start the server, return the exit status. */
#include "base/failure.h"
#include "base/log.h"
#include "base/settings.h"
#include "cli/banner.h"
#include "cli/browser.h"
#include "cli/check.h"
#include "cli/document_root.h"
#include "cli/environment.h"
#include "cli/options.h"
#include "process/master.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

/* Whoever starts us with a standard stream closed would otherwise have the log written into a connection. */
static void open_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR); /* takes the lowest descriptor that is free */
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static void end_at_once(int signal)
{
    (void)signal;
    _exit(EX_OK);
}

/* To the first process of a container no signal has a default action (pid_namespaces(7)): one that comes before the master
   handles it would be lost, and whoever sent it wait in vain. */
static void hear_early_signals(void)
{
    struct sigaction action = {.sa_handler = end_at_once};
    if (getpid() != 1)
        return;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

/* Output that could not be written is an error, not a silence. */
static int finish_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EX_OK;
    log_error("standard output: %s", strerror(errno));
    return EX_IOERR;
}

static int report(const struct failure *failure)
{
    log_error("%s", failure->message);
    return failure->status;
}

static void print_summary(const struct master *master, const struct settings *settings)
{
    static struct metrics_totals totals;
    metrics_sum(master->metrics, master->workers, &totals);
    banner_print_summary(settings, &totals);
}

static void open_browser(const struct settings *settings, const struct banner *banner)
{
    char url[BANNER_URL_MAX], whole[4096];
    if (settings->open == NULL)
        return;
    if (!banner_write_url(banner, url)) {
        log_error("--open: a browser does not reach a Unix socket; add '--bind 127.0.0.1'");
        return;
    }
    snprintf(whole, sizeof whole, "%s%s", url, settings->open);
    int error = browser_open(whole);
    if (error != 0)
        log_error("xdg-open can't be started (%s); open %s yourself", strerror(error), whole);
}

/* A policy of the site's own may forbid what --watch adds to pages; whether it does is for the browser to judge. */
static void warn_of_policy(const struct settings *settings)
{
    static const char field[] = "Content-Security-Policy:";
    for (unsigned i = 0; settings->watch && i < settings->header_count; i++) {
        if (strncasecmp(settings->headers[i], field, sizeof field - 1) == 0)
            log_error("--watch: browsers run its script only where the Content-Security-Policy of --header "
                      "lets script-src and connect-src have 'self'");
    }
}

/* The first process of a PID namespace (pid_namespaces(7)) is nearly always a container's, whose network is its own. Sockets
   that were handed over are of another one, or were chosen with care. */
static void warn_of_container(const struct listening *listening)
{
    if (getpid() == 1 && listening->owned && listen_is_loopback_only(listening))
        log_error(
            "this is the first process of a container, and only the container itself reaches a loopback "
            "address; add '--bind *' or TINYHTTPD_BIND=* to let others in");
}

/* What a person sees at the start. */
static void greet(const struct settings *settings, const struct banner *banner,
                  const struct listening *listening)
{
    char hint[4096];
    banner_print(settings, banner);
    if (settings->verbosity != VERBOSITY_QUIET) {
        if (environment_hint(hint, sizeof hint))
            log_error("%s", hint);
        if (document_root_hint(settings, hint, sizeof hint))
            log_error("%s", hint);
        warn_of_policy(settings);
        warn_of_container(listening);
    }
    open_browser(settings, banner);
}

static int serve(struct settings *settings, char *const *command)
{
    static struct master master;
    static struct sockaddr_storage addresses[2 * LIMIT_LISTENERS];
    struct failure failure = {0};
    log_open();
    if (document_root_read(settings, &failure) != 0 || master_open(&master, settings, &failure) != 0)
        return report(&failure);
    if (master.handover.trial)
        return HANDOVER_READY;
    struct banner banner = {
        .root_path = master.root_path,
        .addresses = addresses,
        .address_count = listen_addresses(&master.listening, addresses),
        .workers = master.workers,
        .sandbox = master.sandbox_line,
    };
    if (!master.handover.reload) /* else it has been said */
        greet(settings, &banner, &master.listening);
    int status = master_run(&master, command);
    print_summary(&master, settings);
    return status;
}

int main(int count, char **arguments)
{
    struct settings settings;
    struct failure failure;
    hear_early_signals();
    open_standard_streams();
    switch (options_read(count, arguments, &settings, &failure)) {
    case OPTIONS_CHECK:
        return check_run(&settings);
    case OPTIONS_HELP:
        options_print_help();
        return finish_output();
    case OPTIONS_VERSION:
        printf("tinyhttpd %s\n", TINYHTTPD_VERSION);
        return finish_output();
    case OPTIONS_BAD:
        return report(&failure);
    case OPTIONS_SERVE:
        break;
    }
    return serve(&settings, arguments);
}

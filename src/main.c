/* tinyhttpd: parse the options, start the server, return the exit status. */
#include "base/address.h"
#include "base/descriptors.h"
#include "base/failure.h"
#include "base/log.h"
#include "base/settings.h"
#include "base/signals.h"
#include "cli/banner.h"
#include "cli/browser.h"
#include "cli/check.h"
#include "cli/document_root.h"
#include "cli/environment.h"
#include "cli/options.h"
#include "process/command.h"
#include "process/handover.h"
#include "process/master.h"
#include "process/supervision.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

/* Opens /dev/null; a chroot may have none, or a file of this name, and a pipe without a writer serves as well. */
static int open_nothing(void)
{
    int ends[2], fd = open("/dev/null", O_RDWR);
    if (fd >= 0 && descriptors_is_null(fd))
        return fd;
    descriptors_close(fd);
    if (pipe(ends) < 0)
        return -1;
    close(ends[1]);
    return ends[0];
}

/* Make sure descriptors 0-2 are open, or the log could end up in a connection. Standard input is /dev/null: a
   compromised worker could read the terminal, or stop the process group by an attempt to (SIGTTIN, signal(7)). */
static void open_standard_streams(void)
{
    int fd;
    close(STDIN_FILENO);
    do
        fd = open_nothing(); /* uses the lowest free descriptor */
    while (fd >= 0 && fd <= STDERR_FILENO);
    descriptors_close(fd);
}

static _Noreturn void end_at_once(int signal)
{
    (void)signal;
    _exit(EX_OK);
}

/* The kernel drops signals without a handler for process 1 of a container (pid_namespaces(7)). Handle those that arrive
   before the master does. */
static void handle_early_signals(void)
{
    struct sigaction action = {.sa_handler = end_at_once};
    if (getpid() != 1)
        return;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGQUIT, &action, NULL);
}

static int finish_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EX_OK;
    if (errno != EPIPE) /* 'tinyhttpd --help | head' */
        log_error("standard output: %s", strerror(errno));
    return EX_IOERR;
}

static int report(const struct failure *failure)
{
    log_error("%s", failure->message);
    return failure->status;
}

/* Returns the status that --strict makes of it. */
static int print_summary(const struct master *master, const struct settings *settings, int status)
{
    static struct metrics_totals totals;
    metrics_sum(master->metrics, &totals);
    banner_print_summary(settings, &totals);
    if (!settings->strict || totals.failures == 0)
        return status;
    banner_print_failures(&totals);
    return status == EX_OK ? EXIT_FAILURE : status;
}

static void open_browser(const struct settings *settings, const struct banner *banner)
{
    char url[BANNER_URL_MAX], whole[4096];
    if (settings->open == NULL)
        return;
    if (!banner_write_url(banner, url)) {
        log_error("--open: browsers can't open a Unix socket; add '--bind 127.0.0.1'");
        return;
    }
    snprintf(whole, sizeof whole, "%s%s", url, settings->open);
    browser_open(whole);
}

/* The site's own Content-Security-Policy may block the script of --watch; only the browser can tell. */
static void warn_about_csp(const struct settings *settings)
{
    static const char field[] = "Content-Security-Policy:";
    for (unsigned i = 0; settings->watch && i < settings->header_count; i++) {
        if (strncasecmp(settings->headers[i], field, sizeof field - 1) == 0)
            log_error("--watch: the Content-Security-Policy of --header may block the script; "
                      "allow 'self' in script-src and connect-src");
    }
}

/* Process 1 of a PID namespace (pid_namespaces(7)) nearly always runs in a container with a network of its own.
   Inherited sockets may belong to another network. */
static void warn_about_container(const struct listening *listening)
{
    if (getpid() == 1 && listening->owned && listen_is_loopback_only(listening))
        log_error("other machines can't reach the loopback address of a container; add '--bind *' or set "
                  "TINYHTTPD_BIND=*");
}

/* Clients could read it there. */
static void warn_about_log(const char *option, const char *log, const struct settings *settings, const char *root)
{
    char path[PATH_MAX];
    size_t length = strlen(root);
    if (log == NULL || settings->file != NULL || realpath(log, path) == NULL)
        return;
    if (strncmp(path, root, length) == 0 && (path[length] == '/' || root[length - 1] == '/'))
        log_error("%s '%s' is beneath the root, where clients may read it; give a file elsewhere", option, log);
}

/* True for a port that browsers refuse (https://fetch.spec.whatwg.org/#port-blocking). */
static bool is_bad_port(uint16_t port)
{
    static const uint16_t bad[] = {
        1,    7,    9,    11,   13,   15,   17,   19,   20,   21,   22,   23,   25,   37,    42,   43,   53,
        69,   77,   79,   87,   95,   101,  102,  103,  104,  109,  110,  111,  113,  115,   117,  119,  123,
        135,  137,  139,  143,  161,  179,  389,  427,  465,  512,  513,  514,  515,  526,   530,  531,  532,
        540,  548,  554,  556,  563,  587,  601,  636,  989,  990,  993,  995,  1719, 1720,  1723, 2049, 3659,
        4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (bad[i] == port)
            return true;
    }
    return false;
}

static void warn_about_port(const struct banner *banner)
{
    for (unsigned i = 0; i < banner->address_count; i++) {
        uint16_t port = address_port(&banner->addresses[i]);
        if (is_bad_port(port)) {
            log_error("browsers refuse port %u, as another protocol uses it; try '-p 8080'", port);
            return;
        }
    }
}

/* Prints the banner and hints, and opens the browser. */
static void greet(const struct settings *settings, const struct banner *banner, const struct listening *listening)
{
    char hint[4096];
    banner_print(settings, banner);
    if (settings->verbosity != VERBOSITY_QUIET) {
        if (environment_hint(hint, sizeof hint))
            log_error("%s", hint);
        if (document_root_hint(settings, hint, sizeof hint))
            log_error("%s", hint);
        warn_about_port(banner);
        warn_about_csp(settings);
        warn_about_log("--access-log", settings->access_log, settings, banner->root_path);
        warn_about_log("--error-log", settings->error_log, settings, banner->root_path);
        warn_about_container(listening);
    }
    open_browser(settings, banner);
}

/* False with the failure, or with its status EX_OK if the server was stopped meanwhile. */
static bool open_server(struct master *master, struct settings *settings, struct failure *failure)
{
    const struct settings typed = *settings;
    if (master_prepare(master, failure) != 0)
        return false;
    while ((document_root_read(settings, failure) != 0 && !master_awaits_root(master)) ||
           master_open(master, settings, failure) != 0) {
        if (!master_wait_to_retry(master, settings, failure))
            return false;
        *settings = typed; /* document_root_read() may have changed it */
    }
    return true;
}

/* Lets the command start. */
static void start_command(const struct banner *banner, int ready)
{
    char url[BANNER_URL_MAX];
    if (ready >= 0)
        command_tell(ready, banner_write_url(banner, url) ? url : "");
}

static int run(struct settings *settings, char *const *arguments, int ready)
{
    static struct master master;
    static struct sockaddr_storage addresses[2 * LIMIT_LISTENERS];
    struct failure failure = {0};
    if (!open_server(&master, settings, &failure))
        return failure.status == EX_OK ? EX_OK : report(&failure);
    if (master.handover.dry_run)
        return HANDOVER_READY;
    struct banner banner = {
        .root_path = master.served.path,
        .addresses = addresses,
        .address_count = listen_addresses(&master.listening, addresses),
        .workers = master.workers,
        .sandbox = master.served.sandbox_line,
        .base = settings->base,
    };
    /* A program that reads the banner, or the command, may stop the server at once. */
    signals_hold(1U << SIGNAL_DRAIN);
    if (!master.handover.reload) /* the old program printed it */
        greet(settings, &banner, &master.listening);
    start_command(&banner, ready);
    int status = supervision_run(&master, arguments);
    return print_summary(&master, settings, status);
}

static int serve(struct settings *settings, char *const *arguments)
{
    int ready = -1, error = settings->command != NULL ? command_begin(settings->command, &ready) : 0;
    if (error != 0) {
        log_error("command '%s': %s", settings->command[0], strerror(error));
        return EX_OSERR;
    }
    handover_close_inherited(ready);
    open_standard_streams();
    log_stamp();
    int status = run(settings, arguments, ready);
    log_end();
    return status;
}

int main(int count, char **arguments)
{
    struct settings settings;
    struct failure failure;
    signals_begin();
    handle_early_signals();
    switch (options_read(count, arguments, &settings, &failure)) {
    case OPTIONS_CHECK:
        open_standard_streams();
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

/* tinyhttpd: parse the options, start the server, return the exit status. */
#include "base/failure.h"
#include "base/log.h"
#include "base/settings.h"
#include "cli/banner.h"
#include "cli/options.h"
#include "serve/master.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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

static int serve(const struct settings *settings, char *const *command)
{
    static struct master master;
    struct failure failure = {0};
    if (master_open(&master, settings, &failure) != 0)
        return report(&failure);
    if (master.handover.trial)
        return HANDOVER_READY;
    if (!master.handover.reload) /* else it has been said */
        banner_print(settings, &(struct banner){
                                   .root_path = master.root_path,
                                   .addresses = master.listening.addresses,
                                   .address_count = master.listening.count,
                                   .workers = master.workers,
                                   .sandbox = master.sandbox_line,
                               });
    return master_run(&master, command);
}

int main(int count, char **arguments)
{
    struct settings settings;
    struct failure failure;
    open_standard_streams();
    switch (options_read(count, arguments, &settings, &failure)) {
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

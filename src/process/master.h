/* The master: binds the sockets once, starts the workers, replaces those that die, stops them, and makes room for a new
   program. Serves nothing. */
#ifndef TINYHTTPD_PROCESS_MASTER_H
#define TINYHTTPD_PROCESS_MASTER_H

#include "base/failure.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "process/handover.h"
#include "process/listen.h"
#include "sandbox/sandbox.h"

struct master {
    const struct settings *settings;
    int root;                 /* the document root */
    char root_path[4096];     /* its absolute path, for the banner */
    unsigned workers;         /* how many there shall be */
    struct handover handover; /* what was handed to this process */
    struct listening listening;
    struct metrics *metrics;             /* the workers' counters, or NULL; for the caller to close */
    struct sandbox sandbox;              /* the workers' */
    char sandbox_line[SANDBOX_LINE_MAX]; /* what holds in it, for the banner */
};

/*
 * Raises the limit of descriptors, opens the root, rehearses the sandbox, opens the listening sockets, or takes those that
 * were handed over, and opens libmagic's database. The settings stay the caller's. Returns 0, or the failure's status with
 * nothing left open.
 */
int master_open(struct master *master, const struct settings *settings, struct failure *failure);

/*
 * Serves until SIGTERM or SIGINT, or until the terminal that it was started from is gone. Any other SIGHUP, unless that was
 * ignored from the start, replaces this program by that of the same path, with `command`, its argv, and the same sockets.
 * Returns the exit status.
 */
int master_run(struct master *master, char *const *command);

#endif

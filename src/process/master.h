/* The master process: opens the sockets, starts the workers, replaces those that die, stops them, and reloads the
   program. It serves no requests. */
#ifndef TINYHTTPD_PROCESS_MASTER_H
#define TINYHTTPD_PROCESS_MASTER_H

#include "base/failure.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "process/channels.h"
#include "process/handover.h"
#include "process/listen.h"
#include "process/served_root.h"

#include <stdbool.h>
#include <stdint.h>

struct master {
    const struct settings *settings;
    bool has_terminal; /* this process had a controlling terminal when it started */
    struct served_root served;
    unsigned workers;         /* their number */
    size_t worker_memory;     /* struct worker_setup */
    struct handover handover; /* what this process received */
    int64_t retry_pause;      /* the last pause of master_wait_to_retry(), in milliseconds */
    struct listening listening;
    struct channels channels;
    struct metrics *metrics; /* the counters, or NULL; log_end() needs them */
};

/* Blocks the signals that master_run() handles, except those that stop the server, and reads what this process received.
   A dry run also closes its sockets. Call it first. Returns 0 or the failure's status. */
int master_prepare(struct master *master, struct failure *failure);

/*
 * Raises the limit of descriptors, opens the root, rehearses the sandbox, opens the logs, opens or receives the
 * listening sockets, and opens libmagic's database. The caller keeps the settings. Returns 0, or the failure's status.
 * Then the logs and the received sockets stay open for the next call.
 */
int master_open(struct master *master, const struct settings *settings, struct failure *failure);

/* True if a root that can't be read is no failure of master_open(): responses are 503 until it can. So it is if a
   service manager starts this process, as the root's file system may be mounted later. */
bool master_awaits_root(const struct master *master);

/* After a reload the old program is gone, but its workers still serve, so a failure to open is not final: logs it and
   waits. Returns false without old workers; and on SIGTERM, SIGINT or SIGQUIT, with the failure's status EX_OK, after
   they have finished. */
bool master_wait_to_retry(struct master *master, const struct settings *settings, struct failure *failure);

/*
 * Serves until SIGTERM, SIGINT or SIGQUIT, or until the terminal in which the server was started is gone. Any other
 * SIGHUP, unless it was ignored at the start, replaces this program with the file at its path, with the same sockets and
 * `command`, its argv. SIGUSR1 reopens the logs. Returns the exit status.
 */
int master_run(struct master *master, char *const *command);

#endif

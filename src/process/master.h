/* The master process: opens what it needs to supervise the workers (supervision.h). It serves no requests. */
#pragma once

#include "base/failure.h"
#include "base/limits.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "process/channels.h"
#include "process/handover.h"
#include "process/listen.h"
#include "process/served_root.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Of the shared memory: for each worker and the one that it replaces, and more for roots that are replaced in a row. */
enum { MASTER_SLOTS_SPARE = 32, MASTER_SLOTS_MAX = 2 * LIMIT_WORKERS + MASTER_SLOTS_SPARE };

struct master {
    const struct settings *settings;
    bool has_terminal; /* this process had a controlling terminal when it started */
    struct served_root served;
    unsigned workers;         /* their number */
    unsigned slots;           /* each worker writes to one, and those that retire keep theirs */
    size_t worker_memory;     /* struct worker_setup */
    struct handover handover; /* what this process received */
    int64_t retry_pause;      /* the last pause of master_wait_to_retry(), in milliseconds */
    struct listening listening;
    struct channels channels;
    struct metrics *metrics; /* the counters, or NULL; log_end() needs them */
};

/* Blocks the signals that the supervision handles, except those that stop the server, and reads what this process
   received. A dry run also closes its sockets. Call it first. Returns 0 or the failure's status. */
int master_prepare(struct master *master, struct failure *failure);

/* Raises the limit of descriptors, opens the root, rehearses the sandbox, opens the logs, opens or receives the
   listening sockets, and opens libmagic's database. The caller keeps the settings. Returns 0, or the failure's status.
   Then the logs and the received sockets stay open for the next call. */
int master_open(struct master *master, const struct settings *settings, struct failure *failure);

/* True if a root that can't be read is no failure of master_open(): responses are 503 until it can. So it is if a
   service manager starts this process, as the root's file system may be mounted later. */
bool master_awaits_root(const struct master *master);

/* After a reload the old program is gone, but its workers still serve, so a failure to open is not final: logs it and
   waits. Returns false without old workers; and on SIGTERM, SIGINT or SIGQUIT, with the failure's status EX_OK, after
   they have finished. */
bool master_wait_to_retry(struct master *master, const struct settings *settings, struct failure *failure);

/* True if the controlling terminal of the start is gone; false without one, or if descriptors or memory are short. */
bool master_lost_terminal(const struct master *master);

/* Forks a process that waits for a hung file system in place of this one, and that the kernel kills when this one ends.
   Returns as fork(2). */
pid_t master_fork(void);

/* Returns the milliseconds from SIGTERM until a worker must have ended. */
int64_t master_stop_ms(const struct settings *settings);

/* Returns the milliseconds to wait after a failure, from those after the last one; 0: it is the first. */
int64_t master_longer_pause(int64_t pause);

/* The workers: the master starts them, replaces those that die or leave, and reads their notices. Times are
   milliseconds of the monotonic clock. */
#pragma once

#include "base/limits.h"
#include "process/master.h"
#include "process/old_workers.h"
#include "serve/worker.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A worker. If it dies, another process takes its place. */
struct child {
    pid_t pid;     /* 0: none */
    unsigned slot; /* of the shared memory; MASTER_SLOTS_MAX: none */
    int notices;   /* a socket of its own: it can't write in another's name */
    int64_t started;
    int64_t due;   /* the next start */
    int64_t pause; /* before the last start; 0 unless the previous worker died young */
    bool leaving;  /* it leaves, but there are too many old workers: it is not replaced yet */
};

struct workers {
    struct master *master;
    struct child list[LIMIT_WORKERS]; /* the first `master->workers` of them */
    unsigned running;
    struct old_workers old;
    int64_t notices_due;       /* when to read the notices again */
    struct worker_setup setup; /* for all of them */
};

/* Sets up an empty struct, takes the old workers, and starts the workers. */
void workers_begin(struct workers *workers, struct master *master);

/* Starts those that are due. */
void workers_start(struct workers *workers, int64_t now);

/* Puts new workers, of the master's root as it is now, in the place of all. */
void workers_replace(struct workers *workers, int64_t now);

/* Reads the notices, and replaces those that leave. Returns true if one has found that the root has changed. */
bool workers_read_notices(struct workers *workers, int64_t now);

/* Sends a signal to all, the old ones included. */
void workers_signal(const struct workers *workers, int signal);

/* Handles the exit of a worker, an old one or its check; `serving`: the server does not drain. Returns false if it was
   none of these. */
bool workers_on_exit(struct workers *workers, pid_t pid, int wait_status, bool serving);

/* Returns when the first will have lived for LIMIT_YOUNG_MS; INT64_MAX without workers. */
int64_t workers_grown_up(const struct workers *workers);

/* Returns when the next is to be started, or the notices to be read after a pause; INT64_MAX: never. */
int64_t workers_next_due(const struct workers *workers, int64_t now);

/* Waits for a signal until `due`, INT64_MAX for ever; if `serving`, also for a notice. */
void workers_wait(const struct workers *workers, int64_t due, bool serving);

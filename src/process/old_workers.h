/* Old workers: those of a program or a root that was replaced, and those that leave. They finish the responses in
   flight within an hour. One that still accepts connections is killed: a compromised worker may ignore WORKER_RETIRE,
   and must not survive the upgrade that removes its vulnerability. Times are milliseconds of the monotonic clock. */
#pragma once

#include "process/handover.h"
#include "process/master.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A worker that retires, of this program or an earlier one in this process, and the process that checks whether it
   has closed the listening sockets. */
struct old_child {
    struct old_worker worker;
    unsigned slot;         /* of the shared memory; MASTER_SLOTS_MAX: of an earlier program */
    int notices;           /* not read any more, but open: else the worker would take the program for replaced */
    pid_t check;           /* 0: none */
    int64_t checked_since; /* when the first check began; 0: none has */
    int64_t check_due;     /* when the check must have ended, or have gone on */
    int64_t check_us;      /* the CPU time that it had used by the last one */
    bool suspect;          /* it must have closed them by now: kill it if the check finds one, or does not end */
    bool killed;
    int64_t ended_early; /* when it was told to stop, as there are too many; 0: it was not */
};

struct old_workers {
    struct master *master;
    struct old_child list[LIMIT_RETIRED];
    unsigned count;
    bool retire_pending;    /* some serve until a new worker has started */
    int64_t retire_started; /* when they were told to finish */
    int64_t retire_due;     /* when to kill the first of them */
    int64_t release_due;    /* when to check that they have closed the listening sockets; INT64_MAX: never */
    pid_t dropper;          /* the child that closes the descriptors in the old channels; 0: none */
    bool told_unchecked;    /* that /proc can't tell */
};

/* Takes those of the program that this one has replaced. */
void old_workers_adopt(struct old_workers *workers, struct master *master);

/* Returns true if there is room for `running` more. If not, ends those that left first, or a client could keep a new
   root from being served by slow downloads. */
bool old_workers_make_room(struct old_workers *workers, unsigned running);

/* Adds a worker that leaves, if there is room; takes its `notices`, a descriptor or -1. */
void old_workers_add(struct old_workers *workers, pid_t pid, unsigned slot, int notices, int64_t now);

/* Tells all to finish. */
void old_workers_retire(struct old_workers *workers, int64_t now);

/* Sends a signal to all. */
void old_workers_signal(const struct old_workers *workers, int signal);

/* Handles the exit of a worker or a check; `serving`: the server does not drain. Returns false if it was neither. */
bool old_workers_on_exit(struct old_workers *workers, pid_t pid, int wait_status, bool serving);

/* Kills those whose time is over, and begins and ends checks. */
void old_workers_step(struct old_workers *workers, int64_t now);

/* Returns when to call old_workers_step() again; INT64_MAX: never. */
int64_t old_workers_next_due(const struct old_workers *workers);

/* True while a check may still end, a worker be killed for it, or something be on its way in an old channel. A new
   program would begin the checks anew, but not the times since the workers were told to finish. */
bool old_workers_are_checked(const struct old_workers *workers);

/* Ends the channels of the programs before, and drops in a child what is on its way there. */
void old_workers_end_channels(struct old_workers *workers);

/* Kills the checks. */
void old_workers_stop_checks(const struct old_workers *workers);

/* Adds the milliseconds in which the server was stopped to all times. */
void old_workers_add_time(struct old_workers *workers, int64_t stopped);

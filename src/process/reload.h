/* A reload: a dry run of the new program in a child, then this process executes it, and then the old workers finish
   when the new ones serve. Times are milliseconds of the monotonic clock. */
#pragma once

#include "process/workers.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct reload {
    struct workers *workers;
    char *const *command; /* argv */
    pid_t dry_run;        /* the process of the new program, 0 if there is none */
    int64_t due;          /* when to kill it; once it has succeeded, when what follows waits no longer */
    bool killed;          /* its time is over */
    bool succeeded;       /* replace this program */
};

/* True until it is over; no second one may begin. */
bool reload_is_under_way(const struct reload *reload);

/* Begins the dry run, or logs why it can't. */
void reload_begin(struct reload *reload);

/* Ends the dry run, as the server stops. */
void reload_cancel(struct reload *reload);

/* Handles the exit of the dry run. Returns false if it was another process. */
bool reload_on_exit(struct reload *reload, pid_t pid, int wait_status);

/* True if the dry run has succeeded and the next program may begin: no check of an old worker is under way, which would
   begin anew; late workers have taken all connections from their channels, as the program after the next one drops
   those; and the old channels are empty, which it ends once the rest holds. True in any case when the reload is due, as
   a worker can delay each of these. */
bool reload_may_hand_over(struct reload *reload, int64_t now);

/* Replaces this program after the dry run has succeeded. Its workers, and the old ones, stay children of the process.
   Returns only on failure, which it logs. */
void reload_hand_over(struct reload *reload);

/* Kills the dry run when its time is over; lets the old workers finish when the new ones serve. */
void reload_step(struct reload *reload, int64_t now);

/* Returns when to call reload_step() again; INT64_MAX: never. */
int64_t reload_next_due(const struct reload *reload);

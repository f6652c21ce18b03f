/* Follows the root's name. A process of its own looks at it, as a look may hang with a file system. Times are
   milliseconds of the monotonic clock. */
#pragma once

#include "process/workers.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct root_watch {
    struct workers *workers;
    int64_t due;     /* when to look; INT64_MAX: when a worker says so */
    int64_t started; /* when the last look began */
    pid_t look;      /* the process that looks, 0 if there is none */
    bool ended;      /* with the exit status `result` */
    int result;
    bool missing; /* that the root is missing is logged */
};

/* If a look has ended, logs that the root is missing or is there again, or gives the workers the directory that has
   replaced it. Begins the next look when it is due. */
void root_watch_step(struct root_watch *watch, int64_t now);

/* Lets it look soon: a worker has found that the root has changed. */
void root_watch_hurry(struct root_watch *watch);

/* Kills the look. */
void root_watch_stop(const struct root_watch *watch);

/* Handles the exit of the look. Returns false if it was another process. */
bool root_watch_on_exit(struct root_watch *watch, pid_t pid, int wait_status);

/* Returns when to call root_watch_step() again; INT64_MAX: never. */
int64_t root_watch_next_due(const struct root_watch *watch);

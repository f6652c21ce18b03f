/*
 * What the workers count, in memory that they share with the master. Each worker writes a part of its own, so that none
 * waits for another, and one that is killed leaves numbers and no lock. It can write no other part, so that one that
 * was taken over can make its own numbers wrong and do no more.
 */
#ifndef TINYHTTPD_BASE_METRICS_H
#define TINYHTTPD_BASE_METRICS_H

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    METRICS_CLASSES = 6,    /* of statuses, by their first digit */
    METRICS_MISSES = 64,    /* paths that a worker remembers; of more it forgets the rarest */
    METRICS_PATH_MAX = 115, /* bytes of a path; a longer one is cut */
    METRICS_BUCKETS = 15    /* of durations; the last one has no bound */
};

/* The longest duration of each bucket but the last, in microseconds. */
extern const uint32_t metrics_bounds[METRICS_BUCKETS - 1];

/* One worker's counters. */
struct metrics;

struct metrics_miss {
    uint64_t count;
    char path[METRICS_PATH_MAX + 1];
};

struct metrics_totals {
    uint64_t requests[METRICS_CLASSES];
    uint64_t bytes;
    uint64_t connections; /* that are open ... */
    uint64_t idle;        /* ... and of them, those that wait for a request */
    uint64_t durations[METRICS_BUCKETS];
    uint64_t duration_sum; /* microseconds */
    uint64_t found;        /* files that the store had in memory, unchanged ... */
    uint64_t loaded;       /* ... and those that it had to read */
    uint64_t restarts;
    unsigned miss_count;
    struct metrics_miss misses[METRICS_MISSES]; /* the most frequent first */
};

/* The counters of so many workers, the first one's, all of them zero; NULL where there is no memory for them: then
   nothing is counted. */
struct metrics *metrics_open(unsigned workers);

/* Frees all that metrics_open made. Not for a process that keeps one worker's. */
void metrics_close(struct metrics *metrics);

/* The counters of one worker, by its number from 0 on; NULL where nothing is counted. All below do nothing, or count
   nothing, for NULL. */
struct metrics *metrics_of(struct metrics *metrics, unsigned worker);

/* Called in a worker: gives up writing all counters but these, for good. False where that fails. */
bool metrics_keep(const struct metrics *metrics);

/* Counts an answer and the bytes of its body. */
void metrics_count(struct metrics *metrics, int status, uint64_t bytes);

/* Counts a target that was not found. Its query is left out. */
void metrics_miss(struct metrics *metrics, struct span target);

/* Counts how long an answer took, from the whole request to the last byte handed over, in microseconds. */
void metrics_time(struct metrics *metrics, int64_t duration);

/* Adds files that the store found in memory, and those that it read. */
void metrics_add_looks(struct metrics *metrics, uint64_t found, uint64_t loaded);

void metrics_set_connections(struct metrics *metrics, unsigned connections, unsigned idle);

/* For the master, once this worker is dead: counts that, and takes its connections away. */
void metrics_restart(struct metrics *metrics);

/* Adds the numbers of all workers up, whichever's counters are given; the paths that were missed, which take longer,
   are left out. */
void metrics_sum_numbers(const struct metrics *metrics, struct metrics_totals *totals);

/* Adds all workers up: the numbers, and the paths that were missed. */
void metrics_sum(const struct metrics *metrics, struct metrics_totals *totals);

#endif

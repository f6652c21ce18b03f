/*
 * What the workers count, in memory that they share with the master. Each worker writes a part of its own, so that
 * nobody waits for anybody, and one that is killed leaves numbers and no lock.
 */
#ifndef TINYHTTPD_SERVE_METRICS_H
#define TINYHTTPD_SERVE_METRICS_H

#include "base/text.h"

#include <stdint.h>

enum {
    METRICS_CLASSES = 6,   /* of statuses, by their first digit */
    METRICS_MISSES = 64,   /* paths that a worker remembers; who misses more at a time forgets the rarest */
    METRICS_PATH_MAX = 115 /* octets of a path; a longer one is cut */
};

/* One worker's part. */
struct metrics;

struct metrics_miss {
    uint64_t count;
    char path[METRICS_PATH_MAX + 1];
};

struct metrics_totals {
    uint64_t requests[METRICS_CLASSES];
    uint64_t octets;
    uint64_t connections; /* that are open */
    unsigned miss_count;
    struct metrics_miss misses[METRICS_MISSES]; /* the most frequent first */
};

/* Memory for so many workers, all of it zero; NULL where there is none: then nothing is counted. */
struct metrics *metrics_open(unsigned workers);

/* The part of one worker. NULL of NULL. */
struct metrics *metrics_of(struct metrics *metrics, unsigned worker);

/* Counts an answer and the octets of its body. All of these do nothing for NULL. */
void metrics_count(struct metrics *metrics, int status, uint64_t octets);

/* Counts a target that was not found. Its query is left out. */
void metrics_miss(struct metrics *metrics, struct span target);

void metrics_set_connections(struct metrics *metrics, unsigned connections);

/* Adds all workers up. */
void metrics_sum(struct metrics *metrics, unsigned workers, struct metrics_totals *totals);

#endif

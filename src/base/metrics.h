/* Counters of the workers, in memory shared with the master. Each worker writes only its own part, without locks: a
   killed worker blocks no other, and a compromised one can falsify only its own numbers. */
#pragma once

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    METRICS_CLASSES = 6,    /* first digits of a status, and 0 */
    METRICS_MISSES = 64,    /* frequent 404s that a worker remembers */
    METRICS_PATH_MAX = 243, /* longer paths are cut */
    METRICS_BUCKETS = 15    /* of durations; the last one is unbounded */
};

enum metrics_log { METRICS_ACCESS_LOG, METRICS_ERROR_LOG, METRICS_LOGS };

/* The processes besides the workers that count. */
enum metrics_other { METRICS_MASTER, METRICS_ACCESS_WRITER, METRICS_ERROR_WRITER, METRICS_OTHERS };

/* The longest duration of each bucket but the last, in microseconds. */
extern const uint32_t metrics_bounds[METRICS_BUCKETS - 1];

/* One worker's counters. */
struct metrics;

struct metrics_miss {
    uint64_t count;
    char path[METRICS_PATH_MAX + 1];
};

/* The numbers come first, as one array of uint64_t. */
struct metrics_totals {
    uint64_t requests[METRICS_CLASSES];
    uint64_t bytes;
    uint64_t connections; /* open now, idle ones included */
    uint64_t idle;        /* waiting for a request */
    uint64_t durations[METRICS_BUCKETS];
    uint64_t duration_sum; /* microseconds */
    uint64_t cache_hits;   /* lookups that found a current file in memory */
    uint64_t cache_misses; /* lookups that read the file */
    uint64_t proxy_errors; /* connections of trusted proxies without a valid PROXY header */
    uint64_t restarts;     /* of workers, counted by the master */
    uint64_t lost_lines[METRICS_LOGS];
    uint64_t failures; /* of metrics_fail() */
    unsigned miss_count, failure_count;
    struct metrics_miss misses[METRICS_MISSES]; /* 404s, the most frequent first */
    struct metrics_miss failed[METRICS_MISSES]; /* the texts of metrics_fail(), as `misses` */
};

/* Creates the counters of `workers` workers, all zero, and returns the first one's. Returns NULL if there is no memory;
   then nothing is counted. */
struct metrics *metrics_open(unsigned workers);

/* Frees the counters of all workers. Not for a process that has called metrics_keep(). */
void metrics_close(struct metrics *metrics);

/* Returns the counters of a worker, by its number from 0, or NULL for NULL. The functions below accept NULL and then do
   nothing. */
struct metrics *metrics_of(struct metrics *metrics, unsigned worker);

/* Returns the counters of another process, from the first worker's; NULL for NULL. */
struct metrics *metrics_of_other(struct metrics *metrics, enum metrics_other other);

/* Called by a worker or a log writer: makes all other counters read-only for this process. False on failure. */
bool metrics_keep(const struct metrics *metrics);

/* Called by a worker that counts nothing: makes all counters read-only for this process. Returns false if that
   fails. */
bool metrics_drop(const struct metrics *metrics);

/* Counts a response and the bytes of its body. */
void metrics_count(struct metrics *metrics, int status, uint64_t bytes);

/* Counts a 404 by its path, without the query, for the summary. */
void metrics_miss(struct metrics *metrics, struct span target);

/* Counts what a page did not get, or an error in it, by this text without NUL, for --strict. */
void metrics_fail(struct metrics *metrics, struct span text);

/* What one worker tells for all of them, for each version of a file. */
enum metrics_topic { TOPIC_REDIRECTS, TOPIC_HEADERS, TOPIC_LONG_FIELDS, METRICS_TOPICS };

/* Call it for each version of the topic's file that this worker finds. True if no other worker was the last to find the
   same one: its lines are then this worker's to log. */
bool metrics_tells(struct metrics *metrics, enum metrics_topic topic, uint64_t version);

/* Counts a response's microseconds, from the end of the request to the last byte sent. */
void metrics_time(struct metrics *metrics, int64_t duration);

/* Counts lookups in the file cache. */
void metrics_count_cache(struct metrics *metrics, uint64_t hits, uint64_t misses);

void metrics_count_proxy_error(struct metrics *metrics);

/* Counts lines that could not be written to a log. */
void metrics_count_lost(struct metrics *metrics, enum metrics_log log, uint64_t lines);

void metrics_set_connections(struct metrics *metrics, unsigned connections, unsigned idle);

/* Called by the master when this worker has died: counts the restart, and resets its connections. */
void metrics_restart(struct metrics *metrics);

/* Sums the numbers of all workers, without the frequent 404s and failures, which take longer. `metrics` may be any
   worker's. */
void metrics_sum_numbers(const struct metrics *metrics, struct metrics_totals *totals);

/* Sums the numbers and the frequent 404s and failures of all workers. */
void metrics_sum(const struct metrics *metrics, struct metrics_totals *totals);

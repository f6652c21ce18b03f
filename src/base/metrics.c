#include "base/metrics.h"

#include "base/shared.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The count is written last, so a count above zero has a path, although that may be replaced while it is read. */
struct miss {
    _Atomic uint64_t count;
    char path[METRICS_PATH_MAX + 1];
};

/* As the defaults of Prometheus's clients, from a cached file's duration to a slow download's. */
const uint32_t metrics_bounds[METRICS_BUCKETS - 1] = {
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

/* The counters of one process: the workers, then those of enum metrics_other. */
struct part {
    _Atomic uint64_t requests[METRICS_CLASSES];
    _Atomic uint64_t bytes;
    _Atomic uint64_t connections;
    _Atomic uint64_t idle;
    _Atomic uint64_t durations[METRICS_BUCKETS];
    _Atomic uint64_t duration_sum;
    _Atomic uint64_t cache_hits;
    _Atomic uint64_t cache_misses;
    _Atomic uint64_t proxy_errors;
    _Atomic uint64_t restarts; /* counted by the master */
    _Atomic uint64_t lost_lines[METRICS_LOGS];
    _Atomic uint64_t failures;
    _Atomic uint64_t told[2]; /* hashes of what it has told for all, the last first */
    struct miss misses[METRICS_MISSES];
    struct miss failed[METRICS_MISSES];
};

/* In private memory: shared memory has no pointer and no length that a worker could falsify. */
struct metrics {
    struct shared shared;
    unsigned index; /* of its part */
    struct part *part;
};

struct metrics *metrics_open(unsigned workers)
{
    struct shared shared;
    unsigned count = workers + METRICS_OTHERS;
    struct metrics *metrics = calloc(count, sizeof *metrics);
    if (metrics == NULL || !shared_open(&shared, count, sizeof(struct part))) {
        free(metrics);
        return NULL;
    }
    for (unsigned i = 0; i < count; i++)
        metrics[i] = (struct metrics){shared, i, shared_write(&shared, i)};
    return metrics;
}

void metrics_close(struct metrics *metrics)
{
    if (metrics != NULL)
        shared_close(&metrics->shared);
    free(metrics);
}

struct metrics *metrics_of(struct metrics *metrics, unsigned worker)
{
    return metrics != NULL ? metrics + worker : NULL;
}

static unsigned part_of_other(const struct metrics *metrics, enum metrics_other other)
{
    return metrics->shared.count - METRICS_OTHERS + other;
}

struct metrics *metrics_of_other(struct metrics *metrics, enum metrics_other other)
{
    return metrics != NULL ? metrics + part_of_other(metrics, other) : NULL;
}

bool metrics_keep(const struct metrics *metrics)
{
    return metrics == NULL || shared_keep(&metrics->shared, metrics->index);
}

bool metrics_drop(const struct metrics *metrics)
{
    return metrics == NULL || shared_drop(&metrics->shared);
}

static uint64_t read_number(const _Atomic uint64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

/* Each part has one writer, so a load and a store are enough, without a locked instruction. */
static void add(_Atomic uint64_t *number, uint64_t more)
{
    atomic_store_explicit(number, read_number(number) + more, memory_order_relaxed);
}

void metrics_count(struct metrics *metrics, int status, uint64_t bytes)
{
    if (metrics == NULL)
        return;
    add(&metrics->part->requests[(unsigned)status / 100 % METRICS_CLASSES], 1);
    add(&metrics->part->bytes, bytes);
}

void metrics_time(struct metrics *metrics, int64_t duration)
{
    unsigned bucket = 0;
    if (metrics == NULL || duration < 0)
        return;
    while (bucket < METRICS_BUCKETS - 1 && duration > metrics_bounds[bucket])
        bucket++;
    add(&metrics->part->durations[bucket], 1);
    add(&metrics->part->duration_sum, (uint64_t)duration);
}

void metrics_count_cache(struct metrics *metrics, uint64_t hits, uint64_t misses)
{
    if (metrics == NULL)
        return;
    add(&metrics->part->cache_hits, hits);
    add(&metrics->part->cache_misses, misses);
}

void metrics_count_proxy_error(struct metrics *metrics)
{
    if (metrics != NULL)
        add(&metrics->part->proxy_errors, 1);
}

void metrics_count_lost(struct metrics *metrics, enum metrics_log log, uint64_t lines)
{
    if (metrics != NULL)
        add(&metrics->part->lost_lines[log], lines);
}

void metrics_set_connections(struct metrics *metrics, unsigned connections, unsigned idle)
{
    if (metrics == NULL)
        return;
    atomic_store_explicit(&metrics->part->connections, connections, memory_order_relaxed);
    atomic_store_explicit(&metrics->part->idle, idle, memory_order_relaxed);
}

void metrics_restart(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    struct part *masters = shared_write(&metrics->shared, part_of_other(metrics, METRICS_MASTER));
    metrics_set_connections(metrics, 0, 0);
    add(&masters->restarts, 1);
}

/* A compromised worker that had this part before may have left no NUL. */
static struct span path_of(const struct miss *miss)
{
    return (struct span){miss->path, strnlen(miss->path, METRICS_PATH_MAX)};
}

/* Returns the counter of this path, or one to reuse for it: an empty one, else the rarest path's. */
static struct miss *find_counter(struct miss *misses, struct span path)
{
    struct miss *rarest = &misses[0];
    for (unsigned i = 0; i < METRICS_MISSES; i++) {
        struct miss *miss = &misses[i];
        uint64_t count = read_number(&miss->count);
        if (count > 0 && span_equal(path_of(miss), path))
            return miss;
        if (count < read_number(&rarest->count))
            rarest = miss;
    }
    return rarest;
}

static void count_path(struct miss *misses, struct span path)
{
    if (path.length > METRICS_PATH_MAX)
        path.length = METRICS_PATH_MAX;
    if (path.length == 0 || memchr(path.at, '\0', path.length) != NULL)
        return;
    struct miss *miss = find_counter(misses, path);
    if (read_number(&miss->count) == 0 || !span_equal(path_of(miss), path)) {
        atomic_store_explicit(&miss->count, 0, memory_order_relaxed);
        memcpy(miss->path, path.at, path.length);
        miss->path[path.length] = '\0';
    }
    atomic_store_explicit(&miss->count, read_number(&miss->count) + 1, memory_order_release);
}

void metrics_miss(struct metrics *metrics, struct span target)
{
    if (metrics != NULL)
        count_path(metrics->part->misses, (struct span){target.at, span_find(target, '?')});
}

void metrics_fail(struct metrics *metrics, struct span text)
{
    if (metrics == NULL)
        return;
    add(&metrics->part->failures, 1);
    count_path(metrics->part->failed, text);
}

bool metrics_tells(struct metrics *metrics, uint64_t hash)
{
    if (metrics == NULL)
        return true;
    for (unsigned i = 0; i < metrics->shared.count; i++) {
        const struct part *part = shared_read(&metrics->shared, i);
        if (read_number(&part->told[0]) == hash || read_number(&part->told[1]) == hash)
            return false;
    }
    atomic_store_explicit(&metrics->part->told[1], read_number(&metrics->part->told[0]),
                          memory_order_relaxed);
    atomic_store_explicit(&metrics->part->told[0], hash, memory_order_relaxed);
    return true;
}

/* Adds one worker's count of a path, unless the totals are full. */
static void add_miss(struct metrics_miss *totals, unsigned *total, const char *path, uint64_t count)
{
    unsigned at = 0;
    while (at < *total && strcmp(totals[at].path, path) != 0)
        at++;
    if (at == METRICS_MISSES)
        return;
    struct metrics_miss *miss = &totals[at];
    if (at == *total) {
        ++*total;
        memcpy(miss->path, path, sizeof miss->path);
    }
    miss->count += count;
}

/* Reads a copy of the path, as its writer may overwrite the NUL at any time. */
static void add_misses(struct metrics_miss *totals, unsigned *total, const struct miss *misses)
{
    char path[METRICS_PATH_MAX + 1];
    for (unsigned i = 0; i < METRICS_MISSES; i++) {
        uint64_t count = atomic_load_explicit(&misses[i].count, memory_order_acquire);
        if (count == 0)
            continue;
        memcpy(path, misses[i].path, sizeof path);
        path[METRICS_PATH_MAX] = '\0';
        add_miss(totals, total, path, count);
    }
}

static void add_all_misses(struct metrics_totals *totals, const struct part *part)
{
    add_misses(totals->misses, &totals->miss_count, part->misses);
    add_misses(totals->failed, &totals->failure_count, part->failed);
}

static int by_count(const void *a, const void *b)
{
    const struct metrics_miss *left = a, *right = b;
    if (left->count != right->count)
        return left->count < right->count ? 1 : -1;
    return strcmp(left->path, right->path);
}

static void add_numbers(struct metrics_totals *totals, const struct part *part)
{
    for (unsigned i = 0; i < METRICS_CLASSES; i++)
        totals->requests[i] += read_number(&part->requests[i]);
    for (unsigned i = 0; i < METRICS_LOGS; i++)
        totals->lost_lines[i] += read_number(&part->lost_lines[i]);
    for (unsigned i = 0; i < METRICS_BUCKETS; i++)
        totals->durations[i] += read_number(&part->durations[i]);
    totals->bytes += read_number(&part->bytes);
    totals->connections += read_number(&part->connections);
    totals->idle += read_number(&part->idle);
    totals->duration_sum += read_number(&part->duration_sum);
    totals->cache_hits += read_number(&part->cache_hits);
    totals->cache_misses += read_number(&part->cache_misses);
    totals->proxy_errors += read_number(&part->proxy_errors);
    totals->restarts += read_number(&part->restarts);
    totals->failures += read_number(&part->failures);
}

void metrics_sum_numbers(const struct metrics *metrics, struct metrics_totals *totals)
{
    *totals = (struct metrics_totals){0};
    for (unsigned i = 0; metrics != NULL && i < metrics->shared.count; i++)
        add_numbers(totals, shared_read(&metrics->shared, i));
}

void metrics_sum(const struct metrics *metrics, struct metrics_totals *totals)
{
    metrics_sum_numbers(metrics, totals);
    for (unsigned i = 0; metrics != NULL && i < metrics->shared.count; i++)
        add_all_misses(totals, shared_read(&metrics->shared, i));
    qsort(totals->misses, totals->miss_count, sizeof totals->misses[0], by_count);
    qsort(totals->failed, totals->failure_count, sizeof totals->failed[0], by_count);
}

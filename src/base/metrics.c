#include "base/metrics.h"

#include "base/shared.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* As the defaults of Prometheus's clients, from a cached file's duration to a slow download's. */
const uint32_t metrics_bounds[METRICS_BUCKETS - 1] = {500,    1000,   2500,   5000,    10000,   25000,   50000,
                                                      100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

/* A version of a file that this process was the first to find. */
struct told {
    uint64_t version;
    uint64_t order; /* among all processes, from 1; 0: none */
};

/* The counters of one process: the workers, then those of enum metrics_other. One process writes them, and others read
   them meanwhile. The count of a path is written last, so a count above zero has a path, although that may be replaced
   while it is read. */
struct part {
    struct metrics_totals counters; /* without the numbers of paths, and without order */
    struct told told[METRICS_TOPICS];
};
enum { NUMBERS = offsetof(struct metrics_totals, miss_count) / sizeof(uint64_t) };

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

static uint64_t read_number(const uint64_t *number)
{
    return __atomic_load_n(number, __ATOMIC_RELAXED);
}

static void write_number(uint64_t *number, uint64_t value)
{
    __atomic_store_n(number, value, __ATOMIC_RELAXED);
}

/* Each part has one writer, so a load and a store are enough, without a locked instruction. */
static void add(uint64_t *number, uint64_t more)
{
    write_number(number, read_number(number) + more);
}

void metrics_count(struct metrics *metrics, int status, uint64_t bytes)
{
    if (metrics == NULL)
        return;
    add(&metrics->part->counters.requests[(unsigned)status / 100 % METRICS_CLASSES], 1);
    add(&metrics->part->counters.bytes, bytes);
}

void metrics_time(struct metrics *metrics, int64_t duration)
{
    unsigned bucket = 0;
    if (metrics == NULL || duration < 0)
        return;
    while (bucket < METRICS_BUCKETS - 1 && duration > metrics_bounds[bucket])
        bucket++;
    add(&metrics->part->counters.durations[bucket], 1);
    add(&metrics->part->counters.duration_sum, (uint64_t)duration);
}

void metrics_count_cache(struct metrics *metrics, uint64_t hits, uint64_t misses)
{
    if (metrics == NULL)
        return;
    add(&metrics->part->counters.cache_hits, hits);
    add(&metrics->part->counters.cache_misses, misses);
}

void metrics_count_proxy_error(struct metrics *metrics)
{
    if (metrics != NULL)
        add(&metrics->part->counters.proxy_errors, 1);
}

void metrics_count_lost(struct metrics *metrics, enum metrics_log log, uint64_t lines)
{
    if (metrics != NULL)
        add(&metrics->part->counters.lost_lines[log], lines);
}

void metrics_set_connections(struct metrics *metrics, unsigned connections, unsigned idle)
{
    if (metrics == NULL)
        return;
    write_number(&metrics->part->counters.connections, connections);
    write_number(&metrics->part->counters.idle, idle);
}

void metrics_restart(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    struct part *masters = shared_write(&metrics->shared, part_of_other(metrics, METRICS_MASTER));
    metrics_set_connections(metrics, 0, 0);
    add(&masters->counters.restarts, 1);
}

/* A compromised worker that had this part before may have left no NUL. */
static struct span path_of(const struct metrics_miss *miss)
{
    return (struct span){miss->path, strnlen(miss->path, METRICS_PATH_MAX)};
}

/* Returns the counter of this path, or one to reuse for it: an empty one, else the rarest path's. */
static struct metrics_miss *find_counter(struct metrics_miss *misses, struct span path)
{
    struct metrics_miss *rarest = &misses[0];
    for (unsigned i = 0; i < METRICS_MISSES; i++) {
        struct metrics_miss *miss = &misses[i];
        uint64_t count = read_number(&miss->count);
        if (count > 0 && span_equal(path_of(miss), path))
            return miss;
        if (count < read_number(&rarest->count))
            rarest = miss;
    }
    return rarest;
}

static void count_path(struct metrics_miss *misses, struct span path)
{
    if (path.length > METRICS_PATH_MAX)
        path.length = METRICS_PATH_MAX;
    if (path.length == 0 || memchr(path.at, '\0', path.length) != NULL)
        return;
    struct metrics_miss *miss = find_counter(misses, path);
    if (read_number(&miss->count) == 0 || !span_equal(path_of(miss), path)) {
        write_number(&miss->count, 0);
        memcpy(miss->path, path.at, path.length);
        miss->path[path.length] = '\0';
    }
    __atomic_store_n(&miss->count, read_number(&miss->count) + 1, __ATOMIC_RELEASE);
}

void metrics_miss(struct metrics *metrics, struct span target)
{
    if (metrics != NULL)
        count_path(metrics->part->counters.misses, (struct span){target.at, span_find(target, '?')});
}

void metrics_fail(struct metrics *metrics, struct span text)
{
    if (metrics == NULL)
        return;
    add(&metrics->part->counters.failures, 1);
    count_path(metrics->part->counters.failed, text);
}

/* The version that any process has found last, or one of order 0. */
static struct told last_told(const struct metrics *metrics, enum metrics_topic topic)
{
    struct told last = {0};
    for (unsigned i = 0; i < metrics->shared.count; i++) {
        const struct told *told = &((const struct part *)shared_read(&metrics->shared, i))->told[topic];
        uint64_t order = read_number(&told->order);
        if (order > last.order)
            last = (struct told){read_number(&told->version), order};
    }
    return last;
}

bool metrics_tells(struct metrics *metrics, enum metrics_topic topic, uint64_t version)
{
    if (metrics == NULL)
        return true;
    struct told last = last_told(metrics, topic), *own = &metrics->part->told[topic];
    if (last.order > 0 && last.version == version)
        return false;
    write_number(&own->version, version);
    write_number(&own->order, last.order + 1);
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
static void add_misses(struct metrics_miss *totals, unsigned *total, const struct metrics_miss *misses)
{
    char path[METRICS_PATH_MAX + 1];
    for (unsigned i = 0; i < METRICS_MISSES; i++) {
        uint64_t count = __atomic_load_n(&misses[i].count, __ATOMIC_ACQUIRE);
        if (count == 0)
            continue;
        memcpy(path, misses[i].path, sizeof path);
        path[METRICS_PATH_MAX] = '\0';
        add_miss(totals, total, path, count);
    }
}

static int by_count(const void *a, const void *b)
{
    const struct metrics_miss *left = a, *right = b;
    if (left->count != right->count)
        return left->count < right->count ? 1 : -1;
    return strcmp(left->path, right->path);
}

void metrics_sum_numbers(const struct metrics *metrics, struct metrics_totals *totals)
{
    uint64_t *sums = (uint64_t *)(void *)totals;
    *totals = (struct metrics_totals){0};
    for (unsigned i = 0; metrics != NULL && i < metrics->shared.count; i++) {
        const uint64_t *numbers = shared_read(&metrics->shared, i);
        for (size_t number = 0; number < NUMBERS; number++)
            sums[number] += read_number(&numbers[number]);
    }
}

void metrics_sum(const struct metrics *metrics, struct metrics_totals *totals)
{
    metrics_sum_numbers(metrics, totals);
    for (unsigned i = 0; metrics != NULL && i < metrics->shared.count; i++) {
        const struct part *part = shared_read(&metrics->shared, i);
        add_misses(totals->misses, &totals->miss_count, part->counters.misses);
        add_misses(totals->failed, &totals->failure_count, part->counters.failed);
    }
    qsort(totals->misses, totals->miss_count, sizeof totals->misses[0], by_count);
    qsort(totals->failed, totals->failure_count, sizeof totals->failed[0], by_count);
}

/* The counters of the workers, and their text for Prometheus. Each line of the input is a call: the worker's number, a
   letter, and numbers or a path: "0c 200 512" counts a response, "1t 1500" a duration, "2m /a?b" a missing path, "0l 3
   4" hits and misses of the store, "1k 10 5" connections, "2r" a restart. */
#include "base/metrics.h"

#include "answer/metrics_text.h"
#include "lib/exposed.h"
#include "lib/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { WORKERS = 3, TEXT_MAX = 4096 };

/* The expected counts of this input, without those of earlier ones. */
struct account {
    uint64_t answers[METRICS_CLASSES];
    uint64_t durations;
    uint64_t duration_sum;
    uint64_t cache_hits;
    uint64_t cache_misses;
    uint64_t restarts;
    uint64_t connections[WORKERS];
    uint64_t idle[WORKERS];
};

static uint64_t take_number(struct span *line)
{
    int64_t number = fuzz_number(fuzz_take_until(line, ' '), 0);
    return number < 0 ? 0 : (uint64_t)number;
}

static void call(struct metrics *part, unsigned worker, char letter, struct span rest, struct account *account)
{
    if (letter == 'm') {
        metrics_miss(part, rest);
        return;
    }
    uint64_t first = take_number(&rest), second = take_number(&rest);
    if (letter == 'c') {
        unsigned status = 100 + (unsigned)(first % 500);
        metrics_count(part, (int)status, second);
        account->answers[status / 100]++;
    } else if (letter == 't') {
        metrics_time(part, (int64_t)first);
        account->durations++;
        account->duration_sum += first;
    } else if (letter == 'l') {
        metrics_count_cache(part, first, second);
        account->cache_hits += first;
        account->cache_misses += second;
    } else if (letter == 'k' || letter == 'r') {
        if (letter == 'k')
            metrics_set_connections(part, (unsigned)first, (unsigned)second);
        else
            metrics_restart(part);
        account->restarts += letter == 'r';
        account->connections[worker] = letter == 'k' ? (unsigned)first : 0;
        account->idle[worker] = letter == 'k' ? (unsigned)second : 0;
    }
}

static void count(struct metrics *metrics, struct span input, struct account *account)
{
    while (input.length > 0) {
        struct span line = fuzz_take_line(&input);
        if (line.length < 2)
            continue;
        unsigned worker = (unsigned char)line.at[0] % WORKERS;
        size_t start = line.length > 2 && line.at[2] == ' ' ? 3 : 2;
        char *copy = fuzz_copy((struct span){line.at + start, line.length - start});
        call(metrics_of(metrics, worker), worker, line.at[1], (struct span){copy, line.length - start}, account);
        free(copy);
    }
}

/* ---- the totals ---- */

static uint64_t sum(const uint64_t *numbers, size_t of)
{
    uint64_t all = 0;
    for (size_t i = 0; i < of; i++)
        all += numbers[i];
    return all;
}

static void check_totals(const struct metrics_totals *before, const struct metrics_totals *after,
                         const struct account *account)
{
    for (unsigned i = 0; i < METRICS_CLASSES; i++)
        CHECK(after->requests[i] - before->requests[i] == account->answers[i]);
    CHECK(sum(after->durations, METRICS_BUCKETS) - sum(before->durations, METRICS_BUCKETS) == account->durations);
    CHECK(after->duration_sum - before->duration_sum == account->duration_sum);
    CHECK(after->cache_hits - before->cache_hits == account->cache_hits &&
          after->cache_misses - before->cache_misses == account->cache_misses);
    CHECK(after->restarts - before->restarts == account->restarts);
    CHECK(after->connections == sum(account->connections, WORKERS) && after->idle == sum(account->idle, WORKERS));
}

/* The most frequent paths first, each once, without queries, which may have secrets. */
static void check_misses(const struct metrics_totals *totals)
{
    CHECK(totals->miss_count <= METRICS_MISSES);
    for (unsigned i = 0; i < totals->miss_count; i++) {
        const struct metrics_miss *miss = &totals->misses[i];
        size_t length = strnlen(miss->path, sizeof miss->path);
        CHECK(miss->count > 0 && length > 0 && length <= METRICS_PATH_MAX && strchr(miss->path, '?') == NULL);
        CHECK(i == 0 || totals->misses[i - 1].count >= miss->count);
        for (unsigned k = 0; k < i; k++)
            CHECK(strcmp(totals->misses[k].path, miss->path) != 0);
    }
}

/* ---- the text ---- */

/* Buckets are cumulative, and the last has all. */
static void check_exposed(const struct exposed *exposed, const struct metrics_totals *totals)
{
    double answers = 0, bucket = 0, duration_count = -1;
    for (unsigned i = 0; i < exposed->count; i++) {
        const struct exposed_sample *sample = &exposed->samples[i];
        if (exposed_begins(sample->name, SPAN("tinyhttpd_requests_total{")))
            answers += sample->value;
        if (exposed_begins(sample->name, SPAN("tinyhttpd_request_duration_seconds_bucket{"))) {
            CHECK(sample->value >= bucket);
            bucket = sample->value;
        }
        if (span_equal(sample->name, SPAN("tinyhttpd_request_duration_seconds_count")))
            duration_count = sample->value;
    }
    CHECK(answers == (double)sum(totals->requests + 2, METRICS_CLASSES - 2));
    CHECK(bucket == duration_count && bucket == (double)sum(totals->durations, METRICS_BUCKETS));
}

static void check_text(const struct metrics_totals *totals)
{
    static struct exposed exposed;
    char *room = malloc(TEXT_MAX);
    struct buffer text = {room, 0, TEXT_MAX, false};
    metrics_text_write(&text, totals);
    CHECK(!text.overflow);
    exposed_read(buffer_span(&text), &exposed);
    check_exposed(&exposed, totals);
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct metrics_totals before, after, numbers;
    static struct metrics *metrics;
    struct account account = {0};
    if (metrics == NULL)
        CHECK((metrics = metrics_open(WORKERS)) != NULL);
    for (unsigned i = 0; i < WORKERS; i++)
        metrics_set_connections(metrics_of(metrics, i), 0, 0);
    metrics_sum(metrics, &before);
    count(metrics, (struct span){(const char *)bytes, length}, &account);
    metrics_sum(metrics, &after);
    check_totals(&before, &after, &account);
    check_misses(&after);
    for (unsigned i = 0; i < WORKERS; i++) {
        metrics_sum_numbers(metrics_of(metrics, i), &numbers);
        check_totals(&before, &numbers, &account);
        CHECK(numbers.miss_count == 0);
    }
    check_text(&numbers);
    return 0;
}

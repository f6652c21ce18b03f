/* Shared counters: their sums, and that a killed or compromised worker does no harm. */
#include "base/metrics.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct metrics_totals totals;

static void workers_are_added_up(void **state)
{
    struct metrics *metrics = metrics_open(2);
    (void)state;
    assert_non_null(metrics);
    metrics_count(metrics_of(metrics, 0), 200, 10);
    metrics_count(metrics_of(metrics, 1), 206, 1);
    metrics_count(metrics_of(metrics, 1), 499, 5);
    metrics_count(metrics_of(metrics, 1), 503, 0);
    metrics_set_connections(metrics_of(metrics, 0), 9, 5);
    metrics_set_connections(metrics_of(metrics, 0), 3, 2);
    metrics_set_connections(metrics_of(metrics, 1), 4, 1);
    metrics_miss(metrics_of(metrics, 0), SPAN("/a?query"));
    for (unsigned i = 0; i < 4; i++)
        metrics_miss(metrics_of(metrics, 1), SPAN("/b"));
    metrics_miss(metrics_of(metrics, 1), SPAN("/a"));
    metrics_miss(metrics_of(metrics, 1), SPAN("/a"));
    metrics_count_lost(metrics_of(metrics, 1), METRICS_ACCESS_LOG, 2);
    metrics_count_lost(metrics_of_other(metrics, METRICS_ACCESS_WRITER), METRICS_ACCESS_LOG, 3);
    metrics_count_lost(metrics_of_other(metrics, METRICS_MASTER), METRICS_ERROR_LOG, 1);
    metrics_count_proxy_error(metrics_of(metrics, 0));
    metrics_count_proxy_error(metrics_of(metrics, 1));
    metrics_fail(metrics_of(metrics, 0), SPAN("/d"));
    metrics_fail(metrics_of(metrics, 1), SPAN("/c: no style"));
    metrics_fail(metrics_of(metrics, 1), SPAN("/c: no style"));
    metrics_sum(metrics, &totals);
    assert_int_equal(totals.proxy_errors, 2);
    assert_int_equal(totals.failures, 3);
    assert_int_equal(totals.failure_count, 2);
    assert_string_equal(totals.failed[0].path, "/c: no style");
    assert_int_equal(totals.lost_lines[METRICS_ACCESS_LOG], 5);
    assert_int_equal(totals.lost_lines[METRICS_ERROR_LOG], 1);
    assert_int_equal(totals.requests[2], 2);
    assert_int_equal(totals.requests[4], 1);
    assert_int_equal(totals.requests[5], 1);
    assert_int_equal(totals.bytes, 16);
    assert_int_equal(totals.connections, 7);
    assert_int_equal(totals.idle, 3);
    assert_int_equal(totals.miss_count, 2);
    assert_string_equal(totals.misses[0].path, "/b");
    assert_int_equal(totals.misses[0].count, 4);
    assert_string_equal(totals.misses[1].path, "/a");
    assert_int_equal(totals.misses[1].count, 3);
    metrics_close(metrics);
}

/* Any worker's counters sum all; a bucket includes its bound. */
static void durations_and_cache_lookups_are_added_up(void **state)
{
    struct metrics *metrics = metrics_open(3);
    (void)state;
    assert_non_null(metrics);
    metrics_time(metrics_of(metrics, 0), 0);
    metrics_time(metrics_of(metrics, 2), 500);
    metrics_time(metrics_of(metrics, 1), 501);
    metrics_time(metrics_of(metrics, 1), 10000000);
    metrics_time(metrics_of(metrics, 2), 10000001);
    metrics_count_cache(metrics_of(metrics, 0), 5, 1);
    metrics_count_cache(metrics_of(metrics, 2), 2, 1);
    for (unsigned worker = 0; worker < 3; worker++) {
        metrics_sum_numbers(metrics_of(metrics, worker), &totals);
        assert_int_equal(totals.durations[0], 2);
        assert_int_equal(totals.durations[1], 1);
        assert_int_equal(totals.durations[METRICS_BUCKETS - 2], 1);
        assert_int_equal(totals.durations[METRICS_BUCKETS - 1], 1);
        assert_int_equal(totals.duration_sum, 500 + 501 + 10000000 + 10000001);
        assert_int_equal(totals.cache_hits, 7);
        assert_int_equal(totals.cache_misses, 2);
    }
    metrics_close(metrics);
}

/* The defaults of Prometheus's clients, in microseconds. */
static void bounds_are_those_of_other_clients(void **state)
{
    static const double seconds[] = {.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
    (void)state;
    assert_int_equal(sizeof seconds / sizeof *seconds, METRICS_BUCKETS - 1);
    for (unsigned i = 0; i < METRICS_BUCKETS - 1; i++)
        assert_int_equal(metrics_bounds[i], (uint32_t)(seconds[i] * 1e6 + .5));
}

static void a_restart_resets_the_connections_and_keeps_the_counts(void **state)
{
    struct metrics *metrics = metrics_open(2);
    (void)state;
    assert_non_null(metrics);
    metrics_count(metrics_of(metrics, 1), 200, 10);
    metrics_set_connections(metrics_of(metrics, 0), 2, 1);
    metrics_set_connections(metrics_of(metrics, 1), 9, 8);
    metrics_restart(metrics_of(metrics, 1));
    metrics_sum_numbers(metrics, &totals);
    assert_int_equal(totals.requests[2], 1);
    assert_int_equal(totals.bytes, 10);
    assert_int_equal(totals.connections, 2);
    assert_int_equal(totals.idle, 1);
    assert_int_equal(totals.restarts, 1);
    metrics_close(metrics);
}

/* A scan for thousands of names does not replace a frequent 404. */
static void frequent_404s_are_kept(void **state)
{
    struct metrics *metrics = metrics_open(1);
    (void)state;
    assert_non_null(metrics);
    metrics_miss(metrics, SPAN("/favicon.ico"));
    metrics_miss(metrics, SPAN("/favicon.ico"));
    for (unsigned i = 0; i < 10000; i++) {
        char path[32];
        snprintf(path, sizeof path, "/%u", i);
        metrics_miss(metrics, span_of(path));
    }
    metrics_sum(metrics, &totals);
    assert_int_equal(totals.miss_count, METRICS_MISSES);
    assert_string_equal(totals.misses[0].path, "/favicon.ico");
    assert_int_equal(totals.misses[0].count, 2);
    metrics_close(metrics);
}

static void long_paths_are_cut(void **state)
{
    struct metrics *metrics = metrics_open(1);
    char path[1000];
    (void)state;
    assert_non_null(metrics);
    memset(path, 'a', sizeof path);
    for (size_t length = METRICS_PATH_MAX; length < sizeof path; length++)
        metrics_miss(metrics, (struct span){path, length});
    metrics_miss(metrics, (struct span){NULL, 0});
    metrics_miss(metrics, SPAN("a\0b"));
    metrics_sum(metrics, &totals);
    assert_int_equal(totals.miss_count, 1);
    assert_int_equal(totals.misses[0].count, sizeof path - METRICS_PATH_MAX);
    assert_int_equal(strlen(totals.misses[0].path), METRICS_PATH_MAX);
    metrics_close(metrics);
}

static void short_path_in_place_of_a_long_one_is_whole(void **state)
{
    struct metrics *metrics = metrics_open(1);
    (void)state;
    assert_non_null(metrics);
    for (unsigned i = 0; i < METRICS_MISSES; i++) {
        char path[64];
        snprintf(path, sizeof path, "/%050u", i);
        metrics_miss(metrics, span_of(path));
    }
    for (unsigned i = 0; i < 3; i++)
        metrics_miss(metrics, SPAN("/b"));
    metrics_sum(metrics, &totals);
    assert_string_equal(totals.misses[0].path, "/b");
    assert_int_equal(totals.misses[0].count, 3);
    metrics_close(metrics);
}

static void a_killed_worker_blocks_no_other_process(void **state)
{
    struct metrics *metrics = metrics_open(2);
    (void)state;
    assert_non_null(metrics);
    pid_t pid = fork();
    if (pid == 0) {
        metrics_count(metrics_of(metrics, 0), 200, 1);
        for (;;)
            metrics_miss(metrics_of(metrics, 0), SPAN("/gone"));
    }
    do
        metrics_sum(metrics, &totals);
    while (totals.miss_count == 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    metrics_count(metrics_of(metrics, 0), 200, 1);
    metrics_sum(metrics, &totals);
    assert_int_equal(totals.requests[2], 2);
    assert_string_equal(totals.misses[0].path, "/gone");
    metrics_close(metrics);
}

struct mapping {
    char *at;
    size_t size;
    bool shared; /* memory of the counters */
    bool writable;
};

/* Reads the next mapping of this process (proc_pid_maps(5)). Returns false at the end. */
static bool next_mapping(FILE *maps, struct mapping *mapping)
{
    char line[512], flags[8];
    unsigned long from, to;
    if (fgets(line, sizeof line, maps) == NULL || sscanf(line, "%lx-%lx %7s", &from, &to, flags) != 3)
        return false;
    *mapping = (struct mapping){(char *)from, to - from, flags[3] == 's' && strstr(line, "tinyhttpd") != NULL,
                                flags[1] == 'w'};
    return true;
}

/* Returns the number of writable or read-only mappings of the counters. Adds 100 for a read-only one if it, or a copy,
   can be made writable. */
static int count_mappings(bool writable)
{
    int count = 0;
    struct mapping mapping;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps != NULL && next_mapping(maps, &mapping)) {
        if (!mapping.shared || mapping.writable != writable)
            continue;
        count++;
        if (writable)
            continue;
        void *copy = mremap(mapping.at, 0, mapping.size, MREMAP_MAYMOVE);
        bool refused = mprotect(mapping.at, mapping.size, PROT_READ | PROT_WRITE) < 0 && errno == EACCES;
        refused &= copy == MAP_FAILED || mprotect(copy, mapping.size, PROT_READ | PROT_WRITE) < 0;
        count += refused ? 0 : 100;
        if (copy != MAP_FAILED)
            munmap(copy, mapping.size);
    }
    if (maps != NULL)
        fclose(maps);
    return count;
}

static void a_worker_can_write_its_own_counters_only(void **state)
{
    static struct metrics *metrics; /* where a leak checker finds it in the child */
    metrics = metrics_open(3);
    int status;
    (void)state;
    assert_non_null(metrics);
    pid_t pid = fork();
    if (pid == 0) {
        metrics_count(metrics_of(metrics, 1), 200, 3);
        bool kept = metrics_keep(metrics_of(metrics, 1));
        metrics_count(metrics_of(metrics, 1), 200, 4);
        int writable = count_mappings(true), others = count_mappings(false);
        _exit(!kept ? 99 : writable * 10 + others);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status),
                     16); /* writable: its own; read-only: three workers, the master and two log writers */
    metrics_sum(metrics, &totals);
    assert_int_equal(totals.bytes, 7);
    metrics_close(metrics);
}

/* A compromised worker may write any number, and paths without a NUL. */
static void readers_survive_falsified_counters(void **state)
{
    static struct metrics *metrics; /* where a leak checker finds it in the child */
    metrics = metrics_open(2);
    int status;
    (void)state;
    assert_non_null(metrics);
    metrics_count(metrics_of(metrics, 0), 200, 1);
    pid_t pid = fork();
    if (pid == 0) {
        struct mapping mapping;
        FILE *maps = fopen("/proc/self/maps", "re");
        metrics_keep(metrics_of(metrics, 1));
        while (maps != NULL && next_mapping(maps, &mapping)) {
            if (mapping.shared && mapping.writable)
                memset(mapping.at, 0x41, mapping.size);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    metrics_sum_numbers(metrics_of(metrics, 0), &totals);
    metrics_sum(metrics, &totals);
    assert_int_equal(totals.requests[2], UINT64_C(0x4141414141414141) + 1);
    assert_int_equal(totals.miss_count, 1);
    assert_int_equal(strlen(totals.misses[0].path), METRICS_PATH_MAX);
    pid = fork(); /* the worker that takes its place */
    if (pid == 0) {
        metrics_keep(metrics_of(metrics, 1));
        metrics_miss(metrics_of(metrics, 1), SPAN("/a"));
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    metrics_restart(metrics_of(metrics, 1));
    metrics_sum_numbers(metrics, &totals);
    assert_int_equal(totals.connections, 0);
    metrics_close(metrics);
}

static void a_version_that_comes_back_is_told_again(void **state)
{
    struct metrics *metrics = metrics_open(2);
    struct metrics *one = metrics_of(metrics, 0), *two = metrics_of(metrics, 1);
    (void)state;
    assert_non_null(metrics);
    assert_true(metrics_tells(one, TOPIC_HEADERS, 7));
    assert_false(metrics_tells(two, TOPIC_HEADERS, 7));
    assert_true(metrics_tells(two, TOPIC_REDIRECTS, 7));
    assert_true(metrics_tells(two, TOPIC_HEADERS, 0));
    assert_false(metrics_tells(one, TOPIC_HEADERS, 0));
    assert_true(metrics_tells(two, TOPIC_HEADERS, 7));
    assert_false(metrics_tells(one, TOPIC_HEADERS, 7));
    metrics_close(metrics);
}

static void without_memory_nothing_is_counted(void **state)
{
    (void)state;
    assert_null(metrics_of(NULL, 3));
    assert_null(metrics_of_other(NULL, METRICS_MASTER));
    metrics_count_lost(NULL, METRICS_ACCESS_LOG, 1);
    assert_true(metrics_keep(NULL));
    assert_true(metrics_tells(NULL, TOPIC_HEADERS, 7));
    metrics_close(NULL);
    metrics_count(NULL, 200, 1);
    metrics_miss(NULL, SPAN("/a"));
    metrics_set_connections(NULL, 1, 1);
    metrics_time(NULL, 1);
    metrics_count_cache(NULL, 1, 1);
    metrics_restart(NULL);
    metrics_sum_numbers(NULL, &totals);
    assert_int_equal(totals.bytes, 0);
    metrics_sum(NULL, &totals);
    assert_int_equal(totals.miss_count + totals.bytes + totals.requests[2], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_are_added_up),
        cmocka_unit_test(durations_and_cache_lookups_are_added_up),
        cmocka_unit_test(bounds_are_those_of_other_clients),
        cmocka_unit_test(a_restart_resets_the_connections_and_keeps_the_counts),
        cmocka_unit_test(frequent_404s_are_kept),
        cmocka_unit_test(long_paths_are_cut),
        cmocka_unit_test(short_path_in_place_of_a_long_one_is_whole),
        cmocka_unit_test(a_killed_worker_blocks_no_other_process),
        cmocka_unit_test(a_worker_can_write_its_own_counters_only),
        cmocka_unit_test(readers_survive_falsified_counters),
        cmocka_unit_test(a_version_that_comes_back_is_told_again),
        cmocka_unit_test(without_memory_nothing_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

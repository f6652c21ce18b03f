/* Counters that processes share: what each adds, and that one that ends in the middle leaves them usable. */
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
    metrics_count(metrics_of(metrics, 1), 404, 5);
    metrics_count(metrics_of(metrics, 1), 503, 0);
    metrics_set_connections(metrics_of(metrics, 0), 9, 5);
    metrics_set_connections(metrics_of(metrics, 0), 3, 2);
    metrics_set_connections(metrics_of(metrics, 1), 4, 1);
    metrics_miss(metrics_of(metrics, 0), SPAN("/a?query"));
    metrics_miss(metrics_of(metrics, 1), SPAN("/b"));
    metrics_miss(metrics_of(metrics, 1), SPAN("/b"));
    metrics_miss(metrics_of(metrics, 1), SPAN("/a"));
    metrics_miss(metrics_of(metrics, 1), SPAN("/a"));
    metrics_sum(metrics, &totals);
    assert_int_equal(totals.requests[2], 2);
    assert_int_equal(totals.requests[4], 1);
    assert_int_equal(totals.requests[5], 1);
    assert_int_equal(totals.bytes, 16);
    assert_int_equal(totals.connections, 7);
    assert_int_equal(totals.idle, 3);
    assert_int_equal(totals.miss_count, 2);
    assert_string_equal(totals.misses[0].path, "/a");
    assert_int_equal(totals.misses[0].count, 3);
    assert_string_equal(totals.misses[1].path, "/b");
    assert_int_equal(totals.misses[1].count, 2);
    metrics_close(metrics);
}

/* Any part leads to all of them; a bucket holds its bound. */
static void durations_and_looks_are_added_up(void **state)
{
    struct metrics *metrics = metrics_open(3);
    (void)state;
    assert_non_null(metrics);
    metrics_time(metrics_of(metrics, 0), 0);
    metrics_time(metrics_of(metrics, 2), 500);
    metrics_time(metrics_of(metrics, 1), 501);
    metrics_time(metrics_of(metrics, 1), 10000000);
    metrics_time(metrics_of(metrics, 2), 10000001);
    metrics_add_looks(metrics_of(metrics, 0), 5, 1);
    metrics_add_looks(metrics_of(metrics, 2), 2, 1);
    for (unsigned worker = 0; worker < 3; worker++) {
        metrics_sum_numbers(metrics_of(metrics, worker), &totals);
        assert_int_equal(totals.durations[0], 2);
        assert_int_equal(totals.durations[1], 1);
        assert_int_equal(totals.durations[METRICS_BUCKETS - 2], 1);
        assert_int_equal(totals.durations[METRICS_BUCKETS - 1], 1);
        assert_int_equal(totals.duration_sum, 500 + 501 + 10000000 + 10000001);
        assert_int_equal(totals.found, 7);
        assert_int_equal(totals.loaded, 2);
    }
    metrics_close(metrics);
}

static void a_restart_takes_the_connections_and_leaves_the_counts(void **state)
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

/* A scan for thousands of names does not drive out what is missed again and again. */
static void frequent_paths_stay(void **state)
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

static void a_process_that_is_ended_locks_nobody_out(void **state)
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

/* The size of the mapping that begins at `at`, and whether it is of the memory that processes share and may be
   written. */
struct mapping {
    char *at;
    size_t size;
    bool shared, writable;
};

/* The next mapping of this process (proc_pid_maps(5)); false at the end. */
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

/* In a worker: the number of mappings that it can write, and of those that it can read alone; 100 for one that can be
   made writable after all, by itself or in a copy. */
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
    assert_int_equal(WEXITSTATUS(status), 14); /* one of its own; three workers and the master */
    metrics_sum(metrics, &totals);
    assert_int_equal(totals.bytes, 7);
    metrics_close(metrics);
}

/* What a worker that was taken over may leave in its part: every number, and paths without an end. */
static void nonsense_of_a_worker_ends_no_reader(void **state)
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
    metrics_restart(metrics_of(metrics, 1));
    metrics_sum_numbers(metrics, &totals);
    assert_int_equal(totals.connections, 0);
    metrics_close(metrics);
}

static void without_memory_nothing_is_counted(void **state)
{
    (void)state;
    assert_null(metrics_of(NULL, 3));
    assert_true(metrics_keep(NULL));
    metrics_close(NULL);
    metrics_count(NULL, 200, 1);
    metrics_miss(NULL, SPAN("/a"));
    metrics_set_connections(NULL, 1, 1);
    metrics_time(NULL, 1);
    metrics_add_looks(NULL, 1, 1);
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
        cmocka_unit_test(durations_and_looks_are_added_up),
        cmocka_unit_test(a_restart_takes_the_connections_and_leaves_the_counts),
        cmocka_unit_test(frequent_paths_stay),
        cmocka_unit_test(long_paths_are_cut),
        cmocka_unit_test(a_process_that_is_ended_locks_nobody_out),
        cmocka_unit_test(a_worker_can_write_its_own_counters_only),
        cmocka_unit_test(nonsense_of_a_worker_ends_no_reader),
        cmocka_unit_test(without_memory_nothing_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

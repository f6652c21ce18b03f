/* Files that crash a worker in libmagic, as seen by the master and by workers. */
#include "site/magic_guard.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int file_of(size_t size)
{
    int fd = memfd_create("examined", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    return fd;
}

static int open_memory(void **state)
{
    (void)state;
    return magic_guard_open(LIMIT_WORKERS) ? 0 : -1;
}

static int close_memory(void **state)
{
    (void)state;
    magic_guard_close();
    return 0;
}

/* Lets a worker end in libmagic, or after it. Returns the worker's number. */
static unsigned crash_worker(unsigned worker, int fd, const char *path, bool in_libmagic)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (!magic_guard_keep(worker) || !magic_guard_begin(fd, path))
            _exit(2);
        if (!in_libmagic)
            magic_guard_end();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    return worker;
}

/* True if a worker, which survives, may give the file to libmagic. */
static bool is_allowed(int fd, const char *path)
{
    char crashed[MAGIC_GUARD_PATH_MAX];
    pid_t pid = fork();
    if (pid == 0) {
        bool may = magic_guard_keep(1) && magic_guard_begin(fd, path);
        if (may)
            magic_guard_end();
        _exit(may ? 1 : 0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_false(magic_guard_record_crash(1, crashed));
    return WEXITSTATUS(status) == 1;
}

static void a_file_that_crashes_a_worker_is_bad(void **state)
{
    (void)state;
    char path[MAGIC_GUARD_PATH_MAX];
    const unsigned last = LIMIT_WORKERS - 1; /* beside the master's part */
    int bad = file_of(1), good = file_of(2);
    assert_true(magic_guard_record_crash(crash_worker(last, bad, "a/bad", true), path));
    assert_string_equal(path, "a/bad");
    assert_false(is_allowed(bad, "a/bad"));
    assert_false(is_allowed(bad, "the same by another name"));
    assert_true(is_allowed(good, "a/good"));
    assert_false(magic_guard_record_crash(last, path)); /* once */

    assert_int_equal(ftruncate(bad, 3), 0);
    assert_true(is_allowed(bad, "a/bad")); /* changed */
    close(bad);
    close(good);
}

static void a_file_before_the_crash_is_not_bad(void **state)
{
    (void)state;
    char path[MAGIC_GUARD_PATH_MAX];
    int fd = file_of(1);
    assert_false(magic_guard_record_crash(crash_worker(0, fd, "file", false), path));
    assert_true(is_allowed(fd, "file"));
    close(fd);
}

static void the_crash_of_another_worker_marks_no_file(void **state)
{
    (void)state;
    char path[MAGIC_GUARD_PATH_MAX];
    int fd = file_of(1);
    assert_true(is_allowed(fd, "file"));
    assert_false(magic_guard_record_crash(LIMIT_WORKERS - 1, path));
    close(fd);
}

static void long_paths_are_cut(void **state)
{
    (void)state;
    char path[MAGIC_GUARD_PATH_MAX], longer[2 * MAGIC_GUARD_PATH_MAX];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    int fd = file_of(1);
    assert_true(magic_guard_record_crash(crash_worker(0, fd, longer, true), path));
    assert_int_equal(strlen(path), MAGIC_GUARD_PATH_MAX - 1);
    close(fd);
}

/* Any number of workers may have one place after another; the latest bad files are remembered. */
static void the_latest_bad_files_are_remembered(void **state)
{
    (void)state;
    char path[MAGIC_GUARD_PATH_MAX];
    int first = file_of(1);
    assert_true(magic_guard_record_crash(crash_worker(0, first, "first", true), path));
    for (int i = 0; i < LIMIT_BAD_FILES; i++) {
        assert_false(is_allowed(first, "first"));
        int fd = file_of(2);
        assert_true(magic_guard_record_crash(crash_worker(0, fd, "one of many", true), path));
        assert_false(is_allowed(fd, "one of many"));
        close(fd);
    }
    assert_true(is_allowed(first, "first"));
    for (int i = 0; i < LIMIT_WORKERS; i++)
        magic_guard_record_crash(crash_worker(0, first, "first", false), path);
    assert_true(magic_guard_record_crash(crash_worker(0, first, "first", true), path));
    close(first);
}

/* A compromised worker overwrites all shared memory that it can: it may mark a file as bad, and other bad files are
   still remembered. */
static void a_compromised_worker_writes_its_own_part_only(void **state)
{
    (void)state;
    char path[MAGIC_GUARD_PATH_MAX];
    int bad = file_of(1), good = file_of(2), status;
    pid_t pid = fork();
    if (pid == 0) {
        char line[512];
        unsigned long from, to;
        FILE *maps = fopen("/proc/self/maps", "re");
        if (maps == NULL || !magic_guard_keep(3))
            _exit(2);
        while (fgets(line, sizeof line, maps) != NULL) {
            if (sscanf(line, "%lx-%lx rw-s", &from, &to) == 2 && strstr(line, "tinyhttpd") != NULL &&
                strstr(line, "rw-s") != NULL)
                memset((char *)from, 0x41, to - from); // NOLINT(performance-no-int-to-ptr)
        }
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(is_allowed(good, "good"));
    assert_true(magic_guard_record_crash(3, path));
    assert_int_equal(strlen(path), MAGIC_GUARD_PATH_MAX - 1);
    assert_true(is_allowed(good, "good"));
    assert_true(magic_guard_record_crash(crash_worker(0, bad, "bad", true), path));
    assert_string_equal(path, "bad");
    assert_false(is_allowed(bad, "bad"));
    close(bad);
    close(good);
}

static void cpu_time_is_bounded(void **state)
{
    (void)state;
    struct itimerval timer;
    int fd = file_of(1);
    assert_true(magic_guard_begin(fd, "file"));
    getitimer(ITIMER_PROF, &timer);
    assert_true(timer.it_value.tv_sec * 1000 + timer.it_value.tv_usec / 1000 > LIMIT_MAGIC_MS / 2);
    magic_guard_end();
    getitimer(ITIMER_PROF, &timer);
    assert_true(timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0);
    close(fd);
}

/* kill(2): any process of the user may send it, and its default action ends the worker. */
static void sigprof_is_ignored_after_a_file(void **state)
{
    (void)state;
    int fd = file_of(1), status;
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGPROF, SIG_IGN);
        magic_guard_begin(fd, "file");
        magic_guard_end();
        raise(SIGPROF);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(fd);
}

static void without_memory_no_file_is_bad(void **state)
{
    (void)state;
    char path[MAGIC_GUARD_PATH_MAX];
    int fd = file_of(1);
    magic_guard_close();
    assert_false(magic_guard_record_crash(crash_worker(0, fd, "file", true), path));
    assert_true(magic_guard_begin(fd, "file"));
    magic_guard_end();
    close(fd);
}

/* RLIMIT_FSIZE bounds shared memory, too (memfd_create(2)). */
static void opening_fails_without_memory(void **state)
{
    (void)state;
    char path[MAGIC_GUARD_PATH_MAX];
    struct rlimit usual;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = usual.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    bool opened = magic_guard_open(2);
    int error = errno;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    assert_false(opened);
    assert_int_equal(error, EFBIG);
    assert_false(magic_guard_record_crash(0, path));
    assert_true(magic_guard_open(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_that_crashes_a_worker_is_bad, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(a_file_before_the_crash_is_not_bad, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(the_crash_of_another_worker_marks_no_file, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(long_paths_are_cut, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(the_latest_bad_files_are_remembered, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(a_compromised_worker_writes_its_own_part_only, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(cpu_time_is_bounded, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(sigprof_is_ignored_after_a_file, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(without_memory_no_file_is_bad, open_memory, close_memory),
        cmocka_unit_test_teardown(opening_fails_without_memory, close_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which files may be examined, seen from the master and from workers that live and die. */
#include "site/examination.h"

#include "base/limits.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
    examination_open(LIMIT_WORKERS);
    return 0;
}

static int close_memory(void **state)
{
    (void)state;
    examination_close();
    return 0;
}

/* The worker of this number dies in the middle, or after the end. Returns the number. */
static unsigned worker_dies_at(unsigned worker, int fd, const char *path, bool in_the_middle)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (!examination_keep(worker) || !examination_begin(fd, path))
            _exit(2);
        if (!in_the_middle)
            examination_end();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    return worker;
}

/* What a worker that lives on is told. The master, which is this process, examines nothing. */
static bool may_examine(int fd, const char *path)
{
    char buried[EXAMINATION_PATH_MAX];
    pid_t pid = fork();
    if (pid == 0) {
        bool may = examination_keep(1) && examination_begin(fd, path);
        if (may)
            examination_end();
        _exit(may ? 1 : 0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_false(examination_bury(1, buried));
    return WEXITSTATUS(status) == 1;
}

static void test_death_in_the_middle(void **state)
{
    (void)state;
    char path[EXAMINATION_PATH_MAX];
    int bad = file_of(1), good = file_of(2);
    assert_true(examination_bury(worker_dies_at(2, bad, "a/bad", true), path));
    assert_string_equal(path, "a/bad");
    assert_false(may_examine(bad, "a/bad"));
    assert_false(may_examine(bad, "the same by another name"));
    assert_true(may_examine(good, "a/good"));
    assert_false(examination_bury(2, path)); /* once */

    assert_int_equal(ftruncate(bad, 3), 0);
    assert_true(may_examine(bad, "a/bad")); /* it has changed */
    close(bad);
    close(good);
}

static void test_death_after_the_end(void **state)
{
    (void)state;
    char path[EXAMINATION_PATH_MAX];
    int fd = file_of(1);
    assert_false(examination_bury(worker_dies_at(0, fd, "file", false), path));
    assert_true(may_examine(fd, "file"));
    close(fd);
}

static void test_somebody_else_dies(void **state)
{
    (void)state;
    char path[EXAMINATION_PATH_MAX];
    int fd = file_of(1);
    assert_true(may_examine(fd, "file"));
    assert_false(examination_bury(LIMIT_WORKERS - 1, path));
    close(fd);
}

static void test_long_path(void **state)
{
    (void)state;
    char path[EXAMINATION_PATH_MAX], longer[2 * EXAMINATION_PATH_MAX];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    int fd = file_of(1);
    assert_true(examination_bury(worker_dies_at(0, fd, longer, true), path));
    assert_int_equal(strlen(path), EXAMINATION_PATH_MAX - 1);
    close(fd);
}

/* A place serves as many workers as come and go; of the files the last ones are remembered. */
static void test_many(void **state)
{
    (void)state;
    char path[EXAMINATION_PATH_MAX];
    int first = file_of(1);
    assert_true(examination_bury(worker_dies_at(0, first, "first", true), path));
    for (int i = 0; i < LIMIT_BAD_FILES; i++) {
        assert_false(may_examine(first, "first"));
        int fd = file_of(2);
        assert_true(examination_bury(worker_dies_at(0, fd, "one of many", true), path));
        assert_false(may_examine(fd, "one of many"));
        close(fd);
    }
    assert_true(may_examine(first, "first"));
    for (int i = 0; i < LIMIT_WORKERS; i++)
        examination_bury(worker_dies_at(0, first, "first", false), path);
    assert_true(examination_bury(worker_dies_at(0, first, "first", true), path));
    close(first);
}

/* A worker that was taken over writes to all that it can: it may call a file bad, and others are still remembered. */
static void test_hostile_worker(void **state)
{
    (void)state;
    char path[EXAMINATION_PATH_MAX];
    int bad = file_of(1), good = file_of(2), status;
    pid_t pid = fork();
    if (pid == 0) {
        char line[512];
        unsigned long from, to;
        FILE *maps = fopen("/proc/self/maps", "re");
        if (maps == NULL || !examination_keep(3))
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
    assert_true(may_examine(good, "good"));
    assert_true(examination_bury(3, path));
    assert_int_equal(strlen(path), EXAMINATION_PATH_MAX - 1);
    assert_true(may_examine(good, "good"));
    assert_true(examination_bury(worker_dies_at(0, bad, "bad", true), path));
    assert_string_equal(path, "bad");
    assert_false(may_examine(bad, "bad"));
    close(bad);
    close(good);
}

static void test_timer(void **state)
{
    (void)state;
    struct itimerval timer;
    int fd = file_of(1);
    assert_true(examination_begin(fd, "file"));
    getitimer(ITIMER_PROF, &timer);
    assert_true(timer.it_value.tv_sec * 1000 + timer.it_value.tv_usec / 1000 > LIMIT_EXAMINATION_MS / 2);
    examination_end();
    getitimer(ITIMER_PROF, &timer);
    assert_true(timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0);
    close(fd);
}

/* Nothing is remembered, and nothing fails. */
static void test_without_memory(void **state)
{
    (void)state;
    char path[EXAMINATION_PATH_MAX];
    int fd = file_of(1);
    examination_close();
    assert_false(examination_bury(worker_dies_at(0, fd, "file", true), path));
    assert_true(examination_begin(fd, "file"));
    examination_end();
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_death_in_the_middle, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(test_death_after_the_end, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(test_somebody_else_dies, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(test_long_path, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(test_many, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(test_hostile_worker, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(test_timer, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(test_without_memory, open_memory, close_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Closing descriptors: all above 2 but the kept ones, whichever way the kernel offers. */
#include "base/descriptors.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { DESCRIPTORS = 64 }; /* that a process of the test may have */

static bool has_close_range, has_proc;

/* Replaces the C library's. */
long syscall(long number, ...)
{
    typedef long function(long number, ...);
    static function *next;
    if (next == NULL) {
        void *found = dlsym(RTLD_NEXT, "syscall");
        memcpy(&next, &found, sizeof next);
    }
    va_list list;
    va_start(list, number);
    long at[3] = {va_arg(list, long), va_arg(list, long), va_arg(list, long)};
    va_end(list);
    if (has_close_range)
        return next(number, at[0], at[1], at[2]);
    errno = EPERM;
    return -1;
}

DIR *opendir(const char *path)
{
    typedef DIR *function(const char *path);
    static function *next;
    if (next == NULL) {
        void *found = dlsym(RTLD_NEXT, "opendir");
        memcpy(&next, &found, sizeof next);
    }
    if (has_proc)
        return next(path);
    errno = ENOENT;
    return NULL;
}

static unsigned failed_closes; /* of numbers that are not open */

int close(int fd)
{
    typedef int function(int fd);
    static function *next;
    if (next == NULL) {
        void *found = dlsym(RTLD_NEXT, "close");
        memcpy(&next, &found, sizeof next);
    }
    int result = next(fd);
    failed_closes += result < 0;
    return result;
}

/* Opens 3 to 40, closes all but the kept ones, and returns 0 if exactly these are open. Where the kernel closes a range
   or lists them, no number is tried, of which there may be a million. */
static int close_but(const int *kept, unsigned count)
{
    for (int fd = 3; fd <= 40; fd++)
        dup2(STDIN_FILENO, fd);
    descriptors_close_others(kept, count);
    for (int fd = 3; fd < DESCRIPTORS; fd++) {
        bool wanted = false;
        for (unsigned i = 0; i < count; i++)
            wanted |= kept[i] == fd;
        if ((fcntl(fd, F_GETFD) >= 0) != wanted)
            return fd;
    }
    return fcntl(STDOUT_FILENO, F_GETFD) < 0 || (failed_closes > 0) != (!has_close_range && !has_proc);
}

/* Linux 5.9; container runtimes may refuse it. */
static bool kernel_closes_ranges(void)
{
#ifdef SYS_close_range
    has_close_range = true;
    return syscall(SYS_close_range, UINT_MAX, UINT_MAX, 0U) == 0;
#else
    return false;
#endif
}

static int in_child(const int *kept, unsigned count)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){DESCRIPTORS, DESCRIPTORS});
        _exit(close_but(kept, count));
    }
    waitpid(pid, &status, 0);
    return status;
}

static void all_but_the_kept_ones_are_closed(void **state)
{
    static const int kept[] = {17, 3, -1, 5, 4, 40, 5};
    (void)state;
    for (unsigned way = 0; way < 3; way++) {
        has_close_range = way == 0 && kernel_closes_ranges();
        has_proc = way == 1;
        for (unsigned count = 0; count <= sizeof kept / sizeof *kept; count++)
            assert_int_equal(in_child(kept, count), 0);
    }
}

static void dev_null_is_recognised(void **state)
{
    static const char *const others[] = {"/dev/zero", "/dev", "/proc/self/stat"};
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)state;
    assert_true(descriptors_is_null(fd));
    close(fd);
    assert_false(descriptors_is_null(fd));
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
        fd = open(others[i], O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_false(descriptors_is_null(fd));
        close(fd);
    }
}

static void closing_keeps_errno(void **state)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)state;
    errno = EIO;
    descriptors_close(fd);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    errno = EIO;
    descriptors_close(fd);
    descriptors_close(-1);
    assert_int_equal(errno, EIO);
    int input = dup(STDIN_FILENO);
    descriptors_close(STDIN_FILENO);
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
    dup2(input, STDIN_FILENO);
    close(input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_but_the_kept_ones_are_closed),
                                       cmocka_unit_test(dev_null_is_recognised), cmocka_unit_test(closing_keeps_errno)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

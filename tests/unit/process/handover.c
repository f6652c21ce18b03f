/* Handover: what the next program receives, and that a failure changes nothing. Each case runs in a copy of this
   program, which it may delete. */
#include "process/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            _exit(1); \
        } \
    } while (0)

static char folder[] = "/tmp/tinyhttpd-unit-XXXXXX";
static char copy[64];

/* ---- cases, in the copy ---- */

static ino_t inode_of(int fd)
{
    struct stat attributes;
    return fstat(fd, &attributes) == 0 ? attributes.st_ino : 0;
}

/* Closes all but the standard streams, and opens three files at the lowest descriptors. */
static void arrange(int files[3])
{
    for (int fd = 3; fd < 64; fd++)
        close(fd);
    for (unsigned i = 0; i < 3; i++)
        files[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(files[0] == 3 && files[2] == 5);
}

static void hand_over(char **arguments)
{
    int files[3];
    struct old_worker workers[2] = {{fork(), INT64_MAX}, {0}};
    if (workers[0].pid == 0)
        _exit(0);
    workers[1].pid = getpid(); /* not a child, so ignored */
    arrange(files);
    /* Sockets 5, 6, 4, 3 must become 3, 4, 5, 6, so they overwrite one another. */
    for (int fd = 3; fd < 7; fd++) {
        close(fd);
        CHECK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) == fd);
    }
    static const struct listening listening = {
        .count = 4, .owned = true, .fds = {5, 6, 4, 3}, .names = {[1] = {7, UINT64_MAX}, [3] = {UINT64_MAX, 1}}};
    char inodes[128];
    snprintf(inodes, sizeof inodes, "%lu %lu %lu %lu %d", (unsigned long)inode_of(5), (unsigned long)inode_of(6),
             (unsigned long)inode_of(4), (unsigned long)inode_of(3), (int)workers[0].pid);
    char *command[] = {arguments[0], (char[]){"next"}, inodes, NULL};
    CHECK(open("/", O_RDONLY | O_CLOEXEC) == 7);
    struct passed_channels channels = {open("/dev/null", O_RDONLY | O_CLOEXEC), open("/dev/zero", O_RDONLY | O_CLOEXEC),
                                       open("/dev/full", O_RDONLY | O_CLOEXEC), true};
    CHECK(channels.next == 8 && channels.own == 9 && channels.before == 10);
    handover_execute(command, &listening, workers, 2, &channels);
    CHECK(!"executed");
}

static void next(char **arguments)
{
    static struct handover handover;
    struct failure failure = {0};
    char inodes[128];
    CHECK(handover_read(&handover, &failure) == 0);
    CHECK(handover.sockets == 4 && handover.reload && !handover.dry_run);
    CHECK(handover.owned && handover.worker_count == 1 && handover.workers[0].retired == INT64_MAX);
    CHECK(handover.names[1].device == 7 && handover.names[1].inode == UINT64_MAX);
    CHECK(handover.names[3].device == UINT64_MAX && handover.names[3].inode == 1);
    CHECK(handover.names[0].inode == 0 && handover.names[2].inode == 0);
    snprintf(inodes, sizeof inodes, "%lu %lu %lu %lu %d", (unsigned long)inode_of(3), (unsigned long)inode_of(4),
             (unsigned long)inode_of(5), (unsigned long)inode_of(6), (int)handover.workers[0].pid);
    CHECK(strcmp(inodes, arguments[2]) == 0);
    CHECK(handover.has_channels && handover.channels.next == 7 && handover.channels.own == 8 &&
          handover.channels.before == 9);
    CHECK(fcntl(10, F_GETFD) < 0); /* not passed, so closed */
    struct stat null, full, first, last;
    CHECK(stat("/dev/null", &null) == 0 && fstat(7, &first) == 0 && first.st_rdev == null.st_rdev);
    CHECK(stat("/dev/full", &full) == 0 && fstat(9, &last) == 0 && last.st_rdev == full.st_rdev);
    CHECK(getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL);
    CHECK(getenv("TINYHTTPD_HANDOVER") == NULL);
    CHECK(wait(NULL) == handover.workers[0].pid);
}

/* If the program is gone, descriptors and environment are restored. */
static void fail_to_hand_over(char **arguments)
{
    int files[3];
    arrange(files);
    CHECK(dup3(open("/", O_RDONLY | O_CLOEXEC), 4, O_CLOEXEC) == 4);
    int highest = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct listening listening = {.count = 3, .fds = {4, highest, 3}};
    close(5); /* needed for a socket, but not open */
    ino_t inodes[] = {inode_of(3), inode_of(4), inode_of(highest)};
    unlink(handover_program());
    CHECK(handover_execute(arguments, &listening, NULL, 0, NULL) == ENOENT);
    CHECK(inode_of(3) == inodes[0] && inode_of(4) == inodes[1] && inode_of(highest) == inodes[2]);
    CHECK(fcntl(5, F_GETFD) < 0);
    for (int fd = 3; fd < 32; fd++) {
        int flags = fcntl(fd, F_GETFD);
        CHECK(flags < 0 || flags == FD_CLOEXEC);
        CHECK(flags < 0 || fd <= highest + 1);
    }
    CHECK(getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL);
    CHECK(getenv("TINYHTTPD_HANDOVER") == NULL);
}

static void dry_run_without_program(char **arguments)
{
    int status = 0;
    static const struct listening listening = {.count = 1, .fds = {0}};
    unlink(handover_program());
    pid_t pid = handover_dry_run(arguments, &listening);
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) != HANDOVER_READY && WEXITSTATUS(status) != 0);
}

/* Like a kernel before Linux 5.9, or a container runtime. */
static bool refuse_close_range(void)
{
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof instructions / sizeof *instructions, instructions};
    return prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == 0 &&
           prctl(PR_SET_SECCOMP, (unsigned long)SECCOMP_MODE_FILTER, &program) == 0;
}

/* Returns the descriptors from 0 to 8 that handover_close_inherited() leaves open. */
static const char *left_open(const char *pid, const char *sockets)
{
    static char open_ones[16];
    size_t length = 0;
    for (int fd = 3; fd <= 8; fd++)
        dup2(STDIN_FILENO, fd);
    dup2(STDIN_FILENO, 200);
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", sockets, 1);
    handover_close_inherited(-1);
    for (int fd = 0; fd <= 8; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            open_ones[length++] = (char)('0' + fd);
    }
    open_ones[length] = '\0';
    CHECK(fcntl(200, F_GETFD) < 0);
    CHECK(getenv("LISTEN_FDS") != NULL);
    return open_ones;
}

static void close_inherited(char **arguments)
{
    char own[16], other[16];
    snprintf(own, sizeof own, "%d", (int)getpid());
    snprintf(other, sizeof other, "%d", (int)getppid());
    if (strcmp(arguments[1], "close without call") == 0 && !refuse_close_range())
        return; /* seccomp is not available */
    CHECK(strcmp(left_open(own, "2"), "01234") == 0);
    CHECK(strcmp(left_open(own, "0"), "012") == 0);
    CHECK(strcmp(left_open(own, "33"), "012") == 0);
    CHECK(strcmp(left_open(own, "-1"), "012") == 0);
    CHECK(strcmp(left_open(other, "2"), "012") == 0);
    CHECK(strcmp(left_open("", "2"), "012") == 0);
}

static int run_case(char **arguments)
{
    static const struct {
        const char *name;
        void (*run)(char **arguments);
    } rows[] = {
        {"hand over", hand_over},    {"next", next},
        {"fail", fail_to_hand_over}, {"dry run", dry_run_without_program},
        {"close", close_inherited},  {"close without call", close_inherited},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(arguments[1], rows[i].name) == 0) {
            rows[i].run(arguments);
            return 0;
        }
    }
    return 2;
}

/* ---- tests ---- */

static void copy_program(void)
{
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    assert_true(from >= 0 && to >= 0);
    while (sendfile(to, from, NULL, 1 << 20) > 0)
        continue;
    close(from);
    close(to);
}

static int status_of(const char *name)
{
    int status = -1;
    copy_program();
    pid_t pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "r", stdin) == NULL)
            _exit(3);
        execl(copy, copy, name, (char *)NULL);
        _exit(4);
    }
    assert_true(waitpid(pid, &status, 0) == pid);
    return status;
}

static void the_next_program_receives_sockets_and_workers(void **state)
{
    (void)state;
    assert_int_equal(status_of("hand over"), 0);
}

static void a_missing_program_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(status_of("fail"), 0);
}

static void a_dry_run_of_a_missing_program_fails(void **state)
{
    (void)state;
    assert_int_equal(status_of("dry run"), 0);
}

static void inherited_descriptors_are_closed(void **state)
{
    (void)state;
    assert_int_equal(status_of("close"), 0);
    assert_int_equal(status_of("close without call"), 0);
}

static void malformed_names_are_ignored(void **state)
{
    (void)state;
    static struct handover handover;
    struct failure failure = {0};
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("TINYHTTPD_HANDOVER",
           "1:2:3,32:1:1,:1:1,0::1,0:1:,0:1,0:1:1:,0:1:1:1,0:-1:1,18446744073709551616:1:1,::", 1);
    assert_int_equal(handover_read(&handover, &failure), 0);
    assert_true(handover.reload && !handover.owned);
    assert_int_equal(handover.worker_count, 0);
    for (unsigned i = 0; i < LIMIT_LISTENERS; i++) {
        assert_int_equal(handover.names[i].device, i == 1 ? 2 : 0);
        assert_int_equal(handover.names[i].inode, i == 1 ? 3 : 0);
    }
}

static void impossible_numbers_of_sockets_are_refused(void **state)
{
    (void)state;
    static const char *const numbers[] = {"2147483647", "2147483645", "18446744073709551615", "-1", "x", ""};
    static struct handover handover;
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct failure failure = {0};
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", numbers[i], 1);
        assert_int_equal(handover_read(&handover, &failure), EX_USAGE);
        assert_int_equal(handover.sockets, 0);
    }
}

static void variables_of_another_process_are_ignored(void **state)
{
    (void)state;
    static struct handover handover;
    struct failure failure = {0};
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid() + 1);
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("TINYHTTPD_HANDOVER", "trial", 1);
    assert_int_equal(handover_read(&handover, &failure), 0);
    assert_int_equal(handover.sockets, 0);
    assert_false(handover.dry_run || handover.reload);
    assert_null(getenv("LISTEN_FDS"));
}

static void trial_means_a_dry_run(void **state)
{
    (void)state;
    static struct handover handover;
    struct failure failure = {0};
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("TINYHTTPD_HANDOVER", "trial", 1);
    assert_int_equal(handover_read(&handover, &failure), 0);
    assert_int_equal(handover.sockets, 2);
    assert_true(handover.dry_run && !handover.reload);
}

static int begin(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(copy, sizeof copy, "%s/copy", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(copy);
    return rmdir(folder);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_program_receives_sockets_and_workers),
        cmocka_unit_test(a_missing_program_changes_nothing),
        cmocka_unit_test(a_dry_run_of_a_missing_program_fails),
        cmocka_unit_test(inherited_descriptors_are_closed),
        cmocka_unit_test(malformed_names_are_ignored),
        cmocka_unit_test(impossible_numbers_of_sockets_are_refused),
        cmocka_unit_test(variables_of_another_process_are_ignored),
        cmocka_unit_test(trial_means_a_dry_run),
    };
    return count > 1 ? run_case(arguments) : cmocka_run_group_tests(tests, begin, end);
}

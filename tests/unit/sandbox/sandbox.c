/* The sandbox as a whole: what its rehearsal tells, and what becomes of it where a container's filter refuses parts of
   it, as docker's and systemd's do. What each part refuses is tested with that part. */
#include "sandbox/sandbox.h"

#include "inside.h"
#include "sandbox/instrumented.h"
#include "sandbox/landlock.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sysexits.h>

enum { CALL_LANDLOCK_CREATE_RULESET = 444 };

static struct sandbox sandbox = {.root = -1, .root_path = "www"};
static struct sandbox_held held;
static struct failure failure;
static pid_t parent;
static int tcp = -1;

static bool enter(void)
{
    bool entered = sandbox_enter(&sandbox, parent, &held);
    if (entered)
        sandbox_restrict_calls(&held);
    return entered;
}

static int open_all(void **state)
{
    (void)state;
    parent = getpid();
    if (privileges_plan(&sandbox.privileges, NULL, &failure) != 0)
        return -1;
    tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sandbox.root = open("/usr", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return sandbox.root >= 0 ? 0 : -1;
}

static bool filter_calls(int first, int second, uint32_t action);
static int rehearse(void);

/* ---- the forbidden, from inside ---- */

static int open_outside(void)
{
    return error_of(openat(AT_FDCWD, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY));
}

static int open_upward(void)
{
    return error_of(openat(sandbox.root, "../etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY));
}

static int open_to_write(void)
{
    return error_of(openat(sandbox.root, ".", O_RDWR | O_TMPFILE, 0600));
}

/* openat2 with the access mode 3 asks Landlock for no right (open(2)). */
static int open_to_control(void)
{
    struct open_how how = {.flags = O_ACCMODE};
    return error_of(syscall(SYS_openat2, AT_FDCWD, "/dev/null", &how, sizeof how));
}

static int bind_socket(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    return error_of(bind(tcp, (const struct sockaddr *)&any, sizeof any));
}

static int connect_socket(void)
{
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_port = htons(9)};
    return error_of(connect(tcp, (const struct sockaddr *)&loopback, sizeof loopback));
}

static int execute(void)
{
    char *arguments[] = {"true", NULL}, *none[] = {NULL};
    execve("/usr/bin/true", arguments, none);
    return errno;
}

static int trace_parent(void)
{
    return error_of(ptrace(PTRACE_SEIZE, parent, NULL, NULL));
}

static int end_parent(void)
{
    return error_of(kill(parent, SIGCONT));
}

static const struct {
    const char *name;
    attempt_function *attempt;
    bool by_landlock; /* denied by Landlock, else by seccomp */
} refused[] = {
    {"opening outside the root", open_outside, true},
    {"opening upward", open_upward, true},
    {"opening to write", open_to_write, false},
    {"opening to control", open_to_control, false},
    {"bind", bind_socket, false},
    {"connect", connect_socket, false},
    {"execve", execute, false},
    {"ptrace", trace_parent, false},
    {"kill", end_parent, false},
};

/* seccomp refuses it first, but in a build that writes files itself. */
static int denied_to_write(void)
{
    return TINYHTTPD_INSTRUMENTED ? EACCES : EPERM;
}

static void the_forbidden_is_refused(void **state)
{
    (void)state;
    assert_int_equal(sandbox_rehearse(&sandbox, &held, &failure), 0);
    if (held.calls == 0)
        skip();
    int written = denied_to_write();
    for (size_t i = 0; i < COUNT(refused); i++) {
        if (refused[i].by_landlock && held.landlock_version == 0)
            continue;
        int expected = refused[i].by_landlock ? EACCES : refused[i].attempt == open_to_write ? written : EPERM;
        int result = inside(enter, refused[i].attempt);
        if (result != expected)
            fail_msg("%s: %d, not %d", refused[i].name, result, expected);
    }
}

static int read_beneath(void)
{
    return error_of(openat(sandbox.root, "bin", O_RDONLY | O_DIRECTORY));
}

static int look_at_identity(void)
{
    bool right = held.user == sandbox.privileges.user && held.group == sandbox.privileges.group &&
                 held.no_capabilities && held.no_new_privileges_error == 0;
    return right ? 0 : 1;
}

static int end_by_abort(void)
{
    abort();
}

static void the_rest_works(void **state)
{
    (void)state;
    assert_int_equal(inside(enter, read_beneath), 0);
    assert_int_equal(inside(enter, end_by_abort), ENDED_BY_SIGNAL + SIGABRT);
}

/* Where core_pattern names a program, the limit 1 alone prevents that the kernel starts it (core(5)). */
static int limit_core_dumps(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 1 && limit.rlim_max == 1 ? 0 : 1;
}

static int stand_in_root(void)
{
    struct stat here, root;
    bool same = stat(".", &here) == 0 && fstat(sandbox.root, &root) == 0 && here.st_dev == root.st_dev &&
                here.st_ino == root.st_ino;
    return same ? 0 : 1;
}

static void limits_and_directory_are_set(void **state)
{
    struct rlimit limit;
    (void)state;
    if (getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_max == 0)
        skip();
    assert_int_equal(inside(enter, limit_core_dumps), 0);
    assert_int_equal(inside(enter, stand_in_root), 0);
}

static void stay(void)
{
    sandbox.privileges = (struct privileges){.change = PRIVILEGES_STAY, .user = geteuid(), .group = getegid()};
}

/* Enters without /proc. Without Landlock the sandbox hides its memory anyway. */
static bool enter_without_proc(void)
{
    stay(); /* a change of user may hide it as well */
    bool hidden = unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                  mount("none", "/proc", "tmpfs", 0, NULL) == 0;
    return hidden && sandbox_enter(&sandbox, parent, &held) && held.landlock_version > 0;
}

static int look_at_dumps(void)
{
    return prctl(PR_GET_DUMPABLE, 0UL, 0UL, 0UL, 0UL);
}

static void without_proc_there_is_no_core_dump(void **state)
{
    (void)state;
    int dumpable = inside(enter_without_proc, look_at_dumps);
    if (dumpable == NOT_ENTERED)
        skip();
    assert_int_equal(dumpable, TINYHTTPD_INSTRUMENTED);
}

static int open_terminal(void)
{
    return error_of(openat(AT_FDCWD, "/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK));
}

static bool enter_without_ioctl(void)
{
    return filter_calls(SYS_ioctl, SYS_ioctl, SECCOMP_RET_ERRNO | EPERM) && enter();
}

/* The leader of a session with a terminal, as a shell. Returns 0 if its children in the sandbox have no terminal. */
static int start_on_terminal(void)
{
    int pty = posix_openpt(O_RDWR | O_NOCTTY);
    if (setsid() < 0 || pty < 0 || grantpt(pty) < 0 || unlockpt(pty) < 0 || open(ptsname(pty), O_RDWR) < 0 ||
        open_terminal() != 0)
        return -1;
    sandbox.reads_all = true; /* else Landlock denies the file */
    parent = getpid();
    bool left = inside(enter, open_terminal) == ENXIO && inside(enter_without_ioctl, open_terminal) == ENXIO;
    return left && open_terminal() == 0 ? 0 : 1;
}

/* A background process that reads its terminal stops the whole process group (SIGTTIN). */
static void the_terminal_is_left(void **state)
{
    int status = 0;
    (void)state;
    pid_t pid = fork();
    if (pid == 0)
        _exit(start_on_terminal());
    waitpid(pid, &status, 0);
    if (WEXITSTATUS(status) == 255)
        skip(); /* no pseudo-terminals */
    assert_int_equal(status, 0);
}

/* PR_SET_MEMORY_MERGE and PR_GET_MEMORY_MERGE (Linux 6.4). */
enum { SET_MEMORY_MERGE = 67, GET_MEMORY_MERGE = 68 };

static int enter_merged(void)
{
    if (prctl(SET_MEMORY_MERGE, 1UL, 0UL, 0UL, 0UL) < 0)
        return 255;
    return sandbox_enter(&sandbox, getppid(), &held) && prctl(GET_MEMORY_MERGE, 0UL, 0UL, 0UL, 0UL) == 0 ? 0 : 1;
}

static void memory_is_not_merged(void **state)
{
    int status;
    (void)state;
    if (TINYHTTPD_INSTRUMENTED) /* a sanitizer's memory is so large that it takes minutes */
        skip();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(enter_merged());
    waitpid(pid, &status, 0);
    if (WEXITSTATUS(status) == 255)
        skip(); /* the kernel has no KSM */
    assert_int_equal(status, 0);
}

/* ---- the rehearsal ---- */

/* ENFILE and the like are passing: a rehearsal that accepted them would let the workers serve without a sandbox. */
static bool short_of_files(void)
{
    return filter_calls(CALL_LANDLOCK_CREATE_RULESET, CALL_LANDLOCK_CREATE_RULESET, SECCOMP_RET_ERRNO | ENFILE);
}

static bool short_of_memory(void)
{
    return filter_calls(SYS_seccomp, SYS_seccomp, SECCOMP_RET_ERRNO | ENOMEM);
}

static bool without_directory(void)
{
    return filter_calls(SYS_fchdir, SYS_fchdir, SECCOMP_RET_ERRNO | EPERM);
}

static bool without_capset(void)
{
    return filter_calls(SYS_capset, SYS_capset, SECCOMP_RET_ERRNO | EPERM);
}

static bool short_of_groups(void)
{
    return filter_calls(SYS_setgroups, SYS_setgroups, SECCOMP_RET_ERRNO | ENOMEM);
}

/* As in a container that lacks CAP_SETGID. */
static bool without_groups(void)
{
    return filter_calls(SYS_setgroups, SYS_setgroups, SECCOMP_RET_ERRNO | EPERM);
}

static int fail_to_rehearse(void)
{
    return rehearse() == EX_OSERR && strstr(failure.message, "can't enter the sandbox: ") != NULL ? 0 : 1;
}

static void a_passing_shortage_is_a_failure(void **state)
{
    (void)state;
    assert_int_equal(inside(short_of_files, fail_to_rehearse), 0);
    assert_int_equal(inside(short_of_memory, fail_to_rehearse), 0);
    assert_int_equal(inside(without_directory, fail_to_rehearse), 0);
}

static int fail_to_drop(void)
{
    sandbox.privileges = (struct privileges){.change = PRIVILEGES_CHANGE, .user = 0, .group = 0};
    return rehearse() == EX_NOPERM && strstr(failure.message, "can't give up capabilities") != NULL ? 0 : 1;
}

static void a_worker_never_keeps_a_capability(void **state)
{
    (void)state;
    if (sandbox.privileges.change != PRIVILEGES_TRY)
        skip();
    assert_int_equal(inside(without_capset, fail_to_drop), 0);
}

static int fail_to_stay(void)
{
    stay();
    return fail_to_rehearse();
}

static int rehearse_staying(void)
{
    stay();
    return rehearse();
}

/* A user namespace may grant the user, but no change of groups. */
static int become_nobody(void)
{
    bool is_tried = sandbox.privileges.change == PRIVILEGES_TRY;
    return rehearse() == 0 && (!is_tried || (held.user == sandbox.privileges.user && held.user_error == 0)) ? 0 : 1;
}

static void groups_are_kept_only_without_the_right_to_drop_them(void **state)
{
    (void)state;
    assert_int_equal(inside(short_of_groups, fail_to_stay), 0);
    assert_int_equal(inside(without_groups, rehearse_staying), 0);
    assert_int_equal(inside(without_groups, become_nobody), 0);
}

static void a_part_that_is_lost_is_weaker(void **state)
{
    const struct sandbox_held all = {.no_capabilities = true, .landlock_version = 3, .calls = 40};
    struct sandbox_held less[] = {all, all, all, all, all, all, all};
    (void)state;
    less[0].user = 1;
    less[1].group = 1;
    less[2].no_capabilities = false;
    less[3].no_new_privileges_error = ENOMEM;
    less[4].landlock_version = 0;
    less[5].calls = 0;
    less[6].user_error = ENOMEM;
    assert_false(sandbox_is_weaker(&all, &all));
    for (size_t i = 0; i < COUNT(less); i++)
        assert_true(sandbox_is_weaker(&less[i], &all));
}

static void a_rehearsal_tells_what_holds(void **state)
{
    char line[SANDBOX_LINE_MAX];
    (void)state;
    assert_int_equal(sandbox_rehearse(&sandbox, &held, &failure), 0);
    assert_true(held.no_capabilities);
    assert_int_equal(held.no_new_privileges_error, 0);
    assert_int_equal(held.root_error, 0);
    assert_int_equal(held.landlock_version > 0, held.landlock_error == 0);
    assert_int_equal(held.calls > 0, held.seccomp_error == 0);
    sandbox_describe(&held, line);
    assert_non_null(strstr(line, ", no capabilities, no new privileges, "));
    assert_null(strchr(line, '\n'));
}

/* What --symlinks all costs: where files are read is not limited, all else is. */
static void links_to_anywhere_may_be_read(void **state)
{
    char line[SANDBOX_LINE_MAX];
    (void)state;
    sandbox.reads_all = true;
    int rehearsed = sandbox_rehearse(&sandbox, &held, &failure);
    int outside = inside(enter, open_outside), written = inside(enter, open_to_write);
    sandbox.reads_all = false;
    assert_int_equal(rehearsed, 0);
    assert_int_equal(outside, 0);
    if (held.landlock_version == 0)
        return;
    assert_int_equal(written, denied_to_write());
    sandbox_describe(&held, line);
    assert_non_null(strstr(line, ": read everywhere"));
    assert_null(strstr(line, "beneath the root"));
}

static void every_answer_has_its_words(void **state)
{
    static const struct {
        struct sandbox_held held;
        const char *line;
    } rows[] = {
        {{.user = 65534, .group = 65534, .no_capabilities = true, .landlock_version = 7, .calls = 50},
         "uid 65534, gid 65534, no capabilities, no new privileges, files read-only, Landlock (ABI 7: read "
         "beneath the root, "
         "no "
         "TCP bind or connect, no signals), seccomp (50 calls)"},
        {{.user = 1, .group = 2, .no_capabilities = true, .landlock_version = 4, .seccomp_error = EPERM},
         "uid 1, gid 2, no capabilities, no new privileges, files read-only but for modes, owners, times and extended "
         "attributes, Landlock (ABI 4: read beneath "
         "the root, no TCP "
         "bind "
         "or connect), no seccomp (Operation not permitted)"},
        {{.no_capabilities = true, .user_error = EINVAL, .landlock_error = ENOSYS, .calls = 50},
         "uid 0, gid 0 as nobody is refused (Invalid argument), no capabilities, no new privileges, files "
         "read-only, no "
         "Landlock "
         "(Function not implemented), seccomp (50 calls)"},
        {{.no_new_privileges_error = EINVAL, .landlock_version = 1, .calls = 1},
         "uid 0, gid 0, no capabilities, no_new_privs refused (Invalid argument), files read-only, "
         "Landlock (ABI 1: read "
         "beneath "
         "the root), seccomp (1 calls)"},
        {{.no_capabilities = true, .landlock_version = 2, .seccomp_error = EPERM},
         "uid 0, gid 0, no capabilities, no new privileges, files can be emptied, Landlock (ABI 2: read "
         "beneath "
         "the root), no seccomp (Operation not permitted)"},
        {{.no_capabilities = true, .landlock_error = ENOSYS, .seccomp_error = EPERM},
         "uid 0, gid 0, no capabilities, no new privileges, files can be written, no Landlock (Function not "
         "implemented), no seccomp (Operation not permitted)"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char line[SANDBOX_LINE_MAX];
        sandbox_describe(&rows[i].held, line);
        assert_string_equal(line, rows[i].line);
    }
}

static int rehearse(void)
{
    return sandbox_rehearse(&sandbox, &held, &failure);
}

static void a_root_that_the_user_cannot_read_is_told(void **state)
{
    char path[] = "/tmp/tinyhttpd-unit-XXXXXX";
    (void)state;
    if (geteuid() != 0 || sandbox.privileges.change != PRIVILEGES_TRY)
        skip();
    struct sandbox closed = sandbox;
    assert_non_null(mkdtemp(path)); /* 0700 */
    closed.root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    closed.root_path = path;
    assert_int_equal(sandbox_rehearse(&closed, &held, &failure), EX_NOINPUT);
    assert_non_null(strstr(failure.message, path));
    assert_non_null(strstr(failure.message, "--user"));
    closed.privileges.change = PRIVILEGES_CHANGE;
    assert_int_equal(sandbox_rehearse(&closed, &held, &failure), EX_NOINPUT);
    assert_non_null(strstr(failure.message, path));
    closed.privileges = (struct privileges){.change = PRIVILEGES_CHANGE, .user = 0, .group = 0};
    assert_int_equal(sandbox_rehearse(&closed, &held, &failure), 0);
    close(closed.root);
    rmdir(path);
}

/* ---- under somebody else's filter ---- */

/* From now on these two calls end in `action`; 0 is a number that is never asked for here (read). */
static bool filter_calls(int first, int second, uint32_t action)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)first, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)second, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {COUNT(code), code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

static bool without_either(void)
{
    return filter_calls(CALL_LANDLOCK_CREATE_RULESET, SYS_seccomp, SECCOMP_RET_ERRNO | EPERM);
}

static bool without_landlock(void)
{
    return filter_calls(CALL_LANDLOCK_CREATE_RULESET, CALL_LANDLOCK_CREATE_RULESET, SECCOMP_RET_ERRNO | ENOSYS);
}

static bool without_changes_of_user(void)
{
    return filter_calls(SYS_setresuid, SYS_setresuid, SECCOMP_RET_ERRNO | EPERM);
}

static bool killed_for_asking(void)
{
    return filter_calls(CALL_LANDLOCK_CREATE_RULESET, CALL_LANDLOCK_CREATE_RULESET, SECCOMP_RET_KILL_PROCESS);
}

static int find_neither(void)
{
    bool right = rehearse() == 0 && held.landlock_version == 0 && held.landlock_error == EPERM && held.calls == 0 &&
                 held.seccomp_error == EPERM && held.no_capabilities;
    return right ? 0 : 1;
}

static int find_seccomp_alone(void)
{
    bool right = rehearse() == 0 && held.landlock_version == 0 && held.landlock_error == ENOSYS && held.calls > 0;
    return right ? 0 : 1;
}

static void what_is_refused_is_left_out(void **state)
{
    (void)state;
    if (inside(without_either, find_neither) == NOT_ENTERED)
        skip();
    assert_int_equal(inside(without_either, find_neither), 0);
    assert_int_equal(inside(without_landlock, find_seccomp_alone), 0);
}

static int stay_who_started(void)
{
    return rehearse() == 0 && held.user == 0 && held.user_error == EPERM && held.no_capabilities ? 0 : 1;
}

static int be_refused(void)
{
    sandbox.privileges.change = PRIVILEGES_CHANGE;
    return rehearse();
}

static void a_user_is_wished_or_asked_for(void **state)
{
    (void)state;
    if (sandbox.privileges.change != PRIVILEGES_TRY)
        skip();
    assert_int_equal(inside(without_changes_of_user, stay_who_started), 0);
    assert_int_equal(inside(without_changes_of_user, be_refused), EX_NOPERM);
}

static int be_killed(void)
{
    int status = rehearse();
    return status == EX_OSERR && strstr(failure.message, "SystemCallErrorNumber") != NULL ? 0 : 1;
}

static void being_killed_is_explained(void **state)
{
    (void)state;
    int result = inside(killed_for_asking, be_killed);
    if (result == NOT_ENTERED)
        skip();
    assert_int_equal(result, 0);
}

static void nobody_enters_for_another_parent(void **state)
{
    (void)state;
    parent++;
    assert_int_equal(inside(enter, look_at_identity), NOT_ENTERED);
    parent--;
    assert_int_equal(inside(enter, look_at_identity), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_forbidden_is_refused),
        cmocka_unit_test(the_rest_works),
        cmocka_unit_test(limits_and_directory_are_set),
        cmocka_unit_test(without_proc_there_is_no_core_dump),
        cmocka_unit_test(a_rehearsal_tells_what_holds),
        cmocka_unit_test(links_to_anywhere_may_be_read),
        cmocka_unit_test(every_answer_has_its_words),
        cmocka_unit_test(a_root_that_the_user_cannot_read_is_told),
        cmocka_unit_test(what_is_refused_is_left_out),
        cmocka_unit_test(the_terminal_is_left),
        cmocka_unit_test(memory_is_not_merged),
        cmocka_unit_test(a_passing_shortage_is_a_failure),
        cmocka_unit_test(a_worker_never_keeps_a_capability),
        cmocka_unit_test(groups_are_kept_only_without_the_right_to_drop_them),
        cmocka_unit_test(a_part_that_is_lost_is_weaker),
        cmocka_unit_test(a_user_is_wished_or_asked_for),
        cmocka_unit_test(being_killed_is_explained),
        cmocka_unit_test(nobody_enters_for_another_parent),
    };
    return cmocka_run_group_tests_name("sandbox", tests, open_all, NULL);
}

#include "sandbox/sandbox.h"

#include "base/descriptors.h"
#include "sandbox/instrumented.h"
#include "sandbox/landlock.h"
#include "sandbox/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* ---- entering ---- */

/* Asks the kernel to kill this process when its parent ends. Call it after a change of user, which undoes that
   (PR_SET_PDEATHSIG(2const)). False if the parent has ended already. */
static bool die_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL) < 0)
        return false;
    errno = ESRCH;
    return getppid() == parent;
}

bool sandbox_reads_others(const struct sandbox_held *held)
{
    return held->landlock_version == 0 || held->reads_all;
}

void sandbox_hide_memory(void)
{
    if (!TINYHTTPD_INSTRUMENTED)
        prctl(PR_SET_DUMPABLE, 0UL);
}

/* With --symlinks all a link may lead anywhere, so everything may be read. */
static int restrict_files(const struct sandbox *sandbox)
{
    int all = sandbox->reads_all ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (sandbox->reads_all && all < 0)
        return -1;
    int version = landlock_restrict(sandbox->reads_all ? all : sandbox->root);
    descriptors_close(all);
    return version;
}

/* Leaves the controlling terminal (tty(4)): reading it in the background would stop the whole process group (SIGTTIN).
   A session of its own has none either, but Ctrl-Z would not stop the worker any more. */
static void leave_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    bool left = fd >= 0 ? ioctl(fd, TIOCNOTTY) == 0 : errno == ENXIO;
    if (!left)
        setsid();
    descriptors_close(fd);
}

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67 /* Linux 6.4 */
#endif

/* The time that a write to a merged page takes tells whether another process has the same page. A service manager may
   have merged all memory (MemoryKSM=, systemd.exec(5)). What a preloaded library has merged stays so: that ends only if
   all memory is merged first (prctl(2)), which would walk a worker's whole memory. */
static void leave_merged_memory(void)
{
    prctl(PR_SET_MEMORY_MERGE, 0UL, 0UL, 0UL, 0UL);
}

/* A core dump has the requests in it. Where core_pattern names a program, the kernel starts that as root even if the
   limit is 0, but not if it is 1 (core(5)). Where it names a socket (Linux 6.16), there is no limit: leave out all
   memory. False if that fails, as without /proc. */
static bool prevent_core_dumps(void)
{
    const struct rlimit limit = {1, 1};
    setrlimit(RLIMIT_CORE, &limit);
    int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool set = write(fd, "0", 1) == 1;
    close(fd);
    return set;
}

/* Supplementary groups besides the worker's own, which counts once: groups that the user namespace does not map all
   read as 65534, as may its own. 0 if they can't be asked for. */
static int count_other_groups(gid_t group)
{
    int count = getgroups(0, NULL);
    bool has_own = false;
    gid_t *groups = count > 0 ? malloc((size_t)count * sizeof *groups) : NULL;
    if (groups != NULL)
        count = getgroups(count, groups);
    for (int i = 0; groups != NULL && i < count; i++)
        has_own |= groups[i] == group;
    free(groups);
    return count > 0 ? count - has_own : 0;
}

/* A preloaded library can start threads in each process that is forked. An emulator may have some of its own. 0 if
   /proc can't tell. */
static unsigned count_other_threads(void)
{
    struct stat threads; /* has "." and "..", too */
    return fstatat(AT_FDCWD, "/proc/self/task", &threads, 0) == 0 && threads.st_nlink > 3
               ? (unsigned)threads.st_nlink - 3
               : 0;
}

bool sandbox_enter(const struct sandbox *sandbox, pid_t parent, struct sandbox_held *held)
{
    *held = (struct sandbox_held){0};
    leave_terminal();
    leave_merged_memory();
    bool no_dumps = prevent_core_dumps();
    /* Else relative paths lead to where the server was started. An ordinary user may not enter a root of mode 0, but
       must go on serving it. */
    if (fchdir(sandbox->root) < 0 && (errno != EACCES || chdir("/") < 0))
        return false;
    held->user_error = privileges_drop(&sandbox->privileges);
    if (held->user_error != 0 && sandbox->privileges.change == PRIVILEGES_CHANGE)
        return false;
    /* LeakSanitizer traces its process, which the kernel denies after a change of user (PR_SET_DUMPABLE(2const)). */
    if (TINYHTTPD_INSTRUMENTED)
        prctl(PR_SET_DUMPABLE, 1UL);
    if (!die_with(parent))
        return false;
    held->user = geteuid();
    held->group = getegid();
    held->groups = count_other_groups(held->group);
    held->no_capabilities = privileges_are_gone();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0)
        held->no_new_privileges_error = errno;
    int version = restrict_files(sandbox);
    held->landlock_error = version < 0 ? errno : 0;
    held->landlock_version = version > 0 ? version : 0;
    held->reads_all = sandbox->reads_all;
    held->other_threads = count_other_threads();
    if (sandbox_reads_others(held) || !no_dumps)
        sandbox_hide_memory(); /* after the change of user, which may undo it (fs.suid_dumpable, proc_sys_fs(5)) */
    return true;
}

void sandbox_restrict_calls(struct sandbox_held *held)
{
    int calls = seccomp_restrict();
    held->seccomp_error = calls < 0 ? errno : 0;
    held->calls = calls > 0 ? calls : 0;
}

void sandbox_enter_log_writer(void)
{
    const struct privileges own = {.change = PRIVILEGES_STAY, .user = geteuid(), .group = getegid()};
    (void)prevent_core_dumps();
    (void)privileges_drop(&own);
    prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL);
    (void)landlock_restrict(-1);
    (void)seccomp_restrict_log_writer();
}

/* True for 0, and for an error by which the kernel or the container does not offer a part. Other errors, such as ENFILE
   or ENOMEM, may be gone the next time. */
static bool is_missing(int error)
{
    return error == 0 || error == ENOSYS || error == EOPNOTSUPP || error == EPERM || error == EACCES ||
           error == EINVAL || error == E2BIG; /* of 16 nested domains (landlock_restrict_self(2)) */
}

int sandbox_error(const struct sandbox_held *held)
{
    int errors[] = {held->user_error, held->no_new_privileges_error, held->landlock_error, held->seccomp_error};
    for (unsigned i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (!is_missing(errors[i]))
            return errors[i];
    }
    return 0;
}

bool sandbox_is_weaker(const struct sandbox_held *held, const struct sandbox_held *expected)
{
    return held->user != expected->user || held->group != expected->group || held->user_error != expected->user_error ||
           held->no_capabilities < expected->no_capabilities ||
           held->no_new_privileges_error != expected->no_new_privileges_error ||
           held->landlock_version < expected->landlock_version || held->calls < expected->calls;
}

/* ---- rehearsing ---- */

/* In the child. Open the root as a worker opens the files in it. */
static _Noreturn void rehearse(const struct sandbox *sandbox, pid_t parent, int answer)
{
    struct sandbox_held held;
    bool entered = sandbox_enter(sandbox, parent, &held);
    held.entry_error = entered ? 0 : errno;
    if (entered) {
        sandbox_restrict_calls(&held);
        int fd = openat(sandbox->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        held.root_error = fd < 0 ? errno : 0;
        descriptors_close(fd);
        struct stat attributes;
        /* After another error, as of a root that has just been removed, a later stat(2) may succeed. */
        held.root_is_visible = sandbox->root_name != NULL &&
                               (stat(sandbox->root_name, &attributes) == 0 || (errno != EACCES && errno != EPERM));
    }
    ssize_t written = write(answer, &held, sizeof held); /* atomic, below PIPE_BUF (pipe(7)) */
    _exit(written == (ssize_t)sizeof held ? EX_OK : EX_OSERR);
}

static int fail_to_start(struct failure *failure, int error)
{
    return fail(failure, EX_OSERR, "can't start a process: %s; 'ulimit -a' shows the limits", strerror(error));
}

static int fail_without_report(struct failure *failure, int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return fail(failure, EX_OSERR,
                    "the service manager kills processes that call Landlock or seccomp; let these calls fail "
                    "instead (systemd: SystemCallErrorNumber=EPERM)");
    return fail(failure, EX_OSERR, "the process that tried the sandbox ended without a report (status %d)", status);
}

static int check(const struct sandbox *sandbox, const struct sandbox_held *held, struct failure *failure)
{
    const struct privileges *plan = &sandbox->privileges;
    if (held->user_error != 0 && plan->change == PRIVILEGES_CHANGE)
        return fail(failure, EX_NOPERM, "can't become user %u with group %u: %s", plan->user, plan->group,
                    strerror(held->user_error));
    int error = held->entry_error != 0 ? held->entry_error : sandbox_error(held);
    if (error != 0)
        return fail(failure, EX_OSERR, "can't enter the sandbox: %s; 'ulimit -a' shows the limits", strerror(error));
    if (!held->no_capabilities)
        return fail(failure, EX_NOPERM, "can't give up capabilities: capset or capget is refused (capset(2))");
    if (held->root_error == EACCES && plan->change == PRIVILEGES_TRY)
        return fail(failure, EX_NOINPUT,
                    "the workers' user nobody (%u) can't read root '%s'; choose one that can with '--user'", held->user,
                    sandbox->root_path);
    if (held->root_error == EACCES)
        return fail(failure, EX_NOINPUT, "user %u with group %u can't read root '%s'; see 'ls -ld'", held->user,
                    held->group, sandbox->root_path);
    if (held->root_error != 0)
        return fail(failure, EX_OSERR, "root '%s' can't be read inside the sandbox: %s", sandbox->root_path,
                    strerror(held->root_error));
    return 0;
}

int sandbox_rehearse(const struct sandbox *sandbox, struct sandbox_held *held, struct failure *failure)
{
    int ends[2], status = 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return fail_to_start(failure, errno);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        rehearse(sandbox, parent, ends[1]);
    int error = errno;
    close(ends[1]);
    ssize_t length = pid > 0 ? read(ends[0], held, sizeof *held) : -1;
    close(ends[0]);
    if (pid < 0)
        return fail_to_start(failure, error);
    waitpid(pid, &status, 0);
    if (length != (ssize_t)sizeof *held)
        return fail_without_report(failure, status);
    return check(sandbox, held, failure);
}

/* Root without capabilities still owns files and processes: only Landlock and seccomp keep a worker from them. Other
   threads even have their capabilities. */
static bool may_stay_root(const struct sandbox_held *held)
{
    return held->other_threads == 0 && held->no_new_privileges_error == 0 && held->landlock_version > 0 &&
           !held->reads_all && held->calls > 0;
}

int sandbox_choose_user(struct sandbox *sandbox, struct sandbox_held *held, struct failure *failure)
{
    struct stat root;
    struct failure second;
    *held = (struct sandbox_held){0};
    if (sandbox_rehearse(sandbox, held, failure) == 0)
        return 0;
    if (sandbox->privileges.change != PRIVILEGES_TRY || held->root_error != EACCES || fstat(sandbox->root, &root) < 0)
        return failure->status;
    /* Another owner does not need group root, by which it could read files of root. */
    gid_t group = root.st_uid != 0 && root.st_gid == 0 ? sandbox->privileges.group : root.st_gid;
    sandbox->privileges = (struct privileges){.change = PRIVILEGES_CHANGE, .user = root.st_uid, .group = group};
    bool reads = sandbox_rehearse(sandbox, held, &second) == 0;
    return reads && (root.st_uid != 0 || may_stay_root(held)) ? 0 : failure->status;
}

/* ---- telling ---- */

/* Landlock handles no attributes (landlock(7)). */
static const char *files_clause(const struct sandbox_held *held)
{
    if (held->calls > 0)
        return "read-only";
    if (held->landlock_version >= LANDLOCK_ABI_TRUNCATE)
        return "read-only but for modes, owners, times and extended attributes";
    return held->landlock_version > 0 ? "can be emptied" : "can be written";
}

void sandbox_describe(const struct sandbox_held *held, char line[SANDBOX_LINE_MAX])
{
    char groups[40] = "", user[96] = "", gains[96] = "no new privileges", landlock[160], calls[96], threads[80] = "";
    if (held->groups > 0)
        snprintf(groups, sizeof groups, ", other groups: %d", held->groups);
    if (held->user_error != 0)
        snprintf(user, sizeof user, " as nobody is refused (%s)", strerror(held->user_error));
    if (held->no_new_privileges_error != 0)
        snprintf(gains, sizeof gains, "no_new_privs refused (%s)", strerror(held->no_new_privileges_error));
    if (held->landlock_version == 0)
        snprintf(landlock, sizeof landlock, "no Landlock (%s)", strerror(held->landlock_error));
    else
        snprintf(landlock, sizeof landlock, "Landlock (ABI %d: read %s%s%s)", held->landlock_version,
                 held->reads_all ? "everywhere, for --symlinks all" : "beneath the root",
                 held->landlock_version >= LANDLOCK_ABI_NETWORK ? ", no TCP bind or connect" : "",
                 held->landlock_version >= LANDLOCK_ABI_SCOPES ? ", no signals" : "");
    if (held->calls == 0)
        snprintf(calls, sizeof calls, "no seccomp (%s)", strerror(held->seccomp_error));
    else
        snprintf(calls, sizeof calls, "seccomp (%d calls)", held->calls);
    if (held->other_threads > 0)
        snprintf(threads, sizeof threads, "; threads of a preloaded library outside the sandbox: %u",
                 held->other_threads);
    snprintf(line, SANDBOX_LINE_MAX, "uid %u, gid %u%s%s, no capabilities, %s, files %s, %s, %s%s", held->user,
             held->group, user, groups, gains, files_clause(held), landlock, calls, threads);
}

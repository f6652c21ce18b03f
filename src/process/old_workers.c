#include "process/old_workers.h"

#include "base/descriptors.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/now.h"
#include "process/channels.h"
#include "process/port_owner.h"
#include "serve/worker.h"
#include "site/magic_guard.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* The exit status of a check: one of these, or an errno. */
enum { CHECK_RELEASED = 0, CHECK_LISTENS = 255 };

void old_workers_adopt(struct old_workers *workers, struct master *master)
{
    const struct handover *handover = &master->handover;
    workers->master = master;
    workers->retire_pending = handover->reload;
    workers->count = handover->worker_count;
    for (unsigned i = 0; i < workers->count; i++)
        workers->list[i] = (struct old_child){.worker = handover->workers[i], .slot = MASTER_SLOTS_MAX, .notices = -1};
    workers->retire_due = workers->release_due = INT64_MAX;
}

void old_workers_signal(const struct old_workers *workers, int signal)
{
    for (unsigned i = 0; i < workers->count; i++)
        kill(workers->list[i].worker.pid, signal);
}

/* ---- finishing ---- */

/* So many that a reload always has room, and descriptors for their notices. */
static unsigned old_max(void)
{
    struct rlimit limit;
    bool few = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 < LIMIT_RETIRED / 2;
    return few ? (unsigned)limit.rlim_cur / 4 : LIMIT_RETIRED / 2;
}

/* When to kill an old worker that has not ended by itself. */
static int64_t end_of(const struct old_workers *workers, const struct old_child *old)
{
    if (old->ended_early > 0)
        return old->ended_early + master_stop_ms(workers->master->settings);
    if (old->worker.retired == 0) /* it serves until the new workers do */
        return INT64_MAX;
    return old->worker.retired + LIMIT_RETIRE_MS + LIMIT_DRAIN_GRACE_MS;
}

bool old_workers_make_room(struct old_workers *workers, unsigned running)
{
    int64_t now = now_ms(), first = INT64_MAX;
    if (workers->count + running <= old_max())
        return true;
    for (unsigned i = 0; i < workers->count; i++) {
        const struct old_child *old = &workers->list[i];
        if (old->ended_early == 0)
            first = earlier_of(first, old->worker.retired);
        else if (now < end_of(workers, old)) /* it leaves room soon; one that is killed by now hangs */
            return false;
    }
    for (unsigned i = 0; i < workers->count; i++) {
        struct old_child *old = &workers->list[i];
        if (old->ended_early > 0 || old->worker.retired != first)
            continue;
        old->ended_early = now;
        kill(old->worker.pid, SIGTERM);
        workers->retire_due = earlier_of(workers->retire_due, end_of(workers, old));
    }
    return false;
}

void old_workers_add(struct old_workers *workers, pid_t pid, unsigned slot, int notices, int64_t now)
{
    assert(workers->count < LIMIT_RETIRED);
    workers->list[workers->count++] = (struct old_child){.worker = {pid, now}, .slot = slot, .notices = notices};
    workers->retire_due = earlier_of(workers->retire_due, now + LIMIT_RETIRE_MS);
    workers->release_due = earlier_of(workers->release_due, now + LIMIT_RELEASE_MS);
}

void old_workers_retire(struct old_workers *workers, int64_t now)
{
    workers->retire_pending = false;
    workers->release_due = now + LIMIT_RELEASE_MS;
    for (unsigned i = 0; i < workers->count; i++) {
        struct old_worker *old = &workers->list[i].worker;
        old->retired = old->retired > 0 && old->retired < now ? old->retired : now;
        /* Reloads in a row must not put this off. */
        workers->release_due = earlier_of(workers->release_due, old->retired + 2 * LIMIT_RELEASE_MS);
    }
    workers->retire_due = workers->retire_started = now;
    old_workers_signal(workers, WORKER_RETIRE);
}

/* Kills those whose time is over, and finds out when the next one's is. */
static void kill_retired(struct old_workers *workers, int64_t now)
{
    workers->retire_due = INT64_MAX;
    for (unsigned i = 0; i < workers->count; i++) {
        const struct old_child *old = &workers->list[i];
        int64_t due = end_of(workers, old);
        if (due <= now) {
            kill(old->worker.pid, SIGKILL);
            due = now + LIMIT_BACKOFF_MS;
        }
        workers->retire_due = earlier_of(due, workers->retire_due);
    }
}

/* ---- checks ---- */

/* Returns CHECK_LISTENS if the worker has a listening socket, CHECK_RELEASED if not, an errno if /proc can't tell. */
static int check_worker(const struct listening *listening, pid_t worker)
{
    int has = port_owner_has(getpid(), listening->fds, listening->count);
    if (has != 1)
        return has < 0 ? errno : ENOENT; /* no /proc, or that of another PID namespace (pid_namespaces(7)) */
    has = port_owner_has(worker, listening->fds, listening->count);
    if (has >= 0)
        return has == 1 ? CHECK_LISTENS : CHECK_RELEASED;
    return errno == ENOENT ? CHECK_RELEASED : errno; /* ENOENT: it has ended */
}

static void kill_old(struct old_child *old)
{
    kill(old->worker.pid, SIGKILL);
    old->killed = true;
}

static void kill_unchecked(struct old_child *old, const char *why)
{
    log_error("can't check that old worker %d accepts no more connections: %s; killed", (int)old->worker.pid, why);
    kill_old(old);
}

/* The worker is a suspect at the second check, as the whole process group may have been stopped before the first, or if
   an earlier program told it long ago. Each check is a process of its own, as reading about an epoll instance in /proc
   waits for a hung file system that the worker adds to it. */
static void begin_check(struct old_workers *workers, struct old_child *old, int64_t now)
{
    old->checked_since = old->checked_since > 0 ? old->checked_since : now;
    pid_t pid = master_fork();
    if (pid == 0)
        _exit(check_worker(&workers->master->listening, old->worker.pid));
    if (pid < 0) {
        workers->release_due = now + LIMIT_RELEASE_MS;
        if (now - old->checked_since >= LIMIT_CHECK_MS)
            kill_unchecked(old, strerror(errno));
        return;
    }
    bool adopted = old->worker.retired < workers->retire_started;
    old->suspect = old->check_due > 0 || (adopted && now - old->worker.retired >= 2 * LIMIT_RELEASE_MS);
    old->check_due = now + LIMIT_RELEASE_MS;
    old->check_us = 0;
    old->check = pid;
}

/* In a process of its own, as the sockets in the old channels may take long to close. It is no check: it waits for what
   any old worker has put there. If it is killed, another one goes on. */
void old_workers_end_channels(struct old_workers *workers)
{
    struct channels *channels = &workers->master->channels;
    if (!channels_have_old(channels) || workers->dropper > 0)
        return;
    channels_end_old(channels);
    pid_t pid = master_fork();
    if (pid == 0) {
        descriptors_close_others(channels->old, CHANNELS_OLD); /* it must not keep the port when the server has ended */
        channels_drop_old(channels);
        _exit(EX_OK);
    }
    workers->dropper = pid > 0 ? pid : 0;
}

/* A worker can take a listening socket out of a channel that is not empty yet, so the last look is made after that. */
static void begin_checks(struct old_workers *workers, int64_t now)
{
    old_workers_end_channels(workers);
    workers->release_due = !channels_have_old(&workers->master->channels) ? INT64_MAX : now + LIMIT_RELEASE_MS;
    for (unsigned i = 0; i < workers->count; i++) {
        struct old_child *old = &workers->list[i];
        if (old->check == 0 && !old->killed)
            begin_check(workers, old, now);
        else if (!old->killed) /* its check may have looked before the channels were empty */
            workers->release_due = now + LIMIT_RELEASE_MS;
    }
}

/* Returns when the first check must have ended; INT64_MAX: none may still end, and no worker be killed for it. */
static int64_t checks_due(const struct old_workers *workers)
{
    int64_t due = INT64_MAX;
    for (unsigned i = 0; i < workers->count; i++) {
        const struct old_child *old = &workers->list[i];
        if (old->check > 0 && !old->killed)
            due = earlier_of(due, old->check_due);
    }
    return due;
}

bool old_workers_are_checked(const struct old_workers *workers)
{
    return workers->dropper > 0 || checks_due(workers) != INT64_MAX;
}

void old_workers_stop_checks(const struct old_workers *workers)
{
    for (unsigned i = 0; i < workers->count; i++) {
        if (workers->list[i].check > 0)
            kill(workers->list[i].check, SIGKILL);
    }
}

/* Returns the microseconds of CPU time that a process has used, 0 if that is unknown. */
static int64_t cpu_time_us(pid_t pid)
{
    clockid_t clock;
    struct timespec time;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) < 0)
        return 0;
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

/* True if a later check may have what this one lacked. But the worker may be the reason: /proc has no memory to tell of
   an epoll instance with millions of entries. */
static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM;
}

/* True for a process that has a CPU or waits for one: state R of proc_pid_stat(5), after the name in parentheses. */
static bool is_runnable(pid_t pid)
{
    char path[40], text[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    descriptors_close(fd);
    text[length > 0 ? length : 0] = '\0';
    const char *end = strrchr(text, ')');
    return end != NULL && strncmp(end, ") R", 3) == 0;
}

/* The check has not ended in time. If it goes on, it lacks CPU time; else the worker makes /proc wait. */
static void end_check(struct old_child *old, int64_t now)
{
    int64_t used = cpu_time_us(old->check);
    bool is_costly = used >= LIMIT_CHECK_CPU_US;
    bool goes_on = (used - old->check_us >= LIMIT_CHECK_STEP_US || is_runnable(old->check)) &&
                   now - old->checked_since < LIMIT_CHECK_MS;
    if (!is_costly && (goes_on || !old->suspect)) {
        old->suspect |= !goes_on;
        old->check_us = used;
        old->check_due = now + LIMIT_RELEASE_MS;
        return;
    }
    kill_unchecked(old, "/proc takes too long");
    kill(old->check, SIGKILL); /* reaped when the file system responds */
}

static void on_check_exit(struct old_workers *workers, struct old_child *old, int wait_status, bool serving)
{
    int result = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : ENOMEM;
    int64_t now = now_ms();
    old->check = 0;
    if (old->killed || result == CHECK_RELEASED || !serving)
        return;
    if (result == CHECK_LISTENS && old->suspect) {
        log_error("old worker %d still accepts connections after it was replaced; killed", (int)old->worker.pid);
        kill_old(old);
    } else if (is_shortage(result) && old->suspect && now - old->checked_since >= LIMIT_CHECK_MS) {
        kill_unchecked(old, strerror(result));
    } else if (result == CHECK_LISTENS || is_shortage(result)) {
        workers->release_due = earlier_of(workers->release_due, now + LIMIT_RELEASE_MS);
    } else if (!workers->told_unchecked && workers->master->settings->verbosity == VERBOSITY_VERBOSE) {
        log_error("can't check that old workers accept no more connections: /proc: %s", strerror(result));
        workers->told_unchecked = true;
    }
}

static void on_worker_exit(struct old_workers *workers, struct old_child *old, int wait_status, bool serving)
{
    pid_t pid = old->worker.pid;
    char path[MAGIC_GUARD_PATH_MAX];
    if (old->slot < MASTER_SLOTS_MAX) {
        metrics_set_connections(metrics_of(workers->master->metrics, old->slot), 0, 0);
        if (magic_guard_record_crash(old->slot, path))
            log_error("an old worker crashed in libmagic on '%s'; serving it as application/octet-stream", path);
    }
    descriptors_close(old->notices);
    *old = workers->list[--workers->count];
    if (workers->count == 0)
        old_workers_end_channels(workers); /* no check is left to do it */
    if (WIFSIGNALED(wait_status) && serving)
        log_error("old worker %d was killed by signal %d (%s)", (int)pid, WTERMSIG(wait_status),
                  strsignal(WTERMSIG(wait_status)));
}

bool old_workers_on_exit(struct old_workers *workers, pid_t pid, int wait_status, bool serving)
{
    if (pid == workers->dropper) {
        workers->dropper = 0;
        if (WIFEXITED(wait_status))
            channels_close_old(&workers->master->channels);
        workers->release_due = earlier_of(workers->release_due, now_ms() + LIMIT_RELEASE_MS);
        return true;
    }
    for (unsigned i = 0; i < workers->count; i++) {
        struct old_child *old = &workers->list[i];
        if (old->check == pid)
            on_check_exit(workers, old, wait_status, serving);
        else if (old->worker.pid == pid)
            on_worker_exit(workers, old, wait_status, serving);
        else
            continue;
        return true;
    }
    return false;
}

void old_workers_step(struct old_workers *workers, int64_t now)
{
    if (workers->count > 0 && workers->retire_due <= now)
        kill_retired(workers, now);
    for (unsigned i = 0; i < workers->count; i++) {
        struct old_child *old = &workers->list[i];
        if (old->check > 0 && !old->killed && old->check_due <= now)
            end_check(old, now);
    }
    if (workers->count > 0 && workers->release_due <= now)
        begin_checks(workers, now);
}

int64_t old_workers_next_due(const struct old_workers *workers)
{
    int64_t due = earlier_of(workers->retire_due, workers->release_due);
    return workers->count > 0 ? earlier_of(due, checks_due(workers)) : INT64_MAX;
}

void old_workers_add_time(struct old_workers *workers, int64_t stopped)
{
    if (workers->release_due != INT64_MAX)
        workers->release_due += stopped;
    workers->retire_started += stopped;
    for (unsigned i = 0; i < workers->count; i++) {
        struct old_child *old = &workers->list[i];
        old->worker.retired += old->worker.retired > 0 ? stopped : 0;
        old->ended_early += old->ended_early > 0 ? stopped : 0;
        old->checked_since += old->checked_since > 0 ? stopped : 0;
    }
    workers->retire_due = 0; /* finds it out again */
}

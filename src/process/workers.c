#include "process/workers.h"

#include "base/descriptors.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/now.h"
#include "process/channels.h"
#include "sandbox/sandbox.h"
#include "site/magic_guard.h"
#include "site/mime.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* ---- in the child ---- */

/* Gives the worker's descriptors their places, and closes what a library has kept open, such as the socket of a name
   service that found --user. False with errno on failure. */
static bool arrange_descriptors(struct master *master, int notices)
{
    int kept[LIMIT_LISTENERS + 1 + DESCRIPTOR_FIXED_LAST];
    unsigned count = 0;
    for (unsigned i = 0; i < master->listening.count; i++) {
        if (!channels_make_room(&master->listening.fds[i]))
            return false;
        kept[count++] = master->listening.fds[i];
    }
    if (!channels_make_room(&master->served.root.fd) || !channels_make_room(&notices) ||
        !channels_enter_worker(&master->channels, notices))
        return false;
    kept[count++] = master->served.root.fd;
    for (int fd = DESCRIPTOR_HANDOFF_OUT; fd <= DESCRIPTOR_FIXED_LAST; fd++)
        kept[count++] = fd;
    descriptors_close_others(kept, count);
    return true;
}

/* A worker that an attacker controls could keep the master's check busy in /proc with more (old_workers.c). */
static void limit_descriptors(void)
{
    const struct rlimit enough = {LIMIT_DESCRIPTORS, LIMIT_DESCRIPTORS};
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max > LIMIT_DESCRIPTORS)
        setrlimit(RLIMIT_NOFILE, &enough);
}

static _Noreturn void fail_worker(int error)
{
    log_error("a worker can't start: %s", strerror(error));
    _exit(EX_OSERR);
}

/* From now on the worker can write its own slot only. Without one there are no counters, and no libmagic:
   a file on which it fails would not be known. */
static bool take_slot(struct worker_setup *setup, struct master *master, unsigned slot)
{
    if (slot == MASTER_SLOTS_MAX) {
        mime_close();
        return metrics_drop(master->metrics) && magic_guard_drop();
    }
    setup->metrics = metrics_of(master->metrics, slot);
    return metrics_keep(setup->metrics) && magic_guard_keep(slot);
}

static _Noreturn void become_worker(struct workers *workers, unsigned slot, int notices, pid_t parent)
{
    struct sandbox_held held;
    struct master *master = workers->master;
    struct worker_setup setup = workers->setup;
    log_enter_worker(slot == MASTER_SLOTS_MAX ? NULL : metrics_of(master->metrics, slot));
    if (!take_slot(&setup, master, slot))
        _exit(EX_OSERR);
    if (!arrange_descriptors(master, notices))
        fail_worker(errno);
    limit_descriptors();
    setup.root = master->served.sandbox.root = master->served.root.fd;
    setup.root_name = served_root_name(&master->served);
    if (!sandbox_enter(&master->served.sandbox, parent, &held))
        fail_worker(held.user_error != 0 ? held.user_error : errno);
    /* As the workers' user, whose watches the kernel counts (epoll(7)); but not with seccomp: many instances could keep
       the master's check busy in /proc (old_workers.c). */
    setup.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (setup.epoll < 0)
        fail_worker(errno);
    sandbox_restrict_calls(&held);
    if (sandbox_is_weaker(&held, &master->served.held)) {
        log_error("a worker can't enter the sandbox: %s; 'ulimit -a' shows the limits", strerror(sandbox_error(&held)));
        _exit(EX_OSERR);
    }
    exit(worker_run(&setup));
}

/* ---- starting and replacing ---- */

/* Returns a slot that no process can write; MASTER_SLOTS_MAX if there is none. */
static unsigned free_slot(const struct workers *workers)
{
    bool used[MASTER_SLOTS_MAX + 1] = {false};
    for (unsigned i = 0; i < workers->master->workers; i++) {
        if (workers->list[i].pid > 0)
            used[workers->list[i].slot] = true;
    }
    for (unsigned i = 0; i < workers->old.count; i++)
        used[workers->old.list[i].slot] = true;
    for (unsigned slot = 0; slot < workers->master->slots; slot++) {
        if (!used[slot])
            return slot;
    }
    return MASTER_SLOTS_MAX;
}

/* Returns its pid, or -1 with errno. */
static pid_t fork_worker(struct workers *workers, struct child *child)
{
    enum { READ, WRITE, ENDS };
    int notices[ENDS];
    pid_t parent = getpid();
    /* Not a pipe: the kernel locks that while a writer waits, so a worker could keep the master in read(2). */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, notices) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        become_worker(workers, child->slot, notices[WRITE], parent);
    descriptors_close(notices[WRITE]);
    if (pid < 0)
        descriptors_close(notices[READ]);
    child->notices = notices[READ];
    return pid;
}

static void start_child(struct workers *workers, struct child *child)
{
    child->slot = free_slot(workers);
    if (child->slot == MASTER_SLOTS_MAX)
        log_error("%u old workers still finish their responses; until one has ended, a new worker counts "
                  "nothing and does not use libmagic",
                  workers->old.count);
    pid_t pid = fork_worker(workers, child);
    child->started = now_ms();
    if (pid < 0) {
        child->pause = master_longer_pause(child->pause);
        child->due = child->started + child->pause;
        log_error("can't start a worker: %s; trying again in %lld ms", strerror(errno), (long long)child->pause);
        return;
    }
    child->pid = pid;
    child->leaving = false;
    workers->running++;
}

void workers_start(struct workers *workers, int64_t now)
{
    for (unsigned i = 0; i < workers->master->workers; i++) {
        struct child *child = &workers->list[i];
        if (child->pid == 0 && child->due <= now)
            start_child(workers, child);
    }
}

static int64_t next_pause(const struct child *child, int64_t now)
{
    return now - child->started < LIMIT_YOUNG_MS ? master_longer_pause(child->pause) : 0;
}

/* Call it only with old_workers_make_room(). */
static void make_old(struct workers *workers, struct child *child, int64_t now)
{
    old_workers_add(&workers->old, child->pid, child->slot, child->notices, now);
    workers->running--;
    child->pid = 0;
    child->due = now;
}

/* A worker that drains or retires by itself, as a signal told it to. */
static void on_leave(struct workers *workers, struct child *child, int64_t now)
{
    if (!old_workers_make_room(&workers->old, workers->running)) {
        if (!child->leaving)
            log_error("worker %d leaves, but %u old workers still finish their responses; it is replaced when "
                      "one has ended",
                      (int)child->pid, workers->old.count);
        child->leaving = true;
        return;
    }
    make_old(workers, child, now);
    child->pause = next_pause(child, now);
    child->due = now + child->pause;
}

void workers_replace(struct workers *workers, int64_t now)
{
    for (unsigned i = 0; i < workers->master->workers; i++) {
        struct child *child = &workers->list[i];
        if (child->pid > 0)
            make_old(workers, child, now);
    }
    workers_start(workers, now);
    old_workers_retire(&workers->old, now);
}

bool workers_read_notices(struct workers *workers, int64_t now)
{
    bool reads = now >= workers->notices_due, root_changed = false;
    for (unsigned i = 0; i < workers->master->workers; i++) {
        struct child *child = &workers->list[i];
        char notices[256]; /* a few of them tell all; a compromised worker may write on and on */
        ssize_t count = reads && child->pid > 0 ? read(child->notices, notices, sizeof notices) : -1;
        if (count >= 0)
            workers->notices_due = now + LIMIT_ROOT_REPLACE_MS;
        if (count == 0) { /* it ends, or has shut its end down: poll(2) would return at once for ever */
            close(child->notices);
            child->notices = -1;
        }
        root_changed |= count > 0 && memchr(notices, WORKER_FOUND_ROOT_CHANGED, (size_t)count) != NULL;
        bool told = count > 0 && memchr(notices, WORKER_LEAVES, (size_t)count) != NULL;
        if (child->pid > 0 && (child->leaving || told))
            on_leave(workers, child, now);
    }
    return root_changed;
}

static void log_death(pid_t pid, int wait_status, int64_t pause)
{
    char again[64] = "at once";
    if (pause > 0)
        snprintf(again, sizeof again, "in %lld ms", (long long)pause);
    if (WIFSIGNALED(wait_status))
        log_error("worker %d was killed by signal %d (%s); replaced %s", (int)pid, WTERMSIG(wait_status),
                  strsignal(WTERMSIG(wait_status)), again);
    else
        log_error("worker %d exited with status %d; replaced %s", (int)pid, WEXITSTATUS(wait_status), again);
}

static void on_child_exit(struct workers *workers, struct child *child, int wait_status, bool serving)
{
    unsigned slot = child->slot;
    pid_t pid = child->pid;
    int64_t now = now_ms();
    char path[MAGIC_GUARD_PATH_MAX];
    bool has_slot = slot < MASTER_SLOTS_MAX;
    bool crashed = has_slot && magic_guard_record_crash(slot, path); /* quarantines the file */
    child->pause = crashed ? 0 : next_pause(child, now);             /* such a file can't crash the next worker */
    child->due = now + child->pause;
    child->pid = 0;
    descriptors_close(child->notices);
    workers->running--;
    if (serving) {
        if (has_slot)
            metrics_restart(metrics_of(workers->master->metrics, slot));
        /* 0: SIGTERM or WORKER_RETIRE told it to leave, perhaps with the process group. */
        if (wait_status != 0)
            log_death(pid, wait_status, child->pause);
    }
    if (crashed)
        log_error("worker %d crashed in libmagic on '%s'; serving it as application/octet-stream", (int)pid, path);
}

/* Lets a worker that serves without a slot leave if one is free, and another one when this has ended. */
static void replace_without_slot(const struct workers *workers)
{
    bool is_free = free_slot(workers) < MASTER_SLOTS_MAX;
    for (unsigned i = 0; i < workers->master->workers && is_free; i++) {
        const struct child *child = &workers->list[i];
        if (child->pid > 0 && child->slot == MASTER_SLOTS_MAX) {
            kill(child->pid, WORKER_RETIRE);
            return;
        }
    }
}

/* In a process of its own, as it may have to wait. A worker that was not exploited has sent nothing yet. */
static void drop_early(const struct workers *workers)
{
    if (master_fork() != 0)
        return;
    descriptors_close_others(&workers->master->channels.next.receiver, 1); /* else it keeps the port */
    channels_drop_early(&workers->master->channels);
    _exit(EX_OK);
}

bool workers_on_exit(struct workers *workers, pid_t pid, int wait_status, bool serving)
{
    unsigned old_count = workers->old.count;
    for (unsigned i = 0; i < workers->master->workers; i++) {
        if (workers->list[i].pid == pid) {
            on_child_exit(workers, &workers->list[i], wait_status, serving);
            drop_early(workers);
            return true;
        }
    }
    if (!old_workers_on_exit(&workers->old, pid, wait_status, serving))
        return false;
    drop_early(workers);
    if (workers->old.count < old_count && serving)
        replace_without_slot(workers);
    return true;
}

void workers_signal(const struct workers *workers, int signal)
{
    for (unsigned i = 0; i < workers->master->workers; i++) {
        if (workers->list[i].pid > 0)
            kill(workers->list[i].pid, signal);
    }
    old_workers_signal(&workers->old, signal);
}

int64_t workers_grown_up(const struct workers *workers)
{
    int64_t first = INT64_MAX;
    for (unsigned i = 0; i < workers->master->workers; i++) {
        const struct child *child = &workers->list[i];
        if (child->pid > 0)
            first = earlier_of(first, child->started + LIMIT_YOUNG_MS);
    }
    return first;
}

int64_t workers_next_due(const struct workers *workers, int64_t now)
{
    int64_t due = workers->notices_due > now ? workers->notices_due : INT64_MAX;
    for (unsigned i = 0; i < workers->master->workers; i++) {
        const struct child *child = &workers->list[i];
        if (child->pid == 0)
            due = earlier_of(due, child->due);
    }
    return earlier_of(due, old_workers_next_due(&workers->old));
}

void workers_wait(const struct workers *workers, int64_t due, bool serving)
{
    struct pollfd notices[LIMIT_WORKERS];
    nfds_t count = 0;
    int64_t now = now_ms();
    struct timespec time = timespec_of(due > now ? due - now : 0);
    for (unsigned i = 0; i < workers->master->workers && serving && workers->notices_due <= now; i++) {
        if (workers->list[i].pid > 0)
            notices[count++] = (struct pollfd){.fd = workers->list[i].notices, .events = POLLIN};
    }
    ppoll(notices, count, due < INT64_MAX ? &time : NULL, &workers->setup.waiting_mask);
}

void workers_begin(struct workers *workers, struct master *master)
{
    workers->master = master;
    workers->setup = (struct worker_setup){
        .settings = master->settings,
        .listeners = master->listening.fds,
        .listener_count = master->listening.count,
        .memory = master->worker_memory,
        .worker_count = master->workers,
        .check_host = listen_must_check_host(&master->listening),
    };
    sigemptyset(&workers->setup.waiting_mask); /* this process may have started with some blocked */
    old_workers_adopt(&workers->old, master);
    workers_start(workers, now_ms());
}

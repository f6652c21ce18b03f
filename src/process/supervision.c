#include "process/supervision.h"

#include "base/descriptors.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/now.h"
#include "base/signals.h"
#include "process/channels.h"
#include "process/notify.h"
#include "process/old_workers.h"
#include "serve/worker.h"
#include "site/magic_guard.h"
#include "site/mime.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

/* A worker. If it dies, another process takes its slot. Times are milliseconds of the monotonic clock. */
struct child {
    pid_t pid;     /* 0: none */
    unsigned slot; /* of the shared memory; MASTER_SLOTS_MAX: none */
    int notices;   /* a socket of its own: it can't write in another's name */
    int64_t started;
    int64_t due;   /* the next start */
    int64_t pause; /* before the last start; 0 unless the previous worker died young */
    bool leaving;  /* it leaves, but there are too many old workers: it is not replaced yet */
};

enum supervision_state {
    SUPERVISION_SERVE,
    SUPERVISION_DRAIN, /* the workers finish the requests in flight */
    SUPERVISION_END,   /* the remaining workers are killed */
};

struct supervision {
    struct master *master;
    char *const *command; /* argv */
    enum supervision_state state;
    struct child children[LIMIT_WORKERS];
    unsigned running;
    struct old_workers old;
    pid_t dry_run;          /* the process of the new program, 0 if there is none */
    int64_t dry_run_due;    /* when to kill it */
    bool dry_run_killed;    /* its time is over */
    bool dry_run_succeeded; /* replace this program */
    bool root_missing;      /* that is logged */
    int64_t root_due;       /* when to look at the root's name; INT64_MAX: when a worker says so */
    pid_t look;             /* the process that looks, 0 if there is none */
    pid_t closer;           /* the process that closes the listening sockets, 0 if there is none */
    int64_t look_started;   /* when the last look began */
    int64_t notices_due;    /* when to read the workers' notices again */
    bool look_ended;        /* with look_status */
    int look_status;
    int64_t log_due;      /* when to start a log writer; INT64_MAX: all run */
    int64_t stop_started; /* INT64_MAX: this program was not told to stop */
    sig_atomic_t stop_signals_seen;
    struct worker_setup setup; /* for all workers */
};

static volatile sig_atomic_t stop_signals; /* the number received */
static volatile sig_atomic_t hangup;       /* SIGHUP is pending */
static volatile sig_atomic_t suspension;   /* SIGTSTP is pending */
static volatile sig_atomic_t reopen;       /* SIGUSR1 is pending */

static void on_stop(int signal)
{
    (void)signal;
    stop_signals++;
}

static void on_hangup(int signal)
{
    (void)signal;
    hangup = 1;
}

static void on_suspend(int signal)
{
    (void)signal;
    suspension = 1;
}

static void on_reopen(int signal)
{
    (void)signal;
    reopen = 1;
}

/* SIGCHLD interrupts the wait; waitpid returns the child. A worker inherits WORKER_RETIRE blocked, and so pending. */
static void on_other(int signal)
{
    (void)signal;
}

static bool is_stopping(const struct supervision *supervision)
{
    return supervision->stop_started != INT64_MAX;
}

/* ---- workers ---- */

/* In the child: gives the worker's descriptors their places, and closes what a library has kept open, such as the
   socket of a name service that found --user. False with errno on failure. */
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

static _Noreturn void fail_worker(int error)
{
    log_error("a worker can't start: %s", strerror(error));
    _exit(EX_OSERR);
}

/* Runs in the child, which from now on can write its own slot only. Without one there are no counters, and no libmagic:
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

/* Runs in the child. */
static _Noreturn void become_worker(struct supervision *supervision, unsigned slot, int notices, pid_t parent)
{
    struct sandbox_held held;
    struct master *master = supervision->master;
    struct worker_setup setup = supervision->setup;
    log_enter_worker(slot == MASTER_SLOTS_MAX ? NULL : metrics_of(master->metrics, slot));
    if (!take_slot(&setup, master, slot))
        _exit(EX_OSERR);
    if (!arrange_descriptors(master, notices))
        fail_worker(errno);
    setup.root = master->served.sandbox.root = master->served.root.fd;
    if (!sandbox_enter(&master->served.sandbox, parent, &held))
        _exit(held.user_error != 0 ? EX_NOPERM : EX_OSERR);
    /* As the workers' user, whose watches the kernel counts (epoll(7)); but not with seccomp: many instances could keep
       the master busy in /proc (begin_check). */
    setup.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (setup.epoll < 0)
        fail_worker(errno);
    sandbox_restrict_calls(&held);
    if (sandbox_is_weaker(&held, &master->served.held)) {
        log_error("a worker can't enter the sandbox: %s; 'ulimit -a' shows the limits",
                  strerror(sandbox_error(&held)));
        _exit(EX_OSERR);
    }
    exit(worker_run(&setup));
}

/* Returns a slot that no process can write; MASTER_SLOTS_MAX if there is none. */
static unsigned free_slot(const struct supervision *supervision)
{
    bool used[MASTER_SLOTS_MAX + 1] = {false};
    unsigned slots = supervision->master->slots;
    for (unsigned i = 0; i < supervision->master->workers; i++) {
        if (supervision->children[i].pid > 0)
            used[supervision->children[i].slot] = true;
    }
    for (unsigned i = 0; i < supervision->old.count; i++)
        used[supervision->old.list[i].slot] = true;
    for (unsigned slot = 0; slot < slots; slot++) {
        if (!used[slot])
            return slot;
    }
    return MASTER_SLOTS_MAX;
}

/* Returns its pid, or -1 with errno. */
static pid_t fork_worker(struct supervision *supervision, struct child *child)
{
    enum { READ, WRITE, ENDS };
    int notices[ENDS];
    pid_t parent = getpid();
    /* Not a pipe: the kernel locks that while a writer waits, so a worker could keep the master in read(2). */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, notices) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        become_worker(supervision, child->slot, notices[WRITE], parent);
    int error = errno;
    close(notices[WRITE]);
    if (pid < 0)
        close(notices[READ]);
    errno = error;
    child->notices = notices[READ];
    return pid;
}

static void start_child(struct supervision *supervision, struct child *child)
{
    child->slot = free_slot(supervision);
    if (child->slot == MASTER_SLOTS_MAX)
        log_error("%u old workers still finish their responses; until one has ended, a new worker counts "
                  "nothing and does not use libmagic",
                  supervision->old.count);
    pid_t pid = fork_worker(supervision, child);
    child->started = now_ms();
    if (pid < 0) {
        child->pause = master_longer_pause(child->pause);
        child->due = child->started + child->pause;
        log_error("can't start a worker: %s; trying again in %lld ms", strerror(errno),
                  (long long)child->pause);
        return;
    }
    child->pid = pid;
    child->leaving = false;
    supervision->running++;
}

/* Gives the workers the root's name if they can look it up. */
static void set_root_name(struct supervision *supervision)
{
    const struct master *master = supervision->master;
    supervision->setup.root_name = master->served.held.root_is_visible ? master->served.root.name : NULL;
}

static void start_due_children(struct supervision *supervision)
{
    int64_t now = now_ms();
    for (unsigned i = 0; i < supervision->master->workers; i++) {
        struct child *child = &supervision->children[i];
        if (child->pid == 0 && child->due <= now)
            start_child(supervision, child);
    }
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

static int64_t next_pause(const struct child *child, int64_t now)
{
    return now - child->started < LIMIT_YOUNG_MS ? master_longer_pause(child->pause) : 0;
}

static struct child *find_child(struct supervision *supervision, pid_t pid)
{
    for (unsigned i = 0; i < supervision->master->workers; i++) {
        if (supervision->children[i].pid == pid)
            return &supervision->children[i];
    }
    return NULL;
}

static void on_child_exit(struct supervision *supervision, struct child *child, int wait_status)
{
    unsigned slot = child->slot;
    pid_t pid = child->pid;
    int64_t now = now_ms();
    char path[MAGIC_GUARD_PATH_MAX];
    bool has_slot = slot < MASTER_SLOTS_MAX;
    bool crashed = has_slot && magic_guard_record_crash(slot, path); /* quarantines the file */
    child->pause = crashed ? 0 : next_pause(child, now); /* such a file can't crash the next worker */
    child->due = now + child->pause;
    child->pid = 0;
    if (child->notices >= 0)
        close(child->notices);
    supervision->running--;
    if (supervision->state == SUPERVISION_SERVE) {
        if (has_slot)
            metrics_restart(metrics_of(supervision->master->metrics, slot));
        /* 0: SIGTERM or WORKER_RETIRE told it to leave, perhaps with the process group. */
        if (wait_status != 0)
            log_death(pid, wait_status, child->pause);
    }
    if (crashed)
        log_error("worker %d crashed in libmagic on '%s'; serving it as application/octet-stream", (int)pid,
                  path);
}

/* Lets a worker that serves without a slot leave if one is free, and another one when this has ended. */
static void replace_without_slot(const struct supervision *supervision)
{
    bool free = supervision->state == SUPERVISION_SERVE && free_slot(supervision) < MASTER_SLOTS_MAX;
    for (unsigned i = 0; i < supervision->master->workers && free; i++) {
        const struct child *child = &supervision->children[i];
        if (child->pid > 0 && child->slot == MASTER_SLOTS_MAX) {
            kill(child->pid, WORKER_RETIRE);
            return;
        }
    }
}

/* The dry run has printed its own error, if any. */
static void on_dry_run_exit(struct supervision *supervision, int wait_status)
{
    supervision->dry_run = 0;
    if (is_stopping(supervision))
        return;
    supervision->dry_run_succeeded = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == HANDOVER_READY;
    if (supervision->dry_run_succeeded)
        return;
    if (WIFEXITED(wait_status))
        log_error("not reloaded: '%s' could not start, status %d; the running program stays",
                  handover_program(), WEXITSTATUS(wait_status));
    else
        log_error("not reloaded: '%s' could not start, signal %d (%s); the running program stays",
                  handover_program(), WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    notify_ready();
}

/* Reaps all dead children: as PID 1 of a container, also orphans of other processes. */
static void reap(struct supervision *supervision)
{
    int wait_status;
    pid_t pid;
    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0) {
        struct child *child = find_child(supervision, pid);
        unsigned old_count = supervision->old.count;
        if (child != NULL)
            on_child_exit(supervision, child, wait_status);
        else if (pid == supervision->dry_run)
            on_dry_run_exit(supervision, wait_status);
        else if (pid == supervision->look) {
            supervision->look = 0;
            supervision->look_ended = true;
            supervision->look_status = wait_status;
        } else if (pid == supervision->closer)
            supervision->closer = 0;
        else if (old_workers_on_exit(&supervision->old, pid, wait_status,
                                     supervision->state == SUPERVISION_SERVE)) {
            if (supervision->old.count < old_count)
                replace_without_slot(supervision);
        } else
            log_writer_ended(pid);
    }
}

static void signal_all(const struct supervision *supervision, int signal)
{
    for (unsigned i = 0; i < supervision->master->workers; i++) {
        if (supervision->children[i].pid > 0)
            kill(supervision->children[i].pid, signal);
    }
    old_workers_signal(&supervision->old, signal);
}

/* ---- reload ---- */

static void begin_dry_run(struct supervision *supervision)
{
    if (supervision->running + supervision->old.count > LIMIT_RETIRED) {
        log_error("not reloaded: %u old workers still finish their requests, the maximum is %d; the running "
                  "program stays",
                  supervision->old.count, LIMIT_RETIRED - (int)supervision->running);
        return;
    }
    notify_reloading();
    supervision->dry_run = handover_dry_run(supervision->command, &supervision->master->listening);
    supervision->dry_run_due = now_ms() + LIMIT_DRY_RUN_MS;
    supervision->dry_run_killed = false;
    if (supervision->dry_run > 0)
        return;
    log_error("not reloaded: can't start a process: %s; the running program stays", strerror(errno));
    supervision->dry_run = 0;
    notify_ready();
}

/* Replaces this program. Its workers, and the old ones, stay children of the process. */
static void hand_over(struct supervision *supervision)
{
    struct old_worker workers[LIMIT_RETIRED];
    unsigned count = 0;
    for (unsigned i = 0; i < supervision->master->workers && count < LIMIT_RETIRED; i++) {
        if (supervision->children[i].pid > 0)
            workers[count++] = (struct old_worker){.pid = supervision->children[i].pid};
    }
    for (unsigned i = 0; i < supervision->old.count && count < LIMIT_RETIRED; i++)
        workers[count++] = supervision->old.list[i].worker;
    channels_end_old(&supervision->master->channels);
    if (supervision->look > 0)
        kill(supervision->look, SIGKILL);
    if (hangup) /* since the dry run began: stays pending, as it is blocked, for the new program */
        raise(SIGHUP);
    const struct channels *channels = &supervision->master->channels;
    const struct passed_channels passed = {channels->next.receiver, channels->own.receiver, channels->before};
    int error =
        handover_execute(supervision->command, &supervision->master->listening, workers, count, &passed);
    log_error("not reloaded: can't execute '%s': %s; the running program stays", handover_program(),
              strerror(error));
    supervision->dry_run_succeeded = false;
    notify_ready();
}

/* Returns when the first new worker will have lived for LIMIT_YOUNG_MS, INT64_MAX without workers. */
static int64_t first_grown_up(const struct supervision *supervision)
{
    int64_t first = INT64_MAX;
    for (unsigned i = 0; i < supervision->master->workers; i++) {
        const struct child *child = &supervision->children[i];
        if (child->pid > 0)
            first = earlier_of(first, child->started + LIMIT_YOUNG_MS);
    }
    return first;
}

/* While no new worker can start, for lack of memory, processes or epoll watches, the old ones still serve. */
static void finish_reload(struct supervision *supervision)
{
    int64_t now = now_ms();
    if (!supervision->old.retire_pending || first_grown_up(supervision) > now)
        return;
    old_workers_retire(&supervision->old, now);
    if (supervision->master->settings->verbosity != VERBOSITY_QUIET)
        log_error("reloaded; old workers are finishing");
}

/* ---- a new root, and workers that leave ---- */

/* Call it only with old_workers_make_room(). */
static void make_old(struct supervision *supervision, struct child *child, int64_t now)
{
    old_workers_add(&supervision->old, child->pid, child->slot, child->notices, now);
    supervision->running--;
    child->pid = 0;
    child->due = now;
}

/* A worker that drains or retires by itself, as a signal told it to. */
static void on_leave(struct supervision *supervision, struct child *child)
{
    int64_t now = now_ms();
    if (!old_workers_make_room(&supervision->old, supervision->running)) {
        if (!child->leaving)
            log_error(
                "worker %d leaves, but %u old workers still finish their responses; it is replaced when "
                "one has ended",
                (int)child->pid, supervision->old.count);
        child->leaving = true;
        return;
    }
    make_old(supervision, child, now);
    child->pause = next_pause(child, now);
    child->due = now + child->pause;
}

/* Gives the workers of the new root the connections of those of the old one. */
static void replace_workers(struct supervision *supervision, int64_t now)
{
    set_root_name(supervision);
    for (unsigned i = 0; i < supervision->master->workers; i++) {
        struct child *child = &supervision->children[i];
        if (child->pid > 0)
            make_old(supervision, child, now);
    }
    start_due_children(supervision);
    old_workers_retire(&supervision->old, now);
}

static void log_root_missing(struct supervision *supervision, const char *why)
{
    if (!supervision->root_missing)
        log_error("%s; responses are 503 meanwhile", why);
    supervision->root_missing = true;
}

/* The root or the one file that is served, as typed. */
struct typed_root {
    const char *kind;
    const char *folder; /* with its slash; "" for a directory */
    const char *name;
};

static struct typed_root typed_root_of(const struct supervision *supervision)
{
    const struct settings *settings = supervision->master->settings;
    if (settings->file == NULL)
        return (struct typed_root){"root", "", settings->root};
    bool has_folder =
        settings->root[strlen(settings->root) - 1] == '/'; /* else it is ".", which was not typed */
    return (struct typed_root){"file", has_folder ? settings->root : "", settings->file};
}

static void log_root_back(struct supervision *supervision)
{
    struct typed_root root = typed_root_of(supervision);
    if (supervision->root_missing)
        log_error("%s '%s%s' is there again", root.kind, root.folder, root.name);
    supervision->root_missing = false;
}

/* The exit status of a look: one of these, or an errno if the root is missing. */
enum { LOOK_CURRENT = 0, LOOK_REPLACED = 255 };

/* In the child. While the root is missing, and where workers can't look the name up, it looks every LIMIT_ROOT_LOOK_MS
   until something changes, as a fork for each look costs more. SIGALRM ends it if a file system does not respond. */
static _Noreturn void look_at_name(const struct supervision *supervision)
{
    const struct root *root = &supervision->master->served.root;
    const struct timespec pause = timespec_of(LIMIT_ROOT_LOOK_MS);
    enum root_state state;
    int error;
    sigset_t alarmed;
    sigemptyset(&alarmed);
    sigaddset(&alarmed, SIGALRM);
    signal(SIGALRM, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &alarmed, NULL);
    descriptors_close_others(&root->fd, 1); /* a process that waits for a file system keeps the port */
    for (;;) {
        alarm(LIMIT_ROOT_MS / 1000);
        state = root_look(root, &error);
        if (supervision->root_missing ? state != ROOT_MISSING
                                      : state != ROOT_CURRENT || supervision->setup.root_name != NULL)
            break;
        ppoll(NULL, 0, &pause, &supervision->setup.waiting_mask);
    }
    _exit(state == ROOT_MISSING ? error : state == ROOT_REPLACED ? LOOK_REPLACED : LOOK_CURRENT);
}

static void begin_look(struct supervision *supervision, int64_t now)
{
    pid_t pid = master_fork();
    if (pid == 0)
        look_at_name(supervision);
    supervision->look = pid > 0 ? pid : 0;
    supervision->look_started = now;
    supervision->root_due = pid > 0 ? INT64_MAX : now + LIMIT_ROOT_LOOK_MS;
}

static void log_root_hung(struct supervision *supervision)
{
    if (!supervision->root_missing)
        log_error("root '%s' can't be looked up: a file system does not respond",
                  supervision->master->settings->root);
    supervision->root_missing = true;
}

/* Returns false if the name is to be looked up again. */
static bool handle_look(struct supervision *supervision, int64_t now)
{
    struct failure failure = {0};
    struct typed_root root = typed_root_of(supervision);
    int result = supervision->look_status;
    if (WIFSIGNALED(result)) {
        if (WTERMSIG(result) == SIGALRM && now - supervision->look_started >= LIMIT_ROOT_MS)
            log_root_hung(supervision);
        return false;
    }
    if (WEXITSTATUS(result) == LOOK_CURRENT) {
        log_root_back(supervision);
        return supervision->setup.root_name != NULL;
    }
    if (WEXITSTATUS(result) != LOOK_REPLACED) {
        fail(&failure, EX_NOINPUT, "%s '%s%s' is missing: %s", root.kind, root.folder, root.name,
             strerror(WEXITSTATUS(result)));
    } else if (!old_workers_make_room(&supervision->old, supervision->running)) {
        fail(&failure, EX_OSERR, "root '%s' was replaced, but %u old workers still finish their responses",
             supervision->master->settings->root, supervision->old.count);
    } else if (served_root_replace(&supervision->master->served, &failure) == 0) {
        log_root_back(supervision);
        replace_workers(supervision, now);
        return supervision->setup.root_name != NULL;
    }
    log_root_missing(supervision, failure.message);
    return false;
}

static void look_at_root(struct supervision *supervision, int64_t now)
{
    if (supervision->look_ended && !handle_look(supervision, now))
        supervision->root_due = earlier_of(supervision->root_due, now + LIMIT_ROOT_LOOK_MS);
    supervision->look_ended = false;
    if (supervision->look == 0 && supervision->root_due <= now)
        begin_look(supervision, now);
}

static void replace_leaving(struct supervision *supervision)
{
    for (unsigned i = 0; i < supervision->master->workers; i++) {
        struct child *child = &supervision->children[i];
        if (child->pid > 0 && child->leaving)
            on_leave(supervision, child);
    }
}

/* A few of them tell all; a compromised worker may write on and on. */
static void read_notices(struct supervision *supervision, int64_t now)
{
    int64_t soon = supervision->look_started + LIMIT_ROOT_REPLACE_MS;
    bool root_changed = false;
    for (unsigned i = 0; i < supervision->master->workers; i++) {
        struct child *child = &supervision->children[i];
        char notices[256];
        ssize_t count = child->pid > 0 ? read(child->notices, notices, sizeof notices) : -1;
        if (count >= 0)
            supervision->notices_due = now + LIMIT_ROOT_REPLACE_MS;
        if (count == 0) { /* it ends, or has shut its end down: poll(2) would return at once for ever */
            close(child->notices);
            child->notices = -1;
        }
        root_changed |= count > 0 && memchr(notices, WORKER_FOUND_ROOT_CHANGED, (size_t)count) != NULL;
        if (count > 0 && memchr(notices, WORKER_LEAVES, (size_t)count) != NULL)
            on_leave(supervision, child);
    }
    if (root_changed)
        supervision->root_due = earlier_of(supervision->root_due, soon);
    if (root_changed && supervision->look > 0)
        kill(supervision->look, WORKER_RETIRE); /* ends its pause */
}

/* ---- the loop ---- */

static void kill_looks(const struct supervision *supervision)
{
    if (supervision->look > 0)
        kill(supervision->look, SIGKILL);
    old_workers_stop_checks(&supervision->old);
}

static void begin_drain(struct supervision *supervision)
{
    assert(supervision->state == SUPERVISION_SERVE);
    supervision->state = SUPERVISION_DRAIN;
    supervision->closer = listen_close_in_child(&supervision->master->listening);
    signal_all(supervision, SIGTERM);
    kill_looks(supervision);
}

/* Serves on for --shutdown-delay. Workers measure it themselves, as a service manager may signal them as well. */
static void begin_stop(struct supervision *supervision)
{
    assert(supervision->state == SUPERVISION_SERVE);
    supervision->stop_started = now_ms();
    supervision->setup.drain_due =
        supervision->stop_started + INT64_C(1000) * supervision->master->settings->shutdown_delay;
    if (supervision->dry_run > 0)
        kill(supervision->dry_run, SIGKILL);
    supervision->dry_run_succeeded = false;
    notify_stopping(master_stop_ms(supervision->master->settings) + LIMIT_KILL_MS + LIMIT_LOG_LAST_MS +
                    LIMIT_LOG_GRACE_MS);
    signal_all(supervision, SIGTERM);
}

static void read_stop_signals(struct supervision *supervision)
{
    if (stop_signals == supervision->stop_signals_seen)
        return;
    supervision->stop_signals_seen = stop_signals;
    if (!is_stopping(supervision)) {
        begin_stop(supervision);
    } else if (now_ms() - supervision->stop_started >= LIMIT_STOP_TWICE_MS) {
        supervision->state = SUPERVISION_END;
        log_hurry();
    }
}

/* SIGHUP reloads, or drains if the terminal is gone, so that a forgotten server does not keep the port. Both the shell
   and the kernel may send it for a closed terminal, so a second one does not stop at once. During a dry run it stays
   pending for the program that serves afterwards. */
static void read_hangup(struct supervision *supervision)
{
    bool starting =
        supervision->old.retire_pending && supervision->running > 0; /* a reload is not finished */
    if (!hangup || supervision->dry_run > 0 || supervision->dry_run_succeeded || starting ||
        is_stopping(supervision))
        return;
    hangup = 0;
    if (master_lost_terminal(supervision->master))
        begin_stop(supervision);
    else
        begin_dry_run(supervision);
}

/* The log writers, too: they have lines for the terminal. */
static void signal_others(const struct supervision *supervision, int signal)
{
    signal_all(supervision, signal);
    log_signal_writers(signal);
    if (supervision->dry_run > 0)
        kill(supervision->dry_run, signal);
}

/* No time limit of the master counts while the server is stopped, but --shutdown-delay, which workers measure as well. */
static void add_time(struct supervision *supervision, int64_t stopped)
{
    if (is_stopping(supervision))
        supervision->stop_started += stopped;
    if (!supervision->dry_run_killed)
        supervision->dry_run_due += stopped;
    old_workers_add_time(&supervision->old, stopped);
}

/* Ctrl-Z stops all processes of the server, and fg goes on with them. Looks and checks begin anew, as their time would
   be over. Workers and log writers don't stop by themselves: in an orphaned process group, where no shell could let
   them go on, the kernel does not stop this process, and so they go on at once. */
static void read_suspension(struct supervision *supervision)
{
    int64_t start = now_ms();
    if (!suspension)
        return;
    suspension = 0;
    kill_looks(supervision);
    signal_others(supervision, SIGSTOP);
    signals_suspend();
    signal_others(supervision, SIGCONT);
    add_time(supervision, now_ms() - start);
}

static void read_reopen(void)
{
    if (!reopen)
        return;
    reopen = 0;
    log_reopen();
}

static void end_dry_run(struct supervision *supervision, int64_t now)
{
    kill(supervision->dry_run, SIGKILL);
    supervision->dry_run_due = supervision->dry_run_killed ? INT64_MAX : now + LIMIT_BACKOFF_MS;
    if (supervision->dry_run_killed) {
        log_error("not reloaded: '%s' does not end, waiting for a file system; the running program stays",
                  handover_program());
        notify_ready();
    }
    supervision->dry_run_killed = true;
}

/* Kills the dry run and the old workers when their time is over. */
static void kill_overdue(struct supervision *supervision)
{
    int64_t now = now_ms();
    if (supervision->dry_run > 0 && supervision->dry_run_due <= now)
        end_dry_run(supervision, now);
    old_workers_step(&supervision->old, now);
}

/* Only for workers that hang: the others stop by themselves after --drain. */
static int64_t drain_deadline(const struct supervision *supervision)
{
    return supervision->stop_started + master_stop_ms(supervision->master->settings);
}

static bool is_over(const struct supervision *supervision)
{
    switch (supervision->state) {
    case SUPERVISION_SERVE:
        return false;
    case SUPERVISION_DRAIN:
        return supervision->running + supervision->old.count == 0 || now_ms() >= drain_deadline(supervision);
    case SUPERVISION_END:
        break;
    }
    return true;
}

/* Returns the time until the next event without a signal, or NULL if there is none. */
static struct timespec *time_to_wait(const struct supervision *supervision, struct timespec *time)
{
    bool serving = supervision->state == SUPERVISION_SERVE;
    int64_t now = now_ms(), due = serving ? INT64_MAX : drain_deadline(supervision);
    due = earlier_of(due, supervision->log_due);
    if (serving && supervision->notices_due > now)
        due = earlier_of(due, supervision->notices_due);
    if (serving && is_stopping(supervision))
        due = earlier_of(due, supervision->setup.drain_due);
    if (serving && supervision->dry_run > 0)
        due = earlier_of(due, supervision->dry_run_due);
    if (serving && supervision->look == 0)
        due = earlier_of(due, supervision->root_due);
    if (serving)
        due = earlier_of(due, old_workers_next_due(&supervision->old));
    if (serving && supervision->old.retire_pending)
        due = earlier_of(due, first_grown_up(supervision));
    for (unsigned i = 0; i < supervision->master->workers && serving; i++) {
        const struct child *child = &supervision->children[i];
        if (child->pid == 0)
            due = earlier_of(due, child->due);
    }
    if (due == INT64_MAX)
        return NULL;
    *time = timespec_of(due > now ? due - now : 0);
    return time;
}

/* Waits for a signal or a notice. */
static void wait_for_notices(const struct supervision *supervision, const struct timespec *time)
{
    struct pollfd notices[LIMIT_WORKERS];
    nfds_t count = 0;
    bool reads = supervision->state == SUPERVISION_SERVE && now_ms() >= supervision->notices_due;
    for (unsigned i = 0; i < supervision->master->workers && reads; i++) {
        if (supervision->children[i].pid > 0)
            notices[count++] = (struct pollfd){.fd = supervision->children[i].notices, .events = POLLIN};
    }
    ppoll(notices, count, time, &supervision->setup.waiting_mask);
}

static void supervise(struct supervision *supervision)
{
    for (;;) {
        struct timespec time;
        read_suspension(supervision);
        read_stop_signals(supervision); /* before reap(): the same signal may have ended a child */
        read_reopen();
        reap(supervision);
        supervision->log_due = log_start_writers(now_ms());
        if (supervision->state == SUPERVISION_SERVE)
            finish_reload(supervision);
        read_hangup(supervision);
        if (supervision->state == SUPERVISION_SERVE && is_stopping(supervision) &&
            now_ms() >= supervision->setup.drain_due)
            begin_drain(supervision);
        if (is_over(supervision))
            return;
        if (supervision->state == SUPERVISION_SERVE) {
            int64_t now = now_ms();
            if (now >= supervision->notices_due)
                read_notices(supervision, now);
            replace_leaving(supervision);
            look_at_root(supervision, now);
            if (supervision->dry_run_succeeded && !old_workers_are_checked(&supervision->old) &&
                !log_awaits_writer())
                hand_over(supervision);
            start_due_children(supervision);
            kill_overdue(supervision);
        }
        wait_for_notices(supervision, time_to_wait(supervision, &time));
    }
}

/* Kills all workers. One that waits for a file system which does not respond ends when that does (signal(7)), and so
   does the process that closes the listening sockets; this process does not wait for them. */
static void kill_all(struct supervision *supervision)
{
    int64_t end = now_ms() + LIMIT_KILL_MS;
    signal_all(supervision, SIGKILL);
    for (;;) {
        reap(supervision);
        int64_t left = end - now_ms();
        unsigned count = supervision->running + supervision->old.count + (supervision->closer > 0);
        if (count == 0)
            return;
        if (left <= 0) {
            log_error(
                "%u process%s not end, waiting for a file system; the port stays in use until it responds",
                count, count == 1 ? " does" : "es do");
            return;
        }
        struct timespec time = timespec_of(left);
        ppoll(NULL, 0, &time, &supervision->setup.waiting_mask);
    }
}

/* A worker inherits the mask, so that WORKER_RETIRE stays pending until it has its handler. */
static void handle_signals(void)
{
    static void (*const handlers[SIGNAL_EFFECTS])(int signal) = {
        [SIGNAL_DRAIN] = on_stop,      [SIGNAL_RELOAD] = on_hangup, [SIGNAL_WAKE] = on_other,
        [SIGNAL_SUSPEND] = on_suspend, [SIGNAL_REOPEN] = on_reopen,
    };
    signals_handle(SIGNAL_MASTER, handlers);
}

int supervision_run(struct master *master, char *const *command)
{
    static struct supervision room;
    struct supervision *supervision = &room;
    supervision->master = master;
    supervision->command = command;
    supervision->stop_started = INT64_MAX;
    supervision->setup = (struct worker_setup){
        .settings = master->settings,
        .listeners = master->listening.fds,
        .listener_count = master->listening.count,
        .memory = master->worker_memory,
        .worker_count = master->workers,
        .check_host = listen_must_check_host(&master->listening),
    };
    sigemptyset(&supervision->setup.waiting_mask); /* this process may have started with some blocked */
    handle_signals();
    set_root_name(supervision);
    supervision->root_due = now_ms(); /* the root may be missing */
    old_workers_adopt(&supervision->old, master);
    start_due_children(supervision);
    notify_ready();
    supervise(supervision);
    if (master->listening.count > 0)
        supervision->closer = listen_close_in_child(&master->listening);
    kill_all(supervision);
    mime_close();
    magic_guard_close();
    close(master->served.root.fd);
    return EX_OK;
}

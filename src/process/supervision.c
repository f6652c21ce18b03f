#include "process/supervision.h"

#include "base/descriptors.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/now.h"
#include "base/signals.h"
#include "process/notify.h"
#include "process/reload.h"
#include "process/workers.h"
#include "serve/worker.h"
#include "site/magic_guard.h"
#include "site/mime.h"

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum supervision_state {
    SUPERVISION_SERVE,
    SUPERVISION_DRAIN, /* the workers finish the requests in flight */
    SUPERVISION_END,   /* the remaining workers are killed */
};

struct supervision {
    struct master *master;
    enum supervision_state state;
    struct workers workers;
    struct reload reload;
    bool root_missing;    /* that is logged */
    int64_t root_due;     /* when to look at the root's name; INT64_MAX: when a worker says so */
    pid_t look;           /* the process that looks, 0 if there is none */
    pid_t closer;         /* the process that closes the listening sockets, 0 if there is none */
    int64_t look_started; /* when the last look began */
    bool look_ended;      /* with look_status */
    int look_status;
    int64_t log_due;      /* when to start a log writer; INT64_MAX: all run */
    int64_t stop_started; /* if the server was told to stop */
    sig_atomic_t stop_signals_seen;
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
    return supervision->workers.setup.drain_due > 0;
}

/* ---- workers ---- */

/* Reaps all dead children: as PID 1 of a container, also orphans of other processes. */
static void reap(struct supervision *supervision)
{
    int wait_status;
    pid_t pid;
    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0) {
        if (workers_on_exit(&supervision->workers, pid, wait_status, supervision->state == SUPERVISION_SERVE))
            continue;
        if (reload_on_exit(&supervision->reload, pid, wait_status))
            continue;
        if (pid == supervision->look) {
            supervision->look = 0;
            supervision->look_ended = true;
            supervision->look_status = wait_status;
        } else if (pid == supervision->closer)
            supervision->closer = 0;
        else
            log_writer_ended(pid);
    }
}

/* SIGHUP since the dry run began stays pending, as it is blocked, for the new program. */
static void hand_over(struct supervision *supervision)
{
    if (supervision->look > 0)
        kill(supervision->look, SIGKILL);
    if (hangup)
        raise(SIGHUP);
    reload_hand_over(&supervision->reload);
}

/* ---- a new root, and workers that leave ---- */

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
        if (supervision->root_missing
                ? state != ROOT_MISSING
                : state != ROOT_CURRENT || served_root_name(&supervision->master->served) != NULL)
            break;
        ppoll(NULL, 0, &pause, &supervision->workers.setup.waiting_mask);
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
        return served_root_name(&supervision->master->served) != NULL;
    }
    if (WEXITSTATUS(result) != LOOK_REPLACED) {
        fail(&failure, EX_NOINPUT, "%s '%s%s' is missing: %s", root.kind, root.folder, root.name,
             strerror(WEXITSTATUS(result)));
    } else if (!old_workers_make_room(&supervision->workers.old, supervision->workers.running)) {
        fail(&failure, EX_OSERR, "root '%s' was replaced, but %u old workers still finish their responses",
             supervision->master->settings->root, supervision->workers.old.count);
    } else if (served_root_replace(&supervision->master->served, &failure) == 0) {
        log_root_back(supervision);
        workers_replace(&supervision->workers, now);
        return served_root_name(&supervision->master->served) != NULL;
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

/* A worker has found that the root has changed. */
static void hurry_look(struct supervision *supervision)
{
    supervision->root_due =
        earlier_of(supervision->root_due, supervision->look_started + LIMIT_ROOT_REPLACE_MS);
    if (supervision->look > 0)
        kill(supervision->look, WORKER_RETIRE); /* ends its pause */
}

/* ---- the loop ---- */

static void kill_looks(const struct supervision *supervision)
{
    if (supervision->look > 0)
        kill(supervision->look, SIGKILL);
    old_workers_stop_checks(&supervision->workers.old);
}

static void begin_drain(struct supervision *supervision)
{
    assert(supervision->state == SUPERVISION_SERVE);
    supervision->state = SUPERVISION_DRAIN;
    supervision->closer = listen_close_in_child(&supervision->master->listening);
    workers_signal(&supervision->workers, SIGTERM);
    kill_looks(supervision);
}

/* Serves on for --shutdown-delay. Workers measure it themselves, as a service manager may signal them as well. */
static void begin_stop(struct supervision *supervision)
{
    assert(supervision->state == SUPERVISION_SERVE);
    supervision->stop_started = now_ms();
    supervision->workers.setup.drain_due =
        supervision->stop_started + INT64_C(1000) * supervision->master->settings->shutdown_delay;
    reload_cancel(&supervision->reload);
    notify_stopping(master_stop_ms(supervision->master->settings) + LIMIT_KILL_MS + LIMIT_LOG_LAST_MS +
                    LIMIT_LOG_GRACE_MS);
    workers_signal(&supervision->workers, SIGTERM);
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
    if (!hangup || reload_is_under_way(&supervision->reload) || is_stopping(supervision))
        return;
    hangup = 0;
    if (master_lost_terminal(supervision->master))
        begin_stop(supervision);
    else
        reload_begin(&supervision->reload);
}

/* The log writers, too: they have lines for the terminal. */
static void signal_others(const struct supervision *supervision, int signal)
{
    workers_signal(&supervision->workers, signal);
    log_signal_writers(signal);
    if (supervision->reload.dry_run > 0)
        kill(supervision->reload.dry_run, signal);
}

/* No time limit of the master counts while the server is stopped, but --shutdown-delay, which workers measure as well. */
static void add_time(struct supervision *supervision, int64_t stopped)
{
    supervision->stop_started += stopped;
    if (!supervision->reload.killed)
        supervision->reload.due += stopped;
    old_workers_add_time(&supervision->workers.old, stopped);
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
        return supervision->workers.running + supervision->workers.old.count == 0 ||
               now_ms() >= drain_deadline(supervision);
    case SUPERVISION_END:
        break;
    }
    return true;
}

/* Returns when to go on without a signal or a notice; INT64_MAX: never. */
static int64_t next_due(const struct supervision *supervision)
{
    int64_t due = supervision->log_due;
    if (supervision->state != SUPERVISION_SERVE)
        return earlier_of(due, drain_deadline(supervision));
    if (is_stopping(supervision))
        due = earlier_of(due, supervision->workers.setup.drain_due);
    due = earlier_of(due, reload_next_due(&supervision->reload));
    if (supervision->look == 0)
        due = earlier_of(due, supervision->root_due);
    return earlier_of(due, workers_next_due(&supervision->workers, now_ms()));
}

static void supervise(struct supervision *supervision)
{
    for (;;) {
        read_suspension(supervision);
        read_stop_signals(supervision); /* before reap(): the same signal may have ended a child */
        read_reopen();
        reap(supervision);
        supervision->log_due = log_start_writers(now_ms());
        if (supervision->state == SUPERVISION_SERVE)
            reload_step(&supervision->reload, now_ms());
        read_hangup(supervision);
        if (supervision->state == SUPERVISION_SERVE && is_stopping(supervision) &&
            now_ms() >= supervision->workers.setup.drain_due)
            begin_drain(supervision);
        if (is_over(supervision))
            return;
        if (supervision->state == SUPERVISION_SERVE) {
            int64_t now = now_ms();
            if (workers_read_notices(&supervision->workers, now))
                hurry_look(supervision);
            look_at_root(supervision, now);
            if (supervision->reload.succeeded && !old_workers_are_checked(&supervision->workers.old) &&
                !log_awaits_writer())
                hand_over(supervision);
            workers_start(&supervision->workers, now_ms());
            old_workers_step(&supervision->workers.old, now_ms());
        }
        workers_wait(&supervision->workers, next_due(supervision), supervision->state == SUPERVISION_SERVE);
    }
}

/* Kills all workers. One that waits for a file system which does not respond ends when that does (signal(7)), and so
   does the process that closes the listening sockets; this process does not wait for them. */
static void kill_all(struct supervision *supervision)
{
    int64_t end = now_ms() + LIMIT_KILL_MS;
    workers_signal(&supervision->workers, SIGKILL);
    for (;;) {
        reap(supervision);
        unsigned count =
            supervision->workers.running + supervision->workers.old.count + (supervision->closer > 0);
        if (count == 0)
            return;
        if (now_ms() >= end) {
            log_error(
                "%u process%s not end, waiting for a file system; the port stays in use until it responds",
                count, count == 1 ? " does" : "es do");
            return;
        }
        workers_wait(&supervision->workers, end, false);
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
    supervision->reload = (struct reload){.workers = &supervision->workers, .command = command};
    handle_signals();
    supervision->root_due = now_ms(); /* the root may be missing */
    workers_begin(&supervision->workers, master);
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

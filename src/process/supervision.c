#include "process/supervision.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/now.h"
#include "base/signals.h"
#include "process/notify.h"
#include "process/reload.h"
#include "process/root_watch.h"
#include "process/workers.h"
#include "site/magic_guard.h"
#include "site/mime.h"

#include <assert.h>
#include <signal.h>
#include <sys/wait.h>
#include <sysexits.h>
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
    struct root_watch root_watch;
    pid_t closer;         /* the process that closes the listening sockets, 0 if there is none */
    int64_t log_due;      /* when to start a log writer; INT64_MAX: all run */
    int64_t stop_started; /* if the server was told to stop */
};

static bool is_stopping(const struct supervision *supervision)
{
    return supervision->workers.setup.drain_due > 0;
}

/* Reaps all dead children: as PID 1 of a container, also orphans of other processes. */
static void reap(struct supervision *supervision)
{
    int wait_status;
    pid_t pid;
    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0) {
        bool serving = supervision->state == SUPERVISION_SERVE;
        if (pid == supervision->closer)
            supervision->closer = 0;
        else if (!workers_on_exit(&supervision->workers, pid, wait_status, serving) &&
                 !reload_on_exit(&supervision->reload, pid, wait_status) &&
                 !root_watch_on_exit(&supervision->root_watch, pid, wait_status))
            (void)log_note_ended(pid);
    }
}

static void kill_looks(const struct supervision *supervision)
{
    root_watch_stop(&supervision->root_watch);
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
    if (!signals_take(SIGNAL_DRAIN))
        return;
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
    if (reload_is_under_way(&supervision->reload) || is_stopping(supervision) || !signals_take(SIGNAL_RELOAD))
        return;
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

/* No time limit of the master counts while the server is stopped, but --shutdown-delay, which workers measure as
   well. */
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
    if (!signals_take(SIGNAL_SUSPEND))
        return;
    kill_looks(supervision);
    signal_others(supervision, SIGSTOP);
    signals_suspend();
    signal_others(supervision, SIGCONT);
    add_time(supervision, now_ms() - start);
}

/* Only for workers that hang: the others stop by themselves after --drain. */
static int64_t drain_deadline(const struct supervision *supervision)
{
    return supervision->stop_started + master_stop_ms(supervision->master->settings);
}

static bool is_over(const struct supervision *supervision)
{
    bool is_drained = supervision->workers.running + supervision->workers.old.count == 0;
    return supervision->state == SUPERVISION_END ||
           (supervision->state == SUPERVISION_DRAIN && (is_drained || now_ms() >= drain_deadline(supervision)));
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
    due = earlier_of(due, root_watch_next_due(&supervision->root_watch));
    return earlier_of(due, workers_next_due(&supervision->workers, now_ms()));
}

static void supervise(struct supervision *supervision)
{
    for (;;) {
        read_suspension(supervision);
        read_stop_signals(supervision); /* before reap(): the same signal may have ended a child */
        if (signals_take(SIGNAL_REOPEN))
            log_reopen();
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
                root_watch_hurry(&supervision->root_watch);
            root_watch_step(&supervision->root_watch, now);
            if (reload_may_hand_over(&supervision->reload, now)) {
                root_watch_stop(&supervision->root_watch);
                /* One since the dry run began: stays pending, as it is blocked, for the new program. */
                if (signals_take(SIGNAL_RELOAD))
                    raise(SIGHUP);
                reload_hand_over(&supervision->reload);
            }
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
        unsigned count = supervision->workers.running + supervision->workers.old.count + (supervision->closer > 0);
        if (count == 0)
            return;
        if (now_ms() >= end) {
            log_error("%u process%s not end, waiting for a file system; the port stays in use until it responds", count,
                      count == 1 ? " does" : "es do");
            return;
        }
        workers_wait(&supervision->workers, end, false);
    }
}

int supervision_run(struct master *master, char *const *command)
{
    static struct supervision room;
    struct supervision *supervision = &room;
    supervision->master = master;
    supervision->reload = (struct reload){.workers = &supervision->workers, .command = command};
    /* SIGCHLD only ends a wait. A worker inherits the mask, so that WORKER_RETIRE stays pending until it handles it. */
    signals_handle(SIGNAL_MASTER, 1U << SIGNAL_DRAIN | 1U << SIGNAL_RELOAD | 1U << SIGNAL_WAKE | 1U << SIGNAL_SUSPEND |
                                      1U << SIGNAL_REOPEN);
    supervision->root_watch =
        (struct root_watch){.workers = &supervision->workers, .due = now_ms()}; /* it may be missing */
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

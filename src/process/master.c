#include "process/master.h"

#include "base/limits.h"
#include "base/log.h"
#include "process/cpus.h"
#include "process/notify.h"
#include "process/port_owner.h"
#include "serve/worker.h"
#include "site/examination.h"
#include "site/mime.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

/* One place for a worker; its process may change. */
struct child {
    pid_t pid;       /* 0 while there is none */
    int64_t started; /* milliseconds of the monotonic clock */
    int64_t due;     /* when to start it again */
    int64_t pause;   /* the last pause before a start, 0 after a worker that lived; milliseconds */
};

enum supervision_state {
    SUPERVISION_SERVE,
    SUPERVISION_DRAIN, /* the workers finish what is in flight */
    SUPERVISION_END,   /* the workers that are left are ended */
};

struct supervision {
    struct master *master;
    char *const *command; /* argv */
    bool has_terminal;    /* one controlled this process when it started */
    enum supervision_state state;
    struct child children[LIMIT_WORKERS];
    unsigned running;
    pid_t retired[LIMIT_RETIRED]; /* the workers of programs that were this process before */
    unsigned retired_count;
    int64_t retired_due; /* when they are ended */
    int64_t
        release_due; /* when to look whether one of them still accepts connections; INT64_MAX: never again */
    bool release_seen; /* one did at the first look */
    pid_t trial; /* the program that shows whether it can take this one's place; 0 while there is none */
    int64_t trial_due; /* when it has had its time */
    bool trial_passed; /* this program's place is to be taken */
    int64_t drain_started;
    sig_atomic_t stop_signals_seen;
    struct worker_setup setup; /* for all workers */
};

static volatile sig_atomic_t stop_signals; /* how many came */
static volatile sig_atomic_t hangup;       /* one came that was not looked at yet */

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

/* SIGCHLD only has to end the wait; waitpid tells which child died. Signals for workers ask nothing of the master. */
static void on_other(int signal)
{
    (void)signal;
}

static int64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* ---- opening ---- */

static int fail_root(struct failure *failure, const char *typed, int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return fail(failure, EX_NOINPUT,
                    "root '%s' can't be read: %s; 'ls -ld' on it and on what it is in shows who may", typed,
                    strerror(error));
    case ENOENT:
        return fail(failure, EX_NOINPUT, "root '%s' is not there; give a directory that is, such as '.'",
                    typed);
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return fail(failure, EX_OSERR, "root '%s' can't be opened: %s; 'ulimit -a' shows the limits", typed,
                    strerror(error));
    default:
        return fail(failure, EX_NOINPUT, "root '%s': %s; give a directory, such as '.'", typed,
                    strerror(error));
    }
}

/* Whether paths in the directory can be resolved; errno if not. Tried, as faccessat(2) may be a call that a container's
   runtime does not know (faccessat2, Linux 5.8), and refuses with EPERM as if the directory could not be searched. */
static bool may_search(int directory)
{
    int fd = openat(directory, ".", O_PATH | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int open_root(struct master *master, struct failure *failure)
{
    const char *typed = master->settings->root;
    struct stat attributes;
    if (stat(typed, &attributes) < 0)
        return fail_root(failure, typed, errno);
    if (!S_ISDIR(attributes.st_mode))
        return fail(failure, EX_NOINPUT, "root '%s' is not a directory; give the directory that holds it",
                    typed);
    master->root = open(typed, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (master->root < 0 || !may_search(master->root))
        return fail_root(failure, typed, errno);
    if (realpath(typed, master->root_path) == NULL)
        snprintf(master->root_path, sizeof master->root_path, "%s", typed);
    return 0;
}

/* Descriptors are the first thing to run out; the soft limit is low for the sake of select(2), which is not used. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* A trial leaves what is no error to the program that it stands for. */
static bool may_remark(const struct master *master)
{
    return master->settings->verbosity != VERBOSITY_QUIET && !master->handover.trial;
}

/* Finds out, before there is anything to serve, whether the workers can do so inside their sandbox. */
static int try_sandbox(struct master *master, struct sandbox_held *held, struct failure *failure)
{
    const struct settings *settings = master->settings;
    master->sandbox.root = master->root;
    master->sandbox.root_path = settings->root;
    master->sandbox.reads_all = settings->symlinks == SYMLINKS_ALL;
    if (privileges_plan(&master->sandbox.privileges, settings->user, failure) != 0 ||
        sandbox_rehearse(&master->sandbox, held, failure) != 0)
        return failure->status;
    sandbox_describe(held, master->sandbox_line);
    if (sandbox_reads_others(held))
        sandbox_hide_memory();
    if (held->landlock_version == 0 && held->calls == 0 && may_remark(master))
        log_error("no Landlock and no seccomp here: only the rights of user %u limit what a worker may do",
                  held->user);
    return 0;
}

/* Sockets that were handed over stand for --port and --bind, which a server that is replaced has on its command line. */
static int open_sockets(struct master *master, struct failure *failure)
{
    const struct handover *handover = &master->handover;
    if (handover->sockets == 0)
        return listen_open(&master->listening, master->settings, failure);
    int status = listen_take(&master->listening, HANDOVER_FIRST_FD, handover->sockets, failure);
    master->listening.owned = handover->owned;
    memcpy(master->listening.names, handover->names, sizeof handover->names);
    return status;
}

/* Block SIGHUP until its handler is installed; the default action would end the process. */
static void hold_hangup(void)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGHUP);
    sigprocmask(SIG_BLOCK, &held, NULL);
}

int master_open(struct master *master, const struct settings *settings, struct failure *failure)
{
    *master = (struct master){.settings = settings, .root = -1};
    hold_hangup();
    signal(SIGXFSZ, SIG_IGN); /* a file at its limit (setrlimit(2)) fails a call, and ends no process */
    raise_descriptor_limit();
    struct sandbox_held held;
    /* Descriptors that were handed over are counted before the log opens its own. */
    if (handover_read(&master->handover, failure) != 0 || open_root(master, failure) != 0 ||
        try_sandbox(master, &held, failure) != 0 || log_open(held.user, failure) != 0 ||
        open_sockets(master, failure) != 0) {
        if (master->root >= 0)
            close(master->root);
        return failure->status;
    }
    unsigned cpus = cpus_usable();
    master->workers = settings->workers > 0 ? settings->workers : cpus < LIMIT_WORKERS ? cpus : LIMIT_WORKERS;
    master->metrics = metrics_open(master->workers);
    if (mime_open())
        examination_open(master->workers);
    else if (may_remark(master))
        log_error("libmagic's database can't be read; unknown extensions will be application/octet-stream");
    return 0;
}

/* ---- workers ---- */

/* In the child. */
static _Noreturn void become_worker(const struct supervision *supervision, unsigned place, pid_t parent)
{
    struct sandbox_held held;
    struct worker_setup setup = supervision->setup;
    setup.metrics = metrics_of(supervision->master->metrics, place);
    log_enter_worker();
    if (!metrics_keep(setup.metrics) || !examination_keep(place))
        _exit(EX_OSERR);
    if (!sandbox_enter(&supervision->master->sandbox, parent, &held))
        _exit(held.user_error != 0 ? EX_NOPERM : EX_OSERR);
    signal(SIGCHLD, SIG_DFL);
    exit(worker_run(&setup));
}

/* What fails is likely to do so again: each time it waits twice as long. */
static int64_t longer_pause(int64_t pause)
{
    int64_t longer = pause > 0 ? 2 * pause : LIMIT_PAUSE_MS;
    return longer < LIMIT_BACKOFF_MS ? longer : LIMIT_BACKOFF_MS;
}

static void start_child(struct supervision *supervision, struct child *child)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become_worker(supervision, (unsigned)(child - supervision->children), parent);
    child->started = now_ms();
    if (pid < 0) {
        child->pause = longer_pause(child->pause);
        child->due = child->started + child->pause;
        log_error("can't start a worker: %s; trying again in %lld ms", strerror(errno),
                  (long long)child->pause);
        return;
    }
    child->pid = pid;
    supervision->running++;
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
        log_error("worker %d was ended by signal %d (%s); replaced %s", (int)pid, WTERMSIG(wait_status),
                  strsignal(WTERMSIG(wait_status)), again);
    else
        log_error("worker %d ended with status %d; replaced %s", (int)pid, WEXITSTATUS(wait_status), again);
}

/* A file that ends workers ends one. */
static void bury(unsigned place, pid_t pid)
{
    char path[EXAMINATION_PATH_MAX];
    if (examination_bury(place, path))
        log_error("worker %d died when libmagic looked at '%s': that is application/octet-stream from now on",
                  (int)pid, path);
}

static int64_t next_pause(const struct child *child, int64_t now)
{
    return now - child->started < LIMIT_YOUNG_MS ? longer_pause(child->pause) : 0;
}

static struct child *find_child(struct supervision *supervision, pid_t pid)
{
    for (unsigned i = 0; i < supervision->master->workers; i++) {
        if (supervision->children[i].pid == pid)
            return &supervision->children[i];
    }
    return NULL;
}

static void end_child(struct supervision *supervision, struct child *child, int wait_status)
{
    unsigned place = (unsigned)(child - supervision->children);
    pid_t pid = child->pid;
    int64_t now = now_ms();
    child->pause = next_pause(child, now);
    child->due = now + child->pause;
    child->pid = 0;
    supervision->running--;
    if (supervision->state == SUPERVISION_SERVE) {
        metrics_restart(metrics_of(supervision->master->metrics, place));
        log_death(pid, wait_status, child->pause);
    }
    bury(place, pid);
}

/* A worker of before is not replaced. */
static void end_retired(struct supervision *supervision, pid_t pid, int wait_status)
{
    for (unsigned i = 0; i < supervision->retired_count; i++) {
        if (supervision->retired[i] != pid)
            continue;
        supervision->retired[i] = supervision->retired[--supervision->retired_count];
        if (WIFSIGNALED(wait_status) && supervision->state == SUPERVISION_SERVE)
            log_error("worker %d, of before the reload, was ended by signal %d (%s)", (int)pid,
                      WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
        return;
    }
}

/* What the trial has shown. Its own words, if it had any, stand on standard error already. */
static void end_trial(struct supervision *supervision, int wait_status)
{
    supervision->trial = 0;
    if (supervision->state != SUPERVISION_SERVE)
        return;
    supervision->trial_passed = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == HANDOVER_READY;
    if (supervision->trial_passed)
        return;
    if (WIFEXITED(wait_status))
        log_error("not reloaded: '%s' could not start, status %d; serving on as before", handover_program(),
                  WEXITSTATUS(wait_status));
    else
        log_error("not reloaded: '%s' could not start, signal %d (%s); serving on as before",
                  handover_program(), WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    notify_ready();
}

/* Takes every dead child, also those that are not ours: as PID 1 of a container we inherit them. With `options` 0
   instead of WNOHANG, waits until our last one is dead. */
static void reap(struct supervision *supervision, int options)
{
    int wait_status;
    pid_t pid;
    while (supervision->running + supervision->retired_count + (options == WNOHANG) > 0 &&
           (pid = waitpid(-1, &wait_status, options)) > 0) {
        struct child *child = find_child(supervision, pid);
        if (child != NULL)
            end_child(supervision, child, wait_status);
        else if (pid == supervision->trial)
            end_trial(supervision, wait_status);
        else if (!log_replace_writer(pid))
            end_retired(supervision, pid, wait_status);
    }
}

static void signal_retired(const struct supervision *supervision, int signal)
{
    for (unsigned i = 0; i < supervision->retired_count; i++)
        kill(supervision->retired[i], signal);
}

static void signal_children(const struct supervision *supervision, int signal)
{
    for (unsigned i = 0; i < supervision->master->workers; i++) {
        if (supervision->children[i].pid > 0)
            kill(supervision->children[i].pid, signal);
    }
    signal_retired(supervision, signal);
}

/* ---- making room for a new program ---- */

/* Opens the terminal that controls this process (tty(4)), to see whether there is one. Returns 0 or an errno. */
static int try_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

/* Whether that error says that there is none any more. A lack of descriptors or of memory says nothing of it. */
static bool is_hung_up(int error)
{
    return error == ENXIO || error == EIO || error == ENODEV || error == ENOENT;
}

static void begin_trial(struct supervision *supervision)
{
    if (supervision->running + supervision->retired_count > LIMIT_RETIRED) {
        log_error("not reloaded: %u workers of before still finish what they began; serving on as before",
                  supervision->retired_count);
        return;
    }
    notify_reloading();
    supervision->trial = handover_try(supervision->command, &supervision->master->listening);
    supervision->trial_due = now_ms() + LIMIT_TRIAL_MS;
    if (supervision->trial > 0)
        return;
    log_error("not reloaded: can't start a process: %s; serving on as before", strerror(errno));
    supervision->trial = 0;
    notify_ready();
}

/* All that is this program's and lives on: its workers, and those of before. */
static void hand_over(struct supervision *supervision)
{
    pid_t workers[LIMIT_RETIRED];
    unsigned count = 0;
    for (unsigned i = 0; i < supervision->master->workers && count < LIMIT_RETIRED; i++) {
        if (supervision->children[i].pid > 0)
            workers[count++] = supervision->children[i].pid;
    }
    for (unsigned i = 0; i < supervision->retired_count && count < LIMIT_RETIRED; i++)
        workers[count++] = supervision->retired[i];
    if (hangup) /* another one, since the trial began: it is the new program's, and waits there as it is blocked here */
        raise(SIGHUP);
    int error = handover_execute(supervision->command, &supervision->master->listening, workers, count);
    log_error("not reloaded: can't execute '%s': %s; serving on as before", handover_program(),
              strerror(error));
    supervision->trial_passed = false;
    notify_ready();
}

/* The workers that came with this process serve until its own have started, and then finish what they have. */
static void take_over(struct supervision *supervision)
{
    const struct handover *handover = &supervision->master->handover;
    if (!handover->reload)
        return;
    for (unsigned i = 0; i < handover->worker_count; i++)
        supervision->retired[supervision->retired_count++] = handover->workers[i];
    supervision->retired_due = now_ms() + LIMIT_RETIRE_MS + LIMIT_DRAIN_GRACE_MS;
    supervision->release_due = now_ms() + LIMIT_RELEASE_MS;
    signal_retired(supervision, WORKER_RETIRE);
    if (supervision->master->settings->verbosity != VERBOSITY_QUIET)
        log_error("reloaded; the workers of before finish what they began");
}

/* True where a worker of before still has a listening socket; with `ending`, each that has is ended. *error is an errno where
   /proc does not tell it of all of them, else 0. */
static bool look_for_listeners(const struct supervision *supervision, bool ending, int *error)
{
    const struct listening *listening = &supervision->master->listening;
    bool found = false;
    *error = 0;
    if (holder_has(getpid(), listening->fds, listening->count) != 1) {
        *error = ENOENT; /* there is no /proc, or that of other processes (pid_namespaces(7)) */
        return false;
    }
    for (unsigned i = 0; i < supervision->retired_count; i++) {
        pid_t pid = supervision->retired[i];
        int has = holder_has(pid, listening->fds, listening->count);
        found |= has == 1;
        if (has < 0)
            *error = errno;
        if (has != 1 || !ending)
            continue;
        log_error("old worker %d still accepts connections after the reload; killed", (int)pid);
        kill(pid, SIGKILL);
    }
    return found;
}

/*
 * A worker that was taken over may ignore WORKER_RETIRE; the program that mends its defect is not to leave it in business.
 * One that has closed the listening sockets can't get them back. The second look is the one that counts: until the first,
 * this process may have been stopped together with workers that had no time to obey.
 */
static void end_accepting(struct supervision *supervision)
{
    int error;
    bool found = look_for_listeners(supervision, supervision->release_seen, &error);
    bool again = found && !supervision->release_seen;
    supervision->release_seen = again;
    supervision->release_due = again ? now_ms() + LIMIT_RELEASE_MS : INT64_MAX;
    if (error != 0 && !again && supervision->master->settings->verbosity == VERBOSITY_VERBOSE)
        log_error("can't tell whether old workers still accept connections: /proc: %s", strerror(error));
}

/* ---- the loop ---- */

static void begin_drain(struct supervision *supervision)
{
    assert(supervision->state == SUPERVISION_SERVE);
    supervision->state = SUPERVISION_DRAIN;
    supervision->drain_started = now_ms();
    listen_close(&supervision->master->listening);
    signal_children(supervision, SIGTERM);
    if (supervision->trial > 0)
        kill(supervision->trial, SIGKILL);
    notify_stopping();
}

static void read_stop_signals(struct supervision *supervision)
{
    if (stop_signals == supervision->stop_signals_seen)
        return;
    supervision->stop_signals_seen = stop_signals;
    if (supervision->state == SUPERVISION_SERVE)
        begin_drain(supervision);
    else if (now_ms() - supervision->drain_started >= LIMIT_STOP_TWICE_MS)
        supervision->state = SUPERVISION_END;
}

/* SIGHUP asks for the new program, unless it tells that the terminal is gone: a server that was started by hand is not to
   stay behind unseen, and hold the port. A terminal that closes may say so twice, by the shell and by the kernel: that asks
   for no haste. One that comes during a trial is handled after it, by the program that serves then. */
static void read_hangup(struct supervision *supervision)
{
    if (!hangup || supervision->trial > 0 || supervision->trial_passed ||
        supervision->state != SUPERVISION_SERVE)
        return;
    hangup = 0;
    if (supervision->has_terminal && is_hung_up(try_terminal()))
        begin_drain(supervision);
    else
        begin_trial(supervision);
}

/* Ends the trial and the old workers that had their time. */
static void end_overdue(struct supervision *supervision)
{
    int64_t now = now_ms();
    if (supervision->trial > 0 && supervision->trial_due <= now) {
        kill(supervision->trial, SIGKILL);
        supervision->trial_due = now + LIMIT_BACKOFF_MS;
    }
    if (supervision->retired_count > 0 && supervision->retired_due <= now) {
        signal_retired(supervision, SIGKILL);
        supervision->retired_due = now + LIMIT_BACKOFF_MS;
    }
    if (supervision->retired_count > 0 && supervision->release_due <= now)
        end_accepting(supervision);
}

/* The workers end by themselves in time; this is for one that hangs. */
static int64_t drain_deadline(const struct supervision *supervision)
{
    return supervision->drain_started + LIMIT_DRAIN_MS + LIMIT_DRAIN_GRACE_MS;
}

static bool is_over(const struct supervision *supervision)
{
    switch (supervision->state) {
    case SUPERVISION_SERVE:
        return false;
    case SUPERVISION_DRAIN:
        return supervision->running + supervision->retired_count == 0 ||
               now_ms() >= drain_deadline(supervision);
    case SUPERVISION_END:
        break;
    }
    return true;
}

static int64_t earliest_of(int64_t a, int64_t b, int64_t c)
{
    int64_t earlier = a < b ? a : b;
    return earlier < c ? earlier : c;
}

/* Until what happens that no signal tells of: a start that is due, or the end of the drain. */
static struct timespec *time_to_wait(const struct supervision *supervision, struct timespec *time)
{
    bool serving = supervision->state == SUPERVISION_SERVE;
    int64_t now = now_ms(), due = serving ? INT64_MAX : drain_deadline(supervision);
    if (serving && supervision->trial > 0)
        due = supervision->trial_due;
    if (serving && supervision->retired_count > 0)
        due = earliest_of(due, supervision->retired_due, supervision->release_due);
    for (unsigned i = 0; i < supervision->master->workers && serving; i++) {
        const struct child *child = &supervision->children[i];
        if (child->pid == 0 && child->due < due)
            due = child->due;
    }
    if (due == INT64_MAX)
        return NULL;
    int64_t wait = due > now ? due - now : 0;
    *time = (struct timespec){wait / 1000, wait % 1000 * 1000000};
    return time;
}

static void supervise(struct supervision *supervision)
{
    for (;;) {
        struct timespec time;
        reap(supervision, WNOHANG);
        read_stop_signals(supervision);
        read_hangup(supervision);
        if (is_over(supervision))
            return;
        if (supervision->state == SUPERVISION_SERVE) {
            if (supervision->trial_passed)
                hand_over(supervision);
            start_due_children(supervision);
            end_overdue(supervision);
        }
        ppoll(NULL, 0, time_to_wait(supervision, &time), &supervision->setup.waiting_mask);
    }
}

/* nohup(1) starts us so: then the end of the terminal is not ours. */
static bool is_ignored(int signal)
{
    struct sigaction action;
    return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* All signals that are handled stay blocked but while waiting: no flag is missed between a look and a wait. A worker begins
   with the same ones blocked, so that WORKER_RETIRE is not lost on one that does not handle it yet. */
static void handle_signals(sigset_t *waiting_mask)
{
    static const struct {
        int signal;
        void (*handler)(int signal);
    } rows[] = {
        {SIGTERM, on_stop},  {SIGINT, on_stop},         {SIGHUP, on_hangup},
        {SIGCHLD, on_other}, {WORKER_RETIRE, on_other},
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    sigset_t handled;
    sigemptyset(&handled);
    for (size_t i = 0; i < ROWS; i++)
        sigaddset(&handled, rows[i].signal);
    sigprocmask(SIG_BLOCK, &handled, waiting_mask);
    for (size_t i = 0; i < ROWS; i++) {
        struct sigaction action = {.sa_handler = rows[i].handler};
        sigdelset(waiting_mask, rows[i].signal); /* the parent process may have blocked it */
        if (rows[i].signal != SIGHUP || !is_ignored(SIGHUP))
            sigaction(rows[i].signal, &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}

int master_run(struct master *master, char *const *command)
{
    struct supervision *supervision = calloc(1, sizeof *supervision);
    if (supervision == NULL)
        return EX_OSERR;
    supervision->master = master;
    supervision->command = command;
    supervision->has_terminal = try_terminal() == 0;
    supervision->setup = (struct worker_setup){
        .settings = master->settings,
        .root = master->root,
        .listeners = master->listening.fds,
        .listener_count = master->listening.count,
        .check_host = listen_must_check_host(&master->listening),
    };
    handle_signals(&supervision->setup.waiting_mask);
    start_due_children(supervision);
    take_over(supervision);
    notify_ready();
    supervise(supervision);
    signal_children(supervision, SIGKILL); /* those that are left had their time */
    reap(supervision, 0);
    free(supervision);
    mime_close();
    examination_close();
    close(master->root);
    return EX_OK;
}

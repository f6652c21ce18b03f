#include "process/master.h"

#include "base/log.h"
#include "base/now.h"
#include "base/signals.h"
#include "process/cgroup.h"
#include "process/notify.h"
#include "site/magic_guard.h"
#include "site/mime.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

bool master_awaits_root(const struct master *master)
{
    const struct handover *handover = &master->handover;
    return (handover->sockets > 0 || notify_is_expected()) && !handover->dry_run && !handover->reload;
}

/* Each connection takes a descriptor. The soft limit is low only for programs that use select(2) (getrlimit(2)). */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Received sockets replace --port and --bind: after a reload, the command line still has these. */
static int open_sockets(struct master *master, struct failure *failure)
{
    const struct handover *handover = &master->handover;
    if (handover->dry_run)
        return 0; /* master_prepare() has checked them */
    if (handover->sockets == 0)
        return listen_open(&master->listening, master->settings, failure);
    int status = listen_take(&master->listening, HANDOVER_FIRST_FD, handover->sockets, failure);
    master->listening.owned = handover->owned;
    memcpy(master->listening.names, handover->names, sizeof handover->names);
    return status;
}

static int open_channels(struct master *master, struct failure *failure)
{
    if (channels_open(&master->channels, master->handover.has_channels ? &master->handover.channels : NULL) == 0)
        return 0;
    return fail(failure, EX_OSERR, "can't make a socket: %s; 'ulimit -a' shows the limits", strerror(errno));
}

/* Opens the controlling terminal (tty(4)). Returns 0, or an errno if there is none. */
static int try_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

bool master_lost_terminal(const struct master *master)
{
    int error = master->has_terminal ? try_terminal() : 0;
    return error == ENXIO || error == EIO || error == ENODEV || error == ENOENT;
}

int master_prepare(struct master *master, struct failure *failure)
{
    /* Not those that stop it, which may end a slow start. */
    signals_hold(1U << SIGNAL_RELOAD | 1U << SIGNAL_REOPEN | 1U << SIGNAL_WAKE);
    /* Before the port is open: a client may see the server's start. */
    master->has_terminal = try_terminal() == 0;
    int status = handover_read(&master->handover, failure);
    if (status != 0 || !master->handover.dry_run)
        return status;
    status = listen_take(&master->listening, HANDOVER_FIRST_FD, master->handover.sockets, failure);
    for (unsigned i = 0; i < master->listening.count; i++)
        close(master->listening.fds[i]); /* a process that waits for a file system keeps the port */
    return status;
}

/* The bound of the files that a worker caches, and of its listings. Even in a tiny cgroup it holds one file. */
static size_t memory_of_worker(unsigned workers)
{
    uint64_t share = cgroup_memory() / LIMIT_MEMORY_PART / workers;
    if (share < LIMIT_STORE_FILE)
        return LIMIT_STORE_FILE;
    return share < LIMIT_STORE_BYTES ? (size_t)share : LIMIT_STORE_BYTES;
}

/* Without the guard, a file that crashes libmagic would end one worker after another. */
static void open_libmagic(const struct master *master)
{
    if (!mime_open()) {
        if (master->served.warns)
            log_error("can't read libmagic's database; files of unknown extension are "
                      "application/octet-stream");
        return;
    }
    if (magic_guard_open(master->slots))
        return;
    if (master->served.warns)
        log_error("can't create shared memory: %s; without it libmagic is not used, and files of unknown "
                  "extension are application/octet-stream",
                  strerror(errno));
    mime_close();
}

static unsigned default_workers(void)
{
    unsigned cpus = cgroup_cpus();
    if (cpus < LIMIT_WORKERS_LEAST)
        return LIMIT_WORKERS_LEAST;
    return cpus < LIMIT_WORKERS ? cpus : LIMIT_WORKERS;
}

static int open_log(struct master *master, struct failure *failure)
{
    const struct log_setup setup = {
        .user = master->served.held.user,
        .confine = sandbox_enter_log_writer,
        .files = {[STDOUT_FILENO] = master->settings->access_log, [STDERR_FILENO] = master->settings->error_log},
        .metrics = master->metrics,
    };
    return log_open(&setup, failure);
}

int master_open(struct master *master, const struct settings *settings, struct failure *failure)
{
    master->settings = settings;
    master->served = (struct served_root){
        .settings = settings,
        .warns = settings->verbosity != VERBOSITY_QUIET && !master->handover.dry_run,
        .may_be_missing = master_awaits_root(master),
    };
    master->workers = settings->workers > 0 ? settings->workers : default_workers();
    master->slots = 2 * master->workers + MASTER_SLOTS_SPARE;
    if (master->metrics == NULL)
        master->metrics = metrics_open(master->slots);
    raise_descriptor_limit();
    if (served_root_open(&master->served, failure) != 0)
        return failure->status;
    if (open_log(master, failure) != 0 || open_sockets(master, failure) != 0 || open_channels(master, failure) != 0) {
        close(master->served.root.fd);
        return failure->status;
    }
    master->worker_memory = memory_of_worker(master->workers);
    open_libmagic(master);
    return 0;
}

int64_t master_longer_pause(int64_t pause)
{
    int64_t longer = pause > 0 ? 2 * pause : LIMIT_PAUSE_MS;
    return longer < LIMIT_BACKOFF_MS ? longer : LIMIT_BACKOFF_MS;
}

int64_t master_stop_ms(const struct settings *settings)
{
    return INT64_C(1000) * (settings->shutdown_delay + settings->drain) + LIMIT_DRAIN_GRACE_MS;
}

static bool reap_old_workers(const struct handover *handover)
{
    bool ended = true;
    for (unsigned i = 0; i < handover->worker_count; i++)
        ended &= waitpid(handover->workers[i].pid, NULL, WNOHANG) != 0;
    return ended;
}

/* Lets the old workers finish the responses in flight, as the supervision does. */
static void drain_old_workers(const struct handover *handover, const struct settings *settings)
{
    const struct timespec step = timespec_of(LIMIT_DRAIN_POLL_MS);
    int64_t end = now_ms() + master_stop_ms(settings);
    for (unsigned i = 0; i < handover->worker_count; i++)
        kill(handover->workers[i].pid, SIGTERM);
    while (!reap_old_workers(handover) && now_ms() < end)
        nanosleep(&step, NULL);
    for (unsigned i = 0; i < handover->worker_count; i++) {
        if (waitpid(handover->workers[i].pid, NULL, WNOHANG) == 0)
            kill(handover->workers[i].pid, SIGKILL);
    }
}

bool master_wait_to_retry(struct master *master, const struct settings *settings, struct failure *failure)
{
    const sigset_t stop = SIGNALS(SIGTERM, SIGINT, SIGQUIT);
    if (master->handover.worker_count == 0)
        return false;
    master->retry_pause = master_longer_pause(master->retry_pause);
    log_error("%s; old workers serve meanwhile, trying again in %lld ms", failure->message,
              (long long)master->retry_pause);
    struct timespec pause = timespec_of(master->retry_pause);
    if (sigtimedwait(&stop, NULL, &pause) < 0)
        return true;
    drain_old_workers(&master->handover, settings);
    *failure = (struct failure){.status = EX_OK};
    return false;
}

pid_t master_fork(void)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
    if (getppid() != parent)
        _exit(EX_OK);
    return 0;
}

#include "process/root_watch.h"

#include "base/descriptors.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/now.h"
#include "base/signals.h"
#include "serve/worker.h"
#include "site/root.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* The exit status of a look: one of these, or an errno if the root is missing. */
enum { LOOK_CURRENT = 0, LOOK_REPLACED = 255 };

/* True if workers look at the name and tell; else the master looks every LIMIT_ROOT_LOOK_MS. */
static bool workers_look(const struct root_watch *watch)
{
    return served_root_name(&watch->workers->master->served) != NULL;
}

/* With the permissions of the workers' user: a root that it can't reach is missing, whatever the master's user may do.
   A change of users clears PR_SET_PDEATHSIG (PR_SET_PDEATHSIG(2const)). */
static void look_as_worker(const struct served_root *served)
{
    pid_t parent = getppid();
    (void)privileges_drop(&served->sandbox.privileges); /* where it fails, it fails in workers, too */
    sandbox_hide_memory();
    prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
    if (getppid() != parent)
        _exit(EX_OK);
}

/* In the child. While the root is missing, and where workers can't look the name up, it looks every LIMIT_ROOT_LOOK_MS
   until something changes, as a fork for each look costs more. SIGALRM ends it if a file system does not respond. */
static _Noreturn void look_at_name(const struct root_watch *watch)
{
    const struct root *root = &watch->workers->master->served.root;
    const struct timespec pause = timespec_of(LIMIT_ROOT_LOOK_MS);
    enum root_state state;
    int error;
    const sigset_t alarmed = SIGNALS(SIGALRM);
    signal(SIGALRM, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &alarmed, NULL);
    descriptors_close_others(&root->fd, 1); /* a process that waits for a file system keeps the port */
    if (workers_look(watch))
        look_as_worker(&watch->workers->master->served);
    for (;;) {
        alarm(LIMIT_ROOT_MS / 1000);
        state = root_look_inside(root, &error);
        if (watch->missing ? state != ROOT_MISSING : state != ROOT_CURRENT || workers_look(watch))
            break;
        ppoll(NULL, 0, &pause, &watch->workers->setup.waiting_mask);
    }
    _exit(state == ROOT_MISSING ? error : state == ROOT_REPLACED ? LOOK_REPLACED : LOOK_CURRENT);
}

static void begin_look(struct root_watch *watch, int64_t now)
{
    pid_t pid = master_fork();
    if (pid == 0)
        look_at_name(watch);
    watch->look = pid > 0 ? pid : 0;
    watch->started = now;
    watch->due = pid > 0 ? INT64_MAX : now + LIMIT_ROOT_LOOK_MS;
}

enum { TYPED_MAX = 2 * PATH_MAX };

/* Writes the root, or the one file that is served, as typed. */
static void describe(const struct settings *settings, char typed[static TYPED_MAX])
{
    const char *root = settings->root;
    if (settings->file == NULL)
        snprintf(typed, TYPED_MAX, "root '%s'", root);
    else /* a folder without a slash is ".", which was not typed */
        snprintf(typed, TYPED_MAX, "file '%s%s'", root[strlen(root) - 1] == '/' ? root : "", settings->file);
}

/* Returns false if the name is to be looked up again. */
static bool handle_look(struct root_watch *watch, int64_t now)
{
    struct workers *workers = watch->workers;
    const struct settings *settings = workers->master->settings;
    const char *meanwhile = "; responses are 503 meanwhile";
    struct failure failure = {0};
    char typed[TYPED_MAX];
    int signal = WIFSIGNALED(watch->result) ? WTERMSIG(watch->result) : 0, result = WEXITSTATUS(watch->result);
    describe(settings, typed);
    if (signal != 0 && (signal != SIGALRM || now - watch->started < LIMIT_ROOT_MS))
        return false;
    if (signal != 0) {
        fail(&failure, EX_OSERR, "root '%s' can't be looked up: a file system does not respond", settings->root);
        meanwhile = "";
    } else if (result != LOOK_CURRENT && result != LOOK_REPLACED) {
        fail(&failure, EX_NOINPUT, "%s is missing: %s", typed, strerror(result));
    } else if (result == LOOK_REPLACED && !old_workers_make_room(&workers->old, workers->running)) {
        fail(&failure, EX_OSERR, "root '%s' was replaced, but %u old workers still finish their responses",
             settings->root, workers->old.count);
    } else if (result == LOOK_CURRENT || served_root_replace(&workers->master->served, &failure) == 0) {
        if (watch->missing)
            log_error("%s is there again", typed);
        watch->missing = false;
        if (result == LOOK_REPLACED)
            workers_replace(workers, now);
        return workers_look(watch);
    }
    if (!watch->missing)
        log_error("%s%s", failure.message, meanwhile);
    watch->missing = true;
    return false;
}

void root_watch_step(struct root_watch *watch, int64_t now)
{
    if (watch->ended && !handle_look(watch, now))
        watch->due = earlier_of(watch->due, now + LIMIT_ROOT_LOOK_MS);
    watch->ended = false;
    if (watch->look == 0 && watch->due <= now)
        begin_look(watch, now);
}

void root_watch_hurry(struct root_watch *watch)
{
    watch->due = earlier_of(watch->due, watch->started + LIMIT_ROOT_REPLACE_MS);
    if (watch->look > 0)
        kill(watch->look, WORKER_RETIRE); /* ends its pause */
}

void root_watch_stop(const struct root_watch *watch)
{
    if (watch->look > 0)
        kill(watch->look, SIGKILL);
}

bool root_watch_on_exit(struct root_watch *watch, pid_t pid, int wait_status)
{
    if (pid != watch->look)
        return false;
    watch->look = 0;
    watch->ended = true;
    watch->result = wait_status;
    return true;
}

int64_t root_watch_next_due(const struct root_watch *watch)
{
    return watch->look == 0 ? watch->due : INT64_MAX;
}

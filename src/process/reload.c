#include "process/reload.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/now.h"
#include "process/channels.h"
#include "process/handover.h"
#include "process/master.h"
#include "process/notify.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

bool reload_is_under_way(const struct reload *reload)
{
    const struct workers *workers = reload->workers;
    return reload->dry_run > 0 || reload->succeeded || (workers->old.retire_pending && workers->running > 0);
}

void reload_begin(struct reload *reload)
{
    unsigned running = reload->workers->running, old = reload->workers->old.count;
    if (running + old > LIMIT_RETIRED) {
        log_error("not reloaded: %u old workers still finish their requests, the maximum is %d; the running "
                  "program stays",
                  old, LIMIT_RETIRED - (int)running);
        return;
    }
    notify_reloading();
    reload->dry_run = handover_dry_run(reload->command, &reload->workers->master->listening);
    reload->due = now_ms() + LIMIT_DRY_RUN_MS;
    reload->killed = false;
    if (reload->dry_run > 0)
        return;
    log_error("not reloaded: can't start a process: %s; the running program stays", strerror(errno));
    reload->dry_run = 0;
    notify_ready();
}

void reload_cancel(struct reload *reload)
{
    if (reload->dry_run > 0)
        kill(reload->dry_run, SIGKILL);
    reload->dry_run = 0;
    reload->succeeded = false;
}

bool reload_on_exit(struct reload *reload, pid_t pid, int wait_status)
{
    if (pid != reload->dry_run)
        return false;
    reload->dry_run = 0;
    reload->succeeded = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == HANDOVER_READY;
    reload->due = now_ms() + 2 * LIMIT_RELEASE_MS;
    if (reload->succeeded)
        return true;
    /* The dry run has printed its own error, if any. */
    if (WIFEXITED(wait_status))
        log_error("not reloaded: '%s' could not start, status %d; the running program stays", handover_program(),
                  WEXITSTATUS(wait_status));
    else
        log_error("not reloaded: '%s' could not start, signal %d (%s); the running program stays", handover_program(),
                  WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    notify_ready();
    return true;
}

bool reload_may_hand_over(struct reload *reload, int64_t now)
{
    struct workers *workers = reload->workers;
    if (!reload->succeeded || log_awaits_writer())
        return false;
    if (now >= reload->due)
        return true;
    if (old_workers_are_checked(&workers->old) || !channels_are_empty(&workers->master->channels))
        return false;
    old_workers_end_channels(&workers->old);
    return !old_workers_are_checked(&workers->old);
}

void reload_hand_over(struct reload *reload)
{
    struct old_worker passed[LIMIT_RETIRED];
    unsigned count = 0;
    struct workers *workers = reload->workers;
    const struct channels *channels = &workers->master->channels;
    for (unsigned i = 0; i < workers->master->workers && count < LIMIT_RETIRED; i++) {
        if (workers->list[i].pid > 0)
            passed[count++] = (struct old_worker){.pid = workers->list[i].pid};
    }
    for (unsigned i = 0; i < workers->old.count && count < LIMIT_RETIRED; i++)
        passed[count++] = workers->old.list[i].worker;
    old_workers_end_channels(&workers->old);
    old_workers_stop_checks(&workers->old);
    const struct passed_channels ends = {channels->next.receiver, channels->own.receiver, channels->before, true};
    int error = handover_execute(reload->command, &workers->master->listening, passed, count, &ends);
    log_error("not reloaded: can't execute '%s': %s; the running program stays", handover_program(), strerror(error));
    reload->succeeded = false;
    notify_ready();
}

static void end_dry_run(struct reload *reload, int64_t now)
{
    kill(reload->dry_run, SIGKILL);
    reload->due = reload->killed ? INT64_MAX : now + LIMIT_BACKOFF_MS;
    if (reload->killed) {
        log_error("not reloaded: '%s' does not end, waiting for a file system; the running program stays",
                  handover_program());
        notify_ready();
    }
    reload->killed = true;
}

void reload_step(struct reload *reload, int64_t now)
{
    struct workers *workers = reload->workers;
    if (reload->dry_run > 0 && reload->due <= now)
        end_dry_run(reload, now);
    /* While no new worker can start, for lack of memory, processes or epoll watches, the old ones still serve. */
    if (!workers->old.retire_pending || workers_grown_up(workers) > now)
        return;
    channels_end_oldest(&workers->master->channels);
    old_workers_retire(&workers->old, now);
    if (workers->master->settings->verbosity != VERBOSITY_QUIET)
        log_error("reloaded; old workers are finishing");
}

int64_t reload_next_due(const struct reload *reload)
{
    int64_t now = now_ms(), due = reload->dry_run > 0 ? reload->due : INT64_MAX;
    if (reload->succeeded && reload->due > now)
        due = earlier_of(reload->due, now + LIMIT_CHANNEL_LOOK_MS);
    return reload->workers->old.retire_pending ? earlier_of(due, workers_grown_up(reload->workers)) : due;
}

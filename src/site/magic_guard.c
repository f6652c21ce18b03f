#include "site/magic_guard.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/shared.h"
#include "base/signals.h"
#include "site/file_stamp.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>

/* The file that a worker gives to libmagic. */
struct suspect {
    _Atomic uint64_t file_key; /* 0: none */
    char path[MAGIC_GUARD_PATH_MAX];
};

/* The shared memory has a part for each worker, then the master's. */
union part {
    struct suspect suspect;
    _Atomic uint64_t bad[LIMIT_BAD_FILES]; /* file keys */
};
/* A worker may die at any instruction, and must not leave a lock. */
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "file keys are written in one piece");

static struct shared shared;
static struct suspect *own; /* this worker's */
static unsigned next;       /* in the master: index of the oldest bad file, to overwrite */

static unsigned masters_part(void)
{
    return shared.count - 1;
}

bool magic_guard_open(unsigned workers)
{
    /* The parent process may have blocked SIGPROF, and execve(2) preserves that. */
    const sigset_t alarm = SIGNALS(SIGPROF);
    sigprocmask(SIG_UNBLOCK, &alarm, NULL);
    return shared_open(&shared, workers + 1, sizeof(union part));
}

void magic_guard_close(void)
{
    shared_close(&shared);
    own = NULL;
}

bool magic_guard_keep(unsigned worker)
{
    if (shared.count == 0)
        return true;
    union part *part = shared_write(&shared, worker);
    own = &part->suspect;
    return shared_keep(&shared, worker);
}

bool magic_guard_drop(void)
{
    return shared_drop(&shared);
}

/* A hash of the attributes that change with the file. Never 0. */
static uint64_t file_key_of(const struct file_stamp *stamp)
{
    const uint64_t parts[] = {
        stamp->device,
        stamp->inode,
        (uint64_t)stamp->size,
        (uint64_t)stamp->modified.tv_sec,
        (uint64_t)stamp->modified.tv_nsec,
        (uint64_t)stamp->changed.tv_sec,
        (uint64_t)stamp->changed.tv_nsec,
    };
    uint64_t file_key = hash_bytes((struct span){(const char *)parts, sizeof parts});
    return file_key != 0 ? file_key : 1;
}

static bool is_bad(uint64_t file_key)
{
    const union part *part = shared_read(&shared, masters_part());
    for (size_t i = 0; i < LIMIT_BAD_FILES; i++) {
        if (atomic_load(&part->bad[i]) == file_key)
            return true;
    }
    return false;
}

/* Lets SIGPROF, which is ignored otherwise, end the process after so much CPU time (setitimer(2)), in case libmagic
   does not return. Wall-clock time would pass also while the worker is stopped or waits for a disk. 0: no bound. */
static void bound_time(unsigned milliseconds)
{
    const struct itimerval once = {
        .it_value = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000},
    };
    if (milliseconds > 0)
        signal(SIGPROF, SIG_DFL);
    setitimer(ITIMER_PROF, &once, NULL);
    if (milliseconds == 0)
        signal(SIGPROF, SIG_IGN);
}

bool magic_guard_begin(int fd, const char *path)
{
    struct stat attributes;
    if (own != NULL && fstat(fd, &attributes) == 0) {
        struct file_stamp stamp = file_stamp_of(&attributes);
        uint64_t file_key = file_key_of(&stamp);
        if (is_bad(file_key))
            return false;
        snprintf(own->path, sizeof own->path, "%s", path);
        atomic_store(&own->file_key, file_key);
    }
    bound_time(LIMIT_MAGIC_MS);
    return true;
}

void magic_guard_end(void)
{
    bound_time(0);
    if (own != NULL)
        atomic_store(&own->file_key, 0);
}

bool magic_guard_record_crash(unsigned worker, char path[MAGIC_GUARD_PATH_MAX])
{
    if (shared.count == 0)
        return false;
    union part *dead = shared_write(&shared, worker), *masters = shared_write(&shared, masters_part());
    uint64_t file_key = atomic_exchange(&dead->suspect.file_key, 0);
    if (file_key == 0)
        return false;
    memcpy(path, dead->suspect.path, MAGIC_GUARD_PATH_MAX);
    path[MAGIC_GUARD_PATH_MAX - 1] = '\0';
    atomic_store(&masters->bad[next++ % LIMIT_BAD_FILES], file_key);
    return true;
}

#include "site/examination.h"

#include "base/hash.h"
#include "base/limits.h"
#include "site/identity.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* One for each worker that has ever asked, which keeps it until it is dead. */
struct examination {
    _Atomic pid_t pid;     /* 0: nobody's */
    _Atomic uint64_t mark; /* of the file that is being examined, 0 for none */
    char path[EXAMINATION_PATH_MAX];
};

struct examinations {
    struct examination at[LIMIT_WORKERS];
    _Atomic uint64_t bad[LIMIT_BAD_FILES]; /* marks; written by the master alone */
    unsigned next;                         /* in `bad`: the oldest gives way */
};
/* A worker dies at any instruction, and must not leave a lock. */
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "marks are written in one piece");

static struct examinations *examinations;
static struct examination *own; /* this worker's */

void examination_open(void)
{
    examinations =
        mmap(NULL, sizeof *examinations, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (examinations == MAP_FAILED)
        examinations = NULL;
    own = NULL;

    /* Whoever starts us may have it ignored or blocked, which fork(2) and exec(2) hand on. */
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGPROF);
    signal(SIGPROF, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &alarm, NULL);
}

void examination_close(void)
{
    if (examinations != NULL)
        munmap(examinations, sizeof *examinations);
    examinations = NULL;
    own = NULL;
}

/* What a file is remembered by: all that changes when it does. Never 0. */
static uint64_t mark_of(const struct identity *identity)
{
    const uint64_t parts[] = {
        identity->device,
        identity->inode,
        (uint64_t)identity->size,
        (uint64_t)identity->modified.tv_sec,
        (uint64_t)identity->modified.tv_nsec,
        (uint64_t)identity->changed.tv_sec,
        (uint64_t)identity->changed.tv_nsec,
    };
    uint64_t mark = hash_bytes((struct span){(const char *)parts, sizeof parts});
    return mark != 0 ? mark : 1;
}

static bool is_bad(uint64_t mark)
{
    for (size_t i = 0; i < LIMIT_BAD_FILES; i++) {
        if (examinations->bad[i] == mark)
            return true;
    }
    return false;
}

/* This worker's place; NULL where all are taken, which no more than LIMIT_WORKERS living ones can do. */
static struct examination *claim(void)
{
    pid_t pid = getpid();
    for (size_t i = 0; i < LIMIT_WORKERS; i++) {
        pid_t nobody = 0;
        if (atomic_compare_exchange_strong(&examinations->at[i].pid, &nobody, pid))
            return &examinations->at[i];
    }
    return NULL;
}

/* The kernel ends the process after so much CPU time, as nobody in it can be relied on to do so: SIGPROF is not handled
   (setitimer(2)). Not the time of a clock, which goes on while a worker is stopped or waits for a disk. 0 for no end. */
static void bound_time(unsigned milliseconds)
{
    const struct itimerval once = {
        .it_value = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000},
    };
    setitimer(ITIMER_PROF, &once, NULL);
}

bool examination_begin(int fd, const char *path)
{
    struct stat attributes;
    if (examinations != NULL && fstat(fd, &attributes) == 0) {
        struct identity identity = identity_of(&attributes);
        uint64_t mark = mark_of(&identity);
        if (is_bad(mark))
            return false;
        if (own == NULL)
            own = claim();
        if (own != NULL) {
            snprintf(own->path, sizeof own->path, "%s", path);
            own->mark = mark;
        }
    }
    bound_time(LIMIT_EXAMINATION_MS);
    return true;
}

void examination_end(void)
{
    bound_time(0);
    if (own != NULL)
        own->mark = 0;
}

static struct examination *find(pid_t pid)
{
    for (size_t i = 0; examinations != NULL && i < LIMIT_WORKERS; i++) {
        if (examinations->at[i].pid == pid)
            return &examinations->at[i];
    }
    return NULL;
}

bool examination_bury(pid_t pid, char path[EXAMINATION_PATH_MAX])
{
    struct examination *examination = find(pid);
    if (examination == NULL)
        return false;
    uint64_t mark = examination->mark;
    if (mark != 0) {
        memcpy(path, examination->path, EXAMINATION_PATH_MAX);
        path[EXAMINATION_PATH_MAX - 1] = '\0';
        examinations->bad[examinations->next++ % LIMIT_BAD_FILES] = mark;
    }
    examination->mark = 0;
    examination->pid = 0;
    return mark != 0;
}

#include "site/identity.h"

#include "base/limits.h"

#include <time.h>

struct identity identity_of(const struct stat *attributes)
{
    return (struct identity){
        .device = attributes->st_dev,
        .inode = attributes->st_ino,
        .size = attributes->st_size,
        .modified = attributes->st_mtim,
        .changed = attributes->st_ctim,
    };
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool identity_equal(const struct identity *a, const struct identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

bool identity_is_older(const struct identity *a, const struct identity *b)
{
    struct timespec first = a->modified, second = b->modified;
    return first.tv_sec != second.tv_sec ? first.tv_sec < second.tv_sec : first.tv_nsec < second.tv_nsec;
}

static int64_t milliseconds_of(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int64_t identity_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return milliseconds_of(now);
}

bool identity_is_settled(const struct identity *identity, int64_t first_seen, int64_t racy_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    /* A file system may return any time. Handle distant ones first, so that the arithmetic can't overflow. */
    int64_t far = (racy_ms + LIMIT_CLOCK_SKEW_MS) / 1000 + 2;
    if (identity->changed.tv_sec < now.tv_sec - far)
        return true;
    if (identity->changed.tv_sec > now.tv_sec + far)
        return false;
    int64_t age = milliseconds_of(now) - milliseconds_of(identity->changed);
    return age >= LIMIT_CLOCK_SKEW_MS || (age >= racy_ms && identity_clock() - first_seen >= racy_ms);
}

#include "site/identity.h"

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

bool identity_is_settled(const struct identity *identity, int64_t racy_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    /* A file system may say anything: what is far away is told before there is anything to overflow. */
    int64_t far = racy_ms / 1000 + 2;
    if (identity->changed.tv_sec < now.tv_sec - far)
        return true;
    if (identity->changed.tv_sec > now.tv_sec + far)
        return false;
    int64_t seconds = (int64_t)now.tv_sec - identity->changed.tv_sec;
    return seconds * 1000 + (now.tv_nsec - identity->changed.tv_nsec) / 1000000 >= racy_ms;
}

#include "site/file_stamp.h"

#include "base/limits.h"

#include <time.h>

struct file_stamp file_stamp_of(const struct stat *attributes)
{
    return (struct file_stamp){
        .device = attributes->st_dev,
        .inode = attributes->st_ino,
        .size = attributes->st_size,
        .modified = attributes->st_mtim,
        .changed = attributes->st_ctim,
    };
}

bool file_stamp_is_older(const struct file_stamp *a, const struct file_stamp *b)
{
    struct timespec first = a->modified, second = b->modified;
    return first.tv_sec != second.tv_sec ? first.tv_sec < second.tv_sec : first.tv_nsec < second.tv_nsec;
}

static int64_t milliseconds_of(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int64_t file_stamp_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return milliseconds_of(now);
}

bool file_stamp_is_settled(const struct file_stamp *stamp, int64_t first_seen, int64_t racy_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    /* A file system may return any time. Handle distant ones first, so that the arithmetic can't overflow. */
    int64_t far = (racy_ms + LIMIT_CLOCK_SKEW_MS) / 1000 + 2;
    if (stamp->changed.tv_sec < now.tv_sec - far)
        return true;
    if (stamp->changed.tv_sec > now.tv_sec + far)
        return false;
    int64_t age = milliseconds_of(now) - milliseconds_of(stamp->changed);
    return age >= LIMIT_CLOCK_SKEW_MS || (age >= racy_ms && file_stamp_clock() - first_seen >= racy_ms);
}

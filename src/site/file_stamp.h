/* A file stamp: the attributes of a file or directory that change when it is replaced or changed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct file_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
};

struct file_stamp file_stamp_of(const struct stat *attributes);

static inline bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* True if `a` was modified before `b`. */
bool file_stamp_is_older(const struct file_stamp *a, const struct file_stamp *b);

/* Milliseconds of CLOCK_MONOTONIC_COARSE. */
int64_t file_stamp_clock(void);

/* True if the next change is certain to give another stamp: content read from now on may be cached with this one. Two
   changes within `racy_ms` may have the same ctime (like git's "racily clean" entries). So the ctime must be that old,
   and also the time at which the stamp was first seen (`first_seen`, by file_stamp_clock), as a file server's clock may
   differ. A ctime more than LIMIT_CLOCK_SKEW_MS ago is trusted at once, one in the future never. */
bool file_stamp_is_settled(const struct file_stamp *stamp, int64_t first_seen, int64_t racy_ms);

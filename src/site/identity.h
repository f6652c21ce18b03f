/* What must be equal for a file or directory to be the one that was read, and to be unchanged since. */
#ifndef TINYHTTPD_SITE_IDENTITY_H
#define TINYHTTPD_SITE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
};

struct identity identity_of(const struct stat *attributes);

bool identity_equal(const struct identity *a, const struct identity *b);

/* Whether `a` was modified before `b`. */
bool identity_is_older(const struct identity *a, const struct identity *b);

/*
 * Whether the last change is at least `racy_ms` milliseconds ago. What is read before that may change again and look
 * the same, as two changes may carry one time. Times from the future are not trusted either.
 */
bool identity_is_settled(const struct identity *identity, int64_t racy_ms);

#endif

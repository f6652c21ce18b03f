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

/* Milliseconds of the monotonic clock, which differs from the true one by a tick at most. */
int64_t identity_clock(void);

/*
 * Whether the next change is certain to give another identity, so that what is read from now on can be kept with this
 * one. Two changes may carry one time, for up to `racy_ms` milliseconds: the identity must be that old by its own
 * times, and must have been seen that long ago (`first_seen`, by identity_clock), as the clock that stamps the file may
 * be another machine's. A change of more than LIMIT_CLOCK_SKEW_MS ago is trusted at once; one in the future never is.
 */
bool identity_is_settled(const struct identity *identity, int64_t first_seen, int64_t racy_ms);

#endif

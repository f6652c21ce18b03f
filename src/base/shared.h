/* Shared memory in parts, each written by one process and read by all. The process that creates it can write all parts.
   A forked process keeps one, and the kernel then denies it write access to the others (F_SEAL_FUTURE_WRITE,
   fcntl(2)). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct shared {
    unsigned count; /* of parts; 0 without memory */
    size_t size;    /* of a part, in whole pages */
    char *written;  /* the parts, writable */
    char *seen;     /* the same parts, read-only */
};

/* Creates `count` parts of at least `size` bytes, all zero. Returns false, with no parts, if the kernel lacks the seal
   (before Linux 5.1) or the memory. */
bool shared_open(struct shared *shared, unsigned count, size_t size);

/* Returns a part for writing, in the process that created it or keeps it; NULL without memory. */
void *shared_write(const struct shared *shared, unsigned part);

/* Returns a part for reading; NULL without memory. Its writer may change it to anything at any time. */
const void *shared_read(const struct shared *shared, unsigned part);

/* Called by a forked process: makes all other parts read-only for it. Returns false if that fails. */
bool shared_keep(const struct shared *shared, unsigned part);

/* Called by a forked process that writes to no part. Returns false if that fails. */
bool shared_drop(const struct shared *shared);

/* Not for a process that has called one of these: it keeps the memory until it ends. */
void shared_close(struct shared *shared);

/*
 * Memory in parts: each is written by one process and read by all. The process that makes it can write every part; one
 * that it forks keeps one part, and can't write another any more, whatever it does: the kernel refuses it
 * (F_SEAL_FUTURE_WRITE, fcntl(2)).
 */
#ifndef TINYHTTPD_BASE_SHARED_H
#define TINYHTTPD_BASE_SHARED_H

#include <stdbool.h>
#include <stddef.h>

struct shared {
    unsigned count; /* of parts; 0 while there is no memory */
    size_t size;    /* of a part, in whole pages */
    char *written;  /* the parts, as their writers have them */
    char *seen;     /* the same, as they are read */
};

/* Makes `count` parts of at least `size` bytes, all of them zero. False where the kernel has no such memory (Linux
   5.1), or not enough; then there are no parts. */
bool shared_open(struct shared *shared, unsigned count, size_t size);

/* A part for writing, in the process that made it or in one that keeps it. NULL where there is no memory. */
void *shared_write(const struct shared *shared, unsigned part);

/* A part for reading, in every process. Its writer may change it at any time, to anything. NULL where there is no
   memory. */
const void *shared_read(const struct shared *shared, unsigned part);

/* Called in a forked process: gives up writing all parts but this one, for good. False where that fails. */
bool shared_keep(const struct shared *shared, unsigned part);

/* Not for a process that keeps one part: that has the memory until it ends. */
void shared_close(struct shared *shared);

#endif

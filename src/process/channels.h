/*
 * The sockets between processes. Workers write notices to the master. Workers that retire hand their connections over to
 * others, directly: the master reads nothing that a client has sent, and never holds a descriptor that a
 * worker has opened.
 */
#ifndef TINYHTTPD_PROCESS_CHANNELS_H
#define TINYHTTPD_PROCESS_CHANNELS_H

#include "serve/worker.h"

#include <stdbool.h>
#include <sys/types.h>

/* What is sent to one end is received from the other. */
struct channel {
    int sender;
    int receiver;
};

/* A compromised worker can receive what the workers of its program hand over, but not what those of a later program get:
   each program has a channel of its own, which the one before it has made. */
struct channels {
    struct channel own;     /* between the workers of this program: they have both ends */
    struct channel next;    /* to those of the program that replaces this one */
    struct channel notices; /* from the workers to the master */
};

/* Makes the sockets. `own` is the channel that the program before has made, and is owned from now on; NULL: there is none.
   Returns 0, or -1 with errno. */
int channels_open(struct channels *channels, const struct channel *own);

/* In a worker: moves a descriptor that has a fixed number (base/descriptors.h). False with errno on failure. */
bool channels_make_room(int *fd);

/* In a worker, when the fixed numbers are free: puts its ends there. False with errno on failure. */
bool channels_enter_worker(const struct channels *channels);

/* Reads a notice without waiting. `*sender` is the worker, as the kernel says. False if there is none. */
bool channels_read_notice(const struct channels *channels, pid_t *sender, enum worker_notice *notice);

#endif

/*
 * The sockets between processes. Workers write notices to the master. Workers that retire hand their connections over to
 * those that replace them, directly: the master reads nothing that a client has sent, and never holds a descriptor that a
 * worker has opened.
 */
#ifndef TINYHTTPD_PROCESS_CHANNELS_H
#define TINYHTTPD_PROCESS_CHANNELS_H

#include "serve/worker.h"

#include <stdbool.h>
#include <sys/types.h>

/* Both ends of each pair, for workers that are forked later. A compromised worker can receive what is sent to its own
   generation, but not what is sent to later ones. */
struct channels {
    int predecessors; /* the present workers receive from those that they replace */
    int successors;   /* the present workers send to those that will replace them */
    int next;         /* which receive here */
    int notices;      /* for all workers */
    int master;       /* receives the notices */
};

/* Makes the sockets. `predecessors` receives from the workers of the program that this one replaces, and is owned from now
   on; -1: there are none. Returns 0, or -1 with errno. */
int channels_open(struct channels *channels, int predecessors);

/* Before the first worker of a new generation is forked. Returns 0, or -1 with errno and nothing changed. */
int channels_advance(struct channels *channels);

/* In a worker: puts its ends at the fixed descriptors (base/descriptors.h), which must be free. False with errno on
   failure. */
bool channels_enter_worker(const struct channels *channels);

/* Reads a notice without waiting. `*sender` is the worker, as the kernel says. False if there is none. */
bool channels_read_notice(const struct channels *channels, pid_t *sender, enum worker_notice *notice);

#endif

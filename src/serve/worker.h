/* A worker: the event loop that accepts connections and serves them. */
#ifndef TINYHTTPD_SERVE_WORKER_H
#define TINYHTTPD_SERVE_WORKER_H

#include "base/settings.h"

#include <signal.h>
#include <stdbool.h>

/* The signal that has a worker retire. SIGHUP is none for it: a terminal that closes sends that to the whole group. */
#define WORKER_RETIRE SIGUSR2

/* What the master hands to each worker. */
struct worker_setup {
    const struct settings *settings;
    struct metrics *metrics; /* this worker's part, or NULL */
    int root;                /* the document root, open as a directory */
    const int *listeners;    /* listening sockets, shared with the other workers */
    unsigned listener_count;
    bool check_host;       /* listen_must_check_host */
    sigset_t waiting_mask; /* the signals that stay blocked while the worker waits */
};

/*
 * Serves until SIGTERM, then finishes what is in flight, with little patience; or until WORKER_RETIRE, then does so with
 * much of it, as others have taken over. Called in the child with all these signals blocked. Returns an
 * exit status of sysexits.h: EX_OK after a drain, EX_OSERR when a resource that it can't do without is missing.
 */
int worker_run(const struct worker_setup *setup);

#endif

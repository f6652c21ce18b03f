/* A worker: the event loop that accepts connections and serves them. */
#pragma once

#include "base/settings.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* Makes a worker retire. Not SIGHUP, which a closing terminal sends to the whole process group. */
#define WORKER_RETIRE SIGUSR2

/* The notices that a worker writes to DESCRIPTOR_MASTER, one byte each. */
enum worker_notice {
    WORKER_FOUND_ROOT_CHANGED = 'r', /* the root's name no longer leads to the open directory */
    WORKER_LEAVES = 'l',             /* a signal told it to leave: the master replaces it at once */
};

/* The parameters of a worker, besides the fixed descriptors (base/descriptors.h). */
struct worker_setup {
    const struct settings *settings;
    struct metrics *metrics; /* this worker's part, or NULL */
    int root;                /* the document root, open as a directory */
    const char *root_name;   /* store_follow */
    const int *listeners;    /* listening sockets, shared with the other workers */
    unsigned listener_count;
    size_t memory;         /* bytes that cached files may take, and as many that listings may */
    unsigned worker_count; /* these workers, this one included */
    int epoll;             /* an instance of its own, as the sandbox lets it make none; the worker closes it */
    bool check_host;       /* listen_must_check_host */
    int64_t drain_due;     /* milliseconds of the monotonic clock; 0: the server was not told to stop */
    sigset_t waiting_mask; /* the signals that stay blocked while the worker waits */
};

/* Serves until SIGTERM and for --shutdown-delay, then drains: finishes within seconds. Or until WORKER_RETIRE, then
   retires: hands its connections over to the workers that replace it, and finishes the responses in flight within an
   hour. Call it in the child, with these signals blocked. Returns an exit status of sysexits.h: EX_OK after it has
   finished, EX_OSERR if it can't get a resource that it needs. */
int worker_run(const struct worker_setup *setup);

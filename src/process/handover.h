/*
 * Listening sockets that one program hands over to the next by the LISTEN_FDS protocol (sd_listen_fds(3)): as systemd
 * does to this one, and as this one does to the program that takes its place in the same process when SIGHUP comes. Then
 * its workers are handed over as well: they stay children of this process.
 */
#ifndef TINYHTTPD_PROCESS_HANDOVER_H
#define TINYHTTPD_PROCESS_HANDOVER_H

#include "base/failure.h"
#include "base/limits.h"
#include "process/listen.h"

#include <stdbool.h>
#include <sys/types.h>

/* The first descriptor of those handed over; the others follow it. */
enum { HANDOVER_FIRST_FD = 3 };

/* The exit status of a trial that could have served. No program that does not know of trials has it. */
enum { HANDOVER_READY = 113 };

/* What was handed to this process. */
struct handover {
    unsigned sockets; /* 0: none */
    bool trial;       /* by a server that goes on: only to show that this program can take its place */
    bool reload;      /* by the program that was this process before, after a trial */
    bool owned;       /* with a reload: that program, or one before it, made the sockets itself */
    unsigned worker_count;
    pid_t workers[LIMIT_RETIRED];              /* its workers, with a reload */
    struct listen_name names[LIMIT_LISTENERS]; /* those of its sockets, with a reload */
};

/* Closes every descriptor but the standard streams and the sockets that are handed to this process: a worker could use what
   the process that started this one had open, and would have fewer for connections. For the start, before anything is
   opened; handover_read() is called later. */
void handover_close_inherited(void);

/* Reads the environment, and takes out of it what it was meant for. Where it was meant for another process, or for
   another process, nothing was handed over. Returns 0, or the failure's status. */
int handover_read(struct handover *handover, struct failure *failure);

/* What to execute: the path by which this program was executed itself. So a new file in its place is the new program. */
const char *handover_program(void);

/*
 * Starts the program in a child, with these sockets, as a trial: it is to exit with HANDOVER_READY. `command` is its
 * argv. The child is killed with its parent. Returns its pid, or -1 with errno.
 */
pid_t handover_try(char *const *command, const struct listening *listening);

/* Becomes the program, with these sockets and children of this process as its workers of before. Returns an errno where
   that fails, and then descriptors and environment are as they were. */
int handover_execute(char *const *command, const struct listening *listening, const pid_t *workers,
                     unsigned worker_count);

#endif

/* Listening sockets passed to this program in LISTEN_FDS (sd_listen_fds(3)), by systemd or by the program that it
   replaces in the same process on SIGHUP. The latter also passes its workers, which stay children of the process. */
#pragma once

#include "base/failure.h"
#include "base/limits.h"
#include "process/channels.h"
#include "process/listen.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The first passed descriptor; the others follow it. */
enum { HANDOVER_FIRST_FD = 3 };

/* The exit status of a successful dry run. Programs that know no dry run do not use it. */
enum { HANDOVER_READY = 113 };

struct old_worker {
    pid_t pid;
    int64_t retired; /* when it was told to finish, in milliseconds of CLOCK_MONOTONIC; 0: not yet */
};

/* What this process received. */
struct handover {
    unsigned sockets; /* their number */
    bool dry_run;     /* a running server checks whether this program could replace it */
    bool reload;      /* this program has replaced another one in this process; the rest is only set then */
    bool owned;       /* the sockets were opened by one of these programs, not passed to the first */
    unsigned worker_count;
    struct old_worker workers[LIMIT_RETIRED];
    struct listen_name names[LIMIT_LISTENERS]; /* of the sockets */
    bool has_channels;                         /* `channels` was passed */
    struct passed_channels channels;           /* on which these workers hand over their connections */
};

/* Closes all descriptors except the standard streams, the passed sockets and `ready`, if it is not -1: connections need
   them, and a compromised worker could use them. Call it before handover_read() and before any other descriptor is
   opened. */
void handover_close_inherited(int ready);

/* Reads the variables of this protocol and removes them. Ignores them if they are for another process. Returns 0 or the
   failure's status. */
int handover_read(struct handover *handover, struct failure *failure);

/* Where one process was passed the sockets and a child of it serves: call this in the child, before handover_read. */
void handover_take_from_parent(pid_t parent);

/* And this in the parent: closes its sockets, as elsewhere they would take connections that nothing accepts, and
   removes the variables. */
void handover_leave_to_child(void);

/* Returns the path that this program was executed by, which may have a newer file by now. */
const char *handover_program(void);

/* Starts the program in a child as a dry run: it opens all it needs, then exits with HANDOVER_READY. `command` is its
   argv. The kernel kills the child if this process ends. Returns its pid, or -1 with errno. */
pid_t handover_dry_run(char *const *command, const struct listening *listening);

/* Replaces this program, passing these sockets and workers, and the channels on which they hand over their
   connections; NULL: none. Returns only on failure, an errno, with descriptors and
   environment restored. */
int handover_execute(char *const *command, const struct listening *listening, const struct old_worker *workers,
                     unsigned worker_count, const struct passed_channels *channels);

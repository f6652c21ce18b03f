/*
 * The sandbox of the workers, in which nothing is left but to read files beneath the root and to answer on sockets that
 * they were given: no privileges (serve/privileges), no files elsewhere (serve/landlock), no other system calls
 * (serve/seccomp). What the kernel or a container does not offer is left out, and told.
 */
#ifndef TINYHTTPD_SANDBOX_SANDBOX_H
#define TINYHTTPD_SANDBOX_SANDBOX_H

#include "base/failure.h"
#include "sandbox/privileges.h"

#include <stdbool.h>
#include <sys/types.h>

struct sandbox {
    struct privileges privileges;
    int root;              /* the document root, open as a directory; borrowed */
    const char *root_path; /* and as it was typed */
    bool reads_all;        /* links may lead anywhere: files are read wherever they are */
};

/* What holds; where something does not, the errno that tells why. */
struct sandbox_held {
    uid_t user;
    gid_t group;
    int user_error;
    bool no_capabilities;
    int no_new_privileges_error;
    int landlock_version; /* 0 where there is none */
    int landlock_error;
    bool reads_all;
    int calls; /* 0 where there is no seccomp */
    int seccomp_error;
    int root_error; /* from opening the root once inside */
};

enum { SANDBOX_LINE_MAX = 512 };

/*
 * Enters the sandbox, for good. From here on the process is killed with its parent, `parent`. False when it must end at
 * once: the parent is gone, or the user that was asked for is refused.
 */
bool sandbox_enter(const struct sandbox *sandbox, pid_t parent, struct sandbox_held *held);

/* Has a child enter the sandbox, and tells what held in it. Returns 0, or the failure's status when no worker could
   serve there: 77 when it may not become the user or that user can't read the root, else 71. */
int sandbox_rehearse(const struct sandbox *sandbox, struct sandbox_held *held, struct failure *failure);

/* True where a worker may open the files of /proc/PID, which hold the memory of other processes of its user (proc_pid(5)). */
bool sandbox_reads_others(const struct sandbox_held *held);

/* Denies the other processes of this user the memory, descriptors and environment of this one, until the next execve(2). */
void sandbox_hide_memory(void);

/* Says what holds in one line, without its end. */
void sandbox_describe(const struct sandbox_held *held, char line[SANDBOX_LINE_MAX]);

#endif

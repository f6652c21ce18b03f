/* The workers' sandbox. Inside it a process can only read files beneath the root and respond on the sockets that it
   has: privileges are dropped (privileges.h), other files denied (landlock.h), other system calls refused (seccomp.h).
   A part that the kernel or the container does not offer is skipped and reported. */
#pragma once

#include "base/failure.h"
#include "sandbox/privileges.h"

#include <stdbool.h>
#include <sys/types.h>

struct sandbox {
    struct privileges privileges;
    int root;              /* the document root, open as a directory; borrowed */
    const char *root_path; /* as typed, for messages */
    const char *root_name; /* its absolute path; NULL if that is unknown */
    bool reads_all;        /* --symlinks all: files anywhere may be read */
};

/* The parts that hold in a process, and the errno of each that does not. */
struct sandbox_held {
    uid_t user;
    gid_t group;
    int user_error;
    int groups;      /* the number of supplementary groups besides `group` */
    int entry_error; /* of sandbox_enter() as a whole */
    bool no_capabilities;
    int no_new_privileges_error;
    int landlock_version; /* 0 if missing */
    int landlock_error;
    bool reads_all;
    int calls; /* that seccomp allows; 0 if it is missing */
    int seccomp_error;
    unsigned other_threads; /* of the process, which Landlock and seccomp do not hold */
    int root_error;         /* of opening the root inside the sandbox */
    bool root_is_visible;   /* the sandbox can look its name up */
};

enum { SANDBOX_LINE_MAX = 736 };

/* Enters the sandbox but for sandbox_restrict_calls(); there is no way back. The kernel kills the process when `parent`
   ends. False if the process must exit: the parent has ended, or the kernel refuses the user of --user. */
bool sandbox_enter(const struct sandbox *sandbox, pid_t parent, struct sandbox_held *held);

/* Refuses all system calls but those that a worker needs to serve. */
void sandbox_restrict_calls(struct sandbox_held *held);

/* Lets a log writer only copy between the streams that it has. It keeps its user: processes of the workers' user can't
   signal it. What the kernel or the container does not offer is skipped. */
void sandbox_enter_log_writer(void);

/* Returns the first errno that means a shortage, such as ENFILE or ENOMEM, not that the kernel or the container does
   not offer a part; 0 if there is none. */
int sandbox_error(const struct sandbox_held *held);

/* True if less holds in a worker than did in the rehearsal: a call has failed for lack of descriptors or memory. */
bool sandbox_is_weaker(const struct sandbox_held *held, const struct sandbox_held *expected);

/* Lets a child enter the sandbox and report what holds. Returns 0, or the failure's exit status if no worker could
   serve: 66 if its user can't read the root, 77 if it can't become that user or keeps a capability, else 71. */
int sandbox_rehearse(const struct sandbox *sandbox, struct sandbox_held *held, struct failure *failure);

/* The same at the start. If nobody, root's default, can't read the root, the workers become the root's owner and group,
   but not group root without user root. If root owns it, they stay root where Landlock and seccomp hold. */
int sandbox_choose_user(struct sandbox *sandbox, struct sandbox_held *held, struct failure *failure);

/* True if the sandbox lets a worker open /proc/PID/mem and the like of other processes of its user (proc_pid(5)). */
bool sandbox_reads_others(const struct sandbox_held *held);

/* Denies the other processes of this user the memory, descriptors and environment of this one, until the next
   execve(2). */
void sandbox_hide_memory(void);

/* Describes in one line, without a line end, what holds. */
void sandbox_describe(const struct sandbox_held *held, char line[SANDBOX_LINE_MAX]);

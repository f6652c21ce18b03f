/* seccomp: the process gives up every system call that serving files does not need (seccomp(2)). */
#ifndef TINYHTTPD_SANDBOX_SECCOMP_H
#define TINYHTTPD_SANDBOX_SECCOMP_H

#include <stdbool.h>

/* From now on all system calls but those of a list fail with EPERM, for this process and its children. Needs
   no_new_privs. Returns how many are left, or -1 with errno: ENOSYS, EINVAL or EPERM where the kernel or a container
   offers no filter, and ENOSYS on another architecture than x86-64 and arm64.

   What is left writes, creates, empties and removes no file. openat2(2) could, as its flags lie in memory that no filter
   sees: `with_openat2` leaves it in the list, for where something else refuses that (landlock.h). */
int seccomp_restrict(bool with_openat2);

#endif

/* seccomp: the process gives up every system call that serving files does not need (seccomp(2)). */
#ifndef TINYHTTPD_SANDBOX_SECCOMP_H
#define TINYHTTPD_SANDBOX_SECCOMP_H

/* From now on all system calls but those of a list fail with EPERM, for this process and its children. Needs
   no_new_privs. Returns how many are left, or -1 with errno: ENOSYS, EINVAL or EPERM where the kernel or a container
   offers no filter, and ENOSYS on another architecture than x86-64 and arm64. */
int seccomp_restrict(void);

#endif

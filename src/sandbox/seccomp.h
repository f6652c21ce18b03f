/* seccomp (seccomp(2)): only the system calls that serving files needs are allowed. */
#pragma once

/* Makes all system calls but those of a list fail with EPERM. The allowed ones can't write, create, empty or remove a
   file; openat2(2) is not among them, as a filter can't see its flags. Needs no_new_privs. Returns the number of
   allowed calls, or -1 with errno: ENOSYS, EINVAL or EPERM if the kernel or the container offers no filter, ENOSYS on
   an architecture other than x86-64 and arm64. */
int seccomp_restrict(void);

/* The same for a log writer, which copies from standard input to the other streams. */
int seccomp_restrict_log_writer(void);

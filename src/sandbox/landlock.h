/* Landlock: the process gives up every file but those beneath the root, and more where the kernel knows more
   (landlock(7)). */
#ifndef TINYHTTPD_SANDBOX_LANDLOCK_H
#define TINYHTTPD_SANDBOX_LANDLOCK_H

/* The versions of the kernel's interface that brought what is asked for besides files. */
enum { LANDLOCK_ABI_TRUNCATE = 3, LANDLOCK_ABI_NETWORK = 4, LANDLOCK_ABI_SCOPES = 6 };

/*
 * From now on this process opens files and directories for reading, beneath the directory `root` alone. Below
 * LANDLOCK_ABI_TRUNCATE one that it opens for reading can be emptied all the same (O_TRUNC). From
 * LANDLOCK_ABI_NETWORK on it binds and connects no TCP socket, from LANDLOCK_ABI_SCOPES on it reaches no abstract Unix
 * socket and signals no process that is not restricted with it. What is open stays usable. Needs no_new_privs. Returns
 * the version, or -1 with errno: ENOSYS, EOPNOTSUPP or EPERM where the kernel or a container offers none.
 */
int landlock_restrict(int root);

#endif

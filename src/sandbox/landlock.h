/* Landlock (landlock(7)): no file outside the root can be opened; newer kernels restrict more. */
#pragma once

/* The ABI versions that added other restrictions. */
enum { LANDLOCK_ABI_TRUNCATE = 3, LANDLOCK_ABI_NETWORK = 4, LANDLOCK_ABI_SCOPES = 6 };

/* Lets this process open files and directories only for reading and only beneath the directory `root`; -1: none. Before
   LANDLOCK_ABI_TRUNCATE, opening with O_TRUNC still empties such a file. From LANDLOCK_ABI_NETWORK on, TCP bind and
   connect are denied; from LANDLOCK_ABI_SCOPES on, abstract Unix sockets and signals to processes outside. Open
   descriptors stay usable. Needs no_new_privs. Returns the ABI version, or -1 with errno: ENOSYS, EOPNOTSUPP or EPERM
   if the kernel or the container does not offer it. */
int landlock_restrict(int root);

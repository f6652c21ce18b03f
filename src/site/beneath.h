/* Opens files beneath the document root: no path and no symbolic link leads outside. */
#pragma once

#include "base/settings.h"
#include "base/text.h"

#include <stdbool.h>
#include <sys/stat.h>

enum { BENEATH_NAMES = 2 }; /* as given, and without links */

struct beneath {
    int root; /* an open directory, borrowed */
    enum symlink_choice symlinks;
    const char *names[BENEATH_NAMES]; /* absolute paths of the root, borrowed, or NULL */
};

/* Opens `path` (decoded, normalised, relative, with a NUL after it; "" is the root) with the `flags` of open(2) and
   O_CLOEXEC; not O_NOFOLLOW, and O_PATH only with O_DIRECTORY, as the sandbox demands. Follows symbolic links as
   `symlinks` says. Returns a descriptor that the caller closes, or -1 with errno. Opens each name by itself, as no
   system call filter can see the flags of openat2(2), but gives the same results: EXDEV or ELOOP if the path leads out
   of the root. An absolute link that begins with one of the root's names goes on from the open root, whatever that name
   leads to now. Fails with ELOOP after LIMIT_WALK_STEPS names. */
int beneath_open(const struct beneath *beneath, struct span path, int flags);

/* Examines what `path` leads to, as beneath_open, but opens only directories on the way: no effect on a device or FIFO.
   Sets `*linked` if it followed a symbolic link, but always to false for SYMLINKS_ALL. Returns 0, or -1 with errno. */
int beneath_stat(const struct beneath *beneath, struct span path, struct stat *attributes, bool *linked);

/* Does the same as beneath_stat, and opens a regular file for reading: `*fd` is its descriptor, which the caller
   closes, or -1. The descriptor may be of another file, or of a directory, device or FIFO that has replaced it: compare
   its fstat(2). If a regular file can't be opened, returns -1 with its mode in `attributes->st_mode`. */
int beneath_open_regular(const struct beneath *beneath, struct span path, struct stat *attributes, int *fd,
                         bool *linked);

/* Does the same as beneath_stat, or as beneath_open if `attributes` is NULL, but name by name even for SYMLINKS_ALL.
   Opens or follows at most `*steps` names, counts them down, and fails with ELOOP if none is left. `*name` is the name
   of `path` at which it stopped, in `path`. */
int beneath_walk(const struct beneath *beneath, struct span path, int flags, struct stat *attributes, unsigned *steps,
                 struct span *name);

/* Opens files beneath the document root: no path and no symbolic link leads outside. */
#ifndef TINYHTTPD_SITE_BENEATH_H
#define TINYHTTPD_SITE_BENEATH_H

#include "base/settings.h"
#include "base/text.h"

#include <stdbool.h>

struct beneath {
    int root;                     /* an open directory, borrowed */
    bool walk;                    /* resolve paths name by name instead of with openat2 */
    enum symlink_choice symlinks; /* beneath_root sets SYMLINKS_INSIDE */
};

/* `walk`: don't use openat2 even if the kernel has it (for tests). */
struct beneath beneath_root(int root, bool walk);

/*
 * Opens `path` (decoded, normalised, relative, with a NUL after it; "" is the root) with the `flags` of open(2) and
 * O_CLOEXEC. Follows symbolic links as `symlinks` says. Returns a descriptor that the caller closes, or -1 with errno
 * as openat2(2): EXDEV or ELOOP if the path leaves the root. The walk gives the same results as openat2, but ELOOP
 * after LIMIT_WALK_STEPS names. For SYMLINKS_ALL, openat(2) replaces a missing openat2.
 */
int beneath_open(const struct beneath *beneath, struct span path, int flags);

/*
 * Does the same name by name, whether or not there is an openat2, for all three values of `symlinks`. Opens or follows
 * at most `*steps` names, counts them down, and fails with ELOOP if none is left. `*name` is the name of `path` at which
 * it stopped, in `path`.
 */
int beneath_walk(const struct beneath *beneath, struct span path, int flags, unsigned *steps,
                 struct span *name);

#endif

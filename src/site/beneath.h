/* Opening beneath the document root: whatever a path says, nothing outside is reached. */
#ifndef TINYHTTPD_SITE_BENEATH_H
#define TINYHTTPD_SITE_BENEATH_H

#include "base/settings.h"
#include "base/text.h"

#include <stdbool.h>

struct beneath {
    int root; /* the directory; its descriptor is the caller's and must stay open */
    bool
        walk; /* without openat2, component by component: no symbolic link is followed then, but with "all" */
    enum symlink_choice symlinks; /* SYMLINKS_INSIDE at first */
};

/* `walk` does without openat2 even where the kernel has it (for tests). */
struct beneath beneath_root(int root, bool walk);

/*
 * Opens `path` (decoded, normalised, relative, with a NUL after it; "" is the root) with the `flags` of open(2), as
 * close-on-exec. Symbolic links are followed as long as they stay beneath the root, everywhere, or not at all; the path
 * itself never leads upwards. Returns a descriptor that is the
 * caller's, or -1 with errno: EXDEV or ELOOP for what leaves the root, else as openat2(2).
 */
int beneath_open(const struct beneath *beneath, struct span path, int flags);

#endif

/* Opening beneath the document root: whatever a path says, nothing outside is reached. */
#ifndef TINYHTTPD_SITE_BENEATH_H
#define TINYHTTPD_SITE_BENEATH_H

#include "base/settings.h"
#include "base/text.h"

#include <stdbool.h>

struct beneath {
    int root;                     /* the directory; its descriptor is the caller's and must stay open */
    bool walk;                    /* without openat2, name by name */
    enum symlink_choice symlinks; /* SYMLINKS_INSIDE at first */
};

/* `walk` does without openat2 even where the kernel has it (for tests). */
struct beneath beneath_root(int root, bool walk);

/*
 * Opens `path` (decoded, normalised, relative, with a NUL after it; "" is the root) with the `flags` of open(2), as
 * close-on-exec. Symbolic links are followed as long as they stay beneath the root, everywhere, or not at all; the path
 * itself never leads upwards. Names may be as long as the file system takes them.
 *
 * Returns a descriptor that is the caller's, or -1 with errno as openat2(2): EXDEV or ELOOP for what leaves the root. With
 * and without openat2 the answers are the same, but for "all", where openat(2) takes its place.
 */
int beneath_open(const struct beneath *beneath, struct span path, int flags);

#endif

/*
 * Why there is nothing at a path: for the person who serves the files, on the terminal and on the page that a client of
 * the same machine gets. It tells of names that are not served, so no other client may see it.
 */
#ifndef TINYHTTPD_SITE_REASON_H
#define TINYHTTPD_SITE_REASON_H

#include "base/buffer.h"
#include "base/text.h"
#include "site/beneath.h"

#include <stdbool.h>
#include <stdint.h>

/* Room for the longest: two names and what is said about them. */
enum { REASON_MAX = 768 };

/* Both over rooms of REASON_MAX bytes, which are the caller's. Names are bytes as the disk and the client have them. */
struct reason {
    struct buffer text; /* one or two sentences; empty where there is nothing worth telling */
    struct buffer
        meant; /* the path, as for store_find, of what probably was meant; empty where nothing is near */
};

/*
 * Looks on disk why `path` (as for store_find) has answered 404, and fills in a reason that is empty. `dotfiles`: names
 * with a leading dot are served.
 *
 * What it may cost is bounded (limits.h): so many reasons in a second, `now`, and so many names in each.
 */
void reason_find(struct reason *reason, const struct beneath *beneath, struct span path, bool dotfiles,
                 int64_t now);

#endif

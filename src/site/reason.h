/*
 * Why there is nothing at a path: for the person who serves the files, on the terminal and on the page that a client of
 * the same machine gets. It tells of names that are not served, so nobody else may see it.
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

/*
 * Looks on disk why `path` (as for store_find) has answered 404, and appends one or two sentences; nothing where it finds
 * no reason worth telling. Names in it are octets as the disk and the client have them. `dotfiles`: names with a leading
 * dot are served.
 *
 * What it may cost is bounded (limits.h): so many reasons in a second, `now`, and so many names in each.
 */
void reason_append(struct buffer *out, const struct beneath *beneath, struct span path, bool dotfiles,
                   int64_t now);

/* How many octets have to be inserted, removed, changed, or swapped with their neighbour to make `b` of `a`; at most
   `bound` + 1, and no more work than that asks for. */
unsigned reason_distance(struct span a, struct span b, unsigned bound);

#endif

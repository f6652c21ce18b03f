/*
 * What a directory holds, as a page or as JSON: folders first, names in natural order ("file2" before "file10"). Read
 * anew for each request, and made piece by piece: neither many entries nor a slow reader keep others waiting.
 * All listings of a process share the time of an iteration of its loop, and a bound of memory (limits.h).
 */
#ifndef TINYHTTPD_SITE_LISTING_H
#define TINYHTTPD_SITE_LISTING_H

#include "base/body_producer.h"
#include "base/text.h"
#include "site/beneath.h"

#include <stdbool.h>

#define LISTING_TYPE "text/html; charset=utf-8"
#define LISTING_JSON_TYPE "application/json"

enum listing_order { LISTING_BY_NAME, LISTING_BY_SIZE, LISTING_BY_TIME };

struct listing_form {
    enum listing_order order;
    bool descending;
    bool json;
    bool dotfiles; /* names with a leading dot, too */
};

/* The order that a query asks for, "?sort=name|size|time&order=asc|desc"; by name where it asks for none. */
struct listing_form listing_form_of(struct span query);

/* To be called in each iteration of the worker's loop, before any listing is asked for a piece: it gives all of them
   together their time anew. Without time a piece is empty. */
void listing_begin_iteration(void);

/*
 * Begins to list the directory at `path` (as for store_find), open for reading at `fd`, which is the listing's from now
 * on even where it fails. Files and directories are listed, and links to them that stay beneath the root; what would be
 * 404 in any case is not. What is left out for any other reason makes the page say that it is only a part, and the JSON
 * break off: a name that is too long for a link to it, or memory that is short. `beneath` must outlive it. NULL with
 * errno: ENOMEM when memory is short, or listings have as much as they may; ENAMETOOLONG when no target can name it.
 */
struct body_producer *listing_open(const struct beneath *beneath, struct span path, int fd,
                                   const struct listing_form *form);

/* Appends the key by whose bytes names are ordered: capitals as small letters, and before each number, from which
   leading zeros are taken, how many digits it has. At most three times as long as the name. */
void listing_append_key(struct buffer *key, struct span name);

#endif

/* Directory listings as HTML or JSON: folders first, names in natural order ("file2" before "file10"). Each request
   reads the directory anew. A listing is produced piece by piece, so that neither a large directory nor a slow client
   delays other connections. All listings of a worker share a bound of time in each iteration, and a bound of memory
   (limits.h). */
#pragma once

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
    bool dotfiles;    /* show dot names */
    struct span base; /* borrowed: the path of the root in addresses, without slashes at its ends; or empty */
    bool no_links_up; /* the address has other slashes than the path, so that "../" would lead elsewhere */
};

/* Parses "?sort=name|size|time&order=asc|desc"; ascending by name is the default. */
struct listing_form listing_form_of(struct span query);

/* True for entries of a directory that a listing shows: not "." and "..", and dot names only with `dotfiles`. */
bool listing_shows(struct span name, bool in_root, bool dotfiles);

/* Sets the memory that all listings may take, at least LIMIT_LISTING_SMALL; LIMIT_LISTING_BYTES without this call. Call
   it before listing_open. */
void listing_bound(size_t bytes);

/* Call in each iteration of the worker's loop before any listing fills a piece: renews their time. Without time left,
   pieces are empty. */
void listing_begin_iteration(void);

/* Begins to list the directory at `path` (as for store_find), open for reading at `fd`. Takes over `fd`, even on
   failure; borrows `beneath`. Lists files, directories, and symbolic links that lead to them beneath the root, but no
   entry that is always 404, as those are that the worker's user may not read. If other entries are missing (a name too
   long for a link, too little memory), HTML says so and JSON ends incomplete. NULL with errno: ENOMEM if memory, or the
   share of it for listings, is used up; ENAMETOOLONG if no request target can name the directory. */
struct body_producer *listing_open(const struct beneath *beneath, struct span path, int fd,
                                   const struct listing_form *form);

/* Appends a sort key, to compare byte by byte: the name in lower case, with the number of digits before each number,
   and without leading zeros. At most three times as long as the name. */
void listing_append_key(struct buffer *key, struct span name);

/*
 * Encoded siblings of `a.css`: `a.css.gz`, `a.css.zst`, `a.css.br`.
 *
 * Most directories have none. Once its names were read, the first requests for further files in such a directory need
 * no search, until its stamp changes.
 */
#pragma once

#include "base/limits.h"
#include "base/text.h"
#include "site/file_stamp.h"

#include <stdbool.h>

enum sibling { SIBLING_GZ, SIBLING_ZST, SIBLING_BR, SIBLINGS };
extern const struct span sibling_suffixes[SIBLINGS]; /* with their dots */

struct sibling_names {
    struct directory_names {
        struct file_stamp stamp; /* of the directory */
        int64_t first_seen;      /* when it first had this stamp, by file_stamp_clock */
        unsigned searches;       /* for siblings of its files, since then */
        bool are_read;           /* its names, with this stamp */
        bool none;               /* no name has a suffix of a sibling */
    } directories[LIMIT_STORE_DIRECTORIES];
};

/* Returns when a directory was first seen with this stamp, by file_stamp_clock: now, unless it is remembered. Remembers
   it, in place of one with the same hash. */
int64_t sibling_names_first_seen(struct sibling_names *names, const struct file_stamp *stamp);

/* True if the directory with this stamp is known to have no name with a suffix of sibling_suffixes. */
bool sibling_names_has_none(const struct sibling_names *names, const struct file_stamp *stamp);

/* Call it before a search for siblings in the open `directory`, which has this stamp. Reads its names, once, if that
   costs less than the earlier searches: a small directory at the second search. The stamp must be settled
   (file_stamp_is_settled), so that it changes if a name is added later. A directory that can't be read, or has more
   than LIMIT_SIBLING_NAMES names (with . and ..), counts as one with siblings. Returns true if it is known to have
   none. */
bool sibling_names_note_search(struct sibling_names *names, const struct file_stamp *stamp, int directory);

/*
 * The directories that an iteration has to do with, each opened once. Two questions get cheap by it: whether a name in
 * one still is the file that it was, and whether names that were missing still are.
 */
#ifndef TINYHTTPD_SITE_DIRECTORIES_H
#define TINYHTTPD_SITE_DIRECTORIES_H

#include "base/text.h"
#include "site/beneath.h"

#include <stdbool.h>
#include <stdint.h>

struct directory {
    int fd;                 /* O_PATH */
    uint64_t names_version; /* equal to what it was only if no name in it has come or gone between; never 0 */
};

struct directories;

/* `beneath` must outlive them; `racy_ms` as for store_open. NULL when memory is short. */
struct directories *directories_new(const struct beneath *beneath, int64_t racy_ms);

void directories_free(struct directories *directories);

/*
 * Opens the directory `path` (relative to the root, "" is the root), unless that was done in this iteration; 0 always
 * opens it. What comes back is the directories' own and good until the next call of a function here. NULL with errno where
 * it can't be opened.
 */
const struct directory *directories_find(struct directories *directories, struct span path,
                                         uint64_t iteration);

/* Closes what is open, and returns whether anything was. No descriptor is held between iterations, so that none keeps a
   file system from being unmounted. */
bool directories_end_iteration(struct directories *directories);

#endif

/* The directories used in an iteration, each opened once, so that one fstatat(2) checks a file in it; and whether
   names have been added to or removed from them. */
#ifndef TINYHTTPD_SITE_DIRECTORIES_H
#define TINYHTTPD_SITE_DIRECTORIES_H

#include "base/text.h"
#include "site/beneath.h"

#include <stdbool.h>
#include <stdint.h>

struct directory {
    int fd;                 /* O_PATH */
    uint64_t names_version; /* unchanged only if no name has been added or removed since; never 0 */
};

struct directories;

/* `beneath` must outlive them; `racy_ms` as for store_open. Returns NULL without memory. */
struct directories *directories_new(const struct beneath *beneath, int64_t racy_ms);

void directories_free(struct directories *directories);

/*
 * Opens the directory `path` (relative to the root, "" is the root), unless this iteration has opened it; 0 always
 * opens it. The result is valid until the next call of a function here. Returns NULL with errno on failure.
 */
const struct directory *directories_find(struct directories *directories, struct span path,
                                         uint64_t iteration);

/* Closes all directories, as an open one keeps its file system from being unmounted. Returns whether any was open. */
bool directories_end_iteration(struct directories *directories);

#endif

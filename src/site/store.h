/*
 * The files beneath the document root. The only place where a path meets the file system, and where an errno
 * becomes an HTTP status.
 *
 * A file stays in memory (small ones as bytes, larger ones as an open descriptor, for some seconds after the last
 * answer), and is used again only while the disk says that the path still names the same unchanged file, or a second
 * reading does. One look at the disk may serve all requests that
 * had already arrived when it was taken, and no others.
 */
#ifndef TINYHTTPD_SITE_STORE_H
#define TINYHTTPD_SITE_STORE_H

#include "base/date.h"
#include "base/limits.h"
#include "base/settings.h"
#include "base/text.h"
#include "site/beneath.h"
#include "site/mime.h"

#include <stdbool.h>
#include <stdint.h>

enum entry_kind { ENTRY_FILE, ENTRY_DIRECTORY };

enum {
    ENTRY_TYPE_MAX = MIME_MAX + sizeof "; charset=" + LIMIT_CHARSET_NAME,
    ENTRY_ETAG_MAX = 64,
    ENTRY_LINES_MAX = 448,
    ENTRY_HEAD_MAX =
        ENTRY_LINES_MAX + 192, /* what is the same in every head has 171, a long length included */
};

/* What a user keeps with an entry: the head of its answer, in room that ends where the file's bytes begin, if it has
   some, so that both are one piece of memory. There are ENTRY_HEAD_MAX bytes of it, and those that store_reserve asked
   for. */
struct cached_header {
    char *end;           /* of the room */
    uint16_t length;     /* 0 until one is written */
    uint16_t lines;      /* where in it the lines that describe the file begin ... */
    uint16_t validators; /* ... and those of them that a 304 has as well ... */
    uint16_t lines_end;  /* ... and where they end */
    int64_t second;      /* whose date it carries */
};

/* What a path names. Everything here is const for users of the store, but for `head`. */
struct entry {
    enum entry_kind kind;
    uint64_t size;     /* in bytes */
    const char *bytes; /* the whole content, or NULL when `fd` has it */
    int fd;            /* -1 when `bytes` has it */
    char type[ENTRY_TYPE_MAX];
    char etag[ENTRY_ETAG_MAX]; /* with quotes, or "" while none can be strong */
    bool settled;              /* its stamp tells of the next change (file_stamp_is_settled) */
    char last_modified[DATE_LENGTH + 1];
    int64_t modified; /* the same in seconds since 1970, not clamped to what a date can say */
    unsigned users;   /* answers that hold it */
    struct cached_header head;
};

/* Files beside a file that hold it encoded, named by what follows its name: ".gz", ".zst", ".br". */
enum sibling { SIBLING_GZ, SIBLING_ZST, SIBLING_BR, SIBLINGS };

struct store;

/*
 * Opens a store on the directory `root`, whose descriptor stays the caller's and must outlive the store. NULL when
 * memory is short. For `racy_ms` milliseconds after a change a file's times are not trusted (LIMIT_RACY_MS, less in
 * tests). `walk` resolves paths without openat2 even where the kernel has it (for tests).
 */
struct store *store_open(int root, int64_t racy_ms, bool walk);

/* Makes the store obey what the command line said of links, types and charsets. The settings must outlive it; called
   before anything is found. */
void store_obey(struct store *store, const struct settings *settings);

/* Adds `bytes` to the room for a head that each entry has. Called before anything is found. */
void store_reserve(struct store *store, size_t bytes);

void store_close(struct store *store);

/* Closes directories, or a file that no response needs, so that a descriptor is free for something else. False where there
   is neither. */
bool store_free_descriptor(struct store *store);

/* Files that were found in memory, unchanged, and those that were read. */
struct store_looks {
    uint64_t found;
    uint64_t loaded;
};

/* How many there were since this was called last. */
struct store_looks store_take_looks(struct store *store);

/*
 * Closes the files that no answer has needed for LIMIT_STORE_FD_MS, so that a deleted one frees its space and its file
 * system can be unmounted. `now` is in milliseconds, of CLOCK_MONOTONIC_COARSE. Returns when it wants to be called next,
 * or -1 while there is nothing to close.
 */
int64_t store_expire(struct store *store, int64_t now);

/* Call it at the end of an iteration: closes the directories that it opened. */
void store_end_iteration(struct store *store);

/*
 * Finds the file or directory at `path` (decoded, normalised, relative, with a NUL after it; "" is the root).
 * `iteration` numbers a batch of requests that were all received before the first of them is looked up, so they share
 * one stat of each path; 0 makes a new one. Returns 0 and an entry that the caller gives back with store_release, or an
 * HTTP status: 404 for a path that does not exist, can't be read, leaves the root, or is neither file nor directory; 503
 * when descriptors or memory are short, and for a file that changes as often as it is read, or of which no two reads in a
 * row agree; 500 otherwise. `*entry` is NULL then.
 */
int store_find(struct store *store, struct span path, uint64_t iteration, struct entry **entry);

/* Opens the directory at `path`, to be read by the caller, whose descriptor it is. Returns 0, or a status as store_find
   does. */
int store_open_directory(struct store *store, struct span path, int *fd);

/* Where the store looks, for callers that need more than a path. Stays valid as long as the store. */
const struct beneath *store_beneath(const struct store *store);

/* The siblings that a file has, as bits 1 << enum sibling: regular files that are not older than it. `iteration` as for
   store_find. */
unsigned store_siblings(struct store *store, struct entry *original, uint64_t iteration);

/* Finds one of them, as store_find does. */
int store_find_sibling(struct store *store, struct entry *original, enum sibling sibling, uint64_t iteration,
                       struct entry **entry);

void store_release(struct store *store, struct entry *entry);

#endif

/*
 * The file cache: the only place where a path of a request meets the file system.
 *
 * Small files are held as bytes, larger ones as an open descriptor for some seconds after the last response. An entry
 * is used again only if a stat or a second read shows that the path still names the same unchanged file. Requests
 * share a stat only if all of them had arrived before it was made.
 */
#pragma once

#include "base/buffer.h"
#include "base/date.h"
#include "base/limits.h"
#include "base/settings.h"
#include "base/text.h"
#include "site/beneath.h"
#include "site/file_stamp.h"
#include "site/mime.h"
#include "site/root.h"
#include "site/sibling_names.h"

#include <stdbool.h>
#include <stdint.h>

enum entry_kind { ENTRY_FILE, ENTRY_DIRECTORY };

enum {
    ENTRY_TYPE_MAX = MIME_MAX + sizeof "; charset=" + LIMIT_CHARSET_NAME,
    ENTRY_ETAG_MAX = 64,
    ENTRY_LINES_MAX = 448,
    ENTRY_HEAD_MAX = ENTRY_LINES_MAX + 192, /* the lines common to all heads take 171 bytes at most */
};

/* The head of a response with this entry, written by the caller. Its room, ENTRY_HEAD_MAX bytes plus those of
   store_reserve, ends where the file's bytes begin, so that one write sends both. */
struct cached_header {
    char *end;           /* of the room */
    uint16_t length;     /* 0 until one is written */
    uint16_t lines;      /* offset of the lines that describe the file */
    uint16_t validators; /* offset of those lines that a 304 has, too */
    uint16_t lines_end;  /* offset of their end */
    int64_t second;      /* its Date */
    uint64_t config;     /* the id of the config whose lines it has */
};

/* A file or directory that a path names. Callers change nothing but `head`. */
struct entry {
    enum entry_kind kind;
    uint64_t size;      /* in bytes */
    const char *bytes;  /* the whole content, or NULL when `fd` has it */
    int fd;             /* -1 when `bytes` has it */
    struct span type;   /* it and the entity tag end with a NUL, which is not counted */
    struct span etag;   /* with quotes; empty if there is no strong one */
    const char *coding; /* of a file that is encoded itself: "gzip", "br" or "zstd", else NULL */
    bool settled;       /* the next change will change the stamp (file_stamp_is_settled) */
    char last_modified[DATE_LENGTH + 1];
    int64_t modified; /* the same in seconds since 1970, not clamped to the range of a date */
    unsigned users;   /* responses that hold it */
    struct cached_header head;
};

struct store;

/* Opens a store on the directory `root`; the caller keeps the descriptor open as long as the store. For `racy_ms`
   milliseconds after a change a file's times are not trusted (LIMIT_RACY_MS, less in tests). Returns NULL without
   memory. */
struct store *store_open(int root, int64_t racy_ms);

/* Follows the root's name, which is absolute and must outlive the store. Without this call, or with NULL, the store
   serves the directory that is open. Call it before store_find. */
void store_follow(struct store *store, const char *root_name);

/* Begins the lookups of a request. */
void store_begin(struct store *store);

/* Checks that the root's name still leads to the open directory, and that this may be entered, as each lookup that
   finds nothing does. */
enum root_state store_look_at_root(struct store *store);

/* Returns what the lookups since store_begin have found. If not ROOT_CURRENT, one of them has returned 503, and the
   response may be wrong. */
enum root_state store_root_state(const struct store *store);

/* Returns the errno that made it ROOT_MISSING. */
int store_root_error(const struct store *store);

/* Returns the stamp of the file that an entry of ENTRY_FILE was made of; valid as long as the entry. */
const struct file_stamp *store_stamp(const struct entry *entry);

/* Forgets all files that no response uses. */
void store_forget_unused(struct store *store);

/* Applies --symlinks, --mime, --encoded and --charset. The settings must outlive the store. Call it before
   store_find. */
void store_obey(struct store *store, const struct settings *settings);

/* Adds `bytes` to the room for a head in each entry. Call it before store_find. */
void store_reserve(struct store *store, size_t bytes);

/* Sets the bound of small files in memory, at least LIMIT_STORE_FILE and at most LIMIT_STORE_BYTES, which it is
   without this call. That of entries, LIMIT_STORE_ENTRIES, changes in proportion. Call it before store_find. */
void store_bound(struct store *store, size_t bytes);

void store_close(struct store *store);

/* Closes an unused file to free a descriptor. Returns false if none is open. */
bool store_free_descriptor(struct store *store);

/* Numbers of files found in memory unchanged, and of files read. */
struct store_hits {
    uint64_t found;
    uint64_t loaded;
};

/* Returns the numbers since the last call. */
struct store_hits store_take_hits(struct store *store);

/* Closes files that no response has used for LIMIT_STORE_FD_MS, so that their file system can be unmounted. Call it at
   the end of each iteration. `now` is in milliseconds of CLOCK_MONOTONIC_COARSE. Returns when the next one is due; -1:
   none is. */
int64_t store_end_iteration(struct store *store, int64_t now);

/*
 * Finds the file or directory at `path` (decoded, normalised, relative, with a NUL after it; "" is the root).
 * `iteration` numbers a batch of requests that were all received before the first of them is looked up, so they share
 * one stat of each path; 0 makes a new one. Returns 0 and an entry that the caller gives back with store_release, or
 * an HTTP status: 403 for a file that may not be read; 404 for a path that does not exist, can't be reached, leaves the
 * root, or is neither file nor directory; 503 when descriptors or memory are short, and for a file that changes as
 * often as it is read, or of which no two reads in a row agree; 500 otherwise. `*entry` is NULL then.
 */
int store_find(struct store *store, struct span path, uint64_t iteration, struct entry **entry);

/* Reads the start of a file that has a descriptor: `size` bytes, or to its end. Returns 0, or a status as store_find
   does. */
int store_read(struct entry *entry, char *room, size_t size, size_t *length);

/* Appends the media type of a file that was not read, after its name and --charset. */
void store_append_type_of_name(const struct store *store, struct span path, struct buffer *type);

/* Opens the directory at `path` for reading; the caller closes it. Returns 0 or a status as store_find does. */
int store_open_directory(struct store *store, struct span path, int *fd);

/* The store's root, for callers that resolve paths themselves. Valid as long as the store. */
const struct beneath *store_beneath(const struct store *store);

/* Returns the siblings of a file that are regular files and not older than it, as bits 1 << enum sibling. `iteration`
   as for store_find. */
unsigned store_siblings(struct store *store, struct entry *original, uint64_t iteration);

/* Finds one of them, as store_find does. */
int store_find_sibling(struct store *store, struct entry *original, enum sibling sibling, uint64_t iteration,
                       struct entry **entry);

void store_release(struct store *store, struct entry *entry);

#include "site/store.h"

#include "base/descriptors.h"
#include "base/hash.h"
#include "base/sha256.h"
#include "site/encoded_name.h"
#include "site/file_error.h"
#include "site/file_stamp.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A state of a directory's names. */
struct names {
    struct file_stamp stamp; /* of the directory */
    int64_t first_seen;      /* by file_stamp_clock; 0: never, or known from sibling_names */
    bool settled;            /* a change of the names will change the stamp */
};

/* An entry and the store's own data. One allocation with the path, the room for a head, and the bytes of a small
   file. */
struct node {
    struct entry entry;
    struct file_stamp stamp;
    int64_t first_seen;          /* when this stamp, with these bytes, was first seen, by file_stamp_clock */
    int64_t idle_since;          /* when its last response ended; for an open descriptor */
    bool listed;                 /* in the table; else freed with its last user */
    uint64_t iteration;          /* of the last stat */
    uint64_t siblings_iteration; /* in which `siblings` was computed */
    unsigned siblings;           /* bits 1 << enum sibling */
    struct names names;          /* of its directory */
    unsigned absent;             /* siblings without a directory entry, valid for `names` */
    bool by_name;                /* it has a link: resolve it name by name each time */
    uint64_t directories;        /* what was found at the names of its directories, see struct directory */
    uint64_t hash;               /* of the path */
    struct node *next;           /* in the same bucket */
    struct node *newer;
    struct node *older;
    char type[ENTRY_TYPE_MAX];
    char etag[ENTRY_ETAG_MAX];
    size_t path_length;
    size_t name; /* where the last component begins */
    char path[]; /* with its NUL, then the room for a head, then the bytes */
};

/* Nodes in the order of their last use. */
struct queue {
    struct node *newest;
    struct node *oldest;
    unsigned count;
};

/* The directory of the last file that was looked up. The requests of an iteration share what was found. */
struct directory {
    uint64_t iteration;      /* whose requests share it; 0: none */
    bool followed;           /* its names may be links */
    bool found;              /* the names lead to a directory, without links unless `followed` */
    uint64_t directories;    /* a hash of the device and inode at each of its names; 0 for the root, or if `followed` */
    struct file_stamp stamp; /* its names change with it */
    size_t length;           /* of the path */
    char path[PATH_MAX];     /* with its last slash; empty: the root */
};

enum { BUCKETS = LIMIT_STORE_ENTRIES };
_Static_assert((BUCKETS & (BUCKETS - 1)) == 0, "a bucket is chosen by masking the hash");

struct store {
    struct beneath beneath;
    struct root root;
    enum root_state root_state; /* the worst since store_begin() */
    int root_error;
    size_t root_name_length;      /* with its slash; 0: names are found beneath the open directory */
    char full_path[2 * PATH_MAX]; /* the root's name and a slash, then room for a path */
    char real_path[PATH_MAX];     /* the root's name without links */
    int64_t racy_ms;              /* two changes within this time may have one timestamp */
    struct queue in_bytes;        /* small files */
    struct queue in_fds;          /* larger ones */
    struct queue closed;          /* larger ones whose descriptor is closed until the next request */
    int64_t next_expiry;          /* when the first descriptor is due; -1: none is open */
    size_t bytes;                 /* of all small files, also of nodes outside the table */
    size_t bytes_max;
    unsigned entries_max;
    size_t head_room;    /* in each entry */
    const char *charset; /* of every text, "none" for none; NULL: utf-8 if the content is */
    struct store_hits hits;
    struct entry directory_entry;
    struct directory shared_directory;
    char sibling_path[PATH_MAX];
    struct sibling_names sibling_names;
    struct node *buckets[BUCKETS];
};

static struct node *node_of(struct entry *entry)
{
    return (struct node *)(void *)entry; /* the entry is its first member */
}

const struct file_stamp *store_stamp(const struct entry *entry)
{
    return &((const struct node *)(const void *)entry)->stamp;
}

/* ---- the root's name ---- */

/* A path by the root's name, or beneath the open directory, for openat(2) and fstatat(2). Valid until the next call. */
struct at_path {
    int directory;
    const char *path;
};

/* False for a path that is too long to be given to the kernel by the root's name. */
static bool fits_root_name(const struct store *store, size_t length)
{
    return store->root_name_length + length + 2 <= PATH_MAX;
}

static inline struct at_path at_path(struct store *store, struct span path, char end)
{
    char *beneath = store->full_path + store->root_name_length;
    assert(path.length < PATH_MAX); /* as beneath_open has opened it */
    if (path.length > 0)
        memcpy(beneath, path.at, path.length);
    beneath[path.length] = end;
    beneath[path.length + 1] = '\0';
    if (store->root_name_length == 0 || !fits_root_name(store, path.length))
        return (struct at_path){store->beneath.root, beneath};
    return (struct at_path){AT_FDCWD, store->full_path};
}

void store_begin(struct store *store)
{
    store->root_state = ROOT_CURRENT;
}

static enum root_state look_at_root(struct store *store, bool inside)
{
    int *error = &store->root_error;
    enum root_state state = inside ? root_look_inside(&store->root, error) : root_look(&store->root, error);
    if (state > store->root_state)
        store->root_state = state;
    return state;
}

enum root_state store_look_at_root(struct store *store)
{
    return look_at_root(store, true);
}

enum root_state store_root_state(const struct store *store)
{
    return store->root_state;
}

int store_root_error(const struct store *store)
{
    return store->root_error;
}

/* ---- opening beneath the root ---- */

/* Closes a descriptor that is only cached if the last call failed for want of one. False if that call is not to be
   tried again; keeps errno. */
static bool frees_descriptor(struct store *store, unsigned *attempts)
{
    if (*attempts == 0 || (errno != EMFILE && errno != ENFILE))
        return false;
    *attempts = store_free_descriptor(store) ? *attempts - 1 : 0;
    return true;
}

/* Returns a descriptor, or -1 with errno. */
static int open_directory(struct store *store, struct span path)
{
    unsigned attempts = LIMIT_STORE_RETRIES;
    int fd;
    do
        fd = beneath_open(&store->beneath, path, O_RDONLY | O_DIRECTORY);
    while (fd < 0 && frees_descriptor(store, &attempts));
    return fd;
}

/* Examines `path`, name by name, and opens it if it is a regular file; else `*fd` is -1. Returns 0, or a status as
   store_find does: 403 only for a regular file. */
static int open_regular(struct store *store, struct span path, struct stat *attributes, int *fd, bool *linked)
{
    unsigned attempts = LIMIT_STORE_RETRIES;
    while (beneath_open_regular(&store->beneath, path, attributes, fd, linked) < 0) {
        if (frees_descriptor(store, &attempts))
            continue;
        bool is_denied = S_ISREG(attributes->st_mode) && (errno == EACCES || errno == EPERM);
        return is_denied ? 403 : file_error_status(errno, path);
    }
    return 0;
}

/* ---- the table ---- */

static struct queue *queue_of(struct store *store, const struct node *node)
{
    if (node->entry.bytes != NULL)
        return &store->in_bytes;
    return node->entry.fd >= 0 ? &store->in_fds : &store->closed;
}

static void queue_remove(struct queue *queue, struct node *node)
{
    *(node->newer != NULL ? &node->newer->older : &queue->newest) = node->older;
    *(node->older != NULL ? &node->older->newer : &queue->oldest) = node->newer;
    queue->count--;
}

static void queue_add(struct queue *queue, struct node *node)
{
    node->newer = NULL;
    node->older = queue->newest;
    *(queue->newest != NULL ? &queue->newest->newer : &queue->oldest) = node;
    queue->newest = node;
    queue->count++;
}

static struct node **bucket_of(struct store *store, uint64_t hash)
{
    return &store->buckets[hash & (BUCKETS - 1)];
}

static struct node *table_find(struct store *store, uint64_t hash, struct span path)
{
    struct node *node = *bucket_of(store, hash);
    while (node != NULL && (node->hash != hash || !span_equal((struct span){node->path, node->path_length}, path)))
        node = node->next;
    return node;
}

/* Frees a node outside the table without users. */
static void drop_unused(struct store *store, struct node *node)
{
    if (node->listed || node->entry.users > 0)
        return;
    if (node->entry.bytes != NULL)
        store->bytes -= node->entry.size;
    else if (node->entry.fd >= 0)
        close(node->entry.fd);
    free(node);
}

static void table_remove(struct store *store, struct node *node)
{
    struct node **link = bucket_of(store, node->hash);
    while (*link != node)
        link = &(*link)->next;
    *link = node->next;
    queue_remove(queue_of(store, node), node);
    node->listed = false;
    drop_unused(store, node);
}

/* The least recently used node without users, or NULL. */
static struct node *oldest_unused(const struct queue *queue)
{
    struct node *node = queue->oldest;
    while (node != NULL && node->entry.users > 0)
        node = node->newer;
    return node;
}

/* Frees one node. Returns false if all have users. */
static bool evict(struct store *store, struct queue *queue)
{
    struct node *node = oldest_unused(queue);
    if (node != NULL)
        table_remove(store, node);
    return node != NULL;
}

/* Keeps the node without its descriptor. */
static void close_descriptor(struct store *store, struct node *node)
{
    queue_remove(&store->in_fds, node);
    descriptors_close(node->entry.fd);
    node->entry.fd = -1;
    queue_add(&store->closed, node);
}

bool store_free_descriptor(struct store *store)
{
    struct node *node = oldest_unused(&store->in_fds);
    if (node != NULL)
        close_descriptor(store, node);
    return node != NULL;
}

static void keep_bounds(struct store *store)
{
    while (store->in_fds.count > LIMIT_STORE_FDS && store_free_descriptor(store))
        ;
    while (store->in_bytes.count + store->closed.count > store->entries_max && evict(store, &store->closed))
        ;
    while ((store->bytes > store->bytes_max || store->in_bytes.count > store->entries_max) &&
           evict(store, &store->in_bytes))
        ;
}

static void forget(struct store *store, uint64_t hash, struct span path)
{
    struct node *node = table_find(store, hash, path);
    if (node != NULL)
        table_remove(store, node);
}

static void table_add(struct store *store, struct node *node)
{
    node->next = *bucket_of(store, node->hash);
    *bucket_of(store, node->hash) = node;
    queue_add(queue_of(store, node), node);
    if (node->entry.bytes != NULL)
        store->bytes += node->entry.size;
    node->listed = true;
    keep_bounds(store);
}

/* ---- what a file is ---- */

static bool is_small(const struct entry *entry)
{
    return entry->size <= LIMIT_STORE_FILE;
}

static void append_time(struct buffer *etag, struct timespec time)
{
    buffer_hex(etag, (uint64_t)time.tv_sec);
    buffer_byte(etag, '-');
    buffer_hex(etag, (uint64_t)time.tv_nsec);
    buffer_byte(etag, '-');
}

/* 128 bits: content for a given ETag takes 2^128 tries, two contents with one ETag 2^64. */
static void append_digest(struct buffer *etag, struct span bytes)
{
    unsigned char digest[SHA256_SIZE];
    sha256(bytes, digest);
    for (unsigned i = 0; i < SHA256_SIZE / 2; i++) {
        buffer_byte(etag, "0123456789abcdef"[digest[i] >> 4]);
        buffer_byte(etag, "0123456789abcdef"[digest[i] & 15]);
    }
}

/* A strong validator (RFC 9110 8.8.1). Bytes in memory have their digest, equal on every replica. A larger file has its
   times and size, but none while its times can't be trusted, and none if it is small, as its ETag is a digest; if a
   reproducible build set mtime to an old date, ctime takes its place. */
static void write_etag(struct node *node)
{
    struct entry *entry = &node->entry;
    struct buffer etag = {node->etag, 0, sizeof node->etag - 1, false};
    if (entry->bytes == NULL && (!node->entry.settled || is_small(entry)))
        return;
    buffer_byte(&etag, '"');
    if (entry->bytes != NULL) {
        append_digest(&etag, (struct span){entry->bytes, entry->size});
    } else {
        bool placeholder = date_is_placeholder(node->stamp.modified.tv_sec);
        append_time(&etag, placeholder ? node->stamp.changed : node->stamp.modified);
        buffer_hex(&etag, entry->size);
    }
    buffer_byte(&etag, '"');
    entry->etag = buffer_span(&etag);
}

/* False also if only the start is known to be UTF-8, and the file names its charset itself. */
static bool is_utf8(const struct entry *entry, const char *mime)
{
    if (entry->bytes != NULL)
        return text_is_utf8((struct span){entry->bytes, entry->size}, false);
    char *probe = malloc(LIMIT_CHARSET_PROBE);
    ssize_t length = probe != NULL ? pread(entry->fd, probe, LIMIT_CHARSET_PROBE, 0) : -1;
    bool utf8 = length > 0 && text_is_utf8((struct span){probe, (size_t)length}, true) &&
                !mime_declares_charset(mime, (struct span){probe, (size_t)length});
    free(probe);
    return utf8;
}

/* Returns the charset of a text, or NULL: not a text, or its type has one already. `entry`: NULL if it was not read. */
static const char *charset_of(const struct store *store, const struct entry *entry, const char *mime)
{
    if (!mime_is_text(mime) || strchr(mime, ';') != NULL)
        return NULL;
    if (store->charset == NULL)
        return entry != NULL && entry->coding == NULL && is_utf8(entry, mime) ? "utf-8" : NULL;
    return strcmp(store->charset, "none") == 0 ? NULL : store->charset;
}

static void append_type(const struct store *store, const struct entry *entry, const char *mime, struct buffer *type)
{
    const char *charset = charset_of(store, entry, mime);
    buffer_string(type, mime);
    if (charset != NULL) {
        buffer_append(type, SPAN("; charset="));
        buffer_string(type, charset);
    }
}

void store_append_type_of_name(const struct store *store, struct span path, struct buffer *type)
{
    append_type(store, NULL, mime_of_name(path), type);
}

/* `fd` is the file, even if the entry holds its bytes. */
static void write_type(const struct store *store, struct node *node, int fd)
{
    char scratch[MIME_MAX];
    struct buffer type = {node->type, 0, sizeof node->type - 1, false};
    const char *mime = mime_of(node->path, fd, scratch);
    node->entry.coding = encoded_name_coding(span_of(node->path));
    append_type(store, &node->entry, mime, &type);
    node->entry.type = buffer_span(&type);
}

/* ---- reading a file ---- */

static struct node *node_new(const struct store *store, uint64_t hash, struct span path, const struct file_stamp *stamp,
                             bool in_bytes)
{
    size_t room = in_bytes ? (size_t)stamp->size : 0;
    struct node *node = malloc(sizeof *node + path.length + 1 + store->head_room + room);
    if (node == NULL)
        return NULL;
    *node = (struct node){
        .entry = {.kind = ENTRY_FILE, .size = (uint64_t)stamp->size, .fd = -1, .users = 1},
        .stamp = *stamp,
        .hash = hash,
        .path_length = path.length,
        .name = path.length - span_after_last(path, '/').length,
    };
    memcpy(node->path, path.at, path.length);
    node->path[path.length] = '\0';
    node->entry.etag.at = node->etag;
    node->entry.head.end = node->path + path.length + 1 + store->head_room;
    if (in_bytes)
        node->entry.bytes = node->entry.head.end;
    return node;
}

/* Reads `length` bytes, or to the end of the file. Returns -1 with errno on failure. */
static ssize_t read_at(int fd, char *at, size_t length, off_t offset)
{
    size_t done = 0;
    while (done < length) {
        ssize_t more = pread(fd, at + done, length - done, offset + (off_t)done);
        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0)
            return -1;
        if (more == 0)
            break;
        done += (size_t)more;
    }
    return (ssize_t)done;
}

static bool is_unchanged(int fd, const struct file_stamp *stamp)
{
    struct stat attributes;
    if (fstat(fd, &attributes) < 0)
        return false;
    struct file_stamp now = file_stamp_of(&attributes);
    return file_stamp_equal(&now, stamp);
}

/* The result of reading a file. */
enum reading { READ_AGREES, READ_DIFFERS, READ_CHANGED, READ_FAILED };

/* Reads the content again and compares it with the node's bytes; copies what differs to `room`, unless that is NULL. If
   two reads agree, the file had this content between them. fstat(2) can't prove that, as write(2) changes the timestamp
   before it copies the data. */
static enum reading read_again(const struct node *node, int fd, char *room)
{
    char piece[LIMIT_STORE_PIECE];
    size_t size = (size_t)node->entry.size;
    enum reading reading = READ_AGREES;
    for (size_t done = 0; done < size; done += sizeof piece) {
        size_t length = size - done < sizeof piece ? size - done : sizeof piece;
        ssize_t got = read_at(fd, piece, length, (off_t)done);
        if (got < 0)
            return READ_FAILED;
        if ((size_t)got < length)
            return READ_CHANGED;
        if (memcmp(node->entry.bytes + done, piece, length) == 0)
            continue;
        reading = READ_DIFFERS;
        if (room == NULL)
            break;
        memcpy(room + done, piece, length);
    }
    return reading;
}

/* Fills the node with the file's content, which is read once if it is settled, else until two reads agree. Returns 0,
   or as load_file does. */
static int fill(struct node *node, int fd)
{
    ssize_t got = read_at(fd, node->entry.head.end, (size_t)node->entry.size, 0);
    enum reading reading = got < 0 ? READ_FAILED : node->entry.settled ? READ_AGREES : READ_DIFFERS;
    if (got >= 0 && (uint64_t)got < node->entry.size)
        reading = READ_CHANGED;
    for (unsigned attempt = 0; reading == READ_DIFFERS && attempt < LIMIT_STORE_RETRIES; attempt++)
        reading = read_again(node, fd, node->entry.head.end);
    if (!is_unchanged(fd, &node->stamp)) /* changed, or another file, or a directory, which can't be read */
        return -1;
    if (reading == READ_FAILED)
        return file_error_status_of_open(errno, (struct span){node->path, node->path_length});
    return reading == READ_AGREES ? 0 : -1;
}

/* Makes an entry of an open file. `stamp` was taken after the open for a large file, before it for a small one, where
   fstat(2) confirms it. Returns 0, a status, or -1 if the file changed meanwhile and must be opened again. Takes over
   `fd` on success. */
static int load_file(struct store *store, struct span path, uint64_t hash, int fd, const struct file_stamp *stamp,
                     int64_t first_seen, struct node **loaded)
{
    bool settled = file_stamp_is_settled(stamp, first_seen, store->racy_ms); /* before it is read */
    bool in_bytes = stamp->size <= LIMIT_STORE_FILE && store->bytes <= store->bytes_max;
    /* A write during a response from the descriptor would tear a small file, so it must not be one that changes now. */
    if (!in_bytes && stamp->size <= LIMIT_STORE_FILE && !settled) {
        file_error_log(EAGAIN, path);
        return 503;
    }
    struct node *node = node_new(store, hash, path, stamp, in_bytes);
    if (node == NULL) {
        file_error_log(ENOMEM, path);
        return 503;
    }
    node->first_seen = first_seen;
    node->entry.settled = settled;
    int status = in_bytes ? fill(node, fd) : !is_small(&node->entry) || is_unchanged(fd, stamp) ? 0 : -1;
    if (status != 0) {
        free(node);
        return status;
    }
    if (!in_bytes)
        node->entry.fd = fd;
    write_type(store, node, fd);
    write_etag(node);
    node->entry.modified = stamp->modified.tv_sec;
    date_write(node->entry.last_modified, node->entry.modified);
    if (in_bytes)
        close(fd);
    *loaded = node;
    return 0;
}

/* Counts another user of the node, which becomes the newest. */
static struct entry *hold(struct store *store, struct node *node, uint64_t iteration)
{
    struct queue *queue = queue_of(store, node);
    if (queue->newest != node) {
        queue_remove(queue, node);
        queue_add(queue, node);
    }
    node->iteration = iteration;
    node->entry.users++;
    return &node->entry;
}

/* Gives `fd` to the node of a large file, unless it has a descriptor. */
static void reopen(struct store *store, struct node *node, int fd)
{
    if (node->entry.fd >= 0) {
        close(fd);
        return;
    }
    queue_remove(&store->closed, node);
    node->entry.fd = fd;
    queue_add(&store->in_fds, node);
}

/* Returns true if the node is still valid for the open file, which had the node's stamp. Bytes that are not
   settled are read again and compared; if it is late enough, they are settled then. A large file that is not settled
   gets a new node, as its type may have changed. Takes over `fd` if true. */
static bool confirm(struct store *store, struct node *node, int fd)
{
    struct entry *entry = &node->entry;
    if (entry->settled && entry->bytes == NULL) {
        reopen(store, node, fd);
        return true;
    }
    bool settled = file_stamp_is_settled(&node->stamp, node->first_seen, store->racy_ms); /* before it is read */
    if (entry->bytes == NULL || read_again(node, fd, NULL) != READ_AGREES || !is_unchanged(fd, &node->stamp))
        return false;
    entry->settled = settled;
    close(fd);
    return true;
}

/* Finds the open file with this stamp, see load_file, in the table, or loads it. Returns 0, or as load_file does. Takes
   over `fd` on success. */
static int find_open(struct store *store, struct span path, uint64_t iteration, uint64_t hash, int fd,
                     const struct file_stamp *stamp, struct entry **entry)
{
    struct node *node = table_find(store, hash, path), *loaded;
    struct node *same = node != NULL && file_stamp_equal(stamp, &node->stamp) ? node : NULL;
    if (same != NULL && confirm(store, same, fd)) {
        *entry = hold(store, same, iteration);
        keep_bounds(store);
        return 0;
    }
    int64_t first_seen = same != NULL && same->entry.bytes == NULL ? same->first_seen : file_stamp_clock();
    int status = load_file(store, path, hash, fd, stamp, first_seen, &loaded);
    if (status != 0)
        return status;
    if (node != NULL)
        table_remove(store, node);
    if (loaded->entry.bytes != NULL || !is_small(&loaded->entry))
        table_add(store, loaded); /* a small file without bytes is for this response alone */
    loaded->iteration = iteration;
    *entry = &loaded->entry;
    return 0;
}

/* ---- the directory of a file ---- */

/* The directory that holds the node's name. */
static struct at_path at_directory(struct store *store, const struct node *node)
{
    return at_path(store, (struct span){node->path, node->name}, '.');
}

static uint64_t hash_identity(uint64_t above, const struct stat *attributes)
{
    uint64_t identity[] = {above, attributes->st_dev, attributes->st_ino};
    return hash_bytes((struct span){(const char *)identity, sizeof identity});
}

/* Looks at each directory of the node's path: false if one is not there, or is a link. */
static bool stat_each(struct store *store, const struct node *node, struct stat *attributes, uint64_t *directories)
{
    for (size_t i = 0; i < node->name; i++) {
        if (node->path[i] != '/')
            continue;
        struct at_path at = at_path(store, (struct span){node->path, i}, '\0');
        if (fstatat(at.directory, at.path, attributes, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(attributes->st_mode))
            return false;
        *directories = hash_identity(*directories, attributes);
    }
    return true;
}

static bool stat_directory(struct store *store, const struct node *node, struct directory *directory)
{
    struct stat attributes;
    directory->directories = 0;
    if (directory->followed) {
        struct at_path at = at_directory(store, node);
        if (fstatat(at.directory, at.path, &attributes, 0) < 0)
            return false;
    } else if (!stat_each(store, node, &attributes, &directory->directories)) {
        return false;
    }
    directory->stamp = file_stamp_of(&attributes);
    return true;
}

/* Makes the node's directory the shared one, as it is now or was for an earlier request of this iteration. NULL if its
   names don't lead to a directory, or there is a link among them that the node's path did not have. */
static const struct directory *look_at_directory(struct store *store, const struct node *node, uint64_t iteration)
{
    struct directory *directory = &store->shared_directory;
    bool followed = node->name == 0 || node->by_name || store->beneath.symlinks == SYMLINKS_ALL;
    bool shared = iteration != 0 && directory->iteration == iteration && directory->followed == followed &&
                  directory->length == node->name && memcmp(directory->path, node->path, node->name) == 0;
    if (!shared) {
        directory->iteration = iteration;
        directory->followed = followed;
        directory->length = node->name;
        if (node->name > 0)
            memcpy(directory->path, node->path, node->name);
        directory->found = stat_directory(store, node, directory);
    }
    return directory->found ? directory : NULL;
}

/* Called when the path has been resolved name by name. */
static void note_resolved(struct store *store, struct node *node, bool linked, uint64_t iteration)
{
    node->by_name = linked;
    node->directories = 0;
    if (linked || node->name == 0 || !fits_root_name(store, node->path_length))
        return;
    const struct directory *directory = look_at_directory(store, node, iteration);
    if (directory != NULL)
        node->directories = directory->directories;
}

/* A large file, which is sent from its descriptor, may grow all the time: takes its attributes as they are now. A small
   one is read until it stays the same. Returns false if it is another kind of file by now. */
static bool refresh_if_large(int fd, struct stat *attributes)
{
    return attributes->st_size <= LIMIT_STORE_FILE || (fstat(fd, attributes) == 0 && S_ISREG(attributes->st_mode));
}

/* Finds a directory, or loads a file. Returns 0 with its entry, or a status as store_find does. */
static int load(struct store *store, struct span path, uint64_t iteration, uint64_t hash, struct entry **entry)
{
    keep_bounds(store); /* responses that have ended since may leave room */
    for (unsigned attempt = 0; attempt < LIMIT_STORE_RETRIES; attempt++) {
        struct stat attributes;
        bool linked;
        int fd, status = open_regular(store, path, &attributes, &fd, &linked);
        if (status != 0)
            return status;
        if (fd < 0) {
            *entry = S_ISDIR(attributes.st_mode) ? &store->directory_entry : NULL;
            return *entry != NULL ? 0 : 404;
        }
        if (!refresh_if_large(fd, &attributes)) {
            close(fd);
            continue;
        }
        struct file_stamp stamp = file_stamp_of(&attributes);
        status = find_open(store, path, iteration, hash, fd, &stamp, entry);
        if (status == 0) {
            store->hits.loaded++;
            note_resolved(store, node_of(*entry), linked, iteration);
        } else {
            close(fd);
        }
        if (status >= 0)
            return status;
    }
    file_error_log(EBUSY, path);
    return 503;
}

static bool has_content(const struct node *node)
{
    return node->entry.bytes != NULL || node->entry.fd >= 0;
}

static bool is_current(const struct node *node, const struct stat *attributes)
{
    struct file_stamp now = file_stamp_of(attributes);
    return node->entry.settled && file_stamp_equal(&now, &node->stamp);
}

/* The fast path: the path still names the same file, by the root's name. What is found at a directory's name is looked
   at before what is found at the file's: if both are the same as before, the file was in it then, after the request had
   arrived, as moving a file changes its ctime. A path with a link is resolved name by name each time. */
static bool is_still_there(struct store *store, const struct node *node, uint64_t iteration)
{
    struct stat attributes;
    if (!node->entry.settled || node->by_name || !fits_root_name(store, node->path_length))
        return false;
    if (node->name > 0 && store->beneath.symlinks != SYMLINKS_ALL) {
        const struct directory *directory = look_at_directory(store, node, iteration);
        if (directory == NULL || directory->directories != node->directories)
            return false;
    }
    struct at_path at = at_path(store, (struct span){node->path, node->path_length}, '\0');
    return fstatat(at.directory, at.path, &attributes, AT_SYMLINK_NOFOLLOW) == 0 && is_current(node, &attributes);
}

/* ---- the interface ---- */

struct store *store_open(int root, int64_t racy_ms)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL || root_describe(&store->root, NULL, root) < 0) {
        free(store);
        return NULL;
    }
    store->beneath = (struct beneath){.root = root, .symlinks = SYMLINKS_INSIDE};
    store->racy_ms = racy_ms;
    store->next_expiry = -1;
    store_bound(store, LIMIT_STORE_BYTES);
    store->head_room = ENTRY_HEAD_MAX;
    store->directory_entry = (struct entry){.kind = ENTRY_DIRECTORY, .fd = -1};
    return store;
}

/* The kernel's name of the open root, if there is a proc(5): realpath(3) fails behind a directory that the worker may
   not enter. */
static void find_real_path(struct store *store)
{
    char room[32];
    snprintf(room, sizeof room, "/proc/self/fd/%d", store->beneath.root);
    ssize_t length = readlinkat(AT_FDCWD, room, store->real_path, sizeof store->real_path - 1);
    if (length > 0 && store->real_path[0] == '/')
        store->beneath.names[1] = store->real_path;
}

void store_follow(struct store *store, const char *root_name)
{
    store->root.name = store->beneath.names[0] = root_name;
    find_real_path(store);
    size_t length = root_name != NULL ? strlen(root_name) : 0;
    if (length == 0 || length + 2 > PATH_MAX)
        return;
    memcpy(store->full_path, root_name, length);
    store->full_path[length] = '/';
    store->root_name_length = length + 1;
}

void store_obey(struct store *store, const struct settings *settings)
{
    store->root.file = settings->file;
    store->beneath.symlinks = settings->symlinks;
    store->charset = settings->charset;
    mime_override(settings->types, settings->type_count);
    encoded_name_set(settings->encoded, settings->encoded_count);
}

void store_reserve(struct store *store, size_t bytes)
{
    store->head_room += bytes;
}

void store_bound(struct store *store, size_t bytes)
{
    store->bytes_max = bytes;
    store->entries_max = (unsigned)(bytes / (LIMIT_STORE_BYTES / LIMIT_STORE_ENTRIES));
}

void store_forget_unused(struct store *store)
{
    while (evict(store, &store->in_bytes) || evict(store, &store->in_fds) || evict(store, &store->closed))
        ;
}

void store_close(struct store *store)
{
    store_forget_unused(store);
    free(store);
}

struct store_hits store_take_hits(struct store *store)
{
    struct store_hits hits = store->hits;
    store->hits = (struct store_hits){0};
    return hits;
}

/* Resolves the path name by name, and loads the file unless the node is current. */
static int find_beneath(struct store *store, struct span path, uint64_t iteration, uint64_t hash, struct entry **entry)
{
    struct stat attributes;
    bool linked;
    struct node *node = table_find(store, hash, path);
    if (node != NULL && node->entry.settled && has_content(node) &&
        beneath_stat(&store->beneath, path, &attributes, &linked) == 0 && is_current(node, &attributes)) {
        store->hits.found++;
        note_resolved(store, node, linked, iteration);
        *entry = hold(store, node, iteration);
        return 0;
    }
    int status = load(store, path, iteration, hash, entry);
    /* Looks the node up again, as opening the path may have freed it. */
    if (*entry == NULL || *entry == &store->directory_entry)
        forget(store, hash, path);
    return status;
}

static int find_on_disk(struct store *store, struct span path, uint64_t iteration, uint64_t hash, struct entry **entry)
{
    int status = find_beneath(store, path, iteration, hash, entry);
    if (look_at_root(store, status == 404) == ROOT_CURRENT) /* so the lookup was below the root's name */
        return status;
    if (*entry != NULL && *entry != &store->directory_entry)
        node_of(*entry)->iteration = 0; /* no other request may share this lookup */
    if (*entry != NULL)
        store_release(store, *entry);
    *entry = NULL;
    return 503;
}

int store_find(struct store *store, struct span path, uint64_t iteration, struct entry **entry)
{
    uint64_t hash = hash_bytes(path);
    struct node *node = table_find(store, hash, path);
    *entry = NULL;
    if (node == NULL || !has_content(node))
        return find_on_disk(store, path, iteration, hash, entry);
    bool known = iteration != 0 && node->iteration == iteration;
    if (!known && !is_still_there(store, node, iteration))
        return find_on_disk(store, path, iteration, hash, entry);
    store->hits.found++;
    *entry = hold(store, node, iteration);
    return 0;
}

int store_read(struct entry *entry, char *room, size_t size, size_t *length)
{
    const struct node *node = node_of(entry);
    struct span path = {node->path, node->path_length};
    assert(entry->fd >= 0);
    *length = entry->size < size ? (size_t)entry->size : size;
    ssize_t got = read_at(entry->fd, room, *length, 0);
    if (got < 0)
        return file_error_status_of_open(errno, path);
    if ((size_t)got == *length)
        return 0;
    file_error_log(EBUSY, path); /* it shrinks */
    return 503;
}

int store_open_directory(struct store *store, struct span path, int *fd)
{
    *fd = open_directory(store, path);
    int status = *fd >= 0 ? 0 : file_error_status(errno, path);
    if (look_at_root(store, status == 404) == ROOT_CURRENT)
        return status;
    descriptors_close(*fd);
    return 503;
}

const struct beneath *store_beneath(const struct store *store)
{
    return &store->beneath;
}

/* ---- encoded siblings ---- */

/* Returns the path of a sibling, with a NUL, in the store's memory; empty if it is too long. */
static struct span sibling_path(struct store *store, const struct node *node, enum sibling sibling)
{
    struct buffer path = BUFFER(store->sibling_path);
    buffer_append(&path, (struct span){node->path, node->path_length});
    buffer_append(&path, sibling_suffixes[sibling]);
    buffer_byte(&path, '\0');
    return (struct span){path.at, path.overflow ? 0 : path.length - 1};
}

int store_find_sibling(struct store *store, struct entry *original, enum sibling sibling, uint64_t iteration,
                       struct entry **entry)
{
    const struct node *node = node_of(original);
    struct span path = sibling_path(store, node, sibling);
    int status = path.length > 0 ? store_find(store, path, iteration, entry) : 404;
    if (status != 0)
        return status;
    assert(*entry != NULL);
    bool usable = (*entry)->kind == ENTRY_FILE && !file_stamp_is_older(&node_of(*entry)->stamp, &node->stamp);
    if (usable)
        return 0;
    store_release(store, *entry);
    return 404;
}

/* True if no name has been added to the node's directory, or removed, since `names` was set. */
static bool names_are_unchanged(struct store *store, const struct node *node, uint64_t iteration)
{
    if (!node->names.settled)
        return false;
    const struct directory *directory = look_at_directory(store, node, iteration);
    return directory != NULL && file_stamp_equal(&directory->stamp, &node->names.stamp);
}

/* Sets the node's `names` to the state of its directory before the caller looks for names in it. */
static bool note_names(struct store *store, struct node *node, int directory)
{
    struct stat attributes;
    struct names *names = &node->names;
    if (fstat(directory, &attributes) < 0)
        return false;
    struct file_stamp stamp = file_stamp_of(&attributes);
    if (names->first_seen == 0 || !file_stamp_equal(&stamp, &names->stamp))
        names->first_seen = sibling_names_first_seen(&store->sibling_names, &stamp);
    names->settled = file_stamp_is_settled(&stamp, names->first_seen, store->racy_ms);
    names->stamp = stamp;
    return true;
}

enum { ALL_SIBLINGS = (1U << SIBLINGS) - 1 };

/* True if the names of the node's directory are known, and no sibling is among them. */
static bool lacks_siblings(struct store *store, struct node *node, uint64_t iteration)
{
    const struct directory *directory = look_at_directory(store, node, iteration);
    if (directory == NULL || !sibling_names_has_none(&store->sibling_names, &directory->stamp))
        return false;
    node->names = (struct names){.stamp = directory->stamp, .settled = true};
    node->absent = ALL_SIBLINGS;
    return true;
}

/* Returns the siblings that have no directory entry, not even a dangling link. */
static unsigned probe_siblings(struct store *store, const struct node *node, int directory)
{
    unsigned absent = 0;
    if (node->names.settled && sibling_names_note_search(&store->sibling_names, &node->names.stamp, directory))
        return ALL_SIBLINGS;
    for (unsigned sibling = 0; sibling < SIBLINGS; sibling++) {
        struct stat attributes;
        struct span path = sibling_path(store, node, sibling);
        if (path.length > 0 && fstatat(directory, path.at + node->name, &attributes, AT_SYMLINK_NOFOLLOW) < 0 &&
            errno == ENOENT)
            absent |= 1U << sibling;
    }
    return absent;
}

/* Opens the directory to look for siblings, so that what is found belongs to its stamp. */
__attribute__((noinline)) static void find_absent_siblings(struct store *store, struct node *node, uint64_t iteration)
{
    if (node->names.first_seen == 0 && /* they may be known from a search for another file */
        lacks_siblings(store, node, iteration))
        return;
    struct at_path at = at_directory(store, node);
    int directory = openat(at.directory, at.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool noted = directory >= 0 && note_names(store, node, directory);
    node->absent = noted ? probe_siblings(store, node, directory) : 0;
    node->names.settled &= noted;
    descriptors_close(directory);
}

__attribute__((noinline)) static void find_siblings(struct store *store, struct node *node, uint64_t iteration)
{
    for (unsigned sibling = 0; sibling < SIBLINGS; sibling++) {
        struct entry *entry;
        if ((node->absent & 1U << sibling) != 0 ||
            store_find_sibling(store, &node->entry, sibling, iteration, &entry) != 0)
            continue;
        node->siblings |= 1U << sibling;
        store_release(store, entry);
    }
}

unsigned store_siblings(struct store *store, struct entry *original, uint64_t iteration)
{
    struct node *node = node_of(original);
    if (iteration != 0 && node->siblings_iteration == iteration)
        return node->siblings;
    if (!names_are_unchanged(store, node, iteration))
        find_absent_siblings(store, node, iteration);
    node->siblings = 0;
    if (node->absent != ALL_SIBLINGS)
        find_siblings(store, node, iteration);
    node->siblings_iteration = store->root_state == ROOT_CURRENT ? iteration : 0;
    return node->siblings;
}

/* Keeps an unused file open for the next request, but closes a deleted one to free its space. Not inlined, as small
   files, which never take this path, would have to save its registers. */
__attribute__((noinline)) static void keep_idle_descriptor(struct store *store, struct node *node)
{
    struct stat attributes;
    if (fstat(node->entry.fd, &attributes) < 0 || attributes.st_nlink == 0) {
        close_descriptor(store, node);
        return;
    }
    /* Unused files are in the order of their last use, and expire in this order. */
    queue_remove(&store->in_fds, node);
    queue_add(&store->in_fds, node);
    node->idle_since = file_stamp_clock();
    if (store->next_expiry < 0)
        store->next_expiry = node->idle_since + LIMIT_STORE_FD_MS;
}

int64_t store_end_iteration(struct store *store, int64_t now)
{
    if (store->next_expiry < 0 || now < store->next_expiry)
        return store->next_expiry;
    struct node *node;
    while ((node = oldest_unused(&store->in_fds)) != NULL && now - node->idle_since >= LIMIT_STORE_FD_MS)
        close_descriptor(store, node);
    store->next_expiry = node != NULL ? node->idle_since + LIMIT_STORE_FD_MS : -1;
    return store->next_expiry;
}

void store_release(struct store *store, struct entry *entry)
{
    if (entry == &store->directory_entry)
        return;
    assert(entry->users > 0);
    entry->users--;
    struct node *node = node_of(entry);
    if (node->listed && entry->users == 0 && entry->fd >= 0)
        keep_idle_descriptor(store, node);
    else
        drop_unused(store, node);
}

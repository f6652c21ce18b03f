#include "site/store.h"

#include "base/buffer.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/text.h"
#include "site/beneath.h"
#include "site/directories.h"
#include "site/identity.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An entry with what only the store knows of it. Allocated together with its path, the room for a head, and, for
   small files, their bytes. */
struct node {
    struct entry entry;
    struct identity identity;
    bool listed;            /* in the table; else it is freed with its last user */
    uint64_t turn;          /* in which the disk was asked last */
    uint64_t siblings_turn; /* and for `siblings` */
    unsigned siblings;      /* bits 1 << enum sibling */
    unsigned absent;        /* the same for siblings whose very names are missing ... */
    uint64_t names_version; /* ... as long as the directory has this one */
    uint64_t hash;          /* of the path */
    struct node *next;      /* in the same bucket */
    struct node *newer;
    struct node *older;
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

enum { BUCKETS = LIMIT_STORE_ENTRIES };
_Static_assert((BUCKETS & (BUCKETS - 1)) == 0, "a bucket is chosen by masking the hash");

struct store {
    struct beneath beneath;
    struct directories *directories;
    int64_t racy_ms;       /* how long a change is too recent to be told from the next */
    struct queue in_bytes; /* small files */
    struct queue in_fds;   /* larger ones */
    size_t octets;         /* held as bytes, by nodes that have left the table as well */
    size_t head_room;      /* in each entry */
    const char *charset;   /* of every text, "none" for none; NULL: utf-8 where it is that */
    struct store_looks looks;
    struct entry directory;
    char sibling_path[PATH_MAX];
    struct node *buckets[BUCKETS];
};

static struct node *node_of(struct entry *entry)
{
    return (struct node *)(void *)entry; /* the entry is its first member */
}

/* ---- opening beneath the root ---- */

/* Opens `path`. A descriptor that is only kept for later gives way to one that is needed now. */
static int open_beneath(struct store *store, struct span path, int flags)
{
    for (unsigned attempt = 0;; attempt++) {
        int fd = beneath_open(&store->beneath, path, flags);
        if (fd >= 0 || (errno != EMFILE && errno != ENFILE) || attempt == LIMIT_STORE_RETRIES)
            return fd;
        int error = errno;
        if (!store_free_descriptor(store))
            attempt = LIMIT_STORE_RETRIES - 1;
        errno = error;
    }
}

/* The one place where an errno becomes a status. */
static int status_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EXDEV: /* leaves the root */
    case EACCES:
    case EPERM:
    case ENXIO: /* a socket */
    case ENODEV:
    case EINVAL: /* a name that this file system can't have */
    case EILSEQ:
    case ESTALE:
        return 404;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
        return 503;
    default:
        return 500;
    }
}

/* ---- the table ---- */

static struct queue *queue_of(struct store *store, const struct node *node)
{
    return node->entry.bytes != NULL ? &store->in_bytes : &store->in_fds;
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
    while (node != NULL &&
           (node->hash != hash || !span_equal((struct span){node->path, node->path_length}, path)))
        node = node->next;
    return node;
}

/* Frees what is of no use to anybody any more. */
static void drop_unused(struct store *store, struct node *node)
{
    if (node->listed || node->entry.users > 0)
        return;
    if (node->entry.bytes != NULL)
        store->octets -= node->entry.size;
    else
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

/* Takes out the longest unused node that no answer holds, so that memory or a descriptor is free after it. False when
   there is none. */
static bool evict(struct store *store, struct queue *queue)
{
    struct node *node = queue->oldest;
    while (node != NULL && node->entry.users > 0)
        node = node->newer;
    if (node == NULL)
        return false;
    table_remove(store, node);
    return true;
}

static void table_add(struct store *store, struct node *node)
{
    node->next = *bucket_of(store, node->hash);
    *bucket_of(store, node->hash) = node;
    queue_add(queue_of(store, node), node);
    if (node->entry.bytes != NULL)
        store->octets += node->entry.size;
    node->listed = true;

    while (store->in_fds.count > LIMIT_STORE_FDS && evict(store, &store->in_fds))
        ;
    while ((store->octets > LIMIT_STORE_OCTETS || store->in_bytes.count > LIMIT_STORE_ENTRIES) &&
           evict(store, &store->in_bytes))
        ;
}

/* ---- what a file is ---- */

static void append_time(struct buffer *etag, struct timespec time)
{
    buffer_hex(etag, (uint64_t)time.tv_sec);
    buffer_byte(etag, '-');
    buffer_hex(etag, (uint64_t)time.tv_nsec);
    buffer_byte(etag, '-');
}

/*
 * A strong validator (RFC 9110 8.8.1). Bytes in memory have their hash, equal on every replica. A larger file has
 * its times and size, but none while its times can't be trusted; where mtime was set to some date of old by a
 * reproducible build, ctime speaks for it.
 */
static void write_etag(struct node *node)
{
    static const time_t year_1980 = 315532800;
    struct entry *entry = &node->entry;
    struct buffer etag = {entry->etag, 0, sizeof entry->etag - 1, false};
    if (entry->bytes == NULL && !node->entry.settled)
        return;
    buffer_byte(&etag, '"');
    if (entry->bytes != NULL) {
        buffer_hex(&etag, hash_bytes((struct span){entry->bytes, entry->size}));
    } else {
        bool set = node->identity.modified.tv_sec <= year_1980;
        append_time(&etag, set ? node->identity.changed : node->identity.modified);
        buffer_hex(&etag, entry->size);
    }
    buffer_byte(&etag, '"');
}

static void write_last_modified(struct node *node)
{
    node->entry.modified = node->identity.modified.tv_sec;
    date_write(node->entry.last_modified, node->entry.modified);
}

static bool is_utf8(const struct entry *entry)
{
    if (entry->bytes != NULL)
        return text_is_utf8((struct span){entry->bytes, entry->size}, false);
    char *probe = malloc(LIMIT_CHARSET_PROBE);
    ssize_t length = probe != NULL ? pread(entry->fd, probe, LIMIT_CHARSET_PROBE, 0) : -1;
    bool utf8 = length > 0 && text_is_utf8((struct span){probe, (size_t)length}, true);
    free(probe);
    return utf8;
}

/* The charset of a text; NULL where none is to be told. What a type says of itself stays. */
static const char *charset_of(const struct store *store, const struct node *node, const char *mime)
{
    if (!mime_is_text(mime) || strchr(mime, ';') != NULL)
        return NULL;
    if (store->charset == NULL)
        return is_utf8(&node->entry) ? "utf-8" : NULL;
    return strcmp(store->charset, "none") == 0 ? NULL : store->charset;
}

/* `fd` is the open file, also for an entry that holds bytes. */
static void write_type(const struct store *store, struct node *node, int fd)
{
    char scratch[MIME_MAX];
    struct buffer type = {node->entry.type, 0, sizeof node->entry.type - 1, false};
    const char *mime = mime_of(node->path, fd, scratch);
    const char *charset = charset_of(store, node, mime);
    buffer_string(&type, mime);
    if (charset != NULL) {
        buffer_append(&type, SPAN("; charset="));
        buffer_string(&type, charset);
    }
}

/* ---- reading a file ---- */

/* Where in a path its last component begins. */
static size_t name_of(struct span path)
{
    size_t at = path.length;
    while (at > 0 && path.at[at - 1] != '/')
        at--;
    return at;
}

static struct node *node_new(const struct store *store, uint64_t hash, struct span path,
                             const struct identity *identity, bool in_bytes)
{
    size_t room = in_bytes ? (size_t)identity->size : 0;
    struct node *node = malloc(sizeof *node + path.length + 1 + store->head_room + room);
    if (node == NULL)
        return NULL;
    *node = (struct node){
        .entry = {.kind = ENTRY_FILE, .size = (uint64_t)identity->size, .fd = -1, .users = 1},
        .identity = *identity,
        .hash = hash,
        .path_length = path.length,
        .name = name_of(path),
    };
    memcpy(node->path, path.at, path.length);
    node->path[path.length] = '\0';
    node->entry.head.end = node->path + path.length + 1 + store->head_room;
    if (in_bytes)
        node->entry.bytes = node->entry.head.end;
    return node;
}

/* Reads the whole content. False with errno, or with errno 0 when it is not as long as it was. */
static bool read_bytes(struct node *node, int fd)
{
    char *at = node->entry.head.end;
    size_t left = (size_t)node->identity.size;
    off_t offset = 0;
    while (left > 0) {
        ssize_t length = pread(fd, at + offset, left, offset);
        if (length < 0 && errno == EINTR)
            continue;
        if (length <= 0) {
            errno = length == 0 ? 0 : errno;
            return false;
        }
        offset += length;
        left -= (size_t)length;
    }
    return true;
}

static bool is_unchanged(int fd, const struct identity *identity)
{
    struct stat attributes;
    if (fstat(fd, &attributes) < 0)
        return false;
    struct identity now = identity_of(&attributes);
    return identity_equal(&now, identity);
}

/*
 * Makes an entry of an open regular file: all that is said of it comes from this one descriptor. Returns 0, a
 * status, or -1 when the file changed meanwhile and is to be opened again. Takes `fd` over unless it fails.
 */
static int load_file(struct store *store, struct span path, uint64_t hash, int fd,
                     const struct stat *attributes, struct node **loaded)
{
    struct identity identity = identity_of(attributes);
    /* When answers in flight hold all the memory there is to hold, even a small file is sent from its descriptor. */
    bool in_bytes = attributes->st_size <= LIMIT_STORE_FILE && store->octets <= LIMIT_STORE_OCTETS;
    bool settled = identity_is_settled(&identity, store->racy_ms); /* asked before the first octet is read */
    struct node *node = node_new(store, hash, path, &identity, in_bytes);
    if (node == NULL)
        return 503;
    node->entry.settled = settled;
    if (in_bytes) {
        bool whole = read_bytes(node, fd);
        if (!whole && errno != 0) {
            free(node);
            return 500;
        }
        if (!whole || !is_unchanged(fd, &identity)) {
            free(node);
            return -1;
        }
    } else {
        node->entry.fd = fd;
    }
    write_type(store, node, fd);
    write_etag(node);
    write_last_modified(node);
    if (in_bytes)
        close(fd);
    *loaded = node;
    return 0;
}

static int load(struct store *store, struct span path, uint64_t turn, uint64_t hash, struct entry **entry)
{
    for (unsigned attempt = 0; attempt < LIMIT_STORE_RETRIES; attempt++) {
        struct stat attributes;
        struct node *node;
        int fd = open_beneath(store, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
            return status_of(errno);
        int result = fstat(fd, &attributes) < 0 ? 500 : 0;
        if (result == 0 && !S_ISREG(attributes.st_mode)) /* it was a file a moment ago */
            result = -1;
        if (result == 0)
            result = load_file(store, path, hash, fd, &attributes, &node);
        if (result == 0) {
            node->turn = turn;
            store->looks.loaded++;
            table_add(store, node);
            *entry = &node->entry;
            return 0;
        }
        close(fd);
        if (result > 0)
            return result;
    }
    return 503;
}

/* Asks the disk what `path` names now, without opening it: a device or a FIFO is not so much as touched. */
static int probe(struct store *store, struct span path, struct stat *attributes)
{
    int fd = open_beneath(store, path, O_PATH);
    if (fd < 0)
        return status_of(errno);
    int failed = fstat(fd, attributes);
    close(fd);
    return failed < 0 ? 500 : 0;
}

static bool is_current(const struct node *node, const struct stat *attributes)
{
    struct identity now = identity_of(attributes);
    return node->entry.settled && identity_equal(&now, &node->identity);
}

/* The directory that has the node's name; NULL where it can't be opened. */
static const struct directory *directory_of(struct store *store, const struct node *node, uint64_t turn)
{
    size_t length = node->name > 0 ? node->name - 1 : 0; /* without its slash */
    return directories_find(store->directories, (struct span){node->path, length}, turn);
}

/*
 * The usual case: the name in its directory still is the file that was read. What has changed, is gone, or was reached
 * through a link by this name, is for the full lookup to judge.
 */
static bool is_still_there(struct store *store, const struct node *node, uint64_t turn)
{
    struct stat attributes;
    const struct directory *directory = node->entry.settled ? directory_of(store, node, turn) : NULL;
    return directory != NULL &&
           fstatat(directory->fd, node->path + node->name, &attributes, AT_SYMLINK_NOFOLLOW) == 0 &&
           is_current(node, &attributes);
}

/* One more answer uses the node, which is now the newest. */
static struct entry *hold(struct store *store, struct node *node)
{
    struct queue *queue = queue_of(store, node);
    store->looks.found++;
    if (queue->newest != node) {
        queue_remove(queue, node);
        queue_add(queue, node);
    }
    node->entry.users++;
    return &node->entry;
}

/* ---- the interface ---- */

struct store *store_open(int root, int64_t racy_ms, bool walk)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    store->beneath = beneath_root(root, walk);
    store->racy_ms = racy_ms;
    store->head_room = ENTRY_HEAD_MAX;
    store->directory = (struct entry){.kind = ENTRY_DIRECTORY, .fd = -1};
    store->directories = directories_new(&store->beneath, racy_ms);
    if (store->directories != NULL)
        return store;
    free(store);
    return NULL;
}

void store_obey(struct store *store, const struct settings *settings)
{
    store->beneath.symlinks = settings->symlinks;
    store->charset = settings->charset;
    mime_override(settings->types, settings->type_count);
}

void store_reserve(struct store *store, size_t octets)
{
    store->head_room += octets;
}

void store_close(struct store *store)
{
    while (evict(store, &store->in_bytes) || evict(store, &store->in_fds))
        ;
    directories_free(store->directories);
    free(store);
}

bool store_free_descriptor(struct store *store)
{
    return directories_end_turn(store->directories) || evict(store, &store->in_fds);
}

struct store_looks store_take_looks(struct store *store)
{
    struct store_looks looks = store->looks;
    store->looks = (struct store_looks){0};
    return looks;
}

void store_end_turn(struct store *store)
{
    directories_end_turn(store->directories);
}

/* Asks the disk, and loads the file unless the node in the table is still what it was. */
static int find_on_disk(struct store *store, struct span path, uint64_t turn, uint64_t hash,
                        struct entry **entry)
{
    struct stat attributes = {0};
    int status = probe(store, path, &attributes);
    struct node *node = table_find(store, hash, path);
    if (node != NULL && status == 0 && is_current(node, &attributes)) {
        node->turn = turn;
        *entry = hold(store, node);
        return 0;
    }
    if (node != NULL)
        table_remove(store, node);
    if (status != 0)
        return status;
    if (S_ISDIR(attributes.st_mode)) {
        *entry = &store->directory;
        return 0;
    }
    return S_ISREG(attributes.st_mode) ? load(store, path, turn, hash, entry) : 404;
}

int store_find(struct store *store, struct span path, uint64_t turn, struct entry **entry)
{
    uint64_t hash = hash_bytes(path);
    struct node *node = table_find(store, hash, path);
    *entry = NULL;
    if (node == NULL)
        return find_on_disk(store, path, turn, hash, entry);
    bool known = turn != 0 && node->turn == turn;
    if (!known && !is_still_there(store, node, turn))
        return find_on_disk(store, path, turn, hash, entry);
    node->turn = turn;
    *entry = hold(store, node);
    return 0;
}

int store_open_directory(struct store *store, struct span path, int *fd)
{
    *fd = open_beneath(store, path, O_RDONLY | O_DIRECTORY);
    return *fd >= 0 ? 0 : status_of(errno);
}

const struct beneath *store_beneath(const struct store *store)
{
    return &store->beneath;
}

static const struct span suffixes[SIBLINGS] = {
    [SIBLING_GZ] = SPAN_INIT(".gz"),
    [SIBLING_ZST] = SPAN_INIT(".zst"),
    [SIBLING_BR] = SPAN_INIT(".br"),
};

/* The path of a sibling, with its NUL, in the store's own room. Empty when it is too long. */
static struct span sibling_path(struct store *store, const struct node *node, enum sibling sibling)
{
    struct buffer path = BUFFER(store->sibling_path);
    buffer_append(&path, (struct span){node->path, node->path_length});
    buffer_append(&path, suffixes[sibling]);
    buffer_byte(&path, '\0');
    return (struct span){path.at, path.overflow ? 0 : path.length - 1};
}

int store_find_sibling(struct store *store, struct entry *original, enum sibling sibling, uint64_t turn,
                       struct entry **entry)
{
    const struct node *node = node_of(original);
    struct span path = sibling_path(store, node, sibling);
    int status = path.length > 0 ? store_find(store, path, turn, entry) : 404;
    if (status != 0)
        return status;
    assert(*entry != NULL);
    bool usable =
        (*entry)->kind == ENTRY_FILE && !identity_is_older(&node_of(*entry)->identity, &node->identity);
    if (usable)
        return 0;
    store_release(store, *entry);
    return 404;
}

/* The siblings whose names are not in the directory at all, as bits: neither a file nor a link that leads nowhere. */
static unsigned absent_siblings(struct store *store, struct node *node, uint64_t turn)
{
    const struct directory *directory = directory_of(store, node, turn);
    if (directory == NULL)
        return 0;
    if (node->names_version == directory->names_version)
        return node->absent;
    node->absent = 0;
    for (unsigned sibling = 0; sibling < SIBLINGS; sibling++) {
        struct stat attributes;
        struct span path = sibling_path(store, node, sibling);
        if (path.length > 0 &&
            fstatat(directory->fd, path.at + node->name, &attributes, AT_SYMLINK_NOFOLLOW) < 0 &&
            errno == ENOENT)
            node->absent |= 1U << sibling;
    }
    node->names_version = directory->names_version;
    return node->absent;
}

unsigned store_siblings(struct store *store, struct entry *original, uint64_t turn)
{
    struct node *node = node_of(original);
    if (turn != 0 && node->siblings_turn == turn)
        return node->siblings;
    unsigned absent = absent_siblings(store, node, turn);
    node->siblings = 0;
    for (unsigned sibling = 0; sibling < SIBLINGS; sibling++) {
        struct entry *entry;
        if ((absent & 1U << sibling) != 0 || store_find_sibling(store, original, sibling, turn, &entry) != 0)
            continue;
        node->siblings |= 1U << sibling;
        store_release(store, entry);
    }
    node->siblings_turn = turn;
    return node->siblings;
}

void store_release(struct store *store, struct entry *entry)
{
    if (entry == &store->directory)
        return;
    assert(entry->users > 0);
    entry->users--;
    drop_unused(store, node_of(entry));
}

#include "site/store.h"

#include "base/buffer.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* What must be equal for a file to be the one that was read. */
struct identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
};

/* An entry with what only the store knows of it. Allocated together with its path and, for small files, its bytes. */
struct node {
    struct entry entry;
    struct identity identity;
    unsigned holds;         /* the table's, while it is listed there, and one for each answer in flight */
    uint64_t turn;          /* in which the disk was asked last */
    uint64_t siblings_turn; /* and for `siblings` */
    unsigned siblings;      /* bits 1 << enum sibling */
    uint64_t hash;          /* of the path */
    struct node *next;      /* in the same bucket */
    struct node *newer;
    struct node *older;
    size_t path_length;
    char path[]; /* with its NUL, then the bytes */
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
    int root;
    int64_t racy_ms;       /* how long a change is too recent to be told from the next */
    bool walk;             /* resolve paths without openat2 */
    struct queue in_bytes; /* small files */
    struct queue in_fds;   /* larger ones */
    size_t octets;         /* held as bytes, by nodes that have left the table as well */
    struct entry directory;
    char sibling_path[PATH_MAX];
    struct node *buckets[BUCKETS];
};

static struct node *node_of(struct entry *entry)
{
    return (struct node *)(void *)entry; /* the entry is its first member */
}

/* ---- opening beneath the root ---- */

static int openat2_beneath(int root, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)flags,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

static int open_component(int directory, struct span name, int flags)
{
    char component[NAME_MAX + 1];
    if (name.length > NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(component, name.at, name.length);
    component[name.length] = '\0';
    return openat(directory, name.length > 0 ? component : ".", flags | O_NOFOLLOW);
}

/* Where there is no openat2: component by component, and no symbolic link at all. */
static int walk_beneath(int root, struct span path, int flags)
{
    int directory = root;
    for (;;) {
        size_t length = span_find(path, '/');
        bool last = length == path.length;
        int next = open_component(directory, (struct span){path.at, length},
                                  last ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC);
        int error = errno;
        if (directory != root)
            close(directory);
        errno = error;
        if (last || next < 0)
            return next;
        directory = next;
        path = (struct span){path.at + length + 1, path.length - length - 1};
    }
}

static int open_once(const struct store *store, struct span path, int flags)
{
    if (store->walk)
        return walk_beneath(store->root, path, flags | O_CLOEXEC);
    return openat2_beneath(store->root, path.length > 0 ? path.at : ".", flags | O_CLOEXEC);
}

static bool evict(struct store *store, struct queue *queue);

/*
 * Opens `path`, which ends with a NUL. openat2 answers EAGAIN when something was renamed while it looked; and a
 * descriptor that is only kept for later gives way to one that is needed now.
 */
static int open_beneath(struct store *store, struct span path, int flags)
{
    for (unsigned attempt = 0;; attempt++) {
        int fd = open_once(store, path, flags);
        if (fd >= 0)
            return fd;
        bool again = errno == EINTR || errno == EAGAIN;
        if (errno == EMFILE || errno == ENFILE) {
            int error = errno;
            again = evict(store, &store->in_fds);
            errno = error;
        }
        if (!again || attempt == LIMIT_STORE_RETRIES)
            return -1;
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

static void release(struct store *store, struct node *node)
{
    assert(node->holds > 0);
    if (--node->holds > 0)
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
    release(store, node);
}

/* Takes out the longest unused node that no answer holds, so that memory or a descriptor is free after it. False when
   there is none. */
static bool evict(struct store *store, struct queue *queue)
{
    struct node *node = queue->oldest;
    while (node != NULL && node->holds > 1)
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
    node->holds++;

    while (store->in_fds.count > LIMIT_STORE_FDS && evict(store, &store->in_fds))
        ;
    while ((store->octets > LIMIT_STORE_OCTETS || store->in_bytes.count > LIMIT_STORE_ENTRIES) &&
           evict(store, &store->in_bytes))
        ;
}

/* ---- what a file is ---- */

static struct identity identity_of(const struct stat *attributes)
{
    return (struct identity){
        .device = attributes->st_dev,
        .inode = attributes->st_ino,
        .size = attributes->st_size,
        .modified = attributes->st_mtim,
        .changed = attributes->st_ctim,
    };
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_older(const struct identity *a, const struct identity *b)
{
    struct timespec first = a->modified, second = b->modified;
    return first.tv_sec != second.tv_sec ? first.tv_sec < second.tv_sec : first.tv_nsec < second.tv_nsec;
}

static bool same_identity(const struct identity *a, const struct identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

/* A file that was read so soon after its last change could change again and look the same. Times from the future are
   not trusted either. */
static bool is_racy(const struct store *store, const struct identity *identity)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    int64_t seconds = (int64_t)now.tv_sec - identity->changed.tv_sec;
    return seconds * 1000 + (now.tv_nsec - identity->changed.tv_nsec) / 1000000 < store->racy_ms;
}

static void append_time(struct buffer *etag, struct timespec time)
{
    buffer_hex(etag, (uint64_t)time.tv_sec);
    buffer_octet(etag, '-');
    buffer_hex(etag, (uint64_t)time.tv_nsec);
    buffer_octet(etag, '-');
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
    buffer_octet(&etag, '"');
    if (entry->bytes != NULL) {
        buffer_hex(&etag, hash_octets((struct span){entry->bytes, entry->size}));
    } else {
        bool set = node->identity.modified.tv_sec <= year_1980;
        append_time(&etag, set ? node->identity.changed : node->identity.modified);
        buffer_hex(&etag, entry->size);
    }
    buffer_octet(&etag, '"');
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

/* `fd` is the open file, also for an entry that holds bytes. */
static void write_type(struct node *node, int fd)
{
    char scratch[MIME_MAX];
    struct buffer type = {node->entry.type, 0, sizeof node->entry.type - 1, false};
    const char *mime = mime_of(node->path, fd, scratch);
    buffer_string(&type, mime);
    if (mime_is_text(mime) && is_utf8(&node->entry))
        buffer_append(&type, SPAN("; charset=utf-8"));
}

/* ---- reading a file ---- */

static struct node *node_new(uint64_t hash, struct span path, const struct identity *identity, bool in_bytes)
{
    size_t room = in_bytes ? (size_t)identity->size : 0;
    struct node *node = malloc(sizeof *node + path.length + 1 + room);
    if (node == NULL)
        return NULL;
    *node = (struct node){
        .entry = {.kind = ENTRY_FILE, .size = (uint64_t)identity->size, .fd = -1},
        .identity = *identity,
        .holds = 1, /* the caller's */
        .hash = hash,
        .path_length = path.length,
    };
    memcpy(node->path, path.at, path.length);
    node->path[path.length] = '\0';
    if (in_bytes)
        node->entry.bytes = node->path + path.length + 1;
    return node;
}

/* Reads the whole content. False with errno, or with errno 0 when it is not as long as it was. */
static bool read_bytes(struct node *node, int fd)
{
    char *at = node->path + node->path_length + 1;
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
    return same_identity(&now, identity);
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
    bool racy = is_racy(store, &identity); /* asked before the first octet is read */
    struct node *node = node_new(hash, path, &identity, in_bytes);
    if (node == NULL)
        return 503;
    node->entry.settled = !racy;
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
    write_type(node, fd);
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
    return node->entry.settled && same_identity(&now, &node->identity);
}

/* One more answer uses the node, which is now the newest. */
static struct entry *hold(struct store *store, struct node *node)
{
    struct queue *queue = queue_of(store, node);
    if (queue->newest != node) {
        queue_remove(queue, node);
        queue_add(queue, node);
    }
    node->holds++;
    return &node->entry;
}

/* ---- the interface ---- */

struct store *store_open(int root, int64_t racy_ms, bool walk)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    store->root = root;
    store->racy_ms = racy_ms;
    store->directory = (struct entry){.kind = ENTRY_DIRECTORY, .fd = -1};
    int fd = openat2_beneath(root, ".", O_PATH | O_CLOEXEC);
    store->walk = walk || (fd < 0 && (errno == ENOSYS || errno == EPERM));
    if (fd >= 0)
        close(fd);
    return store;
}

void store_close(struct store *store)
{
    while (evict(store, &store->in_bytes) || evict(store, &store->in_fds))
        ;
    free(store);
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
    uint64_t hash = hash_octets(path);
    struct node *node = table_find(store, hash, path);
    *entry = NULL;
    if (node == NULL || turn == 0 || node->turn != turn)
        return find_on_disk(store, path, turn, hash, entry);
    *entry = hold(store, node);
    return 0;
}

int store_find_sibling(struct store *store, struct entry *original, enum sibling sibling, uint64_t turn,
                       struct entry **entry)
{
    static const struct span suffixes[SIBLINGS] = {
        [SIBLING_GZ] = SPAN_INIT(".gz"),
        [SIBLING_ZST] = SPAN_INIT(".zst"),
        [SIBLING_BR] = SPAN_INIT(".br"),
    };
    const struct node *node = node_of(original);
    struct buffer path = BUFFER(store->sibling_path);
    buffer_append(&path, (struct span){node->path, node->path_length});
    buffer_append(&path, suffixes[sibling]);
    buffer_octet(&path, '\0');
    if (path.overflow)
        return 404;
    int status = store_find(store, (struct span){path.at, path.length - 1}, turn, entry);
    if (status != 0)
        return status;
    assert(*entry != NULL);
    bool usable = (*entry)->kind == ENTRY_FILE && !is_older(&node_of(*entry)->identity, &node->identity);
    if (usable)
        return 0;
    store_release(store, *entry);
    return 404;
}

unsigned store_siblings(struct store *store, struct entry *original, uint64_t turn)
{
    struct node *node = node_of(original);
    if (turn != 0 && node->siblings_turn == turn)
        return node->siblings;
    node->siblings = 0;
    for (unsigned sibling = 0; sibling < SIBLINGS; sibling++) {
        struct entry *entry;
        if (store_find_sibling(store, original, sibling, turn, &entry) != 0)
            continue;
        node->siblings |= 1U << sibling;
        store_release(store, entry);
    }
    node->siblings_turn = turn;
    return node->siblings;
}

void store_release(struct store *store, struct entry *entry)
{
    if (entry != &store->directory)
        release(store, node_of(entry));
}

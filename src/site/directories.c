#include "site/directories.h"

#include "base/hash.h"
#include "base/limits.h"
#include "site/file_stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A directory; its data is kept when it is closed. */
struct slot {
    struct directory directory; /* fd is -1 while it is closed */
    uint64_t iteration;         /* in which it was opened */
    struct file_stamp stamp;
    int64_t first_seen; /* the stamp, by file_stamp_clock */
    bool settled;       /* the result of file_stamp_is_settled then */
    uint64_t hash;
    struct slot *next_open; /* while it is open */
    size_t length;
    char path[]; /* with its NUL */
};

enum { SLOTS = LIMIT_STORE_DIRECTORIES };
_Static_assert((SLOTS & (SLOTS - 1)) == 0, "a slot is chosen by masking the hash");

struct directories {
    const struct beneath *beneath;
    int64_t racy_ms;
    uint64_t last_version;     /* of any directory's names */
    struct slot *open;         /* the open ones, the last one first */
    struct slot *slots[SLOTS]; /* by hash; a new path replaces the one in its slot */
};

struct directories *directories_new(const struct beneath *beneath, int64_t racy_ms)
{
    struct directories *directories = calloc(1, sizeof *directories);
    if (directories != NULL)
        *directories = (struct directories){.beneath = beneath, .racy_ms = racy_ms};
    return directories;
}

static void close_slot(struct directories *directories, struct slot *slot)
{
    struct slot **link = &directories->open;
    if (slot->directory.fd < 0)
        return;
    while (*link != slot)
        link = &(*link)->next_open;
    *link = slot->next_open;
    if (slot->directory.fd != directories->beneath->root)
        close(slot->directory.fd);
    slot->directory.fd = -1;
}

bool directories_end_iteration(struct directories *directories)
{
    bool any = directories->open != NULL;
    while (directories->open != NULL)
        close_slot(directories, directories->open);
    return any;
}

void directories_free(struct directories *directories)
{
    directories_end_iteration(directories);
    for (unsigned i = 0; i < SLOTS; i++)
        free(directories->slots[i]);
    free(directories);
}

/* Returns the slot of a path, which may replace that of another one. NULL without memory. */
static struct slot *slot_of(struct directories *directories, struct span path)
{
    uint64_t hash = hash_bytes(path);
    struct slot **at = &directories->slots[hash & (SLOTS - 1)], *slot = *at;
    if (slot != NULL && slot->hash == hash && span_equal((struct span){slot->path, slot->length}, path))
        return slot;
    if (slot != NULL)
        close_slot(directories, slot);
    free(slot);
    *at = slot = malloc(sizeof *slot + path.length + 1);
    if (slot == NULL)
        return NULL;
    *slot = (struct slot){.directory = {.fd = -1}, .hash = hash, .length = path.length};
    memcpy(slot->path, path.at, path.length);
    slot->path[path.length] = '\0';
    return slot;
}

/* Updates the stamp and the version of the names. Returns false with errno on failure. */
static bool update(struct directories *directories, struct slot *slot)
{
    struct stat attributes;
    if (fstat(slot->directory.fd, &attributes) < 0)
        return false;
    struct file_stamp stamp = file_stamp_of(&attributes);
    bool same = slot->directory.names_version != 0 && file_stamp_equal(&stamp, &slot->stamp);
    if (same && slot->settled)
        return true;
    if (!same)
        slot->first_seen = file_stamp_clock();
    slot->settled = file_stamp_is_settled(&stamp, slot->first_seen, directories->racy_ms);
    slot->stamp = stamp;
    slot->directory.names_version = ++directories->last_version;
    return true;
}

const struct directory *directories_find(struct directories *directories, struct span path,
                                         uint64_t iteration)
{
    struct slot *slot = slot_of(directories, path);
    if (slot == NULL)
        return NULL;
    if (slot->directory.fd >= 0 && iteration != 0 && slot->iteration == iteration)
        return &slot->directory;
    close_slot(directories, slot);
    int fd = path.length == 0 ? directories->beneath->root
                              : beneath_open(directories->beneath, (struct span){slot->path, slot->length},
                                             O_PATH | O_DIRECTORY);
    if (fd < 0)
        return NULL;
    slot->directory.fd = fd;
    slot->iteration = iteration;
    slot->next_open = directories->open;
    directories->open = slot;
    if (update(directories, slot))
        return &slot->directory;
    int error = errno;
    close_slot(directories, slot);
    errno = error;
    return NULL;
}

#include "site/directories.h"

#include "base/hash.h"
#include "base/limits.h"
#include "site/file_stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A directory with what is remembered of it when it is closed again. */
struct place {
    struct directory directory; /* fd is -1 while it is closed */
    uint64_t iteration;         /* in which it was opened */
    struct file_stamp stamp;
    int64_t first_seen; /* the stamp, by file_stamp_clock */
    bool settled;       /* as file_stamp_is_settled said when the names were looked at */
    uint64_t hash;
    struct place *next_open; /* while it is open */
    size_t length;
    char path[]; /* with its NUL */
};

enum { PLACES = LIMIT_STORE_DIRECTORIES };
_Static_assert((PLACES & (PLACES - 1)) == 0, "a place is chosen by masking the hash");

struct directories {
    const struct beneath *beneath;
    int64_t racy_ms;
    uint64_t last_version;        /* of any directory's names */
    struct place *open;           /* those that are open, the last one first */
    struct place *places[PLACES]; /* each path has one where it may be: what is there gives way */
};

struct directories *directories_new(const struct beneath *beneath, int64_t racy_ms)
{
    struct directories *directories = calloc(1, sizeof *directories);
    if (directories != NULL)
        *directories = (struct directories){.beneath = beneath, .racy_ms = racy_ms};
    return directories;
}

static void close_place(struct directories *directories, struct place *place)
{
    struct place **link = &directories->open;
    if (place->directory.fd < 0)
        return;
    while (*link != place)
        link = &(*link)->next_open;
    *link = place->next_open;
    if (place->directory.fd != directories->beneath->root)
        close(place->directory.fd);
    place->directory.fd = -1;
}

bool directories_end_iteration(struct directories *directories)
{
    bool any = directories->open != NULL;
    while (directories->open != NULL)
        close_place(directories, directories->open);
    return any;
}

void directories_free(struct directories *directories)
{
    directories_end_iteration(directories);
    for (unsigned i = 0; i < PLACES; i++)
        free(directories->places[i]);
    free(directories);
}

/* The place of a path, emptied of any other. NULL when memory is short. */
static struct place *place_of(struct directories *directories, struct span path)
{
    uint64_t hash = hash_bytes(path);
    struct place **at = &directories->places[hash & (PLACES - 1)], *place = *at;
    if (place != NULL && place->hash == hash && span_equal((struct span){place->path, place->length}, path))
        return place;
    if (place != NULL)
        close_place(directories, place);
    free(place);
    *at = place = malloc(sizeof *place + path.length + 1);
    if (place == NULL)
        return NULL;
    *place = (struct place){.directory = {.fd = -1}, .hash = hash, .length = path.length};
    memcpy(place->path, path.at, path.length);
    place->path[path.length] = '\0';
    return place;
}

/* Reads anew what tells of changes. False with errno. */
static bool look(struct directories *directories, struct place *place)
{
    struct stat attributes;
    if (fstat(place->directory.fd, &attributes) < 0)
        return false;
    struct file_stamp stamp = file_stamp_of(&attributes);
    bool same = place->directory.names_version != 0 && file_stamp_equal(&stamp, &place->stamp);
    if (same && place->settled)
        return true;
    if (!same)
        place->first_seen = file_stamp_clock();
    place->settled = file_stamp_is_settled(&stamp, place->first_seen, directories->racy_ms);
    place->stamp = stamp;
    place->directory.names_version = ++directories->last_version;
    return true;
}

const struct directory *directories_find(struct directories *directories, struct span path,
                                         uint64_t iteration)
{
    struct place *place = place_of(directories, path);
    if (place == NULL)
        return NULL;
    if (place->directory.fd >= 0 && iteration != 0 && place->iteration == iteration)
        return &place->directory;
    close_place(directories, place);
    int fd = path.length == 0 ? directories->beneath->root
                              : beneath_open(directories->beneath, (struct span){place->path, place->length},
                                             O_PATH | O_DIRECTORY);
    if (fd < 0)
        return NULL;
    place->directory.fd = fd;
    place->iteration = iteration;
    place->next_open = directories->open;
    directories->open = place;
    if (look(directories, place))
        return &place->directory;
    int error = errno;
    close_place(directories, place);
    errno = error;
    return NULL;
}

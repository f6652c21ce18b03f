#include "site/beneath.h"

#include "base/descriptors.h"
#include "base/limits.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* path_resolution(7), with the rules of openat2(2)'s RESOLVE_BENEATH unless SYMLINKS_ALL, but follows absolute links to
   one of the root's names. */

enum {
    LINKS_MAX = 40, /* the kernel's bound */
    /* Holds the path, and the text and a slash for each link. */
    WALK_ROOM = (LINKS_MAX + 2) * PATH_MAX,
    WALK_ON = -2, /* returned instead of a descriptor: more names to open */
};

/* Opens each name in the directory before it, but never "..": that directory may have been moved out of the root, and
   so its parent is outside. Instead ".." removes the last open name, and the walk starts again at the root. `room`
   holds, at its beginning, the names that are open, and at its end the rest of the path. */
struct walk {
    const struct beneath *beneath;
    int flags;
    struct stat *attributes; /* of what the path leads to; NULL: open that without a stat */
    int *file;               /* its descriptor if it is a regular file; NULL: it is not to be opened */
    int directory;           /* the root, or a descriptor that the walk closes */
    unsigned links;
    size_t done; /* bytes of open names, each with a slash before it */
    size_t rest; /* offset of the rest */
    size_t name; /* offset of the last name of the path whose opening began ... */
    size_t next; /* ... and of the one after it */
    char *room;
};

static int fail(int error)
{
    errno = error;
    return -1;
}

static void enter(struct walk *walk, int directory)
{
    if (walk->directory != walk->beneath->root)
        descriptors_close(walk->directory);
    walk->directory = directory;
}

static void prepend(struct walk *walk, struct span text)
{
    assert(text.length <= walk->rest);
    walk->rest -= text.length;
    memmove(walk->room + walk->rest, text.at, text.length);
}

static struct span rest_of(const struct walk *walk)
{
    return (struct span){walk->room + walk->rest, WALK_ROOM - walk->rest};
}

static size_t count_slashes(struct span text)
{
    size_t count = 0;
    while (count < text.length && text.at[count] == '/')
        count++;
    return count;
}

static bool begins_with_dot_dot(struct span rest)
{
    return span_begins(rest, SPAN("..")) && (rest.length == 2 || rest.at[2] == '/');
}

/* Returns to the root and puts the open names back before the rest. */
static void start_again(struct walk *walk)
{
    if (walk->done > 0) {
        prepend(walk, SPAN("/"));
        prepend(walk, (struct span){walk->room + 1, walk->done - 1});
    }
    walk->done = 0;
    enter(walk, walk->beneath->root);
}

/* Handles one or more ".." in a row. If they are the last names, "." stays, since both demand a directory. */
static int climb(struct walk *walk)
{
    struct stat attributes;
    struct span after;
    size_t slashes;
    if (fstatat(walk->directory, ".", &attributes, 0) < 0) /* ".." needs search permission */
        return -1;
    do {
        if (walk->done == 0)
            return fail(EXDEV);
        while (walk->room[--walk->done] != '/')
            ;
        walk->rest += 2;
        after = rest_of(walk);
        slashes = count_slashes(after);
        walk->rest += slashes;
    } while (begins_with_dot_dot(rest_of(walk)));
    if (slashes == after.length)
        walk->rest -= slashes + 1;
    start_again(walk);
    return WALK_ON;
}

static bool enter_top(struct walk *walk)
{
    int top = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return false;
    enter(walk, top);
    return true;
}

/* Takes the next name that is not ".". Returns it, or an empty span at the end. */
static struct span take_name(struct span *path)
{
    struct span name = SPAN_NONE;
    while (path->length > 0 && (name.length == 0 || span_equal(name, SPAN("."))))
        name = span_take_until(path, '/');
    return span_equal(name, SPAN(".")) ? SPAN_NONE : name;
}

/* True if the absolute `path` begins with the root's name, which is removed then. */
static bool take_root(const char *name, struct span *path)
{
    struct span root = span_of(name), rest = *path;
    for (;;) {
        struct span expected = take_name(&root);
        if (expected.length == 0)
            break;
        if (!span_equal(take_name(&rest), expected))
            return false;
    }
    *path = rest.length > 0 ? rest : SPAN(".");
    return true;
}

/* Goes to where an absolute link begins. Without SYMLINKS_ALL that is the root: compares names only, so that no link
   makes the server touch what is outside. */
static bool enter_start(struct walk *walk, struct span *path)
{
    const struct beneath *beneath = walk->beneath;
    if (beneath->symlinks == SYMLINKS_ALL)
        return enter_top(walk);
    for (size_t i = 0; i < BENEATH_NAMES; i++) {
        if (beneath->names[i] == NULL || !take_root(beneath->names[i], path))
            continue;
        walk->done = 0;
        enter(walk, beneath->root);
        return true;
    }
    errno = EXDEV; /* magic links of proc(5) too, unless they name no file */
    return false;
}

/* Replaces a link by its text in the rest. */
static int follow(struct walk *walk, const char *name, size_t taken)
{
    char text[PATH_MAX];
    if (walk->beneath->symlinks == SYMLINKS_NONE || walk->links++ == LINKS_MAX)
        return fail(ELOOP);
    ssize_t length = readlinkat(walk->directory, name, text, sizeof text);
    if (length < 0)
        return errno == EINVAL ? WALK_ON : -1; /* no link any more (readlink(2)): try again */
    if (length == 0)
        return fail(ENOENT);
    if (length == sizeof text)
        return fail(ENAMETOOLONG);
    struct span path = {text, (size_t)length};
    walk->rest += taken;
    bool last = walk->rest == WALK_ROOM;
    if (text[0] == '/' && !enter_start(walk, &path))
        return -1;
    if (!last)
        prepend(walk, SPAN("/"));
    prepend(walk, path);
    return WALK_ON;
}

/* Called if a name was not opened as requested: follows it if it is a link, tries again if it was replaced meanwhile,
   or fails with `error`. */
static int follow_or_fail(struct walk *walk, const char *name, size_t taken, int error)
{
    struct stat attributes;
    if (fstatat(walk->directory, name, &attributes, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (S_ISLNK(attributes.st_mode))
        return follow(walk, name, taken);
    return error == ELOOP || S_ISDIR(attributes.st_mode) ? WALK_ON : fail(error);
}

static int open_last(struct walk *walk, const char *name, size_t taken)
{
    int fd = openat(walk->directory, name, walk->flags | O_NOFOLLOW);
    if (fd >= 0 || (errno != ELOOP && errno != ENOTDIR))
        return fd;
    return follow_or_fail(walk, name, taken, errno);
}

/* Examines the last name, and opens a regular file if it is wanted. Not examined by O_PATH: with that, a worker could
   hold a file that it may not read until the sandbox allows it (see seccomp.c). */
static int examine_last(struct walk *walk, const char *name, size_t taken)
{
    if (fstatat(walk->directory, name, walk->attributes, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (S_ISLNK(walk->attributes->st_mode))
        return follow(walk, name, taken);
    if ((walk->flags & O_DIRECTORY) != 0 && !S_ISDIR(walk->attributes->st_mode))
        return fail(ENOTDIR);
    if (walk->file == NULL || !S_ISREG(walk->attributes->st_mode))
        return 0;
    int result = open_last(walk, name, taken);
    if (result < 0)
        return result;
    *walk->file = result;
    return 0;
}

static int open_next(struct walk *walk, const char *name, size_t length, size_t taken)
{
    int fd = openat(walk->directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ELOOP || errno == ENOTDIR ? follow_or_fail(walk, name, taken, errno) : -1;
    enter(walk, fd);
    walk->rest += taken;
    if (strcmp(name, ".") != 0)
        walk->done += 1 + length;
    return WALK_ON;
}

/* Opens one name. Returns the descriptor of the last one, or 0 with its attributes, and a wanted descriptor in `*file`;
   WALK_ON before; -1 with errno. */
static int step(struct walk *walk)
{
    struct span rest = rest_of(walk);
    size_t length = span_find(rest, '/');
    size_t slashes = count_slashes((struct span){rest.at + length, rest.length - length});
    size_t taken = length + slashes;
    if (walk->rest >= walk->next) { /* no text of a link is left */
        walk->name = walk->rest;
        walk->next = walk->rest + taken;
    }
    if (begins_with_dot_dot(rest) && walk->beneath->symlinks != SYMLINKS_ALL)
        return climb(walk);
    /* Copy it behind the open names; the rest, which holds it too, is at least as long. */
    char *name = walk->room + walk->done;
    *name++ = '/';
    memmove(name, length > 0 ? rest.at : ".", length > 0 ? length : 1);
    name[length > 0 ? length : 1] = '\0';
    if (taken < rest.length)
        return open_next(walk, name, length, taken);
    if (slashes > 0) /* a trailing slash demands a directory */
        walk->flags |= O_DIRECTORY;
    return walk->attributes != NULL ? examine_last(walk, name, taken) : open_last(walk, name, taken);
}

/* ---- the interface ---- */

static struct walk walk_from(const struct beneath *beneath, struct span path, int flags, struct stat *attributes,
                             int *file)
{
    static char room[WALK_ROOM]; /* most paths touch two of its pages */
    size_t start = sizeof room - path.length;
    assert((flags & O_NOFOLLOW) == 0 && (flags & (O_PATH | O_DIRECTORY)) != O_PATH);
    return (struct walk){
        .beneath = beneath,
        .flags = flags | O_CLOEXEC,
        .attributes = attributes,
        .file = file,
        .directory = beneath->root,
        .rest = sizeof room,
        .name = start,
        .next = start,
        .room = room,
    };
}

static int take_steps(struct walk *walk, struct span path, unsigned *steps)
{
    int result = WALK_ON;
    if (path.length >= PATH_MAX)
        return fail(ENAMETOOLONG);
    prepend(walk, path);
    for (; result == WALK_ON && *steps > 0; (*steps)--)
        result = step(walk);
    if (result == WALK_ON)
        result = fail(ELOOP);
    enter(walk, walk->beneath->root); /* closes the last directory */
    return result;
}

int beneath_walk(const struct beneath *beneath, struct span path, int flags, struct stat *attributes, unsigned *steps,
                 struct span *name)
{
    struct walk walk = walk_from(beneath, path, flags, attributes, NULL);
    size_t start = walk.name;
    int result = take_steps(&walk, path, steps);
    struct span rest = {path.at + (walk.name - start), path.length - (walk.name - start)};
    *name = path.length < PATH_MAX ? (struct span){rest.at, span_find(rest, '/')} : SPAN_NONE;
    return result;
}

/* As the walk, but lets the kernel follow all links. */
static int follow_all(const struct beneath *beneath, const char *name, int flags, struct stat *attributes, int *file)
{
    if (attributes == NULL)
        return openat(beneath->root, name, flags | O_CLOEXEC);
    if (fstatat(beneath->root, name, attributes, 0) < 0)
        return -1;
    if (file == NULL || !S_ISREG(attributes->st_mode))
        return 0;
    *file = openat(beneath->root, name, flags | O_CLOEXEC);
    return *file < 0 ? -1 : 0;
}

static int walk_once(const struct beneath *beneath, struct span path, int flags, struct stat *attributes, int *file,
                     bool *linked)
{
    *linked = false;
    if (beneath->symlinks == SYMLINKS_ALL)
        return follow_all(beneath, path.length > 0 ? path.at : ".", flags, attributes, file);
    struct walk walk = walk_from(beneath, path, flags, attributes, file);
    int result = take_steps(&walk, path, &(unsigned){LIMIT_WALK_STEPS});
    *linked = walk.links > 0;
    return result;
}

static int walk_all(const struct beneath *beneath, struct span path, int flags, struct stat *attributes, int *file,
                    bool *linked)
{
    int result = walk_once(beneath, path, flags, attributes, file, linked);
    while (result < 0 && errno == EINTR)
        result = walk_once(beneath, path, flags, attributes, file, linked);
    return result;
}

int beneath_open(const struct beneath *beneath, struct span path, int flags)
{
    bool linked;
    return walk_all(beneath, path, flags, NULL, NULL, &linked);
}

int beneath_stat(const struct beneath *beneath, struct span path, struct stat *attributes, bool *linked)
{
    return walk_all(beneath, path, 0, attributes, NULL, linked);
}

int beneath_open_regular(const struct beneath *beneath, struct span path, struct stat *attributes, int *fd,
                         bool *linked)
{
    *fd = -1;
    attributes->st_mode = 0;
    return walk_all(beneath, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, attributes, fd, linked);
}

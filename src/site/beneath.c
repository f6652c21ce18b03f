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
    int directory; /* the root, or a descriptor that the walk closes */
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
static int follow(struct walk *walk, int link, bool last)
{
    char text[PATH_MAX];
    if (walk->beneath->symlinks == SYMLINKS_NONE || walk->links++ == LINKS_MAX)
        return fail(ELOOP);
    ssize_t length = readlinkat(link, "", text, sizeof text);
    if (length < 0)
        return -1;
    if (length == 0)
        return fail(ENOENT);
    if (length == sizeof text)
        return fail(ENAMETOOLONG);
    struct span path = {text, (size_t)length};
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
    int fd = openat(walk->directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fstat(fd, &attributes);
    bool link = result == 0 && S_ISLNK(attributes.st_mode);
    if (link) {
        walk->rest += taken;
        result = follow(walk, fd, walk->rest == WALK_ROOM);
    } else if (result == 0) {
        result = error == ELOOP || S_ISDIR(attributes.st_mode) ? WALK_ON : fail(error);
    }
    descriptors_close(fd);
    return result;
}

/* With O_PATH but not O_DIRECTORY, O_NOFOLLOW opens a link itself (open(2)); follow it if the caller did not ask for
   that. */
static int open_last(struct walk *walk, const char *name, size_t taken)
{
    int fd = openat(walk->directory, name, walk->flags | O_NOFOLLOW);
    if ((walk->flags & O_NOFOLLOW) != 0)
        return fd;
    if (fd < 0)
        return errno == ELOOP || errno == ENOTDIR ? follow_or_fail(walk, name, taken, errno) : -1;
    if ((walk->flags & (O_PATH | O_DIRECTORY)) != O_PATH)
        return fd;
    struct stat attributes;
    int result = fstat(fd, &attributes);
    if (result == 0 && !S_ISLNK(attributes.st_mode))
        return fd;
    descriptors_close(fd); /* keeps errno */
    return result == 0 ? follow_or_fail(walk, name, taken, ELOOP) : -1;
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

/* Opens one name. Returns the descriptor of the last name, WALK_ON before, or -1 with errno. */
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
    if (slashes > 0) /* a trailing slash demands a directory and follows links */
        walk->flags = (walk->flags | O_DIRECTORY) & ~O_NOFOLLOW;
    return open_last(walk, name, taken);
}

/* ---- the interface ---- */

static struct walk walk_from(const struct beneath *beneath, struct span path, int flags)
{
    static char room[WALK_ROOM]; /* most paths touch two of its pages */
    size_t start = sizeof room - path.length;
    return (struct walk){
        .beneath = beneath,
        .flags = flags | O_CLOEXEC,
        .directory = beneath->root,
        .rest = sizeof room,
        .name = start,
        .next = start,
        .room = room,
    };
}

static int open_path(struct walk *walk, struct span path, unsigned *steps)
{
    int fd = WALK_ON;
    if (path.length >= PATH_MAX)
        return fail(ENAMETOOLONG);
    prepend(walk, path);
    for (; fd == WALK_ON && *steps > 0; (*steps)--)
        fd = step(walk);
    if (fd == WALK_ON)
        fd = fail(ELOOP);
    enter(walk, walk->beneath->root); /* closes the last directory */
    return fd;
}

int beneath_walk(const struct beneath *beneath, struct span path, int flags, unsigned *steps, struct span *name)
{
    struct walk walk = walk_from(beneath, path, flags);
    size_t start = walk.name;
    int fd = open_path(&walk, path, steps);
    struct span rest = {path.at + (walk.name - start), path.length - (walk.name - start)};
    *name = path.length < PATH_MAX ? (struct span){rest.at, span_find(rest, '/')} : SPAN_NONE;
    return fd;
}

static int open_once(const struct beneath *beneath, struct span path, int flags, bool *linked)
{
    *linked = false;
    if (beneath->symlinks == SYMLINKS_ALL)
        return openat(beneath->root, path.length > 0 ? path.at : ".", flags | O_CLOEXEC);
    struct walk walk = walk_from(beneath, path, flags);
    int fd = open_path(&walk, path, &(unsigned){LIMIT_WALK_STEPS});
    *linked = walk.links > 0;
    return fd;
}

int beneath_open(const struct beneath *beneath, struct span path, int flags, bool *linked)
{
    int fd = open_once(beneath, path, flags, linked);
    while (fd < 0 && errno == EINTR)
        fd = open_once(beneath, path, flags, linked);
    return fd;
}

#include "site/beneath.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int openat2_beneath(int root, const char *path, int flags, enum symlink_choice symlinks)
{
    static const uint64_t limits[] = {
        [SYMLINKS_INSIDE] = RESOLVE_BENEATH,
        [SYMLINKS_ALL] = 0,
        [SYMLINKS_NONE] = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    struct open_how how = {
        .flags = (uint64_t)flags,
        .resolve = limits[symlinks] | RESOLVE_NO_MAGICLINKS,
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

static int open_once(const struct beneath *beneath, struct span path, int flags)
{
    const char *relative = path.length > 0 ? path.at : ".";
    if (!beneath->walk)
        return openat2_beneath(beneath->root, relative, flags, beneath->symlinks);
    if (beneath->symlinks == SYMLINKS_ALL)
        return openat(beneath->root, relative, flags);
    return walk_beneath(beneath->root, path, flags);
}

struct beneath beneath_root(int root, bool walk)
{
    int fd = openat2_beneath(root, ".", O_PATH | O_CLOEXEC, SYMLINKS_INSIDE);
    bool missing = fd < 0 && (errno == ENOSYS || errno == EPERM); /* the kernel, or a container's filter */
    if (fd >= 0)
        close(fd);
    return (struct beneath){root, walk || missing, SYMLINKS_INSIDE};
}

int beneath_open(const struct beneath *beneath, struct span path, int flags)
{
    for (unsigned attempt = 0;; attempt++) {
        int fd = open_once(beneath, path, flags | O_CLOEXEC);
        /* EAGAIN: something was renamed while openat2 looked. */
        if (fd >= 0 || (errno != EINTR && errno != EAGAIN) || attempt == LIMIT_STORE_RETRIES)
            return fd;
    }
}

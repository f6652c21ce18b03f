/* Preloaded (LD_PRELOAD): replaces names of files, as on a file system that allows names longer than NAME_MAX. The file
   in the environment variable NAMES has the new names, separated by slashes: the first replaces "name-0", and so on.
   Calls with a new name use the file on disk; the kernel's limit for whole paths stays. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_MAX = 64, ON_DISK_MAX = 16 };

static char *names[NAMES_MAX];
static unsigned count;

__attribute__((constructor)) static void read_names(void)
{
    static char text[1 << 18];
    const char *path = getenv("NAMES");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    for (char *rest = text; count < NAMES_MAX && *rest != '\0';) {
        size_t end = strcspn(rest, "/");
        bool last = rest[end] == '\0';
        names[count++] = rest;
        rest[end] = '\0';
        rest += end + !last;
    }
}

/* The function behind ours. ISO C has no cast from an object's address to a function's. */
#define NEXT(name, type) \
    static type next; \
    if (next == NULL) { \
        void *found = dlsym(RTLD_NEXT, name); \
        memcpy(&next, &found, sizeof next); \
    }

/* The path on disk; each name in it is at most ON_DISK_MAX longer than the requested one. */
static const char *on_disk(const char *path, char room[2 * PATH_MAX])
{
    size_t length = 0;
    if (strlen(path) >= PATH_MAX || count == 0) /* as it is, or ENAMETOOLONG */
        return path;
    for (const char *at = path; length < PATH_MAX + (size_t)ON_DISK_MAX;) {
        size_t end = strcspn(at, "/");
        unsigned i = 0;
        while (i < count && (strlen(names[i]) != end || memcmp(names[i], at, end) != 0))
            i++;
        if (i < count)
            length += (size_t)snprintf(room + length, ON_DISK_MAX, "name-%u", i);
        else
            memcpy(room + length, at, end);
        length += i < count ? 0 : end;
        room[length++] = at[end];
        if (at[end] == '\0')
            return room;
        at += end + 1;
    }
    return path;
}

struct dirent *readdir(DIR *directory)
{
    typedef struct dirent *function(DIR * directory);
    static union {
        struct dirent entry;
        char room[sizeof(struct dirent) + (1 << 18)];
    } one;
    NEXT("readdir", function *)
    struct dirent *entry = next(directory);
    if (entry == NULL || strncmp(entry->d_name, "name-", 5) != 0)
        return entry;
    unsigned long i = strtoul(entry->d_name + 5, NULL, 10);
    if (i >= count)
        return entry;
    one.entry = *entry;
    memcpy(one.room + offsetof(struct dirent, d_name), names[i], strlen(names[i]) + 1);
    return &one.entry;
}

int fstatat(int directory, const char *path, struct stat *attributes, int flags)
{
    typedef int function(int directory, const char *path, struct stat *attributes, int flags);
    char room[2 * PATH_MAX];
    NEXT("fstatat", function *)
    return next(directory, on_disk(path, room), attributes, flags);
}

/* Takes the C library's place, whose declaration may be an inline function. */
ssize_t read_link(int directory, const char *path, char *link, size_t size) __asm__("readlinkat");

ssize_t read_link(int directory, const char *path, char *link, size_t size)
{
    typedef ssize_t function(int directory, const char *path, char *link, size_t size);
    char room[2 * PATH_MAX];
    NEXT("readlinkat", function *)
    return next(directory, on_disk(path, room), link, size);
}

int openat(int directory, const char *path, int flags, ...)
{
    typedef int function(int directory, const char *path, int flags, ...);
    char room[2 * PATH_MAX];
    NEXT("openat", function *)
    va_list list;
    va_start(list, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
    va_end(list);
    return next(directory, on_disk(path, room), flags, mode);
}

/* openat of a build with _FORTIFY_SOURCE, where the flags are not constant. */
int __openat_2(int directory, const char *path, int flags);
int __openat_2(int directory, const char *path, int flags)
{
    return openat(directory, path, flags);
}

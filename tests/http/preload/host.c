/* Preloaded (LD_PRELOAD): a host that is unlike others. With HOST_LEAK=PATH, the search for a user leaves that file
   open, as libraries of name services leave sockets open. With HOST_HANGS=FILE, reading /proc/PID/fd of the process in
   that file never ends, as while a file system does not respond; of all other processes if the file has "*"; and if it
   has "busy PID", not while it has, but the reader uses the CPU. */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The function behind ours. ISO C has no cast from an object's address to a function's. */
#define NEXT(name, type) \
    static type next; \
    if (next == NULL) { \
        void *found = dlsym(RTLD_NEXT, name); \
        memcpy(&next, &found, sizeof next); \
    }

struct passwd *getpwnam(const char *name)
{
    typedef struct passwd *function(const char *name);
    NEXT("getpwnam", function *)
    const char *path = getenv("HOST_LEAK");
    if (path != NULL && open(path, O_RDONLY) < 0)
        abort();
    return next(name);
}

DIR *opendir(const char *path)
{
    typedef DIR *function(const char *path);
    NEXT("opendir", function *)
    char hung[32] = "", expected[64];
    const char *name = getenv("HOST_HANGS");
    int fd = name != NULL ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t length = fd >= 0 ? read(fd, hung, sizeof hung - 1) : 0;
    if (fd >= 0)
        close(fd);
    bool is_busy = strncmp(hung, "busy ", 5) == 0, is_other = strcmp(hung, "*") == 0;
    if (is_other)
        snprintf(expected, sizeof expected, "/proc/%d/fd", (int)getpid());
    else
        snprintf(expected, sizeof expected, "/proc/%s/fd", hung + (is_busy ? 5 : 0));
    if (length > 0 && strncmp(path, "/proc/", 6) == 0 && (strcmp(path, expected) == 0) != is_other) {
        if (!is_busy)
            for (;;)
                pause();
        while (access(name, F_OK) == 0)
            ;
    }
    return next(path);
}

/*
 * Preloaded (LD_PRELOAD): a host that is unlike others. With HOST_LEAK=PATH, the search for a user leaves that file
 * open, as libraries of name services leave sockets open. With HOST_HANGS=1, reading
 * another process's /proc/PID/fd never ends, as while a file system does not respond.
 */
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
    int pid = 0;
    bool other = sscanf(path, "/proc/%d/fd", &pid) == 1 && pid != getpid(); /* NOLINT(cert-err34-c) ours */
    while (other && getenv("HOST_HANGS") != NULL)
        pause();
    return next(path);
}

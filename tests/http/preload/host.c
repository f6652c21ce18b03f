/* Preloaded (LD_PRELOAD): a host that is unlike others. With HOST_LEAK=PATH, the search for an address leaves that file
   open, as libraries leave sockets open. With HOST_THREAD, each process that is forked has a second thread. With
   HOST_HANGS=FILE, reading /proc/PID/fd of the process in that file never ends, as while a file system does not
   respond; of all other processes if the file has "*"; and if it has "busy PID", not while it has, but the reader uses
   a little CPU time; if it has "costly PID", all that there is; if it has "waiting PID", the same, but the CPU time
   that it uses is unknown, as if it waited for a CPU; and if it has "short PID", for lack of memory. The PID may be
   "self", the reader's. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The function behind ours. ISO C has no cast from an object's address to a function's. */
#define NEXT(name, type) \
    static type next; \
    if (next == NULL) { \
        void *found = dlsym(RTLD_NEXT, name); \
        memcpy(&next, &found, sizeof next); \
    }

static void *wait_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void start_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, wait_for_ever, NULL);
}

__attribute__((constructor)) static void start_threads(void)
{
    if (getenv("HOST_THREAD") != NULL)
        pthread_atfork(NULL, NULL, start_thread);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
    typedef int function(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    NEXT("getaddrinfo", function *)
    const char *path = getenv("HOST_LEAK");
    if (path != NULL && open(path, O_RDONLY) < 0)
        abort();
    return next(name, service, hints, list);
}

int clock_getcpuclockid(pid_t pid, clockid_t *clock)
{
    typedef int function(pid_t pid, clockid_t * clock);
    NEXT("clock_getcpuclockid", function *)
    char kind = '\0';
    const char *name = getenv("HOST_HANGS");
    int fd = name != NULL ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    bool waits = fd >= 0 && read(fd, &kind, 1) == 1 && kind == 'w';
    if (fd >= 0)
        close(fd);
    return waits ? ESRCH : next(pid, clock);
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
    bool is_other = strcmp(hung, "*") == 0;
    const char *blank = strchr(hung, ' '), *pid = blank != NULL ? blank + 1 : hung;
    if (is_other || strcmp(pid, "self") == 0)
        snprintf(expected, sizeof expected, "/proc/%d/fd", (int)getpid());
    else
        snprintf(expected, sizeof expected, "/proc/%s/fd", pid);
    if (length > 0 && strncmp(path, "/proc/", 6) == 0 && (strcmp(path, expected) == 0) != is_other) {
        errno = ENOMEM;
        if (*hung == 's')
            return NULL;
        while (blank == NULL)
            pause();
        while (access(name, F_OK) == 0)
            if (*hung == 'b')
                usleep(1000);
    }
    return next(path);
}

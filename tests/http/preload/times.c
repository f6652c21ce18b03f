/* Preloaded (LD_PRELOAD): simulates a file system whose timestamps are multiples of TIMES_GRAIN seconds (an environment
   variable), as on vfat. */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define NEXT(name, type) \
    static type next; \
    if (next == NULL) \
        *(void **)&next = dlsym(RTLD_NEXT, name);

static time_t grain = 1;

__attribute__((constructor)) static void read_environment(void)
{
    const char *typed = getenv("TIMES_GRAIN");
    grain = typed != NULL ? atoi(typed) : 1;
}

static void round_down(struct timespec *time)
{
    time->tv_sec -= time->tv_sec % grain;
    time->tv_nsec = 0;
}

static int with_coarse_times(int result, struct stat *attributes)
{
    if (result == 0) {
        round_down(&attributes->st_mtim);
        round_down(&attributes->st_ctim);
    }
    return result;
}

int fstat(int fd, struct stat *attributes)
{
    typedef int function(int, struct stat *);
    NEXT("fstat", function *)
    return with_coarse_times(next(fd, attributes), attributes);
}

int stat(const char *path, struct stat *attributes)
{
    typedef int function(const char *, struct stat *);
    NEXT("stat", function *)
    return with_coarse_times(next(path, attributes), attributes);
}

int fstatat(int fd, const char *path, struct stat *attributes, int flags)
{
    typedef int function(int, const char *, struct stat *, int);
    NEXT("fstatat", function *)
    return with_coarse_times(next(fd, path, attributes, flags), attributes);
}

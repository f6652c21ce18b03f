/* Preloaded (LD_PRELOAD): a disk that hangs. Opening a file whose name begins with "slow" waits until the FIFO "disk"
   beside it has a writer: the process sleeps in the kernel, as in a read. The server's filter lets workers open nothing
   that blocks, so it fails here. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_slowly(int directory, const char *path, int flags)
{
    if (strncmp(path, "slow", 4) == 0) {
        int disk = (int)syscall(SYS_openat, directory, "disk", O_RDONLY);
        if (disk >= 0)
            close(disk);
    }
    return (int)syscall(SYS_openat, directory, path, flags, 0);
}

int openat(int directory, const char *path, int flags, ...)
{
    return open_slowly(directory, path, flags);
}

/* glibc's name for it with _FORTIFY_SOURCE. */
int __openat_2(int directory, const char *path, int flags); // NOLINT(bugprone-reserved-identifier)
int __openat_2(int directory, const char *path, int flags)  // NOLINT(bugprone-reserved-identifier)
{
    return open_slowly(directory, path, flags);
}

typedef long call_function(long number, ...);

long syscall(long number, ...)
{
    static call_function *next;
    long arguments[6];
    va_list list;
    va_start(list, number);
    for (unsigned i = 0; i < 6; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_seccomp) {
        errno = ENOSYS;
        return -1;
    }
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "syscall"); /* dlsym(3): ISO C has no such cast */
    return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

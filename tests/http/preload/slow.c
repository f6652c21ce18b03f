/*
 * Preloaded (LD_PRELOAD): a disk that hangs. Opening a file whose name begins with "slow" waits until the FIFO "disk"
 * beside it has a writer: the process sleeps in the kernel, as in a read.
 */
#include <fcntl.h>
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

#include "base/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static const char *reason_of(int error)
{
    switch (error) {
    case ENXIO:
        return "this is a FIFO that no process reads, or a socket";
    case EISDIR:
        return "this is a directory; give a file in it";
    case ENOENT:
        return "its directory does not exist";
    default:
        return strerror(error);
    }
}

/* Opens a regular file for reading as well, so that the log writer can check its last byte for a line end. A FIFO would
   get a reader by that. Returns a descriptor in place of `fd`, or `fd`. */
static int open_for_reading(int fd)
{
    struct stat file;
    char path[32];
    if (fstat(fd, &file) < 0 || !S_ISREG(file.st_mode))
        return fd;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* another file may have the name by now */
    int both = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    if (both < 0)
        return fd;
    close(fd);
    return both;
}

int log_file_open(const char *option, const char *name, struct failure *failure)
{
    int fd = open(name, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
    if (fd >= 0)
        return open_for_reading(fd);
    fail(failure, EX_CANTCREAT, "%s '%s' can't be opened: %s", option, name, reason_of(errno));
    return fd;
}

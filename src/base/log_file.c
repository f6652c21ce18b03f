#include "base/log_file.h"

#include <errno.h>
#include <fcntl.h>
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
static int open_for_reading(int fd, const char *name)
{
    struct stat written, read;
    if (fstat(fd, &written) < 0 || !S_ISREG(written.st_mode))
        return fd;
    int both = open(name, O_RDWR | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (both < 0)
        return fd;
    if (fstat(both, &read) == 0 && read.st_dev == written.st_dev && read.st_ino == written.st_ino) {
        close(fd);
        return both;
    }
    close(both);
    return fd;
}

int log_file_open(const char *option, const char *name, struct failure *failure)
{
    int fd = open(name, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
    if (fd < 0)
        fail(failure, EX_CANTCREAT, "%s '%s' can't be opened: %s", option, name, reason_of(errno));
    return fd < 0 ? fd : open_for_reading(fd, name);
}

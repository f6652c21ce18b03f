#include "base/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sysexits.h>

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

int log_file_open(const char *option, const char *name, struct failure *failure)
{
    int fd = open(name, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
    if (fd < 0)
        fail(failure, EX_CANTCREAT, "%s '%s' can't be opened: %s", option, name, reason_of(errno));
    return fd;
}

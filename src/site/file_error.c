#include "site/file_error.h"

#include "base/limits.h"
#include "base/log.h"
#include "site/file_stamp.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

bool file_error_is_404(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EXDEV: /* leaves the root */
    case EACCES:
    case EPERM:
    case ENXIO: /* a socket */
    case ENODEV:
    case EINVAL: /* a name that this file system can't have */
    case EILSEQ:
        return true;
    default:
        return false;
    }
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == EAGAIN;
}

void file_error_log(int error, struct span path)
{
    enum { PATH_SHOWN = 512 }; /* the error follows it, and log_error cuts long messages */
    static int64_t next;
    int64_t now = file_stamp_clock();
    if (is_shortage(error) && now < next)
        return;
    if (is_shortage(error))
        next = now + LIMIT_SHORTAGE_MS;
    log_error("can't read '/%.*s': %s", path.length < PATH_SHOWN ? (int)path.length : PATH_SHOWN, path.at,
              strerror(error));
}

int file_error_status(int error, struct span path)
{
    return file_error_is_404(error) ? 404 : file_error_status_of_open(error, path);
}

int file_error_status_of_open(int error, struct span path)
{
    file_error_log(error, path);
    return is_shortage(error) ? 503 : 500;
}

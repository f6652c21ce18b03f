#include "wire.h"

#include "base/log.h"
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct wire wire = {.fd = -1};

void wire_open(struct span bytes)
{
    static char *output;
    static int fd;
    if (output == NULL) {
        output = malloc(WIRE_OUTPUT_MAX);
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC); /* reserves its number */
    }
    CHECK(output != NULL && fd >= 0);
    wire.fd = fd;
    wire.sent = bytes;
    wire.arrived = wire.taken = wire.given = wire.room = 0;
    wire.ended = wire.gone = wire.interrupted = wire.unacknowledged = wire.shut = wire.closed = false;
    wire.starving = wire.starved = wire.stopped = false;
    wire.output = output;
    wire.line_count = 0;
}

static bool is_interrupted(void)
{
    bool interrupted = wire.interrupted;
    wire.interrupted = false;
    if (interrupted)
        errno = EINTR;
    return interrupted;
}

/* The number of bytes, of `length`, that the socket takes; 0 with errno on an error. */
static size_t room_for(size_t length)
{
    CHECK(!wire.shut && !wire.closed);
    if (is_interrupted())
        return 0;
    if (length > WIRE_OUTPUT_MAX - wire.given)
        wire.gone = true;
    if (wire.gone) {
        errno = EPIPE;
        return 0;
    }
    errno = EAGAIN;
    return length < wire.room ? length : wire.room;
}

static void give(const char *bytes, size_t length)
{
    memcpy(wire.output + wire.given, bytes, length);
    wire.given += length;
    wire.room -= length;
}

/* ---- the wrapped calls ---- */

#ifdef __GLIBC__
#define REQUEST unsigned long
#else
#define REQUEST int /* as POSIX has it */
#endif

ssize_t __real_recv(int fd, void *at, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *at, size_t size, int flags);
ssize_t __real_send(int fd, const void *at, size_t length, int flags);
ssize_t __wrap_send(int fd, const void *at, size_t length, int flags);
ssize_t __real_sendfile(int fd, int file, off_t *offset, size_t count);
ssize_t __wrap_sendfile(int fd, int file, off_t *offset, size_t count);
int __real_ioctl(int fd, REQUEST request, ...);
int __wrap_ioctl(int fd, REQUEST request, ...);
int __real_shutdown(int fd, int how);
int __wrap_shutdown(int fd, int how);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
ssize_t __real_writev(int fd, const struct iovec *pieces, int count);
ssize_t __wrap_writev(int fd, const struct iovec *pieces, int count);
ssize_t __real_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_write(int fd, const void *bytes, size_t length);

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static bool is_starving(void)
{
    bool starving = wire.starving;
    wire.starving = false;
    wire.starved |= starving;
    if (starving)
        errno = ENOMEM;
    return starving;
}

void *__wrap_malloc(size_t size)
{
    return is_starving() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return is_starving() ? NULL : __real_realloc(memory, size);
}

ssize_t __wrap_recv(int fd, void *at, size_t size, int flags)
{
    if (fd != wire.fd)
        return __real_recv(fd, at, size, flags);
    CHECK(!wire.closed);
    CHECK(flags == 0 || flags == MSG_PEEK);
    if (is_interrupted())
        return -1;
    size_t there = wire.arrived - wire.taken, length = there < size ? there : size;
    if (wire.gone || (length == 0 && !wire.ended)) {
        errno = wire.gone ? ECONNRESET : EAGAIN;
        return -1;
    }
    if (length > 0)
        memcpy(at, wire.sent.at + wire.taken, length);
    if (flags != MSG_PEEK)
        wire.taken += length;
    return (ssize_t)length;
}

ssize_t __wrap_send(int fd, const void *at, size_t length, int flags)
{
    if (fd != wire.fd)
        return __real_send(fd, at, length, flags);
    CHECK((flags & MSG_NOSIGNAL) != 0 && length > 0);
    size_t taken = room_for(length);
    give(at, taken);
    return taken > 0 ? (ssize_t)taken : -1;
}

static ssize_t give_pieces(const struct iovec *pieces, int count)
{
    size_t length = 0;
    for (int i = 0; i < count; i++)
        length += pieces[i].iov_len;
    CHECK(length > 0);
    size_t taken = room_for(length), left = taken;
    for (int i = 0; i < count && left > 0; i++) {
        size_t part = pieces[i].iov_len < left ? pieces[i].iov_len : left;
        give(pieces[i].iov_base, part);
        left -= part;
    }
    return taken > 0 ? (ssize_t)taken : -1;
}

ssize_t __wrap_sendfile(int fd, int file, off_t *offset, size_t count)
{
    if (fd != wire.fd)
        return __real_sendfile(fd, file, offset, count);
    CHECK(count > 0 && offset != NULL);
    size_t taken = room_for(count);
    if (taken == 0)
        return -1;
    ssize_t length = pread(file, wire.output + wire.given, taken, *offset);
    CHECK(length >= 0);
    wire.given += (size_t)length;
    wire.room -= (size_t)length;
    *offset += length;
    return length;
}

int __wrap_ioctl(int fd, REQUEST request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (fd != wire.fd)
        return __real_ioctl(fd, request, argument);
    CHECK(request == SIOCOUTQ && !wire.closed);
    *(int *)argument = wire.unacknowledged;
    return 0;
}

int __wrap_shutdown(int fd, int how)
{
    if (fd != wire.fd)
        return __real_shutdown(fd, how);
    CHECK(how == SHUT_WR && !wire.closed);
    if (wire.gone) {
        errno = ENOTCONN;
        return -1;
    }
    wire.shut = true;
    return 0;
}

int __wrap_close(int fd)
{
    if (fd != wire.fd)
        return __real_close(fd);
    CHECK(!wire.closed);
    wire.closed = true;
    return 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    if (count != 1 || fds->fd != STDOUT_FILENO)
        return __real_poll(fds, count, timeout);
    fds->revents = POLLOUT;
    return 1;
}

/* One line, whatever bytes the request has. */
static void read_line(struct span line)
{
    struct wire_line *read = &wire.lines[wire.line_count];
    CHECK(wire.line_count++ < WIRE_LINES_MAX);
    for (size_t i = 0; i < line.length; i++)
        CHECK(line.at[i] >= ' ' && line.at[i] < 0x7F);
    /* PEER - - [TIME] "REQUEST LINE" STATUS BYTES "REFERER" "USER AGENT": an escape has no quote. */
    struct span rest = line;
    for (unsigned quotes = 0; quotes < 2; quotes++) {
        size_t taken = span_find(rest, '"') + 1;
        CHECK(taken <= rest.length);
        rest = (struct span){rest.at + taken, rest.length - taken};
    }
    uint64_t status;
    CHECK(rest.length > 6 && rest.at[0] == ' ' && rest.at[4] == ' ');
    CHECK(span_to_number((struct span){rest.at + 1, 3}, &status));
    rest = (struct span){rest.at + 5, rest.length - 5};
    CHECK(span_to_number((struct span){rest.at, span_find(rest, ' ')}, &read->bytes));
    read->status = (int)status;
}

/* Whole lines, of at most PIPE_BUF bytes (base/log.h). */
static void read_lines(struct span lines)
{
    CHECK(lines.length <= LIMIT_LOG_LINE && lines.at[lines.length - 1] == '\n');
    while (lines.length > 0) {
        size_t length = span_find(lines, '\n');
        read_line((struct span){lines.at, length});
        lines = (struct span){lines.at + length + 1, lines.length - length - 1};
    }
}

ssize_t __wrap_writev(int fd, const struct iovec *pieces, int count)
{
    return fd == wire.fd ? give_pieces(pieces, count) : __real_writev(fd, pieces, count);
}

/* A response, or the access log. A target without a connection parses its lines itself. */
ssize_t __wrap_write(int fd, const void *bytes, size_t length)
{
    if (fd == wire.fd) {
        size_t taken = room_for(length);
        CHECK(length > 0);
        give(bytes, taken);
        return taken > 0 ? (ssize_t)taken : -1;
    }
    if (fd != STDOUT_FILENO || wire.fd < 0)
        return __real_write(fd, bytes, length);
    read_lines((struct span){bytes, length});
    return (ssize_t)length;
}

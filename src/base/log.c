#include "base/log.h"

#include "base/buffer.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Escaped, an octet takes four; "tinyhttpd: " and the line's end come on top. One line is one write to a pipe. */
enum { ESCAPED_MAX = LIMIT_LOG_LINE, DIAGNOSTIC_MAX = (ESCAPED_MAX - 16) / 4 };

/* ---- writing without waiting ---- */

enum output {
    OUTPUT_PLAIN,  /* what is written takes no time, or is worth waiting for */
    OUTPUT_POLLED, /* shared with others, who may fill it between a look and a write */
    OUTPUT_SOCKET,
};

static enum output outputs[] = {[STDOUT_FILENO] = OUTPUT_POLLED, [STDERR_FILENO] = OUTPUT_PLAIN};

/* A pipe of another user can't be opened (proc(5)), and without /proc none can. */
static bool open_anew(int stream)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", stream);
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool opened = fd >= 0 && dup2(fd, stream) == stream;
    if (fd >= 0)
        close(fd);
    return opened;
}

/* Best effort: there is a bound to what a user's pipes may take together (pipe(7)). */
static void widen(int pipe)
{
    int size = fcntl(pipe, F_GETPIPE_SZ);
    if (size >= 0 && size < LIMIT_LOG_PIPE)
        fcntl(pipe, F_SETPIPE_SZ, LIMIT_LOG_PIPE);
}

static enum output open_output(int stream)
{
    struct stat attributes;
    if (fstat(stream, &attributes) < 0)
        return OUTPUT_PLAIN; /* it is closed */
    if (S_ISSOCK(attributes.st_mode))
        return OUTPUT_SOCKET;
    if (S_ISFIFO(attributes.st_mode))
        widen(stream);
    else if (!isatty(stream))
        return OUTPUT_PLAIN; /* a file, or /dev/null */
    return open_anew(stream) ? OUTPUT_PLAIN : OUTPUT_POLLED;
}

void log_open(void)
{
    outputs[STDOUT_FILENO] = open_output(STDOUT_FILENO);
    outputs[STDERR_FILENO] = open_output(STDERR_FILENO);
}

/* One write of all pieces. A pipe with room for PIPE_BUF octets is writable, takes so many whole or not at all (pipe(7)),
   and a line has no more. */
static ssize_t write_pieces(int stream, struct iovec *pieces, int count)
{
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)count};
    struct pollfd polled = {.fd = stream, .events = POLLOUT};
    switch (outputs[stream]) {
    case OUTPUT_SOCKET:
        return sendmsg(stream, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    case OUTPUT_POLLED:
        if (poll(&polled, 1, 0) <= 0) {
            errno = EAGAIN;
            return -1;
        }
        break;
    case OUTPUT_PLAIN:
        break;
    }
    return writev(stream, pieces, count);
}

/* ---- diagnostics ---- */

static void write_diagnostic(const char *message)
{
    char escaped[ESCAPED_MAX];
    struct buffer line = BUFFER(escaped);
    buffer_append(&line, SPAN("tinyhttpd: "));
    buffer_plain(&line, span_of(message));
    buffer_byte(&line, '\n');
    /* There is nobody left to tell when standard error fails. */
    if (write_pieces(STDERR_FILENO, &(struct iovec){line.at, line.length}, 1) < 0)
        return;
}

void log_error(const char *format, ...)
{
    char message[DIAGNOSTIC_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    log_flush(); /* where both streams lead to the same place, the order is that of time */
    write_diagnostic(message);
}

bool log_is_coloured(int fd)
{
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(fd) && (no_color == NULL || *no_color == '\0') && terminal != NULL && *terminal != '\0' &&
           strcmp(terminal, "dumb") != 0;
}

/* ---- access lines, several at once ---- */

/* Whole lines that wait to be written. */
static struct {
    size_t length;
    char text[LIMIT_LOG_HELD];
} held;

/* Lines that were dropped since the last one written, and why the last of them was. Of a torn one a part was written, as on
   a disk that became full: the next line begins on one of its own. */
static struct {
    unsigned long lines;
    int error;
    bool torn;
} dropped;

static unsigned count_lines(struct span text)
{
    unsigned lines = 0;
    for (size_t i = 0; i < text.length; i++)
        lines += text.at[i] == '\n';
    return lines;
}

static void drop(struct span lines, int error)
{
    dropped.lines += count_lines(lines);
    dropped.error = error;
}

static void tell_dropped(void)
{
    char message[DIAGNOSTIC_MAX];
    if (dropped.lines == 0)
        return;
    snprintf(message, sizeof message, "%lu line%s of the access log %s dropped: %s", dropped.lines,
             dropped.lines == 1 ? "" : "s", dropped.lines == 1 ? "was" : "were",
             dropped.error == EAGAIN ? "nobody read standard output" : strerror(dropped.error));
    dropped.lines = 0;
    write_diagnostic(message);
}

/* As many of the whole lines as one write takes. */
static struct span first_lines(struct span text)
{
    size_t length = text.length < LIMIT_LOG_LINE ? text.length : LIMIT_LOG_LINE;
    while (length > 1 && text.at[length - 1] != '\n')
        length--;
    return (struct span){text.at, length};
}

enum wrote { WROTE_ALL, WROTE_NOT_ALL, WROTE_NOT_YET };

static enum wrote write_lines(struct span lines)
{
    size_t mended = dropped.torn ? 1 : 0;
    struct iovec pieces[] = {{"\n", mended}, {(char *)lines.at, lines.length}};
    ssize_t written = write_pieces(STDOUT_FILENO, pieces, sizeof pieces / sizeof *pieces);
    if (written < 0 && (errno == EAGAIN || errno == EINTR))
        return WROTE_NOT_YET;
    if (written < 0) {
        drop(lines, errno); /* no reason to stop serving */
        return WROTE_NOT_ALL;
    }
    size_t done = (size_t)written > mended ? (size_t)written - mended : 0;
    dropped.torn = done < lines.length;
    if (done == lines.length)
        return WROTE_ALL;
    drop((struct span){lines.at + done, lines.length - done}, ENOSPC);
    return WROTE_NOT_ALL;
}

bool log_is_pending(void)
{
    return held.length > 0;
}

void log_flush(void)
{
    struct span rest = {held.text, held.length};
    enum wrote wrote = WROTE_NOT_YET;
    while (rest.length > 0) {
        struct span lines = first_lines(rest);
        wrote = write_lines(lines);
        if (wrote == WROTE_NOT_YET)
            break;
        rest = (struct span){rest.at + lines.length, rest.length - lines.length};
    }
    if (rest.length < held.length)
        memmove(held.text, rest.at, rest.length);
    held.length = rest.length;
    if (wrote == WROTE_ALL)
        tell_dropped();
}

void log_close(void)
{
    log_flush();
    drop((struct span){held.text, held.length}, EAGAIN);
    held.length = 0;
    tell_dropped();
}

void log_add(const struct span *pieces, unsigned count)
{
    size_t length = 0;
    for (unsigned i = 0; i < count; i++)
        length += pieces[i].length;
    if (held.length + length > sizeof held.text)
        log_flush();
    if (held.length + length > sizeof held.text) {
        dropped.lines++;
        dropped.error = EAGAIN;
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        memcpy(held.text + held.length, pieces[i].at, pieces[i].length);
        held.length += pieces[i].length;
    }
}

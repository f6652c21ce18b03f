#include "base/log.h"

#include "base/buffer.h"
#include "base/date.h"
#include "base/limits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static enum output open_output(int stream)
{
    struct stat attributes;
    if (fstat(stream, &attributes) < 0)
        return OUTPUT_PLAIN; /* it is closed */
    if (S_ISSOCK(attributes.st_mode))
        return OUTPUT_SOCKET;
    if (!S_ISFIFO(attributes.st_mode) && !isatty(stream))
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

void log_error(const char *format, ...)
{
    char message[DIAGNOSTIC_MAX], escaped[ESCAPED_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);

    struct buffer line = BUFFER(escaped);
    buffer_append(&line, SPAN("tinyhttpd: "));
    buffer_plain(&line, span_of(message));
    buffer_octet(&line, '\n');
    log_flush(); /* where both streams lead to the same place, the order is that of time */
    /* There is nobody left to tell when standard error fails. */
    if (write_pieces(STDERR_FILENO, &(struct iovec){line.at, line.length}, 1) < 0)
        return;
}

/* ---- access lines ---- */

static void append_two_digits(struct buffer *line, int number)
{
    buffer_octet(line, (char)('0' + number / 10 % 10));
    buffer_octet(line, (char)('0' + number % 10));
}

static void append_clock(struct buffer *line, const struct date *date)
{
    append_two_digits(line, date->hour);
    buffer_octet(line, ':');
    append_two_digits(line, date->minute);
    buffer_octet(line, ':');
    append_two_digits(line, date->second);
}

static void append_peer(struct buffer *line, const struct sockaddr *peer)
{
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
    char text[INET6_ADDRSTRLEN] = "-";
    if (peer->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, text, sizeof text);
    else if (peer->sa_family == AF_INET6 &&
             IN6_IS_ADDR_V4MAPPED(v6)) /* IPv4, by a socket for both (ipv6(7)) */
        inet_ntop(AF_INET, v6->s6_addr + 12, text, sizeof text);
    else if (peer->sa_family == AF_INET6)
        inet_ntop(AF_INET6, v6, text, sizeof text);
    buffer_string(line, text);
}

/* Raw text of a client, escaped, as much of it as fits into `room` octets. */
static void append_raw(struct buffer *line, struct span text, size_t room)
{
    struct buffer piece = {line->at + line->length, 0, room, false};
    if (text.length == 0)
        buffer_octet(&piece, '-');
    for (size_t i = 0; i < text.length && !piece.overflow; i++)
        buffer_log(&piece, (struct span){text.at + i, 1});
    line->length += piece.length;
}

/* What is raw in a line may take, escaped. The rest needs less than 120 octets, and 180 in JSON, besides what is known only
   at the end. */
enum {
    TAIL_MAX = 80,
    RAW_LINE_MAX = 2400,
    RAW_FIELD_MAX = 700,
    RAW_TARGET_MAX = 2200, /* in JSON, which tells the method apart from it */
    RAW_METHOD_MAX = 200,
};
_Static_assert(RAW_LINE_MAX + 2 * RAW_FIELD_MAX + 120 + TAIL_MAX <= LIMIT_LOG_LINE, "every line fits");
_Static_assert(RAW_TARGET_MAX + RAW_METHOD_MAX + 2 * RAW_FIELD_MAX + 180 + TAIL_MAX <= LIMIT_LOG_LINE,
               "and in JSON");

static void write_combined(struct buffer *line, const struct log_access *access, size_t *octets_at)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct date date = date_from_seconds(access->time);
    append_peer(line, access->peer);
    buffer_append(line, SPAN(" - - ["));
    append_two_digits(line, date.day);
    buffer_octet(line, '/');
    buffer_append(line, (struct span){months + (date.month - 1) * 3, 3});
    buffer_octet(line, '/');
    buffer_number(line, (uint64_t)date.year);
    buffer_octet(line, ':');
    append_clock(line, &date);
    buffer_append(line, SPAN(" +0000] \""));
    append_raw(line, access->request_line, RAW_LINE_MAX);
    buffer_append(line, SPAN("\" "));
    buffer_number(line, (uint64_t)access->status);
    buffer_octet(line, ' ');
    *octets_at = line->length;
    buffer_append(line, SPAN(" \""));
    append_raw(line, access->referer, RAW_FIELD_MAX);
    buffer_append(line, SPAN("\" \""));
    append_raw(line, access->user_agent, RAW_FIELD_MAX);
    buffer_append(line, SPAN("\"\n"));
}

/* The colour of a status, by its class (ECMA-48 8.3.117). */
static const char *colour_of(int status)
{
    static const char *const colours[] = {"32", "36", "33", "31"}; /* green, cyan, yellow, red */
    int class = status / 100;
    return class >= 2 && class <= 5 ? colours[class - 2] : "0";
}

/* In a line of its own below the request's, unless that leaves no room. */
static void append_why(struct buffer *line, struct span why)
{
    struct buffer piece = {line->at + line->length, 0, line->room - line->length - 1, false};
    if (why.length == 0)
        return;
    buffer_append(&piece, SPAN("\n          "));
    buffer_plain(&piece, why);
    if (!piece.overflow)
        line->length += piece.length;
}

static void write_terminal(struct buffer *line, const struct log_access *access, bool coloured)
{
    struct date date = date_from_seconds(access->time);
    append_clock(line, &date);
    buffer_append(line, SPAN("  "));
    append_raw(line, access->method, RAW_FIELD_MAX);
    buffer_octet(line, ' ');
    append_raw(line, access->target, RAW_LINE_MAX);
    buffer_append(line, SPAN("  "));
    if (coloured) {
        buffer_append(line, SPAN("\x1B["));
        buffer_string(line, colour_of(access->status));
        buffer_octet(line, 'm');
    }
    buffer_number(line, (uint64_t)access->status);
    if (coloured)
        buffer_append(line, SPAN("\x1B[0m"));
    buffer_append(line, SPAN("  "));
}

/* A member of a JSON object whose value is a string (RFC 8259 7): an octet that is no printable ASCII stands as the code
   point of its number, so that each line is ASCII and can be told back to octets. */
static void append_json(struct buffer *line, struct span name, struct span text, size_t room)
{
    static const char digits[] = "0123456789abcdef";
    buffer_append(line, name);
    buffer_append(line, SPAN(":\""));
    struct buffer piece = {line->at + line->length, 0, room, false};
    for (size_t i = 0; i < text.length && !piece.overflow; i++) {
        unsigned char octet = (unsigned char)text.at[i];
        if (octet == '"' || octet == '\\')
            buffer_append(&piece, (struct span){(const char[]){'\\', (char)octet}, 2});
        else if (octet >= ' ' && octet <= '~')
            buffer_octet(&piece, (char)octet);
        else
            buffer_append(
                &piece, (struct span){
                            (const char[]){'\\', 'u', '0', '0', digits[octet >> 4], digits[octet & 15]}, 6});
    }
    line->length += piece.length;
    buffer_append(line, SPAN("\","));
}

static void write_json(struct buffer *line, const struct log_access *access)
{
    struct date date = date_from_seconds(access->time);
    buffer_append(line, SPAN("{\"time\":\"")); /* RFC 3339 */
    append_two_digits(line, date.year / 100);
    append_two_digits(line, date.year);
    buffer_octet(line, '-');
    append_two_digits(line, date.month);
    buffer_octet(line, '-');
    append_two_digits(line, date.day);
    buffer_octet(line, 'T');
    append_clock(line, &date);
    buffer_append(line, SPAN("Z\",\"client\":\""));
    append_peer(line, access->peer);
    buffer_append(line, SPAN("\","));
    append_json(line, SPAN("\"method\""), access->method, RAW_METHOD_MAX);
    append_json(line, SPAN("\"target\""), access->target, RAW_TARGET_MAX);
    append_json(line, SPAN("\"referer\""), access->referer, RAW_FIELD_MAX);
    append_json(line, SPAN("\"user_agent\""), access->user_agent, RAW_FIELD_MAX);
    buffer_append(line, SPAN("\"status\":"));
    buffer_number(line, (uint64_t)access->status);
    buffer_append(line, SPAN(",\"octets\":"));
}

int64_t log_clock(enum log_form form)
{
    struct timespec time;
    if (form == LOG_NONE || form == LOG_COMBINED)
        return 0;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

struct log_line log_prepare(enum log_form form, const struct log_access *access, char *room)
{
    struct log_line log = {.form = form};
    struct buffer line = {room, 0, LIMIT_LOG_LINE - TAIL_MAX, false};
    switch (form) {
    case LOG_NONE:
        return log;
    case LOG_COMBINED:
        write_combined(&line, access, &log.octets_at);
        log.text = buffer_span(&line);
        return log;
    case LOG_TERMINAL:
    case LOG_COLOURED:
        write_terminal(&line, access, form == LOG_COLOURED);
        log.octets_at = line.length;
        append_why(&line, access->why);
        break;
    case LOG_JSON:
        write_json(&line, access);
        log.octets_at = line.length;
        break;
    }
    buffer_octet(&line, '\n');
    log.began = access->began;
    log.text = buffer_span(&line);
    return log;
}

/* What is known when the answer has been sent. */
static void write_tail(struct buffer *tail, const struct log_line *line, uint64_t octets)
{
    buffer_number(tail, octets);
    if (line->form == LOG_COMBINED)
        return;
    uint64_t duration = (uint64_t)(log_clock(line->form) - line->began);
    if (line->form == LOG_JSON) {
        buffer_append(tail, SPAN(",\"duration_us\":"));
        buffer_number(tail, duration);
        buffer_append(tail, SPAN("}"));
        return;
    }
    buffer_append(tail, octets == 1 ? SPAN(" octet  ") : SPAN(" octets  "));
    buffer_number(tail, duration / 1000);
    buffer_octet(tail, '.');
    buffer_octet(tail, (char)('0' + duration / 100 % 10));
    buffer_append(tail, SPAN(" ms"));
}

bool log_tells_why(enum log_form form)
{
    return form == LOG_TERMINAL || form == LOG_COLOURED;
}

bool log_is_coloured(int fd)
{
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(fd) && (no_color == NULL || *no_color == '\0') && terminal != NULL && *terminal != '\0' &&
           strcmp(terminal, "dumb") != 0;
}

/* ---- writing access lines, several at once ---- */

/* Whole lines that wait to be written in one piece. */
static struct {
    unsigned lines;
    size_t length;
    char text[LIMIT_LOG_LINE];
} held;

/* Lines that were dropped since the last one written, and why the last of them was. */
static struct {
    unsigned long lines;
    int error;
    bool
        torn; /* a part of it was written, as on a disk that became full: the next line begins on one of its own */
} dropped;

/* What is held was written up to `written` octets, or not at all: -1 with errno. */
static void drop(ssize_t written)
{
    unsigned whole = 0;
    for (ssize_t i = 0; i < written; i++)
        whole += held.text[i] == '\n';
    dropped.error = written < 0 ? errno : ENOSPC;
    dropped.torn |= written > 0;
    dropped.lines += held.lines > whole ? held.lines - whole : 1;
}

static void tell_dropped(void)
{
    unsigned long lines = dropped.lines;
    dropped.lines = 0;
    dropped.torn = false;
    if (lines > 0)
        log_error("%lu lines of the access log were dropped: %s", lines,
                  dropped.error == EAGAIN ? "nobody read standard output" : strerror(dropped.error));
}

bool log_is_pending(void)
{
    return held.length > 0;
}

void log_flush(void)
{
    struct iovec pieces[] = {{"\n", dropped.torn}, {held.text, held.length}};
    if (held.length == 0)
        return;
    ssize_t written = write_pieces(STDOUT_FILENO, pieces, sizeof pieces / sizeof *pieces);
    bool whole = written == (ssize_t)(dropped.torn + held.length);
    if (!whole)
        drop(written - (written > 0 && dropped.torn)); /* no reason to stop serving */
    held.length = held.lines = 0;
    if (whole)
        tell_dropped();
}

static void hold(struct span text)
{
    memcpy(held.text + held.length, text.at, text.length);
    held.length += text.length;
}

void log_write(const struct log_line *line, uint64_t octets)
{
    char room[TAIL_MAX];
    struct buffer tail = BUFFER(room);
    if (line->text.length == 0)
        return;
    write_tail(&tail, line, octets);
    if (held.length + line->text.length + tail.length > sizeof held.text)
        log_flush();
    hold((struct span){line->text.at, line->octets_at});
    hold(buffer_span(&tail));
    hold((struct span){line->text.at + line->octets_at, line->text.length - line->octets_at});
    held.lines++;
    if (log_tells_why(line->form)) /* somebody watches */
        log_flush();
}

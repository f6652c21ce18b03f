#include "base/log.h"

#include "base/buffer.h"
#include "base/date.h"
#include "base/limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Escaped, an octet takes four; "tinyhttpd: " and the line's end come on top. One line is one write to a pipe. */
enum { ESCAPED_MAX = LIMIT_LOG_LINE, DIAGNOSTIC_MAX = (ESCAPED_MAX - 16) / 4 };

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
    /* There is nobody left to tell when standard error fails. */
    if (write(STDERR_FILENO, line.at, line.length) < 0)
        return;
}

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
    char text[INET6_ADDRSTRLEN] = "-";
    if (peer->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, text, sizeof text);
    else if (peer->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, text, sizeof text);
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

/* What is raw in a line may take, escaped; the rest needs less than 200 octets. */
enum {
    RAW_LINE_MAX = 2400,
    RAW_FIELD_MAX = 700,
};
_Static_assert(RAW_LINE_MAX + 2 * RAW_FIELD_MAX + 200 <= LIMIT_LOG_LINE, "every line fits");

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

static void write_terminal(struct buffer *line, const struct log_access *access, size_t *octets_at)
{
    struct date date = date_from_seconds(access->time);
    append_clock(line, &date);
    buffer_append(line, SPAN("  "));
    buffer_number(line, (uint64_t)access->status);
    buffer_append(line, SPAN("  "));
    append_raw(line, access->method, RAW_FIELD_MAX);
    buffer_octet(line, ' ');
    append_raw(line, access->target, RAW_LINE_MAX);
    buffer_append(line, SPAN("  "));
    *octets_at = line->length;
    buffer_append(line, SPAN(" octets\n"));
}

struct log_line log_prepare(enum log_form form, const struct log_access *access, char *room)
{
    struct log_line log = {0};
    struct buffer line = {room, 0, LIMIT_LOG_LINE, false};
    if (form == LOG_COMBINED)
        write_combined(&line, access, &log.octets_at);
    else if (form == LOG_TERMINAL)
        write_terminal(&line, access, &log.octets_at);
    log.text = buffer_span(&line);
    return log;
}

/* Lines that were dropped since the last one written. */
static unsigned long dropped;

/* A pipe with room for PIPE_BUF octets is writable (pipe(7)), and a line has no more: writing it does not wait. */
static bool can_write(void)
{
    struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&output, 1, 0) > 0;
}

void log_write(const struct log_line *line, uint64_t octets)
{
    char digits[20];
    struct buffer number = BUFFER(digits);
    if (line->text.length == 0)
        return;
    if (!can_write()) {
        dropped++;
        return;
    }
    if (dropped > 0)
        log_error("%lu lines of the access log were dropped, as nobody read standard output", dropped);
    dropped = 0;
    buffer_number(&number, octets);
    char *text = (char *)line->text.at; /* iovec is for reading and writing alike */
    struct iovec pieces[] = {
        {text, line->octets_at},
        {number.at, number.length},
        {text + line->octets_at, line->text.length - line->octets_at},
    };
    if (writev(STDOUT_FILENO, pieces, 3) < 0)
        return; /* a reader that has gone is no reason to stop serving */
}

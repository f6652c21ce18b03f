#include "serve/access_log.h"

#include "base/buffer.h"
#include "base/date.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/now.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static void append_ipv4(struct buffer *line, const unsigned char bytes[static 4])
{
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            buffer_byte(line, '.');
        buffer_number(line, bytes[i]);
    }
}

/* The zone of a link-local address (RFC 4007 11.2), as a number: the sandbox hides the interfaces' names. */
static void append_zone(struct buffer *line, uint32_t zone)
{
    if (zone == 0)
        return;
    buffer_byte(line, '%');
    buffer_number(line, zone);
}

static void append_peer(struct buffer *line, const struct sockaddr *peer)
{
    const struct in_addr *v4 = &((const struct sockaddr_in *)(const void *)peer)->sin_addr;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
    char text[INET6_ADDRSTRLEN] = "-";
    if (peer->sa_family == AF_INET) {
        append_ipv4(line, (const unsigned char *)v4);
    } else if (peer->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6)) {
        append_ipv4(line, v6->s6_addr + 12); /* by a socket for both (ipv6(7)) */
    } else {
        if (peer->sa_family == AF_INET6)
            inet_ntop(AF_INET6, v6, text, sizeof text);
        buffer_string(line, text);
        if (peer->sa_family == AF_INET6)
            append_zone(line, ((const struct sockaddr_in6 *)(const void *)peer)->sin6_scope_id);
    }
}

/* Returns the number of bytes at the text's beginning that need no escape in any form. */
static size_t plain_length(struct span text)
{
    size_t length = 0;
    while (length < text.length && text.at[length] >= ' ' && text.at[length] <= '~' && text.at[length] != '"' &&
           text.at[length] != '\\')
        length++;
    return length;
}

/* Appends raw text of a client, cut to `room` bytes after a whole escape. */
static void append_escaped(struct buffer *line, struct span text, size_t room,
                           void (*append_escape)(struct buffer *, struct span byte))
{
    struct buffer piece = {line->at + line->length, 0, room, false};
    while (text.length > 0 && !piece.overflow) {
        size_t plain = plain_length(text), left = room - piece.length;
        buffer_append(&piece, (struct span){text.at, plain < left ? plain : left});
        if (plain > left)
            break;
        text = span_from(text, plain);
        if (text.length == 0)
            break;
        append_escape(&piece, (struct span){text.at, 1});
        text = span_from(text, 1);
    }
    line->length += piece.length;
}

static void append_raw(struct buffer *line, struct span text, size_t room)
{
    if (text.length == 0)
        buffer_byte(line, '-');
    append_escaped(line, text, room, buffer_log);
}

/* The bytes that a client's raw text may take in a line, escaped. The rest needs less than 120 bytes, and 180 in JSON,
   besides the numbers that access_write() adds. */
enum {
    TAIL_MAX = 80,
    RAW_LINE_MAX = 2400,
    RAW_FIELD_MAX = 700,
    RAW_TARGET_MAX = 2200, /* in JSON, which tells the method apart from it */
    RAW_METHOD_MAX = 200,
};
_Static_assert(RAW_LINE_MAX + 2 * RAW_FIELD_MAX + 120 + TAIL_MAX <= LIMIT_LOG_LINE, "every line fits");
_Static_assert(RAW_TARGET_MAX + RAW_METHOD_MAX + 2 * RAW_FIELD_MAX + 180 + TAIL_MAX <= LIMIT_LOG_LINE, "and in JSON");

/* The time as text; all lines of one second have the same. */
struct stamp {
    time_t second;
    size_t length; /* 0: none yet */
    char text[32];
};

static struct span stamp_of(struct stamp *stamp, time_t second, void (*append)(struct buffer *, time_t second))
{
    if (stamp->length == 0 || stamp->second != second) {
        struct buffer text = BUFFER(stamp->text);
        append(&text, second);
        stamp->second = second;
        stamp->length = text.length;
    }
    return (struct span){stamp->text, stamp->length};
}

/* As Apache and nginx write it: 06/Nov/1994:08:49:37 +0000. */
static void append_combined_time(struct buffer *text, time_t second)
{
    char date[DATE_LENGTH]; /* Sun, 06 Nov 1994 08:49:37 GMT */
    date_write(date, second);
    buffer_append(text, (struct span){date + 5, 2});
    buffer_byte(text, '/');
    buffer_append(text, (struct span){date + 8, 3});
    buffer_byte(text, '/');
    buffer_append(text, (struct span){date + 12, 4});
    buffer_byte(text, ':');
    buffer_append(text, (struct span){date + 17, 8});
    buffer_append(text, SPAN(" +0000"));
}

static void append_json_time(struct buffer *text, time_t second)
{
    char date[DATE_RFC3339_LENGTH];
    date_write_rfc3339(date, second);
    buffer_append(text, (struct span){date, sizeof date});
}

static void write_combined(struct buffer *line, const struct access *access, size_t *bytes_at)
{
    static struct stamp stamp;
    append_peer(line, access->peer);
    buffer_append(line, SPAN(" - - ["));
    buffer_append(line, stamp_of(&stamp, access->time, append_combined_time));
    buffer_append(line, SPAN("] \""));
    append_raw(line, access->request_line, RAW_LINE_MAX);
    buffer_append(line, SPAN("\" "));
    buffer_number(line, (uint64_t)access->status);
    buffer_byte(line, ' ');
    *bytes_at = line->length;
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

/* On a line of its own below the request's, if there is room. */
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

/* The bytes between the method and the version. In a malformed request line they are no target. */
static struct span asked_target(const struct access *access)
{
    static const struct span version = SPAN_INIT(" HTTP/1.1");
    struct span line = access->request_line;
    if (access->target.length > 0 || access->method.length == 0 || line.length <= access->method.length)
        return access->target;
    line = span_from(line, access->method.length + 1);
    if (line.length >= version.length &&
        memcmp(line.at + line.length - version.length, version.at, version.length - 3) == 0)
        line.length -= version.length;
    return line;
}

static void write_terminal(struct buffer *line, const struct access *access, bool coloured)
{
    char date[DATE_LENGTH]; /* Sun, 06 Nov 1994 08:49:37 GMT */
    date_write(date, access->time);
    buffer_append(line, (struct span){date + 17, 8});
    buffer_append(line, SPAN("  "));
    append_raw(line, access->method, RAW_FIELD_MAX);
    buffer_byte(line, ' ');
    append_raw(line, asked_target(access), RAW_LINE_MAX);
    buffer_append(line, SPAN("  "));
    if (coloured) {
        buffer_append(line, SPAN("\x1B["));
        buffer_string(line, colour_of(access->status));
        buffer_byte(line, 'm');
    }
    buffer_number(line, (uint64_t)access->status);
    if (coloured)
        buffer_append(line, SPAN("\x1B[0m"));
    buffer_append(line, SPAN("  "));
}

/* Appends a member with a string value. */
static void append_json(struct buffer *line, struct span name, struct span text, size_t room)
{
    buffer_append(line, name);
    buffer_append(line, SPAN(":\""));
    append_escaped(line, text, room, buffer_json);
    buffer_append(line, SPAN("\","));
}

static void write_json(struct buffer *line, const struct access *access)
{
    static struct stamp stamp;
    buffer_append(line, SPAN("{\"time\":\""));
    buffer_append(line, stamp_of(&stamp, access->time, append_json_time));
    buffer_append(line, SPAN("\",\"client\":\""));
    append_peer(line, access->peer);
    buffer_append(line, SPAN("\","));
    append_json(line, SPAN("\"method\""), access->method, RAW_METHOD_MAX);
    append_json(line, SPAN("\"target\""), access->target, RAW_TARGET_MAX);
    if (access->target.length == 0) /* a malformed request is logged as it arrived */
        append_json(line, SPAN("\"request\""), access->request_line, RAW_TARGET_MAX);
    append_json(line, SPAN("\"referer\""), access->referer, RAW_FIELD_MAX);
    append_json(line, SPAN("\"user_agent\""), access->user_agent, RAW_FIELD_MAX);
    buffer_append(line, SPAN("\"status\":"));
    buffer_number(line, (uint64_t)access->status);
    buffer_append(line, SPAN(",\"bytes\":"));
}

int64_t access_clock(enum access_form form)
{
    return form == ACCESS_NONE || form == ACCESS_COMBINED ? 0 : now_us();
}

struct access_line access_prepare(enum access_form form, const struct access *access, char *room)
{
    struct access_line log = {.form = form};
    struct buffer line = {room, 0, LIMIT_LOG_LINE - TAIL_MAX, false};
    switch (form) {
    case ACCESS_NONE:
        return log;
    case ACCESS_COMBINED:
        write_combined(&line, access, &log.bytes_at);
        log.text = buffer_span(&line);
        return log;
    case ACCESS_TERMINAL:
    case ACCESS_COLOURED:
        write_terminal(&line, access, form == ACCESS_COLOURED);
        log.bytes_at = line.length;
        append_why(&line, access->why);
        break;
    case ACCESS_JSON:
        write_json(&line, access);
        log.bytes_at = line.length;
        break;
    }
    buffer_byte(&line, '\n');
    log.text = buffer_span(&line);
    return log;
}

/* The numbers that are known only when the response has been sent. */
static void write_tail(struct buffer *tail, const struct access_line *line, uint64_t bytes, uint64_t duration)
{
    if (line->form == ACCESS_COMBINED || line->form == ACCESS_JSON)
        buffer_number(tail, bytes);
    if (line->form == ACCESS_COMBINED)
        return;
    if (line->form == ACCESS_JSON) {
        buffer_append(tail, SPAN(",\"duration_us\":"));
        buffer_number(tail, duration);
        buffer_append(tail, SPAN("}"));
        return;
    }
    buffer_size(tail, bytes);
    buffer_append(tail, SPAN("  "));
    buffer_number(tail, duration / 1000);
    buffer_byte(tail, '.');
    buffer_byte(tail, (char)('0' + duration / 100 % 10));
    buffer_append(tail, SPAN(" ms"));
}

bool access_tells_why(enum access_form form)
{
    return form == ACCESS_TERMINAL || form == ACCESS_COLOURED;
}

/* Not inlined, as responses without a line need no such stack frame. */
__attribute__((noinline)) static void write_line(const struct access_line *line, uint64_t bytes, int64_t duration)
{
    char room[TAIL_MAX];
    struct buffer tail = BUFFER(room);
    write_tail(&tail, line, bytes, (uint64_t)duration);
    const struct span pieces[] = {
        {line->text.at, line->bytes_at},
        buffer_span(&tail),
        {line->text.at + line->bytes_at, line->text.length - line->bytes_at},
    };
    log_add(pieces, sizeof pieces / sizeof *pieces);
    if (access_tells_why(line->form)) /* a person watches */
        log_flush();
}

void access_write(const struct access_line *line, uint64_t bytes, int64_t duration)
{
    if (line->text.length > 0)
        write_line(line, bytes, duration);
}

#include "http/response.h"

#include "base/date.h"
#include "base/limits.h"

#include <assert.h>
#include <string.h>

/* In every head, Date follows the status line directly, so that response_redate finds it in a cached header. */
#define BEFORE_DATE "Date: "

void response_init(struct response *response, struct part *parts, char *room)
{
    *response = (struct response){
        .status = 200,
        .count = 1, /* parts[0] is reserved for the head */
        .parts = parts,
        .common = SPAN(RESPONSE_COMMON),
        .cache = SPAN(RESPONSE_NO_CACHE),
        .text = {room, 0, LIMIT_RESPONSE_TEXT, false},
    };
}

const char *response_reason_phrase(int status)
{
    /* RFC 9110 15 */
    static const char *const phrases[] = {
        [200] = "OK",
        [204] = "No Content",
        [206] = "Partial Content",
        [301] = "Moved Permanently",
        [302] = "Found",
        [303] = "See Other",
        [304] = "Not Modified",
        [307] = "Temporary Redirect",
        [308] = "Permanent Redirect",
        [400] = "Bad Request",
        [403] = "Forbidden",
        [404] = "Not Found",
        [405] = "Method Not Allowed",
        [406] = "Not Acceptable",
        [408] = "Request Timeout",
        [410] = "Gone",
        [412] = "Precondition Failed",
        [413] = "Content Too Large",
        [414] = "URI Too Long",
        [416] = "Range Not Satisfiable",
        [431] = "Request Header Fields Too Large", /* RFC 6585 5 */
        [451] = "Unavailable For Legal Reasons",   /* RFC 7725 3 */
        [500] = "Internal Server Error",
        [501] = "Not Implemented",
        [503] = "Service Unavailable",
        [505] = "HTTP Version Not Supported",
    };
    assert(phrases[status] != NULL);
    return phrases[status];
}

static void append_line(struct buffer *lines, struct span name, struct span value)
{
    if (value.length == 0)
        return;
    buffer_append(lines, name);
    buffer_append(lines, value);
    buffer_append(lines, SPAN("\r\n"));
}

size_t response_describe(struct buffer *lines, const struct representation *representation)
{
    append_line(lines, SPAN("Content-Type: "), representation->type);
    append_line(lines, SPAN("Content-Encoding: "), representation->coding);
    append_line(lines, SPAN("Content-Range: "), representation->range);
    append_line(lines, SPAN("Accept-Ranges: "), SPAN("bytes"));
    size_t before = lines->length;
    append_line(lines, SPAN("Last-Modified: "), representation->last_modified);
    if (representation->etag.length > 0)
        before = lines->length;
    append_line(lines, SPAN("ETag: "), representation->etag);
    assert(!lines->overflow); /* the caller's buffer fits the longest of each */
    return before;
}

void response_write_range(struct buffer *value, uint64_t offset, uint64_t length, uint64_t size)
{
    buffer_append(value, SPAN("bytes "));
    buffer_number(value, offset);
    buffer_byte(value, '-');
    buffer_number(value, offset + length - 1);
    buffer_byte(value, '/');
    buffer_number(value, size);
}

static void add_part(struct response *response, struct part part)
{
    assert(response->count < LIMIT_PARTS);
    if (part.length > 0)
        response->parts[response->count++] = part;
}

void response_add_bytes(struct response *response, struct span bytes)
{
    add_part(response, (struct part){.bytes = bytes.at, .fd = -1, .length = bytes.length});
}

void response_add_file(struct response *response, int fd, uint64_t offset, uint64_t length)
{
    add_part(response, (struct part){.fd = fd, .offset = offset, .length = length});
}

/* ---- bodies that are produced while they are sent ---- */

/* Adds a piece, chunked if needed (RFC 9112 7.1). Adds no empty chunk, as that would end the body. */
static void add_piece(struct response *response, struct span piece)
{
    size_t start = response->text.length;
    if (!response->chunked || piece.length == 0) {
        response_add_bytes(response, piece);
        return;
    }
    buffer_hex(&response->text, piece.length);
    buffer_append(&response->text, SPAN("\r\n"));
    response_add_bytes(response, (struct span){response->text.at + start, response->text.length - start});
    response_add_bytes(response, piece);
    response_add_bytes(response, SPAN("\r\n"));
}

void response_stream(struct response *response, struct body_producer *producer, unsigned minor_version,
                     struct span first)
{
    response->producer = producer;
    response->chunked = minor_version > 0;
    response->last |= !response->chunked;
    add_piece(response, first);
}

bool response_refill(struct response *response)
{
    char *room = response->text.at;
    struct buffer piece = {room, 0, LIMIT_PIECE, false};
    enum body_state state = response->producer->fill(response->producer, &piece);
    assert(!piece.overflow);
    response->first = response->count = 0;
    response->text = (struct buffer){room, piece.length, LIMIT_RESPONSE_TEXT, false};
    add_piece(response, buffer_span(&piece));
    if (state == BODY_MORE)
        return true;
    response_drop_producer(response);
    if (state == BODY_BROKEN)
        response->count = 0;
    else if (response->chunked)
        response_add_bytes(response, SPAN("0\r\n\r\n"));
    return state == BODY_END;
}

void response_drop_producer(struct response *response)
{
    if (response->producer != NULL)
        response->producer->drop(response->producer);
    response->producer = NULL;
}

void response_add_text(struct response *response, size_t start)
{
    struct buffer *text = &response->text;
    response_add_bytes(response, (struct span){text->at + start, text->length - start});
}

void response_add_part_head(struct response *response, struct span boundary, struct span type, uint64_t offset,
                            uint64_t length, uint64_t size)
{
    struct buffer *text = &response->text;
    size_t start = text->length;
    buffer_append(text, SPAN("\r\n--"));
    buffer_append(text, boundary);
    buffer_append(text, SPAN("\r\nContent-Type: "));
    buffer_append(text, type);
    buffer_append(text, SPAN("\r\nContent-Range: "));
    response_write_range(text, offset, length, size);
    buffer_append(text, SPAN("\r\n\r\n"));
    response_add_text(response, start);
}

void response_add_parts_end(struct response *response, struct span boundary)
{
    struct buffer *text = &response->text;
    size_t start = text->length;
    buffer_append(text, SPAN("\r\n--"));
    buffer_append(text, boundary);
    buffer_append(text, SPAN("--\r\n"));
    response_add_text(response, start);
}

uint64_t response_bytes_left(const struct response *response)
{
    uint64_t bytes = 0;
    for (unsigned i = response->first; i < response->count; i++)
        bytes += response->parts[i].length;
    return bytes;
}

static void append_status_line(struct buffer *text, int status)
{
    buffer_append(text, SPAN("HTTP/1.1 "));
    buffer_number(text, (uint64_t)status);
    buffer_byte(text, ' ');
    buffer_string(text, response_reason_phrase(status));
    buffer_append(text, SPAN("\r\n"));
}

/* RFC 9112 9.3: persistence is the default of HTTP/1.1, but must be announced to an HTTP/1.0 client. */
static void append_connection(struct buffer *text, bool last, unsigned minor_version)
{
    if (last)
        buffer_append(text, SPAN("Connection: close\r\n"));
    else if (minor_version == 0)
        buffer_append(text, SPAN("Connection: keep-alive\r\n"));
}

/* RFC 9110 8.6: a 204 must not have a Content-Length, and a 304 only the same as the 200. */
static bool has_content(int status)
{
    return status != 204 && status != 304;
}

/* Appends the fields after the status line. Returns the offset of the given lines. */
static size_t append_lines(const struct response *response, struct buffer *text, const char *date, struct span lines)
{
    buffer_append(text, SPAN(BEFORE_DATE));
    buffer_append(text, (struct span){date, DATE_LENGTH});
    buffer_append(text, SPAN("\r\n"));
    buffer_append(text, response->common);
    buffer_append(text, response->cache);
    buffer_append(text, lines);
    return text->length - lines.length;
}

#define BY_CLIENT ", Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With"

static void append_vary(struct buffer *text, unsigned varies)
{
    static const struct span lines[] = {
        [RESPONSE_BY_ENCODING] = SPAN_INIT("Vary: Accept-Encoding\r\n"),
        [RESPONSE_BY_ACCEPT] = SPAN_INIT("Vary: Accept\r\n"),
        [RESPONSE_BY_ENCODING | RESPONSE_BY_ACCEPT] = SPAN_INIT("Vary: Accept, Accept-Encoding\r\n"),
        [RESPONSE_BY_CLIENT] = SPAN_INIT("Vary: Accept" BY_CLIENT "\r\n"),
        [RESPONSE_BY_ENCODING | RESPONSE_BY_CLIENT] = SPAN_INIT("Vary: Accept, Accept-Encoding" BY_CLIENT "\r\n"),
    };
    buffer_append(text, lines[varies]);
}

static void append_length(struct buffer *text, uint64_t bytes)
{
    buffer_append(text, SPAN("Content-Length: "));
    buffer_number(text, bytes);
    buffer_append(text, SPAN("\r\n"));
}

static void append_framing(struct buffer *text, const struct response *response)
{
    if (response->chunked)
        buffer_append(text, SPAN("Transfer-Encoding: chunked\r\n"));
    else if (response->producer == NULL && has_content(response->status))
        append_length(text, response_bytes_left(response));
}

static void set_head(struct response *response, struct span head)
{
    response->parts[0] = (struct part){.bytes = head.at, .fd = -1, .length = head.length};
    response->head_length = head.length;
    if (response->head_only) {
        response->count = 1;
        response_drop_producer(response);
    }
}

void response_finish(struct response *response, const char *date, unsigned minor_version, struct span lines)
{
    struct buffer *text = &response->text;
    size_t start = text->length;
    response->parts[0] = (struct part){.fd = -1};
    append_status_line(text, response->status);
    (void)append_lines(response, text, date, lines);
    append_vary(text, response->varies);
    append_connection(text, response->last, minor_version);
    append_framing(text, response);
    buffer_append(text, SPAN("\r\n"));
    assert(!text->overflow); /* LIMIT_RESPONSE_TEXT holds the longest page and the longest head */
    set_head(response, (struct span){text->at + start, text->length - start});
}

size_t response_write_head(const struct response *response, struct buffer *text, const char *date, struct span lines,
                           uint64_t size)
{
    size_t start = text->length;
    append_status_line(text, 200);
    size_t lines_at = append_lines(response, text, date, lines) - start;
    append_length(text, size);
    buffer_append(text, SPAN("\r\n"));
    return lines_at;
}

void response_redate(char *head, const char *date)
{
    memcpy(head + sizeof "HTTP/1.1 200 OK\r\n" BEFORE_DATE - 1, date, DATE_LENGTH);
}

void response_finish_cached(struct response *response, struct span head)
{
    struct part *body = &response->parts[1];
    set_head(response, head);
    if (response->count == 2 && body->bytes != NULL && body->bytes + body->offset == head.at + head.length) {
        response->parts[0].length += body->length;
        response->count = 1;
    }
}

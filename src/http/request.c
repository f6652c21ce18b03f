#include "http/request.h"

#include <llhttp.h>
#include <string.h>

#if LLHTTP_VERSION_MAJOR < 9 || \
    (LLHTTP_VERSION_MAJOR == 9 && \
     (LLHTTP_VERSION_MINOR < 2 || (LLHTTP_VERSION_MINOR == 2 && LLHTTP_VERSION_PATCH < 1)))
#error "llhttp 9.2.1 or newer is needed: older releases accept malformed heads (CVE-2024-27982)"
#endif

_Static_assert(sizeof(llhttp_t) <= REQUEST_PARSER_SIZE, "REQUEST_PARSER_SIZE must hold an llhttp_t");
_Static_assert(LIMIT_HEAD <= UINT16_MAX, "a request_slice must reach every byte of a head");

static llhttp_t *parser_of(struct request *request)
{
    return (llhttp_t *)(void *)request->parser;
}

struct span request_skip_empty_lines(struct span bytes)
{
    while (bytes.length >= 2 && bytes.at[0] == '\r' && bytes.at[1] == '\n') {
        bytes.at += 2;
        bytes.length -= 2;
    }
    return bytes;
}

static struct span slice_span(const struct request *request, struct request_slice slice)
{
    return (struct span){request->head + slice.at, slice.length};
}

/* llhttp gives a piece's address; a slice counts from the head's first byte, as the head may move. */
static void slice_extend(const struct request *request, struct request_slice *slice, const char *at, size_t length)
{
    if (slice->length == 0)
        slice->at = (uint16_t)(at - request->head);
    slice->length = (uint16_t)(slice->length + length);
}

static struct request_slice slice_trim(const struct request *request, struct request_slice slice)
{
    struct span value = slice_span(request, slice);
    if (value.length > 0 && value.at[0] > ' ' && value.at[value.length - 1] > ' ') /* as usual */
        return slice;
    struct span trimmed = span_trim(value);
    return (struct request_slice){(uint16_t)(trimmed.at - request->head), (uint16_t)trimmed.length};
}

static enum request_state refuse(struct request *request, int status)
{
    request->state = REQUEST_BAD;
    request->status = status;
    return REQUEST_BAD;
}

/* Refuses from a callback: llhttp stops, and check_error finds the state set. */
static int refuse_in_callback(struct request *request, int status)
{
    refuse(request, status);
    return HPE_USER;
}

static int on_method(llhttp_t *parser, const char *at, size_t length)
{
    struct request *request = parser->data;
    slice_extend(request, &request->method_name, at, length);
    return 0;
}

static enum request_method method_of(const llhttp_t *parser)
{
    switch (parser->method) {
    case HTTP_GET:
        return METHOD_GET;
    case HTTP_HEAD:
        return METHOD_HEAD;
    case HTTP_OPTIONS:
        return METHOD_OPTIONS;
    case HTTP_CONNECT:
        return METHOD_CONNECT;
    default:
        return METHOD_OTHER;
    }
}

/* Set the method even if the rest is refused: no response to HEAD has content (RFC 9110 9.3.2). */
static int on_method_complete(llhttp_t *parser)
{
    struct request *request = parser->data;
    request->method = method_of(parser);
    request->method_whole = true;
    return 0;
}

static int on_target(llhttp_t *parser, const char *at, size_t length)
{
    struct request *request = parser->data;
    slice_extend(request, &request->target, at, length);
    return request->target.length > LIMIT_TARGET ? refuse_in_callback(request, 414) : 0;
}

static int on_target_complete(llhttp_t *parser)
{
    struct request *request = parser->data;
    request->target_whole = true;
    if (request->raw_target && !text_is_utf8(slice_span(request, request->target), false))
        return refuse_in_callback(request, 400);
    return 0;
}

static int on_field_name(llhttp_t *parser, const char *at, size_t length)
{
    struct request *request = parser->data;
    slice_extend(request, &request->name, at, length);
    return 0;
}

static int on_field_value(llhttp_t *parser, const char *at, size_t length)
{
    struct request *request = parser->data;
    slice_extend(request, &request->value, at, length);
    return 0;
}

static uint64_t load_8(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static uint32_t load_4(const char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/*
 * `kept` consists of lower-case letters and "-", and is as long as the name. llhttp accepts only tokens (RFC 9110
 * 5.6.2), and setting the bit 0x20 makes no other tchar equal to one of these. Compares words from the end, which may
 * overlap: the names of several fields begin alike.
 */
static bool is_field_name(const char *kept, struct span name)
{
    static const uint64_t lower_case = 0x2020202020202020U;
    size_t left = name.length;
    for (; left >= 8; left -= 8) {
        if ((load_8(name.at + left - 8) | lower_case) != load_8(kept + left - 8))
            return false;
    }
    if (left > 0 && name.length >= 8)
        return (load_8(name.at) | lower_case) == load_8(kept);
    if (left >= 4) {
        left -= 4;
        if ((load_4(name.at + left) | (uint32_t)lower_case) != load_4(kept + left))
            return false;
    }
    while (left > 0 && (char)(name.at[left - 1] | 0x20) == kept[left - 1])
        left--;
    return left == 0;
}

/* Each name has a place of its own, by its length and its letter before the last; the compiler warns of two with one
   place. So a name costs one comparison at most. The bit 0x20 makes a letter lower-case. */
#define PLACE(length, letter) (((length)*10 + ((letter) | 0x20)) % 128)

static enum request_field field_of(struct span name)
{
    static const struct {
        struct span name;
        enum request_field field;
    } kept[128] = {
        [PLACE(3, 'i')] = {SPAN_INIT("via"), FIELD_VIA},
        [PLACE(4, 's')] = {SPAN_INIT("host"), FIELD_HOST},
        [PLACE(5, 'g')] = {SPAN_INIT("range"), FIELD_RANGE},
        [PLACE(6, 'p')] = {SPAN_INIT("accept"), FIELD_ACCEPT},
        [PLACE(6, 'c')] = {SPAN_INIT("expect"), FIELD_EXPECT},
        [PLACE(6, 'i')] = {SPAN_INIT("origin"), FIELD_ORIGIN},
        [PLACE(7, 'e')] = {SPAN_INIT("referer"), FIELD_REFERER},
        [PLACE(8, 'c')] = {SPAN_INIT("if-match"), FIELD_IF_MATCH},
        [PLACE(8, 'g')] = {SPAN_INIT("if-range"), FIELD_IF_RANGE},
        [PLACE(9, 'e')] = {SPAN_INIT("forwarded"), FIELD_FORWARDED},
        [PLACE(10, 'o')] = {SPAN_INIT("connection"), FIELD_CONNECTION},
        [PLACE(10, 'n')] = {SPAN_INIT("user-agent"), FIELD_USER_AGENT},
        [PLACE(13, 'c')] = {SPAN_INIT("if-none-match"), FIELD_IF_NONE_MATCH},
        [PLACE(14, 't')] = {SPAN_INIT("sec-fetch-site"), FIELD_SEC_FETCH_SITE},
        [PLACE(14, 'd')] = {SPAN_INIT("sec-fetch-mode"), FIELD_SEC_FETCH_MODE},
        [PLACE(14, 's')] = {SPAN_INIT("sec-fetch-dest"), FIELD_SEC_FETCH_DEST},
        [PLACE(14, 'v')] = {SPAN_INIT("tinyhttpd-live"), FIELD_TINYHTTPD_LIVE},
        [PLACE(14, 'e')] = {SPAN_INIT("service-worker"), FIELD_SERVICE_WORKER},
        [PLACE(15, 'n')] = {SPAN_INIT("accept-encoding"), FIELD_ACCEPT_ENCODING},
        [PLACE(15, 'o')] = {SPAN_INIT("x-forwarded-for"), FIELD_X_FORWARDED_FOR},
        [PLACE(16, 't')] = {SPAN_INIT("x-requested-with"), FIELD_X_REQUESTED_WITH},
        [PLACE(17, 'c')] = {SPAN_INIT("if-modified-since"), FIELD_IF_MODIFIED_SINCE},
        [PLACE(17, 'n')] = {SPAN_INIT("transfer-encoding"), FIELD_TRANSFER_ENCODING},
        [PLACE(17, 'i')] = {SPAN_INIT("tinyhttpd-explain"), FIELD_TINYHTTPD_EXPLAIN},
        [PLACE(19, 'c')] = {SPAN_INIT("if-unmodified-since"), FIELD_IF_UNMODIFIED_SINCE},
        [PLACE(29, 'o')] = {SPAN_INIT("access-control-request-method"), FIELD_ACCESS_CONTROL_REQUEST_METHOD},
        [PLACE(30, 'r')] = {SPAN_INIT("access-control-request-headers"), FIELD_ACCESS_CONTROL_REQUEST_HEADERS},
    };
    if (name.length < 2)
        return FIELD_OTHER;
    size_t place = PLACE(name.length, (unsigned char)name.at[name.length - 2]);
    bool is_kept = kept[place].name.length == name.length && is_field_name(kept[place].name.at, name);
    return is_kept ? kept[place].field : FIELD_OTHER;
}

static void keep_line(struct request *request, enum request_field field)
{
    unsigned line = request->field_line_count++, bit = 1u << field;
    request->field_lines[line] = (struct field_line){slice_trim(request, request->value), (uint8_t)field};
    if ((request->fields & bit) == 0)
        request->first_lines[field] = (uint8_t)line;
    request->repeated |= request->fields & bit;
    request->fields |= bit;
}

static int on_field_complete(llhttp_t *parser)
{
    struct request *request = parser->data;
    if (++request->field_count > LIMIT_FIELDS)
        return refuse_in_callback(request, 431);
    enum request_field field = field_of(slice_span(request, request->name));
    if (field != FIELD_OTHER) {
        if (request->field_line_count == LIMIT_FIELD_LINES)
            return refuse_in_callback(request, 431);
        keep_line(request, field);
    }
    request->name = request->value = (struct request_slice){0};
    return 0;
}

/* The received bytes after the target; empty unless they begin like an HTTP version. */
static inline struct span version_so_far(const struct request *request)
{
    size_t start = request->target.at + request->target.length;
    struct span rest = {request->head + start, request->received - start};
    bool is_http = request->target.length > 0 && span_begins(rest, SPAN(" HTTP/"));
    return is_http ? rest : SPAN_NONE;
}

/* "HTTP/" DIGIT "." DIGIT (RFC 9112 2.3), with more after it: " HTTP/1.1\r\n". */
static int check_version(struct span version)
{
    if (version.length < 9 || !text_is_digit(version.at[6]) || version.at[7] != '.' || !text_is_digit(version.at[8]))
        return 400;
    return version.at[6] == '1' && (version.at[8] == '0' || version.at[8] == '1') ? 0 : 505;
}

/*
 * RFC 9112 3: method SP request-target SP HTTP-version CRLF, with exactly one space each. llhttp also accepts the
 * names of other protocols (RTSP, ICE), HTTP/0.9 and 2.0, and more spaces.
 */
static int check_request_line(struct request *request)
{
    struct span before = {request->head, request->method_name.at};
    if (request_skip_empty_lines(before).length > 0) /* a bare CR or LF */
        return 400;
    if (request->target.at != request->method_name.at + request->method_name.length + 1)
        return 400;
    struct span version = version_so_far(request);
    if (version.length < 10 || version.at[9] != '\r')
        return 400;
    int status = check_version(version);
    if (status == 0)
        request->minor_version = (uint8_t)(version.at[8] - '0');
    return status;
}

/* Of all Connection lines. Not inlined, as requests without one need not save its registers. */
__attribute__((noinline)) static void read_connection_options(struct request *request)
{
    bool close = false;
    unsigned cursor = 0;
    struct span list, option;
    while (request_next_line(request, FIELD_CONNECTION, &cursor, &list)) {
        while (span_next_member(&list, &option)) {
            close |= span_equal_nocase(option, SPAN("close"));
            request->keep_alive = request->keep_alive || span_equal_nocase(option, SPAN("keep-alive"));
        }
    }
    request->keep_alive &= !close;
}

/* RFC 9112 6.1 and 6.3: the only transfer coding is chunked, once and last, and not on HTTP/1.0. */
__attribute__((cold, noinline)) static int check_transfer_coding(const struct request *request)
{
    unsigned codings = 0, chunked = 0;
    bool chunked_last = false;
    unsigned cursor = 0;
    struct span list, coding;
    while (request_next_line(request, FIELD_TRANSFER_ENCODING, &cursor, &list)) {
        if (request->minor_version == 0)
            return 400;
        while (span_next_member(&list, &coding)) {
            codings++;
            chunked_last = span_equal_nocase(coding, SPAN("chunked"));
            chunked += chunked_last;
        }
        if (codings == 0)
            return 400;
    }
    if (!chunked_last || chunked > 1)
        return 400;
    return codings > 1 ? 501 : 0;
}

/* RFC 9112 3.2: exactly one Host on HTTP/1.1, and never two. target_host_is_valid checks its value. */
static int check_host(const struct request *request)
{
    bool is_missing = request->minor_version == 1 && !request_has(request, 1u << FIELD_HOST);
    return is_missing || (request->repeated & 1u << FIELD_HOST) != 0 ? 400 : 0;
}

static int check_content_length(const llhttp_t *parser)
{
    return (parser->flags & F_CONTENT_LENGTH) && parser->content_length > LIMIT_BODY ? 413 : 0;
}

/* RFC 9110 9.1: 501 for unrecognised methods; llhttp also knows WebDAV's and others. */
static int check_method(const llhttp_t *parser)
{
    switch (parser->method) {
    case HTTP_GET:
    case HTTP_HEAD:
    case HTTP_POST:
    case HTTP_PUT:
    case HTTP_DELETE:
    case HTTP_CONNECT:
    case HTTP_OPTIONS:
    case HTTP_TRACE:
    case HTTP_PATCH:
        return 0;
    default:
        return 501;
    }
}

static int check_head(struct request *request, const llhttp_t *parser)
{
    int status = check_request_line(request);
    if (status == 0)
        status = check_host(request);
    if (status == 0 && request_has(request, 1u << FIELD_TRANSFER_ENCODING))
        status = check_transfer_coding(request);
    if (status == 0)
        status = check_method(parser);
    if (status == 0)
        status = check_content_length(parser);
    return status;
}

/* Expect is a list of case-insensitive names (RFC 9110 10.1.1). */
__attribute__((cold, noinline)) static bool expects_continue(const struct request *request)
{
    unsigned cursor = 0;
    struct span list, expectation;
    while (request_next_line(request, FIELD_EXPECT, &cursor, &list)) {
        while (span_next_member(&list, &expectation)) {
            if (span_equal_nocase(expectation, SPAN("100-continue")))
                return true;
        }
    }
    return false;
}

/* A chunk's size precedes its bytes, so refuse too large a body at once. */
static int on_chunk_size(llhttp_t *parser)
{
    struct request *request = parser->data;
    return parser->content_length > LIMIT_BODY - request->body_bytes ? refuse_in_callback(request, 413) : 0;
}

static int on_request_complete(llhttp_t *parser)
{
    struct request *request = parser->data;
    request->state = REQUEST_WHOLE;
    return HPE_PAUSED; /* the next bytes belong to the next request */
}

/* Trailer fields may not be merged into the head (RFC 9110 6.5.1). */
static const llhttp_settings_t callbacks_of_body = {
    .on_chunk_header = on_chunk_size,
    .on_message_complete = on_request_complete,
};

static int on_head_complete(llhttp_t *parser)
{
    struct request *request = parser->data;
    int status = check_head(request, parser);
    if (status != 0)
        return refuse_in_callback(request, status);
    request->keep_alive = request->minor_version == 1; /* RFC 9112 9.3 */
    if (request_has(request, 1u << FIELD_CONNECTION))
        read_connection_options(request);
    if (request_has(request, 1u << FIELD_EXPECT))
        request->expects_continue = request->minor_version == 1 && expects_continue(request);
    request->state = REQUEST_BODY;
    parser->settings = (void *)(uintptr_t)&callbacks_of_body; /* llhttp has no const, and only reads */
    if (request->method != METHOD_CONNECT)
        parser->upgrade = 0; /* a server may ignore Upgrade (RFC 9110 7.8) */
    return 0;
}

static const llhttp_settings_t callbacks_of_head = {
    .on_method = on_method,
    .on_method_complete = on_method_complete,
    .on_url = on_target,
    .on_url_complete = on_target_complete,
    .on_header_field = on_field_name,
    .on_header_value = on_field_value,
    .on_header_value_complete = on_field_complete,
    .on_headers_complete = on_head_complete,
};

void request_init(struct request *request)
{
    request->state = REQUEST_HEAD;
    request->status = 0;
    request->received = request->parsed = 0;
    request->method = METHOD_OTHER;
    request->minor_version = 1; /* for the response if the version is not understood */
    request->keep_alive = false;
    request->expects_continue = false;
    request->fields = request->repeated = 0;
    request->field_line_count = 0;
    request->head = NULL;
    request->method_name = request->target = request->name = request->value = (struct request_slice){0};
    request->method_whole = request->target_whole = request->raw_target = request->unknown_method = false;
    request->field_count = 0;
    request->body_bytes = 0;
    llhttp_init(parser_of(request), HTTP_REQUEST, &callbacks_of_head);
    parser_of(request)->data = request;
}

/*
 * llhttp stops at the first byte that matches none of its methods. If the name is still a token, the method is not
 * implemented (501), else this is not a request (400); more bytes may be needed to decide.
 */
static enum request_state check_method_name(struct request *request)
{
    size_t at = 0, length = request->received;
    while (at < length && (request->head[at] == '\r' || request->head[at] == '\n'))
        at++;
    size_t start = at;
    while (at < length && text_is_tchar((unsigned char)request->head[at]))
        at++;
    request->method_name = (struct request_slice){(uint16_t)start, (uint16_t)(at - start)};
    request->unknown_method = true;
    request->method = METHOD_OTHER; /* llhttp may have taken its beginning for a known method */
    if (at - start > LIMIT_METHOD)
        return refuse(request, 501);
    if (at == length)
        return request->state;
    return refuse(request, at > start && request->head[at] == ' ' ? 501 : 400);
}

/* llhttp stops inside an unknown version, and at PRI, the method of HTTP/2's preface alone (RFC 9113 3.4). */
static int check_unknown_version(struct request *request)
{
    int status = check_version(version_so_far(request));
    if (status == 0)
        status = check_method(parser_of(request));
    return status != 0 ? status : 400; /* after a supported version, the rest of the line is wrong */
}

static enum request_state check_error(struct request *request, enum llhttp_errno error)
{
    if (request->state == REQUEST_BAD) /* a callback refused */
        return REQUEST_BAD;
    if (error == HPE_INVALID_METHOD)
        return check_method_name(request);
    if (error == HPE_INVALID_VERSION || error == HPE_PAUSED_H2_UPGRADE)
        return refuse(request, check_unknown_version(request));
    /* Among others: an RTSP method before "HTTP/". */
    if (error == HPE_INVALID_CONSTANT && version_so_far(request).length > 0)
        return refuse(request, 501);
    return refuse(request, 400);
}

/* Passes bytes to llhttp. Returns how many it used; checks why it stopped. */
static inline size_t feed(struct request *request, const char *bytes, size_t length)
{
    llhttp_t *parser = parser_of(request);
    parser->data = request; /* the request may have moved */
    enum llhttp_errno error = llhttp_execute(parser, bytes, length);
    if (error == HPE_OK)
        return length;
    if (error != HPE_PAUSED && error != HPE_PAUSED_UPGRADE)
        (void)check_error(request, error);
    return (size_t)(llhttp_get_error_pos(parser) - bytes);
}

/* ---- bytes above 0x7F in the target ---- */

static size_t ascii_length(struct span bytes)
{
    size_t length = 0;
    while (length < bytes.length && (unsigned char)bytes.at[length] < 0x80)
        length++;
    return length;
}

/* As feed, with a letter for each of these bytes in the target, which llhttp refuses. */
static size_t feed_raw(struct request *request, struct span bytes)
{
    size_t used = 0;
    while (used < bytes.length) {
        struct span rest = {bytes.at + used, bytes.length - used};
        bool is_head = request->state == REQUEST_HEAD && !request->target_whole;
        size_t length = is_head ? ascii_length(rest) : rest.length;
        bool in_target = rest.at == request->head + request->target.at + request->target.length;
        bool is_raw = length == 0 && request->target.length > 0 && in_target;
        size_t fed = is_raw ? feed(request, "x", 1) : feed(request, rest.at, length > 0 ? length : 1);
        used += fed;
        if (fed == 0 || fed < length || request->state != REQUEST_HEAD)
            break;
    }
    return used;
}

/* After llhttp has refused such a byte, reads the head again from its beginning. */
static void read_raw(struct request *request)
{
    const char *head = request->head;
    size_t received = request->received;
    request_init(request);
    request->head = head;
    request->received = received;
    request->raw_target = true;
    request->parsed = feed_raw(request, (struct span){head, received});
}

static bool stopped_at_raw_byte(const struct request *request)
{
    return request->state == REQUEST_BAD && request->method_whole && !request->target_whole &&
           request->parsed < request->received && (unsigned char)request->head[request->parsed] >= 0x80;
}

static void read_head(struct request *request)
{
    struct span rest = {request->head + request->parsed, request->received - request->parsed};
    if (request->raw_target) {
        request->parsed += feed_raw(request, rest);
        return;
    }
    request->parsed += feed(request, rest.at, rest.length);
    if (stopped_at_raw_byte(request))
        read_raw(request);
}

/* The offset past the head's empty line (RFC 9112 2.1), which can't be before the target's end. */
static size_t find_head_end(const struct request *request)
{
    size_t at = request->target.at + request->target.length;
    while (memcmp(request->head + at, "\r\n\r\n", 4) != 0)
        at++;
    return at + 4;
}

enum request_state request_read_head(struct request *request, const char *head, size_t length)
{
    request->head = head;
    request->received = length < LIMIT_HEAD ? length : LIMIT_HEAD;
    if (request->unknown_method)
        (void)check_method_name(request);
    else if (request->parsed < request->received)
        read_head(request);
    if (request->unknown_method) /* llhttp can't read past it */
        request->parsed = request->received;
    if (request->state == REQUEST_HEAD && request->received == LIMIT_HEAD)
        return refuse(request, 431);
    if (request->state == REQUEST_BODY) {
        size_t used;
        request->body_bytes = request->parsed - find_head_end(request);
        (void)request_read_body(request, head + request->parsed, length - request->parsed, &used);
        request->parsed += used;
    }
    return request->state;
}

enum request_state request_read_body(struct request *request, const char *bytes, size_t length, size_t *used)
{
    size_t bound = LIMIT_BODY - request->body_bytes;
    *used = length > 0 ? feed(request, bytes, length < bound ? length : bound) : 0;
    request->body_bytes += *used;
    if (request->state == REQUEST_BODY && request->body_bytes == LIMIT_BODY)
        return refuse(request, 413);
    return request->state;
}

void request_move(struct request *request, const char *head)
{
    request->head = head;
}

bool request_ends_stream(const struct request *request)
{
    return request->state != REQUEST_WHOLE || request->method == METHOD_CONNECT;
}

bool request_is_retrieval(const struct request *request)
{
    return request->method == METHOD_GET || request->method == METHOD_HEAD;
}

struct span request_target(const struct request *request)
{
    return request->target_whole ? slice_span(request, request->target) : SPAN_NONE;
}

struct span request_method_name(const struct request *request)
{
    return request->method_whole ? slice_span(request, request->method_name) : SPAN_NONE;
}

struct span request_first_line(const struct request *request)
{
    struct span line = {request->head, request->received};
    while (line.length > 0 && (*line.at == '\r' || *line.at == '\n')) {
        line.at++;
        line.length--;
    }
    line.length = span_find(line, '\n');
    return span_trim((struct span){line.at, span_find(line, '\r')});
}

bool request_find_line(const struct request *request, enum request_field field, unsigned *cursor, struct span *value)
{
    for (unsigned i = *cursor == 0 ? request->first_lines[field] : *cursor; i < request->field_line_count; i++) {
        const struct field_line *line = &request->field_lines[i];
        if (line->field == field) {
            *value = slice_span(request, line->value);
            *cursor = i + 1;
            return true;
        }
    }
    return false;
}

struct span request_field(const struct request *request, enum request_field field)
{
    if (!request_has(request, 1u << field))
        return SPAN_NONE;
    return slice_span(request, request->field_lines[request->first_lines[field]].value);
}

struct span request_single_field(const struct request *request, enum request_field field)
{
    return (request->repeated & 1u << field) != 0 ? SPAN_NONE : request_field(request, field);
}

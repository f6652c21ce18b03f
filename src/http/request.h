/*
 * Requests: octets in, `struct request` out. The only file that knows llhttp, and the place where what llhttp
 * lets through and RFC 9112 does not is refused.
 */
#ifndef TINYHTTPD_HTTP_REQUEST_H
#define TINYHTTPD_HTTP_REQUEST_H

#include "base/limits.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum request_method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_OPTIONS,
    METHOD_CONNECT, /* not offered either, and no octet after it may be taken for a request */
    METHOD_OTHER,   /* recognised (RFC 9110, RFC 5789), but not offered here: 405 */
};

/* The fields that are kept; the others are checked and forgotten. */
enum request_field {
    FIELD_ACCEPT,
    FIELD_ACCEPT_ENCODING,
    FIELD_ACCESS_CONTROL_REQUEST_HEADERS,
    FIELD_ACCESS_CONTROL_REQUEST_METHOD,
    FIELD_CONNECTION,
    FIELD_EXPECT,
    FIELD_FORWARDED,
    FIELD_HOST,
    FIELD_IF_MATCH,
    FIELD_IF_MODIFIED_SINCE,
    FIELD_IF_NONE_MATCH,
    FIELD_IF_RANGE,
    FIELD_IF_UNMODIFIED_SINCE,
    FIELD_RANGE,
    FIELD_REFERER,
    FIELD_TINYHTTPD_LIVE, /* our own: the script of live reload asks */
    FIELD_TRANSFER_ENCODING,
    FIELD_USER_AGENT,
    FIELD_VIA,
    FIELD_X_FORWARDED_FOR,
    FIELD_OTHER,
};

enum request_state {
    REQUEST_HEAD,  /* more of the head is awaited */
    REQUEST_BODY,  /* the head stands, more of the body is awaited; it is discarded */
    REQUEST_WHOLE, /* the request is there to its last octet */
    REQUEST_BAD,   /* `status` says why; the stream can't be read any further */
};

/* Room for llhttp's parser, whose type stays in request.c. */
enum { REQUEST_PARSER_SIZE = 160 };

/* Where a piece of the head stands, from the head's first octet on: it stays true when the head is moved. */
struct request_slice {
    uint16_t at;
    uint16_t length;
};

/* One line of a field that is kept. */
struct field_line {
    struct request_slice value;
    uint8_t field;
};

/*
 * One request while it is read and answered. `head` borrows the caller's memory. What stands below it is request.c's
 * own: slices of the head, of which the functions make spans.
 */
struct request {
    enum request_state state;
    int status;      /* with REQUEST_BAD: 400, 413, 414, 431, 501 or 505 */
    size_t received; /* octets of the head so far, LIMIT_HEAD at the most; what came with it counts */
    size_t parsed;   /* octets read, from the head's first; a body's as long as it came with the head */
    enum request_method method;
    uint8_t minor_version; /* of HTTP/1 */
    bool keep_alive;       /* the client lets the connection persist (RFC 9112 9.3) */
    bool expects_continue; /* waits for an answer before it sends its body (RFC 9110 10.1.1) */
    unsigned fields;       /* a bit for each field that is there, so that most need not be looked for */
    unsigned field_line_count;
    struct field_line field_lines[LIMIT_FIELD_LINES];

    const char *head;
    struct request_slice method_name;
    bool method_whole;   /* read to its end, as llhttp saw it */
    bool judging_method; /* llhttp knows none that begins so: read on without it until it can be judged */
    struct request_slice target;
    bool target_whole;
    struct request_slice name;
    struct request_slice value;
    unsigned field_count;
    size_t body_bytes; /* with their framing */
    _Alignas(8) unsigned char parser[REQUEST_PARSER_SIZE];
};

/* Makes ready for a new request. Costs no more than a few dozen stores. */
void request_init(struct request *request);

/* What is left after the empty lines that a client may send before a request (RFC 9112 2.2). */
struct span request_skip_empty_lines(struct span octets);

/*
 * Reads on in a head. `head` holds the `length` octets received since the request's first one, those of earlier
 * calls included; it may stand elsewhere than in the last call, and stays the caller's. Also reads what follows of the
 * body. Returns the new state; `request->parsed` is the number of octets used, and those after it belong to the next
 * request.
 */
enum request_state request_read_head(struct request *request, const char *head, size_t length);

/* Reads on in a body: `length` new octets, of which `*used` belong to this request. The head stays where it was
   for the last call to request_read_head, or where request_move said. */
enum request_state request_read_body(struct request *request, const char *octets, size_t length,
                                     size_t *used);

/* Says that the head stands somewhere else now. */
void request_move(struct request *request, const char *head);

/* True where no octet after the request's head, or after what was read of it, may be taken for another request: the
   answer is the last on its connection. */
bool request_ends_stream(const struct request *request);

/* True for GET and HEAD, which ask for the same (RFC 9110 9.3.2). */
bool request_is_retrieval(const struct request *request);

/* The target as it was sent; empty until it is there whole. */
struct span request_target(const struct request *request);

/* The method as it was sent; empty until it is there whole. */
struct span request_method_name(const struct request *request);

/* The request line as far as it was received, without its end: for the log. */
struct span request_first_line(const struct request *request);

/* True where it has one of the fields, given as bits 1 << enum request_field. */
static inline bool request_has(const struct request *request, uint32_t fields)
{
    return (request->fields & fields) != 0;
}

/* The value of the field's first line, trimmed; an empty span at NULL where there is none. */
struct span request_field(const struct request *request, enum request_field field);

/*
 * The value of a field that is no list, trimmed; an empty span at NULL where the request has none, and also where it
 * has several lines, of which none can be told to be the right one: joined with commas, as RFC 9110 5.2 has it, they
 * are no valid value of such a field.
 */
struct span request_single_field(const struct request *request, enum request_field field);

/*
 * Walks over a field's lines in the order in which they were sent, as a list may be spread over several (RFC 9110
 * 5.3). `*cursor` is 0 before the first call and the walk's own from then on. Gives a line's value, trimmed, or
 * returns false at the end, with `*value` untouched.
 */
bool request_next_line(const struct request *request, enum request_field field, unsigned *cursor,
                       struct span *value);

#endif

/*
 * Requests: bytes in, `struct request` out. Only request.c uses llhttp, and it refuses input that llhttp accepts
 * but RFC 9112 does not.
 */
#pragma once

#include "base/limits.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum request_method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_OPTIONS,
    METHOD_CONNECT, /* 405; no byte after it may be read as a request */
    METHOD_OTHER,   /* recognised (RFC 9110, RFC 5789), but not allowed: 405 */
};

/* The fields that are kept; all others are only checked. */
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
    FIELD_ORIGIN,
    FIELD_RANGE,
    FIELD_REFERER,
    FIELD_SEC_FETCH_DEST,
    FIELD_SEC_FETCH_MODE,
    FIELD_SEC_FETCH_SITE,
    FIELD_SERVICE_WORKER,
    FIELD_TINYHTTPD_EXPLAIN, /* our own: asks why the response is as it is */
    FIELD_TINYHTTPD_LIVE,    /* our own: sent by the live-reload script */
    FIELD_TRANSFER_ENCODING,
    FIELD_USER_AGENT,
    FIELD_VIA,
    FIELD_X_FORWARDED_FOR,
    FIELD_X_REQUESTED_WITH,
    FIELD_OTHER,
};

enum request_state {
    REQUEST_HEAD,  /* reading the head */
    REQUEST_BODY,  /* the head is complete; reading the body, which is discarded */
    REQUEST_WHOLE, /* the request is complete */
    REQUEST_BAD,   /* refused with `status`; the stream can't be read further */
};

/* Memory for llhttp's parser, whose type is private to request.c. */
enum { REQUEST_PARSER_SIZE = 160 };

/* A piece of the head, relative to the head's first byte, so that the head may move. */
struct request_slice {
    uint16_t at;
    uint16_t length;
};

/* A line of a kept field. */
struct field_line {
    struct request_slice value;
    uint8_t field;
};

/*
 * One request while it is read and answered. `head` borrows the caller's memory. The members after it are private
 * to request.c, whose functions return spans of them.
 */
struct request {
    enum request_state state;
    int status;      /* with REQUEST_BAD: 400, 413, 414, 431, 501 or 505 */
    size_t received; /* bytes received with the head, at most LIMIT_HEAD */
    size_t parsed;   /* bytes read since the head's first, with the body's that came with the head */
    enum request_method method;
    uint8_t minor_version; /* of HTTP/1 */
    bool keep_alive;       /* the client allows persistence (RFC 9112 9.3) */
    bool expects_continue; /* the client waits for 100 before the body (RFC 9110 10.1.1) */
    unsigned fields;       /* a bit per present field */
    unsigned repeated;     /* a bit per field of several lines */
    unsigned field_line_count;
    uint8_t first_lines[FIELD_OTHER]; /* of each present field, in field_lines */
    struct field_line field_lines[LIMIT_FIELD_LINES];

    const char *head;
    struct request_slice method_name;
    bool method_whole;   /* llhttp has read it to its end */
    bool unknown_method; /* llhttp does not know the method: read on without it to choose 400 or 501 */
    struct request_slice target;
    bool target_whole;
    bool raw_target; /* contains bytes above 0x7F */
    struct request_slice name;
    struct request_slice value;
    unsigned field_count;
    size_t body_bytes; /* with framing */
    _Alignas(8) unsigned char parser[REQUEST_PARSER_SIZE];
};

/*@ predicate readable_slice(struct request *r, struct request_slice s) =
        \valid_read(r->head + (s.at .. s.at + s.length - 1));
    predicate is_request(struct request *r) = \valid_read(r) && r->field_line_count <= LIMIT_FIELD_LINES &&
        \forall integer i; 0 <= i < r->field_line_count ==> readable_slice(r, r->field_lines[i].value); */

/* Prepares for a new request. Costs a few dozen stores at most. */
void request_init(struct request *request);

/* Skips the empty lines that a client may send before a request (RFC 9112 2.2). */
struct span request_skip_empty_lines(struct span bytes);

/*
 * Continues to read a head. `head` holds the `length` bytes received since the request's first one, including those of
 * earlier calls; it may have moved since the last call, and the caller keeps it. Also reads the part of the body that
 * follows. Returns the new state; `request->parsed` is the number of bytes used, and the rest belongs to the next
 * request.
 */
enum request_state request_read_head(struct request *request, const char *head, size_t length);

/* Continues to read a body: `length` new bytes, of which `*used` belong to this request. The head must be where the
   last call to request_read_head or request_move put it. */
enum request_state request_read_body(struct request *request, const char *bytes, size_t length, size_t *used);

/* Sets the head's new address after the caller moved it. */
void request_move(struct request *request, const char *head);

/* True if no byte after the request, or the part of it that was read, may be read as another request: the response
   must be the last on its connection. */
bool request_ends_stream(const struct request *request);

/* True for GET and HEAD (RFC 9110 9.3.2). */
bool request_is_retrieval(const struct request *request);

/* The target as sent; empty until it is complete. Bytes above 0x7F must be escaped (RFC 3986 2), but tools such as
   busybox's wget send what their users type: UTF-8 is accepted, anything else is 400. */
struct span request_target(const struct request *request);

/* The method as sent; empty until it is complete. */
struct span request_method_name(const struct request *request);

/* The part of the request line received so far, without its line end: for the log. */
struct span request_first_line(const struct request *request);

/* True if the request has one of the fields, given as bits 1 << enum request_field. */
/*@ requires \valid_read(request); assigns \nothing; */
static inline bool request_has(const struct request *request, uint32_t fields)
{
    return (request->fields & fields) != 0;
}

/* The value of the field's first line, trimmed; SPAN_NONE if there is none. */
/*@ requires is_request(request) && field < FIELD_OTHER; assigns \nothing; ensures readable(\result); */
struct span request_field(const struct request *request, enum request_field field);

/*
 * The value of a field that is not a list, trimmed; SPAN_NONE if the request has no line of it, or several: joined with
 * commas (RFC 9110 5.2), they are not a valid value of such a field.
 */
/*@ requires is_request(request) && field < FIELD_OTHER; assigns \nothing; ensures readable(\result); */
struct span request_single_field(const struct request *request, enum request_field field);

/* The rest of request_next_line, for a field that has such a line. */
bool request_find_line(const struct request *request, enum request_field field, unsigned *cursor, struct span *value);

/*
 * Iterates over a field's lines in the order of the request, as a list may be spread over several (RFC 9110 5.3).
 * `*cursor` is 0 before the first call and private after it. Returns a line's trimmed value in `*value`, or false at
 * the end, with `*value` unchanged.
 */
/*@ requires is_request(request) && field < FIELD_OTHER && \valid(cursor) && \valid(value);
    requires \separated(request, cursor, value); assigns *cursor, *value;
    ensures \result ? \old(*cursor) < *cursor <= request->field_line_count && readable(*value) :
                      *value == \old(*value); */
static inline bool request_next_line(const struct request *request, enum request_field field, unsigned *cursor,
                                     struct span *value)
{
    unsigned present = *cursor == 0 ? request->fields : request->repeated;
    return (present & 1u << field) != 0 && request_find_line(request, field, cursor, value);
}

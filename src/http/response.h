/* Responses: the one place where a head is built, and the list of parts that are sent. */
#ifndef TINYHTTPD_HTTP_RESPONSE_H
#define TINYHTTPD_HTTP_RESPONSE_H

#include "base/body_producer.h"
#include "base/buffer.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* A piece of a response: octets in memory, or a slice of an open file. Both belong to somebody else. */
struct part {
    const char *bytes; /* NULL for a slice of `fd` */
    int fd;
    uint64_t offset; /* in octets from the start of the memory or the file */
    uint64_t length;
};

/* What the server says in every head unless it is told otherwise. */
#define RESPONSE_COMMON "Server: tinyhttpd\r\nX-Content-Type-Options: nosniff\r\n"
#define RESPONSE_NO_CACHE "Cache-Control: no-cache\r\n"

/* Fields of the request that may have decided what is sent (RFC 9110 12.5.5). */
enum response_varies { RESPONSE_BY_ENCODING = 1, RESPONSE_BY_ACCEPT = 2 };

/*
 * A response being put together, then sent from `parts[first]` on. Heads and generated bodies are written into
 * `text`; where the response outlives the turn, whoever keeps it moves both (connection.c).
 */
struct response {
    int status;
    bool last;       /* the connection closes after it */
    bool head_only;  /* it answers HEAD: a body is described, not sent (RFC 9110 9.3.2) */
    bool unlogged;   /* a machine asks, again and again: no line and no count */
    unsigned varies; /* which fields may have decided: bits of enum response_varies */
    unsigned first;
    unsigned count;
    size_t head_length;
    struct part *parts; /* parts[0] begins with the head */
    struct span common; /* whole lines that every head has, RESPONSE_COMMON at first; borrowed */
    struct span cache;  /* the line of Cache-Control, RESPONSE_NO_CACHE at first; borrowed, may be empty */
    struct body_producer *producer; /* the rest of the body, or NULL; whoever keeps the response drops it */
    bool chunked;                   /* the body is in chunks, as its length is not known (RFC 9112 7.1) */
    struct buffer text;
};

/* The fields that describe a representation, each without its line's end; empty ones are left out. */
struct representation {
    struct span type; /* with its charset */
    struct span coding;
    struct span range; /* of a single part: what follows "Content-Range: " */
    struct span last_modified;
    struct span etag; /* with its quotes */
};

/* An empty response that writes into `room`, LIMIT_RESPONSE_TEXT octets; `parts` has places for LIMIT_PARTS. */
void response_init(struct response *response, struct part *parts, char *room);

/* The reason phrase of a status that this server sends. */
const char *response_reason(int status);

/*
 * Writes the lines of the fields that stay the same for a representation, to be given to response_finish. Returns how
 * many octets come before those that a 304 carries as well (RFC 9110 15.4.5): the ETag, or Last-Modified without one.
 */
size_t response_describe(struct buffer *lines, const struct representation *representation);

/* Adds the head of one part of multipart/byteranges (RFC 9110 14.6), whose slice of `size` octets in all is added
   next. `first` says that no part came before. */
void response_add_part_head(struct response *response, struct span boundary, struct span type, bool first,
                            uint64_t offset, uint64_t length, uint64_t size);

/* Adds the end of multipart/byteranges. */
void response_add_parts_end(struct response *response, struct span boundary);

/* The longest value of Content-Range: three numbers of 64 bits. */
enum { RESPONSE_RANGE_MAX = 80 };

/* "bytes OFFSET-LAST/SIZE", the value of Content-Range (RFC 9110 14.4). */
void response_write_range(struct buffer *value, uint64_t offset, uint64_t length, uint64_t size);

/* Adds octets to the body. They must live as long as the response. */
void response_add_bytes(struct response *response, struct span octets);

/* Adds to the body what was written into the response's own text from `start` on. */
void response_add_text(struct response *response, size_t start);

/* Adds a slice of a file to the body; the descriptor must stay open as long as the response lives. */
void response_add_file(struct response *response, int fd, uint64_t offset, uint64_t length);

/*
 * Makes the body one that a producer goes on with, whose first piece is `first` (in the response's text). To be called once
 * `last` is known, before response_finish. A client of HTTP/1.0 reads it to the connection's end (RFC 9112 6.3).
 */
void response_stream(struct response *response, struct body_producer *producer, unsigned minor_version,
                     struct span first);

/*
 * Once all parts are sent: makes new ones of the producer's next piece, in the text, of which nothing is needed any more.
 * At the end of the body the producer is dropped. False where it breaks off: the connection must be closed then, so that
 * the client can tell.
 */
bool response_refill(struct response *response);

/* Drops the producer, if there is one. */
void response_drop_producer(struct response *response);

/*
 * Writes the head: `response->status`, the date (DATE_LENGTH octets), the given lines, Content-Length as the sum
 * of the parts, and Connection as `last` and the request's `minor_version` ask for it. Nothing is added after.
 */
void response_finish(struct response *response, const char *date, unsigned minor_version, struct span lines);

/*
 * Writes a head that can be used again: that of a 200 to an HTTP/1.1 client whose connection is kept alive, with a
 * body of `size` octets, and the `common` and `cache` of this response. Returns where in it `lines` begin.
 */
size_t response_write_head(const struct response *response, struct buffer *text, const char *date,
                           struct span lines, uint64_t size);

/* Puts another date into such a head. */
void response_redate(char *head, const char *date);

/* As response_finish, with such a head, which must live as long as the response. Where the body follows it in memory,
   both become one part: one piece costs the kernel less than two. */
void response_finish_cached(struct response *response, struct span head);

/* The octets of the body that are sent when all goes well. */
uint64_t response_body_bytes(const struct response *response);

/* The octets that are still to be sent. */
uint64_t response_bytes_left(const struct response *response);

#endif

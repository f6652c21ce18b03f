/* Responses: builds every head, and lists the parts to send. */
#pragma once

#include "base/body_producer.h"
#include "base/buffer.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* A piece of a response: bytes in memory or a slice of an open file, both borrowed. */
struct part {
    const char *bytes; /* NULL: a slice of `fd` */
    int fd;
    uint64_t offset; /* from the start of the memory or the file */
    uint64_t length;
};

/* The lines of every head by default. */
#define RESPONSE_COMMON "Server: tinyhttpd\r\nX-Content-Type-Options: nosniff\r\n"
#define RESPONSE_NO_CACHE "Cache-Control: no-cache\r\n"
#define RESPONSE_NO_STORE "Cache-Control: no-store\r\n"

/* Request fields that the response depends on (RFC 9110 12.5.5): Accept-Encoding, Accept, and all those that tell
   the kind of the client (answer/client.h), among them Accept. */
enum response_varies { RESPONSE_BY_ENCODING = 1, RESPONSE_BY_ACCEPT = 2, RESPONSE_BY_CLIENT = 4 | RESPONSE_BY_ACCEPT };

/* A response being built, then sent from `parts[first]` on. Heads and generated bodies are written into `text`;
   connection.c moves both if the response outlives the iteration. */
struct response {
    int status;
    bool last;       /* the connection closes after it */
    bool head_only;  /* a response to HEAD: describes a body, but sends none (RFC 9110 9.3.2) */
    bool unlogged;   /* a periodic request of a machine: neither logged nor counted */
    unsigned varies; /* bits of enum response_varies */
    unsigned first;
    unsigned count;
    size_t head_length;
    uint64_t sent;                  /* bytes of the head and the body */
    struct part *parts;             /* parts[0] begins with the head */
    struct span common;             /* complete lines of every head, initially RESPONSE_COMMON; borrowed */
    struct span cache;              /* the Cache-Control line, initially RESPONSE_NO_CACHE; borrowed, may be empty */
    struct body_producer *producer; /* the rest of the body, or NULL; the response's owner drops it */
    bool chunked;                   /* the body's length is unknown (RFC 9112 7.1) */
    struct buffer text;
};

/* The values of the fields that describe a representation; empty ones are left out. */
struct representation {
    struct span type; /* with its charset */
    struct span coding;
    struct span range; /* the Content-Range of a single part */
    struct span last_modified;
    struct span etag; /* with its quotes */
};

/* Makes an empty response. `room` has LIMIT_RESPONSE_TEXT bytes, `parts` LIMIT_PARTS elements. */
void response_init(struct response *response, struct part *parts, char *room);

/* The reason phrase of a status that the server sends. */
const char *response_reason_phrase(int status);

/* Writes a representation's constant fields as lines for response_finish. Returns the offset of the lines that a 304
   sends as well (RFC 9110 15.4.5): the ETag, or Last-Modified if there is none. */
size_t response_describe(struct buffer *lines, const struct representation *representation);

/* The maximum length of a Content-Range value: three 64-bit numbers. */
enum { RESPONSE_RANGE_MAX = 80 };

/* Adds the head of one part of multipart/byteranges (RFC 9110 14.6) of a file of `size` bytes; the caller adds its
   slice next. The first one begins with CRLF too, an empty preamble (RFC 2046 5.1.1): nginx and Apache send it, and
   zsync never finds a delimiter at the very start of a body. */
void response_add_part_head(struct response *response, struct span boundary, struct span type, uint64_t offset,
                            uint64_t length, uint64_t size);

/* Adds the end of multipart/byteranges. */
void response_add_parts_end(struct response *response, struct span boundary);

/* "bytes OFFSET-LAST/SIZE", the value of Content-Range (RFC 9110 14.4). */
void response_write_range(struct buffer *value, uint64_t offset, uint64_t length, uint64_t size);

/* Adds bytes to the body. They must live as long as the response. */
void response_add_bytes(struct response *response, struct span bytes);

/* Adds the response's own text from `start` on to the body. */
void response_add_text(struct response *response, size_t start);

/* Adds a slice of a file to the body; the descriptor must stay open as long as the response lives. */
void response_add_file(struct response *response, int fd, uint64_t offset, uint64_t length);

/* Sets a body of `first` (in the response's text) and the producer's further pieces. Call it when `last` is known,
   before response_finish. An HTTP/1.0 client reads until the connection closes (RFC 9112 6.3). */
void response_stream(struct response *response, struct body_producer *producer, unsigned minor_version,
                     struct span first);

/* Call it when all parts are sent: overwrites the text with the producer's next piece. Drops the producer at the body's
   end. False if the producer failed: the connection must be closed then, so that the client notices. */
bool response_refill(struct response *response);

/* Drops the producer, if there is one. */
void response_drop_producer(struct response *response);

/* Writes the head: `response->status`, the date (DATE_LENGTH bytes), the given lines, Content-Length as the sum of the
   parts, and Connection according to `last` and the request's `minor_version`. Call it last. */
void response_finish(struct response *response, const char *date, unsigned minor_version, struct span lines);

/* Writes a header to be cached: of a 200 to an HTTP/1.1 client on a persistent connection, with a body of `size` bytes
   and this response's `common` and `cache`. Returns the offset of `lines` in it. */
size_t response_write_head(const struct response *response, struct buffer *text, const char *date, struct span lines,
                           uint64_t size);

/* Replaces the date in a cached header. */
void response_redate(char *head, const char *date);

/* As response_finish, with a cached header, which must live as long as the response. If the body follows it in memory,
   both become one part: one piece costs the kernel less than two. */
void response_finish_cached(struct response *response, struct span head);

/* The bytes that remain to be sent. */
uint64_t response_bytes_left(const struct response *response);

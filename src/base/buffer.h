/* Output into memory of a fixed size: numbers, and the escaping that each place of output asks for. */
#ifndef TINYHTTPD_BASE_BUFFER_H
#define TINYHTTPD_BASE_BUFFER_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Output into memory that the caller owns. What does not fit is left out whole, and `overflow` stays set, so
 * that a caller may append many times and look once. Never terminated by NUL.
 */
struct buffer {
    char *at;
    size_t length;
    size_t room;
    bool overflow;
};

/* An empty buffer over an array. */
#define BUFFER(array) ((struct buffer){(array), 0, sizeof(array), false})

struct span buffer_span(const struct buffer *buffer);

/* The same, of a buffer over a room that holds the longest there can be: it must not have overflowed. */
struct span buffer_filled(const struct buffer *buffer);

void buffer_append(struct buffer *buffer, struct span text);

/* Appends a NUL-terminated string. */
void buffer_string(struct buffer *buffer, const char *string);

void buffer_byte(struct buffer *buffer, char octet);

/* Appends a number in decimal. */
void buffer_number(struct buffer *buffer, uint64_t number);

/* Appends a number in lower-case hexadecimal, without leading zeros. */
void buffer_hex(struct buffer *buffer, uint64_t number);

/* Appends text that is safe as HTML content and inside a quoted attribute: & < > " ' become references. */
void buffer_html(struct buffer *buffer, struct span text);

/* As buffer_html, for octets that may be no text at all, such as names of files: what is no UTF-8 becomes U+FFFD, and a
   control, which nobody would see, its picture (U+2400 and on). */
void buffer_html_name(struct buffer *buffer, struct span name);

/* Appends a path with every octet that is neither "/" nor unreserved (RFC 3986 2.3) percent-encoded. */
void buffer_uri_path(struct buffer *buffer, struct span path);

/* Appends text with octets below 0x20 and from 0x7F up, quotes and backslashes as \xHH, so that a log line
   cannot be forged nor a terminal steered. */
void buffer_log(struct buffer *buffer, struct span text);

/* Appends text for a person's eyes: as it is, but for what could steer a terminal. Control octets become \xHH, and all
   octets from 0x80 up where the text is no UTF-8. */
void buffer_plain(struct buffer *buffer, struct span text);

#endif

/* Output into memory of a fixed size: numbers, and escaping for HTML, paths, logs and terminals. */
#pragma once

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Output into memory that the caller owns. Text that does not fit is left out whole and sets `overflow`, so that a
   caller may append many times and check once. Never terminated by NUL. */
struct buffer {
    char *at;
    size_t length;
    size_t room;
    bool overflow;
};

/* An empty buffer over an array. */
#define BUFFER(array) ((struct buffer){(array), 0, sizeof(array), false})

struct span buffer_span(const struct buffer *buffer);

/* The same for a buffer that is large enough by design; asserts that it has not overflowed. */
struct span buffer_filled(const struct buffer *buffer);

void buffer_append(struct buffer *buffer, struct span text);

/* Appends a NUL-terminated string. */
void buffer_string(struct buffer *buffer, const char *string);

void buffer_byte(struct buffer *buffer, char byte);

/* Appends a number in decimal. */
void buffer_number(struct buffer *buffer, uint64_t number);

/* Appends "1 file" or "2 files". */
void buffer_count(struct buffer *buffer, uint64_t count, const char *one, const char *many);

/* Appends a size as a person reads it, with SI prefixes: "512 B", "8.6 kB", "86 kB". */
void buffer_size(struct buffer *buffer, uint64_t bytes);

/* Appends a number in lower-case hexadecimal, without leading zeros. */
void buffer_hex(struct buffer *buffer, uint64_t number);

/* Appends text as HTML content or inside a quoted attribute: & < > " ' become references. */
void buffer_html(struct buffer *buffer, struct span text);

/* As buffer_html, for file names, which may be any bytes: invalid UTF-8 and controls of the direction of text become
   U+FFFD, and any other control becomes its control picture (U+2400 and up). */
void buffer_html_name(struct buffer *buffer, struct span name);

/* Appends a path; percent-encodes every byte but "/" and unreserved ones (RFC 3986 2.3). */
void buffer_uri_path(struct buffer *buffer, struct span path);

/* Appends text with bytes below 0x20 and from 0x7F up, quotes and backslashes as \xHH, so that it
   can't forge a log line or control a terminal. */
void buffer_log(struct buffer *buffer, struct span text);

/* Appends text for a JSON string as ASCII: quotes, backslashes and all other bytes are escaped (RFC 8259 7), a byte as
   the code point of its number. */
void buffer_json(struct buffer *buffer, struct span text);

/* Appends text for a terminal: the bytes of each character that could steer it, or reorder or hide text, become \xHH,
   and so do all bytes from 0x80 up if the text is not UTF-8. */
void buffer_plain(struct buffer *buffer, struct span text);

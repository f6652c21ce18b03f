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

/*@ predicate is_buffer(struct buffer *b) = \valid(b) && \valid(b->at + (0 .. b->room - 1)) && b->length <= b->room &&
        \separated(b, b->at + (0 .. b->room - 1));
    predicate appendable(struct span s, struct buffer *b) = readable(s) &&
        \separated(s.at + (0 .. s.length - 1), b->at + (0 .. b->room - 1)); */

/* An empty buffer over an array. */
#define BUFFER(array) ((struct buffer){(array), 0, sizeof(array), false})

/*@ requires is_buffer(buffer); assigns \nothing; ensures readable(\result) && \result.length == buffer->length; */
struct span buffer_span(const struct buffer *buffer);

/* The same for a buffer that is large enough by design; asserts that it has not overflowed. */
/*@ requires is_buffer(buffer) && !buffer->overflow; assigns \nothing;
    ensures readable(\result) && \result.length == buffer->length; */
struct span buffer_filled(const struct buffer *buffer);

/*@ requires is_buffer(buffer) && appendable(text, buffer);
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
void buffer_append(struct buffer *buffer, struct span text);

/* Appends a NUL-terminated string. */
/*@ requires is_buffer(buffer) && is_string(string) &&
        \separated(string + (0 .. length_of(string)), buffer->at + (0 .. buffer->room - 1));
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
void buffer_string(struct buffer *buffer, const char *string);

/*@ requires is_buffer(buffer);
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
void buffer_byte(struct buffer *buffer, char byte);

/* Appends a number in decimal. */
/*@ requires is_buffer(buffer);
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
void buffer_number(struct buffer *buffer, uint64_t number);

/* Appends "1 file" or "2 files". */
/*@ requires is_buffer(buffer) && is_string(one) && is_string(many) &&
        \separated(one + (0 .. length_of(one)), buffer->at + (0 .. buffer->room - 1)) &&
        \separated(many + (0 .. length_of(many)), buffer->at + (0 .. buffer->room - 1));
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
void buffer_count(struct buffer *buffer, uint64_t count, const char *one, const char *many);

/* Appends a size as a person reads it, with SI prefixes: "512 B", "8.6 kB", "86 kB". */
/*@ requires is_buffer(buffer);
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
void buffer_size(struct buffer *buffer, uint64_t bytes);

/* Appends a number in lower-case hexadecimal, without leading zeros. */
/*@ requires is_buffer(buffer);
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
void buffer_hex(struct buffer *buffer, uint64_t number);

/* Appends text as HTML content or inside a quoted attribute: & < > " ' become references. */
/*@ requires is_buffer(buffer) && appendable(text, buffer);
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
void buffer_html(struct buffer *buffer, struct span text);

/* As buffer_html, for file names, which may be any bytes: invalid UTF-8 and controls of the direction of text become
   U+FFFD, and any other control becomes its control picture (U+2400 and up). */
/*@ requires is_buffer(buffer) && appendable(name, buffer);
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
void buffer_html_name(struct buffer *buffer, struct span name);

/* Appends a path; percent-encodes every byte but "/" and unreserved ones (RFC 3986 2.3). */
/*@ requires is_buffer(buffer) && appendable(path, buffer);
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
void buffer_uri_path(struct buffer *buffer, struct span path);

/* Appends text with bytes below 0x20 and from 0x7F up, quotes and backslashes as \xHH, so that it
   can't forge a log line or control a terminal. */
/*@ requires is_buffer(buffer) && appendable(text, buffer);
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
void buffer_log(struct buffer *buffer, struct span text);

/* Appends text for a JSON string as ASCII: quotes, backslashes and all other bytes are escaped (RFC 8259 7), a byte as
   the code point of its number. */
/*@ requires is_buffer(buffer) && appendable(text, buffer);
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
void buffer_json(struct buffer *buffer, struct span text);

/* Appends text for a terminal: the bytes of each character that could steer it, or reorder or hide text, become \xHH,
   and so do all bytes from 0x80 up if the text is not UTF-8. */
/*@ requires is_buffer(buffer) && appendable(text, buffer);
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
void buffer_plain(struct buffer *buffer, struct span text);

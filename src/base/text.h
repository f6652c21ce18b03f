/*
 * Text as the rest of the program handles it: borrowed spans of octets, buffers with a fixed room, numbers,
 * and the escaping that each place of output asks for.
 */
#ifndef TINYHTTPD_BASE_TEXT_H
#define TINYHTTPD_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets that belong to somebody else. Not terminated by NUL; `at` may be NULL only when `length` is 0. */
struct span {
    const char *at;
    size_t length;
};

/* A span over a string literal, its NUL left out. */
#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

/* The same as an initializer, for what is static. (Releases of clang-format disagree on it.) */
/* clang-format off */
#define SPAN_INIT(literal) {.at = (literal), .length = sizeof(literal) - 1}
/* clang-format on */

/* A span over a NUL-terminated string, which stays the caller's. */
struct span span_of(const char *string);

bool span_equal(struct span a, struct span b);

/* Equal but for the case of ASCII letters, as field names and tokens are compared (RFC 9110 5.1, 5.6.2). */
bool span_equal_nocase(struct span a, struct span b);

/* The span without the blanks and tabs at its two ends (OWS, RFC 9110 5.6.3). */
struct span span_trim(struct span span);

/* The position of the first `octet` in the span, or the span's length where there is none. */
size_t span_find(struct span span, char octet);

/*
 * Takes the next member off a comma-separated list (RFC 9110 5.6.1): `*list` moves past it, `*member` is
 * trimmed. Empty members are skipped. Returns false at the list's end. Commas inside quoted strings are not
 * known here: it is for lists of tokens.
 */
bool span_next_member(struct span *list, struct span *member);

/* Reads the whole span as an unsigned decimal number. False when it is empty, holds anything but digits, or
   does not fit; `*number` is then untouched. */
bool span_to_number(struct span span, uint64_t *number);

/* True for tchar, the octets that a token may hold (RFC 9110 5.6.2). */
bool text_is_token_octet(unsigned char octet);

/* The value of a hexadecimal digit, or -1. */
int text_hex_value(char digit);

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

void buffer_append(struct buffer *buffer, struct span text);

/* Appends a NUL-terminated string. */
void buffer_string(struct buffer *buffer, const char *string);

void buffer_octet(struct buffer *buffer, char octet);

/* Appends a number in decimal. */
void buffer_number(struct buffer *buffer, uint64_t number);

/* Appends a number in lower-case hexadecimal, without leading zeros. */
void buffer_hex(struct buffer *buffer, uint64_t number);

/* Appends text that is safe as HTML content and inside a quoted attribute: & < > " ' become references. */
void buffer_html(struct buffer *buffer, struct span text);

/* Appends a path with every octet that is neither "/" nor unreserved (RFC 3986 2.3) percent-encoded. */
void buffer_uri_path(struct buffer *buffer, struct span path);

/* Appends text with octets below 0x20 and from 0x7F up, quotes and backslashes as \xHH, so that a log line
   cannot be forged nor a terminal steered. */
void buffer_log(struct buffer *buffer, struct span text);

/* True when the octets are plain UTF-8 text (RFC 3629): well-formed, without NUL or ESC, so neither UTF-16
   nor ISO-2022 in disguise. With `cut`, a sequence that only lacks its end at the end of the span passes. */
bool text_is_utf8(struct span text, bool cut);

#endif

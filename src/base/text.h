/* Text as the rest of the program handles it: borrowed spans of octets, and what kinds of octets there are. */
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

/* No octets. */
#define SPAN_NONE ((struct span){NULL, 0})

/* SPAN as an initializer, for what is static. (Releases of clang-format disagree on it.) */
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

/* ASCII only, and not <ctype.h>: what is equal in HTTP must not depend on a locale. */
static inline bool text_is_digit(char octet)
{
    return octet >= '0' && octet <= '9';
}

static inline bool text_is_letter(char octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z');
}

/* The small letter of a capital one; anything else as it is. */
static inline char text_lower(char octet)
{
    return octet >= 'A' && octet <= 'Z' ? (char)(octet | 0x20) : octet;
}

/* True for tchar, the octets that a token may hold (RFC 9110 5.6.2). */
bool text_is_tchar(unsigned char octet);

/* The value of a hexadecimal digit, or -1. */
int text_hex_value(char digit);

/* The octets of the character that the text, which is not empty, begins with; 0 where it is no well-formed UTF-8 (RFC
   3629). All of ASCII counts, NUL and ESC as well. */
size_t text_character(struct span text);

/* True when the octets are plain UTF-8 text (RFC 3629): well-formed, without NUL or ESC, so neither UTF-16
   nor ISO-2022 in disguise. With `cut`, a sequence that only lacks its end at the end of the span passes. */
bool text_is_utf8(struct span text, bool cut);

#endif

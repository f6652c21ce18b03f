/* Text: borrowed spans of bytes, and classes of bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes. Not terminated by NUL; `at` may be NULL only if `length` is 0. */
struct span {
    const char *at;
    size_t length;
};

/* A span over a string literal without its NUL. */
#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

/* An empty span. */
#define SPAN_NONE ((struct span){NULL, 0})

/* SPAN for initializers of static objects. Releases of clang-format format it differently. */
/* clang-format off */
#define SPAN_INIT(literal) {.at = (literal), .length = sizeof(literal) - 1}
/* clang-format on */

/* A span over a NUL-terminated string, which the caller keeps. */
struct span span_of(const char *string);

bool span_equal(struct span a, struct span b);
bool span_begins(struct span span, struct span beginning);
bool span_ends(struct span span, struct span end);

/* Ignores the case of ASCII letters, as for field names and tokens (RFC 9110 5.1, 5.6.2). */
bool span_equal_nocase(struct span a, struct span b);

/* True if the word is one of `words`, which are separated by spaces; ignores the case of ASCII letters. */
bool span_is_among(struct span word, const char *words);

static inline bool text_is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* The span without leading and trailing spaces and tabs (OWS, RFC 9110 5.6.3). Inline, as each field is trimmed. */
static inline struct span span_trim(struct span span)
{
    while (span.length > 0 && text_is_blank(span.at[0])) {
        span.at++;
        span.length--;
    }
    while (span.length > 0 && text_is_blank(span.at[span.length - 1]))
        span.length--;
    return span;
}

/* The span from `start` on, which is at most its length. */
static inline struct span span_from(struct span span, size_t start)
{
    return (struct span){span.at + start, span.length - start};
}

/* The position of the first `byte` in the span, or the span's length if there is none. */
size_t span_find(struct span span, char byte);

/* Takes the part before the first `byte`, or all if there is none: `*span` moves past it and that byte. */
struct span span_take_until(struct span *span, char byte);

/* The part after the last `byte`, or the whole span if there is none. */
struct span span_after_last(struct span span, char byte);

/* Takes the next member off a comma-separated list (RFC 9110 5.6.1): `*list` moves past it, `*member` is trimmed. Empty
   members are skipped. Returns false at the list's end. Only for lists of tokens: it would cut a quoted string at its
   comma. */
bool span_next_member(struct span *list, struct span *member);

/* Reads the whole span as an unsigned decimal number. Returns false if it is empty, holds anything but
   digits, or does not fit; `*number` is then unchanged. */
bool span_to_number(struct span span, uint64_t *number);

/* ASCII only, not <ctype.h>: comparisons in HTTP must not depend on the locale. */
static inline bool text_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static inline bool text_is_letter(char byte)
{
    return (unsigned char)((byte | 0x20) - 'a') < 26;
}

/* Lowers an ASCII letter; returns anything else unchanged. */
static inline char text_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

/* True for tchar (RFC 9110 5.6.2). */
bool text_is_tchar(unsigned char byte);

/* True for a file name that begins with a dot and is not ".well-known" (RFC 8615); such files need --dotfiles. */
bool text_is_dotfile(struct span name);

/* The first such name in a path, or an empty span. */
struct span text_dotfile_in(struct span path);

/* True for the path of a file of rules in the root, which is for the server and never served; also for its encoded
   forms. */
bool text_is_rules_file(struct span path);

/* True if a file of this name is what an option calls `wanted`, in any case of letters: its whole name, or its end
   after a dot. With a leading dot, only the end, which may be the whole name of a hidden file. */
bool text_is_called(struct span name, struct span wanted);

/* The value of a hexadecimal digit, or -1. */
int text_hex_value(char digit);

/* The byte that is escaped at the beginning of a text, as "%20" (RFC 3986 2.1); -1: no escape is there. */
int text_escape(struct span text);

/* The length of the first character of a non-empty text; 0 if it is not well-formed UTF-8 (RFC 3629). NUL and ESC
   count as characters. */
size_t text_character(struct span text);

/* Decodes one character, with the length that text_character() returns (RFC 3629 3). */
uint32_t text_code_point(struct span character);

/* True for plain UTF-8 text (RFC 3629): well-formed, and without NUL or ESC, which would mean UTF-16 or
   ISO-2022. With `cut`, the last sequence may be incomplete. */
bool text_is_utf8(struct span text, bool cut);

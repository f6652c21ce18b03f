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

/*@ predicate readable(struct span s) = \valid_read(s.at + (0 .. s.length - 1));
    logic integer power(integer n) = n <= 0 ? 1 : 10 * power(n - 1); */

/* A span over a string literal without its NUL. */
#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

/* An empty span. */
#define SPAN_NONE ((struct span){NULL, 0})

/* SPAN for initializers of static objects. Releases of clang-format format it differently. */
/* clang-format off */
#define SPAN_INIT(literal) {.at = (literal), .length = sizeof(literal) - 1}
/* clang-format on */

/* A span over a NUL-terminated string, which the caller keeps. */
/*@ requires is_string(string); assigns \nothing;
    ensures readable(\result) && \result.at == string && \result.length == length_of(string); */
struct span span_of(const char *string);

/*@ requires readable(a) && readable(b); assigns \nothing;
    ensures \result ==> a.length == b.length; */
bool span_equal(struct span a, struct span b);

/*@ requires readable(span) && readable(beginning); assigns \nothing;
    ensures \result ==> beginning.length <= span.length; */
bool span_begins(struct span span, struct span beginning);

/*@ requires readable(span) && readable(end); assigns \nothing;
    ensures \result ==> end.length <= span.length; */
bool span_ends(struct span span, struct span end);

/* Ignores the case of ASCII letters, as for field names and tokens (RFC 9110 5.1, 5.6.2). */
/*@ requires readable(a) && readable(b); assigns \nothing;
    ensures \result ==> a.length == b.length; */
bool span_equal_nocase(struct span a, struct span b);

/* True if the word is one of `words`, which are separated by spaces; ignores the case of ASCII letters. */
/*@ requires readable(word) && is_string(words); assigns \nothing; */
bool span_is_among(struct span word, const char *words);

/*@ assigns \nothing; */
static inline bool text_is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* The span without leading and trailing spaces and tabs (OWS, RFC 9110 5.6.3). Inline, as each field is trimmed. */
/*@ requires readable(span); assigns \nothing;
    ensures readable(\result) && \result.length <= span.length; */
static inline struct span span_trim(struct span span)
{
    /*@ loop invariant readable(span) && span.length <= \at(span.length, Pre);
        loop assigns span; loop variant span.length; */
    while (span.length > 0 && text_is_blank(span.at[0])) {
        span.at++;
        span.length--;
    }
    /*@ loop invariant readable(span) && span.length <= \at(span.length, Pre);
        loop assigns span.length; loop variant span.length; */
    while (span.length > 0 && text_is_blank(span.at[span.length - 1]))
        span.length--;
    return span;
}

/* The span from `start` on, which is at most its length. */
/*@ requires readable(span) && start <= span.length; assigns \nothing;
    ensures readable(\result) && \result.at == span.at + start && \result.length == span.length - start; */
static inline struct span span_from(struct span span, size_t start)
{
    return (struct span){span.at + start, span.length - start};
}

/* The position of the first `byte` in the span, or the span's length if there is none. */
/*@ requires readable(span); assigns \nothing;
    ensures \result <= span.length && (\result < span.length ==> span.at[\result] == byte); */
size_t span_find(struct span span, char byte);

/* Takes the part before the first `byte`, or all if there is none: `*span` moves past it and that byte. */
/*@ requires \valid(span) && readable(*span); assigns *span;
    ensures readable(*span) && readable(\result) && span->length + \result.length <= \old(span->length) &&
            (\old(span->length) > 0 ==> span->length < \old(span->length)); */
struct span span_take_until(struct span *span, char byte);

/* The part after the last `byte`, or the whole span if there is none. */
/*@ requires readable(span); assigns \nothing;
    ensures readable(\result) && \result.length <= span.length; */
struct span span_after_last(struct span span, char byte);

/* Takes the next member off a comma-separated list (RFC 9110 5.6.1): `*list` moves past it, `*member` is trimmed. Empty
   members are skipped. Returns false at the list's end. Only for lists of tokens: it would cut a quoted string at its
   comma. */
/*@ requires \valid(list) && readable(*list) && \valid(member) && \separated(list, member);
    assigns *list, *member;
    ensures readable(*list) && list->length <= \old(list->length) &&
            (\result ==> readable(*member) && member->length > 0 && list->length < \old(list->length)); */
bool span_next_member(struct span *list, struct span *member);

/* Reads the whole span as an unsigned decimal number. Returns false if it is empty, holds anything but
   digits, or does not fit; `*number` is then unchanged. */
/*@ requires readable(span) && \valid(number); assigns *number;
    ensures \result ? *number < power(span.length) : *number == \old(*number); */
bool span_to_number(struct span span, uint64_t *number);

/* ASCII only, not <ctype.h>: comparisons in HTTP must not depend on the locale. */
/*@ assigns \nothing; ensures \result <==> '0' <= byte <= '9'; */
static inline bool text_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/*@ assigns \nothing; */
static inline bool text_is_letter(char byte)
{
    return (unsigned char)((unsigned char)(byte | 0x20) - 'a') < 26;
}

/* Lowers an ASCII letter; returns anything else unchanged. */
/*@ assigns \nothing; */
static inline char text_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

/* True for tchar (RFC 9110 5.6.2). */
/*@ assigns \nothing; */
bool text_is_tchar(unsigned char byte);

/* True for a file name that begins with a dot and is not ".well-known" (RFC 8615); such files need --dotfiles. */
/*@ requires readable(name); assigns \nothing; */
bool text_is_dotfile(struct span name);

/* The first such name in a path, or an empty span. */
/*@ requires readable(path); assigns \nothing; ensures readable(\result); */
struct span text_dotfile_in(struct span path);

/* True for the path of a file of rules in the root, which is for the server and never served; also for its encoded
   forms. */
/*@ requires readable(path); assigns \nothing; */
bool text_is_rules_file(struct span path);

/* True if a file of this name is what an option calls `wanted`, in any case of letters: its whole name, or its end
   after a dot. With a leading dot, only the end, which may be the whole name of a hidden file. */
/*@ requires readable(name) && readable(wanted); assigns \nothing; */
bool text_is_called(struct span name, struct span wanted);

/* The value of a hexadecimal digit, or -1. */
/*@ assigns \nothing; ensures -1 <= \result < 16; */
int text_hex_value(char digit);

/* The byte that is escaped at the beginning of a text, as "%20" (RFC 3986 2.1); -1: no escape is there. */
/*@ requires readable(text); assigns \nothing;
    ensures -1 <= \result < 256 && (text.length < 3 ==> \result == -1); */
int text_escape(struct span text);

/* The length of the first character of a non-empty text; 0 if it is not well-formed UTF-8 (RFC 3629). NUL and ESC
   count as characters. */
/*@ requires readable(text) && text.length > 0; assigns \nothing;
    ensures \result <= 4 && \result <= text.length; */
size_t text_character(struct span text);

/* Decodes one character, with the length that text_character() returns (RFC 3629 3). */
/*@ requires readable(character) && 0 < character.length <= 4; assigns \nothing; */
uint32_t text_code_point(struct span character);

/* True for plain UTF-8 text (RFC 3629): well-formed, and without NUL or ESC, which would mean UTF-16 or
   ISO-2022. With `cut`, the last sequence may be incomplete. */
/*@ requires readable(text); assigns \nothing; */
bool text_is_utf8(struct span text, bool cut);

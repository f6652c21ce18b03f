#include "base/text.h"

#include <string.h>

struct span span_of(const char *string)
{
    return (struct span){string, strlen(string)};
}

bool span_equal(struct span a, struct span b)
{
    /* memcmp(NULL, ...) is undefined even with a length of 0. */
    return a.length == b.length && (a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

bool span_begins(struct span span, struct span beginning)
{
    return span.length >= beginning.length && span_equal((struct span){span.at, beginning.length}, beginning);
}

bool span_ends(struct span span, struct span end)
{
    return span.length >= end.length && span_equal((struct span){span.at + span.length - end.length, end.length}, end);
}

bool span_equal_nocase(struct span a, struct span b)
{
    if (span_equal(a, b)) /* the usual case, and fast */
        return true;
    if (a.length != b.length)
        return false;
    /*@ loop assigns i; loop variant a.length - i; */
    for (size_t i = 0; i < a.length; i++) {
        if (a.at[i] != b.at[i] && text_lower(a.at[i]) != text_lower(b.at[i]))
            return false;
    }
    return true;
}

bool span_is_among(struct span word, const char *words)
{
    /*@ loop invariant readable(rest); loop assigns rest; loop variant rest.length; */
    for (struct span rest = span_of(words); rest.length > 0;) {
        if (span_equal_nocase(span_take_until(&rest, ' '), word))
            return true;
    }
    return false;
}

size_t span_find(struct span span, char byte)
{
    if (span.length == 0)
        return 0;
    const char *found = memchr(span.at, byte, span.length);
    return found ? (size_t)(found - span.at) : span.length;
}

struct span span_take_until(struct span *span, char byte)
{
    size_t length = span_find(*span, byte), taken = length + (length < span->length);
    struct span part = {span->at, length};
    *span = (struct span){span->at + taken, span->length - taken};
    return part;
}

struct span span_after_last(struct span span, char byte)
{
    /*@ loop invariant at <= span.length; loop assigns at; loop variant at; */
    for (size_t at = span.length; at > 0; at--) {
        if (span.at[at - 1] == byte)
            return (struct span){span.at + at, span.length - at};
    }
    return span;
}

bool span_next_member(struct span *list, struct span *member)
{
    /*@ loop invariant readable(*list) && list->length <= \at(list->length, Pre);
        loop assigns *list, *member; loop variant list->length; */
    while (list->length > 0) {
        struct span next = span_trim(span_take_until(list, ','));
        /* A recipient must ignore a reasonable number of empty members (RFC 9110 5.6.1.2). */
        if (next.length > 0) {
            *member = next;
            return true;
        }
    }
    return false;
}

bool span_to_number(struct span span, uint64_t *number)
{
    if (span.length == 0)
        return false;
    uint64_t value = 0;
    /*@ loop invariant i <= span.length && value < power(i); loop assigns i, value; loop variant span.length - i; */
    for (size_t i = 0; i < span.length; i++) {
        if (!text_is_digit(span.at[i]))
            return false;
        uint64_t digit = (uint64_t)(span.at[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *number = value;
    return true;
}

bool text_is_tchar(unsigned char byte)
{
    static const char punctuation[] = "!#$%&'*+-.^_`|~";
    return text_is_letter((char)byte) || text_is_digit((char)byte) ||
           memchr(punctuation, byte, sizeof punctuation - 1) != NULL;
}

bool text_is_dotfile(struct span name)
{
    return name.length > 0 && name.at[0] == '.' && !span_equal(name, SPAN(".well-known"));
}

bool text_is_rules_file(struct span path)
{
    static const struct span suffixes[] = {SPAN_INIT(".gz"), SPAN_INIT(".br"), SPAN_INIT(".zst")};
    /*@ loop invariant readable(path) && \forall integer k; 0 <= k < 3 ==> readable(suffixes[k]);
        loop assigns i, path.length; loop variant 3 - i; */
    for (unsigned i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        if (span_ends(path, suffixes[i])) {
            path.length -= suffixes[i].length;
            break;
        }
    }
    return span_equal_nocase(path, SPAN("_redirects")) || span_equal_nocase(path, SPAN("_headers")) ||
           span_equal_nocase(path, SPAN("_routes.json"));
}

bool text_is_called(struct span name, struct span wanted)
{
    if (name.length < wanted.length || wanted.length == 0)
        return false;
    size_t before = name.length - wanted.length;
    if (!span_equal_nocase((struct span){name.at + before, wanted.length}, wanted))
        return false;
    return before == 0 || wanted.at[0] == '.' || (before > 1 && name.at[before - 1] == '.');
}

struct span text_dotfile_in(struct span path)
{
    /*@ loop invariant readable(path); loop assigns path; loop variant path.length; */
    while (path.length > 0) {
        struct span name = span_take_until(&path, '/');
        if (text_is_dotfile(name))
            return name;
    }
    return SPAN_NONE;
}

int text_hex_value(char digit)
{
    if (text_is_digit(digit))
        return digit - '0';
    char letter = text_lower(digit);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

int text_escape(struct span text)
{
    if (text.length < 3 || text.at[0] != '%')
        return -1;
    int high = text_hex_value(text.at[1]), low = text_hex_value(text.at[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* True if one of the word's eight bytes is zero. */
/*@ assigns \nothing; */
static bool has_zero_byte(uint64_t word)
{
    return ((word - 0x0101010101010101) & ~word & 0x8080808080808080) != 0;
}

/* True if all eight bytes are ASCII and none is NUL or ESC. */
/*@ requires may_read((char *)at, 8); assigns \nothing; */
static bool is_plain_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return (word & 0x8080808080808080) == 0 && !has_zero_byte(word) && !has_zero_byte(word ^ 0x1B1B1B1B1B1B1B1B);
}

/* A sequence's continuation after its first byte (RFC 3629 4). The bounds of the second byte exclude
   overlong forms, surrogates, and code points above U+10FFFF. */
struct sequence {
    size_t length; /* 0: no sequence begins with this byte */
    unsigned char second_min;
    unsigned char second_max;
};

/*@ assigns \nothing; ensures \result.length <= 4; */
static struct sequence sequence_of(unsigned char first)
{
    if (first < 0x80)
        return (struct sequence){.length = first != 0 && first != 0x1B};
    if (first < 0xC2)
        return (struct sequence){0};
    if (first < 0xE0)
        return (struct sequence){2, 0x80, 0xBF};
    if (first < 0xF0)
        return (struct sequence){3, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF};
    if (first < 0xF5)
        return (struct sequence){4, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF};
    return (struct sequence){0};
}

size_t text_character(struct span text)
{
    unsigned char first = (unsigned char)text.at[0];
    size_t length = first < 0x80 ? 1 : sequence_of(first).length;
    return length > 0 && length <= text.length && (length == 1 || text_is_utf8((struct span){text.at, length}, false))
               ? length
               : 0;
}

uint32_t text_code_point(struct span character)
{
    unsigned char first = (unsigned char)character.at[0];
    uint32_t point = character.length == 1 ? first : first & (0x7FU >> character.length);
    /*@ loop assigns i, point; loop variant character.length - i; */
    for (size_t i = 1; i < character.length; i++)
        point = point << 6 | ((unsigned char)character.at[i] & 0x3FU);
    return point;
}

bool text_is_utf8(struct span text, bool cut)
{
    size_t i = 0;
    /*@ loop invariant i <= text.length; loop assigns i; loop variant text.length - i; */
    while (i < text.length) {
        /* Most text is ASCII: skip eight bytes at a time. */
        if (text.length - i >= 8 && is_plain_word(text.at + i)) {
            i += 8;
            continue;
        }
        struct sequence sequence = sequence_of((unsigned char)text.at[i]);
        if (sequence.length == 0)
            return false;
        /*@ loop invariant 1 <= k <= sequence.length && i + k <= text.length;
            loop assigns k; loop variant sequence.length - k; */
        for (size_t k = 1; k < sequence.length; k++) {
            if (i + k == text.length)
                return cut;
            unsigned char byte = (unsigned char)text.at[i + k];
            unsigned char min = k == 1 ? sequence.second_min : 0x80;
            unsigned char max = k == 1 ? sequence.second_max : 0xBF;
            if (byte < min || byte > max)
                return false;
        }
        i += sequence.length;
    }
    return true;
}

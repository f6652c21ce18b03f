#include "base/buffer.h"

#include <assert.h>
#include <string.h>

static const char lower_digits[] = "0123456789abcdef";
static const char upper_digits[] = "0123456789ABCDEF"; /* RFC 3986 2.1 recommends them */

struct span buffer_span(const struct buffer *buffer)
{
    return (struct span){buffer->at, buffer->length};
}

struct span buffer_filled(const struct buffer *buffer)
{
    assert(!buffer->overflow);
    return buffer_span(buffer);
}

void buffer_append(struct buffer *buffer, struct span text)
{
    if (text.length > buffer->room - buffer->length) {
        buffer->overflow = true;
        return;
    }
    if (text.length == 0)
        return;
    memcpy(buffer->at + buffer->length, text.at, text.length);
    buffer->length += text.length;
}

void buffer_string(struct buffer *buffer, const char *string)
{
    buffer_append(buffer, span_of(string));
}

void buffer_byte(struct buffer *buffer, char byte)
{
    buffer_append(buffer, (struct span){&byte, 1});
}

/*@ requires is_buffer(buffer) && (base == 10 || base == 16);
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1]; ensures is_buffer(buffer); */
static void append_number(struct buffer *buffer, uint64_t number, unsigned base)
{
    char digits[20]; /* 18446744073709551615 */
    size_t start = sizeof digits;
    /*@ loop invariant start <= 20 && number < power(start) && (number > 0 || start == 20);
        loop assigns start, number, digits[0 .. 19]; loop variant start; */
    do {
        digits[--start] = lower_digits[number % base];
        number /= base;
    } while (number > 0);
    buffer_append(buffer, (struct span){digits + start, sizeof digits - start});
}

void buffer_number(struct buffer *buffer, uint64_t number)
{
    append_number(buffer, number, 10);
}

/* Returns number / unit, rounded half up. `unit` must be even. */
/*@ requires unit >= 4; assigns \nothing; ensures \result == (number / (unit / 2) + 1) / 2; */
static uint64_t round_to(uint64_t number, uint64_t unit)
{
    return (number / (unit / 2) + 1) / 2;
}

void buffer_size(struct buffer *buffer, uint64_t bytes)
{
    static const char prefixes[] = "kMGTPE";
    uint64_t unit = 1;
    size_t prefix = 0;
    /*@ loop invariant (prefix == 0 && unit == 1) || (prefix == 1 && unit == 1000) ||
            (prefix == 2 && unit == 1000000) || (prefix == 3 && unit == 1000000000) ||
            (prefix == 4 && unit == 1000000000000) ||
            (prefix == 5 && unit == 1000000000000000) || (prefix == 6 && unit == 1000000000000000000);
        loop assigns unit, prefix; loop variant 6 - prefix; */
    for (; bytes / unit >= 1000; prefix++)
        unit *= 1000;
    uint64_t whole = prefix > 0 ? round_to(bytes, unit) : bytes;
    uint64_t tenths = prefix > 0 ? round_to(bytes, unit / 10) : 100;
    if (whole == 1000) {
        tenths = 10;
        prefix++;
    }
    buffer_number(buffer, tenths < 100 ? tenths / 10 : whole);
    if (tenths < 100) {
        buffer_byte(buffer, '.');
        buffer_number(buffer, tenths % 10);
    }
    buffer_byte(buffer, ' ');
    if (prefix > 0)
        buffer_byte(buffer, prefixes[prefix - 1]);
    buffer_byte(buffer, 'B');
}

void buffer_count(struct buffer *buffer, uint64_t count, const char *one, const char *many)
{
    struct span noun = span_of(count == 1 ? one : many);
    buffer_number(buffer, count);
    buffer_byte(buffer, ' ');
    buffer_append(buffer, noun);
}

void buffer_hex(struct buffer *buffer, uint64_t number)
{
    append_number(buffer, number, 16);
}

/* Keeps all of an escaped text or none: half of it would be a different text. */
/*@ requires is_buffer(buffer) && \valid_read(draft) && draft->length <= buffer->room;
    assigns buffer->length, buffer->overflow; ensures is_buffer(buffer); */
static void accept_draft(struct buffer *buffer, const struct buffer *draft)
{
    if (draft->overflow)
        buffer->overflow = true;
    else
        buffer->length = draft->length;
}

/*@ requires is_buffer(buffer); assigns \nothing;
    ensures \result.at == buffer->at && \result.length == buffer->length && \result.room == buffer->room; */
static struct buffer draft_of(const struct buffer *buffer)
{
    return (struct buffer){buffer->at, buffer->length, buffer->room, false};
}

/* Appends a prefix and the byte's two digits. */
/*@ requires is_buffer(buffer) && appendable(prefix, buffer) && \valid_read(digits + (0 .. 15));
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1]; ensures is_buffer(buffer); */
static void append_hex(struct buffer *buffer, struct span prefix, const char *digits, char byte)
{
    char high = digits[(unsigned char)byte / 16], low = digits[(unsigned char)byte % 16];
    buffer_append(buffer, prefix);
    buffer_byte(buffer, high);
    buffer_byte(buffer, low);
}

/*@ requires is_buffer(buffer); assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
static void escape_html(struct buffer *buffer, char byte)
{
    switch (byte) {
    case '&':
        buffer_append(buffer, SPAN("&amp;"));
        break;
    case '<':
        buffer_append(buffer, SPAN("&lt;"));
        break;
    case '>':
        buffer_append(buffer, SPAN("&gt;"));
        break;
    case '"':
        buffer_append(buffer, SPAN("&quot;"));
        break;
    case '\'':
        buffer_append(buffer, SPAN("&#39;"));
        break;
    default:
        buffer_byte(buffer, byte);
        break;
    }
}

/*@ requires is_buffer(buffer); assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
static void escape_uri_path(struct buffer *buffer, char byte)
{
    if (text_is_letter(byte) || text_is_digit(byte) || byte == '-' || byte == '.' || byte == '_' || byte == '~' ||
        byte == '/')
        buffer_byte(buffer, byte);
    else
        append_hex(buffer, SPAN("%"), upper_digits, byte);
}

/*@ requires is_buffer(buffer); assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
static void escape_log(struct buffer *buffer, char byte)
{
    if (byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\')
        buffer_byte(buffer, byte);
    else
        append_hex(buffer, SPAN("\\x"), upper_digits, byte);
}

/*@ requires is_buffer(buffer); assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer); */
static void escape_json(struct buffer *buffer, char byte)
{
    if (byte == '"' || byte == '\\')
        buffer_byte(buffer, '\\');
    if (byte >= 0x20 && byte < 0x7F)
        buffer_byte(buffer, byte);
    else
        append_hex(buffer, SPAN("\\u00"), lower_digits, byte);
}

/*@ requires is_buffer(buffer) && appendable(text, buffer);
    requires escape == escape_html || escape == escape_uri_path || escape == escape_log || escape == escape_json;
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1]; ensures is_buffer(buffer); */
static void append_escaped(struct buffer *buffer, struct span text, void (*escape)(struct buffer *buffer, char byte))
{
    struct buffer draft = draft_of(buffer);
    /*@ loop invariant i <= text.length && is_buffer(&draft);
        loop assigns i, draft.length, draft.overflow, buffer->at[0 .. buffer->room - 1];
        loop variant text.length - i; */
    for (size_t i = 0; i < text.length && !draft.overflow; i++)
        /*@ calls escape_html, escape_uri_path, escape_log, escape_json; */
        escape(&draft, text.at[i]);
    accept_draft(buffer, &draft);
}

void buffer_html(struct buffer *buffer, struct span text)
{
    append_escaped(buffer, text, escape_html);
}

/* True for controls without a control picture: U+0080 to U+009F, and Bidi_Control (PropList.txt), which would reorder a
   name so that "exe.gpj" looks like a picture. */
/*@ assigns \nothing; */
static bool has_no_picture(uint32_t point)
{
    return (point >= 0x80 && point < 0xA0) || point == 0x61C || point == 0x200E || point == 0x200F ||
           (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

/* Appends one character or its replacement. Returns its length in the text. */
/*@ requires is_buffer(buffer) && appendable(text, buffer) && text.length > 0;
    assigns buffer->length, buffer->overflow, buffer->at[0 .. buffer->room - 1];
    ensures is_buffer(buffer) && 0 < \result <= text.length; */
static size_t append_shown(struct buffer *buffer, struct span text)
{
    size_t length = text_character(text);
    unsigned char byte = (unsigned char)text.at[0];
    if (length == 0 || has_no_picture(text_code_point((struct span){text.at, length}))) {
        buffer_append(buffer, SPAN("\xEF\xBF\xBD"));
        return length > 0 ? length : 1;
    }
    if (byte < 0x20 || byte == 0x7F) {
        buffer_append(buffer, SPAN("\xE2\x90"));
        buffer_byte(buffer, (char)(byte == 0x7F ? 0xA1 : 0x80 + byte));
    } else {
        buffer_html(buffer, (struct span){text.at, length});
    }
    return length;
}

/* The length of the run that needs no escape; most names are one such run. */
/*@ requires readable(text); assigns \nothing; ensures \result <= text.length; */
static size_t plain_length(struct span text)
{
    size_t length = 0;
    /*@ loop invariant length <= text.length; loop assigns length; loop variant text.length - length; */
    while (length < text.length && text.at[length] >= ' ' && text.at[length] < 0x7F &&
           memchr("&<>\"'", text.at[length], 5) == NULL)
        length++;
    return length;
}

void buffer_html_name(struct buffer *buffer, struct span name)
{
    struct buffer draft = draft_of(buffer);
    /*@ loop invariant is_buffer(&draft) && appendable(name, &draft);
        loop assigns name, draft.length, draft.overflow, buffer->at[0 .. buffer->room - 1]; loop variant name.length; */
    while (name.length > 0 && !draft.overflow) {
        size_t length = plain_length(name);
        if (length > 0)
            buffer_append(&draft, (struct span){name.at, length});
        else
            length = append_shown(&draft, name);
        name = (struct span){name.at + length, name.length - length};
    }
    accept_draft(buffer, &draft);
}

void buffer_uri_path(struct buffer *buffer, struct span path)
{
    append_escaped(buffer, path, escape_uri_path);
}

void buffer_log(struct buffer *buffer, struct span text)
{
    append_escaped(buffer, text, escape_log);
}

void buffer_json(struct buffer *buffer, struct span text)
{
    append_escaped(buffer, text, escape_json);
}

/* Characters that can steer a terminal, reorder text, or hide in it: General_Category Cc, Cf, Zl and Zp (Unicode 16.0,
   extracted/DerivedGeneralCategory.txt). */
static const struct {
    uint32_t first, last;
} unprintable[] = {
    {0x0, 0x1F},        {0x7F, 0x9F},       {0xAD, 0xAD},       {0x600, 0x605},     {0x61C, 0x61C},
    {0x6DD, 0x6DD},     {0x70F, 0x70F},     {0x890, 0x891},     {0x8E2, 0x8E2},     {0x180E, 0x180E},
    {0x200B, 0x200F},   {0x2028, 0x202E},   {0x2060, 0x2064},   {0x2066, 0x206F},   {0xFEFF, 0xFEFF},
    {0xFFF9, 0xFFFB},   {0x110BD, 0x110BD}, {0x110CD, 0x110CD}, {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3},
    {0x1D173, 0x1D17A}, {0xE0001, 0xE0001}, {0xE0020, 0xE007F},
};

/*@ requires readable(character) && 0 < character.length <= 4; assigns \nothing; */
static bool is_unprintable(struct span character)
{
    uint32_t point = text_code_point(character);
    /*@ loop assigns i; loop variant 23 - i; */
    for (size_t i = 0; i < sizeof unprintable / sizeof *unprintable; i++) {
        if (point >= unprintable[i].first && point <= unprintable[i].last)
            return true;
    }
    return false;
}

void buffer_plain(struct buffer *buffer, struct span text)
{
    struct buffer draft = draft_of(buffer);
    bool utf8 = text_is_utf8(text, false);
    /*@ loop invariant is_buffer(&draft) && appendable(text, &draft);
        loop assigns text, draft.length, draft.overflow, buffer->at[0 .. buffer->room - 1]; loop variant text.length; */
    while (text.length > 0 && !draft.overflow) {
        size_t length = utf8 ? text_character(text) : 1;
        /*@ admit length > 0; */ /* as the text is UTF-8 */
        struct span character = {text.at, length};
        if ((!utf8 && (unsigned char)text.at[0] >= 0x80) || is_unprintable(character))
            buffer_log(&draft, character);
        else
            buffer_append(&draft, character);
        text = (struct span){text.at + length, text.length - length};
    }
    accept_draft(buffer, &draft);
}

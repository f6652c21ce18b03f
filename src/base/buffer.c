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

static void append_number(struct buffer *buffer, uint64_t number, unsigned base)
{
    char digits[20]; /* 18446744073709551615 */
    size_t start = sizeof digits;
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
static uint64_t round_to(uint64_t number, uint64_t unit)
{
    return (number / (unit / 2) + 1) / 2;
}

void buffer_size(struct buffer *buffer, uint64_t bytes)
{
    static const char *const units[] = {" B", " kB", " MB", " GB", " TB", " PB", " EB"};
    uint64_t unit = 1;
    size_t prefix = 0;
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
    buffer_string(buffer, units[prefix]);
}

void buffer_count(struct buffer *buffer, uint64_t count, const char *one, const char *many)
{
    buffer_number(buffer, count);
    buffer_byte(buffer, ' ');
    buffer_string(buffer, count == 1 ? one : many);
}

void buffer_hex(struct buffer *buffer, uint64_t number)
{
    append_number(buffer, number, 16);
}

/* Returns the escaped byte: a span over `room` or over a literal. */
enum { ESCAPE_MAX = 6 };
typedef struct span escape_function(char byte, char room[ESCAPE_MAX]);

/* Keeps all of an escaped text or none: half of it would be a different text. */
static void accept_draft(struct buffer *buffer, const struct buffer *draft)
{
    if (draft->overflow)
        buffer->overflow = true;
    else
        buffer->length = draft->length;
}

static struct buffer draft_of(const struct buffer *buffer)
{
    return (struct buffer){buffer->at, buffer->length, buffer->room, false};
}

static void append_escaped(struct buffer *buffer, struct span text, escape_function *escape)
{
    struct buffer draft = draft_of(buffer);
    for (size_t i = 0; i < text.length && !draft.overflow; i++) {
        char room[ESCAPE_MAX];
        buffer_append(&draft, escape(text.at[i], room));
    }
    accept_draft(buffer, &draft);
}

static struct span unescaped(char byte, char room[ESCAPE_MAX])
{
    room[0] = byte;
    return (struct span){room, 1};
}

/* Writes a prefix of at most four bytes and the byte's two digits. */
static struct span in_hex(struct span prefix, const char *digits, char byte, char room[ESCAPE_MAX])
{
    memcpy(room, prefix.at, prefix.length);
    room[prefix.length] = digits[(unsigned char)byte >> 4];
    room[prefix.length + 1] = digits[(unsigned char)byte & 15];
    return (struct span){room, prefix.length + 2};
}

static struct span escape_html(char byte, char room[ESCAPE_MAX])
{
    switch (byte) {
    case '&':
        return SPAN("&amp;");
    case '<':
        return SPAN("&lt;");
    case '>':
        return SPAN("&gt;");
    case '"':
        return SPAN("&quot;");
    case '\'':
        return SPAN("&#39;");
    default:
        return unescaped(byte, room);
    }
}

static struct span escape_uri_path(char byte, char room[ESCAPE_MAX])
{
    bool plain = text_is_letter(byte) || text_is_digit(byte) || byte == '-' || byte == '.' || byte == '_' ||
                 byte == '~' || byte == '/';
    return plain ? unescaped(byte, room) : in_hex(SPAN("%"), upper_digits, byte, room);
}

static struct span escape_log(char byte, char room[ESCAPE_MAX])
{
    bool plain = byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
    return plain ? unescaped(byte, room) : in_hex(SPAN("\\x"), upper_digits, byte, room);
}

static struct span escape_json(char byte, char room[ESCAPE_MAX])
{
    if (byte == '"')
        return SPAN("\\\"");
    if (byte == '\\')
        return SPAN("\\\\");
    return byte >= 0x20 && byte < 0x7F ? unescaped(byte, room) : in_hex(SPAN("\\u00"), lower_digits, byte, room);
}

void buffer_html(struct buffer *buffer, struct span text)
{
    append_escaped(buffer, text, escape_html);
}

/* True for controls without a control picture: U+0080 to U+009F, and Bidi_Control (PropList.txt), which would reorder a
   name so that "exe.gpj" looks like a picture. */
static bool has_no_picture(uint32_t point)
{
    return (point >= 0x80 && point < 0xA0) || point == 0x61C || point == 0x200E || point == 0x200F ||
           (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

/* Appends one character or its replacement. Returns its length in the text. */
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
static size_t plain_length(struct span text)
{
    size_t length = 0;
    while (length < text.length && text.at[length] >= ' ' && text.at[length] < 0x7F &&
           strchr("&<>\"'", text.at[length]) == NULL)
        length++;
    return length;
}

void buffer_html_name(struct buffer *buffer, struct span name)
{
    struct buffer draft = draft_of(buffer);
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

static bool is_unprintable(struct span character)
{
    uint32_t point = text_code_point(character);
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
    while (text.length > 0 && !draft.overflow) {
        size_t length = utf8 ? text_character(text) : 1;
        struct span character = {text.at, length};
        if ((!utf8 && (unsigned char)text.at[0] >= 0x80) || is_unprintable(character))
            buffer_log(&draft, character);
        else
            buffer_append(&draft, character);
        text = (struct span){text.at + length, text.length - length};
    }
    accept_draft(buffer, &draft);
}

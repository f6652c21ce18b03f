#include "base/buffer.h"

#include <assert.h>
#include <string.h>

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

void buffer_byte(struct buffer *buffer, char octet)
{
    buffer_append(buffer, (struct span){&octet, 1});
}

static void append_number(struct buffer *buffer, uint64_t number, unsigned base)
{
    char digits[20]; /* 18446744073709551615 */
    size_t start = sizeof digits;
    do {
        digits[--start] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    buffer_append(buffer, (struct span){digits + start, sizeof digits - start});
}

void buffer_number(struct buffer *buffer, uint64_t number)
{
    append_number(buffer, number, 10);
}

void buffer_hex(struct buffer *buffer, uint64_t number)
{
    append_number(buffer, number, 16);
}

/* What one octet becomes: a span over `room`, or over a literal. */
enum { ESCAPE_MAX = 4 };
typedef struct span escape_function(char octet, char room[ESCAPE_MAX]);

/* All of the text or nothing of it: half an escaped text would be a different text. */
static void settle(struct buffer *buffer, const struct buffer *trial)
{
    if (trial->overflow)
        buffer->overflow = true;
    else
        buffer->length = trial->length;
}

static struct buffer trial_of(const struct buffer *buffer)
{
    return (struct buffer){buffer->at, buffer->length, buffer->room, false};
}

static void append_escaped(struct buffer *buffer, struct span text, escape_function *escape)
{
    struct buffer trial = trial_of(buffer);
    for (size_t i = 0; i < text.length && !trial.overflow; i++) {
        char room[ESCAPE_MAX];
        buffer_append(&trial, escape(text.at[i], room));
    }
    settle(buffer, &trial);
}

static struct span as_it_is(char octet, char room[ESCAPE_MAX])
{
    room[0] = octet;
    return (struct span){room, 1};
}

/* The octet's two digits after a prefix of at most two octets. */
static struct span in_hex(struct span prefix, char octet, char room[ESCAPE_MAX])
{
    /* Upper case, as RFC 3986 2.1 asks of whoever writes a percent-encoding. */
    static const char digits[] = "0123456789ABCDEF";
    memcpy(room, prefix.at, prefix.length);
    room[prefix.length] = digits[(unsigned char)octet >> 4];
    room[prefix.length + 1] = digits[(unsigned char)octet & 15];
    return (struct span){room, prefix.length + 2};
}

static struct span escape_html(char octet, char room[ESCAPE_MAX])
{
    switch (octet) {
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
        return as_it_is(octet, room);
    }
}

static struct span escape_uri_path(char octet, char room[ESCAPE_MAX])
{
    bool plain = text_is_letter(octet) || text_is_digit(octet) || octet == '-' || octet == '.' ||
                 octet == '_' || octet == '~' || octet == '/';
    return plain ? as_it_is(octet, room) : in_hex(SPAN("%"), octet, room);
}

static struct span escape_log(char octet, char room[ESCAPE_MAX])
{
    bool plain = octet >= 0x20 && octet < 0x7F && octet != '"' && octet != '\\';
    return plain ? as_it_is(octet, room) : in_hex(SPAN("\\x"), octet, room);
}

void buffer_html(struct buffer *buffer, struct span text)
{
    append_escaped(buffer, text, escape_html);
}

/* Appends one character, or what stands for it. Returns how many octets of the text that was. */
static size_t append_shown(struct buffer *buffer, struct span text)
{
    size_t length = text_character(text);
    unsigned char octet = (unsigned char)text.at[0];
    if (length == 0 ||
        (octet == 0xC2 && (unsigned char)text.at[1] < 0xA0)) { /* U+0080 to U+009F have no picture */
        buffer_append(buffer, SPAN("\xEF\xBF\xBD"));
        return length > 0 ? length : 1;
    }
    if (octet < 0x20 || octet == 0x7F) {
        buffer_append(buffer, SPAN("\xE2\x90"));
        buffer_byte(buffer, (char)(octet == 0x7F ? 0xA1 : 0x80 + octet));
    } else {
        buffer_html(buffer, (struct span){text.at, length});
    }
    return length;
}

/* A run of octets that stand for themselves, which most names are all of. */
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
    struct buffer trial = trial_of(buffer);
    while (name.length > 0 && !trial.overflow) {
        size_t length = plain_length(name);
        if (length > 0)
            buffer_append(&trial, (struct span){name.at, length});
        else
            length = append_shown(&trial, name);
        name = (struct span){name.at + length, name.length - length};
    }
    settle(buffer, &trial);
}

void buffer_uri_path(struct buffer *buffer, struct span path)
{
    append_escaped(buffer, path, escape_uri_path);
}

void buffer_log(struct buffer *buffer, struct span text)
{
    append_escaped(buffer, text, escape_log);
}

/* Controls are those below space, DEL, and U+0080 to U+009F, which is C2 80 to C2 9F in UTF-8. Returns how many octets
   at the text's beginning are one. */
static size_t control_length(struct span text, bool utf8)
{
    unsigned char octet = (unsigned char)text.at[0];
    if (octet < 0x20 || octet == 0x7F || (octet >= 0x80 && !utf8))
        return 1;
    return octet == 0xC2 && (unsigned char)text.at[1] < 0xA0 ? 2 : 0;
}

void buffer_plain(struct buffer *buffer, struct span text)
{
    struct buffer trial = trial_of(buffer);
    bool utf8 = text_is_utf8(text, false);
    while (text.length > 0 && !trial.overflow) {
        size_t control = control_length(text, utf8), length = control > 0 ? control : 1;
        if (control > 0)
            buffer_log(&trial, (struct span){text.at, control});
        else
            buffer_byte(&trial, text.at[0]);
        text = (struct span){text.at + length, text.length - length};
    }
    settle(buffer, &trial);
}

#include "asked.h"

#include "fuzz.h"

#include <string.h>

enum { BODY_MAX = 100000, FIELDS_MAX = 100, HEAD_MAX = 16000 };

static const struct asked UNKNOWN;

/* Takes the text before the separator, and the separator. Returns false if there is none. */
static bool take_until(struct span *text, struct span separator, struct span *taken)
{
    const char *found =
        text->length < separator.length ? NULL : memmem(text->at, text->length, separator.at, separator.length);
    if (found == NULL)
        return false;
    *taken = (struct span){text->at, (size_t)(found - text->at)};
    size_t length = taken->length + separator.length;
    *text = (struct span){text->at + length, text->length - length};
    return true;
}

static bool is_printable(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < ' ' || text.at[i] > '~')
            return false;
    }
    return text.length > 0;
}

static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!text_is_tchar((unsigned char)text.at[i]))
            return false;
    }
    return text.length > 0;
}

static bool read_request_line(struct span line, struct asked *asked)
{
    if (!take_until(&line, SPAN(" "), &asked->method) || !take_until(&line, SPAN(" "), &asked->target))
        return false;
    for (size_t i = 0; i < asked->method.length; i++) {
        if (asked->method.at[i] < 'A' || asked->method.at[i] > 'Z')
            return false;
    }
    asked->minor_version = span_equal(line, SPAN("HTTP/1.1"));
    return (asked->minor_version == 1 || span_equal(line, SPAN("HTTP/1.0"))) && asked->method.length > 0 &&
           is_printable(asked->target);
}

/* Returns false if the field makes the request too odd for this parser. */
static bool read_field(struct span line, struct asked *asked, uint64_t *body)
{
    struct span name;
    if (!take_until(&line, SPAN(":"), &name) || !is_token(name))
        return false;
    struct span value = span_trim(line);
    if (value.length > 0 && !is_printable(value))
        return false;
    if (span_equal_nocase(name, SPAN("Transfer-Encoding")) || span_equal_nocase(name, SPAN("Expect")))
        return false;
    if (span_equal_nocase(name, SPAN("Content-Length"))) {
        if (*body != UINT64_MAX || value.length > 6 || !span_to_number(value, body) || *body > BODY_MAX)
            return false;
    } else if (span_equal_nocase(name, SPAN("Connection"))) {
        asked->close |= span_equal_nocase(value, SPAN("close"));
    } else if (!span_equal_nocase(name, SPAN("Host"))) {
        asked->plain = false;
    }
    return true;
}

struct asked asked_next(struct span *sent)
{
    struct asked asked = {.known = true, .plain = true};
    struct span head, line;
    uint64_t body = UINT64_MAX;
    unsigned fields = 0;
    *sent = request_skip_empty_lines(*sent);
    if (!take_until(sent, SPAN("\r\n\r\n"), &head) || head.length > HEAD_MAX)
        return UNKNOWN;
    head.length += 2;
    take_until(&head, SPAN("\r\n"), &line);
    if (!read_request_line(line, &asked))
        return UNKNOWN;
    while (head.length > 0) {
        take_until(&head, SPAN("\r\n"), &line);
        if (++fields > FIELDS_MAX || !read_field(line, &asked, &body))
            return UNKNOWN;
    }
    if (body == UINT64_MAX)
        return asked;
    if (body > sent->length)
        return UNKNOWN;
    *sent = (struct span){sent->at + body, sent->length - body};
    return asked;
}

unsigned asked_heads(struct span sent)
{
    struct span head;
    unsigned heads = 0;
    while (take_until(&sent, SPAN("\r\n\r\n"), &head)) {
        heads++;
        sent = (struct span){sent.at - 2, sent.length + 2};
    }
    return heads;
}

#include "asked.h"

#include "grammar.h"

#include <string.h>

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

/* False for a field on which more than the framing depends. */
static bool is_plain(struct span name)
{
    return span_equal_nocase(name, SPAN("Host")) || span_equal_nocase(name, SPAN("Connection")) ||
           span_equal_nocase(name, SPAN("Content-Length")) || span_equal_nocase(name, SPAN("Transfer-Encoding"));
}

struct asked asked_next(struct span *sent)
{
    static struct grammar grammar;
    grammar_read(&grammar, *sent);
    if (grammar.match != FITS || grammar.faults != 0 || grammar.choices != 0 || grammar.expects_continue)
        return (struct asked){0};
    *sent = span_from(*sent, grammar.used);
    struct asked asked = {true, grammar.method, grammar.target, grammar.minor_version, true, !grammar.keep_alive};
    for (unsigned i = 0; i < grammar.count; i++)
        asked.plain &= is_plain(grammar.lines[i].name);
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

#include "exposed.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

bool exposed_begins(struct span text, struct span beginning)
{
    return text.length >= beginning.length && memcmp(text.at, beginning.at, beginning.length) == 0;
}

/* The text before the byte, which must occur; `*text` moves behind it. */
static struct span take_until(struct span *text, char end)
{
    CHECK(span_find(*text, end) < text->length);
    return fuzz_take_until(text, end);
}

static void check_name(struct span name)
{
    CHECK(name.length > 0 && !text_is_digit(name.at[0]));
    for (size_t i = 0; i < name.length; i++)
        CHECK(text_is_letter(name.at[i]) || text_is_digit(name.at[i]) || name.at[i] == '_');
}

/* NAME, or NAME{LABEL="VALUE"} of one label. */
static struct span check_labels(struct span name)
{
    size_t brace = span_find(name, '{');
    struct span bare = {name.at, brace}, labels = {name.at + brace, name.length - brace};
    check_name(bare);
    if (labels.length == 0)
        return bare;
    fuzz_expect(&labels, SPAN("{"));
    check_name(take_until(&labels, '='));
    fuzz_expect(&labels, SPAN("\""));
    struct span value = take_until(&labels, '"');
    CHECK(value.length > 0 && span_find(value, '\\') == value.length && span_equal(labels, SPAN("}")));
    return bare;
}

/* DIGITS, or DIGITS.DIGITS */
static double read_value(struct span text)
{
    char string[48];
    unsigned points = 0;
    CHECK(text.length > 0 && text.length < sizeof string && text_is_digit(text.at[0]) &&
          text_is_digit(text.at[text.length - 1]));
    for (size_t i = 0; i < text.length; i++) {
        points += text.at[i] == '.';
        CHECK(text_is_digit(text.at[i]) || (text.at[i] == '.' && points == 1));
    }
    memcpy(string, text.at, text.length);
    string[text.length] = '\0';
    return strtod(string, NULL);
}

/* Parses the samples of a family, after its two comment lines. Returns the text after them. */
static struct span read_family(struct span text, struct exposed *exposed)
{
    struct span help = take_until(&text, '\n'), type = take_until(&text, '\n');
    fuzz_expect(&help, SPAN("# HELP "));
    fuzz_expect(&type, SPAN("# TYPE "));
    struct span name = take_until(&help, ' ');
    check_name(name);
    CHECK(help.length > 0 && span_equal(take_until(&type, ' '), name));
    CHECK(span_equal(type, SPAN("counter")) || span_equal(type, SPAN("gauge")) || span_equal(type, SPAN("histogram")));
    while (text.length > 0 && text.at[0] != '#') {
        struct span value = take_until(&text, '\n'), full = take_until(&value, ' '), bare = check_labels(full);
        CHECK(exposed_begins(bare, name) && (bare.length == name.length) == !span_equal(type, SPAN("histogram")));
        CHECK(exposed->count < EXPOSED_MAX);
        for (unsigned i = 0; i < exposed->count; i++)
            CHECK(!span_equal(exposed->samples[i].name, full));
        exposed->samples[exposed->count++] = (struct exposed_sample){full, read_value(value)};
    }
    return text;
}

void exposed_read(struct span text, struct exposed *exposed)
{
    exposed->count = 0;
    while (text.length > 0)
        text = read_family(text, exposed);
}

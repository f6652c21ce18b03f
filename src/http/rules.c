#include "http/rules.h"

/* Shown of a value, so that a message stays one line on a terminal. */
enum { VALUE_SHOWN = 80, ESCAPED = 4 };

bool rules_refuse(const struct rules_reader *reader, struct span value, const char *advice)
{
    char room[ESCAPED * VALUE_SHOWN + 256];
    struct buffer message = BUFFER(room);
    bool cut = value.length > VALUE_SHOWN;
    if (cut) {
        value.length = VALUE_SHOWN;
        while (value.length > 0 && ((unsigned char)value.at[value.length] & 0xC0) == 0x80)
            value.length--;
    }
    buffer_byte(&message, '\'');
    buffer_plain(&message, value);
    buffer_string(&message, cut ? "...' " : "' ");
    buffer_string(&message, advice);
    buffer_byte(&message, '\0');
    reader->report(reader->context, reader->line, buffer_filled(&message).at);
    return false;
}

/* Also form feeds and the like, which Unicode counts as white space. */
static bool has_control(struct span line)
{
    for (size_t i = 0; i < line.length; i++) {
        unsigned char byte = (unsigned char)line.at[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7F)
            return true;
    }
    return false;
}

static bool is_good(const struct rules_reader *reader, struct span line)
{
    if (line.length > LIMIT_RULES_LINE)
        return rules_refuse(reader, line, "is a line of more than 2000 bytes; shorten it");
    if (has_control(line))
        return rules_refuse(reader, line, "has a control character; remove it");
    if (!text_is_utf8(line, false))
        return rules_refuse(reader, line, "is not UTF-8; save the file as UTF-8");
    return true;
}

struct span rules_clip(struct span text, enum rules_choice dialect)
{
    size_t max = rules_text_max(dialect);
    return text.length > max ? (struct span){text.at, max + 1} : text;
}

bool rules_next(struct rules_reader *reader, struct span *line)
{
    static const struct span mark = SPAN_INIT("\xEF\xBB\xBF");
    if (reader->line == 0 && span_begins(reader->rest, mark))
        span_take_until(&reader->rest, mark.at[2]);
    while (reader->rest.length > 0) {
        size_t before = reader->rest.length;
        struct span next = span_take_until(&reader->rest, '\n');
        reader->line++;
        reader->past += before - reader->rest.length;
        if (reader->past > rules_text_max(reader->dialect))
            return rules_refuse(reader, next,
                                reader->dialect == RULES_CLOUDFLARE
                                    ? "and all after it is ignored: the file is longer than 256 KiB"
                                    : "and all after it is ignored: the file is longer than 64 KiB");
        if (span_ends(next, SPAN("\r")))
            next.length--;
        *line = span_trim(next);
        if (line->length > 0 && line->at[0] != '#') {
            reader->bad = !is_good(reader, *line);
            return true;
        }
    }
    return false;
}

unsigned rules_count_lines(struct span text, unsigned max)
{
    unsigned lines = 1;
    for (size_t i = 0; i < text.length && lines < max; i++)
        lines += text.at[i] == '\n';
    return lines;
}

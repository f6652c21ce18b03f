/* What the rules of _redirects and _headers have in common: their lines, and the report of bad ones. */
#pragma once

#include "base/buffer.h"
#include "base/settings.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Takes a message about a line (from 1) that is ignored, for the terminal: values in it are escaped. It must not
   outlive the call. */
typedef void rules_report(void *context, unsigned line, const char *message);

/* The bytes of a file that are read; a caller reads one more, so that a longer file is reported. */
static inline size_t rules_text_max(enum rules_choice dialect)
{
    return dialect == RULES_CLOUDFLARE ? LIMIT_RULES_TEXT_CLOUDFLARE : LIMIT_RULES_TEXT;
}

/* The text up to one byte beyond rules_text_max: what is further is reported without being read. */
struct span rules_clip(struct span text, enum rules_choice dialect);

/* The lines of a file. */
struct rules_reader {
    struct span rest;
    size_t past; /* bytes that were read */
    enum rules_choice dialect;
    unsigned line; /* the current one */
    bool bad;      /* it was reported */
    rules_report *report;
    void *context;
};

/* Takes the next line that is no comment, trimmed. It is bad, and reported, unless it is valid UTF-8 without controls
   but tabs, and short enough. Skips a byte order mark; a line may end with CRLF. False at the end of the text or of
   rules_text_max. */
bool rules_next(struct rules_reader *reader, struct span *line);

/* Reports that the current line is ignored: the value in quotes, then the advice. Returns false. */
bool rules_refuse(const struct rules_reader *reader, struct span value, const char *advice);

/* The number of lines, bounded. */
unsigned rules_count_lines(struct span text, unsigned max);

/* What the rules of _redirects and _headers have in common: their lines, and the report of bad ones. */
#ifndef TINYHTTPD_HTTP_RULES_H
#define TINYHTTPD_HTTP_RULES_H

#include "base/buffer.h"
#include "base/settings.h"
#include "base/text.h"

/* Takes a message about a line (from 1) that is ignored, for the terminal; it must not outlive the call. Values in it are
   escaped as by buffer_plain. */
typedef void rules_report(void *context, unsigned line, const char *message);

/* The bytes of a file that are read; a caller reads one more, so that a longer file is reported. */
static inline size_t rules_text_max(enum rules_choice dialect)
{
    return dialect == RULES_CLOUDFLARE ? LIMIT_RULES_TEXT_CLOUDFLARE : LIMIT_RULES_TEXT;
}

#endif

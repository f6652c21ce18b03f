/* Maps a target to a file: its path, a directory's index, a page without ".html", the single file, or the page of
   --spa. */
#pragma once

#include "answer/exchange.h"

#include <stdbool.h>

enum lookup {
    LOOKUP_FILE,
    LOOKUP_DIRECTORY, /* the target lacks the slash: redirect */
    LOOKUP_MISSING,   /* no file; the target may name a directory to list */
    LOOKUP_ABOVE,     /* above --base: redirect to the site's root */
    LOOKUP_OUTSIDE,   /* elsewhere outside --base */
    LOOKUP_REDIRECT,  /* by a rule of _redirects */
    LOOKUP_PAGE,      /* a file for another status than 200, which a rule of _redirects gives */
    LOOKUP_ERROR,     /* with the exchange's status */
};

/* Takes --base off the target, finds a file or directory, and sets the exchange's entry and path. Sets `varies` if the
   result depends on the kind of client. */
enum lookup lookup_find(struct exchange *exchange);

/* True if the target is hidden (target.h), and --dotfiles does not serve such paths. */
bool lookup_is_hidden(const struct exchange *exchange);

/* After LOOKUP_OUTSIDE, writes the reason. */
void lookup_explain_base(struct exchange *exchange);

/* After LOOKUP_MISSING, finds the reason if the client or the log may see it. Overwrites the target's room. */
void lookup_explain(struct exchange *exchange);

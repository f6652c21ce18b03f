/*
 * What a target names: a file by its path, the index of a directory, a page by its name without ".html", the one file
 * that is served, an application's page, or nothing.
 */
#ifndef TINYHTTPD_ANSWER_LOOKUP_H
#define TINYHTTPD_ANSWER_LOOKUP_H

#include "answer/exchange.h"

#include <stdbool.h>

enum lookup {
    LOOKUP_FILE,
    LOOKUP_DIRECTORY, /* its address lacks the slash */
    LOOKUP_NOTHING,
    LOOKUP_ERROR, /* the exchange has its status */
};

/* Finds it. With a file or a directory the exchange has its entry, and the path that it was found by. Where the answer
   depends on Accept, the response varies by it. */
enum lookup lookup_find(struct exchange *exchange);

/* True where the path has a segment that begins with a dot (target.h says which), and such are not served. */
bool lookup_is_hidden(const struct exchange *exchange);

/* Fills in the reason that nothing was found, if the client or the log wants it. Uses the target's room. */
void lookup_explain(struct exchange *exchange);

#endif

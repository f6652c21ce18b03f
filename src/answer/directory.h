/* Answers for directories: listings, and the redirect to an address with a slash. */
#ifndef TINYHTTPD_ANSWER_DIRECTORY_H
#define TINYHTTPD_ANSWER_DIRECTORY_H

#include "answer/exchange.h"

#include <stdbool.h>

enum directory {
    DIRECTORY_LISTED,
    DIRECTORY_NONE,  /* there is none at this path */
    DIRECTORY_ERROR, /* the exchange has its status */
};

/* True where the target names a directory, and the client may see what it holds. */
bool directory_may_list(struct exchange *exchange);

/* Begins the listing of the directory at the target's path, which lacks an index; it is the exchange's until it is
   answered. */
enum directory directory_open(struct exchange *exchange);

/* Answers with it. */
void directory_answer(struct exchange *exchange);

/*
 * Answers 302 to a directory without its slash, where relative links would go astray. The location is a path of this
 * server in any case: one slash, then the normalised path, so never "//host" (RFC 3986 4.2). Temporary, as browsers
 * keep a 301 for ever and the next preview on this port may be another site.
 */
void directory_redirect(struct exchange *exchange);

#endif

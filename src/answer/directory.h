/* Answers for directories: listings, and redirects to the address with a slash. */
#pragma once

#include "answer/exchange.h"

#include <stdbool.h>

enum directory {
    DIRECTORY_LISTED,
    DIRECTORY_NONE,  /* no directory has this path */
    DIRECTORY_ERROR, /* the exchange has its status */
};

/* True if the target ends with a slash, and the client may see a listing of it. */
bool directory_may_list(struct exchange *exchange);

/* Opens the listing of the target's directory. After DIRECTORY_LISTED, call directory_answer, or drop the listing. */
enum directory directory_open(struct exchange *exchange);

/* Answers with the open listing. */
void directory_answer(struct exchange *exchange);

/*
 * Redirects to the address with a slash, as relative links would be wrong without it. The Location is the last segment
 * of the target, relative to its address (RFC 9110 10.2.2): so it holds behind a proxy that removes a prefix, and never
 * leads to another host. 302, because browsers cache a 301 forever, and the next site on this port may be another.
 */
void directory_redirect(struct exchange *exchange);

/* Redirects to the site's root, below --base, in the same way. */
void directory_redirect_to_base(struct exchange *exchange);

/* Redirects with the exchange's status and location, which a rule or the addresses of a host gave; 414 if that is too
   long. */
void directory_redirect_to_location(struct exchange *exchange);

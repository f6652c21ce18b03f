/* Whether a browser asks for a page to show, and not for what a page is made of. */
#ifndef TINYHTTPD_HTTP_NAVIGATION_H
#define TINYHTTPD_HTTP_NAVIGATION_H

#include "http/request.h"

#include <stdbool.h>

/*
 * True for GET and HEAD where Accept names text/html itself, with a weight over 0 (RFC 9110 12.5.1). Browsers do so when
 * they navigate, and for nothing that a page loads; curl and fetch() name no type unless they are told to. Not
 * Sec-Fetch-Mode: browsers leave it out where the address is neither HTTPS nor local.
 */
bool navigation_is_asked(const struct request *request);

#endif

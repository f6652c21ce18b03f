/* Patterns of paths with wildcards, as in _redirects and _headers, and a set of them that is fast to search. */
#ifndef TINYHTTPD_HTTP_PATH_PATTERN_H
#define TINYHTTPD_HTTP_PATH_PATTERN_H

#include "base/limits.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a wildcard matched: a part of the path, or of the query. */
struct path_capture {
    struct span name; /* "splat" for "*" */
    struct span value;
    bool encoded; /* it is from the query: percent-encoded, "+" for a space */
};

#endif

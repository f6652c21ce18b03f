/* Conditional requests (RFC 9110 13): whether an answer is still wanted, given what the client has already. */
#ifndef TINYHTTPD_HTTP_CONDITIONAL_H
#define TINYHTTPD_HTTP_CONDITIONAL_H

#include "base/text.h"
#include "http/request.h"

#include <stdbool.h>
#include <stdint.h>

enum conditional {
    CONDITIONAL_PERFORM,      /* answer as if there were no condition */
    CONDITIONAL_NOT_MODIFIED, /* 304: the client has it already */
    CONDITIONAL_FAILED,       /* 412: it is not what the client expects */
};

/* For a file that has no date which tells its states apart: none that a client sends then stands for a state of it.
   If-Unmodified-Since counts all the same, as what changed later than its date is not what the client knows. */
#define CONDITIONAL_UNDATED INT64_MIN

/* What tells one state of a file from the next. The etag stays its owner's. */
struct validators {
    struct span etag; /* as it is sent, with its quotes; empty where there is none */
    int64_t modified; /* seconds since 1970, and not after now: when it changed last, as far as is known */
    int64_t last_modified; /* the same if it is given out as Last-Modified, or CONDITIONAL_UNDATED */
};

/*
 * Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since in the order of RFC 9110 13.2.2, for a
 * GET or a HEAD that would be answered with 200: whatever is answered otherwise is decided before (13.2.1). `now`, in
 * seconds since 1970, only decides the century of a date that gives two digits of its year.
 *
 * Never fails. What is malformed never matches: neither an If-Match, which then fails, nor an If-None-Match, which
 * then lets the whole file be sent. A date that is invalid, or stands on several lines, is ignored, as 13.1.3 and
 * 13.1.4 demand; for GET and HEAD that is harmless, as nothing is changed.
 */
enum conditional conditional_evaluate(const struct request *request, const struct validators *validators,
                                      int64_t now);

/*
 * True where a Range field is to be honoured: the method is GET, the only one that ranges are defined for (RFC 9110
 * 14.2), and If-Range is absent or names exactly this state of the file (13.1.5). Anything else in an If-Range,
 * malformed or on several lines, names none. To be asked after conditional_evaluate said CONDITIONAL_PERFORM. `now`
 * is the time of the answer, in seconds since 1970.
 */
bool conditional_range_applies(const struct request *request, const struct validators *validators,
                               int64_t now);

#endif

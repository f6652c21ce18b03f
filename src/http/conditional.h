/* Conditional requests (RFC 9110 13). */
#pragma once

#include "base/text.h"
#include "http/request.h"

#include <stdbool.h>
#include <stdint.h>

enum conditional {
    CONDITIONAL_PERFORM,      /* respond as if there were no condition */
    CONDITIONAL_NOT_MODIFIED, /* 304: the client has this state of the file */
    CONDITIONAL_FAILED,       /* 412: the file is not in the state that the client expects */
};

/* The fields of conditional_evaluate, as bits for request_has. */
#define CONDITIONAL_FIELDS \
    (1U << FIELD_IF_MATCH | 1U << FIELD_IF_UNMODIFIED_SINCE | 1U << FIELD_IF_NONE_MATCH | 1U << FIELD_IF_MODIFIED_SINCE)

/* The Last-Modified of a file whose date does not distinguish its states: no date from a client then matches it.
   If-Unmodified-Since still counts, as a later change is certainly unknown to the client. */
#define CONDITIONAL_UNDATED INT64_MIN

/* The validators of a file's current state. Borrows the etag. */
struct validators {
    struct span etag;      /* with its quotes, as sent; empty: none */
    int64_t modified;      /* last known change in seconds since 1970, not after now; CONDITIONAL_UNDATED: unknown */
    int64_t last_modified; /* the same if sent as Last-Modified, else CONDITIONAL_UNDATED */
};

/*@ predicate is_conditional(struct request *r, struct validators *v) = is_request(r) && \valid_read(v) &&
        readable(v->etag); */

/*
 * Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since in the order of RFC 9110 13.2.2, for a
 * GET or a HEAD that would get a 200; other statuses take precedence (13.2.1). `now`, in seconds since 1970, only
 * decides the century of a two-digit year.
 *
 * Never fails. A malformed field never matches: If-Match then gives 412, and If-None-Match the whole file. A date that
 * is invalid or on several lines is ignored, as 13.1.3 and 13.1.4 require; GET and HEAD change nothing, so that is
 * harmless.
 */
/*@ requires is_conditional(request, validators); assigns \nothing; */
enum conditional conditional_evaluate(const struct request *request, const struct validators *validators, int64_t now);

/* True if a Range field applies: the method is GET, the only one that defines ranges (RFC 9110 14.2), and If-Range is
   absent or names exactly this state of the file (13.1.5). An If-Range that is malformed or on several lines names
   none. Call it after conditional_evaluate returned CONDITIONAL_PERFORM. `now` is the time of the response, in seconds
   since 1970. */
/*@ requires is_conditional(request, validators); assigns \nothing; */
bool conditional_range_applies(const struct request *request, const struct validators *validators, int64_t now);

/* The result of one condition. */
enum condition {
    CONDITION_ABSENT,
    CONDITION_SUPERSEDED, /* ignored: If-Match or If-None-Match takes its place */
    CONDITION_INVALID,    /* ignored: not one valid date */
    CONDITION_UNDATED,    /* ignored: the response has no Last-Modified */
    CONDITION_TRUE,
    CONDITION_FALSE,
};

/* Evaluates a condition by itself, for an explanation: If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since
   or If-Range, in the terms of RFC 9110 13.1. */
/*@ requires is_conditional(request, validators) && field < FIELD_OTHER; assigns \nothing; */
enum condition conditional_result(const struct request *request, enum request_field field,
                                  const struct validators *validators, int64_t now);

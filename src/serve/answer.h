/* The policy: a request in, a response out. Reads as a table of contents of what the server does. */
#ifndef TINYHTTPD_SERVE_ANSWER_H
#define TINYHTTPD_SERVE_ANSWER_H

#include "http/request.h"
#include "http/response.h"
#include "serve/policy.h"
#include "site/store.h"

/* The site as one answer sees it. */
struct view {
    struct store *store;
    bool beside;        /* this client is on this machine: it may know what is not served, and why */
    struct buffer *why; /* gets the reason of a 404, for the log and `beside`; NULL where nobody wants it */
    uint64_t turn;      /* of store_find: whose looks at the disk the answer may share; 0 for nobody's */
    int64_t now;        /* seconds since 1970 */
    const char *date;   /* the same, as date_write writes it */
    bool draining;      /* the server is about to end */
    const struct policy *policy;
    bool guarded; /* only names of this machine, and allowed ones, are answered to */
};

/*
 * Fills `response`, which was made by response_init, with the answer to a request in any state but REQUEST_HEAD.
 * An entry that the response borrows from comes back in `*held`, to be released when the response has been sent; NULL
 * where there is none.
 */
void answer(const struct view *view, const struct request *request, struct response *response,
            struct entry **held);

#endif

/* What an answer may know besides the request: all that makes one needs it. */
#ifndef TINYHTTPD_SERVE_VIEW_H
#define TINYHTTPD_SERVE_VIEW_H

#include "base/buffer.h"
#include "serve/client.h"
#include "serve/metrics.h"
#include "serve/policy.h"
#include "site/reason.h"
#include "site/store.h"

#include <stdbool.h>
#include <stdint.h>

/* The site as one answer sees it. */
struct view {
    struct store *store;
    const struct client *client;
    struct reason *why; /* gets the reason of a 404 where the client may know it, or the log wants it */
    bool logs_why;      /* it does */
    uint64_t turn;      /* of store_find: whose looks at the disk the answer may share; 0 for nobody's */
    int64_t now;        /* seconds since 1970 */
    const char *date;   /* the same, as date_write writes it */
    bool draining;      /* the server is about to end */
    const struct policy *policy;
    struct metrics *metrics; /* of any worker, or NULL */
    bool guarded;            /* only names of this machine, and allowed ones, are answered to */
};

#endif

/*
 * The selected representation (RFC 9110 3.2): a file in the form that is sent. First it is the original, then it
 * becomes another form where the request asks for one. What is put together for it lives in the response's text.
 */
#ifndef TINYHTTPD_SERVE_SELECTED_H
#define TINYHTTPD_SERVE_SELECTED_H

#include "http/request.h"
#include "http/response.h"
#include "serve/view.h"

#include <stdbool.h>

struct selected {
    struct entry *entry;
    struct span type;   /* of the original, also for an encoded form */
    struct span coding; /* empty for the original */
    struct span etag;
    struct span cache; /* the line of Cache-Control, the same for all forms */
    bool live;         /* the script of live reload follows it */
    bool steady;       /* what is said of it stays the same as long as the entry */
    bool dated;        /* its date tells its states apart */
};

/* The original, which borrows from the entry. `path` is what the store found it by. */
struct selected selected_original(const struct view *view, struct entry *entry, struct span path);

/* Its description, for response_describe. Borrows from `selected` and its entry. */
struct representation selected_describe(const struct selected *selected);

/*
 * Chooses the form of the file that the client wants most (RFC 9110 12.5.3), and makes its entry the one that is held:
 * where that is a sibling's, it gives `*held` back to the store. False where no form is acceptable.
 */
bool selected_negotiate(const struct view *view, const struct request *request, struct response *response,
                        struct entry **held, struct selected *selected);

/* With --watch, a page to show gets the script after its own octets, and a validator of its own (RFC 9110 8.8.3).
   Returns whether it is such a page. */
bool selected_make_live(const struct view *view, const struct request *request, struct response *response,
                        struct selected *selected);

#endif

/* The policy: a request in, a response out. Reads as a table of contents of what the server does. */
#ifndef TINYHTTPD_SERVE_ANSWER_H
#define TINYHTTPD_SERVE_ANSWER_H

#include "http/request.h"
#include "http/response.h"
#include "serve/view.h"

/*
 * Fills `response`, which was made by response_init, with the answer to a request in any state but REQUEST_HEAD.
 * An entry that the response borrows from comes back in `*held`, to be released when the response has been sent; NULL
 * where there is none.
 */
void answer(const struct view *view, const struct request *request, struct response *response,
            struct entry **held);

#endif

/* A request in, a response out. Reads as a table of contents of what the server does. */
#ifndef TINYHTTPD_ANSWER_ANSWER_H
#define TINYHTTPD_ANSWER_ANSWER_H

#include "answer/exchange.h"

/*
 * Fills in the response, which was made by response_init, with the answer to a request in any state but REQUEST_HEAD. The
 * exchange has its context, request, response, client and the rooms of its target and reason; the rest is zero. An entry
 * that the response borrows from is left in it, to be released when the response has been sent.
 */
void answer(struct exchange *exchange);

#endif

/*
 * The selected representation (RFC 9110 3.2): a file in the form that is sent. First it is the original, then it becomes
 * another form where the request asks for one. What is put together for it lives in the response's text.
 */
#ifndef TINYHTTPD_ANSWER_REPRESENTATION_H
#define TINYHTTPD_ANSWER_REPRESENTATION_H

#include "answer/exchange.h"

#include <stdbool.h>

/* Describes the exchange's entry as it is. */
void representation_of_original(struct exchange *exchange);

/*
 * Chooses the form of the file that the client wants most (RFC 9110 12.5.3), and makes its entry that of the exchange:
 * where that is a sibling's, it gives the original's back to the store. False where no form is acceptable.
 */
bool representation_negotiate(struct exchange *exchange);

/* With --watch, a page to show gets the script after its own bytes, and a validator of its own (RFC 9110 8.8.3).
   Returns whether it is such a page. */
bool representation_add_script(struct exchange *exchange);

#endif

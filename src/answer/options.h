/* The answer to OPTIONS, and to the preflight of a cross-origin request. */
#ifndef TINYHTTPD_ANSWER_OPTIONS_H
#define TINYHTTPD_ANSWER_OPTIONS_H

#include "answer/exchange.h"

/* Answers 204 to OPTIONS (RFC 9110 9.3.7), and to a preflight where --cors is given. */
void options_answer(struct exchange *exchange);

#endif

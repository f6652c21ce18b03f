/*
 * Explanations: a local client that sends 'Tinyhttpd-Explain: 1' gets, instead of a response, the decisions that led to
 * it. They are read from the real response after it is made, so that other requests cost nothing.
 */
#pragma once

#include "answer/exchange.h"

#include <stdbool.h>

/* True if the client asks for an explanation, and may have it: it is local, or its address is and its host is refused.
   No script of another site may read one, and a bad request has none, as its fields are uncertain. */
bool explain_applies(struct exchange *exchange);

/* Replaces the finished response by its explanation, if one applies: 200, text/plain. Releases the exchange's entry. */
void explain(struct exchange *exchange);

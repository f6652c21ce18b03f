/* Answers to OPTIONS, and to the preflights of cross-origin requests. */
#pragma once

#include "answer/exchange.h"

/* The longest list of field names that a preflight response repeats. A page sends a few; this has room for dozens. */
enum { OPTIONS_FIELDS_MAX = 1024 };

/* Answers 204 with Allow (RFC 9110 9.3.7); with --cors, allows a preflight. */
void options_answer(struct exchange *exchange);

/* Answers a request: decides on an outcome, and makes its response. */
#pragma once

#include "answer/exchange.h"

/*
 * Completes a response (from response_init) to a request in any state but REQUEST_HEAD. The caller sets the exchange's
 * context, request, response, client, iteration, check_host, target and reason; the rest is zero. Once the response is
 * sent, it releases the exchange's entry, if there is one.
 */
void answer(struct exchange *exchange);

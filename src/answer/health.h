/* The health address, for container health checks and load balancers. */
#pragma once

#include "answer/exchange.h"

/* False while the worker drains or the root is missing. */
bool health_is_good(const struct exchange *exchange);

/* Answers 200, or 503 while it is not good. Call health_is_good before. */
void health_answer(struct exchange *exchange);

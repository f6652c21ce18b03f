/* The health address, for container health checks and load balancers. */
#ifndef TINYHTTPD_ANSWER_HEALTH_H
#define TINYHTTPD_ANSWER_HEALTH_H

#include "answer/exchange.h"

/* Answers 200, or 503 while the worker drains. */
void health_answer(struct exchange *exchange);

#endif

/* The server's health, for container health checks and load balancers. */
#ifndef TINYHTTPD_ANSWER_HEALTH_H
#define TINYHTTPD_ANSWER_HEALTH_H

#include "answer/exchange.h"

#include <stdbool.h>

/* True for GET and HEAD of the health address. */
bool health_is_asked_for(const struct exchange *exchange);

/* Answers 200, or 503 while the server drains: a client whose answer is still being sent may ask then. Not logged. */
void health_answer(struct exchange *exchange);

#endif

/* The server's counters in Prometheus's text format, version 0.0.4. */
#ifndef TINYHTTPD_ANSWER_METRICS_TEXT_H
#define TINYHTTPD_ANSWER_METRICS_TEXT_H

#include "answer/exchange.h"
#include "base/buffer.h"
#include "base/metrics.h"

#include <stdbool.h>

#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends all of it, at most 4 KiB. */
void metrics_text_write(struct buffer *text, const struct metrics_totals *totals);

/* True for a GET or HEAD of the path that --metrics gives; a scraper may add parameters, which mean nothing here. */
bool metrics_text_is_asked_for(const struct exchange *exchange);

/* Answers it; unlogged. */
void metrics_text_answer(struct exchange *exchange);

#endif

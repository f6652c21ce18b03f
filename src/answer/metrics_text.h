/* The metrics of all workers in Prometheus's text format, version 0.0.4. */
#pragma once

#include "answer/exchange.h"
#include "base/buffer.h"
#include "base/metrics.h"

#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends all metrics, at most 4 KiB. */
void metrics_text_write(struct buffer *text, const struct metrics_totals *totals);

/* Answers with the metrics. */
void metrics_text_answer(struct exchange *exchange);

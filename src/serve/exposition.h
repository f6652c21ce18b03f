/* The server's counters in Prometheus's text format, version 0.0.4. */
#ifndef TINYHTTPD_SERVE_EXPOSITION_H
#define TINYHTTPD_SERVE_EXPOSITION_H

#include "base/buffer.h"
#include "http/request.h"
#include "http/response.h"
#include "serve/metrics.h"
#include "serve/view.h"

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends all of it, at most 4 KiB. */
void exposition_write(struct buffer *text, const struct metrics_totals *totals);

/* True for a GET or HEAD of the path that --metrics gives; a scraper may add parameters, which mean nothing here. */
bool exposition_is_asked_for(const struct view *view, const struct request *request);

/* Answers it; unlogged. */
void exposition_answer(const struct view *view, const struct request *request, struct response *response);

#endif

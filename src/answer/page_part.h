/* What the pages of the site did not get: for --strict, which makes it the exit status. */
#pragma once

#include "answer/exchange.h"

/*
 * Counts the finished response if a page of this server loads a part by it and does not get it: a status of 400 or
 * more, or a type that browsers refuse for a script or a stylesheet (Fetch, "blocked due to nosniff"). Not for a page
 * that is opened, and not for what browsers ask for by themselves, such as /favicon.ico.
 */
void page_part_check(const struct exchange *exchange);

/* True for a report of the live-reload script, which is no check. */
bool page_part_is_report(const struct exchange *exchange);

/* Answers 204, logs the error in a page that the script reports, and counts it for --strict. */
void page_part_answer_report(struct exchange *exchange);

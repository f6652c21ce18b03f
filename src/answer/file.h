/* Responses from files: conditions, encodings, ranges. */
#pragma once

#include "answer/exchange.h"

/* Answers with the exchange's entry, a file. If an encoded sibling is sent, that becomes the entry. */
void file_answer(struct exchange *exchange);

/*
 * Answers 404, or 204 to a check of the live-reload script, with the site's 404.html, or else with a generated page.
 * Ignores conditions and ranges, which apply to responses of 200 (RFC 9110 13.2.1). The exchange has no entry before;
 * 404.html becomes its entry.
 */
void file_answer_missing(struct exchange *exchange);

/* Answers with the exchange's file and another status than 200, or 204 to a check, in the same way. */
void file_answer_page(struct exchange *exchange, int status);

/* The pages of errors and redirects, as HTML or plain text. */
#pragma once

#include "answer/exchange.h"
#include "base/limits.h"

/* RFC 9110 15.5.6, 9.3.7 */
#define ERROR_ALLOW "Allow: GET, HEAD, OPTIONS\r\n"

/* The longest line is a Location: percent-encoding triples a path, and the query of one that leads to --base. */
enum { ERROR_LINE_MAX = 3 * LIMIT_TARGET + TARGET_START_MAX + 32 };

/*
 * Answers with the page of a status, and finishes the response. `line` is one more header line with its CRLF, or
 * empty.
 *
 * 302 needs a Location. 403 rejects a load by another site's page, or the exchange's host, and says how to allow it:
 * DNS rebinding makes a browser on this machine send a foreign name, by which another site's page could read the
 * files.
 */
void error_answer(struct exchange *exchange, int status, struct span line);

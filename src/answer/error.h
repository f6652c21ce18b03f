/*
 * The pages that the server makes itself, of errors and redirects: HTML or plain text, as the request wants it. Each function
 * that answers finishes the response.
 */
#ifndef TINYHTTPD_ANSWER_ERROR_H
#define TINYHTTPD_ANSWER_ERROR_H

#include "answer/exchange.h"
#include "base/buffer.h"

/* RFC 9110 15.5.6, 9.3.7 */
#define ERROR_ALLOW "Allow: GET, HEAD, OPTIONS\r\n"

/* Appends the lines of a page's type and its Content-Security-Policy. */
void error_append_lines(const struct config *config, struct buffer *lines, struct span type,
                        struct span policy);

/* The type of the page that the client gets. */
struct span error_page_type(struct exchange *exchange);

/* Answers with a page that says `sentence`; `lines` are whole lines of its head. */
void error_answer_page(struct exchange *exchange, int status, struct span sentence, struct span lines);

/* Answers with the page of an error. `line` is a field that goes with this error, with its line's end, or empty. */
void error_answer(struct exchange *exchange, int status, struct span line);

/*
 * Answers 403 to a foreign name that DNS may have led here: a page from elsewhere that a browser on this machine shows
 * would read the site by it (DNS rebinding). Says how to allow the name. What is longer than any name is not repeated.
 */
void error_answer_foreign_host(struct exchange *exchange);

#endif

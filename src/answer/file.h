/* Answers from files: whole or in ranges, under conditions, in the form that the request asks for. */
#ifndef TINYHTTPD_ANSWER_FILE_H
#define TINYHTTPD_ANSWER_FILE_H

#include "answer/exchange.h"

/* Answers with the exchange's entry, which is a file's. Where its encoded sibling is sent, that becomes the entry. */
void file_answer(struct exchange *exchange);

/*
 * Answers 404 with the site's own page for what is missing, if it has one: as it is, without conditions or ranges,
 * which are for answers of 200 (RFC 9110 13.2.1). The page's entry, if any, becomes that of the exchange, which has none
 * before.
 */
void file_answer_missing(struct exchange *exchange);

#endif

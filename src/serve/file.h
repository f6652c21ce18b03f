/* Answers from files: whole or in ranges, under conditions, in the form that the request asks for. */
#ifndef TINYHTTPD_SERVE_FILE_H
#define TINYHTTPD_SERVE_FILE_H

#include "http/request.h"
#include "http/response.h"
#include "serve/view.h"

/* Answers with the file of `*entry`, which the store found by `path`. Where its encoded sibling is sent, the entry is
   given back and `*entry` becomes the sibling's. */
void file_answer(const struct view *view, const struct request *request, struct response *response,
                 struct entry **entry, struct span path);

/*
 * Answers 404 with the site's own page for what is missing, if it has one: as it is, without conditions or ranges,
 * which are for answers of 200 (RFC 9110 13.2.1). What the store found by the page's name, if anything, comes back in
 * `*held`, which is NULL before.
 */
void file_answer_missing(const struct view *view, const struct request *request, struct response *response,
                         struct entry **held);

#endif

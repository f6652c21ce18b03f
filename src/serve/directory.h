/* Directories without an index: their listings. */
#ifndef TINYHTTPD_SERVE_DIRECTORY_H
#define TINYHTTPD_SERVE_DIRECTORY_H

#include "http/request.h"
#include "http/response.h"
#include "http/target.h"
#include "serve/view.h"

#include <stdbool.h>

enum { DIRECTORY_LISTED = -1 }; /* in place of a status: it is answered */

/* Whether a directory without an index is listed to this client. */
bool directory_may_list(const struct view *view, const struct request *request, const struct target *target);

/*
 * Answers with the listing of the directory at `target`, in which no index was found. It is read anew for each request,
 * and its listing has no validators: it is never stale. Returns DIRECTORY_LISTED, or the status where there is none.
 */
int directory_answer(const struct view *view, const struct request *request, struct response *response,
                     struct target *target);

#endif

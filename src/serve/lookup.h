/*
 * What a target names: a file by its path, the index of a directory, a page by its name without ".html", the one file
 * that is served, an application's page, or nothing.
 */
#ifndef TINYHTTPD_SERVE_LOOKUP_H
#define TINYHTTPD_SERVE_LOOKUP_H

#include "http/request.h"
#include "http/response.h"
#include "http/target.h"
#include "serve/view.h"

#include <stdbool.h>

/*
 * Finds the file, or the directory that lacks its slash. Returns 0 with an entry, to be given back with store_release,
 * and the `*path` that it was found by, which may lie in the target's room; or a status. `*entry` is NULL before, and
 * stays so with a status. Only whether an application's page is meant depends on the request; the response then varies.
 */
int lookup_find(const struct view *view, const struct request *request, struct response *response,
                struct target *target, struct entry **entry, struct span *path);

/* True where the path has a segment that begins with a dot (target.h says which), and such are not served. */
bool lookup_is_hidden(const struct view *view, const struct target *target);

/* Fills in the view's `why` with the reason that nothing was found, if somebody wants it. Uses the target's room. */
void lookup_explain(const struct view *view, const struct request *request, struct target *target);

#endif

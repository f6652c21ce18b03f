/*
 * What the server says by itself, without a file: the pages of errors and redirects, HTML or plain text as the request
 * wants it, and the answers to OPTIONS and to the question whether it is well. Each of them finishes the response.
 */
#ifndef TINYHTTPD_SERVE_NOTICE_H
#define TINYHTTPD_SERVE_NOTICE_H

#include "base/buffer.h"
#include "http/request.h"
#include "http/response.h"
#include "http/target.h"
#include "serve/view.h"

#include <stdbool.h>

/* Appends the lines of a page's type and its Content-Security-Policy. */
void notice_append_lines(const struct view *view, struct buffer *lines, struct span type, struct span policy);

/* Answers with the page of an error. `line` is a field that goes with this error, with its line's end, or empty. */
void notice_error(const struct view *view, const struct request *request, struct response *response,
                  int status, struct span line);

/*
 * Answers 403 to a name that somebody's DNS may have led here: a page from elsewhere that a browser on this machine
 * shows would read the site by it (DNS rebinding). Says how to let the name in. What is longer than any name is not
 * repeated.
 */
void notice_foreign_host(const struct view *view, const struct request *request, struct response *response);

/*
 * Answers 302 to a directory without its slash, where relative links would go astray. The location is a path of this
 * server in any case: one slash, then the normalised path, so never "//host" (RFC 3986 4.2). Temporary, as browsers
 * keep a 301 for ever and the next preview on this port may be another site.
 */
void notice_redirect(const struct view *view, const struct request *request, struct response *response,
                     const struct target *target);

/* Answers 204 to OPTIONS (RFC 9110 9.3.7), and to a preflight where --cors is given. */
void notice_options(const struct view *view, const struct request *request, struct response *response);

/* True for GET and HEAD of the address where a machine asks whether this server takes requests. */
bool notice_asks_for_health(const struct request *request);

/* Answers 200, or 503 while the server drains: it lets nobody in then, but who is still being answered may have asked for
   this besides. Not logged. */
void notice_health(const struct view *view, const struct request *request, struct response *response);

#endif

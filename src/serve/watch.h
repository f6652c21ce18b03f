/* What --watch adds to the answers; site/live.h says how live reload works. */
#ifndef TINYHTTPD_SERVE_WATCH_H
#define TINYHTTPD_SERVE_WATCH_H

#include "http/request.h"
#include "http/response.h"
#include "serve/view.h"

#include <stdbool.h>

enum watch {
    WATCH_NONE,
    WATCH_PAGE,     /* a browser wants a page to show, which shall get the script */
    WATCH_QUESTION, /* the script asks for the validators of a file as it is on disk */
};

/* What the request is to live reload; always WATCH_NONE without --watch. */
enum watch watch_of(const struct view *view, const struct request *request);

/* True where the request is for the script itself; never without --watch. */
bool watch_asks_for_script(const struct view *view, const struct request *request);

/* Answers with the script, which is not logged. */
void watch_answer_script(const struct view *view, const struct request *request, struct response *response);

/* Answers a question about a file that is not there with 204: to the script, that is no error. */
void watch_answer_nothing(const struct view *view, const struct request *request, struct response *response);

/* Adds the element that loads the script to the body. `etag` as for live_append_element. */
void watch_add_element(struct response *response, struct span etag);

#endif

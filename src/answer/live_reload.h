/*
 * Live reload for `--watch`: a script at the end of a page asks, while its tab is seen, whether the page or what it
 * loaded has changed. No watcher and no open connection: the store's validators tell.
 */
#ifndef TINYHTTPD_ANSWER_LIVE_RELOAD_H
#define TINYHTTPD_ANSWER_LIVE_RELOAD_H

#include "answer/exchange.h"

#include <stdbool.h>

/* What a page's Content-Security-Policy has to allow for the script, appended to what it has. */
#define LIVE_RELOAD_POLICY "; script-src 'self'; connect-src 'self'"

/* What the request is to live reload; always LIVE_NONE without --watch. */
enum live live_reload_of(struct exchange *exchange);

/* True where the request is for the script itself; never without --watch. */
bool live_reload_is_script(const struct exchange *exchange);

/* Answers with the script, which is not logged. */
void live_reload_answer_script(struct exchange *exchange);

/* Answers a check of a file that is not there with 204: browsers write each 404 into the console. */
void live_reload_answer_nothing(struct exchange *exchange);

/* Adds the element that loads the script to the body. `etag` is the validator of the page without the element; empty for a
   page that is not there, which is asked for until it is. */
void live_reload_add_element(struct response *response, struct span etag);

#endif

/*
 * Live reload for --watch: a script at the end of a page polls, while its tab is visible, whether the page or a file
 * that it loaded has changed. It compares validators, so the server needs no file watcher and no open connection.
 */
#ifndef TINYHTTPD_ANSWER_LIVE_RELOAD_H
#define TINYHTTPD_ANSWER_LIVE_RELOAD_H

#include "answer/exchange.h"

/* RFC 8615 keeps sites' own files out of this path. */
#define LIVE_RELOAD_SCRIPT_PATH "/.well-known/tinyhttpd/live.js"

/* Appended to a page's Content-Security-Policy, allows the script. */
#define LIVE_RELOAD_POLICY "; script-src 'self'; connect-src 'self'"

/* The kind of the request; LIVE_NONE without --watch. */
enum live live_reload_of(struct exchange *exchange);

/* Answers with the script. */
void live_reload_answer_script(struct exchange *exchange);

/* Answers 204 to the check of a missing file, as browsers report each 404 in the console. */
void live_reload_answer_missing(struct exchange *exchange);

/* Adds the element that loads the script to the body. `etag` is the page's own, without the element; empty: the script
   waits until the page exists. */
void live_reload_add_element(struct response *response, struct span etag);

#endif

/*
 * Live reload for --watch: a script at the end of a page polls, while its tab is visible, whether the page or a file
 * that it loaded has changed. It compares validators, so the server needs no file watcher and no open connection.
 */
#pragma once

#include "answer/exchange.h"

/* The script's address, relative to any page, so that it holds behind every proxy's prefix and with a base element. RFC
   8615 keeps sites' own files out of this path. */
#define LIVE_RELOAD_SCRIPT ".well-known/tinyhttpd/live.js"

/* Appended to a page's Content-Security-Policy, allows the script. */
#define LIVE_RELOAD_POLICY "; script-src 'self'; connect-src 'self'"

/* The kind of the request; LIVE_NONE without --watch. */
enum live live_reload_of(struct exchange *exchange);

/* True for the script's path in any directory. */
bool live_reload_is_script(struct span path);

/* Answers with the script. */
void live_reload_answer_script(struct exchange *exchange);

/* Answers 204 to the check of a missing file, as browsers report each 404 in the console. */
void live_reload_answer_missing(struct exchange *exchange);

/* Adds the element that loads the script to the body. `etag` is the page's own, without the element; empty: the script
   waits until the page exists. */
void live_reload_add_element(struct response *response, struct span etag);

/* The longest entity tag of a listing, a number in quotes. */
enum { LIVE_RELOAD_ETAG_MAX = 20 };

/* Returns a producer of the page that `page` produces, with the element at its end. It owns `page`. NULL if memory is
   short. */
struct body_producer *live_reload_follow(struct body_producer *page, struct span etag);

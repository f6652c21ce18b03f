/*
 * Live reload for `--watch`: a script at the end of a page asks, while its tab is seen, whether the page or what it
 * loaded has changed. No watcher and no open connection: the store's validators tell.
 */
#ifndef TINYHTTPD_SITE_LIVE_H
#define TINYHTTPD_SITE_LIVE_H

#include "base/buffer.h"
#include "base/text.h"

/* Where the script is served, as a decoded path: a name that no site has of its own (RFC 8615). */
#define LIVE_PATH ".well-known/tinyhttpd/live.js"

/* The field that marks its questions, so that they are not logged. */
#define LIVE_FIELD "Tinyhttpd-Live"

/* The longest that live_append_tag writes besides the tag. */
enum { LIVE_TAG_MAX = 192 };

struct span live_script(void);

/* Appends the element that loads the script. `etag` is the validator of the page that it stands in, as it is without
   the element; empty for a page that is not there, which is asked for until it is. */
void live_append_tag(struct buffer *page, struct span etag);

#endif

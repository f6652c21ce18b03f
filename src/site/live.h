/*
 * Live reload for `--watch`: a script at the end of a page asks, while its tab is seen, whether the page or what it
 * loaded has changed. No watcher and no open connection: the store's validators tell.
 */
#ifndef TINYHTTPD_SITE_LIVE_H
#define TINYHTTPD_SITE_LIVE_H

#include "base/buffer.h"
#include "base/text.h"

/* Where the script is served: a path that no site has of its own (RFC 8615). Its questions have a field of the name
   "Tinyhttpd-Live", so that they can be told from others. */
#define LIVE_TARGET "/.well-known/tinyhttpd/live.js"
#define LIVE_TYPE "text/javascript; charset=utf-8"

/* What a page's Content-Security-Policy has to allow besides, after what it says already. */
#define LIVE_POLICY "; script-src 'self'; connect-src 'self'"

struct span live_script(void);

/* Appends the element that loads the script. `etag` is the validator of the page that it stands in, as it is without
   the element; empty for a page that is not there, which is asked for until it is. */
void live_append_element(struct buffer *page, struct span etag);

#endif

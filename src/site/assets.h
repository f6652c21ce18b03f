/* The styles and scripts that the server sends: the files under src/site/assets, compiled in. */
#ifndef TINYHTTPD_SITE_ASSETS_H
#define TINYHTTPD_SITE_ASSETS_H

#include "base/text.h"

/* The style of every page that the server makes. */
struct span assets_page_style(void);

/* What a listing has besides: its style, and the script that sorts and filters. */
struct span assets_listing_style(void);
struct span assets_listing_script(void);

/* The script of --watch (answer/live_reload). */
struct span assets_live_reload_script(void);

/* The Content-Security-Policy (CSP 3) of a page: nothing may load, and only these styles and this script, by their
   hashes, may do anything. Made at the first call. */
struct span assets_page_policy(void);
struct span assets_listing_policy(void);

#endif

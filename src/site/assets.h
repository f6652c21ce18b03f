/* The CSS and JavaScript of the server's own pages: the files of src/site/assets, compiled in. */
#pragma once

#include "base/text.h"

/* The style of every page. */
struct span assets_page_style(void);

/* Listings have a second style, and a script that sorts and filters. */
struct span assets_listing_style(void);
struct span assets_listing_script(void);

/* The script of --watch (answer/live_reload). */
struct span assets_live_reload_script(void);

/* The script that replaces a service worker of another site (answer/unregister). */
struct span assets_unregister_script(void);

/* The Content-Security-Policy (CSP 3) of error pages and of listings: nothing but their empty icon may load; inline,
   only these styles and this script are allowed, by their hashes. With `reloads`, a listing also loads the script of
   --watch. Built at the first call. */
struct span assets_page_policy(void);
struct span assets_listing_policy(bool reloads);

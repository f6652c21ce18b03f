/* How the pages look that the server makes itself, and what a listing does where scripts run. */
#ifndef TINYHTTPD_SITE_LOOK_H
#define TINYHTTPD_SITE_LOOK_H

#include "base/text.h"

/* The style of every page, what a listing needs besides, and its script. */
extern const struct span look_style;
extern const struct span look_listing_style;
extern const struct span look_listing_script;

/* The Content-Security-Policy (CSP 3) of a page: nothing may load, and only these styles and this script, by their
   hashes, may do anything. Made at the first call. */
struct span look_policy(void);
struct span look_listing_policy(void);

#endif

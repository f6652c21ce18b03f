/* File names with a hash of the content: the content behind such a name never changes, so it may be cached for ever. */
#ifndef TINYHTTPD_SITE_HASHED_NAME_H
#define TINYHTTPD_SITE_HASHED_NAME_H

#include "base/text.h"

#include <stdbool.h>

/*
 * True if the last name of the path looks like a bundler's: app.3f9c2a1b.js (webpack, parcel), index-DgT4x8Qz.css
 * (vite, rollup), chunk-ABCDEF12.mjs (esbuild), 6ce24c58023cc2f8.woff2 (Next). Never for HTML. False if in doubt: a
 * needless revalidation costs a round trip, but a cached file that changes after all is stale for a year.
 */
bool hashed_name_matches(struct span path);

#endif

/* Names that hold a hash of the content: what is behind such a name never changes. */
#ifndef TINYHTTPD_SITE_HASHED_NAME_H
#define TINYHTTPD_SITE_HASHED_NAME_H

#include "base/text.h"

#include <stdbool.h>

/*
 * True where the last name of a path is one that a bundler made of the content: app.3f9c2a1b.js (webpack, parcel),
 * index-DgT4x8Qz.css (vite, rollup), chunk-ABCDEF12.mjs (esbuild), 6ce24c58023cc2f8.woff2 (Next). Only for what such
 * tools emit, never for HTML. In doubt false: to ask for a file in vain costs a round trip, to keep one that changes
 * costs a reader the change.
 */
bool cache_name_has_hash(struct span path);

#endif

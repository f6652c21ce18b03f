/* The small pages that the server makes itself. */
#ifndef TINYHTTPD_SITE_PAGE_H
#define TINYHTTPD_SITE_PAGE_H

#include "base/buffer.h"

/* The type of such a page, and the policy that goes with it: nothing but its own style may load. */
#define PAGE_TYPE "text/html; charset=utf-8"
#define PAGE_POLICY "default-src 'none'; style-src 'unsafe-inline'"

/* Appends an HTML page that says `title` (a status with its reason) and one sentence more. Both are escaped. */
void page_write(struct buffer *page, struct span title, struct span sentence);

#endif

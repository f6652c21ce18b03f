/* The small pages that the server makes itself. */
#ifndef TINYHTTPD_SITE_PAGE_H
#define TINYHTTPD_SITE_PAGE_H

#include "base/buffer.h"

#define PAGE_TYPE "text/html; charset=utf-8"
#define PAGE_TEXT_TYPE "text/plain; charset=utf-8"

/* What a page says. Bytes of any kind: they are escaped for where they stand. */
struct page {
    struct span status; /* its number */
    struct span title;  /* its reason phrase */
    struct span sentence;
    struct span reason;     /* more, for the person at the terminal; or empty */
    struct span suggestion; /* a similar path to link to, without its first slash; empty: none */
    bool way_out;           /* there is a start page that is worth a link */
};

/* Appends the page as HTML, to be sent with assets_page_policy as its Content-Security-Policy. */
void page_write(struct buffer *out, const struct page *page);

/* Appends the same as one or two lines of plain text, for a program. */
void page_write_text(struct buffer *out, const struct page *page);

/* Appends how a page of ours begins, up to its title's text. */
void page_begin(struct buffer *out);

#endif

/* Error pages, and the beginning of every page. */
#pragma once

#include "base/buffer.h"

#define PAGE_TYPE "text/html; charset=utf-8"
#define PAGE_TEXT_TYPE "text/plain; charset=utf-8"

/* The content of a page, as raw bytes: page_write escapes them. */
struct page {
    struct span status; /* the number */
    struct span title;  /* the reason phrase */
    struct span sentence;
    struct span reason;     /* why there is no file (site/reason); or empty */
    struct span suggestion; /* a similar path to link to, without its first slash; or empty */
    struct span start;      /* the start page's address, relative to this page's, to link to; or empty */
    struct span base;       /* the path of the start page, without slashes at its ends; or empty */
};

/* Appends the page as HTML. Send it with assets_page_policy as its Content-Security-Policy. */
void page_write(struct buffer *out, const struct page *page);

/* Appends one or two lines of plain text, for programs. */
void page_write_text(struct buffer *out, const struct page *page);

/* Appends a path without slashes at its ends as HTML, and a slash unless it is empty. */
void page_append_base(struct buffer *out, struct span base);

/* Appends the beginning of any page, up to the title's text. */
void page_begin(struct buffer *out);

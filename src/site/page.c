#include "site/page.h"

#include "site/assets.h"

void page_begin(struct buffer *out)
{
    buffer_append(out, SPAN("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                            "<meta name=\"viewport\" content=\"width=device-width\">\n"
                            "<meta name=\"color-scheme\" content=\"light dark\">\n"
                            "<link rel=\"icon\" href=\"data:,\">\n<title>"));
}

void page_append_base(struct buffer *out, struct span base)
{
    buffer_html_name(out, base);
    if (base.length > 0)
        buffer_byte(out, '/');
}

static void append_suggestion(struct buffer *out, const struct page *page)
{
    buffer_append(out, SPAN("<p><a href=\""));
    buffer_append(out, page->start);
    buffer_uri_path(out, page->suggestion);
    buffer_append(out, SPAN("\">Go to /"));
    page_append_base(out, page->base);
    buffer_html_name(out, page->suggestion);
    buffer_append(out, SPAN("</a></p>\n"));
}

void page_write(struct buffer *out, const struct page *page)
{
    page_begin(out);
    buffer_html_name(out, page->status);
    buffer_byte(out, ' ');
    buffer_html_name(out, page->title);
    buffer_append(out, SPAN("</title>\n<style>"));
    buffer_append(out, assets_page_style());
    buffer_append(out, SPAN("</style>\n<main>\n<h1><span>"));
    buffer_html_name(out, page->status);
    buffer_append(out, SPAN("</span> "));
    buffer_html_name(out, page->title);
    buffer_append(out, SPAN("</h1>\n<p>"));
    buffer_html_name(out, page->sentence);
    buffer_append(out, SPAN("</p>\n"));
    if (page->reason.length > 0) {
        buffer_append(out, SPAN("<aside>"));
        buffer_html_name(out, page->reason);
        buffer_append(out, SPAN("</aside>\n"));
    }
    if (page->suggestion.length > 0)
        append_suggestion(out, page);
    if (page->start.length > 0) {
        buffer_append(out, SPAN("<p><a href=\""));
        buffer_append(out, page->start);
        buffer_append(out, SPAN("\">Go to the start page</a></p>\n"));
    }
    buffer_append(out, SPAN("</main>\n</html>\n"));
}

void page_write_text(struct buffer *out, const struct page *page)
{
    buffer_plain(out, page->status);
    buffer_byte(out, ' ');
    buffer_plain(out, page->title);
    buffer_append(out, SPAN(": "));
    buffer_plain(out, page->sentence);
    buffer_byte(out, '\n');
    if (page->reason.length == 0)
        return;
    buffer_plain(out, page->reason);
    buffer_byte(out, '\n');
}

#include "site/page.h"

void page_write(struct buffer *page, struct span title, struct span sentence)
{
    buffer_append(page, SPAN("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                             "<meta name=\"viewport\" content=\"width=device-width\">\n"
                             "<meta name=\"color-scheme\" content=\"light dark\">\n<title>"));
    buffer_html(page, title);
    buffer_append(page,
                  SPAN("</title>\n<style>body{font:1.1em/1.5 system-ui,sans-serif;max-width:34em;"
                       "margin:18vh auto;padding:0 1.5em}h1{font-size:1.5em}p{opacity:.75}</style>\n<h1>"));
    buffer_html(page, title);
    buffer_append(page, SPAN("</h1>\n<p>"));
    buffer_html(page, sentence);
    buffer_append(page, SPAN("</p>\n</html>\n"));
}

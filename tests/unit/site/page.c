/* The server's pages: parts of a request appear in them as text, never as markup. */
#include "site/page.h"

#include "base/buffer.h"
#include "base/sha256.h"
#include "site/assets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char room[8192];

static const char *written(const struct page *page)
{
    struct buffer out = {room, 0, sizeof room - 1, false};
    page_write(&out, page);
    assert_false(out.overflow);
    room[out.length] = '\0';
    return room;
}

static size_t count_of(const char *text, const char *piece)
{
    size_t count = 0;
    while ((text = strstr(text, piece)) != NULL) {
        text += strlen(piece);
        count++;
    }
    return count;
}

static const struct page missing = {
    .status = SPAN_INIT("404"),
    .title = SPAN_INIT("Not Found"),
    .sentence = SPAN_INIT("No file matches this address."),
    .start = SPAN_INIT("./../"),
};

static void pages_contain_status_title_and_sentence(void **state)
{
    (void)state;
    const char *page = written(&missing);
    assert_memory_equal(page, "<!doctype html>", 15);
    assert_int_equal(count_of(page, "<title>404 Not Found</title>"), 1);
    assert_int_equal(count_of(page, "<h1><span>404</span> Not Found</h1>"), 1);
    assert_int_equal(count_of(page, "<p>No file matches this address.</p>"), 1);
    assert_int_equal(count_of(page, "<p><a href=\"./../\">Go to the start page</a></p>"), 1);
    assert_int_equal(count_of(page, "<meta charset=\"utf-8\">"), 1);
    assert_int_equal(count_of(page, "<aside>"), 0);
}

static void empty_parts_are_left_out(void **state)
{
    (void)state;
    struct page page = missing;
    page.start = (struct span){NULL, 0};
    page.reason = SPAN("There is 'b'.");
    assert_int_equal(count_of(written(&page), "<a "), 0);
    assert_int_equal(count_of(room, "<aside>There is &#39;b&#39;.</aside>"), 1);
}

/* HTML 13.1.2.4: their end tags may not be left out. */
static void elements_have_their_end_tags(void **state)
{
    static const char *const names[] = {"title", "style", "main", "h1", "span", "aside", "a"};
    (void)state;
    struct page page = missing;
    page.reason = SPAN("There is 'b'.");
    page.suggestion = SPAN("b");
    written(&page);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char begin[16], begin_with_attributes[16], end[16];
        snprintf(begin, sizeof begin, "<%s>", names[i]);
        snprintf(begin_with_attributes, sizeof begin_with_attributes, "<%s ", names[i]);
        snprintf(end, sizeof end, "</%s>", names[i]);
        assert_true(count_of(room, end) > 0);
        assert_int_equal(count_of(room, end), count_of(room, begin) + count_of(room, begin_with_attributes));
    }
}

static void a_suggestion_is_a_link(void **state)
{
    (void)state;
    struct page page = missing;
    page.suggestion = SPAN("a dir/#\"b\".html");
    assert_int_equal(count_of(written(&page),
                              "<p><a href=\"./../a%20dir/%23%22b%22.html\">Go to /a dir/#&quot;b&quot;.html</a></p>"),
                     1);
    page.base = SPAN("a&b");
    assert_int_equal(count_of(written(&page), ">Go to /a&amp;b/a dir/#&quot;b&quot;.html</a></p>"), 1);
    page.suggestion = SPAN("b");
    page.start = SPAN("/");
    assert_int_equal(count_of(written(&page), "<p><a href=\"/b\">Go to /a&amp;b/b</a></p>"), 1);
    page.base = SPAN("a");
    assert_int_equal(count_of(written(&page), "<p><a href=\"/b\">Go to /a/b</a></p>"), 1);
    assert_int_equal(count_of(room, "<p><a href=\"/\">Go to the start page</a></p>"), 1);
    page.suggestion = (struct span){NULL, 0};
    assert_int_equal(count_of(written(&page), "<a "), 1);
}

static void all_texts_are_escaped(void **state)
{
    (void)state;
    struct span evil = SPAN("</title></p><script>alert(\"1\")</script>&'\n\xFF");
    struct page page = {evil, evil, evil, evil, evil, {NULL, 0}, evil};
    written(&page);
    assert_int_equal(count_of(room, "<script"), 0);
    assert_int_equal(count_of(room, "</title>"), 1);
    assert_int_equal(count_of(room, "&lt;/title&gt;&lt;/p&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"
                                    "&amp;&#39;\xE2\x90\x8A\xEF\xBF\xBD"),
                     8);
}

/* assets_page_policy: nothing loads but the empty icon, and no script runs. */
static void pages_load_nothing(void **state)
{
    (void)state;
    const char *page = written(&missing);
    const char *const loading[] = {"src=", "<script", "url(", "@import", "http:", "https:", "style=\""};
    for (size_t i = 0; i < sizeof loading / sizeof *loading; i++)
        assert_int_equal(count_of(page, loading[i]), 0);
    assert_int_equal(count_of(page, "<link"), 1);
    assert_int_equal(count_of(page, "<link rel=\"icon\" href=\"data:,\">"), 1);
    assert_string_equal(PAGE_TYPE, "text/html; charset=utf-8");
}

/* The hash is of the text between the tags (CSP 3 2.3.1). */
static void the_policy_allows_the_style_and_nothing_else(void **state)
{
    (void)state;
    char expected[512];
    struct buffer policy = BUFFER(expected);
    const char *style = strstr(written(&missing), "<style>") + strlen("<style>");
    buffer_append(&policy, SPAN("default-src 'none'; img-src data:; style-src "));
    sha256_append_source(&policy, (struct span){style, (size_t)(strstr(style, "</style>") - style)});
    buffer_append(&policy, SPAN("; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"));
    for (unsigned i = 0; i < 2; i++) /* built once */
        assert_true(span_equal(assets_page_policy(), buffer_span(&policy)));
}

static void programs_get_plain_text(void **state)
{
    (void)state;
    struct page page = missing;
    struct buffer out = BUFFER(room);
    page_write_text(&out, &page);
    assert_true(span_equal(buffer_span(&out), SPAN("404 Not Found: No file matches this address.\n")));
    out.length = 0;
    page.reason = SPAN("There is no 'a\nb\x1B'.");
    page_write_text(&out, &page);
    assert_true(span_equal(buffer_span(&out), SPAN("404 Not Found: No file matches this address.\n"
                                                   "There is no 'a\\x0Ab\\x1B'.\n")));
}

static void a_page_that_does_not_fit_overflows(void **state)
{
    (void)state;
    struct buffer out = {room, 0, 100, false};
    page_write(&out, &missing);
    assert_true(out.overflow);
    assert_true(out.length <= 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_contain_status_title_and_sentence),
        cmocka_unit_test(empty_parts_are_left_out),
        cmocka_unit_test(elements_have_their_end_tags),
        cmocka_unit_test(a_suggestion_is_a_link),
        cmocka_unit_test(all_texts_are_escaped),
        cmocka_unit_test(pages_load_nothing),
        cmocka_unit_test(the_policy_allows_the_style_and_nothing_else),
        cmocka_unit_test(programs_get_plain_text),
        cmocka_unit_test(a_page_that_does_not_fit_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

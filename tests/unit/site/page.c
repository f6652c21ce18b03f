/* The server's own pages: what comes from a request stands in them as text, never as markup. */
#include "site/page.h"

#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char room[4096];

/* A page, as a string. */
static const char *written(const char *title, const char *sentence)
{
    struct buffer page = {room, 0, sizeof room - 1, false};
    page_write(&page, span_of(title), span_of(sentence));
    assert_false(page.overflow);
    room[page.length] = '\0';
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

static void pages_say_what_they_are_given(void **state)
{
    (void)state;
    const char *page = written("404 Not Found", "There is nothing at this address.");
    assert_memory_equal(page, "<!doctype html>", 15);
    assert_int_equal(count_of(page, "<title>404 Not Found</title>"), 1);
    assert_int_equal(count_of(page, "404 Not Found</h1>"), 1);
    assert_int_equal(count_of(page, "There is nothing at this address.</p>"), 1);
    assert_int_equal(count_of(page, "<meta charset=\"utf-8\">"), 1);
}

static void titles_are_escaped(void **state)
{
    (void)state;
    const char *page = written("</title><script>alert(\"1\")</script>&'", "s");
    assert_int_equal(count_of(page, "<script"), 0);
    assert_int_equal(
        count_of(page, "&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;"), 2);
    assert_int_equal(count_of(page, "</title>"), 1);
}

static void sentences_are_escaped(void **state)
{
    (void)state;
    const char *page = written("t", "</p><img src=x onerror='alert(1)'>&amp;\"");
    assert_int_equal(count_of(page, "<img"), 0);
    assert_int_equal(
        count_of(page, "&lt;/p&gt;&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&amp;amp;&quot;</p>"), 1);
}

/* PAGE_POLICY: nothing loads but the page's own style. */
static void pages_load_nothing(void **state)
{
    (void)state;
    const char *page = written("t", "s");
    assert_int_equal(count_of(page, "src="), 0);
    assert_int_equal(count_of(page, "href="), 0);
    assert_int_equal(count_of(page, "<script"), 0);
    assert_int_equal(count_of(page, "url("), 0);
    assert_int_equal(count_of(PAGE_POLICY, "default-src 'none'"), 1);
    assert_string_equal(PAGE_TYPE, "text/html; charset=utf-8");
}

static void pages_that_do_not_fit_are_told(void **state)
{
    (void)state;
    struct buffer page = {room, 0, 100, false};
    page_write(&page, SPAN("t"), SPAN("s"));
    assert_true(page.overflow);
    assert_true(page.length <= 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_say_what_they_are_given),  cmocka_unit_test(titles_are_escaped),
        cmocka_unit_test(sentences_are_escaped),          cmocka_unit_test(pages_load_nothing),
        cmocka_unit_test(pages_that_do_not_fit_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

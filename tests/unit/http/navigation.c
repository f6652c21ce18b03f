/* Who asks for a page to show: Accept as browsers, tools and scripts send it. */
#include "http/navigation.h"

#include "fields.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_asked(const char *method, const char *lines)
{
    return navigation_is_asked(request_with(method, span_of(lines)));
}

static void navigations_name_html(void **state)
{
    static const struct {
        const char *lines;
        bool is;
    } rows[] = {
        /* Chrome, Firefox, Safari */
        {"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n", true},
        {"Accept: text/html\r\n", true},
        {"Accept: TEXT/HTML\r\n", true},
        {"Accept: image/png\r\nAccept: text/html\r\n", true},
        {"Accept: text/html ; charset=utf-8 ; q=0.1\r\n", true},
        {"Accept: text/html;q=1.0\r\n", true},
        {"Accept: text/html;q=0.001\r\n", true},
        {"Accept: text/html;q=0\r\n", false},
        {"Accept: text/html;level=1;Q=0.000\r\n", false},
        {"Accept: text/html;q=0, text/html\r\n", true},
        {"Accept: */*\r\n", false},
        {"Accept: text/*\r\n", false},
        {"Accept: text/css,*/*;q=0.1\r\n", false},
        {"Accept: image/avif,image/webp,*/*;q=0.8\r\n", false},
        {"Accept: text/htmlx\r\n", false},
        {"Accept: application/json\r\n", false},
        {"Accept:\r\n", false},
        {"Accept-Encoding: text/html\r\n", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (is_asked("GET", rows[i].lines) != rows[i].is)
            fail_msg("%s", rows[i].lines);
    }
}

static void only_reading_navigates(void **state)
{
    (void)state;
    assert_true(is_asked("HEAD", "Accept: text/html\r\n"));
    assert_false(is_asked("OPTIONS", "Accept: text/html\r\n"));
    assert_false(is_asked("POST", "Accept: text/html\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(navigations_name_html),
        cmocka_unit_test(only_reading_navigates),
    };
    return cmocka_run_group_tests(tests, guard_open, NULL);
}

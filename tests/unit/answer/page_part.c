/* Parts of the site's own pages that fail to load: which are counted, and what the script of --watch reports. */
#include "answer/page_part.h"

#include "asked.h"
#include "capture.h"

static int open_counted(void **state)
{
    int result = open_site(state);
    asked.metrics = metrics_open(1);
    asked.keeps_store = true; /* the response's file outlives ask() */
    return asked.metrics != NULL ? result : -1;
}

static int close_counted(void **state)
{
    metrics_close(asked.metrics);
    return close_site(state);
}

/* The last text that was counted since the last call, or NULL. */
static const char *counted(void)
{
    static struct metrics_totals totals;
    metrics_sum(asked.metrics, &totals);
    metrics_close(asked.metrics);
    asked.metrics = metrics_open(1);
    assert_true(totals.failures <= 1);
    return totals.failures > 0 ? totals.failed[0].path : NULL;
}

static void assert_counted(const char *request, const char *expected)
{
    ask(request);
    page_part_check(&asked.exchange);
    const char *text = counted();
    if (expected == NULL ? text != NULL : text == NULL || strcmp(text, expected) != 0)
        fail_msg("'%s', not '%s' of\n%s", text != NULL ? text : "none", expected != NULL ? expected : "none", request);
}

#define BY_PAGE "Referer: http://localhost/dir/page?q\r\n"
#define BY_SCRIPT BY_PAGE "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Dest: script\r\n"

static void missing_parts_of_own_pages_are_counted(void **state)
{
    static const struct {
        const char *request, *text;
    } rows[] = {
        {GET("/missing.js", BY_PAGE), "/dir/page -> /missing.js: 404"},
        {GET("/missing.js?v=1", BY_PAGE "Accept: */*\r\n"), "/dir/page -> /missing.js: 404"},
        {GET("/missing.js", "Referer: http://localhost\r\n"), "a page -> /missing.js: 404"},
        {GET("/missing.js", BY_SCRIPT), "/dir/page -> /missing.js: 404"},
        {GET("/missing.js", "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Dest: script\r\n"), "a page -> /missing.js: 404"},
        {GET("/missing", BY_PAGE "Accept: text/html,*/*\r\n"), NULL}, /* a link */
        {GET("/missing", BY_PAGE "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Dest: document\r\n"), NULL},
        {GET("/missing.js", BY_PAGE "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: script\r\n"), NULL},
        {GET("/missing.js", "Referer: http://other.example/\r\n"), NULL},
        {GET("/missing.js", "Referer: http://localhost:81/\r\n"), NULL},
        {GET("/missing.js", ""), NULL},
        {GET("/favicon.ico", BY_PAGE), NULL},
        {GET("/.well-known/x", BY_SCRIPT), NULL},
        {GET("/file.txt", BY_PAGE), NULL},
        {GET("/file.txt", BY_PAGE "Range: bytes=99-\r\n"), "/dir/page -> /file.txt: 416"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_counted(rows[i].request, rows[i].text);
}

/* Fetch, "Should response to request be blocked due to nosniff?" */
static void types_that_browsers_refuse_are_counted(void **state)
{
    static const char *const scripts[] = {"script",        "worker",       "sharedworker",
                                          "serviceworker", "audioworklet", "paintworklet"};
    static const char *const others[] = {"image", "font", "empty", "style-src"};
    static const char *const types[] = {"text/JavaScript", "text/ecmascript", "text/jscript", "text/livescript"};
    char request[256];
    static const char form[] = "GET /file.txt HTTP/1.1\r\nHost: localhost\r\n" BY_PAGE
                               "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Dest: %s\r\n\r\n";
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        snprintf(request, sizeof request, form, scripts[i]);
        assert_counted(request, "/dir/page -> /file.txt: refused, its type is text/plain");
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(request, sizeof request, form, others[i]);
        assert_counted(request, NULL);
    }
    snprintf(request, sizeof request, form, "style");
    assert_counted(request, "/dir/page -> /file.txt: refused, its type is text/plain");
    assert_counted(GET("/app.3f9c2a1b.js", BY_SCRIPT), NULL);
    assert_counted(GET("/style.css", BY_PAGE "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Dest: style\r\n"), NULL);
    close_store();
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        asked.settings.types[0] = (struct type_override){"txt", types[i]};
        asked.settings.type_count = 1;
        assert_counted(GET("/file.txt", BY_SCRIPT), NULL);
        close_store();
    }
    asked.settings.type_count = 0;
    asked.settings.headers[asked.settings.header_count++] = "X-Content-Type-Options: none";
    assert_counted(GET("/file.txt", BY_SCRIPT), NULL);
}

static void long_names_are_cut(void **state)
{
    enum { SHARE = (METRICS_PATH_MAX - 48) / 2 };
    char name[METRICS_PATH_MAX + 1], request[4 * METRICS_PATH_MAX], expected[2 * METRICS_PATH_MAX];
    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int length = SHARE - 2; length <= SHARE; length++) {
        int shown = length + 1 < SHARE ? length : SHARE - 1;
        snprintf(request, sizeof request,
                 "GET /%.*s HTTP/1.1\r\nHost: localhost\r\nReferer: http://localhost/%.*s\r\n\r\n", length, name,
                 length, name);
        snprintf(expected, sizeof expected, "/%.*s -> /%.*s: 404", shown, name, shown, name);
        assert_counted(request, expected);
    }
}

static const char *report(const char *value, const char *fields)
{
    char request[2048];
    snprintf(request, sizeof request,
             "HEAD /.well-known/tinyhttpd/live.js HTTP/1.1\r\nHost: localhost\r\n" BY_PAGE
             "Tinyhttpd-Live: %s\r\n%s\r\n",
             value, fields);
    struct capture errors = capture_begin(STDERR_FILENO);
    const char *response = ask(request);
    capture_end(&errors);
    assert_status(response, strstr(fields, "Tinyhttpd-Explain") != NULL ? 200 : 204);
    return captured;
}

static void reports_of_the_script_are_logged(void **state)
{
    (void)state;
    asked.settings.watch = true;
    assert_string_equal(report("a%20b%2", ""), "tinyhttpd: in the browser: /dir/page: a b2\n");
    assert_string_equal(report("%zz%C3%A9", ""), "tinyhttpd: in the browser: /dir/page: zz\xC3\xA9\n");
    assert_string_equal(report("2", "Sec-Fetch-Site: same-origin\r\n"), "tinyhttpd: in the browser: /dir/page: 2\n");
    assert_string_equal(report("a", "Sec-Fetch-Site: cross-site\r\n"), "");
    assert_string_equal(report("a", "Tinyhttpd-Explain: 1\r\n"), "");
    assert_null(counted());
    asked.settings.strict = true;
    report("a%0Ab", "");
    assert_string_equal(counted(), "/dir/page: a\nb");
}

static void checks_are_no_reports(void **state)
{
    (void)state;
    asked.settings.watch = true;
    ask("HEAD /about.html HTTP/1.1\r\nHost: localhost\r\nTinyhttpd-Live: 1\r\n\r\n");
    assert_false(page_part_is_report(&asked.exchange));
    ask("HEAD /about.html HTTP/1.1\r\nHost: localhost\r\nTinyhttpd-Live: 2\r\n\r\n");
    assert_true(page_part_is_report(&asked.exchange));
    ask(GET("/about.html", "Tinyhttpd-Live: 2\r\n"));
    assert_false(page_part_is_report(&asked.exchange));
    assert_counted("HEAD /missing HTTP/1.1\r\nHost: localhost\r\n" BY_PAGE "Tinyhttpd-Live: 1\r\n\r\n", NULL);
}

#define COUNTED_TEST(name) cmocka_unit_test_setup_teardown(name, open_counted, close_counted)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COUNTED_TEST(missing_parts_of_own_pages_are_counted),
        COUNTED_TEST(types_that_browsers_refuse_are_counted),
        COUNTED_TEST(long_names_are_cut),
        COUNTED_TEST(reports_of_the_script_are_logged),
        COUNTED_TEST(checks_are_no_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

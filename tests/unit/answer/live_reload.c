/* Live reload: the responses with the script, and the answers to its checks. */
#include "answer/live_reload.h"

#include "asked.h"

#define PAGE "Accept: text/html\r\n"
#define CHECK "Tinyhttpd-Live: 1\r\n"
#define ELEMENT "<script src=\".well-known/tinyhttpd/live.js\" data-etag='"

static int open_watched(void **state)
{
    int result = open_site(state);
    asked.settings.watch = true;
    return result;
}

static void navigations_get_the_script_after_the_page(void **state)
{
    (void)state;
    const char *response = ask(GET("/about.html", PAGE));
    assert_has(response, "\r\n\r\n<p>about</p>\n" ELEMENT "\"");
    assert_has(response, "-live\"\r\n"); /* a validator of its own (RFC 9110 8.8.3) */
    assert_has(response, "\r\nVary: Accept, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With\r\n");
}

static void other_responses_are_the_file(void **state)
{
    (void)state;
    assert_body(ask(GET("/about.html", "Accept: */*\r\n")), "<p>about</p>");
    assert_body(ask(GET("/about.html", PAGE "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n")), "<p>about</p>");
    assert_body(ask(GET("/about.html", PAGE "X-Requested-With: XMLHttpRequest\r\n")), "<p>about</p>");
    assert_body(ask(GET("/file.txt", PAGE)), "0123456789");
    assert_body(ask(GET("/about.html", PAGE "Range: bytes=0-2\r\n")), "<p>");
    assert_lacks(ask(GET("/about.html", PAGE "Range: bytes=0-2\r\n")), "-live\"");
    assert_false(asked.response.unlogged);
    assert_status(ask(GET("/missing", PAGE "Range: bytes=0-2\r\n")), 404);
    asked.settings.watch = false;
    assert_body(ask(GET("/about.html", PAGE)), "<p>about</p>");
}

static void checks_get_the_files_validators_and_are_not_logged(void **state)
{
    (void)state;
    const char *response = ask("HEAD /about.html HTTP/1.1\r\nHost: localhost\r\n" PAGE CHECK "\r\n");
    assert_status(response, 200);
    assert_lacks(response, "-live\"");
    assert_true(asked.response.unlogged);
    response = ask("HEAD /style.css HTTP/1.1\r\nHost: localhost\r\n" CHECK "Accept-Encoding: gzip\r\n\r\n");
    assert_lacks(response, "Content-Encoding:");
    assert_status(ask("HEAD /%zz HTTP/1.1\r\nHost: localhost\r\n" CHECK "\r\n"),
                  400); /* its page has the script, too */
    assert_true(asked.response.unlogged);
}

/* With --watch any client can send the field. */
static void other_requests_with_the_field_are_ordinary_and_logged(void **state)
{
    (void)state;
    assert_has(ask(GET("/about.html", PAGE CHECK)), ELEMENT);
    assert_false(asked.response.unlogged);
    assert_body(ask(GET("/file.txt", CHECK)), "0123456789");
    assert_false(asked.response.unlogged);
    assert_has(ask(GET("/style.css", CHECK "Accept-Encoding: gzip\r\n")), "\r\nContent-Encoding: gzip\r\n");
    assert_status(ask(GET("/missing", CHECK)), 404);
    assert_false(asked.response.unlogged);
    assert_status(ask(GET("/%zz", CHECK)), 400);
    assert_false(asked.response.unlogged);
}

/* Browsers report each 404 in the console. */
static void checks_of_missing_files_are_204(void **state)
{
    (void)state;
    const char *response = ask("HEAD /missing HTTP/1.1\r\nHost: localhost\r\n" CHECK "\r\n");
    assert_status(response, 204);
    asked.settings.watch = false;
    assert_status(ask("HEAD /missing HTTP/1.1\r\nHost: localhost\r\n" CHECK "\r\n"), 404);
}

static void error_pages_have_the_script(void **state)
{
    (void)state;
    const char *response = ask(GET("/missing.html", PAGE));
    assert_status(response, 404);
    assert_has(response, ELEMENT "'");
    assert_has(response, "; script-src 'self'; connect-src 'self'\r\n");
}

/* A browser leaves a 302 at once, and a foreign host can't load the script. */
static void redirects_and_foreign_hosts_have_no_script(void **state)
{
    (void)state;
    const char *response = ask(GET("/dir", PAGE));
    assert_status(response, 302);
    assert_lacks(response, "script");
    asked.check_host = true;
    response = ask("GET / HTTP/1.1\r\nHost: evil.example\r\n" PAGE "\r\n");
    assert_status(response, 403);
    assert_lacks(response, "script");
}

static void the_script_is_served_and_not_logged(void **state)
{
    (void)state;
    const char *response = ask(GET("/.well-known/tinyhttpd/live.js", ""));
    assert_has(response, "\r\nContent-Type: text/javascript; charset=utf-8\r\n");
    assert_has(response, "document.currentScript");
    assert_true(asked.response.unlogged);
    assert_has(ask(GET("/app/.well-known/tinyhttpd/live.js", "")), "document.currentScript");
    assert_status(ask(GET("/app.well-known/tinyhttpd/live.js", "")), 404);
    asked.settings.watch = false;
    assert_status(ask(GET("/.well-known/tinyhttpd/live.js", "")), 404);
}

/* The element is ASCII, which is invalid in UTF-16. */
static void utf_16_pages_have_no_script(void **state)
{
    (void)state;
    static const char *const wide[] = {"\xFF\xFExy", "\xFE\xFFxy"};
    static const char *const bytes[] = {"\xFFxy",   "\xFExy",   "x\xFF",    "x\xFE",
                                        "\xFF\xFF", "\xFE\xFE", "\xFD\xFF", "\xFF"};
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        make_file("wide.html", wide[i]);
        assert_body(ask(GET("/wide.html", PAGE)), wide[i]);
    }
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) { /* no byte order mark of it */
        make_file("bytes.html", bytes[i]);
        assert_has(ask(GET("/bytes.html", PAGE)), ELEMENT);
    }
}

/* Too large for the store's memory: the mark is read from the file. */
static void large_utf_16_pages_have_no_script(void **state)
{
    static const char head[] = "HEAD /large.html HTTP/1.1\r\nHost: localhost\r\n" PAGE "\r\n";
    static char text[LIMIT_STORE_FILE + 2];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    make_file("large.html", text);
    assert_has(ask(head), "-live\"\r\n");
    text[0] = '\xFF';
    text[1] = '\xFE';
    make_file("large.html", text);
    assert_lacks(ask(head), "-live\"\r\n");
}

static void no_script_is_in_answers_to_other_methods(void **state)
{
    (void)state;
    const char *response = ask("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n" PAGE "\r\n");
    assert_status(response, 405);
    assert_lacks(response, "script");
}

static void listings_have_the_script_and_a_stamp(void **state)
{
    char first[128], second[128];
    (void)state;
    asked.settings.listing = LISTING_ON;
    const char *response = ask(GET("/empty/", PAGE));
    assert_has(response, "</html>\n\n" ELEMENT "\"");
    assert_has(response, " 'self'; connect-src 'self'; base-uri");
    assert_int_equal(sscanf(strstr(response, ELEMENT) + strlen(ELEMENT), "%127[^']", first), 1);
    assert_true(first[0] == '"' && strchr(first + 1, '"') == first + strlen(first) - 1); /* RFC 9110 8.8.3 */
    assert_lacks(ask(GET("/empty/", "Accept: application/json\r\nSec-Fetch-Mode: navigate\r\n")), "data-etag");
    assert_lacks(ask(GET("/empty/", PAGE "Sec-Fetch-Mode: cors\r\n")), "data-etag");
    static const char check[] = "HEAD /empty/ HTTP/1.1\r\nHost: localhost\r\n" PAGE CHECK "\r\n";
    response = ask(check);
    assert_has(response, first);
    assert_true(asked.response.unlogged);
    make_file("empty/note.txt", "longer");
    assert_int_equal(sscanf(strstr(ask(check), "ETag: "), "ETag: %127[^\r]", second), 1);
    assert_string_not_equal(first, second);
    make_file("empty/more.txt", "");
    assert_lacks(ask(check), second);
}

/* The page at an unknown address is the application's. */
static void checks_of_application_pages_find_the_application(void **state)
{
    (void)state;
    asked.settings.spa = "/index.html";
    assert_status(ask("HEAD /users HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Mode: cors\r\n" PAGE CHECK "\r\n"), 200);
    assert_status(ask("HEAD /a.js HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Mode: cors\r\n" PAGE CHECK "\r\n"), 200);
    assert_status(ask("HEAD /a.js HTTP/1.1\r\nHost: localhost\r\n" PAGE CHECK "\r\n"), 204);
    assert_status(ask("HEAD /users HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Mode: cors\r\n" CHECK "\r\n"), 204);
}

#define WATCHED_TEST(name) cmocka_unit_test_setup_teardown(name, open_watched, close_site)

static unsigned fills, drops;

static enum body_state fill_page(struct body_producer *producer, struct buffer *piece)
{
    (void)producer;
    buffer_append(piece, SPAN("page"));
    return ++fills < 2 ? BODY_MORE : BODY_END;
}

static void drop_page(struct body_producer *producer)
{
    (void)producer;
    drops++;
}

/* The element waits for a piece that has room for it, and the page is not asked again. */
static void element_follows_a_page_of_several_pieces(void **state)
{
    char small[8], large[512];
    struct body_producer page = {fill_page, drop_page};
    struct buffer narrow = BUFFER(small), piece = BUFFER(large);
    (void)state;
    struct body_producer *followed = live_reload_follow(&page, SPAN("\"tag\""));
    assert_non_null(followed);
    assert_int_equal(followed->fill(followed, &narrow), BODY_MORE);
    assert_int_equal(followed->fill(followed, &narrow), BODY_MORE);
    assert_true(span_equal(buffer_span(&narrow), SPAN("pagepage")));
    assert_int_equal(followed->fill(followed, &piece), BODY_END);
    assert_non_null(memmem(large, piece.length, "data-etag='\"tag\"'", 17));
    assert_int_equal(fills, 2);
    followed->drop(followed);
    assert_int_equal(drops, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCHED_TEST(navigations_get_the_script_after_the_page),
        WATCHED_TEST(other_responses_are_the_file),
        WATCHED_TEST(checks_get_the_files_validators_and_are_not_logged),
        WATCHED_TEST(other_requests_with_the_field_are_ordinary_and_logged),
        WATCHED_TEST(checks_of_missing_files_are_204),
        WATCHED_TEST(error_pages_have_the_script),
        WATCHED_TEST(redirects_and_foreign_hosts_have_no_script),
        WATCHED_TEST(the_script_is_served_and_not_logged),
        WATCHED_TEST(utf_16_pages_have_no_script),
        WATCHED_TEST(large_utf_16_pages_have_no_script),
        WATCHED_TEST(no_script_is_in_answers_to_other_methods),
        WATCHED_TEST(listings_have_the_script_and_a_stamp),
        WATCHED_TEST(checks_of_application_pages_find_the_application),
        cmocka_unit_test(element_follows_a_page_of_several_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Files: whole, in ranges, under conditions (RFC 9110 13, 14, 15). */
#include "asked.h"

/* A validator's line, as a client sends it back. */
static const char *line_of(const char *response, const char *name)
{
    static char line[256];
    const char *at = strstr(response, name);
    assert_non_null(at);
    at += strlen(name);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\r"), at);
    return line;
}

static const char *ask_with(const char *format, const char *value)
{
    static char request[1024];
    char fields[512];
    snprintf(fields, sizeof fields, format, value);
    snprintf(request, sizeof request, "GET /file.txt HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n", fields);
    return ask(request);
}

static void a_file_has_type_length_and_validators(void **state)
{
    (void)state;
    const char *response = ask(GET("/file.txt", ""));
    assert_has(response, "\r\nContent-Type: text/plain; charset=utf-8\r\n");
    assert_has(response, "\r\nLast-Modified: Sun, 09 Sep 2001 01:46:40 GMT\r\n");
    assert_has(response, "\r\nETag: \"84d89877f0d4041efb6bf91a16f0248f\"\r\n"); /* 128 bits of SHA-256 */
    assert_has(response, "\r\nAccept-Ranges: bytes\r\n");
    assert_has(response, "\r\nCache-Control: no-cache\r\n");
    assert_lacks(response, "Vary:");
    assert_lacks(response, "Connection:");
}

static void a_version_that_the_client_has_is_304_without_a_body(void **state)
{
    (void)state;
    char etag[256];
    snprintf(etag, sizeof etag, "%s", line_of(ask(GET("/file.txt", "")), "ETag: "));
    const char *response = ask_with("If-None-Match: %s", etag);
    assert_status(response, 304);
    assert_has(response, etag);
    assert_lacks(response, "Content-Length:");
    assert_body(response, "");
    assert_status(ask_with("If-Modified-Since: %s", "Sun, 09 Sep 2001 01:46:40 GMT"), 304);
    assert_status(ask_with("If-Modified-Since: %s", "Sun, 09 Sep 2001 01:46:39 GMT"), 200);
    assert_status(ask_with("If-None-Match: %s", "\"other\""), 200);
}

static void a_version_that_the_client_does_not_expect_is_412(void **state)
{
    (void)state;
    asked.settings.cache = CACHE_SECONDS; /* of files, not of errors */
    asked.settings.cache_seconds = 60;
    const char *response = ask_with("If-Match: %s", "\"other\"");
    assert_status(response, 412);
    assert_has(response, "Cache-Control: no-cache\r\n");
    assert_status(ask_with("If-Match: %s", "*"), 200);
}

static void one_range_is_206_with_its_place(void **state)
{
    (void)state;
    const char *response = ask(GET("/file.txt", "Range: bytes=2-4\r\n"));
    assert_status(response, 206);
    assert_has(response, "\r\nContent-Range: bytes 2-4/10\r\n");
    assert_has(response, "\r\nContent-Length: 3\r\n");
    assert_body(response, "234");
    assert_body(ask(GET("/file.txt", "Range: bytes=-2\r\n")), "89");
}

static void several_ranges_are_parts_with_their_places(void **state)
{
    (void)state;
    const char *response = ask(GET("/file.txt", "Range: bytes=0-1,8-8\r\n"));
    assert_status(response, 206);
    assert_has(response, "\r\nContent-Type: multipart/byteranges; boundary=");
    assert_has(response,
               "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n--");
    assert_has(response, "\r\nContent-Range: bytes 8-8/10\r\n\r\n8\r\n--");
    assert_has(strstr(response, "\r\n8\r\n--"), "--\r\n");
}

static void a_range_beyond_the_end_is_416_with_the_length(void **state)
{
    (void)state;
    asked.settings.cache = CACHE_SECONDS;
    asked.settings.cache_seconds = 60;
    const char *response = ask(GET("/file.txt", "Range: bytes=10-\r\n"));
    assert_status(response, 416);
    assert_has(response, "\r\nContent-Range: bytes */10\r\n");
    assert_has(response, "\r\nCache-Control: no-cache\r\n");
}

/* RFC 9110 13.1.5, 14.2 */
static void ranges_are_for_get_and_the_version_of_if_range(void **state)
{
    (void)state;
    assert_status(ask("HEAD /file.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\n\r\n"), 200);
    assert_status(ask(GET("/file.txt", "Range: bytes=2-4\r\nIf-Range: \"other\"\r\n")), 200);
    assert_status(
        ask(GET("/file.txt", "Range: bytes=2-4\r\nIf-Range: \"84d89877f0d4041efb6bf91a16f0248f\"\r\n")), 206);
}

/* The head that is kept with a file, and the one that is made for a response which may not have it. */
static void a_cached_head_is_the_same_as_a_new_one(void **state)
{
    (void)state;
    static char kept[65536];
    snprintf(kept, sizeof kept, "%s", ask(GET("/file.txt", "")));
    const char *made = ask(GET("/file.txt", "Connection: close\r\n"));
    const char *close = strstr(made, "Connection: close\r\n");
    static char without[65536];
    assert_non_null(close);
    snprintf(without, sizeof without, "%.*s%s", (int)(close - made), made,
             close + strlen("Connection: close\r\n"));
    assert_string_equal(kept, without);
}

/* RFC 9112 9.3 */
static void http_1_0_is_told_whether_the_connection_stays(void **state)
{
    (void)state;
    assert_has(ask("GET /file.txt HTTP/1.0\r\n\r\n"), "\r\nConnection: close\r\n");
    assert_has(ask("GET /file.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
               "\r\nConnection: keep-alive\r\n");
}

static void the_page_for_missing_files_has_no_conditions(void **state)
{
    (void)state;
    make_file("404.html", "<p>lost</p>");
    const char *response = ask(GET("/missing", "If-None-Match: *\r\n"));
    assert_status(response, 404);
    assert_has(response, "\r\nContent-Type: text/html; charset=utf-8\r\n");
    assert_body(response, "<p>lost</p>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(a_file_has_type_length_and_validators),
        ASKED_TEST(a_version_that_the_client_has_is_304_without_a_body),
        ASKED_TEST(a_version_that_the_client_does_not_expect_is_412),
        ASKED_TEST(one_range_is_206_with_its_place),
        ASKED_TEST(several_ranges_are_parts_with_their_places),
        ASKED_TEST(a_range_beyond_the_end_is_416_with_the_length),
        ASKED_TEST(ranges_are_for_get_and_the_version_of_if_range),
        ASKED_TEST(a_cached_head_is_the_same_as_a_new_one),
        ASKED_TEST(http_1_0_is_told_whether_the_connection_stays),
        ASKED_TEST(the_page_for_missing_files_has_no_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Files: whole, in ranges, under conditions (RFC 9110 13, 14, 15). */
#include "asked.h"

/* The rest of the line after `name`; valid until the next call. */
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

static void known_versions_are_304_without_a_body(void **state)
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

static void a_failed_if_match_is_412(void **state)
{
    (void)state;
    asked.settings.cache = CACHE_SECONDS; /* for files, not for errors */
    asked.settings.cache_seconds = 60;
    const char *response = ask_with("If-Match: %s", "\"other\"");
    assert_status(response, 412);
    assert_has(response, "Cache-Control: no-cache\r\n");
    assert_lacks(response, "0123456789");
    assert_status(ask_with("If-Match: %s", "*"), 200);
}

/* RFC 9110 12.5.3 */
static void a_file_without_an_acceptable_form_is_406(void **state)
{
    (void)state;
    const char *response = ask(GET("/style.css", "Accept-Encoding: *;q=0\r\n"));
    assert_status(response, 406);
    assert_lacks(response, "a {}");
    assert_lacks(response, "compressed");
}

static void a_page_that_a_client_does_not_decode_is_not_sent(void **state)
{
    (void)state;
    asked.settings.rules = RULES_PLAIN;
    make_file("p.svgz", "compressed");
    make_file("_redirects", "/gone /p.svgz 410\n");
    const char *response = ask(GET("/gone", "Accept-Encoding: gzip\r\n"));
    assert_status(response, 410);
    assert_has(response, "\r\nContent-Encoding: gzip\r\n");
    assert_body(response, "compressed");
    response = ask(GET("/gone", "Accept-Encoding: *;q=0\r\n"));
    assert_status(response, 410);
    assert_has(response, "What this address had is gone.");
}

static void one_range_is_206_with_content_range(void **state)
{
    (void)state;
    const char *response = ask(GET("/file.txt", "Range: bytes=2-4\r\n"));
    assert_status(response, 206);
    assert_has(response, "\r\nContent-Range: bytes 2-4/10\r\n");
    assert_has(response, "\r\nContent-Length: 3\r\n");
    assert_body(response, "234");
    assert_body(ask(GET("/file.txt", "Range: bytes=-2\r\n")), "89");
}

static void several_ranges_are_multipart(void **state)
{
    (void)state;
    const char *response = ask(GET("/file.txt", "Range: bytes=0-1,8-8\r\n"));
    assert_status(response, 206);
    assert_has(response, "\r\nContent-Type: multipart/byteranges; boundary=");
    assert_has(response, "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n--");
    assert_has(response, "\r\nContent-Range: bytes 8-8/10\r\n\r\n8\r\n--");
    const char *end = strstr(response, "\r\n8\r\n--");
    assert_non_null(end);
    assert_int_equal(strlen(end), strlen("\r\n8\r\n--") + strlen(line_of(response, "boundary=")) + strlen("--\r\n"));
}

static void a_range_beyond_the_end_is_416_with_the_size(void **state)
{
    (void)state;
    asked.settings.cache = CACHE_SECONDS;
    asked.settings.cache_seconds = 60;
    const char *response = ask(GET("/file.txt", "Range: bytes=10-\r\n"));
    assert_status(response, 416);
    assert_has(response, "\r\nContent-Range: bytes */10\r\n");
    assert_has(response, "\r\nCache-Control: no-cache\r\n");
}

/* RFC 9110 14.2 */
static void other_units_and_malformed_ranges_are_ignored(void **state)
{
    (void)state;
    assert_body(ask(GET("/file.txt", "Range: lines=1-2\r\n")), "0123456789");
    assert_body(ask(GET("/file.txt", "Range: bytes=4-2\r\n")), "0123456789");
    assert_status(ask(GET("/file.txt", "Range: bytes=x\r\n")), 200);
}

/* RFC 9110 13.1.5, 14.2 */
static void ranges_need_get_and_a_matching_if_range(void **state)
{
    (void)state;
    assert_status(ask("HEAD /file.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\n\r\n"), 200);
    assert_status(ask(GET("/file.txt", "Range: bytes=2-4\r\nIf-Range: \"other\"\r\n")), 200);
    assert_status(ask(GET("/file.txt", "Range: bytes=2-4\r\nIf-Range: \"84d89877f0d4041efb6bf91a16f0248f\"\r\n")), 206);
}

/* A response with Connection: close can't use the cached header. */
static void a_cached_header_equals_a_new_one(void **state)
{
    (void)state;
    static char kept[65536];
    snprintf(kept, sizeof kept, "%s", ask(GET("/file.txt", "")));
    const char *made = ask(GET("/file.txt", "Connection: close\r\n"));
    const char *close = strstr(made, "Connection: close\r\n");
    static char without[65536];
    assert_non_null(close);
    snprintf(without, sizeof without, "%.*s%s", (int)(close - made), made, close + strlen("Connection: close\r\n"));
    assert_string_equal(kept, without);
}

/* RFC 9112 9.3 */
static void http_1_0_responses_announce_persistence(void **state)
{
    (void)state;
    assert_has(ask("GET /file.txt HTTP/1.0\r\n\r\n"), "\r\nConnection: close\r\n");
    assert_has(ask("GET /file.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), "\r\nConnection: keep-alive\r\n");
}

static void the_404_page_ignores_conditions(void **state)
{
    (void)state;
    make_file("404.html", "<p>lost</p>");
    const char *response = ask(GET("/missing", "If-None-Match: *\r\n"));
    assert_status(response, 404);
    assert_has(response, "\r\nContent-Type: text/html; charset=utf-8\r\n");
    assert_body(response, "<p>lost</p>");
}

static void not_modified_has_validators_but_no_type(void **state)
{
    (void)state;
    const char *response = ask(GET("/file.txt", "If-None-Match: *\r\n"));
    assert_status(response, 304); /* RFC 9110 15.4.5 */
    assert_has(response, "\r\nETag: ");
    assert_has(response, "\r\nCache-Control: ");
    assert_lacks(response, "Content-Type:");
}

static void date_is_the_time_of_the_response(void **state)
{
    (void)state;
    asked.keeps_store = true;
    assert_has(ask(GET("/file.txt", "")), "\r\nDate: Tue, 02 Oct 2096 07:06:40 GMT\r\n");
    asked.now++;
    assert_has(ask(GET("/file.txt", "")), "\r\nDate: Tue, 02 Oct 2096 07:06:41 GMT\r\n");
}

/* One part needs only one call. */
static void small_files_are_one_part_with_their_header(void **state)
{
    struct entry *entry;
    (void)state;
    asked.keeps_store = true;
    for (unsigned i = 0; i < 3; i++, asked.now++) {
        assert_body(ask(GET("/file.txt", "")), "0123456789");
        assert_int_equal(asked.response.count, 1);
    }
    assert_int_equal(store_find(asked.store, SPAN("file.txt"), 1, &entry), 0); /* another response sends it, too */
    asked.now--;
    ask(GET("/file.txt", ""));
    assert_int_equal(asked.response.count, 1);
    store_release(asked.store, entry);
}

static void large_files_are_sent_from_their_descriptor(void **state)
{
    (void)state;
    make_file("large.txt", "");
    FILE *file = fopen("large.txt", "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, LIMIT_STORE_FILE + 1, SEEK_SET), 0);
    fputs("the end", file);
    fclose(file);
    assert_body(ask(GET("/large.txt", "Range: bytes=-3\r\n")), "end");
    assert_body(ask(GET("/large.txt", "Range: bytes=131073-131075\r\n")), "the");
}

static void fields_of_header_are_in_a_cached_header(void **state)
{
    static char line[4001] = "X-Long: ";
    (void)state;
    memset(line + 8, 'v', sizeof line - 9);
    asked.settings.headers[asked.settings.header_count++] = line;
    assert_has(ask(GET("/file.txt", "")), line);
    assert_int_equal(asked.response.count, 1);
}

/* A response in flight keeps the fields that it began with. */
static void an_edit_of_headers_changes_no_header_in_use(void **state)
{
    struct entry *entry;
    char before[1024];
    (void)state;
    asked.keeps_store = true;
    asked.settings.rules = RULES_PLAIN;
    make_file("_headers", "/file.txt\n  X-Rule: old\n");
    assert_has(ask(GET("/file.txt", "")), "\r\nX-Rule: old\r\n");
    assert_int_equal(store_find(asked.store, SPAN("file.txt"), 1, &entry), 0);
    size_t length = entry->head.length;
    assert_in_range(length, 1, sizeof before);
    memcpy(before, entry->head.end - length, length);
    make_file("_headers", "/file.txt\n  X-Rule: newer\n");
    asked.iteration++;
    assert_has(ask(GET("/file.txt", "")), "\r\nX-Rule: newer\r\n");
    assert_memory_equal(before, entry->head.end - length, length);
    store_release(asked.store, entry);
    for (unsigned i = 0; i < 2; i++) { /* and then, one header is cached again */
        assert_has(ask(GET("/file.txt", "")), "\r\nX-Rule: newer\r\n");
        assert_int_equal(asked.response.count, 1);
    }
}

static void not_modified_of_an_encoded_form_has_its_validators_only(void **state)
{
    (void)state;
    const char *response = ask(GET("/style.css", "Accept-Encoding: gzip\r\nIf-None-Match: *\r\n"));
    assert_status(response, 304);
    assert_has(response, "-gzip\"\r\n");
    assert_has(response, "\r\nVary: Accept-Encoding\r\n");
    assert_lacks(response, "Content-Type:");
}

/* A response in flight may be sending the same memory. */
static void a_cached_header_in_use_is_not_changed(void **state)
{
    (void)state;
    struct entry *entry;
    char before[1024];
    asked.keeps_store = true;
    ask(GET("/file.txt", ""));
    assert_int_equal(store_find(asked.store, SPAN("file.txt"), 1, &entry), 0);
    size_t length = entry->head.length;
    assert_in_range(length, 1, sizeof before);
    memcpy(before, entry->head.end - length, length);
    asked.now++;
    assert_has(ask(GET("/file.txt", "")), "\r\nDate: Tue, 02 Oct 2096 07:06:41 GMT\r\n");
    assert_memory_equal(before, entry->head.end - length, length);
    store_release(asked.store, entry);
}

/* RFC 9110 8.8.2.1: within its second, a file may change again and keep its date. */
static void a_file_changed_in_this_second_has_no_date_yet(void **state)
{
    (void)state;
    asked.keeps_store = true;
    asked.now = 1000000000;
    assert_lacks(ask(GET("/file.txt", "")), "Last-Modified:");
    assert_status(ask_with("If-Modified-Since: %s", "Sun, 09 Sep 2001 01:46:40 GMT"), 200);
    asked.now = 1000000001;
    assert_has(ask(GET("/file.txt", "")), "\r\nLast-Modified: Sun, 09 Sep 2001 01:46:40 GMT\r\n");
    assert_status(ask_with("If-Modified-Since: %s", "Sun, 09 Sep 2001 01:46:40 GMT"), 304);
}

/* RFC 9110 8.8.2.1 */
static void a_file_of_the_future_counts_as_changed_now(void **state)
{
    (void)state;
    assert_int_equal(utime("file.txt", &(struct utimbuf){4000000100, 4000000100}), 0);
    assert_lacks(ask(GET("/file.txt", "")), "Last-Modified:");
    assert_status(ask_with("If-Unmodified-Since: %s", "Tue, 02 Oct 2096 07:06:40 GMT"), 200);
    assert_status(ask_with("If-Unmodified-Since: %s", "Tue, 02 Oct 2096 07:06:39 GMT"), 412);
}

/* RFC 2046 5.1.1: a file could contain a predictable boundary. Responses to equal requests have one length. */
static void boundaries_are_all_different_and_of_one_length(void **state)
{
    enum { BOUNDARIES = 200 };
    char boundaries[BOUNDARIES][80];
    (void)state;
    asked.keeps_store = true;
    for (unsigned i = 0; i < BOUNDARIES; i++) {
        snprintf(boundaries[i], 80, "%s", line_of(ask(GET("/file.txt", "Range: bytes=0-1,8-8\r\n")), "boundary="));
        assert_int_equal(strlen(boundaries[i]), strlen(boundaries[0]));
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(boundaries[i], boundaries[k]);
    }
}

static void only_a_file_is_a_404_page(void **state)
{
    (void)state;
    assert_int_equal(mkdir("404.html", 0755), 0);
    const char *response = ask(GET("/missing", ""));
    assert_status(response, 404);
    assert_has(response, "No file matches this address.");
    assert_null(asked.exchange.entry); /* it was released */
    assert_int_equal(rmdir("404.html"), 0);
    make_file("404.html", "<p>lost</p>");
    asked.settings.file = "file.txt"; /* the whole site */
    assert_lacks(ask(GET("/missing", "")), "<p>lost</p>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(a_file_has_type_length_and_validators),
        ASKED_TEST(known_versions_are_304_without_a_body),
        ASKED_TEST(a_failed_if_match_is_412),
        ASKED_TEST(a_file_without_an_acceptable_form_is_406),
        ASKED_TEST(a_page_that_a_client_does_not_decode_is_not_sent),
        ASKED_TEST(one_range_is_206_with_content_range),
        ASKED_TEST(several_ranges_are_multipart),
        ASKED_TEST(a_range_beyond_the_end_is_416_with_the_size),
        ASKED_TEST(other_units_and_malformed_ranges_are_ignored),
        ASKED_TEST(ranges_need_get_and_a_matching_if_range),
        ASKED_TEST(a_cached_header_equals_a_new_one),
        ASKED_TEST(http_1_0_responses_announce_persistence),
        ASKED_TEST(the_404_page_ignores_conditions),
        ASKED_TEST(not_modified_has_validators_but_no_type),
        ASKED_TEST(date_is_the_time_of_the_response),
        ASKED_TEST(small_files_are_one_part_with_their_header),
        ASKED_TEST(large_files_are_sent_from_their_descriptor),
        ASKED_TEST(fields_of_header_are_in_a_cached_header),
        ASKED_TEST(an_edit_of_headers_changes_no_header_in_use),
        ASKED_TEST(not_modified_of_an_encoded_form_has_its_validators_only),
        ASKED_TEST(a_cached_header_in_use_is_not_changed),
        ASKED_TEST(a_file_changed_in_this_second_has_no_date_yet),
        ASKED_TEST(a_file_of_the_future_counts_as_changed_now),
        ASKED_TEST(boundaries_are_all_different_and_of_one_length),
        ASKED_TEST(only_a_file_is_a_404_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

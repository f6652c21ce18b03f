/* Representations of a file: encoded siblings (RFC 9110 12.5.3), Cache-Control, Last-Modified. */
#include "asked.h"

static void clients_that_accept_gzip_get_the_sibling(void **state)
{
    (void)state;
    const char *response = ask(GET("/style.css", "Accept-Encoding: gzip\r\n"));
    assert_status(response, 200);
    assert_has(response, "\r\nContent-Type: text/css; charset=utf-8\r\n");
    assert_has(response, "\r\nContent-Encoding: gzip\r\n");
    assert_has(response, "-gzip\"\r\n"); /* an ETag of its own (8.8.3.3) */
    assert_has(response, "\r\nVary: Accept-Encoding\r\n");
    assert_body(response, "compressed");
}

static void siblings_of_all_codings_are_sent(void **state)
{
    (void)state;
    make_file("style.css.br", "as br");
    make_file("style.css.zst", "as zstd");
    assert_body(ask(GET("/style.css", "Accept-Encoding: br\r\n")), "as br");
    assert_body(ask(GET("/style.css", "Accept-Encoding: zstd\r\n")), "as zstd");
    assert_body(ask(GET("/style.css", "Accept-Encoding: gzip\r\n")), "compressed");
}

/* Between the search for siblings and the open. */
static void a_sibling_deleted_meanwhile_is_not_sent(void **state)
{
    struct entry *original;
    (void)state;
    make_file("style.css.br", "as br");
    asked.keeps_store = true;
    ask(GET("/style.css", "")); /* finds its siblings, for all requests of the iteration */
    assert_int_equal(store_find(asked.store, SPAN("style.css"), asked.iteration, &original), 0);
    store_forget_unused(asked.store);
    assert_int_equal(unlink("style.css.br"), 0);
    assert_body(ask(GET("/style.css", "Accept-Encoding: br, gzip\r\n")), "compressed");
    store_forget_unused(asked.store);
    assert_int_equal(unlink("style.css.gz"), 0);
    assert_body(ask(GET("/style.css", "Accept-Encoding: br, gzip\r\n")), "a {}");
    store_release(asked.store, original);
}

static void other_clients_get_the_original(void **state)
{
    (void)state;
    const char *response = ask(GET("/style.css", ""));
    assert_lacks(response, "Content-Encoding:");
    assert_has(response, "\r\nVary: Accept-Encoding\r\n");
    assert_body(response, "a {}");
    assert_body(ask(GET("/style.css", "Accept-Encoding: gzip;q=0, br\r\n")), "a {}");
    assert_body(ask(GET("/style.css", "Accept-Encoding: gzip;q=0.1, identity\r\n")), "a {}");
}

static void a_file_without_a_sibling_does_not_vary(void **state)
{
    (void)state;
    assert_lacks(ask(GET("/file.txt", "Accept-Encoding: gzip\r\n")), "Vary:");
}

static void a_sibling_older_than_its_original_is_not_used(void **state)
{
    (void)state;
    assert_int_equal(utime("style.css.gz", &(struct utimbuf){999999999, 999999999}), 0);
    assert_body(ask(GET("/style.css", "Accept-Encoding: gzip\r\n")), "a {}");
}

static void refusing_every_encoding_is_406(void **state)
{
    (void)state;
    const char *response = ask(GET("/file.txt", "Accept-Encoding: identity;q=0\r\n"));
    assert_status(response, 406);
    assert_has(response, "Accept-Encoding");
}

static void only_hashed_names_are_immutable(void **state)
{
    (void)state;
    asked.settings.cache = CACHE_AUTO;
    make_file("app.3f9c2a1b4d5e6f70.js", "run()");
    assert_has(ask(GET("/app.3f9c2a1b4d5e6f70.js", "")), "\r\nCache-Control: public, max-age=31536000, immutable\r\n");
    make_file("hero-iPadPro2.png", "png");
    assert_has(ask(GET("/hero-iPadPro2.png", "")), "\r\nCache-Control: no-cache\r\n");
    assert_has(ask(GET("/file.txt", "")), "\r\nCache-Control: no-cache\r\n");
    make_file("page.3f9c2a1b4d5e6f70.html", "<p>");
    assert_has(ask(GET("/page.3f9c2a1b4d5e6f70.html", "")), "\r\nCache-Control: no-cache\r\n");
    assert_has(ask(GET("/missing.3f9c2a1b4d5e6f70.js", "")), "\r\nCache-Control: no-cache\r\n");
}

static void cache_seconds_apply_to_files_only(void **state)
{
    (void)state;
    asked.settings.cache = CACHE_SECONDS;
    asked.settings.cache_seconds = 60;
    assert_has(ask(GET("/file.txt", "")), "\r\nCache-Control: public, max-age=60\r\n");
    assert_has(ask(GET("/missing", "")), "\r\nCache-Control: no-cache\r\n");
    asked.settings.cache = CACHE_OFF;
    assert_has(ask(GET("/file.txt", "")), "\r\nCache-Control: no-store\r\n");
}

/* Reproducible builds give all files the same old date. */
static void dates_of_1980_or_before_are_not_sent(void **state)
{
    (void)state;
    assert_int_equal(utime("file.txt", &(struct utimbuf){315532800, 315532800}), 0);
    assert_lacks(ask(GET("/file.txt", "")), "Last-Modified:");
    assert_status(ask(GET("/file.txt", "If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT\r\n")), 200);
}

static void html_that_exists_only_encoded_is_never_immutable(void **state)
{
    (void)state;
    make_file("page.html.gz", "compressed");
    asked.settings.cache_rules[0] = (struct cache_rule){"", CACHE_IMMUTABLE, 0};
    asked.settings.cache_rule_count = 1;
    const char *answer = ask(GET("/page.html", "Accept-Encoding: gzip\r\n"));
    assert_status(answer, 200);
    assert_non_null(strstr(answer, "\r\nCache-Control: no-cache\r\n"));
}

static void html_by_its_type_is_never_immutable(void **state)
{
    (void)state;
    asked.settings.cache = CACHE_AUTO;
    asked.settings.types[asked.settings.type_count++] = (struct type_override){"js", "text/html"};
    make_file("app.3f9c2a1b4d5e6f70.js", "run()");
    assert_has(ask(GET("/app.3f9c2a1b4d5e6f70.js", "")), "\r\nCache-Control: no-cache\r\n");
}

static void the_longest_prefix_decides(void **state)
{
    static const struct {
        const char *request, *line;
    } rows[] = {
        {GET("/assets/hero.png", ""), "public, max-age=31536000, immutable"},
        {GET("/assets/page.html", ""), "no-store"}, /* never immutable: the next prefix */
        {GET("/assets/live/feed.js", ""), "public, max-age=5"},
        {GET("/assets-old/a.js", ""), "no-store"},
        {GET("/file.txt", ""), "no-store"},
        {GET("/assets", ""), "no-cache"}, /* a redirect */
        {GET("/assets/missing.png", ""), "no-cache"},
    };
    (void)state;
    assert_true(mkdir("assets", 0755) == 0 && mkdir("assets/live", 0755) == 0 && mkdir("assets-old", 0755) == 0);
    make_file("assets/hero.png", "png");
    make_file("assets/page.html", "<p>");
    make_file("assets/live/feed.js", "1");
    make_file("assets-old/a.js", "2");
    asked.settings.cache_rules[0] = (struct cache_rule){"assets/live", CACHE_OFF, 0};
    asked.settings.cache_rules[1] = (struct cache_rule){"assets", CACHE_IMMUTABLE, 0};
    asked.settings.cache_rules[2] = (struct cache_rule){"", CACHE_OFF, 0};
    asked.settings.cache_rules[3] = (struct cache_rule){"assets/live", CACHE_SECONDS, 5};
    asked.settings.cache_rule_count = 4;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[128];
        snprintf(line, sizeof line, "\r\nCache-Control: %s\r\n", rows[i].line);
        assert_has(ask(rows[i].request), line);
    }
    asked.settings.headers[asked.settings.header_count++] = "Cache-Control: max-age=7";
    assert_has(ask(GET("/assets/hero.png", "")), "\r\nCache-Control: max-age=7\r\n");
}

/* Players seek by ranges, and ranges of an encoded form count encoded bytes. */
static void videos_prefer_identity(void **state)
{
    (void)state;
    make_file("clip.mp4", "video");
    make_file("clip.mp4.gz", "compressed");
    assert_body(ask(GET("/clip.mp4", "Accept-Encoding: gzip\r\n")), "video");
    assert_body(ask(GET("/clip.mp4", "Accept-Encoding: gzip, identity;q=0\r\n")), "compressed");
}

static void a_sibling_by_its_own_name_is_a_file_of_its_own_type(void **state)
{
    (void)state;
    asked.keeps_store = true;
    ask(GET("/style.css", "Accept-Encoding: gzip\r\n"));
    const char *response = ask(GET("/style.css.gz", ""));
    assert_has(response, "\r\nContent-Type: application/gzip\r\n");
    assert_lacks(response, "Content-Encoding:");
    response = ask(GET("/style.css", "Accept-Encoding: gzip\r\n"));
    assert_has(response, "\r\nContent-Type: text/css; charset=utf-8\r\n");
    assert_has(response, "\r\nContent-Encoding: gzip\r\n");
}

/* RFC 9110 8.8.2.2: a file may change again and keep its times. */
static void a_file_changed_a_moment_ago_has_no_date(void **state)
{
    (void)state;
    asked.racy_ms = INT32_MAX;
    assert_lacks(ask(GET("/file.txt", "")), "Last-Modified:");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(clients_that_accept_gzip_get_the_sibling),
        ASKED_TEST(siblings_of_all_codings_are_sent),
        ASKED_TEST(a_sibling_deleted_meanwhile_is_not_sent),
        ASKED_TEST(other_clients_get_the_original),
        ASKED_TEST(a_file_without_a_sibling_does_not_vary),
        ASKED_TEST(a_sibling_older_than_its_original_is_not_used),
        ASKED_TEST(refusing_every_encoding_is_406),
        ASKED_TEST(only_hashed_names_are_immutable),
        ASKED_TEST(cache_seconds_apply_to_files_only),
        ASKED_TEST(dates_of_1980_or_before_are_not_sent),
        ASKED_TEST(html_that_exists_only_encoded_is_never_immutable),
        ASKED_TEST(html_by_its_type_is_never_immutable),
        ASKED_TEST(the_longest_prefix_decides),
        ASKED_TEST(videos_prefer_identity),
        ASKED_TEST(a_sibling_by_its_own_name_is_a_file_of_its_own_type),
        ASKED_TEST(a_file_changed_a_moment_ago_has_no_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

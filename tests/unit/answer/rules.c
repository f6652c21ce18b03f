/* _redirects and _headers: what they change in responses, and when they are read. */
#include "asked.h"
#include "capture.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int open_ruled(void **state)
{
    int result = open_site(state);
    asked.settings.rules = RULES_PLAIN;
    return result;
}

static void redirects_and_rewrites_answer_for_missing_files(void **state)
{
    (void)state;
    make_file("_redirects", "/old /new 301\n/rewritten /file.txt 200\n/gone /about.html 410\n/nowhere /missing 200\n"
                            "/folder /dir 200\n/file.txt /new 301\n/a/:name /b/:name 302\n");
    const char *response = ask(GET("/old?q=1", ""));
    assert_status(response, 301);
    assert_has(response, "\r\nLocation: /new?q=1\r\n");
    assert_body(ask(GET("/rewritten", "")), "0123456789");
    response = ask(GET("/gone", ""));
    assert_status(response, 410);
    assert_body(response, "<p>about</p>");
    assert_status(ask(GET("/nowhere", "")), 404);
    assert_body(ask(GET("/folder", "")), "<p>dir</p>");
    assert_body(ask(GET("/file.txt", "")), "0123456789"); /* a file precedes a rule */
    assert_has(ask(GET("/a/x", "")), "\r\nLocation: /b/x\r\n");
    assert_status(ask(GET("/_redirects", "")), 404);
    assert_status(ask(GET("/missing", "")), 404);
}

static void a_rewrite_to_a_directory_is_no_listing(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    make_file("_redirects", "/list /empty/ 200\n");
    assert_status(ask(GET("/list", "")), 404);
    assert_has(ask(GET("/empty/", "")), "note.txt");
}

/* A client that accepts the encoding gets the file. */
static void a_rewrite_of_a_refused_encoded_file_varies_by_encoding(void **state)
{
    (void)state;
    make_file("alone.css.gz", "compressed");
    make_file("_redirects", "/alone.css /file.txt 200\n");
    const char *response = ask(GET("/alone.css", "Accept-Encoding: identity\r\n"));
    assert_has(response, "\r\nVary: Accept-Encoding\r\n");
    assert_body(response, "0123456789");
    assert_body(ask(GET("/alone.css", "Accept-Encoding: gzip\r\n")), "compressed");
}

/* https://developers.cloudflare.com/pages/configuration/redirects/#splats */
static void splats_have_the_final_slash(void **state)
{
    (void)state;
    asked.settings.rules = RULES_CLOUDFLARE;
    make_file("_redirects", "/old/* /new/:splat 301\n/ /home 301\n");
    assert_has(ask(GET("/old/a", "")), "\r\nLocation: /new/a\r\n");
    assert_has(ask(GET("/old/a/", "")), "\r\nLocation: /new/a/\r\n");
    assert_has(ask(GET("/", "")), "\r\nLocation: /home\r\n");
}

static void redirects_stay_below_the_base(void **state)
{
    (void)state;
    asked.settings.base = "docs";
    make_file("_redirects", "/old /new 301\n/away https://example.org/new 301\n");
    assert_has(ask(GET("/docs/old", "")), "\r\nLocation: /docs/new\r\n");
    assert_has(ask(GET("/docs/away", "")), "\r\nLocation: https://example.org/new\r\n");
    asked.settings.base = NULL;
    assert_has(ask(GET("/old", "")), "\r\nLocation: /new\r\n");
}

static void fields_of_matching_paths_are_sent(void **state)
{
    (void)state;
    make_file("_headers",
              "/file.txt\n  X-Given: ruled\n  X-One: 1\n/*\n  X-All: 2\n/missing\n  Cache-Control: max-age=7\n");
    asked.settings.headers[asked.settings.header_count++] = "X-Given: given";
    asked.settings.headers[asked.settings.header_count++] = "X-Other: given";
    asked.keeps_store = true;
    for (unsigned i = 0; i < 2; i++) { /* then the path is known */
        const char *response = ask(GET("/file.txt", ""));
        assert_has(response, "\r\nX-One: 1\r\n");
        assert_has(response, "\r\nX-All: 2\r\n");
        assert_has(response, "\r\nX-Given: ruled\r\n");
        assert_lacks(response, "X-Given: given");
        assert_has(response, "\r\nX-Other: given\r\n");
        assert_has(ask(GET("/file.txt", "Connection: close\r\n")), "\r\nX-One: 1\r\n");
        response = ask(GET("/about.html", ""));
        assert_has(response, "\r\nX-All: 2\r\n");
        assert_has(response, "\r\nX-Given: given\r\n");
        assert_lacks(response, "X-One");
        response = ask(GET("/missing", ""));
        assert_has(response, "\r\nX-All: 2\r\n");
        assert_has(response, "\r\nCache-Control: no-cache\r\n"); /* no cache may keep an error for long */
    }
}

/* More sets of fields than are kept. */
static void each_of_many_paths_has_its_own_fields(void **state)
{
    enum { PATHS = 100 };
    static char rules[PATHS * 256];
    char request[128], field[256];
    size_t length = 0;
    (void)state;
    for (unsigned i = 0; i < PATHS; i++)
        length += (size_t)snprintf(rules + length, sizeof rules - length, "/p%u\n  X-Path: %0200u\n", i, i % 20);
    make_file("_headers", rules);
    asked.keeps_store = true;
    for (unsigned i = 0; i < 3 * PATHS; i++) {
        snprintf(request, sizeof request, "GET /p%u HTTP/1.1\r\nHost: localhost\r\n\r\n", i * 7 % PATHS);
        snprintf(field, sizeof field, "\r\nX-Path: %0200u\r\n", i * 7 % PATHS % 20);
        assert_has(ask(request), field);
    }
}

/* Configs are found by the text of their fields. */
static void similar_fields_are_told_apart(void **state)
{
    static const char *const lines[] = {"X-Abc: v", "X-: c: v", "X-Abd: v", "X-Abc: w", "X-Abc: vv", "X-Abcd: v"};
    char rules[1024], request[128], field[64];
    size_t length = 0;
    (void)state;
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++)
        length += (size_t)snprintf(rules + length, sizeof rules - length, "/p%u\n  %s\n", i, lines[i]);
    snprintf(rules + length, sizeof rules - length, "/two\n  X-Abc: v\n  X-Two: 2\n/three\n  X-Abc: v\n  X-Two: 3\n");
    make_file("_headers", rules);
    asked.keeps_store = true;
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(request, sizeof request, "GET /p%u HTTP/1.1\r\nHost: localhost\r\n\r\n", i);
        snprintf(field, sizeof field, "\r\n%s\r\n", lines[i]);
        assert_has(ask(request), field);
    }
    const char *response = ask(GET("/two", ""));
    assert_has(response, "\r\nX-Abc: v\r\n");
    assert_has(response, "\r\nX-Two: 2\r\n");
    assert_has(ask(GET("/three", "")), "\r\nX-Two: 3\r\n");
}

/* So that few are kept for a whole site. */
static void paths_with_equal_fields_share_a_config(void **state)
{
    static const char *const requests[] = {GET("/file.txt", ""), GET("/style.css", ""), GET("/about.html", ""),
                                           GET("/index.html", "")};
    uint64_t ids[4];
    (void)state;
    asked.settings.headers[asked.settings.header_count++] = "X-Given: 1";
    asked.settings.headers[asked.settings.header_count++] = "X-Other: 1";
    make_file("_headers", "/file.txt\n  X-A: 1\n  X-B: 2\n/about.html\n  X-A: 1\n  X-B: 2\n"
                          "/style.css\n  X-A: 1\n/index.html\n  X-A: 1\n");
    asked.keeps_store = true;
    for (unsigned i = 0; i < 4; i++) {
        ask(requests[i]);
        ids[i] = asked.exchange.context->config->id;
    }
    assert_true(ids[1] > ids[0]);
    assert_int_equal(ids[2], ids[0]);
    assert_int_equal(ids[3], ids[1]);
}

/* The store holds no such file in memory. */
static void rules_of_a_large_file_are_read_to_the_bound(void **state)
{
    static const char rule[] = "/old /new 301\n", last[] = "/last /new 301\n";
    static char rules[LIMIT_RULES_TEXT_CLOUDFLARE + 2];
    (void)state;
    asked.settings.rules = RULES_CLOUDFLARE;
    for (unsigned more = 0; more < 2; more++) {
        memset(rules, '\n', LIMIT_RULES_TEXT_CLOUDFLARE + more);
        memcpy(rules, rule, sizeof rule - 1);
        memcpy(rules + LIMIT_RULES_TEXT_CLOUDFLARE + more - sizeof last + 1, last, sizeof last);
        make_file("_redirects", rules);
        struct capture errors = capture_begin(STDERR_FILENO);
        assert_status(ask(GET("/old", "")), 301);
        assert_status(ask(GET("/last", "")), more == 0 ? 301 : 200); /* the application of one page */
        capture_end(&errors);
        assert_int_equal(strstr(captured, "longer than 256 KiB") != NULL, more);
    }
}

/* First too long for the header, then for the whole response. */
static void a_location_that_is_too_long_is_414(void **state)
{
    static char rules[1024] = "/old/* /new", request[LIMIT_TARGET + 128], path[LIMIT_TARGET - 64];
    (void)state;
    memset(path, 'x', sizeof path - 1);
    snprintf(request, sizeof request, "GET /old/%s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    for (unsigned splats = 1; splats <= 40; splats++) {
        strcpy(rules + strlen(rules), "/:splat");
        make_file("_redirects", rules);
        if (splats == 1 || splats == 4 || splats == 40)
            assert_status(ask(request), splats == 1 ? 301 : 414);
    }
}

static void an_edit_is_in_the_next_response(void **state)
{
    (void)state;
    asked.keeps_store = true;
    assert_status(ask(GET("/old", "")), 404);
    make_file("_redirects", "/old /new 301\n");
    make_file("_headers", "/*\n  X-All: 1\n");
    assert_status(ask(GET("/old", "")), 404); /* requests of one iteration share what was read */
    asked.iteration++;
    const char *response = ask(GET("/old", ""));
    assert_has(response, "\r\nLocation: /new\r\n");
    assert_has(response, "\r\nX-All: 1\r\n");
    make_file("_redirects", "/old /newer 301\n");
    make_file("_headers", "/*\n  X-All: two\n");
    asked.iteration++;
    response = ask(GET("/old", ""));
    assert_has(response, "\r\nLocation: /newer\r\n");
    assert_has(response, "\r\nX-All: two\r\n");
    assert_int_equal(unlink("_redirects"), 0);
    asked.iteration++;
    response = ask(GET("/old", ""));
    assert_status(response, 404);
    assert_has(response, "\r\nX-All: two\r\n");
    assert_int_equal(unlink("_headers"), 0);
    asked.iteration++;
    assert_lacks(ask(GET("/old", "")), "X-All");
}

/* A large file that has just changed has no entity tag: its bytes tell. */
static void an_edit_of_a_file_without_entity_tag_is_in_the_next_response(void **state)
{
    static char rules[LIMIT_STORE_FILE + 2];
    (void)state;
    asked.keeps_store = true;
    asked.settings.rules = RULES_CLOUDFLARE;
    asked.racy_ms = 3600000;
    memset(rules, '\n', sizeof rules - 1);
    for (unsigned i = 0; i < 6; i++) { /* each twice */
        memcpy(rules, i % 4 < 2 ? "/old /one 301" : "/old /two 301", 13);
        if (i % 2 == 0)
            make_file("_redirects", rules);
        asked.iteration++;
        assert_has(ask(GET("/old", "")), i % 4 < 2 ? "\r\nLocation: /one\r\n" : "\r\nLocation: /two\r\n");
    }
}

/* Their entity tags are equal. */
static void a_large_file_that_is_replaced_by_one_of_its_size_and_time_is_read(void **state)
{
    static const char *const names[] = {"one", "two"};
    static const struct timespec times[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
    static char rules[LIMIT_STORE_FILE + 2];
    (void)state;
    asked.keeps_store = true;
    asked.settings.rules = RULES_CLOUDFLARE;
    memset(rules, '\n', sizeof rules - 1);
    for (size_t i = 0; i < 2; i++) {
        memcpy(rules, i == 0 ? "/old /one 301" : "/old /two 301", 13);
        make_file(names[i], rules);
        assert_int_equal(utimensat(AT_FDCWD, names[i], times, 0), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rename(names[i], "_redirects"), 0);
        asked.iteration++;
        assert_has(ask(GET("/old", "")), i == 0 ? "\r\nLocation: /one\r\n" : "\r\nLocation: /two\r\n");
    }
}

static void restored_rule_files_apply_again(void **state)
{
    (void)state;
    asked.keeps_store = true;
    make_file("_redirects", "/old /new 301\n");
    make_file("_headers", "/*\n  X-All: 1\n");
    for (unsigned i = 0; i < 2; i++) {
        const char *response = ask(GET("/old", ""));
        assert_status(response, 301);
        assert_has(response, "\r\nX-All: 1\r\n");
        assert_int_equal(rename("_redirects", "r"), 0);
        assert_int_equal(rename("_headers", "h"), 0);
        asked.iteration++;
        response = ask(GET("/old", ""));
        assert_status(response, 404);
        assert_lacks(response, "X-All");
        assert_int_equal(rename("r", "_redirects"), 0);
        assert_int_equal(rename("h", "_headers"), 0);
        asked.iteration++;
    }
}

static void a_directory_named_redirects_has_no_rules(void **state)
{
    (void)state;
    asked.keeps_store = true;
    make_file("_redirects", "/old /new 301\n");
    assert_status(ask(GET("/old", "")), 301);
    assert_int_equal(unlink("_redirects"), 0);
    assert_int_equal(mkdir("_redirects", 0755), 0);
    asked.iteration++;
    assert_status(ask(GET("/old", "")), 404);
}

static const char *log_of(unsigned bad_lines)
{
    static char rules[64 * 64];
    size_t length = 0;
    for (unsigned i = 0; i < bad_lines; i++)
        length += (size_t)snprintf(rules + length, sizeof rules - length, "bad\n");
    make_file("_redirects", rules);
    asked.iteration++;
    struct capture errors = capture_begin(STDERR_FILENO);
    ask(GET("/missing", ""));
    asked.iteration++;
    ask(GET("/missing", ""));
    capture_end(&errors);
    return captured;
}

static unsigned count_lines(const char *text)
{
    unsigned lines = 0;
    for (; (text = strchr(text, '\n')) != NULL; text++)
        lines++;
    return lines;
}

static void bad_lines_are_logged_once_and_bounded(void **state)
{
    (void)state;
    asked.keeps_store = true;
    assert_has(log_of(1), "tinyhttpd: _redirects:1: ");
    assert_int_equal(count_lines(captured), 1);
    assert_int_equal(count_lines(log_of(20)), 20);
    assert_has(captured, "tinyhttpd: _redirects:20: ");
    assert_lacks(captured, "more lines");
    assert_int_equal(count_lines(log_of(23)), 21);
    assert_lacks(captured, "_redirects:21:");
    assert_has(captured, "tinyhttpd: _redirects: 3 more lines are ignored\n");
}

static void rules_without_read_permission_are_ignored_and_logged_once(void **state)
{
    (void)state;
    asked.keeps_store = true;
    make_file("_redirects", "/old /new 301\n");
    make_file("_headers", "/*\n  X-All: 1\n");
    assert_status(ask_as_user(GET("/old", "")), 301);
    assert_int_equal(chmod("_redirects", 0), 0);
    assert_int_equal(chmod("_headers", 0), 0);
    struct capture errors = capture_begin(STDERR_FILENO);
    for (unsigned i = 0; i < 2; i++) {
        asked.iteration++;
        assert_status(ask_as_user(GET("/old", "")), 404);
        assert_lacks(ask_as_user(GET("/file.txt", "")), "X-All");
    }
    capture_end(&errors);
    assert_has(captured, "tinyhttpd: _redirects can't be read by the workers' user; its rules are ignored\n");
    assert_has(captured, "tinyhttpd: _headers can't be read by the workers' user; its rules are ignored\n");
    assert_int_equal(count_lines(captured), 2);
}

static void a_rule_applies_to_a_directory_whose_index_may_not_be_read(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    make_file("dir/index.html", "private");
    assert_int_equal(chmod("dir/index.html", 0), 0);
    make_file("_redirects", "/dir /empty 200\n");
    assert_status(ask_as_user(GET("/dir/", "Accept: text/html\r\n")), 404);
}

/* No request is answered without the rules. */
static void rules_that_cannot_be_read_are_an_error(void **state)
{
    struct rlimit before, none;
    (void)state;
    asked.keeps_store = true;
    make_file("_redirects", "/old /new 301\n");
    ask(GET("/file.txt", ""));
    make_file("_redirects", "/old /newer 301\n");
    asked.iteration++;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const char *response = ask(GET("/file.txt", ""));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_status(response, 503);
    assert_has(ask(GET("/old", "")), "\r\nLocation: /newer\r\n");
}

/* Each field counts with ": " and its line end, those of --header as well. */
static void fields_beyond_the_bound_are_left_out(void **state)
{
    enum { GIVEN = LIMIT_HEADER_BYTES - 3000, VALUE = 1000 - 8 };
    static char given[GIVEN - 1] = "X-Given: ", value[VALUE + 2], rules[16384];
    (void)state;
    memset(given + 9, 'v', sizeof given - 10);
    memset(value, 'v', sizeof value - 1);
    asked.settings.headers[asked.settings.header_count++] = given;
    snprintf(rules, sizeof rules,
             "/file.txt\n  X-00: %.*s\n  X-01: %.*s\n  X-02: %.*s\n"
             "/about.html\n  X-00: %.*s\n  X-01: %.*s\n  X-03: %.*s\n  X-Given: none\n"
             "/style.css\n  X-00: %.*s\n  X-01: %.*s\n  X-03: %.*s\n",
             VALUE, value, VALUE, value, VALUE, value, VALUE, value, VALUE, value, VALUE + 1, value, VALUE, value,
             VALUE, value, VALUE + 1, value);
    make_file("_headers", rules);
    asked.keeps_store = true;
    struct capture errors = capture_begin(STDERR_FILENO);
    for (unsigned i = 0; i < 2; i++) {
        const char *response = ask(GET("/file.txt", ""));
        assert_has(response, "\r\nX-Given: vvv");
        assert_has(response, "\r\nX-01: vvv");
        assert_has(response, "\r\nX-02: vvv"); /* just within the bound */
        response = ask(GET("/about.html", ""));
        assert_has(response, "\r\nX-Given: none\r\n");
        assert_has(response, "\r\nX-03: vvv");
        response = ask(GET("/style.css", ""));
        assert_has(response, "\r\nX-Given: vvv");
        assert_has(response, "\r\nX-01: vvv");
        assert_lacks(response, "X-03"); /* one byte more */
    }
    capture_end(&errors);
    assert_has(captured, "tinyhttpd: _headers: the fields of a path have more than ");
    assert_int_equal(count_lines(captured), 1);
}

/* A rule with "!" at Netlify, and each rule at Cloudflare. */
static void forced_rules_precede_files(void **state)
{
    (void)state;
    asked.settings.rules = RULES_NETLIFY;
    make_file("_redirects", "/file.txt /new 301!\n/about.html /new 301\n");
    assert_has(ask(GET("/file.txt", "")), "\r\nLocation: /new\r\n");
    assert_body(ask(GET("/about.html", "")), "<p>about</p>");
    asked.settings.rules = RULES_CLOUDFLARE;
    make_file("_redirects", "/file.txt /new 301\n");
    asked.keeps_store = true;
    for (unsigned i = 0; i < 2; i++) {
        assert_has(ask(GET("/file.txt", "")), "\r\nLocation: /new\r\n");
        assert_body(ask(GET("/style.css", "")), "a {}");
    }
}

/* https://developers.cloudflare.com/pages/configuration/serving-pages/ */
static void nearest_404_page_is_sent_at_cloudflare(void **state)
{
    (void)state;
    asked.settings.rules = RULES_CLOUDFLARE;
    assert_int_equal(mkdir("dir/sub", 0755), 0);
    assert_body(ask(GET("/none", "")), "<p>start</p>"); /* an application of one page */
    make_file("dir/404.html", "dir");
    assert_body(ask(GET("/dir/none", "")), "dir");
    assert_body(ask(GET("/dir/none/", "")), "dir");
    assert_body(ask(GET("/dir/sub/none", "")), "dir");
    assert_body(ask(GET("/dir/none/none/none", "")), "dir");
    assert_body(ask(GET("/empty/none", "")), "<p>start</p>");
    make_file("404.html", "root");
    const char *response = ask(GET("/empty/none", ""));
    assert_status(response, 404);
    assert_body(response, "root");
    assert_body(ask(GET("/none", "")), "root");
    assert_body(ask(GET("/dir/.git/none", "")), "root"); /* hidden */
    make_file("dir/sub/404.html", "sub");
    assert_body(ask(GET("/dir/sub/none", "")), "sub");
    assert_body(ask(GET("/dir/sub/none/", "")), "sub");
    assert_body(ask(GET("/dir/none", "")), "dir");
}

/* Asks for "/d/d/...rest". */
static const char *ask_below(unsigned directories, const char *rest)
{
    static char request[512];
    size_t length = (size_t)snprintf(request, sizeof request, "GET ");
    for (unsigned i = 0; i < directories; i++)
        length += (size_t)snprintf(request + length, sizeof request - length, "/d");
    snprintf(request + length, sizeof request - length, "%s HTTP/1.1\r\nHost: localhost\r\n\r\n", rest);
    return ask(request);
}

static void no_404_page_is_looked_for_below_the_bound_at_cloudflare(void **state)
{
    char path[3 * LIMIT_MISSING_PAGES] = "";
    (void)state;
    asked.settings.rules = RULES_CLOUDFLARE;
    make_file("404.html", "root");
    for (unsigned i = 1; i <= LIMIT_MISSING_PAGES + 1; i++) {
        strcat(path, i > 1 ? "/d" : "d");
        assert_int_equal(mkdir(path, 0755), 0);
        size_t length = strlen(path);
        snprintf(path + length, sizeof path - length, "/404.html");
        if (i >= LIMIT_MISSING_PAGES - 1)
            make_file(path, i == LIMIT_MISSING_PAGES - 1 ? "above" : i == LIMIT_MISSING_PAGES ? "last" : "below");
        path[length] = '\0';
    }
    assert_body(ask_below(LIMIT_MISSING_PAGES - 2, "/none"), "root");
    assert_body(ask_below(LIMIT_MISSING_PAGES - 1, "/none"), "above");
    assert_body(ask_below(LIMIT_MISSING_PAGES, "/none"), "last");
    assert_body(ask_below(LIMIT_MISSING_PAGES + 1, "/none"), "last");
    assert_body(ask_below(LIMIT_MISSING_PAGES + 1, "/none/"), "last");
}

static void nothing_but_the_404_page_is_sent_outside_of_the_base_at_cloudflare(void **state)
{
    (void)state;
    asked.settings.rules = RULES_CLOUDFLARE;
    asked.settings.base = "docs";
    make_file("dir/404.html", "dir");
    assert_status(ask(GET("/other/none", "")), 404); /* not the application of one page */
    assert_body(ask(GET("/docs/none", "")), "<p>start</p>");
    make_file("404.html", "root");
    assert_body(ask(GET("/dir/none", "")), "root");
    assert_body(ask(GET("/docs/dir/none", "")), "dir");
}

#define RULED_TEST(name) cmocka_unit_test_setup_teardown(name, open_ruled, close_site)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULED_TEST(redirects_and_rewrites_answer_for_missing_files),
        RULED_TEST(a_rewrite_to_a_directory_is_no_listing),
        RULED_TEST(a_rewrite_of_a_refused_encoded_file_varies_by_encoding),
        RULED_TEST(splats_have_the_final_slash),
        RULED_TEST(redirects_stay_below_the_base),
        RULED_TEST(fields_of_matching_paths_are_sent),
        RULED_TEST(each_of_many_paths_has_its_own_fields),
        RULED_TEST(similar_fields_are_told_apart),
        RULED_TEST(paths_with_equal_fields_share_a_config),
        RULED_TEST(rules_of_a_large_file_are_read_to_the_bound),
        RULED_TEST(a_location_that_is_too_long_is_414),
        RULED_TEST(an_edit_is_in_the_next_response),
        RULED_TEST(an_edit_of_a_file_without_entity_tag_is_in_the_next_response),
        RULED_TEST(a_large_file_that_is_replaced_by_one_of_its_size_and_time_is_read),
        RULED_TEST(restored_rule_files_apply_again),
        RULED_TEST(a_directory_named_redirects_has_no_rules),
        RULED_TEST(bad_lines_are_logged_once_and_bounded),
        RULED_TEST(rules_without_read_permission_are_ignored_and_logged_once),
        RULED_TEST(a_rule_applies_to_a_directory_whose_index_may_not_be_read),
        RULED_TEST(rules_that_cannot_be_read_are_an_error),
        RULED_TEST(fields_beyond_the_bound_are_left_out),
        RULED_TEST(forced_rules_precede_files),
        RULED_TEST(nearest_404_page_is_sent_at_cloudflare),
        RULED_TEST(no_404_page_is_looked_for_below_the_bound_at_cloudflare),
        RULED_TEST(nothing_but_the_404_page_is_sent_outside_of_the_base_at_cloudflare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

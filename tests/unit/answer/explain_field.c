/* Explanations: why Cache-Control has its value, and where each field of a response comes from. */
#include "asked.h"

#define EXPLAIN "Tinyhttpd-Explain: 1\r\n"

static void assert_cache(const char *response, const char *cache)
{
    char line[256];
    snprintf(line, sizeof line, "\ncache       %s\n", cache);
    assert_has(response, line);
}

/* The field is in the response, and the explanation says this of it. */
static void assert_origin(const char *response, const char *name, const char *origin)
{
    char begin[128], end[128];
    snprintf(begin, sizeof begin, "\nfield       %s: ", name);
    snprintf(end, sizeof end, "   (%s)", origin);
    const char *line = strstr(response, begin);
    if (line == NULL)
        fail_msg("no %s in\n%s", name, response);
    size_t length = strcspn(line + 1, "\n") + 1;
    if (length < strlen(end) || strncmp(line + length - strlen(end), end, strlen(end)) != 0)
        fail_msg("not '%s':%.*s", origin, (int)length, line);
}

static void setting_of_cache_is_named(void **state)
{
    (void)state;
    make_file("app.3f9c2a1b4d5e6f708192.js", "run()");
    assert_cache(ask(GET("/file.txt", EXPLAIN)), "no-cache: the default");
    assert_cache(ask(GET("/missing", EXPLAIN)), "no-cache: the content is no file");
    asked.settings.cache = CACHE_OFF;
    assert_cache(ask(GET("/file.txt", EXPLAIN)), "no-store: --cache off");
    assert_cache(ask(GET("/missing", EXPLAIN)), "no-store: --cache off");
    asked.settings.cache = CACHE_AUTO;
    assert_cache(ask(GET("/file.txt", EXPLAIN)), "no-cache: --cache auto: the name has no certain hash");
    assert_cache(ask(GET("/app.3f9c2a1b4d5e6f708192.js", EXPLAIN)),
                 "public, max-age=31536000, immutable: --cache auto: the name has a hash");
    asked.settings.cache = CACHE_SECONDS;
    asked.settings.cache_seconds = 60;
    assert_cache(ask(GET("/file.txt", EXPLAIN)), "public, max-age=60: --cache 60");
    assert_cache(ask(GET("/file.txt", EXPLAIN "Range: bytes=0-0\r\n")), "public, max-age=60: --cache 60");
    assert_cache(ask(GET("/file.txt", EXPLAIN "If-None-Match: *\r\n")), "public, max-age=60: --cache 60");
    assert_cache(ask(GET("/missing", EXPLAIN)), "no-cache: the content is no file");
    asked.settings.headers[asked.settings.header_count++] = "cache-control: private";
    assert_has(ask(GET("/file.txt", EXPLAIN)), ": --header\n");
}

static void path_of_a_cache_rule_is_named(void **state)
{
    static const struct {
        struct cache_rule rule;
        const char *cache;
    } rows[] = {
        {{"empty", CACHE_SECONDS, 60}, "public, max-age=60: --cache /empty=60"},
        {{"empty", CACHE_ASK, 0}, "no-cache: --cache /empty=0"},
        {{"empty", CACHE_OFF, 0}, "no-store: --cache /empty=off"},
        {{"empty", CACHE_AUTO, 0}, "no-cache: --cache /empty=auto"},
        {{"empty", CACHE_IMMUTABLE, 0}, "public, max-age=31536000, immutable: --cache /empty=immutable"},
    };
    (void)state;
    asked.settings.cache_rule_count = 1;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        asked.settings.cache_rules[0] = rows[i].rule;
        assert_cache(ask(GET("/empty/note.txt", EXPLAIN)), rows[i].cache);
        assert_cache(ask(GET("/file.txt", EXPLAIN)), "no-cache: the default");
    }
}

static void fields_of_a_file_have_their_origin(void **state)
{
    (void)state;
    const char *response = ask(GET("/file.txt", EXPLAIN));
    assert_origin(response, "Date", "the clock");
    assert_origin(response, "Server", "always");
    assert_origin(response, "X-Content-Type-Options", "always");
    assert_origin(response, "Cache-Control", "'cache' above");
    assert_origin(response, "Content-Length", "of the file");
    assert_origin(response, "Content-Type", "'type' and 'charset' above");
    assert_origin(response, "Last-Modified", "'modified' above");
    assert_origin(response, "ETag", "'etag' above, or the state of a directory");
    assert_origin(response, "Accept-Ranges", "every file");
    assert_lacks(response, "not known");
    response = ask(GET("/style.css", EXPLAIN "Accept-Encoding: gzip\r\n"));
    assert_origin(response, "Content-Encoding", "'coding' above");
    assert_origin(response, "Vary", "request fields that decide");
    response = ask(GET("/file.txt", EXPLAIN "Range: bytes=0-0\r\n"));
    assert_origin(response, "Content-Range", "'range' above");
    assert_origin(response, "Content-Length", "of the ranges");
    assert_origin(response, "Content-Type", "'type' and 'charset' above");
    response = ask(GET("/file.txt", EXPLAIN "Range: bytes=0-0,5-5\r\n"));
    assert_origin(response, "Content-Type", "several ranges, with a boundary that is random each time");
    assert_origin(response, "Content-Length", "of the ranges");
}

static void fields_of_pages_have_their_origin(void **state)
{
    (void)state;
    const char *response = ask(GET("/missing", EXPLAIN "Accept: text/html\r\n"));
    assert_origin(response, "Content-Type", "the server's own content; Accept decides whether it is a page");
    assert_origin(response, "Content-Length", "of the generated content");
    assert_origin(response, "Content-Security-Policy", "the server's own page");
    response = ask(GET("/file.txt", EXPLAIN "Range: bytes=99-\r\n"));
    assert_origin(response, "Content-Length", "of the generated content");
    assert_origin(ask(GET("/dir", EXPLAIN)), "Location", "the directory's address, relative");
    response = ask("DELETE / HTTP/1.1\r\nHost: localhost\r\n" EXPLAIN "\r\n");
    assert_origin(response, "Allow", "the methods of this server");
    asked.stopping = true;
    assert_origin(ask(GET(SETTINGS_HEALTH_PATH, EXPLAIN)), "Content-Length", "of the generated content");
}

static void fields_of_options_name_the_option(void **state)
{
    (void)state;
    asked.settings.cors = "*";
    asked.settings.headers[asked.settings.header_count++] = "X-Own: 1";
    asked.settings.keep_alive = 7;
    const char *response = ask(GET("/file.txt", EXPLAIN));
    assert_origin(response, "Access-Control-Allow-Origin", "--cors");
    assert_origin(response, "Access-Control-Expose-Headers", "--cors");
    assert_origin(response, "Timing-Allow-Origin", "--cors");
    assert_origin(response, "Cross-Origin-Resource-Policy", "--cors");
    assert_origin(response, "X-Own", "--header");
    assert_origin(response, "Keep-Alive", "--keep-alive");
    assert_origin(response, "Connection", "--keep-alive");
    response = ask(GET("/file.txt", EXPLAIN "Connection: close\r\n"));
    assert_origin(response, "Connection", "the client asks for it, or speaks HTTP/1.0");
    asked.settings.watch = true;
    response = ask(GET("/", EXPLAIN "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"));
    assert_origin(response, "Content-Length", "of the file and the script of --watch");
}

static void fields_of_rules_name_their_line(void **state)
{
    (void)state;
    asked.settings.rules = RULES_PLAIN;
    asked.settings.headers[asked.settings.header_count++] = "X-Given: 1";
    make_file("_headers", "/*\n  X-One: 1\n/file.txt\n  X-Two: 2\n  Cache-Control: max-age=5\n");
    make_file("_redirects", "/old /new 301\n");
    const char *response = ask(GET("/file.txt", EXPLAIN));
    assert_origin(response, "X-One", "_headers:2");
    assert_origin(response, "X-Two", "_headers:4");
    assert_origin(response, "X-Given", "--header");
    assert_cache(response, "max-age=5: _headers:5");
    assert_origin(ask(GET("/old", EXPLAIN)), "Location", "'rule' above");
    asked.settings.rules = RULES_OFF;
    asked.settings.base = "docs";
    assert_origin(ask(GET("/", EXPLAIN)), "Location", "--base");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(setting_of_cache_is_named),          ASKED_TEST(path_of_a_cache_rule_is_named),
        ASKED_TEST(fields_of_a_file_have_their_origin), ASKED_TEST(fields_of_pages_have_their_origin),
        ASKED_TEST(fields_of_rules_name_their_line),    ASKED_TEST(fields_of_options_name_the_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The header lines that the settings give, and the host names that they allow. */
#include "answer/config.h"

#include "http/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct config config;

static void assert_lines(struct span lines, const char *expected)
{
    if (!span_equal(lines, span_of(expected)))
        fail_msg("%.*s\nis not\n%s", (int)lines.length, lines.at, expected);
}

static void settings_without_options_give_the_default_lines(void **state)
{
    static const struct settings settings = {.index = {"index.html"}, .index_count = 1};
    (void)state;
    config_open(&config, &settings, false);
    assert_lines(config.common, RESPONSE_COMMON);
    assert_lines(config.cache, RESPONSE_NO_CACHE);
    assert_lines(config.generated_cache, RESPONSE_NO_CACHE);
    assert_lines(config.immutable, "");
    assert_lines(config.index[0], "index.html");
    assert_lines(config.spa, "");
    assert_int_equal(config.extra_head_bytes, 0);
    assert_false(config.check_host);
}

/* RFC 2068 19.7.1 */
static void connections_are_kept_for_the_seconds_that_are_set(void **state)
{
    struct settings settings = {.index = {"i"}, .index_count = 1, .keep_alive = 75};
    (void)state;
    config_open(&config, &settings, false);
    assert_lines(config.common, RESPONSE_COMMON);
    assert_lines(config.kept, RESPONSE_COMMON "Connection: keep-alive\r\nKeep-Alive: timeout=75\r\n");
    settings.keep_alive = 0;
    config_open(&config, &settings, false);
    assert_lines(config.kept, RESPONSE_COMMON);
}

static void cors_exposes_fields_to_one_origin_too(void **state)
{
    struct settings settings = {.index = {"i"}, .index_count = 1, .cors = "*"};
    (void)state;
    config_open(&config, &settings, false);
    assert_non_null(memmem(config.common.at, config.common.length, "Access-Control-Expose-Headers: ", 31));
    settings.cors = "http://a";
    config_open(&config, &settings, false);
    assert_non_null(memmem(config.common.at, config.common.length, "Access-Control-Expose-Headers: ", 31));
}

static void leading_slashes_of_paths_are_removed(void **state)
{
    struct settings settings = {.index = {"i"}, .index_count = 1, .spa = "//app/index.html"};
    (void)state;
    config_open(&config, &settings, true);
    assert_lines(config.spa, "app/index.html");
    settings.file = "/one";
    config_open(&config, &settings, true);
    assert_lines(config.file, "one");
}

static void the_only_file_is_the_page_of_spa(void **state)
{
    struct settings settings = {.index = {"i"}, .index_count = 1, .spa = "/app.html", .file = "/one"};
    (void)state;
    config_open(&config, &settings, true);
    assert_lines(config.spa, "one");
    settings.spa = NULL;
    config_open(&config, &settings, true);
    assert_lines(config.spa, "");
}

/* The longest lines that the command line accepts fit, here and in a cached header. */
static void the_longest_lines_fit(void **state)
{
    static char origin[LIMIT_ORIGIN + 1], header[LIMIT_HEADER_BYTES - 1];
    struct settings settings = {
        .index = {"i"}, .index_count = 1, .cors = origin, .cache = CACHE_AUTO, .headers = {header}, .header_count = 1};
    (void)state;
    memset(origin, 'o', sizeof origin - 1);
    memset(header, 'h', sizeof header - 1);
    header[1] = ':';
    header[2] = ' ';
    config_open(&config, &settings, false);
    size_t head = config.common.length + config.immutable.length;
    assert_true(config.immutable.length > config.cache.length);
    assert_true(config.extra_head_bytes >= head - sizeof RESPONSE_COMMON RESPONSE_NO_CACHE + 1);
    assert_true(config.common.length > LIMIT_HEADER_BYTES + 2 * LIMIT_ORIGIN);
    /* Fewer lines than the default need no extra room. */
    settings = (struct settings){
        .index = {"i"}, .index_count = 1, .headers = {"Server:", "Cache-Control:"}, .header_count = 2};
    config_open(&config, &settings, false);
    assert_int_equal(config.extra_head_bytes, 0);
    assert_lines(config.common, "X-Content-Type-Options: nosniff\r\n");
    assert_lines(config.cache, "");
    assert_lines(config.generated_cache, RESPONSE_NO_CACHE);
}

static void header_replaces_or_removes_a_default_field(void **state)
{
    static const struct settings settings = {
        .index = {"i"}, .index_count = 1, .headers = {"retry-AFTER: 9", "Content-Security-Policy:"}, .header_count = 2};
    char room[256];
    struct buffer lines = BUFFER(room);
    (void)state;
    config_open(&config, &settings, false);
    config_append_default(&config, &lines, SPAN("Retry-After"), SPAN("1"));
    config_append_default(&config, &lines, SPAN("Content-Security-Policy"), SPAN("default-src 'none'"));
    config_append_default(&config, &lines, SPAN("Retry"), SPAN("own"));
    config_append_default(&config, &lines, SPAN("X-Empty"), SPAN(""));
    assert_lines(buffer_span(&lines), "Retry: own\r\n");
    assert_lines(config.common, RESPONSE_COMMON "retry-AFTER: 9\r\n");
}

static void loopback_bound_and_allowed_names_are_allowed(void **state)
{
    static const struct settings settings = {
        .index = {"i"},
        .index_count = 1,
        .binds = {"my-machine", "127.0.0.1"},
        .bind_count = 2,
        .allowed_hosts = {"a.example", ".b.example"},
        .allowed_host_count = 2,
    };
    (void)state;
    config_open(&config, &settings, false);
    assert_true(config_allows_host(&config, SPAN("localhost")));
    assert_true(config_allows_host(&config, SPAN("My-Machine")));
    assert_true(config_allows_host(&config, SPAN("a.example")));
    assert_true(config_allows_host(&config, SPAN("c.b.example")));
    assert_false(config_allows_host(&config, SPAN("c.a.example")));
    assert_false(config_allows_host(&config, SPAN("my-machine.example")));
    assert_false(config_allows_host(&config, SPAN("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_without_options_give_the_default_lines),
        cmocka_unit_test(connections_are_kept_for_the_seconds_that_are_set),
        cmocka_unit_test(cors_exposes_fields_to_one_origin_too),
        cmocka_unit_test(leading_slashes_of_paths_are_removed),
        cmocka_unit_test(the_only_file_is_the_page_of_spa),
        cmocka_unit_test(the_longest_lines_fit),
        cmocka_unit_test(header_replaces_or_removes_a_default_field),
        cmocka_unit_test(loopback_bound_and_allowed_names_are_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

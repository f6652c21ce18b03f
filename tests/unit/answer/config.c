/* What the command line says of every answer, in lines; and which host names are answered to. */
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

static void nothing_said_is_as_by_itself(void **state)
{
    static const struct settings settings = {.index = "index.html"};
    (void)state;
    config_open(&config, &settings, false);
    assert_lines(config.common, RESPONSE_COMMON);
    assert_lines(config.cache, RESPONSE_NO_CACHE);
    assert_lines(config.unkept, RESPONSE_NO_CACHE);
    assert_lines(config.immutable, "");
    assert_lines(config.index, "index.html");
    assert_lines(config.spa, "");
    assert_int_equal(config.lines, 0);
    assert_false(config.guarded);
}

static void paths_are_relative(void **state)
{
    static const struct settings settings = {.index = "i", .spa = "//app/index.html", .file = "/one"};
    (void)state;
    config_open(&config, &settings, false);
    assert_lines(config.spa, "app/index.html");
    assert_lines(config.file, "one");
}

/* All that a command line may say has its room, here and in the heads that are kept. */
static void the_most_fits(void **state)
{
    static char origin[LIMIT_ORIGIN + 1], header[LIMIT_HEADER_BYTES - 1];
    struct settings settings = {.index = "i",
                                .cors = origin,
                                .isolate = true,
                                .cache = CACHE_AUTO,
                                .headers = {header},
                                .header_count = 1};
    (void)state;
    memset(origin, 'o', sizeof origin - 1);
    memset(header, 'h', sizeof header - 1);
    header[1] = ':';
    header[2] = ' ';
    config_open(&config, &settings, false);
    size_t head = config.common.length + config.immutable.length;
    assert_true(config.immutable.length > config.cache.length);
    assert_true(config.lines >= head - sizeof RESPONSE_COMMON RESPONSE_NO_CACHE + 1);
    assert_true(config.common.length > LIMIT_HEADER_BYTES + 2 * LIMIT_ORIGIN);
    /* Less than what the server says by itself is no more than it. */
    settings = (struct settings){.index = "i", .headers = {"Server:", "Cache-Control:"}, .header_count = 2};
    config_open(&config, &settings, false);
    assert_int_equal(config.lines, 0);
    assert_lines(config.common, "X-Content-Type-Options: nosniff\r\n");
    assert_lines(config.cache, "");
    assert_lines(config.unkept, RESPONSE_NO_CACHE);
}

static void header_stands_in_place_of_the_own_field_of_its_name(void **state)
{
    static const struct settings settings = {
        .index = "i", .headers = {"retry-AFTER: 9", "Content-Security-Policy:"}, .header_count = 2};
    char room[256];
    struct buffer lines = BUFFER(room);
    (void)state;
    config_open(&config, &settings, false);
    config_append_own(&config, &lines, SPAN("Retry-After"), SPAN("1"));
    config_append_own(&config, &lines, SPAN("Content-Security-Policy"), SPAN("default-src 'none'"));
    config_append_own(&config, &lines, SPAN("Retry"), SPAN("own"));
    config_append_own(&config, &lines, SPAN("X-Empty"), SPAN(""));
    assert_lines(buffer_span(&lines), "Retry: own\r\n");
    assert_lines(config.common, RESPONSE_COMMON "retry-AFTER: 9\r\n");
}

static void lists_are_of_tokens(void **state)
{
    (void)state;
    assert_true(config_is_token_list(SPAN("a")));
    assert_true(config_is_token_list(SPAN("range, x-Requested-With,a")));
    assert_true(config_is_token_list(SPAN("a,,b,")));
    assert_false(config_is_token_list(SPAN("a b")));
    assert_false(config_is_token_list(SPAN("a:b")));
    assert_false(config_is_token_list(SPAN("a\tb")));
    assert_false(config_is_token_list(SPAN("\"a\"")));
    assert_false(config_is_token_list(SPAN("caf\xE9")));
}

static void names_are_answered_to(void **state)
{
    static const struct settings settings = {
        .index = "i",
        .binds = {"my-machine", "127.0.0.1"},
        .bind_count = 2,
        .allowed_hosts = {"a.example", ".b.example"},
        .allowed_host_count = 2,
    };
    (void)state;
    config_open(&config, &settings, false);
    assert_true(config_answers_to(&config, SPAN("localhost")));
    assert_true(config_answers_to(&config, SPAN("My-Machine")));
    assert_true(config_answers_to(&config, SPAN("a.example")));
    assert_true(config_answers_to(&config, SPAN("c.b.example")));
    assert_false(config_answers_to(&config, SPAN("c.a.example")));
    assert_false(config_answers_to(&config, SPAN("my-machine.example")));
    assert_false(config_answers_to(&config, SPAN("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_as_by_itself),
        cmocka_unit_test(paths_are_relative),
        cmocka_unit_test(the_most_fits),
        cmocka_unit_test(header_stands_in_place_of_the_own_field_of_its_name),
        cmocka_unit_test(lists_are_of_tokens),
        cmocka_unit_test(names_are_answered_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

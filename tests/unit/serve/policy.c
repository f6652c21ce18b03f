/* What the command line says of every answer, in lines; and whose names are answered to, by what is bound. */
#include "serve/policy.h"

#include "http/response.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct policy policy;

static void assert_lines(struct span lines, const char *expected)
{
    if (!span_equal(lines, span_of(expected)))
        fail_msg("%.*s\nis not\n%s", (int)lines.length, lines.at, expected);
}

static void nothing_said_is_as_by_itself(void **state)
{
    static const struct settings settings = {.index = "index.html"};
    (void)state;
    policy_open(&policy, &settings, NULL, 0);
    assert_lines(policy.common, RESPONSE_COMMON);
    assert_lines(policy.cache, RESPONSE_NO_CACHE);
    assert_lines(policy.unkept, RESPONSE_NO_CACHE);
    assert_lines(policy.immutable, "");
    assert_lines(policy.index, "index.html");
    assert_lines(policy.spa, "");
    assert_int_equal(policy.lines, 0);
    assert_false(policy.guarded);
}

static void header_stands_in_place_of_the_own_field_of_its_name(void **state)
{
    static const struct settings settings = {
        .index = "i", .headers = {"retry-AFTER: 9", "Content-Security-Policy:"}, .header_count = 2};
    char room[256];
    struct buffer lines = BUFFER(room);
    (void)state;
    policy_open(&policy, &settings, NULL, 0);
    policy_append_own(&policy, &lines, SPAN("Retry-After"), SPAN("1"));
    policy_append_own(&policy, &lines, SPAN("Content-Security-Policy"), SPAN("default-src 'none'"));
    policy_append_own(&policy, &lines, SPAN("Retry"), SPAN("own"));
    policy_append_own(&policy, &lines, SPAN("X-Empty"), SPAN(""));
    assert_lines(buffer_span(&lines), "Retry: own\r\n");
    assert_lines(policy.common, RESPONSE_COMMON "retry-AFTER: 9\r\n");
}

static void paths_are_relative(void **state)
{
    static const struct settings settings = {.index = "i", .spa = "//app/index.html", .file = "/one"};
    (void)state;
    policy_open(&policy, &settings, NULL, 0);
    assert_lines(policy.spa, "app/index.html");
    assert_lines(policy.file, "one");
}

/* All that a command line may say has its room, here and in the heads that are kept. */
static void the_most_fits(void **state)
{
    static char origin[LIMIT_ORIGIN + 1], header[LIMIT_HEADER_OCTETS - 1];
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
    policy_open(&policy, &settings, NULL, 0);
    size_t head = policy.common.length + policy.immutable.length;
    assert_true(policy.immutable.length > policy.cache.length);
    assert_true(policy.lines >= head - sizeof RESPONSE_COMMON RESPONSE_NO_CACHE + 1);
    assert_true(policy.common.length > LIMIT_HEADER_OCTETS + 2 * LIMIT_ORIGIN);
    /* Less than what the server says by itself is no more than it. */
    settings = (struct settings){.index = "i", .headers = {"Server:", "Cache-Control:"}, .header_count = 2};
    policy_open(&policy, &settings, NULL, 0);
    assert_int_equal(policy.lines, 0);
    assert_lines(policy.common, "X-Content-Type-Options: nosniff\r\n");
    assert_lines(policy.cache, "");
    assert_lines(policy.unkept, RESPONSE_NO_CACHE);
}

static void lists_are_of_tokens(void **state)
{
    (void)state;
    assert_true(policy_is_token_list(SPAN("a")));
    assert_true(policy_is_token_list(SPAN("range, x-Requested-With,a")));
    assert_true(policy_is_token_list(SPAN("a,,b,")));
    assert_false(policy_is_token_list(SPAN("a b")));
    assert_false(policy_is_token_list(SPAN("a:b")));
    assert_false(policy_is_token_list(SPAN("a\tb")));
    assert_false(policy_is_token_list(SPAN("\"a\"")));
    assert_false(policy_is_token_list(SPAN("caf\xE9")));
}

/* ---- the guard ---- */

static int bound(const char *address)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    bool is_v6 = strchr(address, ':') != NULL;
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(inet_pton(v6.sin6_family, is_v6 ? address : "::", &v6.sin6_addr), 1);
    assert_int_equal(inet_pton(AF_INET, is_v6 ? "0.0.0.0" : address, &v4.sin_addr), 1);
    if (bind(fd, is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4, is_v6 ? sizeof v6 : sizeof v4) <
        0) {
        close(fd); /* no such family here */
        return -1;
    }
    return fd;
}

static void what_is_bound_decides(void **state)
{
    static const struct settings settings = {.index = "i"};
    static const struct {
        const char *addresses[2];
        bool unix_too, guarded;
    } rows[] = {
        {{"127.0.0.1", NULL}, false, true},
        {{"127.0.0.1", "::1"}, false, true},
        {{"127.1.2.3", NULL}, false, true},
        {{"127.0.0.1", NULL}, true, true},
        {{"0.0.0.0", NULL}, false, false},
        {{"127.0.0.1", "0.0.0.0"}, false, false},
        {{"::", NULL}, false, false},
        {{"0.0.0.0", "127.0.0.1"}, true, false},
        {{NULL, NULL}, true, false},
        {{"::ffff:127.0.0.1", NULL}, false, true},
        {{"::ffff:0.0.0.0", NULL}, false, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int fds[3];
        unsigned count = 0;
        for (unsigned k = 0; k < 2 && rows[i].addresses[k] != NULL; k++)
            fds[count++] = bound(rows[i].addresses[k]);
        bool made = count == 0 || fds[count - 1] >= 0;
        if (rows[i].unix_too)
            fds[count++] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        policy_open(&policy, &settings, fds, count);
        if (made && policy.guarded != rows[i].guarded)
            fail_msg("row %zu", i);
        for (unsigned k = 0; k < count; k++)
            close(fds[k]);
    }
}

/* Where it can't be told, nobody is shut out. */
static void what_is_unknown_is_not_guarded(void **state)
{
    static const struct settings settings = {.index = "i"};
    int fd = -1;
    (void)state;
    policy_open(&policy, &settings, &fd, 1);
    assert_false(policy.guarded);
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
    policy_open(&policy, &settings, NULL, 0);
    assert_true(policy_answers_to(&policy, SPAN("localhost")));
    assert_true(policy_answers_to(&policy, SPAN("My-Machine")));
    assert_true(policy_answers_to(&policy, SPAN("a.example")));
    assert_true(policy_answers_to(&policy, SPAN("c.b.example")));
    assert_false(policy_answers_to(&policy, SPAN("c.a.example")));
    assert_false(policy_answers_to(&policy, SPAN("my-machine.example")));
    assert_false(policy_answers_to(&policy, SPAN("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_as_by_itself),
        cmocka_unit_test(header_stands_in_place_of_the_own_field_of_its_name),
        cmocka_unit_test(paths_are_relative),
        cmocka_unit_test(the_most_fits),
        cmocka_unit_test(lists_are_of_tokens),
        cmocka_unit_test(what_is_bound_decides),
        cmocka_unit_test(what_is_unknown_is_not_guarded),
        cmocka_unit_test(names_are_answered_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

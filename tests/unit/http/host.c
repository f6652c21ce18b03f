/* A request's authority: the check of its name protects a local server from DNS rebinding. */
#include "http/host.h"

#include "fields.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct span name_in(const char *authority)
{
    return host_name(guarded(span_of(authority)));
}

static void names_have_no_port_and_no_final_dot(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"localhost", "localhost"},
        {"localhost:8080", "localhost"},
        {"localhost.", "localhost"},
        {"a.", "a"},
        {"localhost.:80", "localhost"},
        {"example.org:", "example.org"},
        {"[::1]", "[::1]"},
        {"[::1]:8080", "[::1]"},
        {"127.0.0.1:1", "127.0.0.1"},
        {":80", ""},
        {".", "."},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct span name = name_in(rows[i][0]);
        if (!span_equal(name, span_of(rows[i][1])))
            fail_msg("'%s' gives '%.*s'", rows[i][0], (int)name.length, name.at);
    }
}

static void loopback_names_are_recognised(void **state)
{
    static const char *const own[] = {
        "localhost",
        "LocalHost",
        "localhost:8080",
        "localhost.",
        "a.localhost",
        "a.b.LOCALHOST.:1",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.1.2.3",
        "127.255.255.255",
        "[::1]",
        "[::1]:8080",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::FFFF:7f00:1]",
        "0.0.0.0:8080",
        "[::]",
        "[::]:80",
        "ip6-localhost",
        "IP6-loopback",
        "[::ffff:0.0.0.0]",
    };
    static const char *const foreign[] = {
        "",
        ".",
        "localhost.example.org",
        "notlocalhost",
        "localhost1",
        "example.org",
        "10.0.0.1",
        "128.0.0.1",
        "126.255.255.255",
        "127.1",
        "127.0.0.1.example.org",
        "0x7f.0.0.1",
        "2130706433",
        "127.0.0.1.nip.io",
        "[::2]",
        "[fe80::1]",
        "[::ffff:10.0.0.1]",
        "[::127.0.0.1]",
        "[::1",
        "::1",
        "localhost..",
        "0.0.0.1",
        "[::ffff:0.0.0.1]",
        "::",
        "a.ip6-localhost",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(own); i++) {
        if (!host_is_loopback(name_in(own[i])))
            fail_msg("%s", own[i]);
    }
    for (size_t i = 0; i < COUNT(foreign); i++) {
        if (host_is_loopback(name_in(foreign[i])))
            fail_msg("%s", foreign[i]);
    }
    assert_false(host_is_loopback(SPAN_NONE));
}

static void allowed_names_match(void **state)
{
    static const struct {
        const char *name, *allowed;
        bool is;
    } rows[] = {
        {"example.org", "example.org", true},
        {"Example.ORG", "example.org", true},
        {"example.org", "EXAMPLE.org.", true},
        {"example.org", "example.org:8080", true},
        {"www.example.org", "example.org", false},
        {"www.example.org", ".example.org", true},
        {"example.org", ".example.org", true},
        {"badexample.org", ".example.org", false},
        {"example.org.evil", ".example.org", false},
        {"example.org", "", false},
        {"", "", false},
        {"", "example.org", false},
        {"anything", "*", true},
        {"[fe80::1]", "[fe80::1]:80", true},
        {"a", "A", true},
        {"a", ".", false},
        {"", ".", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (host_is_allowed(span_of(rows[i].name), guarded(span_of(rows[i].allowed))) != rows[i].is)
            fail_msg("%s by %s", rows[i].name, rows[i].allowed);
    }
}

/* RFC 9112 3.2.2: the authority of absolute-form replaces Host. */
static void authority_of_absolute_form_replaces_host(void **state)
{
    static const struct {
        const char *head, *host;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "a"},
        {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "b"},
        {"GET HTTP://b:1?x HTTP/1.1\r\nHost: a\r\n\r\n", "b:1"},
        {"GET http://b HTTP/1.0\r\n\r\n", "b"},
        {"GET / HTTP/1.0\r\n\r\n", ""},
        {"GET /http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "a"},
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "a"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct request request;
        request_init(&request);
        request_read_head(&request, rows[i].head, strlen(rows[i].head));
        static struct target target;
        target_parse(request_target(&request), &target);
        struct span host = host_of(&request, &target);
        if (!span_equal(host, span_of(rows[i].host)))
            fail_msg("'%.*s' is not '%s'", (int)host.length, host.at, rows[i].host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_no_port_and_no_final_dot),
        cmocka_unit_test(loopback_names_are_recognised),
        cmocka_unit_test(allowed_names_match),
        cmocka_unit_test(authority_of_absolute_form_replaces_host),
    };
    return cmocka_run_group_tests(tests, guard_open, NULL);
}

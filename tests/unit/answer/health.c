/* The health address, for container probes and load balancers. */
#include "asked.h"

#define HEALTH "/.well-known/tinyhttpd/health"

static void a_healthy_server_says_ok(void **state)
{
    (void)state;
    const char *response = ask(GET(HEALTH, ""));
    assert_status(response, 200);
    assert_has(response, "\r\nContent-Type: text/plain; charset=utf-8\r\n");
    assert_has(response, "\r\nContent-Length: 3\r\n");
    assert_has(response, "\r\nCache-Control: no-cache\r\n");
    assert_body(response, "ok\n");
}

static void a_draining_server_is_503_with_the_reason(void **state)
{
    (void)state;
    asked.stopping = true;
    const char *response = ask(GET(HEALTH, ""));
    assert_status(response, 503);
    assert_body(response, "stopping\n");
}

/* RFC 9110 9.3.2 */
static void head_has_the_status_and_no_body(void **state)
{
    (void)state;
    const char *response = ask("HEAD " HEALTH " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_status(response, 200);
    assert_has(response, "\r\nContent-Length: 3\r\n");
    assert_body(response, "");
    asked.stopping = true;
    assert_status(ask("HEAD " HEALTH " HTTP/1.1\r\nHost: localhost\r\n\r\n"), 503);
}

static void health_is_never_logged(void **state)
{
    (void)state;
    ask(GET(HEALTH, ""));
    assert_true(asked.response.unlogged);
    ask(GET("/file.txt", ""));
    assert_false(asked.response.unlogged);
}

static void a_query_is_ignored(void **state)
{
    (void)state;
    assert_body(ask(GET(HEALTH "?from=probe", "")), "ok\n");
}

static void other_methods_do_not_ask_for_health(void **state)
{
    (void)state;
    assert_status(ask("DELETE " HEALTH " HTTP/1.1\r\nHost: localhost\r\n\r\n"), 405);
    assert_status(ask("OPTIONS " HEALTH " HTTP/1.1\r\nHost: localhost\r\n\r\n"), 204);
}

static void similar_addresses_are_not_the_health_address(void **state)
{
    (void)state;
    assert_status(ask(GET(HEALTH "/", "")), 404);
    assert_status(ask(GET("/.well-known/tinyhttpd/healthy", "")), 404);
}

static void foreign_hosts_are_403_if_host_is_checked(void **state)
{
    (void)state;
    asked.check_host = true;
    assert_status(ask("GET " HEALTH " HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403);
    assert_status(ask("GET " HEALTH " HTTP/1.0\r\n\r\n"), 200); /* no Host: not from a browser */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(a_healthy_server_says_ok),
        ASKED_TEST(a_draining_server_is_503_with_the_reason),
        ASKED_TEST(head_has_the_status_and_no_body),
        ASKED_TEST(health_is_never_logged),
        ASKED_TEST(a_query_is_ignored),
        ASKED_TEST(other_methods_do_not_ask_for_health),
        ASKED_TEST(similar_addresses_are_not_the_health_address),
        ASKED_TEST(foreign_hosts_are_403_if_host_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

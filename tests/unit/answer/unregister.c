/* Service workers of other sites: a missing one unregisters itself. */
#include "asked.h"

#define WORKER \
    "Accept: */*\r\nService-Worker: script\r\nSec-Fetch-Mode: same-origin\r\nSec-Fetch-Dest: " \
    "serviceworker\r\n"

static void a_missing_service_worker_unregisters_itself(void **state)
{
    (void)state;
    asked.check_host = true;
    const char *response = ask(GET("/sw.js", WORKER "If-None-Match: *\r\n"));
    assert_status(response, 200);
    assert_has(response, "\r\nCache-Control: no-store\r\n");
    assert_has(response, "\r\nContent-Type: text/javascript; charset=utf-8\r\n");
    assert_has(response, "registration.unregister()");
    asked.settings.spa = "/index.html";
    assert_has(ask(GET("/sw.js", WORKER)), "registration.unregister()");
}

static void an_existing_service_worker_is_served(void **state)
{
    (void)state;
    asked.check_host = true;
    make_file("sw.js", "own()");
    assert_body(ask(GET("/sw.js", WORKER)), "own()");
    make_file("encoded.js.gz", "own()"); /* in no coding that the client accepts */
    assert_status(ask(GET("/encoded.js", WORKER "Accept-Encoding: br\r\n")), 404);
}

static void other_requests_and_public_servers_have_404(void **state)
{
    (void)state;
    assert_status(ask(GET("/sw.js", WORKER)), 404); /* not bound to loopback only */
    asked.check_host = true;
    assert_status(ask(GET("/sw.js", "")), 404);
    assert_status(ask(GET("/sw.js", "Service-Worker: other\r\n")), 404);
    assert_status(ask(GET("/%zz", WORKER)), 400);
    assert_status(ask("POST /sw.js HTTP/1.1\r\nHost: localhost\r\n" WORKER "Content-Length: 0\r\n\r\n"), 405);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(a_missing_service_worker_unregisters_itself),
        ASKED_TEST(an_existing_service_worker_is_served),
        ASKED_TEST(other_requests_and_public_servers_have_404),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The outcomes of answer(), and their precedence. */
#include "asked.h"

static void files_are_served(void **state)
{
    (void)state;
    const char *response = ask(GET("/file.txt", ""));
    assert_status(response, 200);
    assert_has(response, "Content-Length: 10\r\n");
    assert_body(response, "0123456789");
}

static void invalid_requests_get_their_status(void **state)
{
    (void)state;
    assert_status(ask("GET /file.txt HTTP/1.1\r\n\r\n"), 400);                     /* no Host (RFC 9112 3.2) */
    assert_status(ask("GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);       /* a bad escape */
    assert_status(ask("GET /file.txt HTTP/1.1\r\nHost: a b\r\n\r\n"), 400);        /* an invalid Host */
    assert_status(ask("GET /file.txt HTTP/2.0\r\nHost: localhost\r\n\r\n"), 505);  /* RFC 9110 15.6.6 */
    assert_status(ask("BREW /file.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"), 501); /* RFC 9110 9.1 */
}

static void other_methods_are_405(void **state)
{
    (void)state;
    const char *response = ask("DELETE /file.txt HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_status(response, 405);
    assert_has(response, "Allow: GET, HEAD, OPTIONS\r\n"); /* RFC 9110 15.5.6 */
}

static void options_have_no_body(void **state)
{
    (void)state;
    const char *response = ask("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_status(response, 204);
    assert_has(response, "Allow: GET, HEAD, OPTIONS\r\n");
    assert_body(response, "");
    assert_status(ask("OPTIONS /missing HTTP/1.1\r\nHost: localhost\r\n\r\n"), 204);
}

static void foreign_hosts_are_403_if_host_is_checked(void **state)
{
    (void)state;
    asked.check_host = true;
    const char *response = ask("GET / HTTP/1.1\r\nHost: evil.example:80\r\n\r\n");
    assert_status(response, 403);
    assert_has(response, "--allow-host evil.example");
    assert_true(asked.exchange.reason.text.length > 0); /* for the log */
    assert_status(ask(GET("/", "")), 200);
    asked.settings.allowed_hosts[asked.settings.allowed_host_count++] = "evil.example";
    assert_status(ask("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 200);
    asked.check_host = false;
    assert_status(ask("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n"), 200);
}

/* RFC 9112 3.2.2 */
static void loads_of_other_sites_are_403_if_host_is_checked(void **state)
{
    (void)state;
#define LOAD "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n"
    assert_status(ask(GET("/file.txt", LOAD)), 200);
    asked.check_host = true;
    const char *response = ask(GET("/file.txt", LOAD));
    assert_status(response, 403);
    assert_has(response, "start it with --cors");
    assert_has(response, "\r\nCross-Origin-Resource-Policy: same-site\r\n");
    assert_true(asked.exchange.reason.text.length > 0); /* for the log */
    assert_status(ask("GET / HTTP/1.1\r\nHost: evil.example\r\n" LOAD "\r\n"), 403);
    assert_has(ask(GET("/file.txt", "")), "\r\nCross-Origin-Resource-Policy: same-site\r\n");
    asked.settings.cors = "https://app.example";
    response = ask(GET("/file.txt", LOAD));
    assert_status(response, 200);
    assert_lacks(response, "Resource-Policy");
}

static void the_authority_of_an_absolute_target_replaces_host(void **state)
{
    (void)state;
    asked.check_host = true;
    assert_status(ask("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n"), 403);
    assert_status(ask("GET http://localhost/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 200);
}

static void directories_without_a_slash_are_redirected(void **state)
{
    (void)state;
    const char *response = ask(GET("/dir?a=b", ""));
    assert_status(response, 302);
    assert_has(response, "Location: dir/?a=b\r\n");
    assert_body(ask(GET("/dir/", "")), "<p>dir</p>");
}

static void a_redirect_never_leads_to_another_host(void **state)
{
    (void)state;
    assert_int_equal(mkdir("evil.example", 0755), 0);
    assert_has(ask(GET("//evil.example", "")), "Location: evil.example/\r\n");
    assert_has(ask(GET("/%2Fevil.example", "")), "Location: %2Fevil.example/\r\n");
}

static void own_paths_take_precedence_over_files(void **state)
{
    (void)state;
    assert_int_equal(mkdir(".well-known", 0755), 0);
    assert_int_equal(mkdir(".well-known/tinyhttpd", 0755), 0);
    make_file(".well-known/tinyhttpd/health", "a file");
    make_file("metrics", "a file");
    assert_body(ask(GET("/.well-known/tinyhttpd/health", "")), "ok\n");
    assert_body(ask(GET("/metrics", "")), "a file");
    asked.settings.metrics = "/metrics";
    assert_has(ask(GET("/metrics?query", "")), "tinyhttpd_requests_total");
    assert_true(asked.response.unlogged);
    assert_body(ask("GET http://localhost/.well-known/tinyhttpd/health?a HTTP/1.1\r\nHost: a\r\n\r\n"), "ok\n");
}

static void a_draining_server_is_unhealthy_and_still_answers(void **state)
{
    (void)state;
    asked.stopping = true;
    assert_status(ask(GET("/.well-known/tinyhttpd/health", "")), 503);
    assert_true(asked.response.unlogged);
    assert_status(ask(GET("/file.txt", "")), 200);
}

/* RFC 9110 13.1, 13.2.1: without an entity tag, only "*" matches; without a date, dates are ignored. */
static void generated_responses_have_conditions(void **state)
{
    (void)state;
    static const char *const targets[] = {"/empty/", "/metrics", "/.well-known/tinyhttpd/health",
                                          "/.well-known/tinyhttpd/live.js"};
    static const struct {
        const char *line;
        int status;
    } conditions[] = {
        {"If-Match: \"x\"", 412},
        {"If-Match: *", 200},
        {"If-None-Match: \"x\"", 200},
        {"If-None-Match: *", 304},
        {"If-Match: \"x\"\r\nIf-None-Match: *", 412},
        {"If-Unmodified-Since: Sun, 09 Sep 2001 01:46:40 GMT", 200},
        {"If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT", 200},
    };
    asked.settings.listing = LISTING_ON;
    asked.settings.metrics = "/metrics";
    asked.settings.watch = true;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        for (size_t j = 0; j < sizeof conditions / sizeof *conditions; j++) {
            char get[256];
            snprintf(get, sizeof get, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n", targets[i],
                     conditions[j].line);
            assert_status(ask(get), conditions[j].status);
            assert_int_equal(asked.response.unlogged, i > 0);
        }
    }
    assert_has(ask(GET("/empty/", "If-None-Match: *\r\n")), "\r\nVary: Accept, Sec-"); /* 15.4.5 */
    assert_body(ask(GET("/empty/", "If-None-Match: *\r\n")), "");
    asked.stopping = true; /* a 503 has no conditions */
    assert_status(ask(GET("/.well-known/tinyhttpd/health", "If-None-Match: *\r\n")), 503);
}

static void missing_files_are_404(void **state)
{
    (void)state;
    assert_status(ask(GET("/missing", "")), 404);
    assert_status(ask(GET("/.hidden", "")), 404);
    assert_status(ask(GET("/file.txt/", "")), 404);
    make_file("404.html", "<p>lost</p>");
    const char *response = ask(GET("/missing", "Range: bytes=0-1\r\nIf-None-Match: *\r\n"));
    assert_status(response, 404); /* conditions apply to a 200 only (RFC 9110 13.2.1) */
    assert_body(response, "<p>lost</p>");
}

/* RFC 9110 9.3.2 */
static void head_has_the_fields_of_get_and_no_body(void **state)
{
    (void)state;
    static const char *const targets[] = {"/file.txt", "/missing", "/dir", "/empty/", "/style.css"};
    static char whole[65536];
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char get[128], head[128];
        snprintf(get, sizeof get, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", targets[i]);
        snprintf(head, sizeof head, "HEAD %s HTTP/1.1\r\nHost: localhost\r\n\r\n", targets[i]);
        strcpy(whole, ask(get));
        strstr(whole, "\r\n\r\n")[4] = '\0';
        assert_string_equal(ask(head), whole);
    }
}

/* The server can't tell where the next request would begin (RFC 9112 9.6, RFC 9110 9.3.6). */
static void requests_whose_end_is_unknown_close_the_connection(void **state)
{
    (void)state;
    const char *response = ask("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n");
    assert_status(response, 405);
    assert_has(response, "\r\nConnection: close\r\n");
    response = ask("GET /file.txt HTTP/1.1\r\nHost: localhost\r\nno field\r\n\r\n");
    assert_status(response, 400);
    assert_has(response, "\r\nConnection: close\r\n");
    assert_lacks(ask(GET("/missing", "")), "Connection:");
}

static void invalid_authorities_are_400_not_403(void **state)
{
    (void)state;
    asked.check_host = true;
    assert_status(ask("GET http://a%zz/ HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(files_are_served),
        ASKED_TEST(invalid_requests_get_their_status),
        ASKED_TEST(other_methods_are_405),
        ASKED_TEST(options_have_no_body),
        ASKED_TEST(foreign_hosts_are_403_if_host_is_checked),
        ASKED_TEST(loads_of_other_sites_are_403_if_host_is_checked),
        ASKED_TEST(the_authority_of_an_absolute_target_replaces_host),
        ASKED_TEST(directories_without_a_slash_are_redirected),
        ASKED_TEST(a_redirect_never_leads_to_another_host),
        ASKED_TEST(own_paths_take_precedence_over_files),
        ASKED_TEST(a_draining_server_is_unhealthy_and_still_answers),
        ASKED_TEST(generated_responses_have_conditions),
        ASKED_TEST(missing_files_are_404),
        ASKED_TEST(head_has_the_fields_of_get_and_no_body),
        ASKED_TEST(requests_whose_end_is_unknown_close_the_connection),
        ASKED_TEST(invalid_authorities_are_400_not_403),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

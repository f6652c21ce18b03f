/* Explanations: which requests get one, and what replaces the response. */
#include "asked.h"

#define EXPLAIN "Tinyhttpd-Explain: 1\r\n"

/* A line of the explanation: its label, padded, and its text. */
static void assert_line(const char *response, const char *line)
{
    char whole[256];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    assert_has(response, whole);
}

static void the_response_is_replaced(void **state)
{
    (void)state;
    const char *response = ask(GET("/file.txt", EXPLAIN));
    assert_status(response, 200);
    assert_has(response, "\r\nCache-Control: no-store\r\nContent-Type: text/plain; charset=utf-8\r\n");
    assert_has(response, "\r\n\r\n200 OK\n\ntarget      /file.txt -> file.txt\n");
    assert_line(response, "file        file.txt: found, 10 bytes");
    assert_line(response, "field       Content-Length: 10   (of the file)");
    response = ask(GET("/file.txt", EXPLAIN "If-None-Match: \"x\"\r\n"));
    assert_line(response, "condition   If-None-Match: \"x\": true");
    response = ask(GET("/file.txt", EXPLAIN));
    assert_lacks(response, "0123456789");
    assert_null(asked.exchange.entry);
}

static void head_gets_only_the_head(void **state)
{
    (void)state;
    const char *response = ask("HEAD /file.txt HTTP/1.1\r\nHost: localhost\r\n" EXPLAIN "\r\n");
    assert_status(response, 200);
    assert_body(response, "");
}

static void errors_are_explained_and_not_logged_as_such(void **state)
{
    (void)state;
    const char *response = ask(GET("/missing", EXPLAIN "Accept: */*\r\n"));
    assert_status(response, 200);
    assert_has(response, "\r\n\r\n404 Not Found\n");
    assert_line(response, "name        missing: not found");
    assert_line(response, "reason      There is no 'missing' in the root.");
    assert_int_equal(asked.exchange.reason.text.length, 0);
    asked.stopping = true;
    response = ask(GET(SETTINGS_HEALTH_PATH, EXPLAIN));
    assert_status(response, 200);
    assert_has(response, "\r\n\r\n503 Service Unavailable\n");
    assert_true(asked.response.unlogged);
}

static void client_is_explained(void **state)
{
    (void)state;
    make_file("one", "1");
    const char *response = ask(GET("/one", EXPLAIN));
    assert_line(response, "client      local");
    assert_line(response, "file        one: found, 1 byte");
    struct network *proxy = &asked.settings.trusted_proxies[asked.settings.trusted_proxy_count++];
    assert_true(address_parse_network(SPAN("127.0.0.1"), proxy));
    response = ask(GET("/one", EXPLAIN "X-Forwarded-For: 127.0.0.2\r\n"));
    assert_line(response, "client      local, as a trusted proxy's X-Forwarded-For says");
    asked.origin.named = true;
    assert_true(address_parse(SPAN("127.0.0.1"), &asked.origin.client));
    assert_line(ask(GET("/one", EXPLAIN)), "client      local, as a trusted proxy's PROXY header says");
}

static void listings_are_not_produced(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    const char *response = ask(GET("/empty/", EXPLAIN));
    assert_line(response, "listing     allowed by --list");
    assert_lacks(response, "note.txt");
    assert_null(asked.response.producer);
}

static void reasons_for_and_against_a_listing_are_told(void **state)
{
    (void)state;
    assert_line(ask(GET("/empty/", EXPLAIN)), "listing     not for this request");
    asked.check_host = true;
    assert_line(ask(GET("/empty/", EXPLAIN)), "listing     allowed to this client");
    const char *response = ask(GET("/none/", EXPLAIN));
    assert_line(response, "listing     there is no such directory");
    assert_lacks(response, "\nrange");
    asked.settings.listing = LISTING_OFF;
    assert_line(ask(GET("/empty/", EXPLAIN)), "listing     none, by --no-list");
    assert_line(ask(GET("/empty", EXPLAIN)), "directory   empty: its address has a slash");
}

static void siblings_are_explained_with_their_original(void **state)
{
    (void)state;
    const char *response = ask(GET("/style.css", EXPLAIN "Accept-Encoding: gzip;q=0.125, *;q=0\r\n"));
    assert_line(response, "file        style.css: found, 4 bytes");
    assert_line(response, "coding      gzip (forms: identity refused, gzip q=0.125)");
    assert_line(response, "type        text/css: extension .css");
    response = ask(GET("/style.css", EXPLAIN "Accept-Encoding: identity;q=1, gzip;q=0.05\r\n"));
    assert_line(response, "coding      identity (forms: identity q=1, gzip q=0.05)");
}

static void conditions_and_ranges_are_explained(void **state)
{
    (void)state;
    const char *response = ask(GET("/file.txt", EXPLAIN "If-Match: *\r\nIf-None-Match: \"x\"\r\nRange: bytes=2-3\r\n"));
    assert_has(response, "\r\n\r\n206 Partial Content\n");
    assert_line(response, "condition   If-Match: *: true");
    assert_line(response, "condition   If-None-Match: \"x\": true");
    assert_line(response, "range       bytes 2 to 3");
    response = ask(GET("/file.txt", EXPLAIN "If-Match: \"x\"\r\nIf-None-Match: \"x\"\r\n"));
    assert_line(response, "condition   If-Match: \"x\": false, 412");
    assert_lacks(response, "condition   If-None-Match");
    response = ask(GET("/file.txt", EXPLAIN "If-None-Match: *\r\nRange: bytes=2-3\r\n"));
    assert_has(response, "\r\n\r\n304 Not Modified\n");
    assert_lacks(response, "\nrange");
    response = ask(GET("/file.txt", EXPLAIN "If-Match: \"x\"\r\nRange: bytes=2-3\r\n"));
    assert_lacks(response, "\nrange");
    response = ask(GET("/file.txt", EXPLAIN));
    assert_lacks(response, "\nrange");
    assert_line(response, "coding      identity (the only form)");
}

static void hidden_and_encoded_files_are_explained(void **state)
{
    (void)state;
    assert_line(ask(GET("/.hidden", EXPLAIN)), "hidden      .hidden: needs --dotfiles");
    make_file("p.svgz", "compressed");
    const char *response = ask(GET("/p.svgz", EXPLAIN "Accept-Encoding: gzip\r\n"));
    assert_line(response, "coding      gzip: that of the file's name");
    response = ask(GET("/p.svgz", EXPLAIN "Accept-Encoding: identity\r\n"));
    assert_line(response, "coding      gzip: not accepted, so the file is sent to be saved");
    response = ask(GET("/p.svgz", EXPLAIN "Accept-Encoding: *;q=0\r\n"));
    assert_line(response, "coding      gzip: that of the file's name, and not accepted");
    make_file("alone.css.gz", "compressed");
    response = ask(GET("/alone.css", EXPLAIN "Accept-Encoding: gzip\r\n"));
    assert_has(response, "\ncoding      gzip: the best of those that exist (gzip");
}

static void first_ranges_of_many_are_explained(void **state)
{
    (void)state;
    make_file("long.txt", "0123456789012345678901234567890123456789");
    const char *response = ask(GET("/long.txt", EXPLAIN "Range: bytes=0-0,4-4,8-8,12-12,16-16,20-20,24-24,28-28\r\n"));
    assert_line(response, "range       bytes 28 to 28");
    assert_lacks(response, " more\n");
    response = ask(GET("/long.txt", EXPLAIN "Range: bytes=0-0,4-4,8-8,12-12,16-16,20-20,24-24,28-28,32-32\r\n"));
    assert_line(response, "range       bytes 28 to 28");
    assert_lacks(response, "bytes 32 to 32");
    assert_line(response, "range       1 more");
}

static void refused_hosts_are_explained_without_files(void **state)
{
    (void)state;
    asked.check_host = true;
    const char *response = ask("GET /file.txt HTTP/1.1\r\nHost: evil.example\r\n" EXPLAIN "\r\n");
    assert_has(response, "\r\n\r\n403 Forbidden\n\ntarget      /file.txt\n");
    assert_line(response, "host        evil.example: refused, no name of this server (DNS rebinding)");
    assert_lacks(response, "\nfile ");
}

static void other_hosts_get_the_ordinary_response(void **state)
{
    (void)state;
    static const char request[] = "GET /file.txt HTTP/1.1\r\nHost: site.example\r\n" EXPLAIN "\r\n";
    assert_body(ask(request), "0123456789"); /* another machine may have sent it through a tunnel */
    asked.check_host = true;
    asked.settings.allowed_hosts[asked.settings.allowed_host_count++] = "site.example";
    assert_body(ask(request), "0123456789");
}

static void clients_that_are_not_local_get_the_ordinary_response(void **state)
{
    (void)state;
    assert_body(ask(GET("/file.txt", EXPLAIN "Via: 1.1 proxy\r\n")), "0123456789");
    assert_body(ask(GET("/file.txt", EXPLAIN "X-Forwarded-For: 127.0.0.1\r\n")), "0123456789");
    assert_body(ask("GET /file.txt HTTP/1.0\r\nHost: localhost\r\n" EXPLAIN "\r\n"), "0123456789");
    asked.origin.peer.v4.sin_addr.s_addr = htonl(0xC0000207);
    assert_body(ask(GET("/file.txt", EXPLAIN)), "0123456789");
}

/* --cors lets scripts of any site read responses. */
static void scripts_of_other_sites_get_the_ordinary_response(void **state)
{
    (void)state;
    static const char request[] = GET("/file.txt", EXPLAIN "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\n");
    assert_has(ask(request), "\n\n");
    asked.settings.cors = "*";
    assert_body(ask(request), "0123456789");
}

static void only_the_value_1_asks(void **state)
{
    (void)state;
    static const char *const requests[] = {
        GET("/file.txt", "Tinyhttpd-Explain: 0\r\n"),
        GET("/file.txt", "Tinyhttpd-Explain:\r\n"),
        GET("/file.txt", "Tinyhttpd-Explain: 11\r\n"),
        GET("/file.txt", EXPLAIN EXPLAIN),
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        assert_body(ask(requests[i]), "0123456789");
}

static void bad_requests_are_not_explained(void **state)
{
    (void)state;
    assert_status(ask("GET /file.txt HTTP/1.1\r\n" EXPLAIN "\r\n"), 400);
    assert_status(ask(GET("/file.txt", EXPLAIN "bad field\r\n")), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(the_response_is_replaced),
        ASKED_TEST(head_gets_only_the_head),
        ASKED_TEST(errors_are_explained_and_not_logged_as_such),
        ASKED_TEST(client_is_explained),
        ASKED_TEST(listings_are_not_produced),
        ASKED_TEST(reasons_for_and_against_a_listing_are_told),
        ASKED_TEST(first_ranges_of_many_are_explained),
        ASKED_TEST(hidden_and_encoded_files_are_explained),
        ASKED_TEST(siblings_are_explained_with_their_original),
        ASKED_TEST(conditions_and_ranges_are_explained),
        ASKED_TEST(refused_hosts_are_explained_without_files),
        ASKED_TEST(other_hosts_get_the_ordinary_response),
        ASKED_TEST(clients_that_are_not_local_get_the_ordinary_response),
        ASKED_TEST(scripts_of_other_sites_get_the_ordinary_response),
        ASKED_TEST(only_the_value_1_asks),
        ASKED_TEST(bad_requests_are_not_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

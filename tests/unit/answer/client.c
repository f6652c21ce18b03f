/* The client of a request: the peer, or the address that a trusted proxy forwards; whether it is local, and whether a
   person or a script asks. */
#include "asked.h"

#define ACCEPT "Accept: text/plain\r\n"

/* Only local clients see reasons. */
static bool shows_reason(const char *request)
{
    return strstr(ask(request), "about") != NULL;
}

static void local_clients_see_the_reason_of_a_404(void **state)
{
    (void)state;
    assert_true(shows_reason(GET("/abuot.html", ACCEPT)));
    assert_false(shows_reason(GET("/abuot.html", ""))); /* no Accept: not a browser */
    assert_false(shows_reason("GET /abuot.html HTTP/1.1\r\nHost: example.org\r\n" ACCEPT "\r\n"));
}

static void remote_clients_see_no_reason(void **state)
{
    (void)state;
    asked.origin.peer.v4.sin_addr.s_addr = htonl(0xC0000201); /* 192.0.2.1 */
    assert_false(shows_reason(GET("/abuot.html", ACCEPT)));
    asked.logs_reasons = true; /* the log has it, the response has not */
    assert_false(shows_reason(GET("/abuot.html", ACCEPT)));
    assert_true(asked.exchange.reason.text.length > 0);
}

static void clients_of_a_proxy_see_no_reason(void **state)
{
    (void)state;
    assert_false(shows_reason(GET("/abuot.html", ACCEPT "Via: 1.1 proxy\r\n")));
    assert_false(shows_reason(GET("/abuot.html", ACCEPT "X-Forwarded-For: 127.0.0.1\r\n")));
    assert_false(shows_reason(GET("/abuot.html", ACCEPT "Forwarded: for=127.0.0.1\r\n")));
    assert_false(shows_reason("GET /abuot.html HTTP/1.0\r\nHost: localhost\r\n" ACCEPT "\r\n"));
}

static void a_trusted_proxy_names_the_client(void **state)
{
    (void)state;
    struct network *proxy = &asked.settings.trusted_proxies[asked.settings.trusted_proxy_count++];
    assert_true(address_parse_network(SPAN("127.0.0.1"), proxy));
    ask(GET("/file.txt", "X-Forwarded-For: 192.0.2.7\r\n"));
    assert_int_equal(ntohl(client_address(&asked.exchange.client)->v4.sin_addr.s_addr), 0xC0000207);
    assert_true(asked.exchange.client.forwarded);
    assert_false(shows_reason(GET("/abuot.html", ACCEPT "X-Forwarded-For: 192.0.2.7\r\n")));
    assert_true(shows_reason(GET("/abuot.html", ACCEPT "X-Forwarded-For: 127.0.0.1\r\n")));
}

static void forwarded_addresses_have_their_family(void **state)
{
    (void)state;
    struct network *proxy = &asked.settings.trusted_proxies[asked.settings.trusted_proxy_count++];
    assert_true(address_parse_network(SPAN("127.0.0.1"), proxy));
    ask(GET("/file.txt", "X-Forwarded-For: 192.0.2.7\r\n"));
    assert_int_equal(client_address(&asked.exchange.client)->any.sa_family, AF_INET);
    ask(GET("/file.txt", "X-Forwarded-For: 2001:db8::7\r\n"));
    const union peer *client = client_address(&asked.exchange.client);
    assert_int_equal(client->any.sa_family, AF_INET6);
    assert_int_equal(client->v6.sin6_addr.s6_addr[1], 1);
    assert_int_equal(client->v6.sin6_addr.s6_addr[15], 7);
}

/* The PROXY header of a connection. */
static void client_of_the_connection_is_the_one_that_its_proxy_names(void **state)
{
    (void)state;
    struct network *proxy = &asked.settings.trusted_proxies[asked.settings.trusted_proxy_count++];
    assert_true(address_parse_network(SPAN("127.0.0.1"), proxy));
    asked.origin.named = true;
    assert_true(address_parse(SPAN("192.0.2.7"), &asked.origin.client));
    assert_false(shows_reason(GET("/abuot.html", ACCEPT)));
    assert_true(asked.exchange.client.forwarded);
    assert_int_equal(ntohl(client_address(&asked.exchange.client)->v4.sin_addr.s_addr), 0xC0000207);
    ask(GET("/file.txt", "X-Forwarded-For: 192.0.2.8\r\n")); /* by a client that is no proxy */
    assert_int_equal(ntohl(client_address(&asked.exchange.client)->v4.sin_addr.s_addr), 0xC0000207);
    assert_true(address_parse(SPAN("127.0.0.1"), &asked.origin.client));
    assert_true(shows_reason(GET("/abuot.html", ACCEPT)));
    asked.origin = (struct origin){.peer = asked.origin.peer, .unnamed = true};
    assert_false(shows_reason(GET("/abuot.html", ACCEPT)));
}

static void untrusted_peers_are_the_client(void **state)
{
    (void)state;
    struct network *proxy = &asked.settings.trusted_proxies[asked.settings.trusted_proxy_count++];
    assert_true(address_parse_network(SPAN("10.0.0.0/8"), proxy));
    ask(GET("/file.txt", "X-Forwarded-For: 192.0.2.7\r\n"));
    assert_int_equal(ntohl(client_address(&asked.exchange.client)->v4.sin_addr.s_addr), INADDR_LOOPBACK);
    assert_false(asked.exchange.client.forwarded);
}

/* The proxy's loopback is another machine. */
static void loopback_clients_of_a_remote_proxy_are_not_local(void **state)
{
    (void)state;
    struct network *proxy = &asked.settings.trusted_proxies[asked.settings.trusted_proxy_count++];
    assert_true(address_parse_network(SPAN("192.0.2.1"), proxy));
    asked.origin.peer.v4.sin_addr.s_addr = htonl(0xC0000201); /* 192.0.2.1 */
    assert_false(shows_reason(GET("/abuot.html", ACCEPT "X-Forwarded-For: 127.0.0.1\r\n")));
    assert_true(asked.exchange.client.forwarded);
}

static void unix_socket_peers_are_local(void **state)
{
    (void)state;
    asked.origin.peer = (union peer){.any = {.sa_family = AF_UNIX}};
    assert_true(shows_reason(GET("/abuot.html", ACCEPT)));
    ask(GET("/file.txt", "X-Forwarded-For: 192.0.2.7\r\n"));
    assert_false(asked.exchange.client.forwarded);
}

static void a_trusted_unix_socket_names_the_client(void **state)
{
    (void)state;
    asked.origin.peer = (union peer){.any = {.sa_family = AF_UNIX}};
    asked.settings.trusts_unix = true;
    ask(GET("/file.txt", "X-Forwarded-For: 192.0.2.7\r\n"));
    assert_int_equal(ntohl(client_address(&asked.exchange.client)->v4.sin_addr.s_addr), 0xC0000207);
    assert_true(asked.exchange.client.forwarded);
}

static enum client_kind kind_of(const char *lines, bool live_check)
{
    static char text[1024];
    static struct request request;
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: localhost\r\n%s\r\n", lines);
    request_init(&request);
    assert_int_equal(request_read_head(&request, text, strlen(text)), REQUEST_WHOLE);
    return client_kind(&request, live_check);
}

#define HTML "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
#define MODE(mode, dest) "Sec-Fetch-Mode: " mode "\r\nSec-Fetch-Dest: " dest "\r\n"

static void fetch_metadata_tells_navigations_from_scripts(void **state)
{
    static const struct {
        const char *lines;
        enum client_kind kind;
    } rows[] = {
        {HTML MODE("navigate", "document"), CLIENT_NAVIGATION},
        {HTML MODE("navigate", "iframe"), CLIENT_NAVIGATION},
        {HTML MODE("navigate", "empty"), CLIENT_NAVIGATION}, /* by a service worker */
        {"Sec-Fetch-Mode: navigate\r\n", CLIENT_NAVIGATION},
        {"Accept: */*\r\n" MODE("navigate", "document"), CLIENT_NAVIGATION},
        {HTML MODE("navigate", "object"), CLIENT_SUBRESOURCE},
        {HTML MODE("navigate", "embed"), CLIENT_SUBRESOURCE},
        {HTML MODE("cors", "empty"), CLIENT_SUBRESOURCE},
        {HTML MODE("same-origin", "empty"), CLIENT_SUBRESOURCE},
        {"Accept: */*\r\n" MODE("no-cors", "script"), CLIENT_SUBRESOURCE},
        {"Accept: image/avif,*/*;q=0.8\r\n" MODE("no-cors", "image"), CLIENT_SUBRESOURCE},
        {MODE("navigate", "document") "X-Requested-With: XMLHttpRequest\r\n", CLIENT_NAVIGATION},
        {"Sec-Fetch-Mode: navigate\r\nSec-Fetch-Mode: cors\r\n", CLIENT_SUBRESOURCE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (kind_of(rows[i].lines, false) != rows[i].kind)
            fail_msg("%s", rows[i].lines);
    }
}

static void live_check_counts_as_the_navigation_that_opened_the_page(void **state)
{
    (void)state;
    assert_int_equal(kind_of(HTML MODE("cors", "empty"), true), CLIENT_NAVIGATION);
    assert_int_equal(kind_of(HTML, true), CLIENT_LIKELY_NAVIGATION);
    assert_int_equal(kind_of("Accept: */*\r\n" MODE("cors", "empty"), true), CLIENT_SUBRESOURCE);
    assert_int_equal(kind_of(HTML MODE("cors", "empty") "Sec-Fetch-Site: cross-site\r\n", true), CLIENT_SUBRESOURCE);
}

/* Browsers send no Fetch Metadata to http addresses in a LAN. */
static void without_fetch_metadata_other_fields_tell(void **state)
{
    (void)state;
    assert_int_equal(kind_of(HTML, false), CLIENT_LIKELY_NAVIGATION);
    assert_int_equal(kind_of("Accept: text/html, */*; q=0.01\r\nX-Requested-With: XMLHttpRequest\r\n", false),
                     CLIENT_SUBRESOURCE); /* jQuery */
    assert_int_equal(kind_of(HTML "X-Requested-With: com.example.app\r\n", false),
                     CLIENT_LIKELY_NAVIGATION); /* Android's WebView */
    assert_int_equal(kind_of("Accept: application/json, text/html;q=0.5\r\n", false), CLIENT_PROGRAM);
    assert_int_equal(kind_of("Accept: */*\r\n", false), CLIENT_PROGRAM);
    assert_int_equal(kind_of("", false), CLIENT_PROGRAM);
}

static void loads_of_other_sites_are_recognised(void **state)
{
    static const struct {
        const char *lines;
        bool is;
    } rows[] = {
        {"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n", true},
        {"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\n", false},
        {"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n", false},
        {"Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: no-cors\r\n", false},
        {"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: no-cors\r\n", false},
        {"Sec-Fetch-Site: none\r\nSec-Fetch-Mode: no-cors\r\n", false},
        {"Sec-Fetch-Site: cross-site\r\n", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static char text[256];
        static struct request request;
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: localhost\r\n%s\r\n", rows[i].lines);
        request_init(&request);
        request_read_head(&request, text, strlen(text));
        if (client_is_cross_site_load(&request) != rows[i].is)
            fail_msg("%s", rows[i].lines);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(local_clients_see_the_reason_of_a_404),
        ASKED_TEST(remote_clients_see_no_reason),
        ASKED_TEST(clients_of_a_proxy_see_no_reason),
        ASKED_TEST(a_trusted_proxy_names_the_client),
        ASKED_TEST(forwarded_addresses_have_their_family),
        ASKED_TEST(client_of_the_connection_is_the_one_that_its_proxy_names),
        ASKED_TEST(untrusted_peers_are_the_client),
        ASKED_TEST(loopback_clients_of_a_remote_proxy_are_not_local),
        ASKED_TEST(unix_socket_peers_are_local),
        ASKED_TEST(a_trusted_unix_socket_names_the_client),
        ASKED_TEST(loads_of_other_sites_are_recognised),
        ASKED_TEST(fetch_metadata_tells_navigations_from_scripts),
        ASKED_TEST(live_check_counts_as_the_navigation_that_opened_the_page),
        ASKED_TEST(without_fetch_metadata_other_fields_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The facts about a request: host, locality, what asks, media type. */
#include "asked.h"

#define PAGE "Accept: text/html\r\n"

/* RFC 9112 3.2.2 */
static void the_authority_of_an_absolute_target_is_the_host(void **state)
{
    (void)state;
    ask("GET http://example.org:8080/file.txt HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_true(span_equal(asked.exchange.host, SPAN("example.org")));
    assert_true(span_equal(asked.exchange.target->sent_path, SPAN("/file.txt")));
    assert_false(exchange_is_local(&asked.exchange));
}

static void the_host_is_the_name_without_the_port(void **state)
{
    (void)state;
    ask("GET /file.txt?a=b HTTP/1.1\r\nHost: localhost:8080\r\n\r\n");
    assert_true(span_equal(asked.exchange.host, SPAN("localhost")));
    assert_true(span_equal(asked.exchange.target->sent_path, SPAN("/file.txt")));
}

static void a_request_without_host_has_an_empty_one(void **state)
{
    (void)state;
    ask("GET /file.txt HTTP/1.0\r\n\r\n");
    assert_int_equal(asked.exchange.host.length, 0);
}

static void a_client_is_local_by_a_loopback_address_and_name(void **state)
{
    (void)state;
    ask(GET("/file.txt", ""));
    assert_true(exchange_is_local(&asked.exchange));
    ask("GET /file.txt HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n");
    assert_true(exchange_is_local(&asked.exchange));
    ask("GET /file.txt HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
    assert_true(exchange_is_local(&asked.exchange));
    ask("GET /file.txt HTTP/1.1\r\nHost: site.example\r\n\r\n");
    assert_false(exchange_is_local(&asked.exchange));
}

static void reasons_need_an_accept_field(void **state)
{
    (void)state;
    ask(GET("/missing", PAGE));
    assert_true(exchange_wants_reason(&asked.exchange));
    ask(GET("/missing", ""));
    assert_false(exchange_wants_reason(&asked.exchange));
}

static void scripts_of_other_sites_get_no_reason(void **state)
{
    (void)state;
    ask(GET("/missing", "Accept: */*\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\n"));
    assert_false(exchange_wants_reason(&asked.exchange));
    ask(GET("/missing", "Accept: */*\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n"));
    assert_true(exchange_wants_reason(&asked.exchange));
    ask(GET("/missing", PAGE "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n"));
    assert_true(exchange_wants_reason(&asked.exchange));
}

static void without_fetch_metadata_the_origin_tells_the_site(void **state)
{
    static const struct {
        const char *request;
        bool is_foreign;
    } rows[] = {
        {GET("/missing", PAGE "Origin: http://evil.example\r\n"), true},
        {GET("/missing", PAGE "Origin: http://localhost:3000\r\n"), true},
        {GET("/missing", PAGE "Origin: null\r\n"), true},
        {GET("/missing", PAGE "Origin: http://LOCALHOST\r\n"), false},
        {GET("/missing", PAGE "Origin: http://localhost:3000\r\nSec-Fetch-Site: same-site\r\n"), false},
        {"GET http://localhost:3000/ HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nOrigin: "
         "http://localhost:3000\r\n\r\n",
         false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask(rows[i].request);
        assert_int_equal(exchange_wants_reason(&asked.exchange), !rows[i].is_foreign);
    }
}

static void generated_pages_follow_accept(void **state)
{
    (void)state;
    ask(GET("/missing", PAGE));
    assert_int_equal(exchange_media(&asked.exchange), MEDIA_HTML);
    ask(GET("/missing", "Accept: application/json\r\n"));
    assert_int_equal(exchange_media(&asked.exchange), MEDIA_JSON);
}

static unsigned count_of(const char *text, const char *word)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

/* HTTP/1.0 needs the Connection field (RFC 9112 9.3). */
static void connection_field_is_sent_once(void **state)
{
    static const char old[] = "GET /file.txt HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n";
    (void)state;
    const char *response = ask(old);
    assert_int_equal(count_of(response, "Connection: keep-alive\r\n"), 1);
    assert_int_equal(count_of(ask(GET("/file.txt", "")), "Connection:"), 0);
    for (unsigned seconds = 1; seconds <= 2; seconds++) {
        asked.settings.keep_alive = seconds;
        for (unsigned i = 0; i < 2; i++) {
            response = ask(i == 0 ? old : GET("/missing", ""));
            assert_int_equal(count_of(response, "Connection: keep-alive\r\n"), 1);
            assert_int_equal(count_of(response, "Keep-Alive: timeout="), 1);
        }
        response = ask(GET("/file.txt", "Connection: close\r\n"));
        assert_int_equal(count_of(response, "Connection: close\r\n"), 1);
        assert_int_equal(count_of(response, "Keep-Alive:"), 0);
    }
}

/* The facts stay the same even if the request is replaced. */
static void facts_are_computed_once(void **state)
{
    (void)state;
    ask(GET("/missing", PAGE));
    struct exchange *exchange = &asked.exchange;
    bool local = exchange_is_local(exchange);
    enum client_kind kind = exchange_kind(exchange);
    enum media media = exchange_media(exchange);
    static struct request other;
    static const char text[] = "GET / HTTP/1.0\r\nVia: 1.1 proxy\r\nAccept: application/json\r\n\r\n";
    request_init(&other);
    request_read_head(&other, text, strlen(text));
    exchange->request = &other;
    exchange->host = SPAN_NONE;
    assert_true(local && exchange_is_local(exchange));
    assert_int_equal(kind, CLIENT_LIKELY_NAVIGATION);
    assert_int_equal(exchange_kind(exchange), kind);
    assert_int_equal(exchange_media(exchange), media);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(the_authority_of_an_absolute_target_is_the_host),
        ASKED_TEST(the_host_is_the_name_without_the_port),
        ASKED_TEST(a_request_without_host_has_an_empty_one),
        ASKED_TEST(a_client_is_local_by_a_loopback_address_and_name),
        ASKED_TEST(reasons_need_an_accept_field),
        ASKED_TEST(scripts_of_other_sites_get_no_reason),
        ASKED_TEST(without_fetch_metadata_the_origin_tells_the_site),
        ASKED_TEST(generated_pages_follow_accept),
        ASKED_TEST(connection_field_is_sent_once),
        ASKED_TEST(facts_are_computed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

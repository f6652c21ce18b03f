/* Error pages: media type, Content-Security-Policy, and the fields of a status. */
#include "answer/error.h"

#include "asked.h"

static void pages_are_html_for_browsers_and_text_for_programs(void **state)
{
    (void)state;
    const char *response = ask(GET("/missing", "Accept: text/html\r\n"));
    assert_has(response, "\r\nContent-Type: text/html; charset=utf-8\r\n");
    assert_has(response, "<h1><span>404</span> Not Found</h1>");
    response = ask(GET("/missing", "Accept: */*\r\n"));
    assert_has(response, "\r\nContent-Type: text/plain; charset=utf-8\r\n");
    assert_lacks(response, "<");
    assert_has(response, "\r\nVary: Accept\r\n"); /* RFC 9110 12.5.5 */
}

static void pages_allow_no_script_and_are_not_cached(void **state)
{
    (void)state;
    const char *response = ask(GET("/missing", "Accept: text/html\r\n"));
    assert_has(response, "\r\nContent-Security-Policy: default-src 'none'; img-src data:; style-src 'sha256-");
    assert_lacks(response, "script-src");
    assert_has(response, "\r\nCache-Control: no-cache\r\n");
}

static void header_replaces_the_policy_of_pages(void **state)
{
    (void)state;
    asked.settings.headers[asked.settings.header_count++] = "Content-Security-Policy: default-src 'self'";
    const char *response = ask(GET("/missing", "Accept: text/html\r\n"));
    assert_has(response, "\r\nContent-Security-Policy: default-src 'self'\r\n");
    assert_lacks(response, "sha256-");
}

/* RFC 1035 2.3.4 */
static void empty_and_too_long_names_are_not_repeated(void **state)
{
    (void)state;
    char request[512], name[255];
    asked.check_host = true;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", name);
    const char *response = ask(request);
    assert_status(response, 403);
    assert_has(response, "--allow-host NAME");
    assert_lacks(response, "xxx");
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", name + 1);
    assert_has(ask(request), "xxx");
    assert_has(ask("GET / HTTP/1.1\r\nHost: :80\r\n\r\n"), "--allow-host NAME.");
}

static void request_text_is_escaped(void **state)
{
    (void)state;
    asked.check_host = true;
    assert_lacks(ask(GET("/%3Cscript%3E.txt", "Accept: text/html\r\n")), "<script>");
}

/* RFC 9110 10.2.3 */
static void a_server_short_of_descriptors_is_503_with_retry_after(void **state)
{
    (void)state;
    const char *response = ask_without_descriptors(GET("/file.txt", ""));
    assert_status(response, 503);
    assert_has(response, "\r\nRetry-After: 1\r\n");
}

static void header_replaces_retry_after(void **state)
{
    (void)state;
    asked.settings.headers[asked.settings.header_count++] = "Retry-After: 7";
    const char *response = ask_without_descriptors(GET("/file.txt", ""));
    assert_status(response, 503);
    assert_has(response, "\r\nRetry-After: 7\r\n");
    assert_lacks(response, "\r\nRetry-After: 1\r\n");
}

static void a_404_page_links_to_the_start_page(void **state)
{
    (void)state;
    assert_has(ask(GET("/missing", "Accept: text/html\r\n")), "<a href=\"./\">");
    assert_lacks(ask("DELETE / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n"), "<a href");
}

/* Tells the likely cause to everyone: it has no secret. */
static void a_bad_escape_is_explained(void **state)
{
    (void)state;
    asked.origin.peer.v4.sin_addr.s_addr = htonl(0xC0000201); /* 192.0.2.1 */
    const char *response = ask(GET("/50%.txt", ""));
    assert_status(response, 400);
    assert_has(response, "<aside>&#39;%.t&#39; is no escape");
    assert_true(asked.exchange.reason.text.length > 0); /* for the log */
    assert_lacks(ask(GET("/a#b", "")), "<aside>");
}

/* The response with the page of a status, to a request for a file. */
static const char *answer_with(int status, struct span denied_index, struct span location)
{
    static struct part parts[LIMIT_PARTS];
    static char room[LIMIT_RESPONSE_TEXT], sent[65536];
    asked.keeps_store = true;
    ask(GET("/file.txt", "Accept: text/plain\r\n"));
    response_init(&asked.response, parts, room);
    asked.exchange.entry = NULL;
    asked.exchange.denied_index = denied_index;
    asked.exchange.location = location;
    error_answer(&asked.exchange, status, SPAN_NONE);
    sent[read_parts(sent, sizeof sent - 1)] = '\0';
    return sent;
}

static void each_status_has_its_sentence(void **state)
{
    static const struct {
        int status;
        const char *sentence;
    } rows[] = {
        {301, "is incomplete"},
        {302, "is incomplete"},
        {303, "is incomplete"},
        {307, "is incomplete"},
        {308, "is incomplete"},
        {400, "is malformed"},
        {404, "No file matches"},
        {405, "use GET, HEAD or OPTIONS"},
        {406, "none of this file's encodings"},
        {408, "took too long to arrive"},
        {410, "is gone"},
        {412, "not the version that the request requires"},
        {413, "body is too large"},
        {414, "address is too long"},
        {416, "none of the requested bytes"},
        {431, "fields are too long or too many"},
        {451, "for legal reasons"},
        {500, "failed to read"},
        {501, "does not implement"},
        {503, "temporarily unable"},
        {505, "HTTP/1.1 and HTTP/1.0 only"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *response = answer_with(rows[i].status, SPAN_NONE, SPAN_NONE);
        assert_status(response, rows[i].status);
        assert_has(response, rows[i].sentence);
        if (rows[i].status == 405) /* RFC 9110 15.5.6 */
            assert_has(response, "\r\nAllow: GET, HEAD, OPTIONS\r\n");
        else
            assert_lacks(response, "\r\nAllow:");
    }
    assert_has(answer_with(403, SPAN("index.html"), SPAN_NONE), "may not read the index");
    assert_has(answer_with(301, SPAN_NONE, SPAN("/new")), "leads to another one");
    assert_has(answer_with(301, SPAN_NONE, SPAN("/")), "leads to another one");
}

static void a_missing_file_is_told_from_a_missing_directory(void **state)
{
    (void)state;
    asked.settings.file = "gone.txt";
    const char *response = ask(GET("/gone.txt", ""));
    assert_status(response, 503);
    assert_has(response, "The file that this server serves is missing (No such file or directory).");
}

static void similar_names_are_links_for_local_clients(void **state)
{
    static const char link[] = "<a href=\"./file.txt\">Go to /file.txt</a>";
    (void)state;
    asked.check_host = true;
    assert_has(ask(GET("/fil.txt", "Accept: text/html\r\n")), link);
    asked.origin.peer.v4.sin_addr.s_addr = htonl(0xC0000201); /* 192.0.2.1 */
    asked.logs_reasons = true;                                /* so that there is one */
    assert_lacks(ask(GET("/fil.txt", "Accept: text/html\r\n")), "file.txt");
    assert_true(asked.exchange.reason.suggestion.length > 0);
}

static void an_index_with_a_short_name_that_may_not_be_read_is_explained(void **state)
{
    (void)state;
    asked.check_host = true;
    asked.settings.index[0] = "i";
    make_file("empty/i", "private");
    assert_int_equal(chmod("empty/i", 0), 0);
    const char *response = ask_as_user(GET("/empty/", "Accept: text/html\r\n"));
    assert_status(response, 403);
    assert_has(response, "&#39;i&#39; is a file that the server&#39;s user may not read.");
}

static void errors_of_the_server_have_no_fields_of_rules(void **state)
{
    (void)state;
    asked.settings.rules = RULES_PLAIN;
    make_file("_headers", "/*\n  X-All: 1\n");
    assert_has(answer_with(404, SPAN_NONE, SPAN_NONE), "\r\nX-All: 1\r\n");
    assert_lacks(answer_with(500, SPAN_NONE, SPAN_NONE), "X-All");
    assert_lacks(answer_with(503, SPAN_NONE, SPAN_NONE), "X-All");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(pages_are_html_for_browsers_and_text_for_programs),
        ASKED_TEST(pages_allow_no_script_and_are_not_cached),
        ASKED_TEST(header_replaces_the_policy_of_pages),
        ASKED_TEST(empty_and_too_long_names_are_not_repeated),
        ASKED_TEST(request_text_is_escaped),
        ASKED_TEST(a_server_short_of_descriptors_is_503_with_retry_after),
        ASKED_TEST(header_replaces_retry_after),
        ASKED_TEST(a_404_page_links_to_the_start_page),
        ASKED_TEST(each_status_has_its_sentence),
        ASKED_TEST(a_missing_file_is_told_from_a_missing_directory),
        ASKED_TEST(similar_names_are_links_for_local_clients),
        ASKED_TEST(an_index_with_a_short_name_that_may_not_be_read_is_explained),
        ASKED_TEST(errors_of_the_server_have_no_fields_of_rules),
        ASKED_TEST(a_bad_escape_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

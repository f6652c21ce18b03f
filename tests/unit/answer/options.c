/* OPTIONS, and the preflights of cross-origin requests (Fetch standard, "CORS-preflight fetch"). */
#include "answer/options.h"

#include "asked.h"

#define OPTIONS(fields) "OPTIONS /file.txt HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a.example\r\n" fields "\r\n"
#define FIELDS(names) "Access-Control-Request-Headers: " names "\r\n"
#define PREFLIGHT "Access-Control-Request-Method: GET\r\n"

static void preflights_are_allowed_with_cors(void **state)
{
    (void)state;
    assert_lacks(ask(OPTIONS(PREFLIGHT)), "Access-Control-");
    asked.settings.cors = "*";
    const char *response = ask(OPTIONS(PREFLIGHT "Access-Control-Request-Headers: range, x-a\r\n"));
    assert_status(response, 204);
    assert_has(response, "\r\nAccess-Control-Allow-Origin: *\r\n");
    assert_has(response, "\r\nAccess-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n");
    assert_has(response, "\r\nAccess-Control-Allow-Headers: range, x-a\r\n");
}

static void preflights_allow_the_field_names_of_a_list(void **state)
{
    (void)state;
    asked.settings.cors = "*";
    assert_has(ask(OPTIONS(PREFLIGHT FIELDS("a"))), "\r\nAccess-Control-Allow-Headers: a\r\n");
    assert_has(ask(OPTIONS(PREFLIGHT FIELDS("range, x-Requested-With,a"))), "-Headers: range, x-Requested-With,a\r\n");
    assert_has(ask(OPTIONS(PREFLIGHT FIELDS("a,,b,"))), "-Headers: a,,b,\r\n");
}

static void invalid_lists_of_field_names_are_not_repeated(void **state)
{
    (void)state;
    static const char *const requests[] = {
        OPTIONS(PREFLIGHT FIELDS("a b")),  OPTIONS(PREFLIGHT FIELDS("a:b")),   OPTIONS(PREFLIGHT FIELDS("a: b")),
        OPTIONS(PREFLIGHT FIELDS("a\tb")), OPTIONS(PREFLIGHT FIELDS("\"a\"")), OPTIONS(PREFLIGHT FIELDS("caf\xE9")),
    };
    asked.settings.cors = "*";
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        const char *response = ask(requests[i]);
        assert_has(response, "Access-Control-Allow-Methods");
        assert_lacks(response, "Access-Control-Allow-Headers");
    }
}

static void options_without_a_requested_method_are_no_preflight(void **state)
{
    (void)state;
    asked.settings.cors = "*";
    assert_lacks(ask(OPTIONS("")), "Access-Control-Allow-Methods");
}

static void lists_of_field_names_over_the_limit_are_not_repeated(void **state)
{
    (void)state;
    static char request[OPTIONS_FIELDS_MAX + 512], names[OPTIONS_FIELDS_MAX + 2];
    asked.settings.cors = "*";
    memset(names, 'x', sizeof names - 1);
    snprintf(request, sizeof request, OPTIONS(PREFLIGHT "Access-Control-Request-Headers: %s\r\n"), names);
    const char *response = ask(request);
    assert_status(response, 204);
    assert_lacks(response, "Access-Control-Allow-Headers");
    names[OPTIONS_FIELDS_MAX] = '\0';
    snprintf(request, sizeof request, OPTIONS(PREFLIGHT "Access-Control-Request-Headers: %s\r\n"), names);
    assert_has(ask(request), "Access-Control-Allow-Headers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(preflights_are_allowed_with_cors),
        ASKED_TEST(preflights_allow_the_field_names_of_a_list),
        ASKED_TEST(invalid_lists_of_field_names_are_not_repeated),
        ASKED_TEST(options_without_a_requested_method_are_no_preflight),
        ASKED_TEST(lists_of_field_names_over_the_limit_are_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* OPTIONS, and the preflights of cross-origin requests (Fetch standard, "CORS-preflight fetch"). */
#include "asked.h"

#define OPTIONS(fields) \
    "OPTIONS /file.txt HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a.example\r\n" fields "\r\n"
#define PREFLIGHT "Access-Control-Request-Method: GET\r\n"

static void a_preflight_is_answered_where_cors_is_given(void **state)
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

static void nothing_but_a_list_of_names_is_repeated(void **state)
{
    (void)state;
    asked.settings.cors = "*";
    assert_lacks(ask(OPTIONS(PREFLIGHT "Access-Control-Request-Headers: a: b\r\n")),
                 "Access-Control-Allow-Headers");
    assert_lacks(ask(OPTIONS("")), "Access-Control-Allow-Methods"); /* no preflight */
}

static void a_list_of_names_beyond_the_bound_is_not_repeated(void **state)
{
    (void)state;
    static char request[CONFIG_PREFLIGHT_MAX + 512], names[CONFIG_PREFLIGHT_MAX + 2];
    asked.settings.cors = "*";
    memset(names, 'x', sizeof names - 1);
    snprintf(request, sizeof request, OPTIONS(PREFLIGHT "Access-Control-Request-Headers: %s\r\n"), names);
    const char *response = ask(request);
    assert_status(response, 204);
    assert_lacks(response, "Access-Control-Allow-Headers");
    names[CONFIG_PREFLIGHT_MAX] = '\0';
    snprintf(request, sizeof request, OPTIONS(PREFLIGHT "Access-Control-Request-Headers: %s\r\n"), names);
    assert_has(ask(request), "Access-Control-Allow-Headers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(a_preflight_is_answered_where_cors_is_given),
        ASKED_TEST(nothing_but_a_list_of_names_is_repeated),
        ASKED_TEST(a_list_of_names_beyond_the_bound_is_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which header fields --header and _headers can't set, and what to do instead. */
#include "base/reserved_fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_advice(const char *name, const char *text)
{
    const char *advice = reserved_field_advice(span_of(name));
    if (advice == NULL || strstr(advice, text) == NULL)
        fail_msg("%s: %s", name, advice != NULL ? advice : "none");
}

static void fields_of_the_server_are_reserved_in_any_case(void **state)
{
    static const char *const names[] = {
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "Proxy-Connection",
        "Upgrade",
        "TE",
        "Trailer",
        "Date",
        "ETag",
        "Last-Modified",
        "Accept-Ranges",
        "Allow",
        "Location",
        "Content-Range",
        "content-length",
        "TRANSFER-ENCODING",
        "last-modified",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_advice(names[i], "the server sends this field itself");
}

static void fields_with_an_option_of_their_own_name_it(void **state)
{
    (void)state;
    assert_advice("Vary", "leave it out");
    assert_advice("Content-Encoding", "--encoded");
    assert_advice("Content-Type", "--mime");
}

static void other_fields_can_be_set(void **state)
{
    static const char *const names[] = {"Cache-Control", "X-Date", "Dates", "Content", "E", ""};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_null(reserved_field_advice(span_of(names[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_the_server_are_reserved_in_any_case),
        cmocka_unit_test(fields_with_an_option_of_their_own_name_it),
        cmocka_unit_test(other_fields_can_be_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

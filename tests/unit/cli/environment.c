/* Misspelt names of variables. Values are tested in options.c. */
#include "cli/environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Returns the hint for an environment of one variable, or "". */
static const char *hint_for(const char *variable)
{
    static char hint[200];
    char text[200];
    char *own[] = {strncpy(text, variable, sizeof text - 1), NULL}, **before = environ;
    text[sizeof text - 1] = '\0';
    environ = own;
    bool hinted = environment_hint(hint, sizeof hint);
    environ = before;
    return hinted ? hint : "";
}

static void misspelt_names_print_a_hint(void **state)
{
    (void)state;
    assert_string_equal(hint_for("TINYHTTPD_CAHCE=auto"),
                        "environment variable 'TINYHTTPD_CAHCE' is unknown; did you mean 'TINYHTTPD_CACHE'?");
    assert_string_equal(hint_for("TINYHTTPD_NOLIST=1"),
                        "environment variable 'TINYHTTPD_NOLIST' is unknown; did you mean 'TINYHTTPD_NO_LIST'?");
    assert_non_null(strstr(hint_for("TINYHTTPD_PROT"), "TINYHTTPD_PORT"));
}

static void unrelated_variables_are_ignored(void **state)
{
    /* Correct names, variables of images and Kubernetes, and those of other programs. */
    static const char *const variables[] = {"TINYHTTPD_PORT=1",
                                            "TINYHTTPD_VERSION=1.0",
                                            "TINYHTTPD_HOME=/opt",
                                            "TINYHTTPD_SERVICE_HOST=10.0.0.1",
                                            "TINYHTTPD_SERVICE_PORT=80",
                                            "TINYHTTPD_PORT_8080_TCP=tcp://10.0.0.1:8080",
                                            "TINYHTTPD_PORT_8080_TCP_ADDR=10.0.0.1",
                                            "TINYHTTPD_=",
                                            "TINYHTTPD=",
                                            "TINYHTTP_CAHCE=1",
                                            "CAHCE=1",
                                            "=",
                                            ""};
    char large[180];
    (void)state;
    for (size_t i = 0; i < COUNT(variables); i++)
        assert_string_equal(hint_for(variables[i]), "");
    memset(large, 'X', sizeof large - 1);
    memcpy(large, "TINYHTTPD_", 10);
    large[sizeof large - 1] = '\0';
    assert_string_equal(hint_for(large), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misspelt_names_print_a_hint),
        cmocka_unit_test(unrelated_variables_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

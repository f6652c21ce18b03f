/* The distance of words is that of the textbook, up to a bound. */
#include "base/distance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* By the textbook, without any bound. */
static unsigned plain_distance(const char *a, const char *b)
{
    if (*a == '\0' || *b == '\0')
        return (unsigned)(strlen(a) + strlen(b));
    unsigned best = plain_distance(a + 1, b + 1) + (*a != *b);
    unsigned other = plain_distance(a + 1, b) + 1;
    best = other < best ? other : best;
    other = plain_distance(a, b + 1) + 1;
    best = other < best ? other : best;
    if (a[1] != '\0' && b[1] != '\0' && a[0] == b[1] && a[1] == b[0]) {
        other = plain_distance(a + 2, b + 2) + 1;
        best = other < best ? other : best;
    }
    return best;
}

static void distances_are_those_of_the_textbook(void **state)
{
    (void)state;
    static const char *const words[] = {"",    "a",     "ab",    "ba",   "abc",   "acb",
                                        "cab", "index", "idnex", "indx", "inedx", "xedni"};
    enum { COUNT = sizeof words / sizeof *words };
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < COUNT; k++) {
            unsigned expected = plain_distance(words[i], words[k]);
            for (unsigned bound = 0; bound < 4; bound++)
                assert_int_equal(distance_between(span_of(words[i]), span_of(words[k]), bound),
                                 expected <= bound ? expected : bound + 1);
        }
    }
}

/* What is too long is far from everything, itself included; the longest that is compared is not. */
static void long_texts_are_far(void **state)
{
    (void)state;
    char text[DISTANCE_TEXT_MAX + 1];
    memset(text, 'x', sizeof text);
    struct span longest = {text, DISTANCE_TEXT_MAX}, longer = {text, DISTANCE_TEXT_MAX + 1};
    assert_int_equal(distance_between(longest, longest, 2), 0);
    assert_int_equal(distance_between(longest, longer, 2), 3);
    assert_int_equal(distance_between(longer, longest, 2), 3);
    assert_int_equal(distance_between(longer, longer, 2), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_are_those_of_the_textbook),
        cmocka_unit_test(long_texts_are_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The distance equals the textbook's, up to the bound. */
#include "base/distance.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The textbook's algorithm, without a bound. */
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

static size_t work; /* of the last distance */

static unsigned distance(struct span a, struct span b, unsigned bound)
{
    work = 0;
    return distance_between(a, b, bound, &work);
}

static void distances_are_those_of_the_textbook(void **state)
{
    (void)state;
    static const char *const words[] = {"",    "a",     "ab",    "ba",   "abc",   "acb",
                                        "cab", "index", "idnex", "indx", "inedx", "xedni"};
    for (size_t i = 0; i < COUNT(words); i++) {
        for (size_t k = 0; k < COUNT(words); k++) {
            unsigned expected = plain_distance(words[i], words[k]);
            struct span a = span_of(words[i]), b = span_of(words[k]);
            for (unsigned bound = 0; bound < 4; bound++) {
                assert_int_equal(distance(guarded(a), b, bound), expected <= bound ? expected : bound + 1);
                assert_int_equal(distance(a, guarded(b), bound), expected <= bound ? expected : bound + 1);
            }
        }
    }
}

/* Texts longer than DISTANCE_TEXT_MAX exceed the bound, even if they are equal. */
static void long_texts_are_far(void **state)
{
    (void)state;
    char text[DISTANCE_TEXT_MAX + 1];
    memset(text, 'x', sizeof text);
    struct span longest = {text, DISTANCE_TEXT_MAX}, longer = {text, DISTANCE_TEXT_MAX + 1};
    assert_int_equal(distance(longest, longest, 2), 0);
    assert_int_equal(distance(longest, longer, 2), 3);
    assert_int_equal(distance(longer, longest, 2), 3);
    assert_int_equal(distance(longer, longer, 2), 3);
}

/* All words of up to six letters, from an alphabet of two. */
static void common_ends_change_no_distance(void **state)
{
    (void)state;
    char a[7], b[7];
    for (unsigned i = 0; i < 127; i++) {
        for (unsigned k = 0; k < 127; k++) {
            size_t lengths[2] = {0, 0};
            for (unsigned n = i + 1; n > 1; n /= 2)
                a[lengths[0]++] = n % 2 == 0 ? 'a' : 'b';
            for (unsigned n = k + 1; n > 1; n /= 2)
                b[lengths[1]++] = n % 2 == 0 ? 'a' : 'b';
            a[lengths[0]] = b[lengths[1]] = '\0';
            unsigned expected = plain_distance(a, b);
            for (unsigned bound = 0; bound < 7; bound++)
                assert_int_equal(distance(span_of(a), span_of(b), bound), expected <= bound ? expected : bound + 1);
        }
    }
}

static void names_that_differ_at_one_end_cost_little(void **state)
{
    (void)state;
    char a[DISTANCE_TEXT_MAX], b[DISTANCE_TEXT_MAX];
    memset(a, 'a', sizeof a);
    memset(b, 'a', sizeof b);
    struct span x = {a, sizeof a}, y = {b, sizeof b};
    memcpy(a + sizeof a - 3, "123", 3);
    memcpy(b + sizeof b - 3, "456", 3);
    assert_int_equal(distance(x, y, 2), 3);
    assert_int_equal(work, 1 + (sizeof a - 3) + 3 * 3); /* the equal bytes, and the cells of three rows */
    memset(b, 'b', sizeof b);                           /* no byte in common */
    assert_int_equal(distance(x, y, 2), 3);
    assert_int_equal(work, 1 + 3 + 4 + 5); /* rows at the matrix's edge are shorter */
    for (size_t i = 0; i < sizeof a; i++)  /* the first and the last byte differ, so the rest is compared */
        b[i] = a[i];
    b[0] = b[sizeof b - 1] = 'x';
    assert_int_equal(distance(x, y, 2), 2);
    assert_int_equal(work, 1 + 5 * sizeof a - 2 * (2 + 1));
    memset(b + 8, 'x', 3); /* behind some equal bytes so many differ that the rest is not compared */
    assert_int_equal(distance(x, y, 2), 3);
    assert_true(work <= 1 + 5 * 11);
    char longer[4096] = {0};
    assert_int_equal(distance((struct span){longer, sizeof longer}, (struct span){longer, sizeof longer}, 2), 3);
    assert_int_equal(work, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_are_those_of_the_textbook),
        cmocka_unit_test(long_texts_are_far),
        cmocka_unit_test(common_ends_change_no_distance),
        cmocka_unit_test(names_that_differ_at_one_end_cost_little),
    };
    return cmocka_run_group_tests(tests, guard_open, NULL);
}

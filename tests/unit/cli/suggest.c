/* Suggestions for mistyped words, by the rule in suggest.h. */
#include "cli/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const words[] = {"root", "port", "bind", "workers", "quiet", "verbose", "help", "version"};

static void assert_nearest(const char *typed, const char *expected)
{
    const char *nearest = suggest_nearest(typed, words, COUNT(words));
    if (expected == NULL ? nearest != NULL : nearest == NULL || strcmp(nearest, expected) != 0)
        fail_msg("'%s' gives '%s'", typed, nearest != NULL ? nearest : "nothing");
}

static void mistyped_words_are_recognized(void **state)
{
    (void)state;
    assert_nearest("prot", "port");  /* swapped */
    assert_nearest("prt", "port");   /* missing */
    assert_nearest("ports", "port"); /* too many */
    assert_nearest("pork", "port");  /* wrong */
    assert_nearest("rot", "root");
    assert_nearest("roott", "root");
    assert_nearest("hlep", "help");
    assert_nearest("qiuet", "quiet");
    assert_nearest("quite", "quiet");
    assert_nearest("worker", "workers");
    assert_nearest("wrokesr", "workers");
    assert_nearest("verison", "version");
    assert_nearest("verbosity", NULL); /* four changes for seven letters */
    assert_nearest("verbos", "verbose");
    assert_nearest("port", "port");
}

static void unrelated_words_have_no_suggestion(void **state)
{
    (void)state;
    assert_nearest("", NULL);
    assert_nearest("x", NULL);
    assert_nearest("xyzzy", NULL);
    assert_nearest("directory", NULL);
    assert_nearest("daemonize", NULL);
    assert_nearest("PORT", NULL);
}

/* "Up to a third of the word's letters (at least one)": one of four or five letters. */
static void a_third_of_the_letters_may_differ(void **state)
{
    (void)state;
    assert_nearest("poxx", NULL);
    assert_nearest("prts", NULL);
    assert_nearest("rt", NULL);
    assert_nearest("quixx", NULL);
    assert_nearest("verbxxe", "verbose");
    assert_nearest("verbxxx", NULL);
}

static void the_nearest_word_wins(void **state)
{
    static const char *const near[] = {"colour", "color", "colon"};
    (void)state;
    assert_string_equal(suggest_nearest("colou", near, 3), "colour");
    assert_string_equal(suggest_nearest("colon", near, 3), "colon");
    assert_string_equal(suggest_nearest("color", near, 3), "color");
    assert_string_equal(suggest_nearest("color", near + 2, 1), "colon");
    assert_null(suggest_nearest("color", near, 0));
}

static void short_words_need_a_letter_in_common(void **state)
{
    static const char *const shorts[] = {"a", "bc"};
    (void)state;
    assert_null(suggest_nearest("x", shorts, 1));
    assert_null(suggest_nearest("", shorts, 2));
    assert_string_equal(suggest_nearest("cb", shorts, 2), "bc");
    assert_string_equal(suggest_nearest("c", shorts, 2), "bc");
}

static void long_words_are_ignored(void **state)
{
    static char typed[1000];
    static const char *const longs[] = {"an-option-of-more-than-thirty-two-letters", "help",
                                        "another-option-with-a-name-that-is-far-too-long-to-be-typed-in-full-ever"};
    (void)state;
    for (size_t length = 20; length < sizeof typed; length += 3) {
        memset(typed, 'x', length);
        assert_nearest(typed, NULL);
        assert_null(suggest_nearest(typed, longs, COUNT(longs)));
    }
    assert_string_equal(suggest_nearest("hepl", longs, COUNT(longs)), "help");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistyped_words_are_recognized),       cmocka_unit_test(unrelated_words_have_no_suggestion),
        cmocka_unit_test(a_third_of_the_letters_may_differ),   cmocka_unit_test(the_nearest_word_wins),
        cmocka_unit_test(short_words_need_a_letter_in_common), cmocka_unit_test(long_words_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

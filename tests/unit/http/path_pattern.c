/* Patterns of paths: ucarion/urlpath by the IPFS specification, rules-engine.ts of workers-sdk, for_regexp.ts of
   netlify/build. */
#include "http/path_pattern.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct path_set set;
static void *memory;

static const char *open_set(enum path_style style, struct span text)
{
    memory = malloc(path_set_bytes(text, 1));
    assert_non_null(memory);
    path_set_init(&set, style, memory, text, 1);
    return path_set_add(&set, text);
}

/* A pattern, a path, and the captures joined by "|"; NULL: no match. */
struct row {
    const char *pattern, *path, *captures;
};

static void assert_row(enum path_style style, const struct row *row)
{
    struct path_capture captures[LIMIT_RULES_WILDCARDS];
    char joined[256] = "";
    const char *wrong = open_set(style, span_of(row->pattern));
    if (wrong != NULL)
        fail_msg("'%s' %s", row->pattern, wrong);
    bool found = path_set_find(&set, guarded(span_of(row->path)), 0, captures) == 0;
    for (unsigned i = 0; found && i < set.patterns[0].wildcards; i++) {
        strcat(joined, i > 0 ? "|" : "");
        strncat(joined, captures[i].value.at, captures[i].value.length);
    }
    free(memory);
    if (found != (row->captures != NULL))
        fail_msg("'%s' %s '%s'", row->pattern, found ? "matches" : "does not match", row->path);
    if (found && strcmp(joined, row->captures) != 0)
        fail_msg("'%s' of '%s' has '%s'", row->pattern, row->path, joined);
}

static void segments_match_whole_names_and_a_rest(void **state)
{
    static const struct row rows[] = {
        {"/", "/", ""},
        {":a", "/b", "b"},
        {"/", "/a", NULL},
        {"/a", "/a", ""},
        {"/a", "/a/", ""},
        {"/a/", "/a", ""},
        {"/a", "/A", NULL},
        {"/a", "/ab", NULL},
        {"/ab", "/a", NULL},
        {"/a/b", "/a", NULL},
        {"/a//b", "/a/b", ""},
        {"/a%20b", "/a b", ""},
        {"/%C3%BC", "/\xC3\xBC", ""},
        {"/\xC3\xBC", "/\xC3\xBC", ""},
        {"/a%2Fb", "/a/b", ""},
        {"/%2A", "/*", ""},
        {"/%2A", "/x", NULL},
        {"/:a", "/x", "x"},
        {"/:a", "/x/", "x"},
        {"/:a", "/", NULL},
        {"/:a", "/x/y", NULL},
        {"/a:b", "/a:b", ""},
        {"/a:b", "/ax", NULL},
        {"/:", "/:", ""},
        {"/p/:year/:month/:title", "/p/2022/06/x", "2022|06|x"},
        {"/p/:year/:month/:title", "/p/2022/06", NULL},
        {"/:a/x/:b", "/1/x/2", "1|2"},
        {"/:a/x/:b", "/1/y/2", NULL},
        {"/:post-id/x", "/1/x", "1"},
        {"/*", "/", ""},
        {"/*", "/a", "a"},
        {"/*", "/a/b/", "a/b"},
        {"/a/*", "/a", ""},
        {"/a/*", "/a/", ""},
        {"/a/*", "/a/b/c", "b/c"},
        {"/a/*", "/ab", NULL},
        {"/a*", "/ab/c", "b/c"},
        {"/a*", "/a", ""},
        {"/:a/*", "/x", "x|"},
        {"/:a/*", "/x/y/z", "x|y/z"},
        {"/:a/b/*", "/x/b/b/b", "x|b/b"},
        {"/:a/b/*", "/x/b", "x|"},
        {"/:a/b/*", "/x/c/b", NULL},
        {"/:a/b*", "/x/bc/b", "x|c/b"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_row(PATH_SEGMENTS, &rows[i]);
}

static void bytes_match_as_cloudflares_expressions_do(void **state)
{
    static const struct row rows[] = {
        {"/", "/", ""},
        {"a", "/a", ""},
        {"/a", "/a/", NULL},
        {"/a/", "/a", NULL},
        {"/a/", "/a/", ""},
        {"/A", "/a", NULL},
        {"/some%20page", "/some page", ""},
        {"/:a", "/x", "x"},
        {"/:a", "/x/", NULL},
        {"/:a/", "/x/", "x"},
        {"/:a.html", "/x.html", "x"},
        {"/:a.html", "/x.html.html", "x.html"},
        {"/:a.html", "/.html", NULL},
        {"/:a-:b", "/x-y-z", "x-y|z"},
        {"/:a-:b", "/x-/y", NULL},
        {"/:a:b", "/xyz", "xy|z"},
        {"/:a:b", "/x", NULL},
        {"/:id/:id_2", "/1/2", "1|2"},
        {"/:1", "/:1", ""},
        {"/:1", "/x", NULL},
        {"/x:a", "/xyz", "yz"},
        {"/*", "/", ""},
        {"/*", "/a/b/", "a/b/"},
        {"/a/*", "/a", NULL},
        {"/a/*", "/a/", ""},
        {"/*/b", "/a/b/b", "a/b"},
        {"/*.js", "/a/b.js", "a/b"},
        {"/*.js", "/a/b.jsx", NULL},
        {"/a*b", "/ab", ""},
        {"/a*b", "/a", NULL},
        {"/ab*b", "/ab", NULL},
        {"/:a.*", "/x.y/z.w", "x|y/z.w"},
        {"/:a-*", "/x-y/z-w", "x|y/z-w"},
        {"/:a-*", "/x-y-z", "x-y|z"},
        {"/:a-*-b", "/x-y-b", "x|y"},
        {"/:a/a/*", "/q/a/a/b", "q|a/b"},
        {"/*/:a", "/x/y/z", "x/y|z"},
        {"/*:a", "/x/yz", "x/y|z"},
        {"/*:a", "/x/", NULL},
        {"/:a*:b", "/xyz", "xy||z"},
        {"/*-:a.:b", "/p-q/r-s.t.u", "p-q/r|s.t|u"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_row(PATH_BYTES, &rows[i]);
}

/* The expressions of for-regexp.test.ts, by what they match. */
static void globs_match_as_netlifys_expressions_do(void **state)
{
    static const struct row rows[] = {
        {"/:a/b*/x*", "/1/b2/x3", "1|2|3"},
        {"/", "/", ""},
        {"/", "/a", NULL},
        {"/a", "/A/", ""},
        {"/A", "/a", ""},
        {"abc", "/abc", ""},
        {"/a/:b", "/a/x/", "x"},
        {"/a/:b", "/a", NULL},
        {"/a/:b", "/a/x/y", NULL},
        {"*", "/", ""},
        {"*", "/x", "/x"},
        {"/*", "/x/y", "/x/y"},
        {"/*/a", "/x/a", "/x"},
        {"/*/a", "/a", ""},
        {"/*/a", "/xa", NULL},
        {"/a/*", "/a", ""},
        {"/a/*", "/ab", "b"},
        {"/a/*", "/b", NULL},
        {"/a/*/b", "/a/b", ""},
        {"/a/*/b", "/a/x/y/B", "/x/y"},
        {"/a/*/*", "/a/x", "/x"},
        {"/a/b*c", "/a/bXc/", "X"},
        {"/a/b*c", "/a/bx/yc", "x/y"},
        {"/a/b*c", "/a/b", NULL},
        {"/a/", "/a", ""},
        {"/a.", "/ab", NULL},
        {"//", "/", ""},
        {"//a//b//", "/a/b", ""},
        {"/*.js", "/x/Y.JS", "x/Y"},
        {"/*a*b*", "/xaybz", "x|y|z"},
        {"/*a*b*", "/xby", NULL},
        {"/*x/:a", "/1x/2x/3", "1x/2|3"},
        {"/:a/x*", "/1/x/2/x", "1|/2/x"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_row(PATH_GLOB, &rows[i]);
}

static void patterns_that_can_not_match_are_refused(void **state)
{
    static const struct {
        enum path_style style;
        const char *pattern, *wrong;
    } rows[] = {
        {PATH_SEGMENTS, "/*/a", "'*' before its end"},
        {PATH_SEGMENTS, "/:a/:a", "a name twice"},
        {PATH_SEGMENTS, "/:splat/*", "':splat' beside '*'"},
        {PATH_SEGMENTS, "/a/../b", "'.' or '..' segment"},
        {PATH_SEGMENTS, "/100%", "'%' that begins no escape"},
        {PATH_SEGMENTS, "/%4", "'%' that begins no escape"},
        {PATH_SEGMENTS, "/%g0", "'%' that begins no escape"},
        {PATH_SEGMENTS, "/%00", "'%00'"},
        {PATH_BYTES, "/*/*", "'*' twice"},
        {PATH_BYTES, "/:splat*", "':splat' beside '*'"},
        {PATH_BYTES, "/./a", "'.' or '..' segment"},
        {PATH_GLOB, "/*/:a/*", "a placeholder between two '*'"},
        {PATH_BYTES, "/:a:b:c:d:e:f:g:h:i:j:k:l:m:n:o:p:q", "more than 16 wildcards"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *wrong = open_set(rows[i].style, span_of(rows[i].pattern));
        if (wrong == NULL || strstr(wrong, rows[i].wrong) == NULL)
            fail_msg("'%s' %s", rows[i].pattern, wrong != NULL ? wrong : "is taken");
        assert_int_equal(set.count, 0);
        free(memory);
    }
}

static void patterns_are_found_in_order(void **state)
{
    enum { PATTERNS = 200 };
    struct path_capture captures[LIMIT_RULES_WILDCARDS];
    static char text[PATTERNS][16];
    (void)state;
    memory = malloc(path_set_bytes((struct span){text[0], sizeof text}, PATTERNS));
    assert_non_null(memory);
    path_set_init(&set, PATH_BYTES, memory, (struct span){text[0], sizeof text}, PATTERNS);
    for (unsigned i = 0; i < PATTERNS; i++) {
        snprintf(text[i], sizeof text[i], i % 50 == 49 ? "/:name" : "/a%u", i);
        assert_null(path_set_add(&set, span_of(text[i])));
    }
    for (unsigned i = 0; i < PATTERNS; i++) {
        if (i % 50 == 49)
            continue;
        assert_int_equal(path_set_find(&set, span_of(text[i]), 50 * (i / 50), captures), i);
        assert_int_equal(path_set_find(&set, span_of(text[i]), i + 1, captures), i / 50 * 50 + 49);
    }
    assert_int_equal(path_set_find(&set, SPAN("/b/c"), 0, captures), PATTERNS);
    for (unsigned i = 0; i < 100 * PATTERNS; i++) { /* what is dropped takes no room */
        path_set_drop(&set);
        assert_int_equal(path_set_find(&set, SPAN("/b"), 150, captures), PATTERNS - 1);
        assert_null(path_set_add(&set, SPAN("/:name/xyz")));
    }
    path_set_drop(&set);
    path_set_drop(&set); /* and is not found, even if nothing takes its place */
    assert_int_equal(path_set_find(&set, SPAN("/b"), 150, captures), PATTERNS - 2);
    free(memory);
}

static void letters_of_globs_match_in_any_case(void **state)
{
    enum { PATTERNS = 130 };
    struct path_capture captures[LIMIT_RULES_WILDCARDS];
    static char text[PATTERNS][8];
    char path[8];
    (void)state;
    memory = malloc(path_set_bytes((struct span){text[0], sizeof text}, PATTERNS));
    assert_non_null(memory);
    path_set_init(&set, PATH_GLOB, memory, (struct span){text[0], sizeof text}, PATTERNS);
    for (unsigned i = 0; i < PATTERNS; i++) {
        snprintf(text[i], sizeof text[i], "/a%ub", i);
        assert_null(path_set_add(&set, span_of(text[i])));
    }
    for (unsigned i = 0; i < PATTERNS; i++) {
        snprintf(path, sizeof path, "/A%uB", i);
        assert_int_equal(path_set_find(&set, span_of(path), 0, captures), i);
    }
    free(memory);
}

/* Texts that almost match at each of 8000 bytes. An expression that tries again would not end. */
static void long_paths_are_searched_once(void **state)
{
    static const struct {
        enum path_style style;
        const char *pattern, *fill;
    } rows[] = {
        {PATH_BYTES, "/:a-:b-:c-:d-x-:e-:f-:g-:h.", "-"},
        {PATH_BYTES, "/*-x-:a-:b-:c-:d-:e-:f-:g.", "-"},
        {PATH_BYTES, "/:a/:b/:c/*/x/:d/:e.", "-/"},
        {PATH_GLOB, "/*a*a*a*a*a*a*x*a*a*a*a*a*.", "a/"},
    };
    static char path[8000];
    struct path_capture captures[LIMIT_RULES_WILDCARDS];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t k = 0; k < sizeof path; k++)
            path[k] = rows[i].fill[(k + 1) % strlen(rows[i].fill)];
        path[0] = '/';
        path[sizeof path - 1] = '.';
        assert_null(open_set(rows[i].style, span_of(rows[i].pattern)));
        assert_int_equal(path_set_find(&set, (struct span){path, sizeof path}, 0, captures), 1);
        free(memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_match_whole_names_and_a_rest),
        cmocka_unit_test(bytes_match_as_cloudflares_expressions_do),
        cmocka_unit_test(globs_match_as_netlifys_expressions_do),
        cmocka_unit_test(patterns_that_can_not_match_are_refused),
        cmocka_unit_test(patterns_are_found_in_order),
        cmocka_unit_test(letters_of_globs_match_in_any_case),
        cmocka_unit_test(long_paths_are_searched_once),
    };
    return cmocka_run_group_tests_name("path_pattern", tests, guard_open, NULL);
}

/* Texts are equivalent if and only if Unicode's own normalization, that of perl, says so. */
#include "base/unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static size_t work; /* of the last comparison */

static bool equivalent(const char *a, const char *b)
{
    size_t other = 0;
    work = 0;
    bool result = unicode_is_equivalent(span_of(a), span_of(b), &work);
    assert_int_equal(unicode_is_equivalent(span_of(b), span_of(a), &other), result);
    return result;
}

static void forms_of_a_text_are_equivalent(void **state)
{
    static const char *const cases[][2] = {
        {"caf\u00E9.txt", "cafe\u0301.txt"},
        {"\u01D7", "U\u0308\u0301"},
        {"\u01D7", "\u00DC\u0301"},
        {"Vi\u1EC7t Nam", "Vie\u0323\u0302t Nam"},
        {"\u1EC7", "\u00EA\u0323"}, /* marks in another order */
        {"\u1EC7", "e\u0302\u0323"},
        {"\u1F82", "\u03B1\u0313\u0300\u0345"},
        {"\u1F82", "\u03B1\u0345\u0313\u0300"},
        {"\u0323\u0302", "\u0302\u0323"}, /* without a letter */
        {"\u0439", "\u0438\u0306"},
        {"\u304C\u3071", "\u304B\u3099\u306F\u309A"},
        {"\uD55C\uAE00", "\u1112\u1161\u11AB\u1100\u1173\u11AF"},
        {"\uAC00", "\u1100\u1161"},
        {"\uD7A3", "\u1112\u1175\u11C2"},
        {"a\u0301b\u00E9", "\u00E1be\u0301"},
        {"\u00E9\xFF", "e\u0301\xFF"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (!equivalent(cases[i][0], cases[i][1]))
            fail_msg("'%s' and '%s'", cases[i][0], cases[i][1]);
        assert_true(equivalent(cases[i][0], cases[i][0]));
    }
    assert_true(equivalent("", ""));
}

static void other_texts_are_not(void **state)
{
    static const char *const cases[][2] = {
        {"caf\u00E9", "cafe"},
        {"caf\u00E9", "caf\u00E8"},
        {"\u00E9", "\u00C9"},
        {"\u00E9", "e\u0301\u0301"},
        {"\u00E9", ""},
        {"a\u0300\u0301", "a\u0301\u0300"}, /* of one class */
        {"a\u0315\u0300", "a\u0300\u0315"}, /* a class that the table lacks */
        {"\u00E9x", "e\u0301"},
        {"\xC3", "\xC3\xA9"},
        {"\xFF\u00E9", "\xFE\u00E9"},
        {"\xC3\u00E9", "\xC3\u00E8"},
        {"\u304C", "\u304B"},
        {"\uAC00", "\uAC01"},
        {"\uABFF", "\u1100"},
        {"\uD7A4", "\u1112\u1175\u11C3"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (equivalent(cases[i][0], cases[i][1]))
            fail_msg("'%s' and '%s'", cases[i][0], cases[i][1]);
    }
}

static void decomposed_texts_are_known(void **state)
{
    (void)state;
    assert_true(unicode_is_decomposed(SPAN("")));
    assert_true(unicode_is_decomposed(SPAN("cafe\u0301 \u304B\u3099 \u1100\u1161 \u6F22\xFF")));
    assert_false(unicode_is_decomposed(SPAN("cafe\u0301 \u00E9")));
    assert_false(unicode_is_decomposed(SPAN("\uAC00")));
    assert_false(unicode_is_decomposed(SPAN("\uD7A3")));
    assert_true(unicode_is_decomposed(SPAN("\uABFF \uD7A4"))); /* before and behind the syllables */
}

/* One line for each letter of the table and each third syllable: the letter and its NFD. */
static const char all_letters[] =
    "perl -CO -MUnicode::Normalize -e '"
    "for my $c (0xC0 .. 0x24F, 0x385 .. 0x4FF, 0x1E00 .. 0x1FFF, 0x3041 .. 0x30FF, map { 0xAC00 + 3 * $_ } 0 "
    ".. 3723) {"
    "    my $letter = chr $c;"
    "    print \"$letter \", NFD($letter), \"\\n\" if NFC($letter) eq $letter }' 2>/dev/null";

static void each_letter_equals_its_own_decomposition(void **state)
{
    char line[64], last[64] = "-";
    unsigned count = 0;
    (void)state;
    FILE *lines = popen(all_letters, "r"); /* NOLINT(cert-env33-c): no word of it is input */
    assert_non_null(lines);
    while (fgets(line, sizeof line, lines) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *decomposed = strchr(line, ' ');
        *decomposed++ = '\0';
        if (!equivalent(line, decomposed))
            fail_msg("'%s' and '%s'", line, decomposed);
        assert_int_equal(unicode_is_decomposed(span_of(line)), strcmp(line, decomposed) == 0);
        assert_true(unicode_is_decomposed(span_of(decomposed)));
        assert_false(equivalent(last, decomposed));
        snprintf(last, sizeof last, "%s", line);
        count++;
    }
    if (pclose(lines) != 0 && count == 0)
        skip();
    assert_in_range(count, 5000, 6000);
}

/* Canonical_Combining_Class of UnicodeData.txt: marks of different classes may stand in any order (section 3.11). */
static void marks_of_different_classes_may_be_reordered(void **state)
{
    static const struct {
        const char *mark;
        unsigned class;
    } marks[] = {
        {"\u0300", 230}, {"\u0314", 230}, {"\u0342", 230}, {"\u0323", 220}, {"\u0326", 220},
        {"\u032D", 220}, {"\u032E", 220}, {"\u0330", 220}, {"\u0331", 220}, {"\u0327", 202},
        {"\u0328", 202}, {"\u031B", 216}, {"\u0345", 240}, {"\u3099", 8},   {"\u309A", 8},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(marks); i++) {
        for (size_t k = 0; k < COUNT(marks); k++) {
            char a[16], b[16];
            snprintf(a, sizeof a, "x%s%s", marks[i].mark, marks[k].mark);
            snprintf(b, sizeof b, "x%s%s", marks[k].mark, marks[i].mark);
            if (equivalent(a, b) != (i == k || marks[i].class != marks[k].class))
                fail_msg("'%s' and '%s'", a, b);
        }
    }
}

static void work_is_counted(void **state)
{
    char a[2 * 200 + 1] = "", b[3 * 200 + 1] = "";
    (void)state;
    equivalent("plain", "plain");
    assert_int_equal(work, 0);
    equivalent("\u00E9", "\u00E8");
    assert_int_equal(work, 4 * UNICODE_WORK);
    for (unsigned i = 0; i < 200; i++) { /* more marks than a cluster holds */
        strcat(a, "\u0301");
        strcat(b, i == 0 ? "e\u0301" : "\u0301");
    }
    assert_false(equivalent(a, b));
    assert_true(equivalent(b, b));
    assert_int_equal(work, 2 * 201 * UNICODE_WORK + strlen(b) / 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_of_a_text_are_equivalent),
        cmocka_unit_test(other_texts_are_not),
        cmocka_unit_test(decomposed_texts_are_known),
        cmocka_unit_test(each_letter_equals_its_own_decomposition),
        cmocka_unit_test(marks_of_different_classes_may_be_reordered),
        cmocka_unit_test(work_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Text: RFC 9110 5.6 for lists, tokens and blanks, RFC 3629 for UTF-8. */
#include "base/text.h"

#include "base/buffer.h"
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct span EMPTY = {NULL, 0};

static void spans_are_compared_with_and_without_case(void **state)
{
    (void)state;
    assert_true(span_equal(SPAN("GET"), span_of("GET")));
    assert_false(span_equal(SPAN("GET"), SPAN("get")));
    assert_true(span_begins(SPAN("GET"), SPAN("GE")) && span_begins(SPAN("GET"), SPAN("GET")));
    assert_false(span_begins(SPAN("GET"), SPAN("ET")) || span_begins(SPAN("GET"), SPAN("GETS")));
    assert_true(span_ends(SPAN("GET"), SPAN("ET")) && span_ends(SPAN("GET"), SPAN_NONE));
    assert_false(span_ends(SPAN("GET"), SPAN("GE")) || span_ends(SPAN("GET"), SPAN("AGET")));
    assert_false(span_equal(SPAN("GET"), SPAN("GETS")));
    assert_true(span_equal(SPAN("a\0b"), SPAN("a\0b")));
    assert_false(span_equal(SPAN("a\0b"), SPAN("a\0c")));
    assert_true(span_equal(EMPTY, SPAN("")));
    assert_false(span_equal(EMPTY, SPAN("a")));

    assert_true(span_equal_nocase(SPAN("Content-Type"), SPAN("cONTENT-tYPE")));
    assert_true(span_equal_nocase(EMPTY, SPAN("")));
    assert_false(span_equal_nocase(SPAN("close"), SPAN("closed")));
    /* Letters only: these pairs of other bytes differ in the same bit as upper and lower case. */
    assert_false(span_equal_nocase(SPAN("@"), SPAN("`")));
    assert_false(span_equal_nocase(SPAN("["), SPAN("{")));
    assert_false(span_equal_nocase(SPAN("\xC4"), SPAN("\xE4")));
}

static void spaces_and_tabs_are_trimmed(void **state)
{
    static const struct {
        struct span text, expected;
    } cases[] = {
        {TEXT("a"), TEXT("a")},     {TEXT(" a "), TEXT("a")},     {TEXT("\t a b\t "), TEXT("a b")},
        {TEXT("  \t"), TEXT("")},   {TEXT(""), TEXT("")},         {TEXT("\r\na\n"), TEXT("\r\na\n")},
        {TEXT("\va"), TEXT("\va")}, {TEXT("\xA0"), TEXT("\xA0")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_span(span_trim(guarded(cases[i].text)), cases[i].expected);
    }
    assert_int_equal(span_trim(EMPTY).length, 0);
}

static void first_occurrence_of_a_byte_is_found(void **state)
{
    (void)state;
    assert_int_equal(span_find(guarded(SPAN("a,b,c")), ','), 1);
    assert_int_equal(span_find(guarded(SPAN(",")), ','), 0);
    assert_int_equal(span_find(guarded(SPAN("abc")), ','), 3);
    assert_int_equal(span_find(guarded(SPAN("ab\0")), '\0'), 2);
    assert_int_equal(span_find(EMPTY, ','), 0);
}

/* A list's members, each in brackets. */
static void assert_members(struct span list, const char *expected)
{
    char memory[128];
    struct buffer members = BUFFER(memory);
    struct span member;
    while (span_next_member(&list, &member)) {
        buffer_byte(&members, '[');
        buffer_append(&members, member);
        buffer_byte(&members, ']');
    }
    assert_int_equal(list.length, 0);
    assert_span(buffer_span(&members), span_of(expected));
}

static void part_after_the_last_byte_is_found(void **state)
{
    (void)state;
    assert_true(span_equal(span_after_last(SPAN("a/b/c"), '/'), SPAN("c")));
    assert_true(span_equal(span_after_last(SPAN("a/"), '/'), EMPTY));
    assert_true(span_equal(span_after_last(SPAN("abc"), '/'), SPAN("abc")));
    assert_true(span_equal(span_after_last(EMPTY, '/'), EMPTY));
}

static void lists_are_split_into_trimmed_members(void **state)
{
    (void)state;
    /* The examples of RFC 9110 5.6.1.2, the last three without a member. */
    assert_members(SPAN("foo,bar"), "[foo][bar]");
    assert_members(SPAN("foo ,bar,"), "[foo][bar]");
    assert_members(SPAN("foo , ,bar,charlie"), "[foo][bar][charlie]");
    assert_members(SPAN(""), "");
    assert_members(SPAN(","), "");
    assert_members(SPAN(",   ,"), "");

    assert_members(EMPTY, "");
    assert_members(SPAN("gzip;q=0.5\t,\tbr"), "[gzip;q=0.5][br]");
    assert_members(SPAN(",,close\t"), "[close]");
    assert_members(guarded(SPAN("a, b")), "[a][b]");
    assert_members(guarded(SPAN("a, b, ")), "[a][b]");
}

static void numbers_that_fit_are_read(void **state)
{
    static const struct {
        struct span text;
        bool valid;
        uint64_t number;
    } cases[] = {
        {TEXT("0"), true, 0},
        {TEXT("7"), true, 7},
        {TEXT("00042"), true, 42},
        {TEXT("18446744073709551615"), true, UINT64_MAX},
        {TEXT("18446744073709551616"), false, 0},
        {TEXT("18446744073709551620"), false, 0},
        {TEXT("99999999999999999999"), false, 0},
        {TEXT("184467440737095516150"), false, 0},
        {TEXT(""), false, 0},
        {TEXT("-1"), false, 0},
        {TEXT("+1"), false, 0},
        {TEXT(" 1"), false, 0},
        {TEXT("1 "), false, 0},
        {TEXT("1a"), false, 0},
        {TEXT("0x1"), false, 0},
        {TEXT("1\0"), false, 0},
        {TEXT("/"), false, 0},
        {TEXT(":"), false, 0},
        {TEXT("\xB2"), false, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t number = 4711;
        assert_int_equal(span_to_number(guarded(cases[i].text), &number), cases[i].valid);
        assert_int_equal(number, cases[i].valid ? cases[i].number : 4711);
    }
    uint64_t number = 4711;
    assert_false(span_to_number(EMPTY, &number));
}

static void bytes_are_classified_as_ascii(void **state)
{
    (void)state;
    /* tchar (RFC 9110 5.6.2). */
    static const char tchar[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char hex[] = "0123456789abcdef";
    static const char small_letters[] = "abcdefghijklmnopqrstuvwxyz", capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int byte = 0; byte < 256; byte++) {
        const char *capital = byte != 0 ? strchr(capitals, byte) : NULL;
        bool letter = capital != NULL || (byte != 0 && strchr(small_letters, byte) != NULL);
        assert_int_equal(text_is_letter((char)byte), letter);
        assert_int_equal(text_is_digit((char)byte), byte != 0 && strchr("0123456789", byte) != NULL);
        assert_int_equal(text_lower((char)byte), capital ? small_letters[capital - capitals] : (char)byte);
        assert_int_equal(text_is_tchar((unsigned char)byte), byte != 0 && strchr(tchar, byte) != NULL);
        int small = byte >= 'A' && byte <= 'F' ? byte + 32 : byte;
        const char *digit = small != 0 ? strchr(hex, small) : NULL;
        assert_int_equal(text_hex_value((char)byte), digit ? digit - hex : -1);
    }
}

static void escapes_are_decoded(void **state)
{
    static const struct {
        const char *text;
        int byte;
    } rows[] = {
        {"%20", ' '}, {"%00", 0}, {"%fF", 0xFF}, {"%2F/", '/'}, {"", -1},     {"a", -1},
        {"%", -1},    {"%2", -1}, {"%g0", -1},   {"%0g", -1},   {"a%20", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(text_escape(guarded(span_of(rows[i].text))), rows[i].byte);
}

static void names_with_a_leading_dot_are_dotfiles(void **state)
{
    static const struct {
        struct span name;
        bool dotfile;
    } cases[] = {
        {SPAN_INIT(".git"), true},
        {SPAN_INIT("."), true},
        {SPAN_INIT(".well-knownx"), true},
        {SPAN_INIT(".Well-Known"), true},
        {SPAN_INIT(".well-known"), false},
        {SPAN_INIT("a.b"), false},
        {SPAN_INIT(""), false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(text_is_dotfile(guarded(cases[i].name)), cases[i].dotfile);
}

static void parts_are_taken_up_to_a_byte(void **state)
{
    static const struct {
        struct span text, part, rest;
    } cases[] = {
        {SPAN_INIT("a:b:c"), SPAN_INIT("a"), SPAN_INIT("b:c")}, {SPAN_INIT("a:"), SPAN_INIT("a"), SPAN_INIT("")},
        {SPAN_INIT(":a"), SPAN_INIT(""), SPAN_INIT("a")},       {SPAN_INIT("a"), SPAN_INIT("a"), SPAN_INIT("")},
        {SPAN_INIT(":"), SPAN_INIT(""), SPAN_INIT("")},         {SPAN_INIT(""), SPAN_INIT(""), SPAN_INIT("")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span text = guarded(cases[i].text);
        assert_true(span_equal(span_take_until(&text, ':'), cases[i].part));
        assert_true(span_equal(text, cases[i].rest));
    }
}

static void a_word_is_found_among_words(void **state)
{
    static const char words[] = "gz br zst";
    static const struct span others[] = {TEXT("g"), TEXT("b"), TEXT("st"), TEXT("gzz"), TEXT("gz br"), TEXT("")};
    (void)state;
    assert_true(span_is_among(SPAN("gz"), words));
    assert_true(span_is_among(SPAN("BR"), words));
    assert_true(span_is_among(SPAN("zst"), words));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(span_is_among(others[i], words));
    assert_false(span_is_among(SPAN("gz"), ""));
}

static void the_first_dotfile_of_a_path_is_found(void **state)
{
    static const struct {
        struct span path, dotfile;
    } cases[] = {
        {SPAN_INIT("a/.git/.config"), SPAN_INIT(".git")},
        {SPAN_INIT(".a"), SPAN_INIT(".a")},
        {SPAN_INIT("a/b/.c"), SPAN_INIT(".c")},
        {SPAN_INIT(".well-known/a.b/c"), SPAN_INIT("")},
        {SPAN_INIT("a//.b"), SPAN_INIT(".b")},
        {SPAN_INIT("a/."), SPAN_INIT(".")},
        {SPAN_INIT(""), SPAN_INIT("")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_true(span_equal(text_dotfile_in(guarded(cases[i].path)), cases[i].dotfile));
}

static const struct {
    struct span text;
    bool whole, cut;
} UTF8[] = {
    {TEXT(""), true, true},
    {TEXT("plain\ttext\r\n"), true, true},
    {TEXT("0123456\x7F"), true, true},
    {TEXT("\x01\x08\x0C"), true, true},
    {TEXT("\xEF\xBB\xBFwith a byte order mark"), true, true},
    /* RFC 3629 7: A, not identical to, Alpha, full stop; Korean; Japanese; a mark and U+233B4. */
    {TEXT("A\xE2\x89\xA2\xCE\x91."), true, true},
    {TEXT("\xED\x95\x9C\xEA\xB5\xAD\xEC\x96\xB4"), true, true},
    {TEXT("\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E"), true, true},
    {TEXT("\xEF\xBB\xBF\xF0\xA3\x8E\xB4"), true, true},
    /* The bounds of the table in RFC 3629 4, and the values just outside. */
    {TEXT("\xC2\x80\xDF\xBF"), true, true},
    {TEXT("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"), true, true},
    {TEXT("\xF0\x90\x80\x80\xF3\xBF\xBF\xBF\xF4\x8F\xBF\xBF"), true, true},
    {TEXT("\x80"), false, false},
    {TEXT("\xBF"), false, false},
    {TEXT("\xC0\x80"), false, false},
    {TEXT("\xC1\xBF"), false, false},
    {TEXT("\xE0\x9F\xBF"), false, false},
    {TEXT("\xED\xA0\x80"), false, false},
    {TEXT("\xF0\x8F\xBF\xBF"), false, false},
    {TEXT("\xF4\x90\x80\x80"), false, false},
    {TEXT("\xF5\x80\x80\x80"), false, false},
    {TEXT("\xFE\xFF"), false, false},
    {TEXT("\xC3("), false, false},
    {TEXT("\xE2\x89("), false, false},
    {TEXT("\xF0\xA3\x8E("), false, false},
    {TEXT("\xE2\x89\xC2"), false, false},
    /* Cut at the end; and already invalid before the cut. */
    {TEXT("abc\xC3"), false, true},
    {TEXT("\xE2"), false, true},
    {TEXT("\xE2\x89"), false, true},
    {TEXT("\xF0\xA3\x8E"), false, true},
    {TEXT("\xE0\x80"), false, false},
    {TEXT("\xF4\x90"), false, false},
    {TEXT("\xC0"), false, false},
    {TEXT("\x1B"), false, false},
    {TEXT("\0"), false, false},
    /* Latin-1, UTF-16 and ISO-2022-JP. */
    {TEXT("gr\xFC\xDF"), false, false},
    {TEXT("\xFF\xFEh\0i\0"), false, false},
    {TEXT("h\0i\0"), false, false},
    {TEXT("\x1B$B8@\x1B(B"), false, false},
};

static void well_formed_utf8_is_recognised(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(UTF8); i++) {
        assert_int_equal(text_is_utf8(guarded(UTF8[i].text), false), UTF8[i].whole);
        assert_int_equal(text_is_utf8(guarded(UTF8[i].text), true), UTF8[i].cut);
    }
    assert_true(text_is_utf8(EMPTY, false));

    /* The same after 1 to 16 ASCII bytes, and before them, to test every offset in a word. */
    for (size_t i = 0; i < COUNT(UTF8); i++) {
        for (size_t pad = 1; pad <= 16; pad++) {
            char memory[64];
            struct buffer buffer = BUFFER(memory);
            buffer_append(&buffer, (struct span){"abcdefghijklmnop", pad});
            buffer_append(&buffer, UTF8[i].text);
            assert_int_equal(text_is_utf8(guarded(buffer_span(&buffer)), false), UTF8[i].whole);
            assert_int_equal(text_is_utf8(guarded(buffer_span(&buffer)), true), UTF8[i].cut);
            buffer_append(&buffer, (struct span){"abcdefghijklmnop", pad});
            assert_false(buffer.overflow);
            assert_int_equal(text_is_utf8(guarded(buffer_span(&buffer)), true), UTF8[i].whole);
        }
    }
}

static void utf8_may_be_cut_anywhere(void **state)
{
    (void)state;
    struct span text = SPAN("ascii \xC3\xBC \xE2\x89\xA2 \xF0\xA3\x8E\xB4 and nine more bytes of ASCII");
    for (size_t length = 0; length <= text.length; length++) {
        assert_true(text_is_utf8(guarded((struct span){text.at, length}), true));
    }
}

/* Every code point but the surrogates, as RFC 3629 3 encodes it. */
static void every_code_point_is_valid_utf8(void **state)
{
    (void)state;
    for (uint32_t point = 1; point <= 0x110000; point++) {
        char bytes[4];
        size_t length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        static const unsigned char marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
        for (size_t i = length; i-- > 0;) {
            uint32_t bits = point >> 6 * (length - 1 - i);
            bytes[i] = (char)(i == 0 ? marks[length] | bits : 0x80 | (bits & 0x3F));
        }
        bool surrogate = point >= 0xD800 && point <= 0xDFFF;
        bool valid = !surrogate && point <= 0x10FFFF && point != 0x1B;
        if (text_is_utf8((struct span){bytes, length}, false) != valid)
            fail_msg("U+%04X", point);
    }
}

/* Every character has its length, and invalid ones 0, at every end of the text. */
static void characters_have_lengths(void **state)
{
    static const struct {
        struct span text;
        size_t length;
    } cases[] = {
        {SPAN_INIT("\0"), 1},
        {SPAN_INIT("\x1B"), 1},
        {SPAN_INIT("a\xFF"), 1},
        {SPAN_INIT("\xC3\xA4"), 2},
        {SPAN_INIT("\xC3"), 0},
        {SPAN_INIT("\xC3z"), 0},
        {SPAN_INIT("\xE2\x82\xACx"), 3},
        {SPAN_INIT("\xE2\x82"), 0},
        {SPAN_INIT("\xED\xA0\x80"), 0},
        {SPAN_INIT("\xF0\x9F\x98\x80"), 4},
        {SPAN_INIT("\xF4\x90\x80\x80"), 0},
        {SPAN_INIT("\x80"), 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(text_character(guarded(cases[i].text)), cases[i].length);
}

static void files_of_rules_are_recognised(void **state)
{
    static const char *const rules[] = {"_redirects",    "_headers",    "_routes.json",
                                        "_REDIRECTS.gz", "_Headers.br", "_routes.json.zst"};
    static const char *const others[] = {
        "",           "redirects",   "a/_redirects", "_redirects.txt", "_headers.gz.br",
        "_headers/a", "_headers.GZ", ".gz",          "_routes"};
    (void)state;
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (!text_is_rules_file(guarded(span_of(rules[i]))))
            fail_msg("'%s'", rules[i]);
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        if (text_is_rules_file(guarded(span_of(others[i]))))
            fail_msg("'%s'", others[i]);
    }
}

/* A name as of --mime: whole, or the end after a dot; with a leading dot, the end only. */
static void names_are_called_by_their_end(void **state)
{
    static const struct {
        const char *name, *wanted;
        bool is;
    } rows[] = {
        {"Makefile", "makefile", true},
        {"a.tar.GZ", "gz", true},
        {"a.tar.gz", "tar.gz", true},
        {"a.tar.gz", "tar", false},
        {"a.tar.gz", "ar.gz", false},
        {"agz", "gz", false},
        {"gz", "gz", true},
        {"gz", "a.gz", false},
        {"a.gz", ".gz", true},
        {".gz", ".gz", true},
        {"gz", ".gz", false},
        {".gz", "gz", false},
        {"a.gz", "gz", true},
        {"a", "", false},
        {"", "", false},
        {"x.htaccess", ".htaccess", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (text_is_called(guarded(span_of(rows[i].name)), span_of(rows[i].wanted)) != rows[i].is)
            fail_msg("'%s' as '%s'", rows[i].name, rows[i].wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_are_compared_with_and_without_case),
        cmocka_unit_test(spaces_and_tabs_are_trimmed),
        cmocka_unit_test(first_occurrence_of_a_byte_is_found),
        cmocka_unit_test(part_after_the_last_byte_is_found),
        cmocka_unit_test(lists_are_split_into_trimmed_members),
        cmocka_unit_test(numbers_that_fit_are_read),
        cmocka_unit_test(bytes_are_classified_as_ascii),
        cmocka_unit_test(escapes_are_decoded),
        cmocka_unit_test(names_with_a_leading_dot_are_dotfiles),
        cmocka_unit_test(parts_are_taken_up_to_a_byte),
        cmocka_unit_test(a_word_is_found_among_words),
        cmocka_unit_test(the_first_dotfile_of_a_path_is_found),
        cmocka_unit_test(well_formed_utf8_is_recognised),
        cmocka_unit_test(utf8_may_be_cut_anywhere),
        cmocka_unit_test(every_code_point_is_valid_utf8),
        cmocka_unit_test(characters_have_lengths),
        cmocka_unit_test(files_of_rules_are_recognised),
        cmocka_unit_test(names_are_called_by_their_end),
    };
    return cmocka_run_group_tests(tests, guard_open, NULL);
}

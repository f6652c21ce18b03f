/* Output: overflow, numbers, and escaping for HTML, paths (RFC 3986), logs, JSON (RFC 8259) and terminals. */
#include "base/buffer.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct span EMPTY = {NULL, 0};

static void only_text_that_fits_is_appended(void **state)
{
    (void)state;
    struct buffer buffer = {guard_end - 8, 0, 8, false};
    buffer_string(&buffer, "abc");
    buffer_append(&buffer, EMPTY);
    buffer_string(&buffer, "");
    buffer_byte(&buffer, '\0');
    assert_false(buffer.overflow);
    assert_span(buffer_span(&buffer), SPAN("abc\0"));
    assert_span(buffer_filled(&buffer), SPAN("abc\0"));

    buffer_string(&buffer, "12345");
    assert_true(buffer.overflow);
    assert_span(buffer_span(&buffer), SPAN("abc\0"));

    buffer_string(&buffer, "1234");
    assert_true(buffer.overflow);
    assert_span(buffer_span(&buffer), SPAN("abc\0"
                                           "1234"));
    buffer_byte(&buffer, '5');
    assert_int_equal(buffer.length, 8);

    struct buffer none = {NULL, 0, 0, false};
    buffer_append(&none, EMPTY);
    buffer_html(&none, EMPTY);
    assert_false(none.overflow);
    buffer_byte(&none, 'a');
    assert_true(none.overflow);
}

static void numbers_are_written_in_decimal_and_hexadecimal(void **state)
{
    static const struct {
        uint64_t number;
        const char *decimal, *hexadecimal;
    } cases[] = {
        {0, "0", "0"},
        {9, "9", "9"},
        {10, "10", "a"},
        {255, "255", "ff"},
        {65536, "65536", "10000"},
        {UINT64_MAX, "18446744073709551615", "ffffffffffffffff"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char memory[20];
        struct buffer decimal = BUFFER(memory);
        buffer_number(&decimal, cases[i].number);
        assert_false(decimal.overflow);
        assert_span(buffer_span(&decimal), span_of(cases[i].decimal));

        struct buffer hexadecimal = BUFFER(memory);
        buffer_hex(&hexadecimal, cases[i].number);
        assert_false(hexadecimal.overflow);
        assert_span(buffer_span(&hexadecimal), span_of(cases[i].hexadecimal));
    }
}

typedef void escaper(struct buffer *buffer, struct span text);

static const struct {
    escaper *escape;
    struct span text, expected;
} ESCAPES[] = {
    {buffer_html_name, SPAN_INIT("plain name.txt"), SPAN_INIT("plain name.txt")},
    {buffer_html_name, SPAN_INIT("<a&\"'>"), SPAN_INIT("&lt;a&amp;&quot;&#39;&gt;")},
    {buffer_html_name, SPAN_INIT("\0\t\n\x1B\x1F \x7F"),
     SPAN_INIT("\xE2\x90\x80\xE2\x90\x89\xE2\x90\x8A\xE2\x90\x9B\xE2\x90\x9F \xE2\x90\xA1")},
    {buffer_html_name, SPAN_INIT("\xFF\xC3\xA4\xC3"), SPAN_INIT("\xEF\xBF\xBD\xC3\xA4\xEF\xBF\xBD")},
    {buffer_html_name, SPAN_INIT("\xC2\x9B\xC2\xA0\xED\xA0\x80"),
     SPAN_INIT("\xEF\xBF\xBD\xC2\xA0\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD")},
    {buffer_html_name, SPAN_INIT("\xF0\x9F\x98\x80"), SPAN_INIT("\xF0\x9F\x98\x80")},
    {buffer_html_name, SPAN_INIT("\x1F~\xC2\x80\xC2\x9F"), SPAN_INIT("\xE2\x90\x9F~\xEF\xBF\xBD\xEF\xBF\xBD")},
    /* U+061B, U+200F, U+2010, U+202F, U+2065 */
    {buffer_html_name, SPAN_INIT("\xD8\x9B\xE2\x80\x8F\xE2\x80\x90\xE2\x80\xAF\xE2\x81\xA5"),
     SPAN_INIT("\xD8\x9B\xEF\xBF\xBD\xE2\x80\x90\xE2\x80\xAF\xE2\x81\xA5")},
    /* U+061C, U+200E, U+202A, U+202E, U+2066, U+2069 */
    {buffer_html_name, SPAN_INIT("\xD8\x9C\xE2\x80\x8E\xE2\x80\xAA\xE2\x80\xAE\xE2\x81\xA6\xE2\x81\xA9"),
     SPAN_INIT("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD")},
    /* U+061D, U+200D (emoji are joined by it), U+2029, U+206A, U+05D0 */
    {buffer_html_name, SPAN_INIT("\xD8\x9D\xE2\x80\x8D\xE2\x80\xA9\xE2\x81\xAA\xD7\x90"),
     SPAN_INIT("\xD8\x9D\xE2\x80\x8D\xE2\x80\xA9\xE2\x81\xAA\xD7\x90")},
    {buffer_html, TEXT("a<b>&\"c\"'d'"), TEXT("a&lt;b&gt;&amp;&quot;c&quot;&#39;d&#39;")},
    {buffer_html, TEXT("&amp;"), TEXT("&amp;amp;")},
    {buffer_html, TEXT("gr\xC3\xBC\xC3\x9F/e\n"), TEXT("gr\xC3\xBC\xC3\x9F/e\n")},
    {buffer_html, TEXT(""), TEXT("")},

    {buffer_uri_path, TEXT("/az/AZ/09-._~"), TEXT("/az/AZ/09-._~")},
    {buffer_uri_path, TEXT("/a b?c#d%41"), TEXT("/a%20b%3Fc%23d%2541")},
    {buffer_uri_path, TEXT("javascript:"), TEXT("javascript%3A")},
    {buffer_uri_path, TEXT("\\\r\n\0\x7F"), TEXT("%5C%0D%0A%00%7F")},
    {buffer_uri_path, TEXT("\xC3\xBC\xFF"), TEXT("%C3%BC%FF")},
    {buffer_uri_path, TEXT("!$&'()*+,;=@"), TEXT("%21%24%26%27%28%29%2A%2B%2C%3B%3D%40")},

    {buffer_log, TEXT("GET /a b?c=~ HTTP/1.1"), TEXT("GET /a b?c=~ HTTP/1.1")},
    {buffer_log, TEXT("\"\\"), TEXT("\\x22\\x5C")},
    {buffer_log, TEXT("\r\n\t\0\x1B[2J"), TEXT("\\x0D\\x0A\\x09\\x00\\x1B[2J")},
    {buffer_log, TEXT("\x1F\x20\x7E\x7F\x80\x9B\xFF"), TEXT("\\x1F ~\\x7F\\x80\\x9B\\xFF")},

    {buffer_json, TEXT("GET /a b?c=~ HTTP/1.1"), TEXT("GET /a b?c=~ HTTP/1.1")},
    {buffer_json, TEXT("\"\\/"), TEXT("\\\"\\\\/")},
    {buffer_json, TEXT("\0\n\x1F\x7F\x80\xFF"), TEXT("\\u0000\\u000a\\u001f\\u007f\\u0080\\u00ff")},

    {buffer_plain, TEXT("/srv/\xC3\xA9 site \"a\\b\""), TEXT("/srv/\xC3\xA9 site \"a\\b\"")},
    {buffer_plain,
     TEXT("a\r\n\t\x7F"
          "b"),
     TEXT("a\\x0D\\x0A\\x09\\x7F"
          "b")},
    {buffer_plain, TEXT("\x1B[2J\xC3\xA9"), TEXT("\\x1B[2J\\xC3\\xA9")},
    {buffer_plain, TEXT("\xC2\x80\xC2\x9F\xC2\xA0"), TEXT("\\xC2\\x80\\xC2\\x9F\xC2\xA0")},
    {buffer_plain, TEXT("\xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80"),
     TEXT("\xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80")},
    {buffer_plain, TEXT("\xE2\x80\xAEgpj.exe"), TEXT("\\xE2\\x80\\xAEgpj.exe")},
    {buffer_plain, TEXT("\xE2\x80\x8A\xE2\x80\x8B\xE2\x80\x8F\xE2\x80\x90"),
     TEXT("\xE2\x80\x8A\\xE2\\x80\\x8B\\xE2\\x80\\x8F\xE2\x80\x90")},
    {buffer_plain, TEXT("\xE2\x80\xA7\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAF"),
     TEXT("\xE2\x80\xA7\\xE2\\x80\\xA8\\xE2\\x80\\xA9\xE2\x80\xAF")},
    {buffer_plain, TEXT("\xE2\x81\xA6\xE2\x81\xA9"), TEXT("\\xE2\\x81\\xA6\\xE2\\x81\\xA9")},
    {buffer_plain, TEXT("\xEF\xBB\xBF\xD8\x9C\xC2\xAD"), TEXT("\\xEF\\xBB\\xBF\\xD8\\x9C\\xC2\\xAD")},
    {buffer_plain, TEXT("\xF3\xA0\x81\x81\xF3\xA0\x82\x80"), TEXT("\\xF3\\xA0\\x81\\x81\xF3\xA0\x82\x80")},
    {buffer_plain, TEXT("latin-1 \xE9"), TEXT("latin-1 \\xE9")},
    {buffer_plain, TEXT("cut \xC2"), TEXT("cut \\xC2")},
};

/* UTF-8 (RFC 3629 3) */
static size_t encode(uint32_t point, char at[4])
{
    size_t more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    for (size_t i = more; i > 0; i--, point >>= 6)
        at[i] = (char)(0x80 | (point & 0x3F));
    at[0] = (char)(lead[more] | point);
    return more + 1;
}

static bool is_shown_as_it_is(uint32_t point)
{
    char character[4], room[16];
    struct buffer buffer = BUFFER(room);
    struct span text = {character, encode(point, character)};
    buffer_plain(&buffer, text);
    return span_equal(buffer_span(&buffer), text);
}

/* Cc, Cf, Zl and Zp of Unicode 16.0, extracted/DerivedGeneralCategory.txt */
static void controls_and_formats_are_escaped(void **state)
{
    static const uint32_t ranges[][2] = {
        {0x0, 0x1F},        {0x7F, 0x9F},       {0xAD, 0xAD},       {0x600, 0x605},     {0x61C, 0x61C},
        {0x6DD, 0x6DD},     {0x70F, 0x70F},     {0x890, 0x891},     {0x8E2, 0x8E2},     {0x180E, 0x180E},
        {0x200B, 0x200F},   {0x2028, 0x202E},   {0x2060, 0x2064},   {0x2066, 0x206F},   {0xFEFF, 0xFEFF},
        {0xFFF9, 0xFFFB},   {0x110BD, 0x110BD}, {0x110CD, 0x110CD}, {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3},
        {0x1D173, 0x1D17A}, {0xE0001, 0xE0001}, {0xE0020, 0xE007F},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(ranges); i++) {
        bool right = !is_shown_as_it_is(ranges[i][0]) && !is_shown_as_it_is(ranges[i][1]) &&
                     (ranges[i][0] == 0 || is_shown_as_it_is(ranges[i][0] - 1)) && is_shown_as_it_is(ranges[i][1] + 1);
        if (!right)
            fail_msg("U+%04X to U+%04X", ranges[i][0], ranges[i][1]);
    }
}

static void text_is_escaped_whole_or_not_at_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ESCAPES); i++) {
        /* In every room from none to enough: all or nothing, after unchanged earlier text. */
        for (size_t room = 0; room <= ESCAPES[i].expected.length; room++) {
            struct buffer buffer = {guard_end - room - 1, 0, room + 1, false};
            buffer_byte(&buffer, '=');
            ESCAPES[i].escape(&buffer, ESCAPES[i].text);
            bool fits = room == ESCAPES[i].expected.length;
            assert_int_equal(buffer.overflow, !fits);
            struct span written = buffer_span(&buffer);
            assert_int_equal(written.at[0], '=');
            assert_span((struct span){written.at + 1, written.length - 1},
                        fits ? ESCAPES[i].expected : (struct span){"", 0});
        }
    }
}

static void sizes_are_human(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0 B"},
        {999, "999 B"},
        {1000, "1.0 kB"},
        {1049, "1.0 kB"},
        {1050, "1.1 kB"},
        {8600, "8.6 kB"},
        {9949, "9.9 kB"},
        {9950, "10 kB"},
        {10499, "10 kB"},
        {10500, "11 kB"},
        {99499, "99 kB"},
        {99500, "100 kB"},
        {999499, "999 kB"},
        {999500, "1.0 MB"},
        {1000000, "1.0 MB"},
        {5000000000, "5.0 GB"},
        {999500000000, "1.0 TB"},
        {UINT64_MAX, "18 EB"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char room[16];
        struct buffer out = {room, 0, sizeof room - 1, false};
        buffer_size(&out, rows[i].bytes);
        room[out.length] = '\0';
        assert_string_equal(room, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_human),
        cmocka_unit_test(only_text_that_fits_is_appended),
        cmocka_unit_test(numbers_are_written_in_decimal_and_hexadecimal),
        cmocka_unit_test(text_is_escaped_whole_or_not_at_all),
        cmocka_unit_test(controls_and_formats_are_escaped),
    };
    return cmocka_run_group_tests(tests, guard_open, NULL);
}

/* _headers: the published tests of netlify/build's headers-parser and of workers-sdk's parseHeaders and getHeaders, and
   what their documents say. */
#include "http/header_rules.h"

#include "guard.h"
#include "reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct header_fields fields;

static struct header_rules *parse(struct span text, enum rules_choice dialect)
{
    struct buffer buffer = reports_begin();
    struct header_rules *rules = header_rules_parse(guarded(text), dialect, reports_collect, &buffer);
    assert_non_null(rules);
    reports_end(&buffer);
    return rules;
}

/* The fields of a path as "LINE Name: value", or "LINE ! Name" for one that is left out, joined by "|". */
static const char *ask(const struct header_rules *rules, const char *path)
{
    static char room[16384];
    struct buffer answer = BUFFER(room);
    header_rules_match(rules, guarded(span_of(path)), &fields);
    for (unsigned i = 0; i < fields.count; i++) {
        const struct header_field *field = &fields.fields[i];
        if (i > 0)
            buffer_byte(&answer, '|');
        buffer_number(&answer, field->line);
        buffer_string(&answer, field->value.at == NULL ? " ! " : " ");
        buffer_append(&answer, field->name);
        if (field->value.at != NULL)
            buffer_string(&answer, ": ");
        buffer_append(&answer, field->value);
    }
    buffer_byte(&answer, '\0');
    return buffer_filled(&answer).at;
}

struct row {
    const char *text, *path, *fields;
};

static void assert_rows(enum rules_choice dialect, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct header_rules *rules = parse(span_of(rows[i].text), dialect);
        if (reports[0] != '\0')
            fail_msg("'%s': %s", rows[i].text, reports);
        const char *answer = ask(rules, rows[i].path);
        if (strcmp(answer, rows[i].fields) != 0)
            fail_msg("'%s' of '%s' is '%s'", rows[i].text, rows[i].path, answer);
        header_rules_free(rules);
    }
}

static void cloudflare_joins_and_removes(void **state)
{
    static const struct row rows[] = {
        {"", "/a", ""},
        {"/a\n  Name: Value", "/a", "2 Name: Value"},
        {"/a\n  Name: Value", "/a/", ""},
        {"/a\n  Name: Value", "/A", ""},
        {"\xEF\xBB\xBF/a\r\n  Name: Value\r\n", "/a", "2 Name: Value"},
        {"\n/a\n\n# comment\nName: Value\n\n", "/a", "5 Name: Value"},
        {"   /a\n Name    :    Value  \t", "/a", "2 Name: Value"},
        {"/a\n!Name: Value", "/a", "2 !Name: Value"},
        {"/a\nA: b:c, d", "/a", "2 A: b:c, d"},
        {"/a\nA: 1\na: 2", "/a", "3 A: 1, 2"},
        {"/a\nA: 1\nB: 2\nA: 3\nB: 4", "/a", "4 A: 1, 3|5 B: 2, 4"},
        /* Further values are joined, in the order of the file. */
        {"/*\nA: 1\n/a\nA: 2\n/b\nA: 3", "/a", "4 A: 1, 2"},
        {"/*\nA: 1\n/a\n! A", "/a", "4 ! A"},
        {"/*\nA: 1\n/a\n! a", "/b", "2 A: 1"},
        {"/a\n! A\n/*\nA: 1", "/a", "4 A: 1"},
        /* A block removes before it sets. */
        {"/*\nA: 1\n/a\nA: 2\n!   A", "/a", "4 A: 2"},
        {"/a\n! Cache-Control", "/a", "2 ! Cache-Control"},
        /* RFC 6265 3: cookies are not joined. */
        {"/a\nSet-Cookie: a=1\nSet-Cookie: b=2\n/*\nset-cookie: c=3", "/a",
         "2 Set-Cookie: a=1|3 Set-Cookie: b=2|5 set-cookie: c=3"},
        {"/*\nSet-Cookie: a=1\nSet-Cookie: b=2\n/a\n! Set-Cookie", "/a", "5 ! Set-Cookie"},
        /* Placeholders, in what Cloudflare sees of a path: it is never decoded there. */
        {"/m/:title\nX: new :title, :title_2 :", "/m/x y", "2 X: new x%20y, :title_2 :"},
        {"/*\nX: :splat", "/a/\r\n\xC3\xBC", "2 X: a/%0D%0A%C3%BC"},
        {"/*\nX: :splat", "/", "2 X: "},
        {"/*\nX: :splat\nX: b", "/", "3 X: , b"},
        {"/*/b\nX: :splat\n/a/:x\nX: :x", "/a/b", "4 X: a, b"},
        {"/*\nContent-Security-Policy: default-src https: 'self'", "/a",
         "2 Content-Security-Policy: default-src https: 'self'"},
        {"/*\nLink: <https://h/:splat>; rel=x", "/a", "2 Link: <https://h/a>; rel=x"},
    };
    (void)state;
    assert_rows(RULES_CLOUDFLARE, rows, COUNT(rows));
    assert_rows(RULES_PLAIN, rows, COUNT(rows));
}

static void netlify_replaces_values_of_earlier_blocks(void **state)
{
    static const struct row rows[] = {
        {"/path\n test: one", "/path", "2 test: one"},
        {"/path\n test: one", "/PATH/", "2 test: one"},
        {"/path\n\n# c\n  test  :  one", "/path", "4 test: one"},
        {"/path\ntest: one\ntest: two", "/path", "3 test: one, two"},
        {"/*\nA: 1\n/a\nA: 2\nA: 3", "/a", "5 A: 2, 3"},
        {"/*\nA: 1\nA: 2\n/a\na: 3\n", "/a", "5 A: 3"},
        {"/a/*\nA: :splat\n", "/a/b", "2 A: :splat"},
        {"/a\nLink:<https://h/>", "/a", "2 Link: <https://h/>"},
        {"/*\nSet-Cookie: a\nSet-Cookie: b\n/a\nSet-Cookie: c", "/a", "5 Set-Cookie: c"},
        {"/a/*/c*d\nA: 1", "/a/x/y/cxd", "2 A: 1"},
        {"/a/:b\nA: 1", "/a/x", "2 A: 1"},
        {"/*\nSet-Cookie: a\n/a\nSet-Cookie: b", "/a", "4 Set-Cookie: b"},
    };
    (void)state;
    assert_rows(RULES_NETLIFY, rows, COUNT(rows));
}

static void bad_lines_are_reported_and_ignored(void **state)
{
    static const struct {
        enum rules_choice dialect;
        struct span text;
        const char *report, *fields; /* of "/a" */
    } rows[] = {
        {RULES_PLAIN, TEXT("A: 1"), "1: 'A: 1' has no path above it; write the path first, '/*' for all\n", ""},
        {RULES_PLAIN, TEXT("/a\nx\nA: 1"), "2: 'x' is neither a path nor a field; write 'NAME: VALUE'\n", "3 A: 1"},
        {RULES_PLAIN, TEXT("/a\nA: 1\nx"), "3: 'x' is neither a path nor a field; ", "2 A: 1"},
        {RULES_PLAIN, TEXT("/a\n: x\nA: 1"), "2: '' is no field name; use letters, digits and hyphens\n", "3 A: 1"},
        {RULES_PLAIN, TEXT("/a\nA B: x\nA: 1"), "2: 'A B' is no field name; ", "3 A: 1"},
        {RULES_PLAIN, TEXT("/a\n://x\nA: 1"), "2: '' is no field name; ", "3 A: 1"},
        {RULES_PLAIN, TEXT("/a\nA B://x\nA: 1"), "2: 'A B' is no field name; ", "3 A: 1"},
        {RULES_PLAIN, TEXT("/a\nA:\nA: 1"), "2: 'A' has no value; write 'NAME: VALUE'\n", "3 A: 1"},
        {RULES_PLAIN, TEXT("/a\nA: \xC3\xBC\nA: 1"), "2: '\xC3\xBC' has bytes beyond ASCII; remove them\n", "3 A: 1"},
        {RULES_PLAIN, TEXT("/a\nA: x\0y\nA: 1"), "2: 'A: x\\x00y' has a control character; remove it\n", "3 A: 1"},
        {RULES_PLAIN, TEXT("/a\n\x01X: x\nA: 1"), "2: '\\x01X: x' has a control character; ", "3 A: 1"},
        {RULES_PLAIN, TEXT("/a\nA: x\ry\nA: 1"), "has a control character; ", "3 A: 1"},
        {RULES_PLAIN, TEXT("/a\nA: x\x7F\nA: 1"), "has a control character; ", "3 A: 1"},
        {RULES_PLAIN, TEXT("/a\nA: \xFF\nA: 1"), "is not UTF-8; ", "3 A: 1"},
        /* Fields below a bad path are no others'. */
        {RULES_PLAIN, TEXT("/a\nA: 1\n/\xFF\nA: 2\n/a\nA: 3"), "3: '/\\xFF' is not UTF-8; ", "6 A: 1, 3"},
        {RULES_NETLIFY, TEXT("/a\nA: 1\n/b\x01\nA: 2"), "3: '/b\\x01' has a control character; ", "2 A: 1"},
        {RULES_PLAIN, TEXT("/a\nA: 1\n/a"), "3: '/a' has no field below it; ", "2 A: 1"},
        {RULES_PLAIN, TEXT("/a\nA: 1\n/a\n\n/b\nA: 2"), "3: '/a' has no field below it; ", "2 A: 1"},
        {RULES_PLAIN, TEXT("/*/*\nA: 1\nA: 2\n/a\nA: 3"), "1: '/*/*' has '*' twice; ", "5 A: 3"},
        {RULES_CLOUDFLARE, TEXT("/b/:id/:idx\nA: 1\n/a\nA: 2"), "1: '/b/:id/:idx' has a name that begins with",
         "4 A: 2"},
        {RULES_CLOUDFLARE, TEXT("/b/:s/*\nA: 1\n/a\nB C: x\nA: 2"), "4: 'B C' is no field name; ", "5 A: 2"},
        {RULES_CLOUDFLARE, TEXT("/*/:s/:idx/:id\nA: 1\n/b/:id/:idx\nA: 1\n/a\nA: 2"), "3: '/b/:id/:idx' has", "6 A: 2"},
        {RULES_PLAIN, TEXT("/b/:id/:idx\nA: 1\n/a\nB C: x\nA: 2"), "4: 'B C' is no field name; ", "5 A: 2"},
        {RULES_PLAIN, TEXT("https://h/a\nA: 1\n/a\nA: 2"),
         "1: 'https://h/a' is for a host, which is not supported; give the path only\n", "4 A: 2"},
        {RULES_PLAIN, TEXT("/a\nA: 1\nLink:<https://h/>\nA: 2\n/a\nA: 3"),
         "3: 'Link:<https://h/>' is a path to Cloudflare, not a field; write a space after ':'\n", "6 A: 1, 3"},
        {RULES_CLOUDFLARE, TEXT("/a\nA: 1\nB:C:x://h\nA: 2"), "3: 'B:C:x://h' is a path to Cloudflare, ", "2 A: 1"},
        {RULES_CLOUDFLARE, TEXT("/a\nA: 1\n://://\nA: 2"), "3: '://://' is for a host, ", "2 A: 1"},
        {RULES_NETLIFY, TEXT("/a\nA: 1\n://://\nA: 2"), "3: '' is no field name; ", "4 A: 1, 2"},
        {RULES_PLAIN, TEXT("/a\nContent-Length: 5\nA: 1"),
         "2: 'Content-Length' can't be set: leave it out; the server sends this field itself\n", "3 A: 1"},
        {RULES_PLAIN, TEXT("/a\ncontent-type: text/html\nA: 1"),
         "2: 'content-type' can't be set: use '--mime EXT=TYPE' instead\n", "3 A: 1"},
        {RULES_PLAIN, TEXT("/a\n! ETag\nA: 1"), "2: 'ETag' can't be set: ", "3 A: 1"},
        {RULES_PLAIN, TEXT("/a\nBasic-Auth: u:p\nA: 1"), "2: 'Basic-Auth' is not supported; ", "3 A: 1"},
        {RULES_NETLIFY, TEXT("/a\nBasic-Auth: u:p\nA: 1"), "2: 'Basic-Auth' is not supported; ", "3 A: 1"},
        {RULES_NETLIFY, TEXT("/a\nAge: 5\nA: 1"), "2: 'Age' is set by Netlify itself; leave it out\n", "3 A: 1"},
        {RULES_NETLIFY, TEXT("/a\nalt-svc: x\nA: 1"), "2: 'alt-svc' is set by Netlify itself; ", "3 A: 1"},
        {RULES_NETLIFY, TEXT("/a\nServer: x\nA: 1"), "2: 'Server' is set by Netlify itself; ", "3 A: 1"},
        {RULES_NETLIFY, TEXT("/a\n! A\nA: 1"), "2: '! A' is neither a path nor a field; ", "3 A: 1"},
        {RULES_NETLIFY, TEXT("/*/:b/*\nA: 1\n/a\nA: 2"), "has a placeholder between two '*'; ", "4 A: 2"},
        {RULES_CLOUDFLARE, TEXT("/a\nAge: 5\n! A: x"), "3: '! A' is no field name; ", "2 Age: 5"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct header_rules *rules = parse(rows[i].text, rows[i].dialect);
        if (strstr(reports, rows[i].report) == NULL || strchr(reports, '\n')[1] != '\0')
            fail_msg("'%s': %s", rows[i].text.at, reports);
        assert_string_equal(ask(rules, "/a"), rows[i].fields);
        header_rules_free(rules);
    }
}

/* constructHeaders: an object by path. A block without a field is none (parseHeaders). */
static void cloudflare_keeps_the_last_block_of_a_path(void **state)
{
    static const char text[] = "/*\nX: 1\nA: 1\n/a\nX: 2\n/*\nX: :splat\n/a/\nX: 9\n/*\n";
    (void)state;
    struct header_rules *rules = parse(span_of(text), RULES_CLOUDFLARE);
    assert_string_equal(ask(rules, "/a"), "5 X: a, 2");
    assert_string_equal(reports, "1: '/*' is replaced by the block of line 6; join them\n"
                                 "10: '/*' has no field below it; add 'NAME: VALUE', or remove the path\n");
    header_rules_free(rules);
    rules = parse(SPAN("/*\nX: 1\n/*\nY: 1\n/*\nZ: 1"), RULES_CLOUDFLARE);
    assert_string_equal(ask(rules, "/a"), "6 Z: 1");
    assert_string_equal(reports, "1: '/*' is replaced by the block of line 3; join them\n"
                                 "3: '/*' is replaced by the block of line 5; join them\n");
    header_rules_free(rules);
    rules = parse(SPAN("/a\n/*\nX: 1\n/a\n! X\nY: 2"), RULES_CLOUDFLARE); /* the empty one has no place */
    assert_string_equal(ask(rules, "/a"), "5 ! X|6 Y: 2");
    assert_string_equal(reports, "1: '/a' has no field below it; add 'NAME: VALUE', or remove the path\n");
    header_rules_free(rules);
    rules = parse(SPAN("/caf%C3%A9\nX: 1\n/caf\xC3\xA9\nY: 1\n/:a\nX: 2\n/:b\nY: 2\n/*\nX: 3"), RULES_CLOUDFLARE);
    assert_string_equal(ask(rules, "/caf\xC3\xA9"), "8 Y: 1, 2|10 X: 2, 3");
    assert_string_equal(reports, "1: '/caf%C3%A9' is replaced by the block of line 3; join them\n");
    header_rules_free(rules);
    rules = parse(SPAN("/a?x\nX: 1\n/a#b?\nY: 1"), RULES_CLOUDFLARE); /* extractPathname */
    assert_string_equal(ask(rules, "/a"), "4 Y: 1");
    assert_string_equal(reports, "1: '/a' is replaced by the block of line 3; join them\n");
    header_rules_free(rules);
    rules = parse(SPAN("/*\nX: 1\nY: 1\n/a\n! X\nZ: 1\n! Y"), RULES_CLOUDFLARE);
    assert_string_equal(ask(rules, "/a"), "5 ! X|7 ! Y|6 Z: 1");
    header_rules_free(rules);
    rules = parse(SPAN("/*\nX: 1\n/*\nY: 1"), RULES_PLAIN);
    assert_string_equal(ask(rules, "/a"), "2 X: 1|4 Y: 1");
    header_rules_free(rules);
}

/* HOSTS: what Netlify refuses. */
static void fields_of_the_server_are_refused(void **state)
{
    static const char *const names[] = {
        "Accept-Ranges", "Age",  "Allow",    "Alt-Svc", "Connection", "Content-Encoding",  "Content-Length",
        "Content-Range", "Date", "Location", "Server",  "Trailer",    "Transfer-Encoding", "Upgrade"};
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        char text[64];
        snprintf(text, sizeof text, "/a\n%s: x\nX: y", names[i]);
        struct header_rules *rules = parse(span_of(text), RULES_NETLIFY);
        assert_string_equal(ask(rules, "/a"), "3 X: y");
        assert_non_null(strstr(reports, names[i]));
        header_rules_free(rules);
    }
}

/* ---- limits ---- */

static char large[2 * LIMIT_RULES_TEXT];

static void blocks_beyond_the_limit_are_reported_once(void **state)
{
    static const struct {
        enum rules_choice dialect;
        const char *report;
    } rows[] = {
        {RULES_CLOUDFLARE, "201: '/00100' and all after it is ignored: Cloudflare takes 100 paths\n"},
        {RULES_NETLIFY, "2001: '/01000' and all after it is ignored: there are more than 1000 paths\n"},
    };
    (void)state;
    size_t length = 0;
    for (unsigned i = 0; i < 1050; i++)
        length += (size_t)snprintf(large + length, sizeof large - length, "/%05u\nX: %u\n", i, i);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct header_rules *rules = parse((struct span){large, length}, rows[i].dialect);
        assert_string_equal(reports, rows[i].report);
        assert_string_not_equal(ask(rules, i == 0 ? "/00099" : "/00999"), "");
        assert_string_equal(ask(rules, i == 0 ? "/00100" : "/01000"), "");
        header_rules_free(rules);
    }
}

/* All lines of a response are within LIMIT_HEADER_BYTES, and the rest is left out. */
static void fields_of_a_response_are_bounded(void **state)
{
    struct header_rules *rules;
    size_t length = 0, bytes = 0;
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        length += (size_t)snprintf(large + length, sizeof large - length, "/*\nX%u: %0*u\n", i, 1000, i);
    rules = parse((struct span){large, length}, RULES_PLAIN);
    header_rules_match(rules, SPAN("/"), &fields);
    assert_true(fields.overflow);
    assert_int_equal(fields.count, 4);
    header_rules_free(rules);
    /* Joined ones as well. */
    length = 0;
    for (unsigned i = 0; i < 40; i++)
        length += (size_t)snprintf(large + length, sizeof large - length, "/*\nX: %0*u\nY: %u\n", 300, i, i);
    rules = parse((struct span){large, length}, RULES_PLAIN);
    header_rules_match(rules, SPAN("/"), &fields);
    assert_true(fields.overflow);
    for (unsigned i = 0; i < fields.count; i++)
        bytes += fields.fields[i].name.length + fields.fields[i].value.length + 4;
    assert_in_range(bytes, 0, LIMIT_HEADER_BYTES);
    header_rules_free(rules);
    /* To the byte: each line has 4 bytes besides name and value. */
    for (int more = 0; more < 2; more++) {
        length = (size_t)snprintf(large, sizeof large, "/*\nX: %0*d\nY: %0*d\nZ: %0*d\n", 1900, 1, 1900, 1,
                                  LIMIT_HEADER_BYTES - 2 * 1900 - 3 * 5 + more, 1);
        rules = parse((struct span){large, length}, RULES_PLAIN);
        header_rules_match(rules, SPAN("/"), &fields);
        assert_int_equal(fields.overflow, more);
        assert_int_equal(fields.count, 3 - more);
        header_rules_free(rules);
    }
    /* Too many. */
    length = (size_t)snprintf(large, sizeof large, "/*\n");
    for (unsigned i = 0; i < LIMIT_RULES_FIELDS + 1; i++)
        length += (size_t)snprintf(large + length, sizeof large - length, "X%u: y\n", i);
    rules = parse((struct span){large, length}, RULES_PLAIN);
    header_rules_match(rules, SPAN("/"), &fields);
    assert_true(fields.overflow);
    assert_int_equal(fields.count, LIMIT_RULES_FIELDS);
    header_rules_free(rules);
    /* A placeholder's value may be as long as a path. */
    rules = parse(SPAN("/*\nX: :splat\nY: z"), RULES_PLAIN);
    memset(large, ' ', LIMIT_TARGET);
    large[0] = '/';
    header_rules_match(rules, (struct span){large, LIMIT_TARGET}, &fields);
    assert_true(fields.overflow);
    assert_int_equal(fields.count, 1);
    assert_span(fields.fields[0].name, SPAN("Y"));
    header_rules_free(rules);
}

static void texts_may_be_cut_anywhere(void **state)
{
    static const char text[] =
        "\xEF\xBB\xBF# c\r\n/a/:b\r\nX: :b :splat\n! Y\nSet-Cookie: a=b\nX: 2\n/*\nX: 3\n! X\nhttps://h/\n"
        "Y: 1\n/*x*y\nZ: \xE2\x82\xAC";
    (void)state;
    for (int dialect = RULES_PLAIN; dialect <= RULES_CLOUDFLARE; dialect++) {
        for (size_t length = 0; length < sizeof text; length++) {
            struct header_rules *rules = parse((struct span){text, length}, (enum rules_choice)dialect);
            header_rules_match(rules, SPAN("/a/1"), &fields);
            header_rules_match(rules, SPAN("/a/1x2y"), &fields);
            header_rules_free(rules);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cloudflare_joins_and_removes),
        cmocka_unit_test(netlify_replaces_values_of_earlier_blocks),
        cmocka_unit_test(bad_lines_are_reported_and_ignored),
        cmocka_unit_test(cloudflare_keeps_the_last_block_of_a_path),
        cmocka_unit_test(fields_of_the_server_are_refused),
        cmocka_unit_test(blocks_beyond_the_limit_are_reported_once),
        cmocka_unit_test(fields_of_a_response_are_bounded),
        cmocka_unit_test(texts_may_be_cut_anywhere),
    };
    return cmocka_run_group_tests_name("header_rules", tests, guard_open, NULL);
}

/* Targets: RFC 9112 3.2 for their forms, RFC 3986 2.1, 3.2.2, 5.2.4 and 5.4 for their contents. */
#include "http/target.h"

#include "base/buffer.h"
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct target target;

static int parse(struct span raw)
{
    memset(&target, 0xEE, sizeof target);
    return target_parse(guarded(raw), &target);
}

/* ---- paths ---- */

struct row {
    struct span raw;
    const char *path;
    bool slash, hidden;
    const char *query;
};

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        if (parse(row->raw) != 0)
            fail_msg("'%s' is refused", row->raw.at);
        if (!span_equal(target.path, span_of(row->path)) || target.path.at[target.path.length] != '\0')
            fail_msg("'%s' is '%.*s'", row->raw.at, (int)target.path.length, target.path.at);
        if (target.slash != row->slash || target.hidden != row->hidden)
            fail_msg("'%s' has slash %d, hidden %d", row->raw.at, target.slash, target.hidden);
        if (!span_equal(target.query, span_of(row->query != NULL ? row->query : "")))
            fail_msg("'%s' has the query '%.*s'", row->raw.at, (int)target.query.length, target.query.at);
    }
}

static void paths_are_decoded_once(void **state)
{
    static const struct row rows[] = {
        {TEXT("/"), "", true, false, NULL},
        {TEXT("/a"), "a", false, false, NULL},
        {TEXT("/a/"), "a", true, false, NULL},
        {TEXT("/a/b.html"), "a/b.html", false, false, NULL},
        {TEXT("/a%20b"), "a b", false, false, NULL},
        {TEXT("/%61%62%63"), "abc", false, false, NULL},
        {TEXT("/%c3%bc%C3%BC"), "\xC3\xBC\xC3\xBC", false, false, NULL},
        {TEXT("/\xC3\xBC%C3%BC"), "\xC3\xBC\xC3\xBC", false, false, NULL},
        {TEXT("/\xF0\x9F\x98\x80/\xE2\x82\xAC/"), "\xF0\x9F\x98\x80/\xE2\x82\xAC", true, false, NULL},
        {TEXT("/%01%7f%0d%0a%ff"), "\x01\x7F\r\n\xFF", false, false, NULL},
        {TEXT("/a%3Fb%23c"), "a?b#c", false, false, NULL},
        {TEXT("/%25"), "%", false, false, NULL},
        /* Decoded once, not twice. */
        {TEXT("/%2541"), "%41", false, false, NULL},
        {TEXT("/%252e%252e/a"), "%2e%2e/a", false, false, NULL},
        {TEXT("/%2500"), "%00", false, false, NULL},
        {TEXT("/%25%32%65"), "%2e", false, false, NULL},
        /* A plus in a path is a plus, and every pchar is literal (RFC 3986 3.3). */
        {TEXT("/a+b"), "a+b", false, false, NULL},
        {TEXT("/-._~!$&'()*+,;=:@"), "-._~!$&'()*+,;=:@", false, false, NULL},
        {TEXT("/a\\b"), "a\\b", false, false, NULL},
        {TEXT("/..\\..\\a"), "..\\..\\a", false, true, NULL},
        {TEXT("/a%5C..%5Cb"), "a\\..\\b", false, false, NULL},
    };
    (void)state;
    assert_rows(rows, COUNT(rows));
}

/* An escaped slash separates segments, so that the store and these checks see the same segments. */
static void escaped_slashes_separate_segments(void **state)
{
    static const struct row rows[] = {
        {TEXT("/a%2Fb"), "a/b", false, false, NULL},
        {TEXT("/a%2fb%2F"), "a/b", true, false, NULL},
        {TEXT("/%2F"), "", true, false, NULL},
        {TEXT("/%2F%2Fhost/a"), "host/a", false, false, NULL},
        {TEXT("/a/..%2f..%2f..%2fetc/passwd"), "etc/passwd", false, false, NULL},
        {TEXT("/a%2f..%2f..%2f..%2fb"), "b", false, false, NULL},
        {TEXT("/a%2F%2e"), "a", true, false, NULL},
    };
    (void)state;
    assert_rows(rows, COUNT(rows));
}

static void dot_segments_are_removed(void **state)
{
    static const struct row rows[] = {
        /* RFC 3986 5.2.4. */
        {TEXT("/a/b/c/./../../g"), "a/g", false, false, NULL},
        /* 5.4.1 and 5.4.2: references merged with /b/c/d;p. */
        {TEXT("/b/c/g"), "b/c/g", false, false, NULL},
        {TEXT("/b/c/./g"), "b/c/g", false, false, NULL},
        {TEXT("/b/c/g/"), "b/c/g", true, false, NULL},
        {TEXT("/b/c/;x"), "b/c/;x", false, false, NULL},
        {TEXT("/b/c/g;x"), "b/c/g;x", false, false, NULL},
        {TEXT("/b/c/."), "b/c", true, false, NULL},
        {TEXT("/b/c/./"), "b/c", true, false, NULL},
        {TEXT("/b/c/.."), "b", true, false, NULL},
        {TEXT("/b/c/../"), "b", true, false, NULL},
        {TEXT("/b/c/../g"), "b/g", false, false, NULL},
        {TEXT("/b/c/../.."), "", true, false, NULL},
        {TEXT("/b/c/../../"), "", true, false, NULL},
        {TEXT("/b/c/../../g"), "g", false, false, NULL},
        {TEXT("/b/c/../../../g"), "g", false, false, NULL},
        {TEXT("/b/c/../../../../g"), "g", false, false, NULL},
        {TEXT("/./g"), "g", false, false, NULL},
        {TEXT("/../g"), "g", false, false, NULL},
        {TEXT("/b/c/g."), "b/c/g.", false, false, NULL},
        {TEXT("/b/c/g.."), "b/c/g..", false, false, NULL},
        {TEXT("/b/c/./../g"), "b/g", false, false, NULL},
        {TEXT("/b/c/./g/."), "b/c/g", true, false, NULL},
        {TEXT("/b/c/g/./h"), "b/c/g/h", false, false, NULL},
        {TEXT("/b/c/g/../h"), "b/c/h", false, false, NULL},
        {TEXT("/b/c/g;x=1/./y"), "b/c/g;x=1/y", false, false, NULL},
        {TEXT("/b/c/g;x=1/../y"), "b/c/y", false, false, NULL},
        /* At the root. */
        {TEXT("/."), "", true, false, NULL},
        {TEXT("/.."), "", true, false, NULL},
        {TEXT("/../../../.."), "", true, false, NULL},
        {TEXT("/a/../../../b/.."), "", true, false, NULL},
        {TEXT("/ab/../c"), "c", false, false, NULL},
        /* Escaped: removed after decoding. */
        {TEXT("/%2e%2e/a"), "a", false, false, NULL},
        {TEXT("/a/%2E./b"), "b", false, false, NULL},
        {TEXT("/a/.%2e/b"), "b", false, false, NULL},
        {TEXT("/a/%2e"), "a", true, false, NULL},
        {TEXT("/a/b/%2e%2E"), "a", true, false, NULL},
    };
    (void)state;
    assert_rows(rows, COUNT(rows));
}

static void repeated_slashes_are_merged(void **state)
{
    static const struct row rows[] = {
        {TEXT("//"), "", true, false, NULL},
        {TEXT("////a"), "a", false, false, NULL},
        {TEXT("//host/a"), "host/a", false, false, NULL},
        {TEXT("/a//b///c"), "a/b/c", false, false, NULL},
        {TEXT("/a//"), "a", true, false, NULL},
        {TEXT("/a//../b"), "b", false, false, NULL},
        {TEXT("/a/b//.."), "a", true, false, NULL},
        {TEXT("/a//."), "a", true, false, NULL},
    };
    (void)state;
    assert_rows(rows, COUNT(rows));
}

static void dot_names_are_hidden(void **state)
{
    static const struct row rows[] = {
        {TEXT("/.git"), ".git", false, true, NULL},
        {TEXT("/.git/config"), ".git/config", false, true, NULL},
        {TEXT("/a/.htaccess"), "a/.htaccess", false, true, NULL},
        {TEXT("/a/.b/"), "a/.b", true, true, NULL},
        {TEXT("/%2egit"), ".git", false, true, NULL},
        {TEXT("/a%2f.b"), "a/.b", false, true, NULL},
        {TEXT("/..."), "...", false, true, NULL},
        {TEXT("/..a"), "..a", false, true, NULL},
        {TEXT("/.."
              "%20"),
         ".. ", false, true, NULL},
        {TEXT("/.git/../a"), "a", false, false, NULL},
        {TEXT("/a.b/c."), "a.b/c.", false, false, NULL},
        /* RFC 8615. */
        {TEXT("/.well-known"), ".well-known", false, false, NULL},
        {TEXT("/.well-known/security.txt"), ".well-known/security.txt", false, false, NULL},
        {TEXT("/%2Ewell-known/a"), ".well-known/a", false, false, NULL},
        {TEXT("/.well-known/.a"), ".well-known/.a", false, true, NULL},
        {TEXT("/.git/.well-known"), ".git/.well-known", false, true, NULL},
        {TEXT("/.well-knowns"), ".well-knowns", false, true, NULL},
        {TEXT("/.well-know"), ".well-know", false, true, NULL},
        {TEXT("/.Well-Known"), ".Well-Known", false, true, NULL},
    };
    (void)state;
    assert_rows(rows, COUNT(rows));
}

static void queries_are_kept_as_sent(void **state)
{
    static const struct row rows[] = {
        {TEXT("/?"), "", true, false, "?"},
        {TEXT("/a?b"), "a", false, false, "?b"},
        {TEXT("/a/?b=c&d=%2F%00"), "a", true, false, "?b=c&d=%2F%00"},
        {TEXT("/a?b?c"), "a", false, false, "?b?c"},
        {TEXT("/a?/../.."), "a", false, false, "?/../.."},
        {TEXT("/a/..?/.git"), "", true, false, "?/.git"},
        {TEXT("/a%3Fb?c"), "a?b", false, false, "?c"},
        {TEXT("/a?b//c"), "a", false, false, "?b//c"},
    };
    (void)state;
    assert_rows(rows, COUNT(rows));
    struct span raw = guarded(SPAN("/a?b"));
    assert_int_equal(target_parse(raw, &target), 0);
    assert_ptr_equal(target.query.at, raw.at + 2);
}

/* RFC 9112 3.2.2. */
static void absolute_form_is_read(void **state)
{
    static const struct row rows[] = {
        {TEXT("http://h/a/b?c"), "a/b", false, false, "?c"},
        {TEXT("HTTP://example.org:8080/"), "", true, false, NULL},
        {TEXT("http://h"), "", true, false, NULL},
        {TEXT("http://h?a/b"), "", true, false, "?a/b"},
        {TEXT("http://[::1]:80/a"), "a", false, false, NULL},
        {TEXT("http://h/../%2e%2e/a/."), "a", true, false, NULL},
        {TEXT("http://h//x"), "x", false, false, NULL},
        {TEXT("http://h:/a"), "a", false, false, NULL},
        {TEXT("/http://h/a"), "http:/h/a", false, false, NULL},
    };
    (void)state;
    assert_rows(rows, COUNT(rows));
}

static void invalid_targets_are_refused(void **state)
{
    static const struct span rows[] = {
        /* Other forms, and an empty target. */
        TEXT(""),
        TEXT("*"),
        TEXT("a"),
        TEXT("a/b"),
        TEXT("../a"),
        TEXT("?a"),
        TEXT("\\a"),
        TEXT("%2Fa"),
        TEXT("example.org:443"),
        TEXT("ftp://h/"),
        TEXT("file:///etc/passwd"),
        TEXT("http:"),
        TEXT("http:/a"),
        TEXT("http:a"),
        /* RFC 9110 4.2.1: an empty host; 4.2.4: user information. */
        TEXT("http://"),
        TEXT("http:///a"),
        TEXT("http://?a"),
        TEXT("http://:80/"),
        TEXT("http://user@h/"),
        TEXT("http://user:password@h/"),
        TEXT("http://h:a/"),
        TEXT("http://[::1/a"),
        TEXT("http://h\\a/"),
        /* RFC 3986 2.1. */
        TEXT("/%"),
        TEXT("/a%"),
        TEXT("/%2"),
        TEXT("/%a/b"),
        TEXT("/%zz"),
        TEXT("/%2g"),
        TEXT("/%g2"),
        TEXT("/%%41"),
        TEXT("/% 1"),
        TEXT("/%-1"),
        TEXT("/%u0041"),
        TEXT("/a%?b"),
        TEXT("/a%2?b"),
        /* NUL. */
        TEXT("/%00"),
        TEXT("/a%00.html"),
        TEXT("/a.txt%00"),
        TEXT("/a\0b"),
        TEXT("/a?\0"),
        /* A fragment, spaces, controls. */
        TEXT("/a#b"),
        TEXT("/#"),
        TEXT("/a?b#c"),
        TEXT("http://h#a"),
        TEXT("/a b"),
        TEXT("/a?b c"),
        TEXT("/a\tb"),
        TEXT("/a\r\nX: y"),
        TEXT("/a?\r\nX: y"),
        TEXT("/\x1F"),
        TEXT("/\x7F"),
        TEXT("/a?\x7F"),
        TEXT("http://\xC3\xBC/"),
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (parse(rows[i]) != 400)
            fail_msg("'%.*s' is taken", (int)rows[i].length, rows[i].at);
    }
}

static void bad_escapes_are_found(void **state)
{
    static const char *const rows[][2] = {
        {"/50%.txt", "%.t"}, {"/50%", "%"},  {"/%4", "%4"},   {"/%4g", "%4g"},  {"/%41%zz", "%zz"},
        {"/%41", ""},        {"/a?%", ""},   {"/%?a=b", "%"}, {"/%00", ""},     {"", ""},
        {"%", "%"},          {"/%€.", "%€"}, {"/%aé", "%aé"}, {"/%a😀b", "%a😀"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_span(target_bad_escape(guarded(span_of(rows[i][0]))), span_of(rows[i][1]));
}

static void targets_over_the_limit_are_refused(void **state)
{
    static char raw[LIMIT_TARGET + 2];
    (void)state;
    memset(raw, 'a', sizeof raw);
    raw[0] = '/';
    assert_int_equal(parse((struct span){raw, LIMIT_TARGET}), 0);
    assert_int_equal(target.path.length, LIMIT_TARGET - 1);
    assert_int_equal(target.path.at[LIMIT_TARGET - 1], '\0');
    assert_int_equal(parse((struct span){raw, LIMIT_TARGET + 1}), 400);
    /* Only slashes, only dots. */
    memset(raw, '/', sizeof raw);
    assert_int_equal(parse((struct span){raw, LIMIT_TARGET}), 0);
    assert_int_equal(target.path.length, 0);
    for (size_t i = 0; i < LIMIT_TARGET; i++)
        raw[i] = i % 3 == 0 ? '/' : '.';
    assert_int_equal(parse((struct span){raw, LIMIT_TARGET - LIMIT_TARGET % 3}), 0);
    assert_int_equal(target.path.length, 0);
}

/* ---- children ---- */

static void assert_child(const char *raw, const char *name, const char *expected)
{
    assert_int_equal(parse(span_of(raw)), 0);
    struct span child = target_child(&target, span_of(name));
    assert_string_equal(child.at, expected);
    assert_int_equal(child.length, strlen(expected));
}

static void children_follow_the_path(void **state)
{
    (void)state;
    assert_child("/", "index.html", "index.html");
    assert_child("/a/b/", "index.html", "a/b/index.html");
    assert_child("/a", "x", "a/x");
    assert_int_equal(parse(SPAN("/a/b/")), 0);
    target_child(&target, SPAN("index.html"));
    assert_true(span_equal(target.path, SPAN("a/b")));
    assert_string_equal(target_child(&target, SPAN("i")).at, "a/b/i");
}

static void longest_path_has_room_for_a_child(void **state)
{
    static char raw[LIMIT_TARGET];
    char name[TARGET_NAME_MAX];
    (void)state;
    memset(raw, 'a', sizeof raw);
    memset(name, 'n', sizeof name);
    raw[0] = '/';
    assert_int_equal(parse((struct span){raw, LIMIT_TARGET}), 0);
    struct span child = target_child(&target, (struct span){name, TARGET_NAME_MAX});
    assert_int_equal(child.length, LIMIT_TARGET + TARGET_NAME_MAX);
    assert_int_equal(child.at[child.length], '\0');
    assert_int_equal(child.at[LIMIT_TARGET - 1], '/');
    assert_memory_equal(child.at + LIMIT_TARGET, name, TARGET_NAME_MAX);
}

/* ---- bases ---- */

static void base_is_taken_off(void **state)
{
    static const struct {
        struct span raw;
        const char *base;
        enum target_place place;
        const char *path;
        bool slash;
    } rows[] = {
        {TEXT("/"), "repo", TARGET_ABOVE, "", true},
        {TEXT("/repo"), "repo", TARGET_ABOVE, "repo", false},
        {TEXT("/repo/"), "repo", TARGET_INSIDE, "", true},
        {TEXT("/repo/a"), "repo", TARGET_INSIDE, "a", false},
        {TEXT("/repo/a/b/"), "repo", TARGET_INSIDE, "a/b", true},
        {TEXT("/repo/repo"), "repo", TARGET_INSIDE, "repo", false},
        {TEXT("/repos"), "repo", TARGET_OUTSIDE, "repos", false},
        {TEXT("/repos/a"), "repo", TARGET_OUTSIDE, "repos/a", false},
        {TEXT("/Repo/"), "repo", TARGET_OUTSIDE, "Repo", true},
        {TEXT("/rep/"), "repo", TARGET_OUTSIDE, "rep", true},
        {TEXT("/a/repo/"), "repo", TARGET_OUTSIDE, "a/repo", true},
        /* As paths: after decoding, and without dot segments. */
        {TEXT("/%72epo/a"), "repo", TARGET_INSIDE, "a", false},
        {TEXT("/repo%2Fa"), "repo", TARGET_INSIDE, "a", false},
        {TEXT("//repo//a"), "repo", TARGET_INSIDE, "a", false},
        {TEXT("/repo/."), "repo", TARGET_INSIDE, "", true},
        {TEXT("/repo/.."), "repo", TARGET_ABOVE, "", true},
        {TEXT("/repo/../a"), "repo", TARGET_OUTSIDE, "a", false},
        {TEXT("/repo/%2e%2e/%2e%2e/repo/a"), "repo", TARGET_INSIDE, "a", false},
        {TEXT("/caf%C3%A9/a"), "caf\xC3\xA9", TARGET_INSIDE, "a", false},
        {TEXT("/caf\xC3\xA9/a"), "caf\xC3\xA9", TARGET_INSIDE, "a", false},
        /* Several segments: what is between the root and the base is outside. */
        {TEXT("/a/b"), "a/b", TARGET_ABOVE, "a/b", false},
        {TEXT("/a/b/c"), "a/b", TARGET_INSIDE, "c", false},
        {TEXT("/a/"), "a/b", TARGET_OUTSIDE, "a", true},
        {TEXT("/a"), "a/b", TARGET_OUTSIDE, "a", false},
        {TEXT("/a/c/b"), "a/b", TARGET_OUTSIDE, "a/c/b", false},
        {TEXT("http://h"), "repo", TARGET_ABOVE, "", true},
        {TEXT("http://h/repo/a?b"), "repo", TARGET_INSIDE, "a", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(parse(rows[i].raw), 0);
        struct span sent = target.sent_path;
        if (target_take_base(&target, span_of(rows[i].base)) != rows[i].place)
            fail_msg("'%s' is elsewhere, seen from '%s'", rows[i].raw.at, rows[i].base);
        assert_string_equal(target.path.at, rows[i].path);
        assert_int_equal(target.path.length, strlen(rows[i].path));
        assert_int_equal(target.slash, rows[i].slash);
        assert_ptr_equal(target.sent_path.at, sent.at);
        assert_int_equal(target.sent_path.length, sent.length);
    }
}

static const char *start_of(const char *sent_path, const char *base)
{
    static char room[TARGET_START_MAX + 1];
    struct buffer address = {room, 0, TARGET_START_MAX, false};
    target.sent_path = span_of(sent_path);
    target_append_start(&address, &target, span_of(base));
    room[buffer_filled(&address).length] = '\0';
    return room;
}

/* Each leads to /BASE/, resolved as RFC 3986 5.2 says. */
static void start_is_relative_to_the_sent_path(void **state)
{
    char deep[2 * TARGET_START_DEPTH_MAX + 4] = "", base[LIMIT_BASE + 1], longest[TARGET_START_MAX + 1];
    (void)state;
    assert_string_equal(start_of("/", ""), "./");
    assert_string_equal(start_of("", "repo"), "./repo/");
    assert_string_equal(start_of("/", "repo"), "./repo/");
    assert_string_equal(start_of("/", "r"), "./r/");
    assert_string_equal(start_of("/repo", "repo"), "./repo/");
    assert_string_equal(start_of("//", "repo"), "./../repo/");
    assert_string_equal(start_of("/repo/a/b", "repo"), "./../../repo/");
    assert_string_equal(start_of("/a/b", "a/b"), "./../a/b/");
    assert_string_equal(start_of("/x", "a b/\xC3\xA9"), "./a%20b/%C3%A9/");
    memset(base, '%', LIMIT_BASE);
    base[LIMIT_BASE] = '\0';
    for (unsigned i = 0; i < TARGET_START_DEPTH_MAX + 1; i++)
        strcat(deep, "/a");
    snprintf(longest, sizeof longest, "./%s", start_of(deep, base) + 2);
    assert_int_equal(strlen(longest), TARGET_START_MAX);
    strcat(deep, "/");
    assert_string_equal(start_of(deep, "repo"), "/repo/");
}

/* ---- hosts ---- */

static const struct {
    struct span host;
    bool valid;
} hosts[] = {
    /* RFC 9110 7.2: uri-host [ ":" port ], or empty. RFC 3986 3.2.2, 3.2.3. */
    {TEXT(""), true},
    {TEXT("a"), true},
    {TEXT("example.org"), true},
    {TEXT("EXAMPLE.org."), true},
    {TEXT("example.org:8080"), true},
    {TEXT("example.org:"), true},
    {TEXT("localhost:0"), true},
    {TEXT("127.0.0.1"), true},
    {TEXT("127.0.0.1:80"), true},
    {TEXT("a_b-c~d"), true},
    {TEXT("xn--bcher-kva.example"), true},
    {TEXT("b%C3%BCcher.example"), true},
    {TEXT("a%00b"), true},
    {TEXT("!$&'()*+,;="), true},
    {TEXT("[::]"), true},
    {TEXT("[::1]"), true},
    {TEXT("[::1]:8080"), true},
    {TEXT("[::1]:"), true},
    {TEXT("[2001:db8::7]"), true},
    {TEXT("[2001:DB8:0:0:8:800:200C:417A]:80"), true},
    {TEXT("[::ffff:192.0.2.1]"), true},
    {TEXT("[1:2:3:4:5:6:7::]"), true},
    {TEXT("a b"), false},
    {TEXT(" a"), false},
    {TEXT("a\t"), false},
    {TEXT("a/b"), false},
    {TEXT("a\\b"), false},
    {TEXT("a?b"), false},
    {TEXT("a#b"), false},
    {TEXT("user@a"), false},
    {TEXT("http://a"), false},
    {TEXT("<a>"), false},
    {TEXT("\"a\""), false},
    {TEXT("a\0"), false},
    {TEXT("\0"), false},
    {TEXT("a\x80"), false},
    {TEXT("\xFC"), false},
    {TEXT("a\x7F"), false},
    {TEXT("a\r\nb"), false},
    {TEXT("a%"), false},
    {TEXT("a%4"), false},
    {TEXT("a%4g"), false},
    {TEXT("a:b"), false},
    {TEXT("a:80b"), false},
    {TEXT("a:80:80"), false},
    {TEXT("a:-1"), false},
    {TEXT("a: 80"), false},
    {TEXT("::1"), false},
    {TEXT("2001:db8::7"), false},
    {TEXT("["), false},
    {TEXT("[]"), false},
    {TEXT("[]:80"), false},
    {TEXT("[::1"), false},
    {TEXT("::1]"), false},
    {TEXT("[::1]a"), false},
    {TEXT("[::1]80"), false},
    {TEXT("[::1]:a"), false},
    {TEXT("[::1]]"), false},
    {TEXT("[[::1]]"), false},
    {TEXT("a[::1]"), false},
    {TEXT("[a]"), false},
    {TEXT("[127.0.0.1]"), false},
    {TEXT("[::g]"), false},
    {TEXT("[::1%25lo]"), false},
    {TEXT("[:: 1]"), false},
    {TEXT("[::1\0]"), false},
    {TEXT("[0000:0000:0000:0000:0000:ffff:192.168.100.228]"), true},
    {TEXT("[00000000:0000:0000:0000:0000:ffff:192.168.100.228]"), false},
};

static void valid_hosts_are_recognised(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hosts); i++) {
        if (target_host_is_valid(guarded(hosts[i].host)) != hosts[i].valid)
            fail_msg("'%s' is taken for %svalid", hosts[i].host.at, hosts[i].valid ? "in" : "");
    }
    assert_true(target_host_is_valid((struct span){NULL, 0}));
}

/* RFC 3986 3.2.2: IPv6address has eight pieces of up to four digits, "::" at most once for some of them. */
static void ipv6_addresses_follow_the_grammar(void **state)
{
    static const char *const wrong[] = {
        "[:]",
        "[:::]",
        "[1]",
        "[1::2::3]",
        "[1:2:3:4:5:6:7]",
        "[1:2:3:4:5:6:7:8:9]",
        "[12345::]",
        "[::256.0.0.1]",
        "[::1.2.3]",
        "[1.2.3.4::]",
        "[::1.2.3.4.5]",
        "[.::]",
        "[1:]",
        "[1:2:3:4:5:6:7:]",
        "[:1:2:3:4:5:6:7]",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        if (target_host_is_valid(guarded(span_of(wrong[i]))))
            fail_msg("'%s' is taken for valid", wrong[i]);
    }
}

/* ---- properties ---- */

static uint64_t seed;

/* xorshift64: reproducible numbers. */
static size_t chosen(size_t count)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed % count);
}

/* The pieces of a path, in all their spellings. */
static const struct {
    const char *written, *meant;
} pieces[] = {
    {"/", "/"},      {"/", "/"},    {"/", "/"},   {"%2F", "/"},     {"%2f", "/"},
    {".", "."},      {".", "."},    {"%2e", "."}, {"%2E", "."},     {"..", ".."},
    {"a", "a"},      {"%61", "a"},  {"bc", "bc"}, {"%25", "%"},     {"%C3%BC", "\xC3\xBC"},
    {"%ff", "\xFF"}, {"~", "~"},    {"\\", "\\"}, {".git", ".git"}, {".well-known", ".well-known"},
    {"%3f", "?"},    {"%0a", "\n"},
};

/* The segments of a path, each followed by a NUL. */
struct segments {
    char text[128][512];
    size_t count;
};

/* The reference for RFC 3986 5.2.4: a list of names, from which ".." removes the last. */
static void reference(const char *meant, struct segments *segments, bool *slash)
{
    static char copy[512];
    char *rest = copy, *name;
    snprintf(copy, sizeof copy, "%s", meant + 1);
    segments->count = 0;
    while ((name = strsep(&rest, "/")) != NULL) {
        bool stays = strcmp(name, "") == 0 || strcmp(name, ".") == 0;
        bool up = strcmp(name, "..") == 0;
        *slash = stays || up;
        if (up && segments->count > 0)
            segments->count--;
        if (!stays && !up)
            snprintf(segments->text[segments->count++], sizeof segments->text[0], "%s", name);
    }
}

static void assert_like_reference(const char *written, const char *meant)
{
    static struct segments segments;
    char path[1024];
    struct buffer expected = BUFFER(path);
    bool slash = false, hidden = false;
    reference(meant, &segments, &slash);
    for (size_t i = 0; i < segments.count; i++) {
        const char *name = segments.text[i];
        buffer_string(&expected, i > 0 ? "/" : "");
        buffer_string(&expected, name);
        hidden |= name[0] == '.' && strcmp(name, ".well-known") != 0;
    }
    if (parse(span_of(written)) != 0)
        fail_msg("'%s' is refused", written);
    if (!span_equal(target.path, buffer_span(&expected)) || target.slash != slash || target.hidden != hidden)
        fail_msg("'%s' is '%.*s', slash %d, hidden %d", written, (int)target.path.length, target.path.at, target.slash,
                 target.hidden);
}

static void normalised_paths_equal_the_reference(void **state)
{
    (void)state;
    for (uint64_t run = 1; run <= 40000; run++) {
        char written[512], meant[512];
        struct buffer raw = {written, 0, sizeof written - 1, false}, plain = {meant, 0, sizeof meant - 1, false};
        seed = run * 0x9E3779B97F4A7C15;
        buffer_byte(&raw, '/');
        buffer_byte(&plain, '/');
        for (size_t left = chosen(24); left > 0; left--) {
            size_t i = chosen(COUNT(pieces));
            buffer_string(&raw, pieces[i].written);
            buffer_string(&plain, pieces[i].meant);
        }
        written[raw.length] = meant[plain.length] = '\0';
        assert_like_reference(written, meant);
    }
}

static bool is_contained(struct span path)
{
    for (size_t at = 0; at <= path.length;) {
        size_t end = at + span_find((struct span){path.at + at, path.length - at}, '/');
        struct span segment = {path.at + at, end - at};
        bool root = path.length == 0;
        if ((segment.length == 0 && !root) || span_equal(segment, SPAN(".")) || span_equal(segment, SPAN("..")))
            return false;
        at = end + 1;
    }
    return path.length == 0 || memchr(path.at, '\0', path.length) == NULL;
}

/* Any target is refused or names something beneath the root. */
static void nothing_leaves_the_root(void **state)
{
    static const char alphabet[] = "//////......%%%2222eeeeFFff00005cC\\\\aA~?#: \t\n\x80\xFF[]@h";
    size_t taken = 0;
    (void)state;
    for (uint64_t run = 1; run <= 200000; run++) {
        char raw[48];
        seed = run * 0xD1342543DE82EF95;
        size_t length = chosen(sizeof raw);
        for (size_t i = 0; i < length; i++)
            raw[i] = alphabet[chosen(sizeof alphabet)]; /* its NUL included */
        raw[0] = length > 0 && chosen(8) > 0 ? '/' : raw[0];
        if (parse((struct span){raw, length}) != 0)
            continue;
        taken++;
        if (!is_contained(target.path))
            fail_msg("'%.*s' is '%.*s'", (int)length, raw, (int)target.path.length, target.path.at);
    }
    assert_true(taken > 1000);
}

/* RFC 9112 3.2.2: only absolute-form has an authority. */
static void authorities_are_found(void **state)
{
    static const char *const rows[][2] = {
        {"http://a/b", "a"},    {"HTTP://a:1?c", "a:1"}, {"http://a", "a"},    {"http://", ""}, {"http:///b", ""},
        {"http://u@a/", "u@a"}, {"http:/a", NULL},       {"/http://a/", NULL}, {"*", NULL},     {"", NULL},
        {"https://a/", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        parse(span_of(rows[i][0]));
        struct span authority = target.authority;
        assert_true((authority.at != NULL) == (rows[i][1] != NULL));
        assert_span(authority, rows[i][1] != NULL ? span_of(rows[i][1]) : SPAN(""));
    }
}

/* Not decoded or normalised: the server's own paths have only one spelling. */
static void sent_paths_have_no_authority_and_no_query(void **state)
{
    static const char *const rows[][2] = {
        {"/a/b", "/a/b"},
        {"/a?b", "/a"},
        {"/a?b?/c", "/a"},
        {"http://a/b", "/b"},
        {"HTTP://a:1/b?c", "/b"},
        {"http://a?/b", ""},
        {"http://a", ""},
        {"/%61/../b//c/", "/%61/../b//c/"},
        {"//a/b", "//a/b"},
        {"/http://a/b", "/http://a/b"},
        {"https://a/b", "https://a/b"},
        {"*", "*"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        parse(span_of(rows[i][0]));
        assert_span(target.sent_path, span_of(rows[i][1]));
    }
    assert_int_equal(target_parse(SPAN_NONE, &target), 400);
    assert_span(target.sent_path, SPAN(""));
}

static void suffix_follows_the_path(void **state)
{
    (void)state;
    assert_int_equal(target_parse(SPAN("/a/b"), &target), 0);
    assert_span(target_suffixed(&target, SPAN(".html")), SPAN("a/b.html"));
    assert_int_equal(target.room[8], '\0');
    assert_span(target_child(&target, SPAN("c")), SPAN("a/b/c"));
    assert_span(target_suffixed(&target, SPAN(".html")), SPAN("a/b.html"));
    assert_span(target.path, SPAN("a/b"));
    static char longest[LIMIT_TARGET];
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    assert_int_equal(target_parse((struct span){longest, sizeof longest}, &target), 0);
    char suffix[TARGET_NAME_MAX];
    memset(suffix, 'y', sizeof suffix);
    assert_int_equal(target_suffixed(&target, (struct span){suffix, sizeof suffix}).length,
                     LIMIT_TARGET - 1 + TARGET_NAME_MAX);
}

/* A Location has only ASCII (RFC 3986 2.1). */
static void queries_are_appended_in_ascii(void **state)
{
    char room[64];
    struct buffer line = BUFFER(room);
    (void)state;
    target_append_query(&line, SPAN("?a=%2F&\xC3\xBC~\xC2\x80"));
    assert_span(buffer_span(&line), SPAN("?a=%2F&%C3%BC~%C2%80"));
}

static void paths_can_be_replaced(void **state)
{
    (void)state;
    assert_int_equal(parse(SPAN("/a/b/c/")), 0);
    target_replace(&target, SPAN("x/.y"), false);
    assert_string_equal(target.path.at, "x/.y");
    assert_int_equal(target.path.length, 4);
    assert_true(target.hidden && !target.slash);
    target_replace(&target, SPAN("x"), true);
    assert_string_equal(target.path.at, "x");
    assert_true(!target.hidden && target.slash);
    target_replace(&target, SPAN(""), false);
    assert_string_equal(target.path.at, "");
    assert_true(target.slash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(authorities_are_found),
        cmocka_unit_test(sent_paths_have_no_authority_and_no_query),
        cmocka_unit_test(suffix_follows_the_path),
        cmocka_unit_test(queries_are_appended_in_ascii),
        cmocka_unit_test(paths_can_be_replaced),
        cmocka_unit_test(paths_are_decoded_once),
        cmocka_unit_test(escaped_slashes_separate_segments),
        cmocka_unit_test(dot_segments_are_removed),
        cmocka_unit_test(repeated_slashes_are_merged),
        cmocka_unit_test(dot_names_are_hidden),
        cmocka_unit_test(queries_are_kept_as_sent),
        cmocka_unit_test(absolute_form_is_read),
        cmocka_unit_test(invalid_targets_are_refused),
        cmocka_unit_test(bad_escapes_are_found),
        cmocka_unit_test(targets_over_the_limit_are_refused),
        cmocka_unit_test(children_follow_the_path),
        cmocka_unit_test(longest_path_has_room_for_a_child),
        cmocka_unit_test(base_is_taken_off),
        cmocka_unit_test(start_is_relative_to_the_sent_path),
        cmocka_unit_test(valid_hosts_are_recognised),
        cmocka_unit_test(ipv6_addresses_follow_the_grammar),
        cmocka_unit_test(normalised_paths_equal_the_reference),
        cmocka_unit_test(nothing_leaves_the_root),
    };
    return cmocka_run_group_tests(tests, guard_open, NULL);
}

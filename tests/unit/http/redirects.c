/* _redirects: the IPFS specification, the published tests of netlify/build's redirect-parser and of workers-sdk's
   parseRedirects, and what their documents say. */
#include "http/redirects.h"

#include "guard.h"
#include "reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct redirects *parse(struct span text, enum rules_choice dialect)
{
    struct buffer buffer = reports_begin();
    struct redirects *redirects = redirects_parse(guarded(text), dialect, reports_collect, &buffer);
    assert_non_null(redirects);
    reports_end(&buffer);
    return redirects;
}

/* What a request gets, as "STATUS TARGET", with "!" after the status in the pass that comes before files; "" for
   nothing. A rewrite's path has no leading slash. */
static const char *ask(const struct redirects *redirects, const char *target)
{
    static char room[16384];
    struct buffer answer = BUFFER(room);
    struct span path = span_of(target), query = {target + span_find(path, '?'), 0};
    struct redirect match;
    bool slash, forced;
    query.length = (size_t)(target + path.length - query.at);
    path.length -= query.length;
    path = guarded(path);
    forced = redirects_match(redirects, path, query, REDIRECTS_FORCED, &match);
    if (forced || redirects_match(redirects, path, query, REDIRECTS_MISSING, &match)) {
        assert_true(match.rewrite == (match.status < 300 || match.status >= 400));
        buffer_number(&answer, (uint64_t)match.status);
        buffer_string(&answer, forced ? "! " : " ");
        if (!redirect_write_target(&match, &answer, &slash))
            buffer_string(&answer, "(none)");
        else if (slash)
            buffer_string(&answer, " slash");
    }
    buffer_byte(&answer, '\0');
    return buffer_filled(&answer).at;
}

struct row {
    const char *text, *target, *answer;
};

static void assert_rows(enum rules_choice dialect, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct redirects *redirects = parse(span_of(rows[i].text), dialect);
        if (reports[0] != '\0')
            fail_msg("'%s': %s", rows[i].text, reports);
        const char *answer = ask(redirects, rows[i].target);
        if (strcmp(answer, rows[i].answer) != 0)
            fail_msg("'%s' of '%s' is '%s'", rows[i].text, rows[i].target, answer);
        redirects_free(redirects);
    }
}

/* The file in the appendix of the IPFS specification. */
static void ipfs_examples_are_obeyed(void **state)
{
    static const char text[] = "/redirect-one /one.html\n"
                               "/301-redirect-one /one.html 301\n"
                               "/302-redirect-two /two.html 302\n"
                               "/200-index /index.html 200\n"
                               "/posts/:year/:month/:day/:title /articles/:year/:month/:day/:title 301\n"
                               "/splat/* /redirected-splat/:splat 301\n"
                               "/not-found/* /404.html 404\n"
                               "/gone/* /410.html 410\n"
                               "/unavail/* /451.html 451\n"
                               "/* /index.html 200\n";
    static const struct row rows[] = {
        {text, "/redirect-one", "301 /one.html"},
        {text, "/301-redirect-one", "301 /one.html"},
        {text, "/302-redirect-two", "302 /two.html"},
        {text, "/200-index", "200 index.html"},
        {text, "/posts/2022/06/15/hello-world", "301 /articles/2022/06/15/hello-world"},
        {text, "/splat/one.html", "301 /redirected-splat/one.html"},
        {text, "/not-found/has-no-redirects-entry", "404 404.html"},
        {text, "/gone/has-no-redirects-entry", "410 410.html"},
        {text, "/unavail/has-no-redirects-entry", "451 451.html"},
        {text, "/a/b", "200 index.html"},
    };
    (void)state;
    assert_rows(RULES_PLAIN, rows, COUNT(rows));
}

static void plain_rules_follow_the_specification(void **state)
{
    static const struct row rows[] = {
        {"", "/a", ""},
        {"# a comment\n\n  \t\n", "/a", ""},
        {"/a /b", "/a", "301 /b"},
        {"/a /b", "/a/", "301 /b"},
        {"/a/ /b", "/a", "301 /b"},
        {"/a /b", "/b", ""},
        {"/a /b\r\n/c /d 303\r\n", "/c", "303 /d"},
        {"\xEF\xBB\xBF/a /b", "/a", "301 /b"},
        {"  \t/a\t \t/b   307 \t", "/a", "307 /b"},
        {"/a /b 308\n/a /c", "/a", "308 /b"},
        {"/* /b\n/a /c", "/a", "301 /b"},
        {"/a http://example.com", "/a", "301 http://example.com"},
        {"/a https://example.com:8080/x", "/a", "301 https://example.com:8080/x"},
        {"/a/* https://example.com/:splat", "/a/b/c", "301 https://example.com/b/c"},
        {"/a/* https://[::1]/:splat", "/a/b", "301 https://[::1]/b"},
        {"/a /b/:none", "/a", "301 /b/:none"},
        {"/:id/:idx /:idx/:id", "/1/2", "301 /2/1"},
        {"/:id /:id-x", "/1", "301 /1-x"},
        {"/:id /:idx", "/1", "301 /:idx"},
        {"/:a /:a/:a", "/1", "301 /1/1"},
        /* The request's query, if the target has none; the fragment last. */
        {"/a /b", "/a?c=d&e=%2F", "301 /b?c=d&e=%2F"},
        {"/a /b?x=y", "/a?c=d", "301 /b?x=y"},
        {"/a /b#part", "/a?c=d", "301 /b?c=d#part"},
        {"/a /b?x#part", "/a?c=d", "301 /b?x#part"},
        {"/a /b?#p", "/a?c", "301 /b?c#p"},
        {"/a /b##p", "/a?", "301 /b##p"},
        {"/a https://example.com#p", "/a?c", "301 https://example.com?c#p"},
        {"/a /b", "/a?\"<>\\^`{|}%", "301 /b?%22%3C%3E%5C%5E%60%7B%7C%7D%"},
        {"/a /b?c=:splat", "/a", "301 /b?c=:splat"},
        {"/a/* /b?c=:splat", "/a/x&y=z#", "301 /b?c=x%26y%3Dz%23"},
        /* Bytes of the target that no URI has; bytes of the path but unreserved ones. */
        {"/a /b<>\"{}|\\^`\xC3\xBC%zz%41%", "/a", "301 /b%3C%3E%22%7B%7D%7C%5C%5E%60%C3%BC%25zz%41%25"},
        {"/a /@:!$&'()*+,;=~-._", "/a", "301 /@:!$&'()*+,;=~-._"},
        {"/a/* /b/:splat", "/a/ \xC3\xBC%#:@/\\", "301 /b/%20%C3%BC%25%23%3A%40/%5C"},
        /* Rewrites: a path for the store. */
        {"/a /b/c.html 200", "/a?x=y", "200 b/c.html"},
        {"/a /b/ 200", "/a", "200 b slash"},
        {"/a / 200", "/a", "200  slash"},
        {"/a /b%20c%2Fd.html?x=y#z 404", "/a", "404 b c/d.html"},
        {"/a/* /b/:splat 200", "/a/x y/z", "200 b/x y/z"},
        {"/a/* /b/:splat/c 200", "/a", "200 b/c"},
        {"/a /b/./../c/. 200", "/a", "200 c slash"},
        {"/a /../../etc/passwd 200", "/a", "200 etc/passwd"},
        {"/a /.. 200", "/a", "200  slash"},
        {"/a /b%2F..%2F%2e%2e%2Fc 200", "/a", "200 c"},
        {"/a /.git/config 200", "/a", "200 .git/config"},
        {"/a /b%zz 200", "/a", "200 b%zz"},
        {"/a /b%00 200", "/a", "200 (none)"},
        /* No foreign host. */
        {"/a* /:splat", "/a/evil.example", "301 /evil.example"},
        {"/a* /:splat", "/a\\evil.example", "301 /%5Cevil.example"},
        {"/a //evil.example", "/a", "301 /evil.example"},
        {"/a /\\evil.example", "/a", "301 /%5Cevil.example"},
        {"/*  /:splat", "/", "301 /"},
        {"/a/* /:splat/:splat", "/a", "301 /"},
    };
    (void)state;
    assert_rows(RULES_PLAIN, rows, COUNT(rows));
}

/* line-parser.test.ts of redirect-parser, and docs.netlify.com. */
static void netlify_rules_follow_its_parser(void **state)
{
    static const struct row rows[] = {
        {"/blog/my-post.php /blog/my-post # a comment", "/blog/my-post.php", "301 /blog/my-post"},
        {"/a /b 302 # a comment", "/a", "302 /b"},
        {"/home / ", "/home/", "301 /"},
        {"/blog/my-post-ads.php /blog/my-post#ads", "/blog/my-post-ads.php", "301 /blog/my-post#ads"},
        {"/10th http://www.10thmagnitude.com/ 301", "/10th", "301 http://www.10thmagnitude.com/"},
        {"/* https://www.bitballoon.com/:splat 301", "/a/b", "301 https://www.bitballoon.com/a/b"},
        {"/* https://www.bitballoon.com/:splat 301!", "/a/b", "301! https://www.bitballoon.com/a/b"},
        {"/a /b 200!", "/a", "200! b"},
        {"/a /b\n/a /c 302!", "/a", "302! /c"},
        {"/a /b\n/c /d 302!", "/a", "301 /b"},
        {"/a /b 404!", "/a", "404! b"},
        {"/admin/* 200", "/admin/x/y", "200 admin/x/y"},
        {"/admin/* 200!", "/admin/", "200! admin slash"},
        {"/:a/* 200", "/x/y", "200 x/y"},
        {"/test https://www.bitballoon.com/test=hello 301", "/test", "301 https://www.bitballoon.com/test=hello"},
        /* Parameters of the query select, and may be captured. */
        {"/ page=news /news", "/?page=news", "301 /news?page=news"},
        {"/ page=news /news", "/?page=old", ""},
        {"/ page=news /news", "/", ""},
        {"/blog post=:post_id /blog/:post_id", "/blog?post=1", "301 /blog/1?post=1"},
        {"/blog post=:post_id /blog/:post_id", "/blog?x=y&post=a%2Fb+c%zz&post=2",
         "301 /blog/a/b%20c%25zz?x=y&post=a%2Fb+c%zz&post=2"},
        {"/ _escaped_fragment_=/about /about", "/?_escaped_fragment_=/about", "301 /about?_escaped_fragment_=/about"},
        {"/a id=:id tag=:tag /:tag/:id", "/a?tag=2&id=1", "301 /2/1?tag=2&id=1"},
        {"/a id=:id tag=:tag /:tag/:id", "/a?id=1", ""},
        {"/a id=:id /x 302\n/a /b", "/a", "301 /b"},
        {"/donate source=:source email=:email /d?s=:source&e=:email 302", "/donate?email=x%26y&source=z",
         "302 /d?s=z&e=x%26y"},
        {"/a/:x id=:id /:x/:id 200", "/a/1?id=..%2f..%2Fb", "200 b"},
        {"/a id=:id /:id 200", "/a?id=%00", "200 (none)"},
        {"/a id=:id /:id", "/a?id=/evil.example", "301 /evil.example?id=/evil.example"},
        {"/a id=:id /:id?x", "/a?id=%0D%0AX:%20y%00", "301 /%0D%0AX%3A%20y%00?x"},
    };
    (void)state;
    assert_rows(RULES_NETLIFY, rows, COUNT(rows));
}

/* parseRedirects.valid.test.ts and rules-engine.test.ts of workers-shared. */
static void cloudflare_rules_follow_its_parser(void **state)
{
    static const struct row rows[] = {
        {"/a /b 301", "/a", "301! /b"},
        {"/a /b", "/a", "302! /b"},
        {"/a /b", "/a/", ""},
        {"a /b", "/a", "302! /b"},
        {"/a /b # comment", "/a", "302! /b"},
        {"/a /b 301 # comment", "/a", "301! /b"},
        {"/a /b#blah 302", "/a", "302! /b#blah"},
        {"/a /b##blah-1 302", "/a", "302! /b##blah-1"},
        {"/a https://example.com/b##blah-1 302", "/a", "302! https://example.com/b##blah-1"},
        {"/a /b?query=string 302", "/a?x=y", "302! /b?query=string"},
        {"/c?this=rejected /d 301", "/c", "301! /d"},
        {"/a#b /d", "/a", "302! /d"},
        {"/ext https://some.domain:1234/route?q=string#anchor", "/ext?x",
         "302! https://some.domain:1234/route?q=string#anchor"},
        {"/a /b 200", "/a", "200! b"},
        {"/foo https://bar.com/index.html 302", "/foo", "302! https://bar.com/index.html"},
        {"/* /foo 200", "/x", "200! foo"},
        {"/some%20page /somewhere%20else", "/some page", "302! /somewhere%20else"},
        {"/://so;`me /nons:/&@%+~{}ense", "/:/so;`me", "302! /nons:/&@%25+~%7B%7Dense"},
        {"yeah.com https://nah.com", "/yeah.com", "302! https://nah.com"},
        {"/blog/* /b/:splat", "/blog/", "302! /b/"},
        {"/p/:id/:no_2 /:no_2/:id", "/p/1/2", "302! /2/1"},
        {"/u/:s/* /a?s=:s&t=:splat", "/u/1/2/3", "302! /a?s=1&t=2/3"},
        {"/a/:x.html /b/:x 308", "/a/y.html", "308! /b/y"},
        {"/a/* /b//c///:splat", "/a//x", "302! /b/c/x"},
        {"/a/* https://h//c/:splat", "/a/x", "302! https://h//c/x"},
        /* Static rules first, as they must stand above all others. */
        {"/a /static\n/:x /dynamic\n/b /late", "/a", "302! /static"},
        {"/a /static\n/:x /dynamic\n/b /late", "/b", "302! /dynamic"},
    };
    (void)state;
    assert_rows(RULES_CLOUDFLARE, rows, COUNT(rows));
}

/* ---- reports ---- */

static void bad_lines_are_reported_and_ignored(void **state)
{
    static const struct {
        enum rules_choice dialect;
        struct span text;
        const char *report; /* the line, and a part of the message */
    } rows[] = {
        {RULES_PLAIN, TEXT("\n\n/a"), "3: '/a' has no target; write 'FROM TO [STATUS]'\n"},
        {RULES_PLAIN, TEXT("a /b"), "1: 'a' does not begin with '/'; give a path\n"},
        {RULES_PLAIN, TEXT("/a b"), "1: 'b' is no target; "},
        {RULES_PLAIN, TEXT("/a ftp://h/"), "1: 'ftp://h/' is no target; "},
        {RULES_PLAIN, TEXT("/a javascript:alert(1)"), "is no target; "},
        {RULES_PLAIN, TEXT("/a /b 418"), "1: '418' is no status; use 200, 301, 302, 303, 307, 308, 404, 410 or 451"},
        {RULES_PLAIN, TEXT("/a /b 301!"), "1: '301!' is no status; "},
        {RULES_PLAIN, TEXT("/a /b x"), "1: 'x' is no status; "},
        {RULES_PLAIN, TEXT("/a /b 99999999999999999999301"), "is no status; "},
        {RULES_PLAIN, TEXT("/a /b 301 x"), "1: 'x' is one word too many; "},
        {RULES_PLAIN, TEXT("/a /b # c"), "1: '#' is no status; write the comment on a line of its own"},
        {RULES_PLAIN, TEXT("/a?b /c"), "1: '/a?b' has a query or fragment, but rules match the path; remove it"},
        {RULES_PLAIN, TEXT("/a/*/b /c"), "1: '/a/*/b' has '*' before its end; "},
        {RULES_PLAIN, TEXT("301 /a /b"), "1: '301' comes first, as in surge's ROUTER; write 'FROM TO STATUS'"},
        {RULES_PLAIN, TEXT("https://h/a /b"), "1: 'https://h/a' is a rule for a host, which is not supported; "},
        {RULES_PLAIN, TEXT("/a https://h/b 200"), "1: 'https://h' can't be fetched for a client; "},
        {RULES_PLAIN, TEXT("/a https://h/b 404"), "1: 'https://h' can't be fetched for a client; "},
        /* A host from a request would be an open redirect. */
        {RULES_PLAIN, TEXT("/* https://:splat"),
         "1: 'https://:splat' has a placeholder in its host; write the host out"},
        {RULES_PLAIN, TEXT("/:a https://x.:a/b"), "has a placeholder in its host; "},
        {RULES_PLAIN, TEXT("/:a https://x:a/b"), "has a placeholder in its host; "},
        {RULES_PLAIN, TEXT("/:a https://u:a@h/b"), "has a placeholder in its host; "},
        {RULES_PLAIN, TEXT("/a https://u@h/b"), "has no valid host; "},
        {RULES_PLAIN, TEXT("/a https:///b"), "has no valid host; "},
        {RULES_PLAIN, TEXT("/a https://:80/b"), "has no valid host; "},
        {RULES_PLAIN, TEXT("/a https://h\\x/b"), "has no valid host; "},
        {RULES_PLAIN, TEXT("/a /b\0c"), "1: '/a /b\\x00c' has a control character; remove it"},
        {RULES_PLAIN, TEXT("/a /b\rc"), "has a control character; "},
        {RULES_PLAIN, TEXT("/a /b\x1B[1m"), "1: '/a /b\\x1B[1m' has a control character; "},
        {RULES_PLAIN, TEXT("/a /\xC3"), "1: '/a /\\xC3' is not UTF-8; save the file as UTF-8"},
        {RULES_NETLIFY, TEXT("/a"), "1: '/a' has no target; "},
        {RULES_NETLIFY, TEXT("/a 301"), "1: '/a' has no target; "},
        {RULES_NETLIFY, TEXT("/a 200"), "1: '/a' has no target; "},
        {RULES_NETLIFY, TEXT("/a b /c"), "1: 'b' is no target; "},
        {RULES_NETLIFY, TEXT("/a b=c"), "1: '/a' has no target; "},
        {RULES_NETLIFY, TEXT("/.netlify/x /b"), "1: '/.netlify/x' is reserved by Netlify; "},
        {RULES_NETLIFY, TEXT("/a /b 302 Country=us"), "1: 'Country=us' is a condition, which is not supported; "},
        {RULES_NETLIFY, TEXT("/a /b 302 Language=en"), "is a condition, "},
        {RULES_NETLIFY, TEXT("/a /b 200! Role=admin"), "is a condition, "},
        {RULES_NETLIFY, TEXT("/a /b 302 Cookie=x"), "is a condition, "},
        {RULES_NETLIFY, TEXT("/a /b Sign=KEY"), "1: 'Sign=KEY' is a condition, "},
        {RULES_NETLIFY, TEXT("/a https://h/ 200!"), "can't be fetched for a client; "},
        {RULES_NETLIFY, TEXT("/a /b 42!"), "1: '42!' is no status; "},
        {RULES_NETLIFY, TEXT("/a a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1 i=1 j=1 k=1 l=1 m=1 n=1 o=1 p=1 /b"),
         "more than 15 query parameters; "},
        {RULES_NETLIFY, TEXT("/:A/:B/:C a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1 i=1 j=1 k=1 l=1 m=1 n=1 /b"),
         "1: '/:A/:B/:C' has more than 16 wildcards and query parameters; "},
        {RULES_CLOUDFLARE, TEXT("/c"), "1: '/c' has no target; "},
        {RULES_CLOUDFLARE, TEXT("/b/:id/:idx /c"), "1: '/b/:id/:idx' has a name that begins with an earlier one, "},
        {RULES_CLOUDFLARE, TEXT("/d /e 302 !important"), "1: '!important' is one word too many; "},
        {RULES_CLOUDFLARE, TEXT("/some page /somewhere else"), "is no target; "},
        {RULES_CLOUDFLARE, TEXT("/c /d 418"), "1: '418' is no status; use 200, 301, 302, 303, 307 or 308\n"},
        {RULES_CLOUDFLARE, TEXT("/c /d 404"), "1: '404' is no status; "},
        {RULES_CLOUDFLARE, TEXT("/a /b\n/b /a\n/a /c"), "3: '/a' has a rule above; remove one of them"},
        {RULES_CLOUDFLARE, TEXT("/a/* /b\n/a/* /c"), "2: '/a/*' has a rule above; "},
        {RULES_CLOUDFLARE, TEXT("https://yeah.com https://nah.com"), "1: 'https://yeah.com' is a rule for a host, "},
        {RULES_CLOUDFLARE, TEXT("/a http://h/"), "1: 'http://h' is refused by Cloudflare; use 'https://'"},
        {RULES_CLOUDFLARE, TEXT("/a https://example.com/b 200"), "can't be fetched for a client; "},
        {RULES_CLOUDFLARE, TEXT("/*/:splat /b"), "':splat' beside '*'"},
        {RULES_CLOUDFLARE, TEXT("/*/* /b"), "has '*' twice; "},
        {RULES_CLOUDFLARE, TEXT("/* /index.html 200"),
         "1: '/* /index.html' is refused by Cloudflare as a loop; remove it: without a 404.html, Pages "
         "serves "
         "/index.html for unknown paths, as '--spa' does\n"},
        {RULES_CLOUDFLARE, TEXT("/* /index 302"), "1: '/* /index' is refused by Cloudflare as a loop; "},
        {RULES_CLOUDFLARE, TEXT("/app/* /app/index.html"), "1: '/app/* /app/index.html' is refused "},
        {RULES_CLOUDFLARE, TEXT("/ /index"), "1: '/ /index' is refused by Cloudflare as a loop; remove it\n"},
        {RULES_CLOUDFLARE, TEXT("/ /index.html?x 302"), "1: '/ /index.html' is refused "},
    };
    static const char *const targets[] = {"/", "/a", "/a/", "/a/b", "/c", "/d", "/yeah.com", "/some"};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct redirects *redirects = parse(rows[i].text, rows[i].dialect);
        const char *found = strstr(reports, rows[i].report);
        if (found == NULL || strchr(reports, '\n')[1] != '\0')
            fail_msg("'%s': %s", rows[i].text.at, reports);
        bool has_good = false, found_good = false;
        for (size_t k = 2; k < rows[i].text.length; k++)
            has_good |= rows[i].text.at[k] == '\n';
        for (size_t k = 0; k < COUNT(targets); k++)
            found_good |= ask(redirects, targets[k])[0] != '\0';
        assert_int_equal(found_good, has_good);
        redirects_free(redirects);
    }
}

/* ---- limits ---- */

static char large[4 * LIMIT_RULES_TEXT_CLOUDFLARE];

static struct span repeat(const char *format, unsigned first, unsigned count)
{
    size_t length = 0;
    for (unsigned i = first; i < first + count; i++)
        length += (size_t)snprintf(large + length, sizeof large - length, format, i, i);
    return (struct span){large, length};
}

static struct redirects *parse_large(struct span text, enum rules_choice dialect)
{
    struct buffer buffer = reports_begin();
    struct redirects *redirects = redirects_parse(text, dialect, reports_collect, &buffer);
    assert_non_null(redirects);
    reports_end(&buffer);
    return redirects;
}

static void rules_beyond_the_limit_are_reported_once(void **state)
{
    (void)state;
    struct redirects *redirects = parse_large(repeat("/a/%u /b/%u\n", 0, LIMIT_RULES + 50), RULES_PLAIN);
    assert_string_equal(reports, "1001: '/a/1000' and all after it is ignored: there are more than 1000 rules\n");
    assert_string_equal(ask(redirects, "/a/999"), "301 /b/999");
    assert_string_equal(ask(redirects, "/a/1000"), "");
    redirects_free(redirects);

    struct span text = repeat("/a/%u /b/%u\n", 0, LIMIT_RULES_STATIC + 50);
    for (unsigned i = 0; i < LIMIT_RULES_DYNAMIC + 50; i++)
        text.length +=
            (size_t)snprintf(large + text.length, sizeof large - text.length, "/c/%u/* /d/%u/:splat\n", i, i);
    redirects = parse_large(text, RULES_CLOUDFLARE);
    assert_string_equal(reports, "2001: '/a/2000' and others are ignored: Cloudflare takes 2000 rules above "
                                 "the first with a wildcard\n"
                                 "2151: '/c/100/*' and all after it is ignored: Cloudflare takes 100 rules "
                                 "from the first with a wildcard "
                                 "on\n");
    assert_string_equal(ask(redirects, "/a/1999"), "302! /b/1999");
    assert_string_equal(ask(redirects, "/a/2000"), "");
    assert_string_equal(ask(redirects, "/c/99/x"), "302! /d/99/x");
    assert_string_equal(ask(redirects, "/c/100/x"), "");
    redirects_free(redirects);

    redirects = parse_large(repeat("/%u /b\n", 0, 20000), RULES_CLOUDFLARE);
    assert_string_equal(ask(redirects, "/1999"), "302! /b");
    assert_string_equal(ask(redirects, "/2000"), "");
    redirects_free(redirects);
    redirects =
        parse_large(repeat("/:a a= b= c= d= e= f= g= h= i= j= k= l= m= n= o= p= /x\n/%u /b\n", 0, 400), RULES_NETLIFY);
    for (unsigned i = 0; i < 400; i++) {
        char path[8];
        snprintf(path, sizeof path, "/%u", i);
        assert_string_equal(ask(redirects, path), "301 /b");
    }
    redirects_free(redirects);
}

/* The rules of repeat() are those from 0 to below `count`. */
static void assert_last(const struct redirects *redirects, unsigned count)
{
    char target[128];
    snprintf(target, sizeof target, "/%0100u", count - 1);
    assert_non_null(strstr(ask(redirects, target), target));
    snprintf(target, sizeof target, "/%0100u", count);
    assert_string_equal(ask(redirects, target), "");
}

static void long_files_are_cut_at_a_line(void **state)
{
    (void)state;
    struct span text = repeat("/%0100u /%0100u\n", 0, 1000);
    unsigned whole = LIMIT_RULES_TEXT / 204;
    for (size_t length = LIMIT_RULES_TEXT - 1; length <= LIMIT_RULES_TEXT + 1; length++) {
        memset(large + whole * 204, '#', length - whole * 204);
        struct redirects *redirects = parse_large((struct span){large, length}, RULES_NETLIFY);
        assert_last(redirects, whole);
        assert_int_equal(reports[0] != '\0', length > LIMIT_RULES_TEXT);
        redirects_free(redirects);
    }
    assert_non_null(strstr(reports, "322: '####"));
    assert_non_null(strstr(reports, "#' and all after it is ignored: the file is longer than 64 KiB\n"));
    text = repeat("/%0100u /%0100u\n", 0, 1500);
    struct redirects *redirects = parse_large(text, RULES_CLOUDFLARE);
    assert_last(redirects, LIMIT_RULES_TEXT_CLOUDFLARE / 204);
    assert_non_null(strstr(reports, "the file is longer than 256 KiB"));
    redirects_free(redirects);
}

static void long_lines_are_reported(void **state)
{
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        size_t length = (size_t)snprintf(large, sizeof large, "/%0*d /b", LIMIT_RULES_LINE - 4 + extra, 7);
        assert_int_equal(length, LIMIT_RULES_LINE + extra);
        struct redirects *redirects = parse((struct span){large, length}, RULES_PLAIN);
        large[length - sizeof " /b" + 1] = '\0'; /* behind the path */
        assert_string_equal(ask(redirects, large), extra ? "" : "301 /b");
        assert_int_equal(strstr(reports, "0...' is a line of more than 2000 bytes; shorten it") != NULL, extra);
        redirects_free(redirects);
    }
    memset(large, '#', LIMIT_RULES_LINE + 1);
    redirects_free(parse((struct span){large, LIMIT_RULES_LINE + 1}, RULES_PLAIN));
    assert_string_equal(reports, "");
}

/* Behind 80 bytes, but not within a character. */
static void long_values_are_shown_in_part(void **state)
{
    static const struct {
        unsigned letters;
        const char *end, *shown;
    } rows[] = {{80, "", ""}, {81, "", "..."}, {78, "\xC3\xBC", "\xC3\xBC"}, {79, "\xC3\xBC", "..."}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char expected[256];
        size_t length = (size_t)snprintf(large, sizeof large, "%0*d%s /b", (int)rows[i].letters, 0, rows[i].end);
        redirects_free(parse((struct span){large, length}, RULES_PLAIN));
        snprintf(expected, sizeof expected, "1: '%0*d%s' does not begin with '/'; give a path\n",
                 (int)(rows[i].letters < 80 ? rows[i].letters : 80), 0, rows[i].shown);
        assert_string_equal(reports, expected);
    }
}

/* Nothing is read beyond the text, wherever it is cut. */
static void texts_may_be_cut_anywhere(void **state)
{
    static const char text[] =
        "\xEF\xBB\xBF# c\r\n/a/:b/* a=:c d=e https://h.example:80/%41:b/:c?:splat#\xC3\xBC 301! # c\r\n"
        "/:x.html*y /z/:x 200\n/q/* 200\n301 /a\n/\x01 \xE2\x82\xAC";
    (void)state;
    for (int dialect = RULES_PLAIN; dialect <= RULES_CLOUDFLARE; dialect++) {
        for (size_t length = 0; length < sizeof text; length++) {
            struct redirects *redirects = parse((struct span){text, length}, (enum rules_choice)dialect);
            ask(redirects, "/a/1/2?d=e&a=%41");
            ask(redirects, "/1.html/y");
            redirects_free(redirects);
        }
    }
}

static void targets_without_room_fail(void **state)
{
    struct redirects *redirects = parse(SPAN("/a/* https://h/:splat?q#f\n/b/* /:splat/c 200"), RULES_PLAIN);
    struct redirect match;
    char room[32];
    bool slash;
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_true(
            redirects_match(redirects, i == 0 ? SPAN("/a/x y") : SPAN("/b/x y"), SPAN_NONE, REDIRECTS_MISSING, &match));
        assert_int_equal(match.line, i + 1);
        size_t needed = i == 0 ? strlen("https://h/x%20y?q#f") : strlen("/x y/c");
        for (size_t size = 0; size <= needed; size++) {
            struct buffer buffer = {room, 0, size, false};
            assert_int_equal(redirect_write_target(&match, &buffer, &slash), size == needed);
        }
    }
    redirects_free(redirects);
}

/* What a caller wrote before is no part of the target. */
static void targets_are_appended(void **state)
{
    struct redirects *redirects = parse(SPAN("/a /b\n/c /../d 200"), RULES_PLAIN);
    struct redirect match;
    char room[32];
    struct buffer buffer = BUFFER(room);
    bool slash;
    (void)state;
    buffer_string(&buffer, "x/");
    assert_true(redirects_match(redirects, SPAN("/a"), SPAN_NONE, REDIRECTS_MISSING, &match));
    assert_true(redirect_write_target(&match, &buffer, &slash));
    assert_true(redirects_match(redirects, SPAN("/c"), SPAN_NONE, REDIRECTS_MISSING, &match));
    assert_true(redirect_write_target(&match, &buffer, &slash));
    assert_span(buffer_span(&buffer), SPAN("x//bd"));
    redirects_free(redirects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipfs_examples_are_obeyed),
        cmocka_unit_test(plain_rules_follow_the_specification),
        cmocka_unit_test(netlify_rules_follow_its_parser),
        cmocka_unit_test(cloudflare_rules_follow_its_parser),
        cmocka_unit_test(bad_lines_are_reported_and_ignored),
        cmocka_unit_test(rules_beyond_the_limit_are_reported_once),
        cmocka_unit_test(long_files_are_cut_at_a_line),
        cmocka_unit_test(long_lines_are_reported),
        cmocka_unit_test(long_values_are_shown_in_part),
        cmocka_unit_test(texts_may_be_cut_anywhere),
        cmocka_unit_test(targets_without_room_fail),
        cmocka_unit_test(targets_are_appended),
    };
    return cmocka_run_group_tests_name("redirects", tests, guard_open, NULL);
}

/* The command line: options as in --help, forms of getopt_long(3), statuses of sysexits(3). */
#include "cli/options.h"

#include "base/limits.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { WORDS_MAX = 80 };

static struct settings settings;
static struct failure failure;

/* Reads a command line from words that end with NULL. */
static enum options_result read_line(const char *const *words)
{
    static char copies[WORDS_MAX][PATH_MAX + 64];
    char *arguments[WORDS_MAX + 2] = {"tinyhttpd"};
    int count = 1;
    for (; words[count - 1] != NULL && count <= WORDS_MAX; count++) {
        snprintf(copies[count - 1], sizeof copies[0], "%s", words[count - 1]);
        arguments[count] = copies[count - 1];
    }
    memset(&settings, 0xEE, sizeof settings);
    memset(&failure, 0xEE, sizeof failure);
    return options_read(count, arguments, &settings, &failure);
}

static void assert_words(size_t row, const char *what, bool right)
{
    if (!right)
        fail_msg("row %zu: %s; root '%s' port %u workers %u binds %u verbosity %d failure '%s'", row, what,
                 settings.root, settings.port, settings.workers, settings.bind_count, settings.verbosity,
                 failure.message);
}

static const struct {
    const char *words[8];
    const char *root;
    unsigned port, workers;
    enum verbosity verbosity;
    const char *binds[3];
} taken[] = {
    {{0}, ".", 8080, 0, VERBOSITY_NORMAL, {0}},
    {{"www"}, "www", 8080, 0, VERBOSITY_NORMAL, {0}},
    {{"-r", "www"}, "www", 8080, 0, VERBOSITY_NORMAL, {0}},
    {{"-rwww"}, "www", 8080, 0, VERBOSITY_NORMAL, {0}},
    {{"--root", "./www"}, "./www", 8080, 0, VERBOSITY_NORMAL, {0}},
    {{"--root=./www"}, "./www", 8080, 0, VERBOSITY_NORMAL, {0}},
    {{"-r", "./www", "-p", "8080"}, "./www", 8080, 0, VERBOSITY_NORMAL, {0}},
    {{"-p", "0"}, ".", 0, 0, VERBOSITY_NORMAL, {0}},
    {{"-p1"}, ".", 1, 0, VERBOSITY_NORMAL, {0}},
    {{"--port", "65535"}, ".", 65535, 0, VERBOSITY_NORMAL, {0}},
    {{"--port=0080"}, ".", 80, 0, VERBOSITY_NORMAL, {0}},
    {{"-p", "1", "-p", "2"}, ".", 2, 0, VERBOSITY_NORMAL, {0}},
    {{"-b", "0.0.0.0"}, ".", 8080, 0, VERBOSITY_NORMAL, {"0.0.0.0"}},
    {{"-b", "::1", "--bind=localhost", "www"}, "www", 8080, 0, VERBOSITY_NORMAL, {"::1", "localhost"}},
    {{"-j", "1"}, ".", 8080, 1, VERBOSITY_NORMAL, {0}},
    {{"--workers=512"}, ".", 8080, 512, VERBOSITY_NORMAL, {0}},
    {{"-q"}, ".", 8080, 0, VERBOSITY_QUIET, {0}},
    {{"--quiet"}, ".", 8080, 0, VERBOSITY_QUIET, {0}},
    {{"-v"}, ".", 8080, 0, VERBOSITY_VERBOSE, {0}},
    {{"--verbose", "www"}, "www", 8080, 0, VERBOSITY_VERBOSE, {0}},
    {{"-qp", "81", "www"}, "www", 81, 0, VERBOSITY_QUIET, {0}},
    /* Options after the directory; "-" is an ordinary name. */
    {{"www", "-p", "81", "-q"}, "www", 81, 0, VERBOSITY_QUIET, {0}},
    {{"./-www"}, "./-www", 8080, 0, VERBOSITY_NORMAL, {0}},
    /* A command after "--", which may have options of its own; the port is any free one then. */
    {{"--", "true"}, ".", 0, 0, VERBOSITY_NORMAL, {0}},
    {{"www", "--", "run", "-p", "81", "--", "x"}, "www", 0, 0, VERBOSITY_NORMAL, {0}},
    {{"-p", "81", "--", "--port"}, ".", 81, 0, VERBOSITY_NORMAL, {0}},
    {{"-r", "-p"}, "-p", 8080, 0, VERBOSITY_NORMAL, {0}},
    {{"-"}, "-", 8080, 0, VERBOSITY_NORMAL, {0}},
    {{"/a b/\xC3\xBC"}, "/a b/\xC3\xBC", 8080, 0, VERBOSITY_NORMAL, {0}},
};

static void settings_are_filled_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(taken); i++) {
        assert_words(i, "result", read_line(taken[i].words) == OPTIONS_SERVE);
        assert_words(i, "root", strcmp(settings.root, taken[i].root) == 0);
        assert_words(i, "port", settings.port == taken[i].port);
        assert_words(i, "workers", settings.workers == taken[i].workers);
        assert_words(i, "verbosity", settings.verbosity == taken[i].verbosity);
        assert_words(i, "failure", failure.status == 0);
        unsigned binds = 0;
        for (; taken[i].binds[binds] != NULL; binds++)
            assert_words(i, "bind",
                         binds < settings.bind_count && strcmp(settings.binds[binds], taken[i].binds[binds]) == 0);
        assert_words(i, "binds", settings.bind_count == binds);
    }
}

static void the_user_is_kept_as_typed(void **state)
{
    (void)state;
    assert_int_equal(read_line((const char *const[]){"www", NULL}), OPTIONS_SERVE);
    assert_null(settings.user);
    assert_int_equal(read_line((const char *const[]){"-u", "www-data:adm", NULL}), OPTIONS_SERVE);
    assert_string_equal(settings.user, "www-data:adm");
    assert_int_equal(read_line((const char *const[]){"--user=65534", NULL}), OPTIONS_SERVE);
    assert_string_equal(settings.user, "65534");
}

static const struct {
    const char *words[8];
    enum options_result result;
} asked[] = {
    {{"-h"}, OPTIONS_HELP},
    {{"--help"}, OPTIONS_HELP},
    {{"-V"}, OPTIONS_VERSION},
    {{"--version"}, OPTIONS_VERSION},
    {{"www", "-p", "81", "--help"}, OPTIONS_HELP},
    {{"-qh"}, OPTIONS_HELP},
    {{"a", "b", "-h"}, OPTIONS_HELP},
};

static void help_and_version_are_recognized(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(asked); i++)
        assert_words(i, "result", read_line(asked[i].words) == asked[i].result);
}

#define ONES "1111111111111111111111111111111111111111"
#define LONG_NUMBER ONES ONES ONES

/* All are EX_USAGE; the message contains each piece. */
static const struct {
    const char *words[8];
    const char *pieces[3];
} refused[] = {
    {{"--prot", "80"}, {"unknown option", "'--prot'", "did you mean '--port'"}},
    {{"--prot=80"}, {"unknown option", "'--prot'", "did you mean '--port'"}},
    {{"--rot", "www"}, {"'--rot'", "did you mean '--root'"}},
    {{"--verison"}, {"'--verison'", "did you mean '--version'"}},
    {{"--worker-count", "2"}, {"'--worker-count'", "--help"}},
    {{"--host", "0.0.0.0"}, {"'--host'", "'--bind ADDRESS'"}},
    {{"--host=0.0.0.0"}, {"'--host'", "'--bind ADDRESS'"}},
    {{"--single"}, {"'--single'", "'--spa'"}},
    {{"--directory", "www"}, {"'--directory'", "'--root DIR'"}},
    {{"-d", "www"}, {"'-d'", "'--root DIR'"}},
    {{"--silent"}, {"'--silent'", "'--quiet'"}},
    {{"--no-dotfiles"}, {"'--no-dotfiles'", "not needed", "--dotfiles"}},
    {{"--ssl"}, {"'--ssl'", "not supported", "proxy"}},
    {{"--gzip"}, {"'--gzip'", "not needed", "FILE.gz"}},
    {{"--cgi"}, {"'--cgi'", "not supported"}},
    {{"--lan", "-b", "::1"}, {"--lan", "--bind ::1"}},
    {{"-b", "[::1]"}, {"--bind", "'[::1]'", "brackets"}},
    {{"-b", "127.0.0.1:80"}, {"--bind", "'127.0.0.1:80'", "--port"}},
    {{"-b", "http://localhost/"}, {"--bind", "http://"}},
    {{"-b", "unix:"}, {"--bind", "'unix:'", "path"}},
    {{"--open=docs"}, {"--open", "'docs'", "/docs/"}},
    {{"--open=/a b"}, {"--open", "'/a b'"}},
    {{"--open=\xC3\xA9"}, {"--open", "/docs/"}},
    {{"--allow-host", "http://a"}, {"--allow-host", "'http://a'"}},
    {{"--allow-host", "a:80"}, {"--allow-host", "'a:80'"}},
    {{"--allow-host", ""}, {"--allow-host", "''"}},
    {{"--index", "a/b"}, {"--index", "'a/b'"}},
    {{"--index", ".."}, {"--index", "'..'"}},
    {{"--spa=../x"}, {"--spa", "'../x'"}},
    {{"--spa=a//x"}, {"--spa", "'a//x'"}},
    {{"--symlinks", "some"}, {"--symlinks", "'some'", "inside, all or none"}},
    {{"--symlinks=INSIDE"}, {"--symlinks", "'INSIDE'"}},
    {{"-c", "1d"}, {"--cache", "'1d'", "seconds"}},
    {{"-c", "2147483648"}, {"--cache", "'2147483648'", "2147483647"}},
    {{"-c", "-1"}, {"--cache", "'-1'"}},
    {{"-c", "/assets/"}, {"--cache", "'/assets/'", "/assets/=immutable"}},
    {{"-c", "/assets/=forever"}, {"--cache", "'/assets/=forever'"}},
    {{"-c", "/assets/=auto"}, {"--cache", "'/assets/=auto'"}},
    {{"-c", "/assets/*=immutable"}, {"--cache '/assets/*=immutable'", "give '/assets/=immutable'"}},
    {{"-c", "/a/**/*.js=60"}, {"--cache", "give '/a/=60'"}},
    {{"-c", "/*=off"}, {"--cache", "give '/=off'"}},
    {{"-c", "immutable"}, {"--cache", "'immutable'", "/PREFIX=immutable"}},
    {{"-c", "/a/../b=off"}, {"--cache", "'/a/../b=off'", "no file has such a path"}},
    {{"-c", "/..=off"}, {"--cache", "'/..=off'"}},
    {{"-c", "/./a/=off"}, {"--cache", "'/./a/=off'"}},
    {{"-c", "/a//b=off"}, {"--cache", "'/a//b=off'"}},
    {{"--cors=example.org"}, {"--cors", "'example.org'", "https://example.org"}},
    {{"--cors=https://example.org/"}, {"--cors", "'https://example.org/'"}},
    {{"--cors=https://a\r\nX: y"}, {"--cors"}},
    {{"--cors="}, {"--cors", "''"}},
    {{"--cors=null"}, {"--cors", "'null'"}},
    {{"--cors=https://"}, {"--cors", "'https://'"}},
    {{"--cors=://a"}, {"--cors", "'://a'"}},
    {{"--cors=1a://a"}, {"--cors", "'1a://a'"}},
    {{"--cors=https:/a"}, {"--cors", "'https:/a'"}},
    {{"--cors=https://Example.org"}, {"--cors", "'https://Example.org'", "lower-case"}},
    {{"--cors=https://a,https://b"}, {"--cors", "'https://a,https://b'"}},
    {{"--cors=https://a https://b"}, {"--cors"}},
    {{"--cors=https://*.a"}, {"--cors", "'https://*.a'"}},
    {{"--cors=https://a:"}, {"--cors", "'https://a:'"}},
    {{"--cors=https://a:443"}, {"--cors", "'https://a:443'", "leave out the port"}},
    {{"--cors=http://[::1]:80"}, {"--cors", "'http://[::1]:80'", "leave out the port"}},
    {{"--cors=https://a:x"}, {"--cors", "'https://a:x'"}},
    {{"--cors=https://a:0"}, {"--cors", "'https://a:0'"}},
    {{"--cors=https://a:080"}, {"--cors", "'https://a:080'"}},
    {{"--cors=https://a:65536"}, {"--cors", "'https://a:65536'"}},
    {{"--cors=https://a?b"}, {"--cors", "'https://a?b'"}},
    {{"--cors=https://u@a"}, {"--cors", "'https://u@a'"}},
    {{"--cors=https://[]"}, {"--cors", "'https://[]'"}},
    {{"--cors=https://[::1"}, {"--cors", "'https://[::1'"}},
    {{"--cors=https://[::1]a"}, {"--cors", "'https://[::1]a'"}},
    {{"--index", ""}, {"--index", "''"}},
    {{"--index", "."}, {"--index", "'.'"}},
    {{"--index=/a"}, {"--index", "'/a'"}},
    {{"--spa="}, {"--spa", "''"}},
    {{"--spa=/"}, {"--spa", "'/'"}},
    {{"--spa=//a"}, {"--spa", "'//a'"}},
    {{"--spa=a/"}, {"--spa", "'a/'"}},
    {{"--spa=a/../../b"}, {"--spa", "'a/../../b'"}},
    {{"--spa=./a"}, {"--spa", "'./a'"}},
    {{"--mime", "md=/x"}, {"--mime", "'md=/x'"}},
    {{"--mime", "md=text/a b"}, {"--mime", "'md=text/a b'"}},
    {{"--mime", "md=text/a,b/c"}, {"--mime", "'md=text/a,b/c'"}},
    {{"--charset", "utf-8;a=b"}, {"--charset", "'utf-8;a=b'"}},
    {{"--charset", "utf\r\n-8"}, {"--charset"}},
    {{"-H", "no colon"}, {"--header", "'no colon'", "Name: value"}},
    {{"-H", ": a"}, {"--header", "': a'"}},
    {{"-H", "A B: c"}, {"--header", "'A B: c'"}},
    {{"-H", "A: b\rC: d"}, {"--header", "line ends"}},
    {{"-H", "A: b\nC: d"}, {"--header", "line ends"}},
    {{"-H", "A: \xC3\xBC"}, {"--header", "ASCII"}},
    {{"-H", "A: \x7F"}, {"--header", "controls"}},
    {{"-H", "Content-Length: 1"}, {"--header", "leave it out"}},
    {{"-H", "transfer-encoding: chunked"}, {"--header", "leave it out"}},
    {{"-H", "CONNECTION:close"}, {"--header", "leave it out"}},
    {{"-H", "Date: x"}, {"--header", "leave it out"}},
    {{"-H", "ETag: \"a\""}, {"--header", "leave it out"}},
    {{"-H", "Content-Type: text/css"}, {"--header", "--mime EXT=TYPE"}},
    {{"--mime", "md"}, {"--mime", "'md'", "md=text/markdown"}},
    {{"--mime", "=text/css"}, {"--mime", "'=text/css'"}},
    {{"--mime", "md=text"}, {"--mime", "'md=text'"}},
    {{"--mime", "md=text/"}, {"--mime", "'md=text/'"}},
    {{"--mime", "md=text/a\r\n"}, {"--mime"}},
    {{"--mime", "a/b=text/css"}, {"--mime", "'a/b=text/css'"}},
    {{"--mime", "/b=text/css"}, {"--mime", "'/b=text/css'"}},
    {{"--mime", "..=text/css"}, {"--mime", "'..=text/css'"}},
    {{"--mime", "*.md=text/css"}, {"--mime", "'*.md=text/css'"}},
    {{"--mime", "md =text/css"}, {"--mime", "'md =text/css'"}},
    {{"--mime", " md=text/css"}, {"--mime", "' md=text/css'"}},
    {{"--encoded", "js.gz"}, {"--encoded", "'js.gz'", "js.gz=gzip"}},
    {{"--encoded", "js.gz=deflate"}, {"--encoded", "'js.gz=deflate'"}},
    {{"--encoded", "=gzip"}, {"--encoded", "'=gzip'"}},
    {{"--encoded", "a/b=gzip"}, {"--encoded", "'a/b=gzip'"}},
    {{"--encoded", ".=gzip"}, {"--encoded", "'.=gzip'"}},
    {{"--charset", ""}, {"--charset", "''", "utf-8"}},
    {{"--charset", "a b"}, {"--charset", "'a b'"}},
    {{"--log", "apache"}, {"--log", "'apache'", "text, combined, json, errors or off"}},
    {{"--base", "/../repo"}, {"--base '/../repo'", "without empty names, '.' and '..'"}},
    {{"--base", "a/%2e%2E/b"}, {"--base", "without empty names"}},
    {{"--base", "/a/./b"}, {"--base", "without empty names"}},
    {{"--base", "/a//b"}, {"--base", "without empty names"}},
    {{"--base", "https://user.github.io/repo/"}, {"--base", "give a path", "such as /repo/"}},
    {{"--base", "/repo?a"}, {"--base '/repo?a'", "the path of a URL", "%3F"}},
    {{"--base", "/repo#a"}, {"--base '/repo#a'", "the path of a URL"}},
    {{"--base", "/50%"}, {"--base", "%25"}},
    {{"--base", "/50%2"}, {"--base", "%25"}},
    {{"--base", "/%zz"}, {"--base", "%25"}},
    {{"--base", "/a%00b"}, {"--base", "the path of a URL"}},
    {{"--base", "/.git/a"}, {"--base '/.git/a/'", "begin with a dot", "'--dotfiles'"}},
    {{"--base", "/a/%2Egit"}, {"--base '/a/.git/'", "'--dotfiles'"}},
    {{"--metrics", "metrics"}, {"--metrics", "'metrics'", "such as /metrics"}},
    {{"--metrics", "/"}, {"--metrics", "'/'", "such as /metrics"}},
    {{"--metrics", "/a?b"}, {"--metrics", "'/a?b'"}},
    {{"--metrics", "/a b"}, {"--metrics", "'/a b'"}},
    {{"--metrics", "/.well-known/tinyhttpd/health"}, {"--metrics", "this path is reserved"}},
    {{"-b", "unix:@"}, {"--bind", "'unix:@'"}},
    {{"-b", "unix:/a,mode=999"}, {"--bind", "mode=660"}},
    {{"-b", "unix:/a,group="}, {"--bind", "group=NAME"}},
    {{"-b", "unix:@a,mode=660"}, {"--bind", "path before them"}},
    {{"-b", "mode=660"}, {"--bind", "path before them"}},
    {{"--proxy-protocol"}, {"--proxy-protocol", "--trust-proxy"}},
    {{"--keep-alive", "0"}, {"--keep-alive", "'0'", "from 1 to 86400"}},
    {{"--keep-alive", "600s"}, {"--keep-alive", "'600s'", "give a number of seconds from 1 to 86400"}},
    {{"--slow=5g"}, {"--slow", "'5g'", "4g, 3g, 2g"}},
    {{"--slow=3g,300"}, {"--slow", "'3g,300'"}},
    {{"--slow=100"}, {"--slow", "'100'", "from 1000 to 100M"}},
    {{"--slow=101M"}, {"--slow", "'101M'"}},
    {{"--slow=k"}, {"--slow", "'k'"}},
    {{"--slow=,5"}, {"--slow", "',5'"}},
    {{"--slow=9k,"}, {"--slow", "'9k,'"}},
    {{"--slow=9k,5ms"}, {"--slow", "'9k,5ms'"}},
    {{"--slow=9k,60001"}, {"--slow", "'9k,60001'"}},
    {{"--slow", "-j2"}, {"--slow", "'--workers 2'"}},
    {{"-j512", "--slow=3g"}, {"--slow", "'--workers 512'"}},
    {{"--shutdown-delay", "-1"}, {"--shutdown-delay", "'-1'", "from 0 to 86400"}},
    {{"--shutdown-delay", ""}, {"--shutdown-delay", "''"}},
    {{"--drain", LONG_NUMBER}, {"--drain", "11...'", "give a number of seconds from 0 to 86400"}},
    {{"--drain", "86401"}, {"--drain", "'86401'", "from 0 to 86400"}},
    {{"--trust-proxy", ""}, {"--trust-proxy", "''", "10.0.0.0/8"}},
    {{"--trust-proxy", "10.0.0.0/33"}, {"--trust-proxy", "'10.0.0.0/33'"}},
    {{"--trust-proxy", "proxy.example.org"}, {"--trust-proxy", "'proxy.example.org'"}},
    {{"--trust-proxy", "Unix"}, {"--trust-proxy", "'Unix'"}},
    {{"--lan=1"}, {"'--lan'", "no value"}},
    {{"--l"}, {"'--l'", "ambiguous; did you mean '--lan' or '--list'?"}},
    {{"--xyzzy"}, {"unknown option", "'--xyzzy'", "--help"}},
    {{"--ver"}, {"'--ver'"}},
    {{"-x"}, {"unknown option", "'-x'"}},
    {{"-qx"}, {"unknown option", "'-x'"}},
    {{"-xq"}, {"unknown option", "'-x'"}},
    {{"--quiet", "-zq"}, {"unknown option", "'-z'"}},
    {{"www", "-x"}, {"unknown option", "'-x'"}},
    {{"-p"}, {"'-p'", "needs a value"}},
    {{"--port"}, {"'--port'", "needs a value"}},
    {{"--quiet", "-qp"}, {"'-p'", "needs a value"}},
    {{"-r"}, {"'-r'", "needs a value"}},
    {{"www", "--bind"}, {"'--bind'", "needs a value"}},
    {{"www", "-b"}, {"'-b'", "needs a value"}},
    {{"www", "-p", "--", "true"}, {"'-p'", "needs a value"}},
    {{"--quiet=yes"}, {"'--quiet'", "no value"}},
    {{"--help=1"}, {"'--help'", "no value"}},
    {{"-p", "65536"}, {"port", "'65536'", "65535"}},
    {{"-p", "70000"}, {"port", "'70000'", "65535"}},
    {{"-p", "-1"}, {"port", "'-1'"}},
    {{"-p", "+80"}, {"port", "'+80'"}},
    {{"-p", " 80"}, {"port", "' 80'"}},
    {{"-p", "80 "}, {"port", "'80 '"}},
    {{"-p", "80x"}, {"port", "'80x'"}},
    {{"-p", "0x50"}, {"port", "'0x50'"}},
    {{"-p", "http"}, {"port", "'http'"}},
    {{"-p", ""}, {"port", "''"}},
    {{"-p", "18446744073709551696"}, {"port", "'18446744073709551696'"}},
    {{"-port", "80"}, {"port", "'ort'"}},
    {{"-j", "0"}, {"workers", "'0'", "512"}},
    {{"-j", "513"}, {"workers", "'513'", "512"}},
    {{"-j", "auto"}, {"workers", "'auto'"}},
    {{"-r", ""}, {"root", "empty"}},
    {{""}, {"root", "empty"}},
    {{"--root="}, {"root", "empty"}},
    {{"-b", ""}, {"bind", "empty"}},
    {{"a", "b"}, {"two", "'a'", "'b'"}},
    {{"-r", "a", "b"}, {"two", "'a'", "'b'"}},
    {{"-r", "a", "-r", "b"}, {"two", "'a'", "'b'"}},
    {{"-p", "x", "-h"}, {"port", "'x'"}},
    {{"-u"}, {"'-u'", "needs a value"}},
    {{"-u", ""}, {"user", "''"}},
    {{"--user=:www"}, {"user", "':www'", "USER:GROUP"}},
};

static void invalid_command_lines_are_explained(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        assert_words(i, "result", read_line(refused[i].words) == OPTIONS_BAD);
        assert_words(i, "status", failure.status == EX_USAGE);
        assert_words(i, "one line",
                     strlen(failure.message) < 200 && failure.message[strlen(failure.message) - 1] != '\n');
        for (size_t k = 0; k < COUNT(refused[i].pieces) && refused[i].pieces[k] != NULL; k++)
            assert_words(i, refused[i].pieces[k], strstr(failure.message, refused[i].pieces[k]) != NULL);
    }
}

/* A percent sign that is typed stays, as the rest of an escape. */
static void path_to_open_is_percent_encoded(void **state)
{
    (void)state;
    assert_int_equal(read_line((const char *const[]){"--open=/\xC3\xA9/%C3%A9?\xE2\x82\xAC#a", NULL}), OPTIONS_SERVE);
    assert_string_equal(settings.open, "/%C3%A9/%C3%A9?%E2%82%AC#a");
}

/* The longest value is accepted; one byte more is an error. */
static void long_values_are_refused(void **state)
{
    static const struct {
        const char *option, *before, *after;
        size_t most, beside; /* the limit in bytes, and how many typed bytes it does not count */
    } rows[] = {
        {"--index", "", "", LIMIT_INDEX_NAME, 0},
        {"--charset", "", "", LIMIT_CHARSET_NAME, 0},
        {"--open", "/", "", LIMIT_OPEN_PATH, 0},
        {"--cors", "https://", "", LIMIT_ORIGIN, 0},
        {"--cors", "https://", ":65535", LIMIT_ORIGIN, 0},
        {"--mime", "md=a/", "", LIMIT_MEDIA_TYPE, 3},
        {"--mime", ".md=a/", "; b=c", LIMIT_MEDIA_TYPE, 4},
        {"--spa", "", "", PATH_MAX - 1, 0},
        {"--spa", "/", "", PATH_MAX - 1, 1},
    };
    static char word[PATH_MAX + 64], filler[PATH_MAX + 64];
    (void)state;
    memset(filler, 'a', sizeof filler - 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (unsigned more = 0; more < 2; more++) {
            size_t fixed = strlen(rows[i].before) + strlen(rows[i].after) - rows[i].beside;
            snprintf(word, sizeof word, "%s=%s%.*s%s", rows[i].option, rows[i].before,
                     (int)(rows[i].most + more - fixed), filler, rows[i].after);
            assert_words(i, word,
                         read_line((const char *const[]){word, NULL}) == (more == 0 ? OPTIONS_SERVE : OPTIONS_BAD));
            if (more == 0)
                continue;
            assert_words(i, "status", failure.status == EX_USAGE);
            assert_words(i, "option", strstr(failure.message, rows[i].option) == failure.message);
            assert_words(i, "one line", strlen(failure.message) < 100);
        }
    }
}

/* LIMIT_HEADER_BYTES bounds the sum of all fields, each with ": " and its line end. */
static void header_fields_are_bounded_together(void **state)
{
    enum { EACH = 512, ALL = LIMIT_HEADER_BYTES / EACH };
    static char fields[ALL + 1][EACH + 16];
    const char *words[2 * (ALL + 1) + 1] = {NULL};
    (void)state;
    for (unsigned i = 0; i < ALL; i++) {
        snprintf(fields[i], sizeof fields[i], "X-%c: %0*d", (char)('a' + i), (int)(EACH - 5 - 5), 0);
        words[2 * i] = "-H";
        words[2 * i + 1] = fields[i];
    }
    assert_int_equal(read_line(words), OPTIONS_SERVE);
    assert_int_equal(settings.header_count, ALL);
    char *last = fields[ALL - 1];
    last[strlen(last) + 1] = '\0';
    last[strlen(last)] = '0'; /* one byte more */
    assert_int_equal(read_line(words), OPTIONS_BAD);
    assert_int_equal(failure.status, EX_USAGE);
    assert_non_null(strstr(failure.message, "--header"));
    assert_non_null(strstr(failure.message, "4 KiB"));
}

/* ---- the settings of each option ---- */

static void root_and_address_options_are_stored(void **state)
{
    (void)state;
    assert_int_equal(read_line((const char *const[]){"-L", "-o", NULL}), OPTIONS_SERVE);
    assert_true(settings.lan && !settings.port_chosen);
    assert_string_equal(settings.open, "/");
    assert_int_equal(read_line((const char *const[]){"--open=/docs/?a", "-p", "80", "-b", "*", "-b", "unix:/run/a.sock",
                                                     "--allow-host", "a.example", "--allow-host=[::2]", NULL}),
                     OPTIONS_SERVE);
    assert_true(settings.port_chosen && !settings.lan);
    assert_string_equal(settings.open, "/docs/?a");
    assert_string_equal(settings.binds[0], "*");
    assert_string_equal(settings.binds[1], "unix:/run/a.sock");
    assert_int_equal(settings.allowed_host_count, 2);
    assert_string_equal(settings.allowed_hosts[1], "[::2]");
}

static void file_options_are_stored(void **state)
{
    (void)state;
    assert_int_equal(read_line((const char *const[]){NULL}), OPTIONS_SERVE);
    assert_true(settings.listing == LISTING_LOCAL && settings.symlinks == SYMLINKS_INSIDE && settings.spa == NULL &&
                !settings.dotfiles && !settings.watch && settings.open == NULL && settings.check == NULL);
    assert_int_equal(settings.index_count, 1);
    assert_string_equal(settings.index[0], "index.html");
    assert_int_equal(read_line((const char *const[]){"-sw", "--list", "--dotfiles", "--symlinks", "all",
                                                     "--index=a.htm", "--index", "b.htm", NULL}),
                     OPTIONS_SERVE);
    assert_string_equal(settings.spa, "index.html");
    assert_int_equal(settings.index_count, 2);
    assert_string_equal(settings.index[0], "a.htm");
    assert_string_equal(settings.index[1], "b.htm");
    assert_true(settings.watch && settings.dotfiles && settings.listing == LISTING_ON &&
                settings.symlinks == SYMLINKS_ALL);
    assert_int_equal(read_line((const char *const[]){"--spa=/app/a.html", "--no-list", "--symlinks=none", NULL}),
                     OPTIONS_SERVE);
    assert_string_equal(settings.spa, "app/a.html");
    assert_true(settings.listing == LISTING_OFF && settings.symlinks == SYMLINKS_NONE);
}

static void response_header_options_are_stored(void **state)
{
    (void)state;
    assert_int_equal(read_line((const char *const[]){NULL}), OPTIONS_SERVE);
    assert_true(settings.cache == CACHE_ASK && settings.cors == NULL && settings.charset == NULL &&
                settings.header_count == 0 && settings.type_count == 0);
    assert_int_equal(read_line((const char *const[]){"-C", "-c", "3600", "-H", "X-A: b, c", "-H", "X-B:", "--mime",
                                                     ".MD=text/markdown; charset=utf-8", "--charset=none", NULL}),
                     OPTIONS_SERVE);
    assert_true(settings.cache == CACHE_SECONDS && settings.cache_seconds == 3600);
    assert_string_equal(settings.cors, "*");
    assert_int_equal(settings.header_count, 2);
    assert_string_equal(settings.headers[0], "X-A: b, c");
    assert_string_equal(settings.headers[1], "X-B:");
    assert_int_equal(settings.type_count, 1);
    assert_string_equal(settings.types[0].name, ".MD");
    assert_string_equal(settings.types[0].type, "text/markdown; charset=utf-8");
    assert_string_equal(settings.charset, "none");
    assert_int_equal(read_line((const char *const[]){"--encoded=pbf=gzip", "--encoded", "wasm.br=br", NULL}),
                     OPTIONS_SERVE);
    assert_int_equal(settings.encoded_count, 2);
    assert_string_equal(settings.encoded[1].name, "wasm.br");
    assert_string_equal(settings.encoded[1].coding, "br");
    assert_int_equal(
        read_line((const char *const[]){"-C", "-c", "3600", "-H", "X-A: b, c", "-H", "X-B:", "--charset=none", NULL}),
        OPTIONS_SERVE);
    /* The default port of another scheme is allowed, and so is a port that ends in the same digits. */
    assert_int_equal(read_line((const char *const[]){"--cors=http://a.example:443", NULL}), OPTIONS_SERVE);
    assert_int_equal(read_line((const char *const[]){"--cors=http://a.example:8080", NULL}), OPTIONS_SERVE);
    assert_int_equal(read_line((const char *const[]){"--cors=https://a.example:8443", "-cauto", NULL}), OPTIONS_SERVE);
    assert_string_equal(settings.cors, "https://a.example:8443");
    assert_int_equal(settings.cache, CACHE_AUTO);
    static const char *const origins[] = {"http://localhost:5173", "https://[2001:db8::1]",
                                          "http://[::1]:1",        "https://xn--bcher-kva.example",
                                          "http://192.0.2.1",      "capacitor://localhost"};
    for (size_t i = 0; i < COUNT(origins); i++) {
        char word[64];
        snprintf(word, sizeof word, "--cors=%s", origins[i]);
        assert_int_equal(read_line((const char *const[]){word, NULL}), OPTIONS_SERVE);
        assert_string_equal(settings.cors, origins[i]);
    }
    assert_int_equal(read_line((const char *const[]){"-c", "off", NULL}), OPTIONS_SERVE);
    assert_int_equal(settings.cache, CACHE_OFF);
    assert_int_equal(
        read_line((const char *const[]){"-c", "60", "-c", "/assets/=immutable", "-c/=off", "-c", "//a=b/c//=5", NULL}),
        OPTIONS_SERVE);
    assert_true(settings.cache == CACHE_SECONDS && settings.cache_seconds == 60 && settings.cache_rule_count == 3);
    assert_string_equal(settings.cache_rules[0].prefix, "assets");
    assert_int_equal(settings.cache_rules[0].cache, CACHE_IMMUTABLE);
    assert_string_equal(settings.cache_rules[1].prefix, "");
    assert_int_equal(settings.cache_rules[1].cache, CACHE_OFF);
    assert_string_equal(settings.cache_rules[2].prefix, "a=b/c");
    assert_int_equal(settings.cache_rules[2].seconds, 5);
}

static void slow_networks_are_stored(void **state)
{
    static const struct {
        const char *word, *preset;
        uint32_t rate, delay;
    } rows[] = {
        {"--slow", "4g", 204800, 150},       {"--slow=4g", "4g", 204800, 150},
        {"--slow=3g", "3g", 87500, 300},     {"--slow=2g", "2g", 30000, 840},
        {"--slow=1000", NULL, 1000, 0},      {"--slow=100k,300", NULL, 102400, 300},
        {"--slow=2K,0", NULL, 2048, 0},      {"--slow=1m", NULL, 1048576, 0},
        {"--slow=100M", NULL, 104857600, 0}, {"--slow=1000,60000", NULL, 1000, 60000},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct slow_choice *slow = &settings.slow;
        assert_int_equal(read_line((const char *[]){rows[i].word, NULL}), OPTIONS_SERVE);
        if (rows[i].preset == NULL)
            assert_null(slow->preset);
        else
            assert_string_equal(slow->preset, rows[i].preset);
        assert_true(slow->rate == rows[i].rate && slow->delay == rows[i].delay);
        assert_int_equal(settings.workers, 1); /* they share the rate */
    }
    assert_int_equal(read_line((const char *[]){NULL}), OPTIONS_SERVE);
    assert_true(settings.slow.rate == 0 && settings.workers == 0);
}

static void log_formats_are_stored(void **state)
{
    static const struct {
        const char *word;
        enum log_choice choice;
    } rows[] = {{"text", LOG_CHOICE_TEXT},
                {"combined", LOG_CHOICE_COMBINED},
                {"json", LOG_CHOICE_JSON},
                {"errors", LOG_CHOICE_ERRORS},
                {"off", LOG_CHOICE_OFF}};
    (void)state;
    assert_int_equal(read_line((const char *const[]){NULL}), OPTIONS_SERVE);
    assert_int_equal(settings.log, LOG_CHOICE_AUTO);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(read_line((const char *const[]){"--log", rows[i].word, NULL}), OPTIONS_SERVE);
        assert_int_equal(settings.log, rows[i].choice);
    }
}

static void bases_are_decoded_and_trimmed(void **state)
{
    static const struct {
        const char *typed, *stored;
    } rows[] = {
        {"repo", "repo"},
        {"/repo", "repo"},
        {"/repo/", "repo"},
        {"//a/b//", "a/b"},
        {"/caf%C3%A9/", "caf\xC3\xA9"},
        {"/caf\xC3\xA9/", "caf\xC3\xA9"},
        {"/a b%20c%2Fd%2F/", "a b c/d"},
        {"/%3F%23%25", "?#%"},
        {"/.well-known/a", ".well-known/a"},
        {"", NULL},
        {"/", NULL},
        {"%2F", NULL},
    };
    char longest[LIMIT_BASE + 2];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(read_line((const char *const[]){"--base", rows[i].typed, NULL}), OPTIONS_SERVE);
        if (rows[i].stored == NULL)
            assert_null(settings.base);
        else
            assert_string_equal(settings.base, rows[i].stored);
    }
    assert_int_equal(read_line((const char *const[]){"--base=.a", "--dotfiles", NULL}), OPTIONS_SERVE);
    memset(longest, 'a', sizeof longest);
    longest[LIMIT_BASE] = '\0';
    assert_int_equal(read_line((const char *const[]){"--base", longest, NULL}), OPTIONS_SERVE);
    longest[LIMIT_BASE] = 'a';
    longest[LIMIT_BASE + 1] = '\0';
    assert_int_equal(read_line((const char *const[]){"--base", longest, NULL}), OPTIONS_BAD);
    assert_non_null(strstr(failure.message, "has 256 bytes; give at most 255"));
}

static void the_metrics_path_is_stored(void **state)
{
    (void)state;
    assert_int_equal(read_line((const char *const[]){NULL}), OPTIONS_SERVE);
    assert_null(settings.metrics);
    assert_int_equal(read_line((const char *const[]){"--metrics", "/-/metrics", NULL}), OPTIONS_SERVE);
    assert_string_equal(settings.metrics, "/-/metrics");
}

static void trusted_proxies_are_stored(void **state)
{
    (void)state;
    assert_int_equal(read_line((const char *const[]){NULL}), OPTIONS_SERVE);
    assert_int_equal(settings.trusted_proxy_count, 0);
    assert_false(settings.trusts_unix);
    assert_int_equal(read_line((const char *const[]){"--trust-proxy", "10.0.0.0/8", "--trust-proxy", "unix",
                                                     "--trust-proxy=fd00::/8", NULL}),
                     OPTIONS_SERVE);
    assert_int_equal(settings.trusted_proxy_count, 2);
    assert_int_equal(settings.trusted_proxies[0].bits, 96 + 8);
    assert_int_equal(settings.trusted_proxies[1].bits, 8);
    assert_true(settings.trusts_unix);
    setenv("TINYHTTPD_TRUST_PROXY", "192.0.2.1,::1", 1);
    assert_int_equal(read_line((const char *const[]){NULL}), OPTIONS_SERVE);
    unsetenv("TINYHTTPD_TRUST_PROXY");
    assert_int_equal(settings.trusted_proxy_count, 2);
    assert_int_equal(settings.trusted_proxies[1].bits, 128);
}

static void check_takes_a_url_or_settings(void **state)
{
    (void)state;
    assert_int_equal(read_line((const char *const[]){"--check", "-p", "81", NULL}), OPTIONS_CHECK);
    assert_null(settings.check);
    assert_int_equal(settings.port, 81);
    assert_int_equal(read_line((const char *const[]){"--check=http://a/", NULL}), OPTIONS_CHECK);
    assert_string_equal(settings.check, "http://a/");
    assert_int_equal(read_line((const char *const[]){"--check", "-p", "x", NULL}), OPTIONS_BAD);
}

/* Only an operand may be a file; --root is a directory. */
static void an_operand_may_be_a_file(void **state)
{
    (void)state;
    assert_int_equal(read_line((const char *const[]){"a.html", NULL}), OPTIONS_SERVE);
    assert_string_equal(settings.file, "a.html");
    assert_int_equal(read_line((const char *const[]){"-r", "a", NULL}), OPTIONS_SERVE);
    assert_null(settings.file);
    assert_int_equal(read_line((const char *const[]){"-r", "a", "a", NULL}), OPTIONS_SERVE);
    assert_null(settings.file);
}

/* ---- the environment ---- */

/* Reads a command line with only these variables, "NAME=VALUE". */
static enum options_result read_with(const char *const *variables, const char *const *words)
{
    for (char **at = environ; *at != NULL;) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*at, "="), *at);
        if (strncmp(name, "TINYHTTPD_", 10) == 0 || strcmp(name, "PORT") == 0)
            unsetenv(name);
        else
            at++;
    }
    for (; *variables != NULL; variables++) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*variables, "="), *variables);
        setenv(name, *variables + strcspn(*variables, "=") + 1, 1);
    }
    enum options_result result = read_line(words);
    unsetenv("PORT");
    return result;
}

#define WITH(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NOTHING ((const char *const[]){NULL})

static void variables_set_options(void **state)
{
    (void)state;
    assert_int_equal(read_with(WITH("TINYHTTPD_ROOT=www", "TINYHTTPD_PORT=9000", "TINYHTTPD_NO_LIST=1",
                                    "TINYHTTPD_BIND=::1, 127.0.0.1,,", "TINYHTTPD_OPEN=yes", "TINYHTTPD_SPA=app.html",
                                    "TINYHTTPD_WATCH=true", "TINYHTTPD_DOTFILES=0", "TINYHTTPD_ISOLATE=off",
                                    "TINYHTTPD_HEADER=A: b, c\n  D: e \n\n", "TINYHTTPD_CACHE=off",
                                    "TINYHTTPD_MIME=md=text/markdown,x=a/b", "TINYHTTPD_ALLOW_HOST=a\nb,c",
                                    "TINYHTTPD_LOG=json", "TINYHTTPD_QUIET=1"),
                               NOTHING),
                     OPTIONS_SERVE);
    assert_string_equal(settings.root, "www");
    assert_null(settings.file);
    assert_true(settings.port == 9000 && settings.port_chosen && settings.listing == LISTING_OFF);
    assert_int_equal(settings.bind_count, 2);
    assert_string_equal(settings.binds[1], "127.0.0.1");
    assert_string_equal(settings.open, "/");
    assert_string_equal(settings.spa, "app.html");
    assert_true(settings.watch && !settings.dotfiles && settings.cache == CACHE_OFF);
    assert_int_equal(settings.header_count, 2);
    assert_string_equal(settings.headers[0], "A: b, c");
    assert_string_equal(settings.headers[1], "D: e");
    assert_int_equal(settings.type_count, 2);
    assert_int_equal(settings.allowed_host_count, 3);
    assert_true(settings.log == LOG_CHOICE_JSON && settings.verbosity == VERBOSITY_QUIET);
}

static void the_command_line_overrides_variables(void **state)
{
    (void)state;
    assert_int_equal(read_with(WITH("TINYHTTPD_ROOT=a", "TINYHTTPD_PORT=1", "PORT=2", "TINYHTTPD_BIND=::1",
                                    "TINYHTTPD_LIST=1", "TINYHTTPD_VERBOSE=1", "TINYHTTPD_HEADER=A: b"),
                               WITH("b", "-p", "3", "-L", "--no-list", "-q", "-H", "C: d")),
                     OPTIONS_SERVE);
    assert_string_equal(settings.root, "b");
    assert_int_equal(settings.port, 3);
    assert_true(settings.lan && settings.bind_count == 0 && settings.listing == LISTING_OFF);
    assert_int_equal(settings.verbosity, VERBOSITY_QUIET);
    assert_int_equal(settings.header_count, 1);
    assert_string_equal(settings.headers[0], "C: d");
    /* An invalid variable is ignored if the command line has the option. */
    assert_int_equal(read_with(WITH("TINYHTTPD_PORT=x", "PORT=y"), WITH("-p", "3")), OPTIONS_SERVE);
    assert_int_equal(read_with(WITH("TINYHTTPD_PORT=1", "PORT=2"), NOTHING), OPTIONS_SERVE);
    assert_int_equal(settings.port, 1);
    assert_int_equal(read_with(WITH("PORT=2"), NOTHING), OPTIONS_SERVE);
    assert_true(settings.port == 2 && settings.port_chosen);
}

static void variables_that_are_not_options_are_ignored(void **state)
{
    (void)state;
    assert_int_equal(
        read_with(WITH("TINYHTTPD_HELP=1", "TINYHTTPD_VERSION=", "TINYHTTPD_CHECK=1", "TINYHTTPD_OTHER="), NOTHING),
        OPTIONS_SERVE);
    /* Kubernetes sets this for a service named tinyhttpd. */
    assert_int_equal(read_with(WITH("TINYHTTPD_PORT=tcp://10.0.0.1:80"), NOTHING), OPTIONS_SERVE);
    assert_true(settings.port == 8080 && !settings.port_chosen);
}

static void empty_variables_are_errors_unless_overridden(void **state)
{
    static const char *const variables[] = {
        "TINYHTTPD_PORT=", "TINYHTTPD_ROOT=",  "TINYHTTPD_LAN=",   "TINYHTTPD_SPA=",          "PORT=",
        "TINYHTTPD_BIND=", "TINYHTTPD_BIND=,", "TINYHTTPD_MIME= ", "TINYHTTPD_HEADER=\n \t\n"};
    (void)state;
    for (size_t i = 0; i < COUNT(variables); i++) {
        char message[64];
        snprintf(message, sizeof message, "%.*s is empty; ", (int)strcspn(variables[i], "="), variables[i]);
        assert_words(i, "result", read_with(WITH(variables[i]), NOTHING) == OPTIONS_BAD);
        assert_words(i, "status", failure.status == EX_USAGE);
        assert_words(i, "message", strncmp(failure.message, message, strlen(message)) == 0);
    }
    assert_int_equal(read_with(WITH("TINYHTTPD_PORT=", "PORT="), WITH("-p", "3")), OPTIONS_SERVE);
    assert_int_equal(read_with(WITH("TINYHTTPD_PORT=1", "PORT="), NOTHING), OPTIONS_SERVE);
}

static void invalid_variables_are_errors_with_their_name(void **state)
{
    static const char *const rows[][2] = {
        {"TINYHTTPD_PORT=70000", "TINYHTTPD_PORT '70000'"},
        {"PORT=x", "PORT 'x'"},
        {"TINYHTTPD_LAN=maybe", "TINYHTTPD_LAN 'maybe'"},
        {"TINYHTTPD_NO_LIST=2", "TINYHTTPD_NO_LIST '2'"},
        {"TINYHTTPD_HEADER=A: b\nContent-Length: 1", "TINYHTTPD_HEADER 'Content-Length: 1'"},
        {"TINYHTTPD_MIME=a=b/c,d", "TINYHTTPD_MIME 'd'"},
        {"TINYHTTPD_SYMLINKS=1", "TINYHTTPD_SYMLINKS '1'"},
        {"TINYHTTPD_CORS=example.org", "TINYHTTPD_CORS 'example.org'"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_words(i, "result", read_with(WITH(rows[i][0]), NOTHING) == OPTIONS_BAD);
        assert_words(i, "status", failure.status == EX_USAGE);
        assert_words(i, "name", strncmp(failure.message, rows[i][1], strlen(rows[i][1])) == 0);
    }
    static char many[20000] = "TINYHTTPD_HEADER=A: ";
    memset(many + strlen(many), 'x', sizeof many - 1 - strlen(many));
    assert_int_equal(read_with(WITH(many), NOTHING), OPTIONS_BAD);
    assert_non_null(strstr(failure.message, "TINYHTTPD_HEADER is too long"));
    read_with(NOTHING, NOTHING);
}

static void the_number_of_addresses_is_bounded(void **state)
{
    const char *words[2 * LIMIT_LISTENERS + 3] = {0};
    (void)state;
    for (unsigned i = 0; i < LIMIT_LISTENERS; i++) {
        words[2 * i] = "-b";
        words[2 * i + 1] = "::1";
    }
    assert_int_equal(read_line(words), OPTIONS_SERVE);
    assert_int_equal(settings.bind_count, LIMIT_LISTENERS);
    words[(size_t)2 * LIMIT_LISTENERS] = "-b";
    words[2 * LIMIT_LISTENERS + 1] = "::1";
    assert_int_equal(read_line(words), OPTIONS_BAD);
    assert_int_equal(failure.status, EX_USAGE);
}

/* Words longer than a message. */
static void messages_cut_long_words(void **state)
{
    static char word[20000];
    static const char *const options[] = {"-p", "-j", "--port", "-r"};
    (void)state;
    memset(word, 'x', sizeof word - 1);
    for (size_t i = 0; i < COUNT(options); i++) {
        char *arguments[] = {"tinyhttpd", (char *)(uintptr_t)options[i], word, NULL};
        enum options_result result = options_read(3, arguments, &settings, &failure);
        assert_int_equal(result, i == 3 ? OPTIONS_SERVE : OPTIONS_BAD);
        assert_non_null(memchr(failure.message, '\0', sizeof failure.message));
    }
    memcpy(word, "--", 2);
    char *arguments[] = {"tinyhttpd", word, NULL};
    assert_int_equal(options_read(2, arguments, &settings, &failure), OPTIONS_BAD);
    assert_int_equal(failure.status, EX_USAGE);
    assert_non_null(memchr(failure.message, '\0', sizeof failure.message));
}

/* options.h: strings of the settings point into the arguments. */
static void strings_are_not_copied(void **state)
{
    char root[] = "www", bind[] = "::1";
    char *arguments[] = {"tinyhttpd", "-b", bind, "-r", root, NULL};
    (void)state;
    assert_int_equal(options_read(5, arguments, &settings, &failure), OPTIONS_SERVE);
    assert_ptr_equal(settings.root, root);
    assert_ptr_equal(settings.binds[0], bind);
}

/* Returns the help that is printed on standard output. */
static const char *help(void)
{
    static char text[16384];
    int pipe_ends[2], saved = dup(STDOUT_FILENO);
    fflush(stdout);
    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
    dup2(pipe_ends[1], STDOUT_FILENO);
    close(pipe_ends[1]);
    options_print_help();
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    ssize_t length = read(pipe_ends[0], text, sizeof text - 1);
    close(pipe_ends[0]);
    assert_true(length > 0);
    text[length] = '\0';
    return text;
}

static void help_lists_every_option(void **state)
{
    static const char *const pieces[] = {
        "-r, --root",    "-p, --port",    "-b, --bind", "-j, --workers",
        "-q, --quiet",   "-v, --verbose", "-h, --help", "-V, --version",
        "DIR",           "8080",          "loopback",   "-L, --lan",
        "--open[=PATH]", "--header",      "--no-list",  "TINYHTTPD_<NAME>",
    };
    (void)state;
    const char *text = help();
    for (size_t i = 0; i < COUNT(pieces); i++) {
        if (strstr(text, pieces[i]) == NULL)
            fail_msg("no '%s' in:\n%s", pieces[i], text);
    }
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_in_range(strcspn(line, "\n"), 0, 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_filled_in),
        cmocka_unit_test(the_user_is_kept_as_typed),
        cmocka_unit_test(help_and_version_are_recognized),
        cmocka_unit_test(invalid_command_lines_are_explained),
        cmocka_unit_test(path_to_open_is_percent_encoded),
        cmocka_unit_test(long_values_are_refused),
        cmocka_unit_test(header_fields_are_bounded_together),
        cmocka_unit_test(root_and_address_options_are_stored),
        cmocka_unit_test(file_options_are_stored),
        cmocka_unit_test(response_header_options_are_stored),
        cmocka_unit_test(slow_networks_are_stored),
        cmocka_unit_test(log_formats_are_stored),
        cmocka_unit_test(bases_are_decoded_and_trimmed),
        cmocka_unit_test(the_metrics_path_is_stored),
        cmocka_unit_test(trusted_proxies_are_stored),
        cmocka_unit_test(check_takes_a_url_or_settings),
        cmocka_unit_test(an_operand_may_be_a_file),
        cmocka_unit_test(variables_set_options),
        cmocka_unit_test(the_command_line_overrides_variables),
        cmocka_unit_test(variables_that_are_not_options_are_ignored),
        cmocka_unit_test(empty_variables_are_errors_unless_overridden),
        cmocka_unit_test(invalid_variables_are_errors_with_their_name),
        cmocka_unit_test(the_number_of_addresses_is_bounded),
        cmocka_unit_test(messages_cut_long_words),
        cmocka_unit_test(strings_are_not_copied),
        cmocka_unit_test(help_lists_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

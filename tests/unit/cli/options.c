/* The command line: what issue and help promise, getopt_long(3) for its form, sysexits(3) for the statuses. */
#include "cli/options.h"

#include "base/limits.h"

#include <fcntl.h>
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

/* Reads a command line of the words up to the first NULL. */
static enum options_result read_line(const char *const *words)
{
    static char copies[WORDS_MAX][128];
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
    /* Options after the directory, "--" before one that looks like an option, "-" for a name like any. */
    {{"www", "-p", "81", "-q"}, "www", 81, 0, VERBOSITY_QUIET, {0}},
    {{"--", "-www"}, "-www", 8080, 0, VERBOSITY_NORMAL, {0}},
    {{"-p", "81", "--", "--port"}, "--port", 81, 0, VERBOSITY_NORMAL, {0}},
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
                         binds < settings.bind_count &&
                             strcmp(settings.binds[binds], taken[i].binds[binds]) == 0);
        assert_words(i, "binds", settings.bind_count == binds);
    }
}

static void the_user_is_taken_as_it_is(void **state)
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

static void help_and_version_are_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(asked); i++)
        assert_words(i, "result", read_line(asked[i].words) == asked[i].result);
}

/* All are EX_USAGE; the message must hold each of the pieces. */
static const struct {
    const char *words[8];
    const char *pieces[3];
} refused[] = {
    {{"--prot", "80"}, {"unknown option", "'--prot'", "did you mean '--port'"}},
    {{"--prot=80"}, {"unknown option", "'--prot'", "did you mean '--port'"}},
    {{"--rot", "www"}, {"'--rot'", "did you mean '--root'"}},
    {{"--verison"}, {"'--verison'", "did you mean '--version'"}},
    {{"--worker-count", "2"}, {"'--worker-count'", "--help"}},
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

static void wrong_command_lines_are_explained(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        assert_words(i, "result", read_line(refused[i].words) == OPTIONS_BAD);
        assert_words(i, "status", failure.status == EX_USAGE);
        assert_words(i, "one line", strchr(failure.message, '\n') == NULL && strlen(failure.message) < 200);
        for (size_t k = 0; k < COUNT(refused[i].pieces) && refused[i].pieces[k] != NULL; k++)
            assert_words(i, refused[i].pieces[k], strstr(failure.message, refused[i].pieces[k]) != NULL);
    }
}

static void addresses_are_bounded(void **state)
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

/* Longer than any message. */
static void long_words_are_no_harm(void **state)
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

/* options.h: strings borrow from the arguments. */
static void strings_are_borrowed(void **state)
{
    char root[] = "www", bind[] = "::1";
    char *arguments[] = {"tinyhttpd", "-b", bind, "-r", root, NULL};
    (void)state;
    assert_int_equal(options_read(5, arguments, &settings, &failure), OPTIONS_SERVE);
    assert_ptr_equal(settings.root, root);
    assert_ptr_equal(settings.binds[0], bind);
}

/* What the help says, on standard output. */
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

static void the_help_tells_all(void **state)
{
    static const char *const pieces[] = {
        "-r, --root", "-p, --port",    "-b, --bind", "-j, --workers", "-q, --quiet", "-v, --verbose",
        "-h, --help", "-V, --version", "DIR",        "8080",          "127.0.0.1",
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
        cmocka_unit_test(settings_are_filled_in),         cmocka_unit_test(the_user_is_taken_as_it_is),
        cmocka_unit_test(help_and_version_are_asked_for), cmocka_unit_test(wrong_command_lines_are_explained),
        cmocka_unit_test(addresses_are_bounded),          cmocka_unit_test(long_words_are_no_harm),
        cmocka_unit_test(strings_are_borrowed),           cmocka_unit_test(the_help_tells_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

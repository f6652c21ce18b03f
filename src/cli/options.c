#include "cli/options.h"

#include "base/text.h"
#include "cli/advice.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* The one table of options: what getopt_long takes, what --help says, what a mistyped name is compared with. */
struct option_row {
    char letter;
    const char *name;
    const char *value; /* how the help calls the argument; NULL where there is none */
    const char *help;
};

static const struct option_row rows[] = {
    {'r', "root", "DIR", "the directory to serve (default: the current one)"},
    {'p', "port", "PORT", "the TCP port, 0 for any that is free (default: 8080)"},
    {'b', "bind", "ADDRESS", "listen here; repeatable (default: 127.0.0.1 and ::1)"},
    {'j', "workers", "N", "worker processes (default: one for each usable CPU)"},
    {'u', "user", "USER", "workers become USER[:GROUP] (root's default: nobody)"},
    {'q', "quiet", NULL, "no banner and no access log, only errors"},
    {'v', "verbose", NULL, "also print the number of workers and their sandbox"},
    {'h', "help", NULL, "print this and exit"},
    {'V', "version", NULL, "print the version and exit"},
};
enum { ROWS = sizeof rows / sizeof *rows };

void options_print_help(void)
{
    printf("Usage: tinyhttpd [OPTION]... [DIR]\n"
           "Serve the files of a directory over HTTP/1.1.\n\n");
    for (size_t i = 0; i < ROWS; i++) {
        char shown[32];
        snprintf(shown, sizeof shown, "%s%s%s", rows[i].name, rows[i].value != NULL ? " " : "",
                 rows[i].value != NULL ? rows[i].value : "");
        printf("  -%c, --%-16s  %s\n", rows[i].letter, shown, rows[i].help);
    }
    printf("\nExample: tinyhttpd -r ./www -p 8080   then open http://localhost:8080/\n"
           "Ctrl-C or SIGTERM ends it after the answers in flight; a second one at once.\n");
}

/* The two forms in which getopt_long wants the table. */
static void fill_getopt(struct option *names, char *letters)
{
    *letters++ = ':'; /* a missing argument is told apart from an unknown option */
    for (size_t i = 0; i < ROWS; i++) {
        names[i] = (struct option){
            .name = rows[i].name,
            .has_arg = rows[i].value != NULL ? required_argument : no_argument,
            .val = rows[i].letter,
        };
        *letters++ = rows[i].letter;
        if (rows[i].value != NULL)
            *letters++ = ':';
    }
    names[ROWS] = (struct option){0};
    *letters = '\0';
}

static int fail_unknown(struct failure *failure, const char *typed)
{
    const char *name = typed + strspn(typed, "-"), *first = NULL;
    for (size_t i = 0; i < ROWS && typed[1] == '-' && *name != '\0'; i++) {
        if (strncmp(name, rows[i].name, strlen(name)) != 0)
            continue;
        if (first != NULL)
            return fail(failure, EX_USAGE, "option '%s' may be '--%s' or '--%s'", typed, first, rows[i].name);
        first = rows[i].name;
    }
    const char *words[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        words[i] = rows[i].name;
    const char *meant = advice_nearest(name, words, ROWS);
    if (meant != NULL)
        return fail(failure, EX_USAGE, "unknown option '%s'; did you mean '--%s'?", typed, meant);
    return fail(failure, EX_USAGE, "unknown option '%s'; 'tinyhttpd --help' lists what there is", typed);
}

/* True when `typed` is the long form, perhaps shortened, of the option with this letter. */
static bool is_long_form(const char *typed, int letter)
{
    if (strncmp(typed, "--", 2) != 0)
        return false;
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].letter == letter)
            return strncmp(typed + 2, rows[i].name, strcspn(typed + 2, "=")) == 0;
    }
    return letter == 0;
}

/*
 * Puts what getopt_long says into words. `typed` is the word it has just passed; with a letter inside a cluster such
 * as -qx that is some other word, and the letter alone tells.
 */
static int fail_option(struct failure *failure, int result, int letter, const char *typed)
{
    bool is_long = is_long_form(typed, letter);
    char shown[64];
    if (is_long)
        snprintf(shown, sizeof shown, "%.*s", (int)strcspn(typed, "="), typed);
    else
        snprintf(shown, sizeof shown, "-%c", letter);
    if (result == ':')
        return fail(failure, EX_USAGE, "option '%s' needs a value; 'tinyhttpd --help' shows which", shown);
    if (is_long && letter != 0)
        return fail(failure, EX_USAGE, "option '%s' takes no value", shown);
    return fail_unknown(failure, shown);
}

static int read_number(struct failure *failure, const char *option, const char *typed, uint64_t least,
                       uint64_t most, uint64_t *number)
{
    if (span_to_number(span_of(typed), number) && *number >= least && *number <= most)
        return 0;
    return fail(failure, EX_USAGE, "%s '%s': give a number from %llu to %llu", option, typed,
                (unsigned long long)least, (unsigned long long)most);
}

static int set_root(struct settings *settings, struct failure *failure, const char *typed)
{
    if (*typed == '\0')
        return fail(failure, EX_USAGE, "the root is empty; give a directory, such as '.'");
    if (settings->root != NULL && strcmp(settings->root, typed) != 0)
        return fail(failure, EX_USAGE, "two roots, '%s' and '%s'; one process serves one", settings->root,
                    typed);
    settings->root = typed;
    return 0;
}

static int add_bind(struct settings *settings, struct failure *failure, const char *typed)
{
    if (*typed == '\0')
        return fail(failure, EX_USAGE, "the address to bind is empty");
    if (settings->bind_count == LIMIT_LISTENERS)
        return fail(failure, EX_USAGE, "more than %d addresses to bind", LIMIT_LISTENERS);
    settings->binds[settings->bind_count++] = typed;
    return 0;
}

static int set_user(struct settings *settings, struct failure *failure, const char *typed)
{
    if (*typed == '\0' || *typed == ':')
        return fail(failure, EX_USAGE, "user '%s': give USER or USER:GROUP, by name or number", typed);
    settings->user = typed;
    return 0;
}

static int apply(struct settings *settings, struct failure *failure, int letter, const char *typed)
{
    uint64_t number = 0;
    int status = 0;
    switch (letter) {
    case 'r':
        return set_root(settings, failure, typed);
    case 'b':
        return add_bind(settings, failure, typed);
    case 'u':
        return set_user(settings, failure, typed);
    case 'p':
        status = read_number(failure, "port", typed, 0, UINT16_MAX, &number);
        settings->port = (uint16_t)number;
        return status;
    case 'j':
        status = read_number(failure, "workers", typed, 1, LIMIT_WORKERS, &number);
        settings->workers = (unsigned)number;
        return status;
    case 'q':
        settings->verbosity = VERBOSITY_QUIET;
        return 0;
    default:
        settings->verbosity = VERBOSITY_VERBOSE;
        return 0;
    }
}

enum options_result options_read(int count, char *const *arguments, struct settings *settings,
                                 struct failure *failure)
{
    struct option names[ROWS + 1];
    char letters[2 * ROWS + 2];
    int letter;
    fill_getopt(names, letters);
    *settings = (struct settings){.port = 8080, .index = "index.html", .verbosity = VERBOSITY_NORMAL};
    *failure = (struct failure){0};
    opterr = 0;
    optind = 0; /* getopt(3): start anew */
    for (;;) {
        letter = getopt_long(count, arguments, letters, names, NULL);
        if (letter < 0)
            break;
        if (letter == 'h')
            return OPTIONS_HELP;
        if (letter == 'V')
            return OPTIONS_VERSION;
        if (letter == '?' || letter == ':') {
            fail_option(failure, letter, optopt, arguments[optind - 1]);
            return OPTIONS_BAD;
        }
        if (apply(settings, failure, letter, optarg) != 0)
            return OPTIONS_BAD;
    }
    for (; optind < count; optind++) {
        if (set_root(settings, failure, arguments[optind]) != 0)
            return OPTIONS_BAD;
    }
    if (settings->root == NULL)
        settings->root = ".";
    return OPTIONS_SERVE;
}

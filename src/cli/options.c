#include "cli/options.h"

#include "base/text.h"
#include "cli/environment.h"
#include "cli/option_aliases.h"
#include "cli/suggest.h"
#include "cli/table.h"
#include "cli/values.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* The state of reading one command line. */
struct reading {
    struct settings *settings;
    struct failure *failure;
    bool given[TABLE_MAX];              /* on the command line, by row of the table */
    const struct option_row *valueless; /* the last option whose optional value was left out */
};

/* Strings of the settings that differ from the typed text. */
static struct values_arena arena;

/* ---- help ---- */

void options_print_help(void)
{
    printf("Usage: tinyhttpd [OPTION]... [DIR | FILE] [-- COMMAND [ARG]...]\n"
           "Serve the files of a directory, or one file, over HTTP/1.1. With COMMAND: run\n"
           "it with the address in TINYHTTPD_URL, and exit with its status when it ends.\n");
    for (size_t i = 0; i < table_count; i++) {
        const struct option_row *row = &table_rows[i];
        char shown[40], letter[8] = "   ";
        if (row->heading != NULL)
            printf("\n%s:\n", row->heading);
        if (table_has_letter(row))
            snprintf(letter, sizeof letter, "-%c,", row->key);
        snprintf(shown, sizeof shown, "%s%s%s%s", row->name,
                 row->takes == VALUE_OPTIONAL ? "[="
                 : row->takes == VALUE_NEEDED ? " "
                                              : "",
                 row->value != NULL ? row->value : "", row->takes == VALUE_OPTIONAL ? "]" : "");
        const char *gap = strlen(shown) > 16 ? "\n                        " : "";
        printf("  %s --%-16s%s %s\n", letter, shown, gap, row->help);
    }
    printf("\nAn option can also be set as TINYHTTPD_<NAME>, such as TINYHTTPD_NO_LIST=1. The\n"
           "command line overrides the environment. PORT is used if TINYHTTPD_PORT is unset.\n"
           "\nExample: tinyhttpd -r ./www -p 8080   then open http://localhost:8080/\n"
           "Ctrl-C or SIGTERM stops after the responses in flight; a second one at once.\n");
}

/* ---- getopt_long(3) and its errors ---- */

/* Converts the table to the two forms that getopt_long takes. */
static void fill_getopt(struct option *names, char *letters)
{
    static const int has_arg[] = {no_argument, required_argument, optional_argument};
    *letters++ = ':'; /* report a missing argument as ':', not as '?' */
    for (size_t i = 0; i < table_count; i++) {
        const struct option_row *row = &table_rows[i];
        names[i] = (struct option){.name = row->name, .has_arg = has_arg[row->takes], .val = row->key};
        if (!table_has_letter(row))
            continue;
        *letters++ = (char)row->key;
        if (row->takes == VALUE_NEEDED)
            *letters++ = ':';
    }
    names[table_count] = (struct option){0};
    *letters = '\0';
}

static int fail_equals(struct failure *failure)
{
    return fail(failure, EX_USAGE, "'=' is for long options, such as '--port=8080'; a letter has none: '-p 8080'");
}

static int fail_unknown(struct failure *failure, const char *typed)
{
    const char *name = typed + strspn(typed, "-"), *first = NULL;
    bool letter = typed[1] != '-';
    const char *alias = letter == (strlen(name) == 1) ? option_aliases_find(name) : NULL;
    if (alias != NULL)
        return fail(failure, EX_USAGE, "option '%s' %s", typed, alias);
    for (size_t i = 0; i < table_count && !letter && *name != '\0'; i++) {
        if (strncmp(name, table_rows[i].name, strlen(name)) != 0)
            continue;
        if (first != NULL)
            return fail(failure, EX_USAGE, "option '%s' is ambiguous; did you mean '--%s' or '--%s'?", typed, first,
                        table_rows[i].name);
        first = table_rows[i].name;
    }
    const char *words[TABLE_MAX];
    for (size_t i = 0; i < table_count; i++)
        words[i] = table_rows[i].name;
    const char *nearest = suggest_nearest(name, words, table_count);
    if (nearest != NULL)
        return fail(failure, EX_USAGE, "unknown option '%s'; did you mean '--%s'?", typed, nearest);
    return fail(failure, EX_USAGE, "unknown option '%s'; 'tinyhttpd --help' lists all options", typed);
}

/* True if `typed` is the long form of the option with this key, or an abbreviation of it. */
static bool is_long_form(const char *typed, int key)
{
    if (strncmp(typed, "--", 2) != 0)
        return false;
    const struct option_row *row = table_find(key);
    if (row != NULL)
        return strncmp(typed + 2, row->name, strcspn(typed + 2, "=")) == 0;
    return key == 0;
}

/* Writes the message for an error of getopt_long. `typed` is the last word that it consumed. For a letter in a cluster
   such as -qx that may be another word, so use only the letter. */
static int fail_option(struct failure *failure, int result, int key, const char *typed)
{
    bool is_long = is_long_form(typed, key);
    char shown[64];
    if (is_long)
        snprintf(shown, sizeof shown, "%.*s", (int)strcspn(typed, "="), typed);
    else
        snprintf(shown, sizeof shown, "-%c", key);
    if (result == ':')
        return fail(failure, EX_USAGE, "option '%s' needs a value; see 'tinyhttpd --help'", shown);
    if (is_long && key != 0)
        return fail(failure, EX_USAGE, "option '%s' takes no value; type '%s'", shown, shown);
    return key == '=' ? fail_equals(failure) : fail_unknown(failure, shown);
}

/* ---- the command line ---- */

static int apply_option(struct reading *reading, int key, const char *typed)
{
    const struct option_row *row = table_find(key);
    char name[32];
    snprintf(name, sizeof name, "--%s", row->name);
    reading->given[row - table_rows] = true;
    if (row->takes == VALUE_OPTIONAL && typed == NULL)
        reading->valueless = row;
    return values_apply(reading->settings, &arena, reading->failure, row, name, typed);
}

/* Reads the options; getopt_long moves the operands to the end. Returns OPTIONS_SERVE if all are valid. */
static enum options_result read_arguments(struct reading *reading, int count, char *const *arguments)
{
    struct option names[TABLE_MAX + 1];
    char letters[2 * TABLE_MAX + 2];
    int key;
    enum options_result result = OPTIONS_SERVE;
    /* A value can only be missing after the last word, but musl leaves optind beyond it, and moves the words. */
    const char *last = count > 0 ? arguments[count - 1] : "";
    fill_getopt(names, letters);
    opterr = 0;
    optind = 0; /* getopt(3): restart */
    while ((key = getopt_long(count, arguments, letters, names, NULL)) >= 0) {
        if (key == 'h')
            return OPTIONS_HELP;
        if (key == 'V')
            return OPTIONS_VERSION;
        if (key == '?' || key == ':') {
            fail_option(reading->failure, key, optopt, key == ':' ? last : arguments[optind - 1]);
            return OPTIONS_BAD;
        }
        const char *word = arguments[optind - 1];
        if (optarg != NULL && *optarg == '=' && optarg != word && optarg[-1] == key) { /* "-p=80" */
            fail_equals(reading->failure);
            return OPTIONS_BAD;
        }
        if (key == KEY_CHECK) {
            reading->settings->check = optarg;
            result = OPTIONS_CHECK;
        } else if (apply_option(reading, key, optarg) != 0) {
            return OPTIONS_BAD;
        }
    }
    return result;
}

/* Returns the index of the first "--", after which the command follows; `count` without one. */
static int find_command(int count, char *const *arguments)
{
    int at = 1;
    while (at < count && strcmp(arguments[at], "--") != 0)
        at++;
    return at < count ? at : count;
}

/* The first of two operands is often the value of an option that takes it only after "=". */
static int fail_roots(const struct reading *reading, const char *first, const char *second)
{
    const struct option_row *valueless = reading->valueless;
    if (valueless == NULL || *second == '\0')
        return reading->failure->status;
    return fail(reading->failure, EX_USAGE, "two roots, '%s' and '%s'; did you mean '--%s=%s'?",
                reading->settings->root, second, valueless->name, first);
}

/* The operand may be a directory or a file; cli/document_root checks the disk. */
static int read_operands(struct reading *reading, int count, char *const *arguments)
{
    for (int first = optind; optind < count; optind++) {
        if (values_set_root(reading->settings, reading->failure, arguments[optind]) != 0)
            return fail_roots(reading, arguments[first], arguments[optind]);
        if (!reading->given[table_find('r') - table_rows])
            reading->settings->file = arguments[optind];
        reading->given[table_find('r') - table_rows] = true;
    }
    return 0;
}

/* A command learns the port, so any free one will do. */
static int check_command(struct settings *settings, enum options_result result, struct failure *failure)
{
    if (settings->command == NULL)
        return 0;
    if (settings->command[0] == NULL)
        return fail(failure, EX_USAGE, "'--' needs a command after it, such as '-- npm test'");
    if (result == OPTIONS_CHECK)
        return fail(failure, EX_USAGE, "--check runs no command; leave out '-- %s'", settings->command[0]);
    if (!settings->port_chosen)
        settings->port = 0;
    return 0;
}

/* Checks what several options say together. Returns 0 or the failure's status. */
static int check_settings(struct settings *settings, enum options_result result, struct failure *failure)
{
    if (settings->lan && settings->bind_count > 0)
        return fail(failure, EX_USAGE, "--lan listens on all addresses; leave out '--bind %s' or '--lan'",
                    settings->binds[0]);
    if (settings->proxy_protocol && settings->trusted_proxy_count == 0 && !settings->trusts_unix)
        return fail(failure, EX_USAGE,
                    "--proxy-protocol needs the proxies' addresses; add '--trust-proxy 10.0.0.0/8', for instance");
    if (check_command(settings, result, failure) != 0)
        return failure->status;
    if (settings->base != NULL && !settings->dotfiles && text_dotfile_in(span_of(settings->base)).length > 0)
        return fail(failure, EX_USAGE, "--base '/%s/': names that begin with a dot are 404; add '--dotfiles'",
                    settings->base);
    if (settings->slow.rate > 0 && settings->workers > 1)
        return fail(failure, EX_USAGE,
                    "--slow needs a single worker, as all connections share its rate; leave out '--workers %u'",
                    settings->workers);
    if (settings->slow.rate > 0)
        settings->workers = 1;
    return 0;
}

enum options_result options_read(int count, char *const *arguments, struct settings *settings, struct failure *failure)
{
    struct reading reading = {.settings = settings, .failure = failure};
    *settings = (struct settings){.port = 8080, .drain = LIMIT_DRAIN_S, .verbosity = VERBOSITY_NORMAL};
    *failure = (struct failure){0};
    arena.used = 0;
    int words = find_command(count, arguments);
    if (words < count)
        settings->command = &arguments[words + 1];
    count = words;
    enum options_result result = read_arguments(&reading, count, arguments);
    if (result != OPTIONS_SERVE && result != OPTIONS_CHECK)
        return result;
    if (read_operands(&reading, count, arguments) != 0 ||
        environment_read(settings, &arena, reading.given, failure) != 0)
        return OPTIONS_BAD;
    if (check_settings(settings, result, failure) != 0)
        return OPTIONS_BAD;
    if (settings->index_count == 0)
        settings->index[settings->index_count++] = "index.html";
    if (settings->root == NULL)
        settings->root = ".";
    return result;
}

#include "cli/environment.h"

#include "cli/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char prefix[] = "TINYHTTPD_";
enum { PREFIX = sizeof prefix - 1, VARIABLE_NAME_MAX = 48 };

/* The arguments of environment_read(), for its helpers. */
struct reading {
    struct settings *settings;
    struct values_arena *arena;
    struct failure *failure;
};

static bool is_one_of(const char *typed, const char *a, const char *b, const char *c, const char *d)
{
    return strcmp(typed, a) == 0 || strcmp(typed, b) == 0 || strcmp(typed, c) == 0 || strcmp(typed, d) == 0;
}

/* Removes blanks at both ends. */
static char *trim(char *word)
{
    word += strspn(word, " \t");
    size_t length = strlen(word);
    while (length > 0 && (word[length - 1] == ' ' || word[length - 1] == '\t'))
        word[--length] = '\0';
    return word;
}

/* An empty variable is usually a mistake: a script or compose file expanded an unset one. */
static int fail_empty(struct failure *failure, const char *name)
{
    return fail(failure, EX_USAGE, "%s is empty; give it a value, or unset it", name);
}

/* Applies each member of a list; strtok_r(3) splits a copy in the arena. */
static int apply_list(const struct reading *reading, const struct option_row *row, const char *name, const char *typed)
{
    const char separators[] = {'\n', row->separator, '\0'};
    char *list = values_keep(reading->arena, typed, strlen(typed)), *rest = NULL;
    unsigned count = 0;
    if (list == NULL)
        return fail(reading->failure, EX_USAGE, "%s is too long; shorten it", name);
    for (char *next = strtok_r(list, separators, &rest); next != NULL; next = strtok_r(NULL, separators, &rest)) {
        const char *member = trim(next);
        if (*member == '\0')
            continue;
        if (values_apply(reading->settings, reading->arena, reading->failure, row, name, member) != 0)
            return reading->failure->status;
        count++;
    }
    return count > 0 ? 0 : fail_empty(reading->failure, name);
}

static int apply_variable(const struct reading *reading, const struct option_row *row, const char *name,
                          const char *typed)
{
    if (*typed == '\0')
        return fail_empty(reading->failure, name);
    if (row->separator != 0)
        return apply_list(reading, row, name, typed);
    if (row->takes != VALUE_NEEDED) {
        if (is_one_of(typed, "0", "false", "no", "off"))
            return 0;
        if (is_one_of(typed, "1", "true", "yes", "on"))
            typed = NULL;
        else if (row->takes == VALUE_NONE)
            return fail(reading->failure, EX_USAGE, "%s '%s': give 1 (yes) or 0 (no)", name, typed);
    }
    return values_apply(reading->settings, reading->arena, reading->failure, row, name, typed);
}

/* Writes TINYHTTPD_NO_LIST for "no-list". */
static void write_name(char name[static VARIABLE_NAME_MAX], const char *option)
{
    snprintf(name, VARIABLE_NAME_MAX, "%s%s", prefix, option);
    for (char *at = name; *at != '\0'; at++)
        *at = *at == '-' ? '_' : *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
}

/* Kubernetes sets TINYHTTPD_PORT=tcp://... in containers if a service is named tinyhttpd. */
static bool is_service_link(const char *typed)
{
    return strncmp(typed, "tcp://", 6) == 0 || strncmp(typed, "udp://", 6) == 0;
}

/* True if the command line has this option or one that excludes it. */
static bool is_overruled(const bool given[static TABLE_MAX], size_t row)
{
    static const int pairs[][2] = {{KEY_LIST, KEY_NO_LIST}, {'q', 'v'}, {'b', 'L'}};
    if (given[row] || table_rows[row].action)
        return true;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        for (unsigned k = 0; k < 2; k++) {
            if (table_rows[row].key == pairs[i][k] && given[table_find(pairs[i][1 - k]) - table_rows])
                return true;
        }
    }
    return false;
}

int environment_read(struct settings *settings, struct values_arena *arena, const bool given[static TABLE_MAX],
                     struct failure *failure)
{
    const struct reading reading = {settings, arena, failure};
    char name[VARIABLE_NAME_MAX];
    for (size_t i = 0; i < table_count; i++) {
        write_name(name, table_rows[i].name);
        const char *typed = getenv(name);
        if (typed == NULL || is_overruled(given, i) || is_service_link(typed))
            continue;
        if (apply_variable(&reading, &table_rows[i], name, typed) != 0)
            return failure->status;
    }
    const char *port = getenv("PORT"); /* set by Heroku and Cloud Run */
    if (port == NULL || settings->port_chosen)
        return 0;
    return apply_variable(&reading, table_find('p'), "PORT", port);
}

bool environment_hint(char *hint, size_t size)
{
    char names[TABLE_MAX][VARIABLE_NAME_MAX], typed[VARIABLE_NAME_MAX];
    const char *words[TABLE_MAX];
    for (size_t i = 0; i < table_count; i++) {
        write_name(names[i], table_rows[i].name);
        words[i] = names[i] + PREFIX;
    }
    for (char *const *variable = environ; variable != NULL && *variable != NULL; variable++) {
        size_t length = strcspn(*variable, "=");
        if (length >= sizeof typed || strncmp(*variable, prefix, PREFIX) != 0)
            continue;
        snprintf(typed, sizeof typed, "%.*s", (int)length, *variable);
        const char *nearest = suggest_nearest(typed + PREFIX, words, table_count);
        if (nearest == NULL || strcmp(nearest, typed + PREFIX) == 0)
            continue;
        snprintf(hint, size, "environment variable '%s' is unknown; did you mean '%s%s'?", typed, prefix, nearest);
        return true;
    }
    return false;
}

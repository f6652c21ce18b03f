/* The environment, from variables to the lines of every head. Each line of the input is "NAME=VALUE"; a vertical tab
   means a newline in the value. */
#include "cli/environment.h"

#include "answer/config.h"
#include "base/buffer.h"
#include "cli/options.h"
#include "http/response.h"
#include "lib/fuzz.h"
#include "site/store.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { VARIABLES_MAX = 48, HINT_MAX = 512 };

/* The variables that the input has set. */
struct variables {
    unsigned count;
    char *names[VARIABLES_MAX];
};

static void set_variable(struct variables *variables, struct span line)
{
    size_t equals = span_find(line, '=');
    char *name = strndup(line.at, equals);
    bool ours = strncmp(name, "TINYHTTPD_", 10) == 0 || strcmp(name, "PORT") == 0;
    if (!ours || equals == line.length) {
        free(name);
        return;
    }
    char *value = strndup(line.at + equals + 1, line.length - equals - 1);
    for (char *at = value; (at = strchr(at, '\v')) != NULL;)
        *at = '\n';
    CHECK(setenv(name, value, 1) == 0);
    free(value);
    variables->names[variables->count++] = name;
}

static void set_variables(struct variables *variables, struct span input)
{
    while (input.length > 0 && variables->count < VARIABLES_MAX)
        set_variable(variables, fuzz_take_line(&input));
}

static void unset_variables(struct variables *variables)
{
    while (variables->count > 0) {
        char *name = variables->names[--variables->count];
        CHECK(unsetenv(name) == 0);
        free(name);
    }
}

/* ---- the checks ---- */

static void check_hint(void)
{
    char hint[HINT_MAX];
    memset(hint, 'x', sizeof hint);
    if (environment_hint(hint, sizeof hint))
        CHECK(memchr(hint, '\0', sizeof hint) != NULL && strncmp(hint, "environment variable 'TINYHTTPD_", 32) == 0);
}

static void check_settings(const struct settings *settings)
{
    CHECK(settings->bind_count <= LIMIT_LISTENERS && settings->header_count <= LIMIT_HEADERS &&
          settings->type_count <= LIMIT_TYPE_OVERRIDES && settings->allowed_host_count <= LIMIT_ALLOWED_HOSTS &&
          settings->trusted_proxy_count <= LIMIT_TRUSTED_PROXIES && settings->workers <= LIMIT_WORKERS);
    CHECK(*settings->index[0] != '\0' && strlen(settings->index[0]) <= LIMIT_INDEX_NAME &&
          strchr(settings->index[0], '/') == NULL && strcmp(settings->index[0], "..") != 0);
    CHECK(settings->spa == NULL || (*settings->spa != '/' && strncmp(settings->spa, "../", 3) != 0));
    CHECK(settings->metrics == NULL || *settings->metrics == '/');
    CHECK(settings->open == NULL || *settings->open == '/');
    for (unsigned i = 0; i < settings->trusted_proxy_count; i++)
        CHECK(settings->trusted_proxies[i].bits <= 128);
    for (unsigned i = 0; i < settings->allowed_host_count; i++)
        CHECK(*settings->allowed_hosts[i] != '\0');
}

static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.at[i];
        if (!text_is_letter(byte) && !text_is_digit(byte) && (byte == '\0' || strchr("!#$%&'*+-.^_`|~", byte) == NULL))
            return false;
    }
    return text.length > 0;
}

/* Whole lines of "NAME: VALUE" (RFC 9112 5), without further line ends. */
static void check_lines(struct span lines)
{
    while (lines.length > 0) {
        size_t end = span_find(lines, '\r'), colon = span_find((struct span){lines.at, end}, ':');
        CHECK(end + 1 < lines.length && lines.at[end + 1] == '\n');
        CHECK(colon + 2 < end && lines.at[colon + 1] == ' ' && is_token((struct span){lines.at, colon}));
        for (size_t i = colon + 2; i < end; i++) {
            unsigned char byte = (unsigned char)lines.at[i];
            CHECK(byte == '\t' || (byte >= ' ' && byte != 0x7F));
        }
        lines = (struct span){lines.at + end + 2, lines.length - end - 2};
    }
}

/* The longest head of a file must fit into the room that the store keeps for it. */
static void check_head(const struct config *config, struct span cache)
{
    static const char date[] = "Sun, 06 Nov 1994 08:49:37 GMT";
    char type[ENTRY_TYPE_MAX - 1], etag[ENTRY_ETAG_MAX - 1], described[ENTRY_LINES_MAX];
    memset(type, 't', sizeof type);
    memset(etag, 'e', sizeof etag);
    const struct representation longest = {
        .type = {type, sizeof type},
        .last_modified = span_of(date),
        .etag = {etag, sizeof etag},
    };
    const struct response said = {.common = config->common, .cache = cache};
    size_t room = ENTRY_HEAD_MAX + config->extra_head_bytes;
    char *head = malloc(room);
    CHECK(head != NULL);
    struct buffer lines = BUFFER(described), text = {head, 0, room, false};
    response_describe(&lines, &longest);
    response_write_head(&said, &text, date, buffer_span(&lines), UINT64_MAX);
    CHECK(!lines.overflow && !text.overflow);
    CHECK(text.length - lines.length <= room - ENTRY_LINES_MAX);
    size_t status_line = span_find(buffer_span(&text), '\n') + 1;
    CHECK(text.length > status_line + 2 && memcmp(head + text.length - 4, "\r\n\r\n", 4) == 0);
    check_lines((struct span){head + status_line, text.length - status_line - 2});
    free(head);
}

static void check_policy(const struct settings *settings)
{
    static struct config config;
    config_open(&config, settings, false);
    check_lines(config.common);
    check_lines(config.cache);
    check_lines(config.immutable);
    check_lines(config.generated_cache);
    check_head(&config, config.cache);
    check_head(&config, config.immutable);
    for (unsigned i = 0; i < settings->cache_rule_count; i++) {
        check_lines(config.rules[i]);
        check_head(&config, config.rules[i]);
    }
}

static enum options_result read_options(struct settings *settings, struct failure *failure)
{
    char program[] = "tinyhttpd", *words[] = {program, NULL};
    return options_read(1, words, settings, failure);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct settings settings;
    static struct failure failure;
    struct variables variables = {0};
    set_variables(&variables, (struct span){(const char *)bytes, length});
    enum options_result result = read_options(&settings, &failure);
    CHECK(result == OPTIONS_SERVE || result == OPTIONS_BAD);
    CHECK(failure.status == (result == OPTIONS_BAD ? EX_USAGE : 0));
    CHECK((failure.message[0] != '\0') == (result == OPTIONS_BAD));
    if (result == OPTIONS_SERVE) {
        check_settings(&settings);
        check_policy(&settings);
    }
    check_hint();
    unset_variables(&variables);
    /* Nothing is left over. */
    CHECK(read_options(&settings, &failure) == OPTIONS_SERVE && settings.header_count == 0 && settings.bind_count == 0);
    return 0;
}

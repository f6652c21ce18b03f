/* The command line. Each line of the input is one word. */
#include "cli/options.h"

#include "lib/fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { WORDS_MAX = 64 };

/* Words as main() gets them: each ends with its only NUL. */
struct words {
    char *at[WORDS_MAX + 2];
    int count;
};

static void split(struct span input, struct words *words)
{
    *words = (struct words){.at = {strdup("tinyhttpd")}, .count = 1};
    while (input.length > 0 && words->count <= WORDS_MAX) {
        struct span word = fuzz_take_line(&input);
        words->at[words->count++] = strndup(word.at, word.length);
    }
}

static void drop(struct words *words)
{
    for (int i = 0; i < words->count; i++)
        free(words->at[i]);
}

/* A string of the settings is part of a word. */
static bool is_borrowed(const struct words *words, const char *string)
{
    for (int i = 1; i < words->count; i++) {
        if (string >= words->at[i] && string <= words->at[i] + strlen(words->at[i]))
            return true;
    }
    return false;
}

static void check_settings(const struct words *words, const struct settings *settings)
{
    CHECK(settings->root != NULL && *settings->root != '\0');
    CHECK(is_borrowed(words, settings->root) || strcmp(settings->root, ".") == 0);
    CHECK(settings->workers <= LIMIT_WORKERS);
    CHECK(settings->bind_count <= LIMIT_LISTENERS);
    for (unsigned i = 0; i < settings->bind_count; i++)
        CHECK(*settings->binds[i] != '\0' && (is_borrowed(words, settings->binds[i]) ||
                                              strncmp(settings->binds[i], "unix:", 5) == 0)); /* a copy of the path */
    CHECK(settings->header_count <= LIMIT_HEADERS && settings->type_count <= LIMIT_TYPE_OVERRIDES &&
          settings->allowed_host_count <= LIMIT_ALLOWED_HOSTS);
    for (unsigned i = 0; i < settings->header_count; i++) /* no line ends */
        CHECK(strpbrk(settings->headers[i], "\r\n") == NULL &&
              strchr(settings->headers[i], ':') > settings->headers[i]);
    for (unsigned i = 0; i < settings->type_count; i++)
        CHECK(strpbrk(settings->types[i].type, "\r\n") == NULL && *settings->types[i].name != '\0' &&
              strlen(settings->types[i].type) <= LIMIT_MEDIA_TYPE);
    CHECK(settings->cors == NULL ||
          (strpbrk(settings->cors, "\r\n ") == NULL && strlen(settings->cors) <= LIMIT_ORIGIN));
    CHECK(strlen(settings->index[0]) <= LIMIT_INDEX_NAME && strchr(settings->index[0], '/') == NULL);
    CHECK(settings->charset == NULL || strlen(settings->charset) <= LIMIT_CHARSET_NAME);
    CHECK(settings->spa == NULL || *settings->spa != '/');
    CHECK(settings->base == NULL ||
          (*settings->base != '\0' && *settings->base != '/' && strlen(settings->base) <= LIMIT_BASE &&
           settings->base[strlen(settings->base) - 1] != '/'));
    CHECK(settings->open == NULL || (*settings->open == '/' && strpbrk(settings->open, "\r\n ") == NULL));
    CHECK(settings->verbosity <= VERBOSITY_VERBOSE);
}

static void check_result(enum options_result result, const struct failure *failure)
{
    CHECK(result <= OPTIONS_BAD);
    CHECK(failure->status == (result == OPTIONS_BAD ? EX_USAGE : 0));
    CHECK((result == OPTIONS_BAD) == (failure->message[0] != '\0'));
    CHECK(memchr(failure->message, '\0', sizeof failure->message) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct words words;
    struct settings settings, again;
    struct failure failure, failure_again;
    split((struct span){(const char *)bytes, length}, &words);
    enum options_result result = options_read(words.count, words.at, &settings, &failure);
    check_result(result, &failure);
    if (result == OPTIONS_SERVE) {
        check_settings(&words, &settings);
        /* A second parse must not depend on the first. getopt(3) may have reordered the words. */
        CHECK(options_read(words.count, words.at, &again, &failure_again) == OPTIONS_SERVE);
        CHECK(again.port == settings.port && again.workers == settings.workers &&
              again.bind_count == settings.bind_count && strcmp(again.root, settings.root) == 0);
    }
    drop(&words);
    return 0;
}

#include "answer/rules.h"

#include "answer/error.h"
#include "base/hash.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sets of fields that are kept as a config: most sites have few. */
enum { CONFIGS = 8, TOLD_MAX = 20 };

/* The config of responses with certain fields: as if --header had given them. */
struct ruled_config {
    bool is_filled;
    unsigned given; /* its fields of --header, which come first */
    struct settings settings;
    struct config config;
    size_t used;
    char room[LIMIT_HEADER_BYTES + LIMIT_RULES_FIELDS]; /* "NAME: VALUE" and a NUL, one after the other */
};

/* A file of rules, as it was read last. */
struct rules_file {
    struct span name;
    bool is_there;
    char etag[ENTRY_ETAG_MAX];
    uint64_t hash; /* of the bytes, if there was no entity tag */
};

struct rules {
    const struct config *config; /* without the fields of _headers */
    struct rules_file redirects_file, headers_file;
    struct redirects *redirects; /* NULL: none */
    struct header_rules *headers;
    struct ruled_config configs[CONFIGS];
    struct context context;      /* of an exchange whose config is one of these */
    const struct context *plain; /* its own */
    struct header_fields fields; /* of the current exchange */
    struct span path; /* its target's, as the rules have it: with slashes as the client sent them */
    char room[LIMIT_TARGET + 2];
};

struct rules *rules_open(const struct config *config)
{
    struct rules *rules = calloc(1, sizeof *rules);
    if (rules == NULL)
        return NULL;
    rules->config = config;
    rules->redirects_file.name = SPAN("_redirects");
    rules->headers_file.name = SPAN("_headers");
    return rules;
}

void rules_close(struct rules *rules)
{
    if (rules == NULL)
        return;
    redirects_free(rules->redirects);
    header_rules_free(rules->headers);
    free(rules);
}

/* ---- reading the files ---- */

struct telling {
    const char *file;
    unsigned count;
    bool tells; /* else another worker has */
};

static void tell(void *context, unsigned line, const char *message)
{
    struct telling *telling = context;
    if (telling->tells && telling->count < TOLD_MAX)
        log_error("%s:%u: %s", telling->file, line, message);
    telling->count++;
}

/* Returns the bytes, `*own` if they were read from the descriptor into memory that the caller frees. */
static struct span read_bytes(const struct entry *entry, size_t max, char **own)
{
    *own = NULL;
    if (entry->bytes != NULL)
        return (struct span){entry->bytes, entry->size};
    size_t length = entry->size < max ? (size_t)entry->size : max;
    *own = malloc(length + 1);
    ssize_t got = *own != NULL ? pread(entry->fd, *own, length, 0) : -1;
    return got >= 0 ? (struct span){*own, (size_t)got} : SPAN_NONE;
}

static void drop(struct rules *rules, const struct rules_file *file)
{
    if (file == &rules->redirects_file) {
        redirects_free(rules->redirects);
        rules->redirects = NULL;
    } else {
        header_rules_free(rules->headers);
        rules->headers = NULL;
    }
}

static void parse(struct rules *rules, const struct rules_file *file, struct span bytes,
                  const struct context *context)
{
    enum rules_choice dialect = rules->config->settings->rules;
    struct telling telling = {.file = file->name.at,
                              .tells = metrics_tells(context->metrics, file->hash + file->name.length)};
    drop(rules, file);
    if (file == &rules->redirects_file)
        rules->redirects = redirects_parse(bytes, dialect, tell, &telling);
    else
        rules->headers = header_rules_parse(bytes, dialect, tell, &telling);
    if (telling.tells && telling.count > TOLD_MAX)
        log_error("%s: %u more lines are ignored", telling.file, telling.count - TOLD_MAX);
}

/* Parses the file unless it is the one that was read last. Its bytes are looked at only if no entity tag tells. */
static void read_file(struct rules *rules, struct rules_file *file, const struct entry *entry,
                      const struct context *context)
{
    char *own;
    bool has_same_etag = file->is_there && strcmp(file->etag, entry->etag) == 0;
    if (has_same_etag && entry->etag[0] != '\0')
        return;
    struct span bytes = read_bytes(entry, rules_text_max(rules->config->settings->rules) + 1, &own);
    uint64_t hash = hash_bytes(bytes);
    if (!has_same_etag || file->hash != hash) {
        file->is_there = true;
        memcpy(file->etag, entry->etag, sizeof file->etag);
        file->hash = hash;
        parse(rules, file, bytes, context);
    }
    free(own);
}

/* Returns 0 or a status of the store. A file that may not be read is as if it were not there, as for a path. */
static int refresh(struct rules *rules, struct rules_file *file, const struct exchange *exchange)
{
    const struct context *context = exchange->context;
    struct entry *entry;
    int status = store_find(context->store, file->name, exchange->iteration, &entry);
    if (status == 0 && entry->kind == ENTRY_FILE) {
        read_file(rules, file, entry, context);
    } else {
        file->is_there = false;
        drop(rules, file);
    }
    if (status == 0)
        store_release(context->store, entry);
    return status == 404 || status == 403 ? 0 : status;
}

/* ---- the fields of _headers ---- */

/* True for the config of these fields, by their text: a file that was edited needs no other sign. */
static bool is_same(const struct ruled_config *ruled, const struct header_fields *fields)
{
    const struct settings *settings = &ruled->settings;
    if (!ruled->is_filled || settings->header_count != ruled->given + fields->count)
        return false;
    for (unsigned i = 0; i < fields->count; i++) {
        const struct header_field *field = &fields->fields[i];
        struct span line = span_of(settings->headers[ruled->given + i]);
        size_t name = field->name.length;
        if (line.length != name + 2 + field->value.length || !span_begins(line, field->name) ||
            !span_equal(span_from(line, name + 2), field->value))
            return false;
    }
    return true;
}

static bool is_overruled(const char *header, const struct header_fields *fields)
{
    struct span name = {header, span_find(span_of(header), ':')};
    for (unsigned i = 0; i < fields->count; i++) {
        if (span_equal_nocase(fields->fields[i].name, name))
            return true;
    }
    return false;
}

/* Keeps the fields of --header that no rule overrules. Returns their bytes. */
static size_t keep_given(const struct settings *given, const struct header_fields *fields,
                         struct settings *settings)
{
    size_t bytes = 0;
    settings->header_count = 0;
    for (unsigned i = 0; i < given->header_count; i++) {
        if (is_overruled(given->headers[i], fields))
            continue;
        settings->headers[settings->header_count++] = given->headers[i];
        bytes += strlen(given->headers[i]) + 2;
    }
    return bytes;
}

static const char *write_field(struct ruled_config *ruled, const struct header_field *field)
{
    struct buffer text = {ruled->room, ruled->used, sizeof ruled->room, false};
    buffer_append(&text, field->name);
    buffer_append(&text, SPAN(": "));
    buffer_append(&text, field->value);
    buffer_byte(&text, '\0');
    const char *at = ruled->room + ruled->used;
    if (!text.overflow)
        ruled->used = text.length;
    return text.overflow ? NULL : at;
}

/* Once for all workers and each version of the file. */
static void tell_overflow(const struct rules *rules)
{
    if (metrics_tells(rules->context.metrics, ~rules->headers_file.hash))
        log_error("_headers: the fields of a path have more than %d bytes, with those of --header; some are "
                  "left out",
                  LIMIT_HEADER_BYTES);
}

static void fill(struct rules *rules, struct ruled_config *ruled, const struct header_fields *fields)
{
    ruled->settings = *rules->config->settings;
    size_t bytes = keep_given(rules->config->settings, fields, &ruled->settings);
    ruled->given = ruled->settings.header_count;
    ruled->used = 0;
    for (unsigned i = 0; i < fields->count && i < LIMIT_RULES_FIELDS; i++) {
        const char *line = write_field(ruled, &fields->fields[i]);
        bytes += line != NULL ? strlen(line) + 2 : 0;
        if (line == NULL || bytes > LIMIT_HEADER_BYTES) {
            tell_overflow(rules);
            break;
        }
        ruled->settings.headers[ruled->settings.header_count++] = line;
    }
    config_open(&ruled->config, &ruled->settings, rules->config->check_host);
    ruled->config.is_ruled = ruled->config.caches_by_path = true;
    ruled->is_filled = true;
}

static void use_fields(struct rules *rules, struct exchange *exchange)
{
    uint64_t id =
        rules->headers != NULL ? header_rules_match(rules->headers, rules->path, &rules->fields) : 0;
    if (id == 0 || rules->fields.count == 0)
        return;
    struct ruled_config *ruled = &rules->configs[id % CONFIGS];
    rules->plain = exchange->context;
    rules->context = *exchange->context;
    if (rules->fields.overflow)
        tell_overflow(rules);
    if (!is_same(ruled, &rules->fields))
        fill(rules, ruled, &rules->fields);
    rules->context.config = &ruled->config;
    exchange->context = &rules->context;
    exchange->response->common = ruled->config.common;
    exchange->response->cache = ruled->config.generated_cache;
}

void rules_forget(struct exchange *exchange)
{
    const struct rules *rules = exchange->context->rules;
    if (rules == NULL || exchange->context != &rules->context)
        return;
    exchange->context = rules->plain;
    exchange->response->common = rules->config->common;
}

/* ---- the rules of _redirects ---- */

static struct span write_path(struct rules *rules, const struct target *target)
{
    struct buffer path = BUFFER(rules->room);
    buffer_byte(&path, '/');
    buffer_append(&path, target->path);
    if (target->slash && target->path.length > 0)
        buffer_byte(&path, '/');
    return buffer_filled(&path);
}

enum rules_outcome rules_begin(struct exchange *exchange)
{
    struct rules *rules = exchange->context->rules;
    int status = refresh(rules, &rules->redirects_file, exchange);
    if (status == 0)
        status = refresh(rules, &rules->headers_file, exchange);
    if (status != 0) {
        exchange->status = status;
        return RULES_ERROR;
    }
    rules->path = write_path(rules, exchange->target);
    use_fields(rules, exchange);
    return RULES_NONE;
}

/* A target that is too long names no file. */
static void rewrite(struct exchange *exchange, const struct redirect *match)
{
    char room[LIMIT_TARGET];
    struct buffer path = BUFFER(room);
    bool slash = false;
    if (!redirect_write_target(match, &path, &slash))
        path.length = 0;
    target_replace(exchange->target, buffer_span(&path), slash);
    exchange->status = match->status;
    exchange->is_rewritten = true;
    exchange->refused = (struct refused){0};
    exchange->denied_index = SPAN_NONE;
    exchange->denied = false;
}

enum rules_outcome rules_apply(struct exchange *exchange, enum redirects_pass pass)
{
    struct rules *rules = exchange->context->rules;
    struct redirect match;
    if (rules->redirects == NULL ||
        !redirects_match(rules->redirects, rules->path, exchange->target->query, pass, &match))
        return RULES_NONE;
    exchange->has_rule = true;
    if (match.rewrite) {
        rewrite(exchange, &match);
        return RULES_REWRITE;
    }
    struct buffer *text = &exchange->response->text;
    size_t start = text->length;
    bool slash;
    if (!redirect_write_target(&match, text, &slash) || text->length - start > ERROR_LINE_MAX - 32) {
        text->length = start;
        text->overflow = false;
        exchange->status = 414;
        return RULES_ERROR;
    }
    exchange->location = (struct span){text->at + start, text->length - start};
    exchange->status = match.status;
    return RULES_REDIRECT;
}

/* A path is relative to the site's root, which --base moves. */
void rules_answer_redirect(struct exchange *exchange)
{
    char room[ERROR_LINE_MAX + 3 * LIMIT_BASE];
    struct buffer line = BUFFER(room);
    struct span base = exchange->context->config->base;
    buffer_append(&line, SPAN("Location: "));
    if (base.length > 0 && span_begins(exchange->location, SPAN("/"))) {
        buffer_byte(&line, '/');
        buffer_uri_path(&line, base);
    }
    buffer_append(&line, exchange->location);
    buffer_append(&line, SPAN("\r\n"));
    error_answer(exchange, exchange->status, buffer_filled(&line));
}

/* A rule of the first pass precedes all of the second. */
__attribute__((cold)) void rules_account_for(const struct exchange *exchange, struct rules_account *account)
{
    const struct rules *rules = exchange->context->rules;
    struct span query = exchange->target->query;
    account->path = rules->path;
    account->has_redirects = rules->redirects != NULL;
    account->is_forced = exchange->has_rule && redirects_match(rules->redirects, rules->path, query,
                                                               REDIRECTS_FORCED, &account->match);
    account->applied =
        account->is_forced || (exchange->has_rule && redirects_match(rules->redirects, rules->path, query,
                                                                     REDIRECTS_MISSING, &account->match));
    account->fields = exchange->context == &rules->context ? &rules->fields : NULL;
}

#include "answer/rules.h"

#include "base/hash.h"
#include "base/log.h"
#include "http/header_rules.h"
#include "site/file_error.h"
#include "site/file_stamp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Sets of fields that are kept as a config: most sites have few. */
enum { CONFIGS = 8, TOLD_MAX = 20, KNOWN_PATHS = 64, KNOWN_PATH_MAX = 96 };

/* The config of responses with certain fields: as if --header had given them. */
struct ruled_config {
    unsigned given; /* its fields of --header, which come first */
    struct settings settings;
    struct config config;
    size_t used;
    char room[LIMIT_HEADER_BYTES + LIMIT_RULES_FIELDS]; /* "NAME: VALUE" and a NUL, one after the other */
};

/* A path whose fields are known. Most requests of a site are for few paths. */
struct known_path {
    uint64_t version;           /* of the files */
    struct ruled_config *ruled; /* NULL: it has no fields */
    uint64_t id;                /* of the config, whose place may have another one by now */
    bool unforced;              /* no rule that comes before files matches it, whatever the query */
    size_t length;
    char path[KNOWN_PATH_MAX];
};

/* A file of rules, as it was read last. */
struct rules_file {
    struct span name;
    enum metrics_topic topic;
    bool is_there;
    char etag[ENTRY_ETAG_MAX];
    struct file_stamp stamp; /* as the entity tag of a large file may be another's, too */
    uint64_t hash;           /* of the bytes */
};

struct rules {
    const struct config *config; /* without the fields of _headers */
    struct rules_file redirects_file, headers_file;
    struct redirects *redirects; /* NULL: none */
    struct header_rules *headers;
    uint64_t iteration;             /* in which the files were found as they are here; 0: none */
    uint64_t filled;                /* how many configs were made */
    uint64_t version;               /* counts those of the files */
    uint64_t found[METRICS_TOPICS]; /* the version that was given to metrics_tells() last; 0: none */
    struct ruled_config configs[CONFIGS];
    struct known_path known[KNOWN_PATHS];
    struct context context;      /* of an exchange whose config is one of these */
    const struct context *plain; /* its own */
    struct header_fields fields; /* of the current exchange */
    bool unforced;               /* as of its path */
    struct span path;            /* its target's, as the rules have it: with slashes as the client sent them */
    char room[LIMIT_TARGET + 2];
};

struct rules *rules_open(const struct config *config)
{
    struct rules *rules = calloc(1, sizeof *rules);
    if (rules == NULL)
        return NULL;
    rules->config = config;
    rules->redirects_file = (struct rules_file){.name = SPAN("_redirects"), .topic = TOPIC_REDIRECTS};
    rules->headers_file = (struct rules_file){.name = SPAN("_headers"), .topic = TOPIC_HEADERS};
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

/* The version of a file that can't be read. */
enum { UNREADABLE = 1 };

/* True once for all workers and each version, as long as that is the last one. */
static bool tells(struct rules *rules, enum metrics_topic topic, uint64_t version, const struct context *context)
{
    if (rules->found[topic] == version)
        return false;
    rules->found[topic] = version;
    return metrics_tells(context->metrics, topic, version);
}

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

static void drop(struct rules *rules, struct rules_file *file)
{
    if (!file->is_there)
        return;
    file->is_there = false;
    rules->version++;
    if (file == &rules->redirects_file) {
        redirects_free(rules->redirects);
        rules->redirects = NULL;
    } else {
        header_rules_free(rules->headers);
        rules->headers = NULL;
    }
}

/* False without memory. */
static bool parse(struct rules *rules, const struct rules_file *file, struct span bytes, const struct context *context)
{
    enum rules_choice dialect = rules->config->settings->rules;
    struct telling telling = {.file = file->name.at, .tells = tells(rules, file->topic, file->hash, context)};
    if (file == &rules->redirects_file)
        rules->redirects = redirects_parse(bytes, dialect, tell, &telling);
    else
        rules->headers = header_rules_parse(bytes, dialect, tell, &telling);
    if (telling.tells && telling.count > TOLD_MAX)
        log_error("%s: %u more lines are ignored", telling.file, telling.count - TOLD_MAX);
    return file == &rules->redirects_file ? rules->redirects != NULL : rules->headers != NULL;
}

/* Parses the bytes unless they are those that were read last. Returns 0 or a status. */
static int take_bytes(struct rules *rules, struct rules_file *file, const struct entry *entry, struct span bytes,
                      const struct context *context)
{
    uint64_t hash = hash_bytes(bytes);
    file->stamp = *store_stamp(entry);
    if (file->is_there && strcmp(file->etag, entry->etag.at) == 0 && file->hash == hash)
        return 0;
    drop(rules, file);
    file->hash = hash;
    if (!parse(rules, file, bytes, context))
        return file_error_status_of_open(ENOMEM, file->name);
    memcpy(file->etag, entry->etag.at, sizeof file->etag);
    file->is_there = true;
    rules->version++; /* also of a file that was not there before */
    return 0;
}

/* Reads the bytes unless they are those of the last time, by their entity tag and stamp. Returns 0 or a status. */
static int take_file(struct rules *rules, struct rules_file *file, struct entry *entry, const struct context *context)
{
    if (file->is_there && entry->etag.length > 0 && strcmp(file->etag, entry->etag.at) == 0 &&
        file_stamp_equal(&file->stamp, store_stamp(entry)))
        return 0;
    if (entry->bytes != NULL)
        return take_bytes(rules, file, entry, (struct span){entry->bytes, entry->size}, context);
    size_t max = rules_text_max(rules->config->settings->rules) + 1, length;
    char *bytes = malloc(max);
    if (bytes == NULL)
        return file_error_status_of_open(ENOMEM, file->name);
    int status = store_read(entry, bytes, max, &length);
    if (status == 0)
        status = take_bytes(rules, file, entry, (struct span){bytes, length}, context);
    free(bytes);
    return status;
}

/* Returns 0 or a status. A file that may not be read is as if it were not there, as for a path. */
static int refresh(struct rules *rules, struct rules_file *file, const struct exchange *exchange)
{
    const struct context *context = exchange->context;
    struct entry *entry;
    int status = store_find(context->store, file->name, exchange->iteration, &entry);
    if (status == 0 && entry->kind == ENTRY_FILE)
        status = take_file(rules, file, entry, context);
    else if (status == 0 || status == 404 || status == 403)
        drop(rules, file);
    if (status == 403 && tells(rules, file->topic, UNREADABLE, context))
        log_error("%s can't be read by the workers' user; its rules are ignored", file->name.at);
    if (entry != NULL)
        store_release(context->store, entry);
    return status == 404 || status == 403 ? 0 : status;
}

/* Once for all requests of a batch. A failure is not remembered: no request is answered without the rules. */
static int refresh_both(struct rules *rules, const struct exchange *exchange)
{
    if (exchange->iteration != 0 && rules->iteration == exchange->iteration)
        return 0;
    rules->iteration = 0;
    int status = refresh(rules, &rules->redirects_file, exchange);
    if (status == 0)
        status = refresh(rules, &rules->headers_file, exchange);
    if (status == 0)
        rules->iteration = exchange->iteration;
    return status;
}

/* ---- the fields of _headers ---- */

/* True for the config of these fields, by their text: a file that was edited needs no other sign. */
static bool is_same(const struct ruled_config *ruled, const struct header_fields *fields)
{
    const struct settings *settings = &ruled->settings;
    if (settings->header_count != ruled->given + fields->count)
        return false;
    for (unsigned i = 0; i < fields->count; i++) {
        const struct header_field *field = &fields->fields[i];
        const char *line = settings->headers[ruled->given + i];
        size_t name = field->name.length;
        if (!span_begins(span_of(line), field->name) || line[name] != ':' ||
            !span_equal(span_of(line + name + 2), field->value))
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
static size_t keep_given(const struct settings *given, const struct header_fields *fields, struct settings *settings)
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
    const char *line = ruled->room + ruled->used;
    buffer_append(&text, field->name);
    buffer_append(&text, SPAN(": "));
    buffer_append(&text, field->value);
    buffer_byte(&text, '\0');
    ruled->used = buffer_filled(&text).length;
    return line;
}

static void tell_overflow(struct rules *rules)
{
    if (tells(rules, TOPIC_LONG_FIELDS, rules->headers_file.hash, rules->plain))
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
    for (unsigned i = 0; i < fields->count; i++) {
        bytes += fields->fields[i].name.length + fields->fields[i].value.length + 4; /* ": " and CRLF */
        if (bytes > LIMIT_HEADER_BYTES) {
            tell_overflow(rules);
            break;
        }
        ruled->settings.headers[ruled->settings.header_count++] = write_field(ruled, &fields->fields[i]);
    }
    config_open(&ruled->config, &ruled->settings, rules->config->check_host);
    ruled->config.id = ++rules->filled;
    ruled->config.is_long = ruled->config.extra_head_bytes > rules->config->extra_head_bytes + LIMIT_RULES_HEAD;
    ruled->config.caches_by_path |= ruled->config.is_long;
}

/* The config of responses with the current fields. */
static struct ruled_config *find_config(struct rules *rules)
{
    for (unsigned i = 0; i < CONFIGS; i++) {
        if (is_same(&rules->configs[i], &rules->fields))
            return &rules->configs[i];
    }
    struct ruled_config *oldest = &rules->configs[rules->filled % CONFIGS];
    fill(rules, oldest, &rules->fields);
    return oldest;
}

static bool is_known(const struct rules *rules, const struct known_path *known)
{
    return known->version == rules->version && (known->ruled == NULL || known->ruled->config.id == known->id) &&
           span_equal((struct span){known->path, known->length}, rules->path);
}

/* The place of the current path, which may have another one. */
static struct known_path *place_of_path(struct rules *rules)
{
    return &rules->known[hash_bytes(rules->path) % KNOWN_PATHS];
}

static void learn(struct rules *rules, struct known_path *known)
{
    struct redirect match;
    rules->fields.count = 0;
    if (rules->headers != NULL) {
        header_rules_match(rules->headers, rules->path, &rules->fields);
        if (rules->fields.overflow)
            tell_overflow(rules);
    }
    known->version = rules->version;
    known->ruled = rules->fields.count > 0 ? find_config(rules) : NULL;
    known->id = known->ruled != NULL ? known->ruled->config.id : 0;
    known->unforced = rules->config->settings->rules == RULES_CLOUDFLARE && rules->redirects != NULL &&
                      !redirects_match(rules->redirects, rules->path, SPAN_NONE, REDIRECTS_FORCED, &match);
    known->length = rules->path.length <= KNOWN_PATH_MAX ? rules->path.length : 0;
    memcpy(known->path, rules->path.at, known->length);
}

static void use_fields(struct rules *rules, struct exchange *exchange)
{
    struct known_path *known = place_of_path(rules);
    rules->plain = exchange->context;
    if (!is_known(rules, known))
        learn(rules, known);
    rules->unforced = known->unforced;
    if (known->ruled == NULL)
        return;
    rules->context = *exchange->context;
    rules->context.config = &known->ruled->config;
    exchange->context = &rules->context;
    exchange->response->common = rules->context.config->common;
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
    size_t length = target->path.length;
    rules->room[0] = rules->room[1 + length] = '/';
    memcpy(rules->room + 1, target->path.at, length);
    return (struct span){rules->room, 1 + length + (target->slash && length > 0)};
}

enum rules_outcome rules_begin(struct exchange *exchange)
{
    struct rules *rules = exchange->context->rules;
    exchange->status = refresh_both(rules, exchange);
    if (exchange->status != 0)
        return RULES_ERROR;
    rules->path = write_path(rules, exchange->target);
    use_fields(rules, exchange);
    return RULES_NONE;
}

/* A target that is too long, or has NUL, names no file. */
static enum rules_outcome rewrite(struct exchange *exchange, const struct redirect *match)
{
    char room[LIMIT_TARGET];
    struct buffer path = BUFFER(room);
    bool slash = false;
    exchange->status = match->status;
    exchange->is_rewritten = true;
    exchange->refused = (struct refused){0};
    exchange->denied_index = SPAN_NONE;
    exchange->denied = false;
    if (!redirect_write_target(match, &path, &slash))
        return RULES_NOWHERE;
    target_replace(exchange->target, buffer_span(&path), slash);
    return RULES_REWRITE;
}

enum rules_outcome rules_apply(struct exchange *exchange, enum redirects_pass pass)
{
    struct rules *rules = exchange->context->rules;
    struct redirect match;
    if (rules->redirects == NULL || (pass == REDIRECTS_FORCED && rules->unforced) ||
        !redirects_match(rules->redirects, rules->path, exchange->target->query, pass, &match))
        return RULES_NONE;
    exchange->has_rule = true;
    if (match.rewrite)
        return rewrite(exchange, &match);
    struct buffer *text = &exchange->response->text;
    size_t start = text->length;
    bool slash;
    if (!redirect_write_target(&match, text, &slash)) {
        text->length = start;
        text->overflow = false;
        exchange->status = 414;
        return RULES_ERROR;
    }
    exchange->location = (struct span){text->at + start, text->length - start};
    exchange->status = match.status;
    return RULES_REDIRECT;
}

/* A rule of the first pass precedes all of the second. */
__attribute__((cold)) void rules_account_for(const struct exchange *exchange, struct rules_account *account)
{
    struct rules *rules = exchange->context->rules;
    struct span query = exchange->target->query;
    account->path = rules->path;
    account->has_redirects = rules->redirects != NULL;
    account->is_forced =
        exchange->has_rule && redirects_match(rules->redirects, rules->path, query, REDIRECTS_FORCED, &account->match);
    account->applied = account->is_forced ||
                       (exchange->has_rule &&
                        redirects_match(rules->redirects, rules->path, query, REDIRECTS_MISSING, &account->match));
    if (exchange->context == &rules->context) {
        header_rules_match(rules->headers, rules->path, &rules->fields);
        account->fields = &rules->fields;
        const struct ruled_config *ruled = place_of_path(rules)->ruled;
        account->sent = ruled->settings.header_count - ruled->given;
    }
}

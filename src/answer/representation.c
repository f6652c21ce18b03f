#include "answer/representation.h"

#include "base/date.h"
#include "http/negotiate.h"
#include "site/hashed_name.h"
#include "site/mime.h"

#include <string.h>
#include <unistd.h>

/* RFC 9110 8.8.2.2: a date has seconds only, so within its second the file may change again and keep its date. Until
   the entry is settled, its times can't be trusted either. */
static bool is_steady(const struct exchange *exchange)
{
    return exchange->entry->settled && exchange->entry->modified < exchange->context->now;
}

/* Reproducible builds give all files the same old date, which can't tell versions apart. */
static struct span last_modified_of(const struct exchange *exchange)
{
    const struct entry *entry = exchange->entry;
    return is_steady(exchange) && !date_is_placeholder(entry->modified)
               ? (struct span){entry->last_modified, DATE_LENGTH}
               : SPAN_NONE;
}

static bool is_html(const struct entry *entry)
{
    return span_begins(entry->type, SPAN("text/html")) && entry->coding == NULL;
}

static bool is_beneath(struct span path, struct span prefix)
{
    return prefix.length == 0 ||
           (span_begins(path, prefix) && (path.length == prefix.length || path.at[prefix.length] == '/'));
}

/* The longest prefix wins, the last of two equal ones. HTML is never immutable: it names the files that are. */
const struct cache_rule *representation_cache_rule(const struct exchange *exchange, bool is_page)
{
    const struct settings *settings = exchange->context->config->settings;
    const struct cache_rule *best = NULL;
    for (unsigned i = 0; i < settings->cache_rule_count; i++) {
        const struct cache_rule *rule = &settings->cache_rules[i];
        bool longer = best == NULL || strlen(rule->prefix) >= strlen(best->prefix);
        if (longer && !(is_page && rule->cache == CACHE_IMMUTABLE) && is_beneath(exchange->path, span_of(rule->prefix)))
            best = rule;
    }
    return best;
}

__attribute__((cold, noinline)) static struct span cache_by_path(struct exchange *exchange)
{
    const struct config *config = exchange->context->config;
    const struct settings *settings = config->settings;
    if (config->is_long) /* asked here, where requests without --rules don't come */
        exchange->steady = false;
    if (config->rules[0].length == 0 && config->immutable.length == 0)
        return config->cache;
    const char *type = exchange->coding == CODING_IDENTITY ? exchange->entry->type.at : mime_of_name(exchange->path);
    bool is_page = strncmp(type, "text/html", 9) == 0;
    const struct cache_rule *best = representation_cache_rule(exchange, is_page);
    if (best != NULL)
        return config->rules[best - settings->cache_rules];
    bool hashed = config->immutable.length > 0 && !is_page && hashed_name_matches(exchange->path);
    return hashed ? config->immutable : config->cache;
}

/* May depend on the entry only, as the line is part of the cached header. */
static struct span cache_of(struct exchange *exchange)
{
    const struct config *config = exchange->context->config;
    return config->caches_by_path ? cache_by_path(exchange) : config->cache;
}

void representation_of_original(struct exchange *exchange)
{
    exchange->representation = (struct representation){
        .type = exchange->entry->type,
        .etag = exchange->entry->etag,
        .last_modified = last_modified_of(exchange),
    };
    exchange->steady = is_steady(exchange);
    exchange->cache = cache_of(exchange);
}

/* ---- encoded siblings ---- */

const struct coded_form representation_forms[CODINGS] = {
    [CODING_GZIP] = {SIBLING_GZ, SPAN_INIT("gzip")},
    [CODING_ZSTD] = {SIBLING_ZST, SPAN_INIT("zstd")},
    [CODING_BR] = {SIBLING_BR, SPAN_INIT("br")},
};

/* Players seek by ranges, and a range of an encoded file counts encoded bytes. */
static bool is_seekable(struct span type)
{
    return span_begins(type, SPAN("audio/")) || span_begins(type, SPAN("video/"));
}

/* Bits 1 << enum coding. */
static unsigned available_codings(const struct exchange *exchange)
{
    unsigned siblings = store_siblings(exchange->context->store, exchange->entry, exchange->iteration);
    unsigned available = 1U << CODING_IDENTITY;
    for (unsigned coding = CODING_IDENTITY + 1; siblings != 0 && coding < CODINGS; coding++) {
        if ((siblings & 1U << representation_forms[coding].sibling) != 0)
            available |= 1U << coding;
    }
    return available;
}

/* Copies the bytes into the response's text, so that they live as long as the response. */
static struct span keep(struct response *response, struct span bytes)
{
    size_t start = response->text.length;
    buffer_append(&response->text, bytes);
    return (struct span){response->text.at + start, bytes.length};
}

/* Inserts "-SUFFIX" before the last quote of an entity tag: two encodings of a file need different tags even if their
   bytes are equal (RFC 9110 8.8.3.3). */
static struct span keep_suffixed_etag(struct response *response, struct span etag, struct span suffix)
{
    if (etag.length == 0)
        return SPAN_NONE;
    struct span kept = keep(response, (struct span){etag.at, etag.length - 1});
    buffer_append(&response->text, SPAN("-"));
    buffer_append(&response->text, suffix);
    buffer_append(&response->text, SPAN("\""));
    return (struct span){kept.at, kept.length + suffix.length + 2};
}

/* Describes the exchange's entry as an encoded form. */
static void describe_encoded(struct exchange *exchange, struct span type, enum coding coding)
{
    struct span name = representation_forms[coding].name;
    exchange->steady = false; /* the original may change alone */
    exchange->representation = (struct representation){
        .type = type,
        .coding = name,
        .etag = keep_suffixed_etag(exchange->response, exchange->entry->etag, name),
        .last_modified = last_modified_of(exchange),
    };
}

/* Replaces the exchange's entry by the sibling, which gets the original's type. */
static void select_sibling(struct exchange *exchange, struct entry *sibling, enum coding coding)
{
    struct span type = keep(exchange->response, exchange->representation.type);
    store_release(exchange->context->store, exchange->entry);
    exchange->entry = sibling;
    describe_encoded(exchange, type, coding);
}

/* ---- files that are encoded themselves ---- */

/* The type of a name whose file was not read. */
static struct span keep_type_of_name(const struct exchange *exchange)
{
    struct buffer *text = &exchange->response->text;
    size_t start = text->length;
    store_append_type_of_name(exchange->context->store, exchange->path, text);
    return (struct span){text->at + start, text->length - start};
}

static enum coding coding_named(const char *name)
{
    unsigned coding = CODING_IDENTITY + 1;
    while (!span_equal(representation_forms[coding].name, span_of(name)))
        coding++;
    return coding;
}

/* A client that accepts no coding gets the file's bytes without Content-Encoding, to save them (RFC 9110 12.5.3). */
static bool select_undecoded(struct exchange *exchange, enum coding coding)
{
    static const struct span types[CODINGS] = {
        [CODING_GZIP] = SPAN_INIT("application/gzip"),
        [CODING_ZSTD] = SPAN_INIT("application/zstd"),
        [CODING_BR] = SPAN_INIT("application/octet-stream"),
    };
    exchange->steady = false; /* the cached header belongs to no form */
    exchange->representation.type = types[coding];
    return true;
}

/* Without Accept-Encoding, or with an empty field, the file is sent encoded too: it has no other form. */
__attribute__((cold, noinline)) static bool negotiate_encoded(struct exchange *exchange)
{
    const struct request *request = exchange->request;
    exchange->response->varies |= RESPONSE_BY_ENCODING;
    if (exchange->coding != CODING_IDENTITY) { /* encoded_find has negotiated */
        describe_encoded(exchange, keep_type_of_name(exchange), exchange->coding);
        return true;
    }
    enum coding coding = coding_named(exchange->entry->coding);
    struct acceptance acceptance = negotiate_codings(request);
    if (acceptance.quality[coding] > 0 || request_field(request, FIELD_ACCEPT_ENCODING).length == 0) {
        describe_encoded(exchange, exchange->representation.type, coding);
        return true;
    }
    return acceptance.quality[CODING_IDENTITY] > 0 && select_undecoded(exchange, coding);
}

/* Not inlined: requests for files without siblings, the most frequent, need not save its registers. */
__attribute__((noinline)) static bool negotiate_siblings(struct exchange *exchange, unsigned available)
{
    struct acceptance acceptance = negotiate_codings(exchange->request);
    struct entry *sibling;
    if (is_seekable(exchange->entry->type))
        negotiate_rank_identity_first(&acceptance);
    for (;;) {
        enum coding coding = negotiate_choose(&acceptance, available);
        if (coding == CODING_IDENTITY)
            return true;
        if (coding == CODINGS) {
            exchange->response->varies |= RESPONSE_BY_ENCODING;
            return false;
        }
        if (store_find_sibling(exchange->context->store, exchange->entry, representation_forms[coding].sibling,
                               exchange->iteration, &sibling) == 0) {
            select_sibling(exchange, sibling, coding);
            return true;
        }
        available &= ~(1U << coding); /* deleted meanwhile */
    }
}

bool representation_negotiate(struct exchange *exchange)
{
    if (exchange->entry->coding != NULL || exchange->coding != CODING_IDENTITY)
        return negotiate_encoded(exchange);
    unsigned available = available_codings(exchange);
    exchange->available = (uint8_t)available;
    bool identity_only = available == 1U << CODING_IDENTITY;
    exchange->response->varies |= identity_only ? 0U : RESPONSE_BY_ENCODING;
    return (identity_only && !negotiate_is_weighted(exchange->request)) || negotiate_siblings(exchange, available);
}

/* ---- live reload ---- */

/* The script's element is ASCII, which is invalid in UTF-16 (WHATWG Encoding, "BOM sniff"). */
static bool is_utf16(const struct entry *entry)
{
    unsigned char mark[2] = {0, 0};
    if (entry->bytes != NULL && entry->size >= sizeof mark)
        memcpy(mark, entry->bytes, sizeof mark);
    else if (entry->bytes == NULL && pread(entry->fd, mark, sizeof mark, 0) != sizeof mark)
        return false;
    return (mark[0] == 0xFE && mark[1] == 0xFF) || (mark[0] == 0xFF && mark[1] == 0xFE);
}

__attribute__((cold, noinline)) static bool add_script(struct exchange *exchange)
{
    const struct entry *entry = exchange->entry;
    if (!is_html(entry) || is_utf16(entry))
        return false;
    exchange->response->varies |= RESPONSE_BY_CLIENT;
    if (exchange->live != LIVE_PAGE)
        return false;
    exchange->has_script = true;
    exchange->representation.etag = keep_suffixed_etag(exchange->response, exchange->representation.etag, SPAN("live"));
    return true;
}

bool representation_add_script(struct exchange *exchange)
{
    return exchange->context->config->settings->watch && add_script(exchange);
}

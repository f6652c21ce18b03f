#include "answer/config.h"

#include "http/host.h"
#include "http/response.h"
#include "http/target.h"

#include <assert.h>
#include <string.h>

#define IMMUTABLE "Cache-Control: public, max-age=31536000, immutable\r\n"

/* ---- --header ---- */

static struct span name_of(const char *header)
{
    struct span whole = span_of(header);
    return (struct span){header, span_find(whole, ':')};
}

static struct span value_of(const char *header)
{
    size_t colon = name_of(header).length;
    struct span whole = span_of(header);
    size_t from = colon < whole.length ? colon + 1 : colon;
    return span_trim((struct span){header + from, whole.length - from});
}

static bool is_given(const struct settings *settings, struct span name)
{
    for (unsigned i = 0; i < settings->header_count; i++) {
        if (span_equal_nocase(name_of(settings->headers[i]), name))
            return true;
    }
    return false;
}

/* ---- building lines ---- */

static void append_line(struct buffer *lines, struct span name, struct span value)
{
    buffer_append(lines, name);
    buffer_append(lines, SPAN(": "));
    buffer_append(lines, value);
    buffer_append(lines, SPAN("\r\n"));
}

/* Appends the fields of --header: Cache-Control, or all others. An empty field only removes the server's own. */
static void append_given(const struct settings *settings, struct buffer *lines, bool cache_control)
{
    for (unsigned i = 0; i < settings->header_count; i++) {
        struct span name = name_of(settings->headers[i]), value = value_of(settings->headers[i]);
        if (value.length > 0 && span_equal_nocase(name, SPAN("Cache-Control")) == cache_control)
            append_line(lines, name, value);
    }
}

static struct buffer begin(struct config *config)
{
    return (struct buffer){config->room + config->used, 0, sizeof config->room - config->used, false};
}

static struct span end(struct config *config, const struct buffer *lines)
{
    assert(!lines->overflow); /* cli/values.c enforces the limits in CONFIG_LINES_MAX */
    config->used += lines->length;
    return buffer_span(lines);
}

void config_append_default(const struct config *config, struct buffer *lines, struct span name, struct span value)
{
    if (value.length > 0 && !is_given(config->settings, name))
        append_line(lines, name, value);
}

void config_append_page(const struct config *config, struct buffer *lines, struct span type, struct span policy)
{
    append_line(lines, SPAN("Content-Type"), type);
    config_append_default(config, lines, SPAN("Content-Security-Policy"), policy);
}

/* A server for this machine only forbids other sites to embed the files, unless --cors lets them read the files anyway
   (Fetch 3.7), or --allow-host publishes them by a proxy. Other ports of localhost are the same site. */
static struct span resource_policy(const struct config *config)
{
    const struct settings *settings = config->settings;
    if (settings->cors != NULL && strcmp(settings->cors, "*") == 0)
        return SPAN("cross-origin");
    bool published = settings->allowed_host_count > 0;
    return config->check_host && settings->cors == NULL && !published ? SPAN("same-site") : SPAN_NONE;
}

/* Errors have these lines too: a page of another origin may read why its request failed. The origin does not depend on
   the client, so no Vary is needed (Fetch 3.3.5). */
static struct span write_common(struct config *config)
{
    const struct settings *settings = config->settings;
    struct buffer lines = begin(config);
    struct span cors = settings->cors != NULL ? span_of(settings->cors) : SPAN_NONE;
    struct span exposed = SPAN("Accept-Ranges, Content-Encoding, Content-Length, Content-Range, Date, ETag");
    const struct {
        struct span name, value;
    } own[] = {
        {SPAN("Server"), SPAN("tinyhttpd")},
        {SPAN("X-Content-Type-Options"), SPAN("nosniff")},
        {SPAN("Access-Control-Allow-Origin"), cors},
        {SPAN("Access-Control-Expose-Headers"), cors.length > 0 ? exposed : cors},
        {SPAN("Timing-Allow-Origin"), cors},
        {SPAN("Cross-Origin-Resource-Policy"), resource_policy(config)},
    };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        config_append_default(config, &lines, own[i].name, own[i].value);
    append_given(settings, &lines, false);
    return end(config, &lines);
}

/* Keep-Alive is an option of Connection: RFC 2068 19.7.1 defines it, its successors don't. */
static struct span write_kept(struct config *config)
{
    struct buffer lines = begin(config);
    if (config->settings->keep_alive == 0)
        return config->common;
    buffer_append(&lines, SPAN("Connection: keep-alive\r\nKeep-Alive: timeout="));
    buffer_number(&lines, config->settings->keep_alive);
    buffer_append(&lines, SPAN("\r\n"));
    return (struct span){config->common.at, config->common.length + end(config, &lines).length};
}

static struct span write_choice(struct config *config, enum cache_choice choice, uint32_t seconds)
{
    switch (choice) {
    case CACHE_OFF:
        return SPAN(RESPONSE_NO_STORE);
    case CACHE_IMMUTABLE:
        return SPAN(IMMUTABLE);
    case CACHE_ASK:
    case CACHE_AUTO:
        return SPAN(RESPONSE_NO_CACHE);
    case CACHE_SECONDS:
        break;
    }
    struct buffer lines = begin(config);
    buffer_append(&lines, SPAN("Cache-Control: public, max-age="));
    buffer_number(&lines, seconds);
    buffer_append(&lines, SPAN("\r\n"));
    return end(config, &lines);
}

/* A Cache-Control of --header applies to files only: caches must not keep an error for that long. */
static struct span write_cache(struct config *config)
{
    const struct settings *settings = config->settings;
    struct buffer lines = begin(config);
    if (is_given(settings, SPAN("Cache-Control"))) {
        append_given(settings, &lines, true);
        return end(config, &lines);
    }
    return write_choice(config, settings->cache, settings->cache_seconds);
}

/* ---- host names ---- */

bool config_publishes_host(const struct config *config, struct span name)
{
    const struct settings *settings = config->settings;
    for (unsigned i = 0; i < settings->allowed_host_count; i++) {
        if (host_is_allowed(name, span_of(settings->allowed_hosts[i])))
            return !host_is_loopback(name);
    }
    return false;
}

bool config_allows_host(const struct config *config, struct span name)
{
    const struct settings *settings = config->settings;
    if (host_is_loopback(name) || config_publishes_host(config, name))
        return true;
    for (unsigned i = 0; i < settings->bind_count; i++) {
        if (span_equal_nocase(name, span_of(settings->binds[i])))
            return true;
    }
    return false;
}

/* ---- the interface ---- */

/* The path as store_find takes it: relative. */
static struct span path_of(const char *typed)
{
    while (typed != NULL && *typed == '/')
        typed++;
    return typed != NULL ? span_of(typed) : SPAN_NONE;
}

/* Lines of --header replace these. */
static void write_rules(struct config *config)
{
    const struct settings *settings = config->settings;
    if (settings->cache == CACHE_AUTO)
        config->immutable = SPAN(IMMUTABLE);
    for (unsigned i = 0; i < settings->cache_rule_count; i++)
        config->rules[i] = write_choice(config, settings->cache_rules[i].cache, settings->cache_rules[i].seconds);
    config->caches_by_path = settings->cache == CACHE_AUTO || settings->cache_rule_count > 0;
}

/* ENTRY_HEAD_MAX has room for the lines that a response has by default. */
static size_t extra_bytes(const struct config *config)
{
    size_t usual = sizeof RESPONSE_COMMON RESPONSE_NO_CACHE - 1;
    size_t cache = config->cache.length > config->immutable.length ? config->cache.length : config->immutable.length;
    for (unsigned i = 0; i < LIMIT_CACHE_RULES; i++)
        cache = config->rules[i].length > cache ? config->rules[i].length : cache;
    size_t longest = config->kept.length + cache;
    return longest > usual ? longest - usual : 0;
}

void config_open(struct config *config, const struct settings *settings, bool check_host)
{
    *config = (struct config){
        .settings = settings,
        .base = path_of(settings->base),
        .file = path_of(settings->file),
        .is_plain = settings->base == NULL && settings->file == NULL && settings->rules == RULES_OFF,
        .spa = path_of(settings->spa != NULL && settings->file != NULL ? settings->file : settings->spa),
        .generated_cache = settings->cache == CACHE_OFF ? SPAN(RESPONSE_NO_STORE) : SPAN(RESPONSE_NO_CACHE),
        .check_host = check_host,
    };
    for (; config->index_count < settings->index_count; config->index_count++)
        config->index[config->index_count] = span_of(settings->index[config->index_count]);
    config->common = write_common(config);
    config->kept = write_kept(config);
    config->cache = write_cache(config);
    if (!is_given(settings, SPAN("Cache-Control")))
        write_rules(config);
    config->extra_head_bytes = extra_bytes(config) + (settings->rules != RULES_OFF ? LIMIT_RULES_HEAD : 0);
}

#include "answer/explain_field.h"

#include "answer/representation.h"
#include "site/hashed_name.h"

#include <string.h>

static const struct settings *settings_of(const struct explained_response *explained)
{
    return explained->exchange->context->config->settings;
}

static bool is_cached_as_file(const struct explained_response *explained)
{
    int status = explained->status;
    return exchange_has_file(explained->exchange) && (status == 200 || status == 206 || status == 304);
}

static const struct header_field *ruled_field(const struct explained_response *explained, struct span name,
                                              struct span value)
{
    const struct header_fields *fields = explained->rules->fields;
    for (unsigned i = 0; fields != NULL && i < fields->count; i++) {
        const struct header_field *field = &fields->fields[i];
        if (span_equal_nocase(field->name, name) && field->value.at != NULL &&
            (value.at == NULL || span_equal(field->value, value)))
            return field;
    }
    return NULL;
}

/* Appends "_headers:3" or "--header", if one of these gives the field. `value`: of the field; SPAN_NONE: any. */
static bool append_giver(const struct explained_response *explained, struct span name, struct span value,
                         struct buffer *why)
{
    const struct settings *settings = settings_of(explained);
    const struct header_field *field = ruled_field(explained, name, value);
    if (field != NULL) {
        buffer_string(why, "_headers:");
        buffer_number(why, field->line);
        return true;
    }
    for (unsigned i = 0; i < settings->header_count; i++) {
        struct span line = span_of(settings->headers[i]);
        if (span_equal_nocase((struct span){line.at, span_find(line, ':')}, name)) {
            buffer_string(why, "--header");
            return true;
        }
    }
    return false;
}

static void append_cache_rule(const struct cache_rule *rule, struct buffer *why)
{
    buffer_string(why, "--cache /");
    buffer_string(why, rule->prefix);
    switch (rule->cache) {
    case CACHE_IMMUTABLE:
        buffer_string(why, "=immutable");
        break;
    case CACHE_OFF:
        buffer_string(why, "=off");
        break;
    case CACHE_AUTO:
        buffer_string(why, "=auto");
        break;
    case CACHE_ASK:
    case CACHE_SECONDS:
        buffer_byte(why, '=');
        buffer_number(why, rule->seconds);
        break;
    }
}

static void append_cache_setting(const struct explained_response *explained, struct buffer *why)
{
    const struct exchange *exchange = explained->exchange;
    switch (settings_of(explained)->cache) {
    case CACHE_OFF:
        buffer_string(why, "--cache off");
        break;
    case CACHE_AUTO:
        buffer_string(why, hashed_name_matches(exchange->path) ? "--cache auto: the name has a hash"
                                                               : "--cache auto: the name has no certain hash");
        break;
    case CACHE_SECONDS:
        buffer_string(why, "--cache ");
        buffer_number(why, settings_of(explained)->cache_seconds);
        break;
    case CACHE_ASK:
    case CACHE_IMMUTABLE:
        buffer_string(why, "the default");
        break;
    }
}

void explain_field_cache(const struct explained_response *explained, struct buffer *why)
{
    const struct exchange *exchange = explained->exchange;
    if (!is_cached_as_file(explained)) {
        buffer_string(why, exchange->outcome == OUTCOME_UNREGISTER      ? "the script must not be stored"
                           : settings_of(explained)->cache == CACHE_OFF ? "--cache off"
                                                                        : "the content is no file");
        return;
    }
    if (append_giver(explained, SPAN("Cache-Control"), SPAN_NONE, why))
        return;
    const char *type = exchange->coding != CODING_IDENTITY ? mime_of_name(exchange->path)
                       : exchange->entry->coding != NULL   ? exchange->entry->type.at
                                                           : exchange->representation.type.at;
    const struct cache_rule *rule = representation_cache_rule(exchange, strncmp(type, "text/html", 9) == 0);
    if (rule != NULL)
        append_cache_rule(rule, why);
    else
        append_cache_setting(explained, why);
}

/* True if the content is the file, or parts of it, and not a page about an error. */
static bool sends_file(const struct explained_response *explained)
{
    const struct exchange *exchange = explained->exchange;
    const struct response *response = exchange->response;
    const char *bytes = response->count > 1 ? response->parts[1].bytes : NULL;
    bool is_generated =
        bytes != NULL && bytes >= response->text.at && bytes < response->text.at + response->text.length;
    return exchange_has_file(exchange) && (!is_generated || explained->status == 206 || exchange->has_script);
}

static struct span length_reason(const struct explained_response *explained)
{
    if (explained->status == 206)
        return SPAN("of the ranges");
    if (!sends_file(explained))
        return SPAN("of the generated content");
    return explained->exchange->has_script ? SPAN("of the file and the script of --watch") : SPAN("of the file");
}

static struct span connection_reason(const struct explained_response *explained)
{
    const struct exchange *exchange = explained->exchange;
    if (!exchange->response->last)
        return SPAN("--keep-alive");
    if (!exchange->request->keep_alive)
        return SPAN("the client asks for it, or speaks HTTP/1.0");
    return request_ends_stream(exchange->request) ? SPAN("the rest of the request is not read")
                                                  : SPAN("the server stops, or the length is unknown");
}

static struct span type_reason(const struct explained_response *explained, struct span type)
{
    if (span_begins(type, SPAN("multipart/byteranges")))
        return SPAN("several ranges, with a boundary that is random each time");
    return sends_file(explained) ? SPAN("'type' and 'charset' above")
                                 : SPAN("the server's own content; Accept decides whether it is a page");
}

static struct span location_reason(const struct explained_response *explained)
{
    unsigned outcome = explained->exchange->outcome;
    if (outcome == OUTCOME_RULE)
        return explained->rules->applied ? SPAN("'rule' above") : SPAN("'address' above");
    return outcome == OUTCOME_TO_BASE ? SPAN("--base") : SPAN("the directory's address, relative");
}

static struct span resource_policy_reason(const struct explained_response *explained)
{
    const char *cors = settings_of(explained)->cors;
    return cors != NULL && strcmp(cors, "*") == 0 ? SPAN("--cors") : SPAN("the server is for this machine only");
}

/* The origins of fields whose origin is always the same. */
static struct span fixed_origin(struct span name)
{
    static const struct {
        struct span name, origin;
    } fixed[] = {
        {SPAN_INIT("Date"), SPAN_INIT("the clock")},
        {SPAN_INIT("Server"), SPAN_INIT("always")},
        {SPAN_INIT("X-Content-Type-Options"), SPAN_INIT("always")},
        {SPAN_INIT("Access-Control-Allow-Origin"), SPAN_INIT("--cors")},
        {SPAN_INIT("Access-Control-Expose-Headers"), SPAN_INIT("--cors")},
        {SPAN_INIT("Timing-Allow-Origin"), SPAN_INIT("--cors")},
        {SPAN_INIT("Access-Control-Allow-Methods"), SPAN_INIT("--cors, to a preflight")},
        {SPAN_INIT("Access-Control-Allow-Headers"), SPAN_INIT("--cors, to a preflight")},
        {SPAN_INIT("Access-Control-Max-Age"), SPAN_INIT("--cors, to a preflight")},
        {SPAN_INIT("Content-Security-Policy"), SPAN_INIT("the server's own page")},
        {SPAN_INIT("Allow"), SPAN_INIT("the methods of this server")},
        {SPAN_INIT("Retry-After"), SPAN_INIT("every 503")},
        {SPAN_INIT("Accept-Ranges"), SPAN_INIT("every file")},
        {SPAN_INIT("Content-Encoding"), SPAN_INIT("'coding' above")},
        {SPAN_INIT("Content-Range"), SPAN_INIT("'range' above")},
        {SPAN_INIT("Last-Modified"), SPAN_INIT("'modified' above")},
        {SPAN_INIT("ETag"), SPAN_INIT("'etag' above, or the state of a directory")},
        {SPAN_INIT("Vary"), SPAN_INIT("request fields that decide")},
        {SPAN_INIT("Keep-Alive"), SPAN_INIT("--keep-alive")},
        {SPAN_INIT("Transfer-Encoding"), SPAN_INIT("a listing of which a part is not read yet")},
    };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        if (span_equal(fixed[i].name, name))
            return fixed[i].origin;
    }
    return SPAN("not known");
}

void explain_field_origin(const struct explained_response *explained, struct span name, struct span value,
                          struct buffer *why)
{
    if (span_equal(name, SPAN("Cache-Control")))
        buffer_string(why, "'cache' above");
    else if (append_giver(explained, name, value, why) || append_giver(explained, name, SPAN_NONE, why))
        return;
    else if (span_equal(name, SPAN("Content-Length")))
        buffer_append(why, length_reason(explained));
    else if (span_equal(name, SPAN("Connection")))
        buffer_append(why, connection_reason(explained));
    else if (span_equal(name, SPAN("Content-Type")))
        buffer_append(why, type_reason(explained, value));
    else if (span_equal(name, SPAN("Location")))
        buffer_append(why, location_reason(explained));
    else if (span_equal(name, SPAN("Cross-Origin-Resource-Policy")))
        buffer_append(why, resource_policy_reason(explained));
    else
        buffer_append(why, fixed_origin(name));
}

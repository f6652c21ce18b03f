#include "answer/explain.h"

#include "answer/directory.h"
#include "answer/explain_field.h"
#include "answer/live_reload.h"
#include "answer/lookup.h"
#include "answer/representation.h"
#include "answer/rules.h"
#include "http/conditional.h"
#include "http/host.h"
#include "http/range.h"
#include "site/encoded_name.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The text, besides which a response has its head only. */
enum { EXPLANATION_MAX = 65536, CUT_MAX = 80, LABEL_WIDTH = 12, RANGES_SHOWN = 8, VALUE_SHOWN = 1024 };
_Static_assert(EXPLANATION_MAX + CONFIG_LINES_MAX + 1024 < LIMIT_RESPONSE_TEXT, "a response has room for both");

struct explanation {
    struct exchange *exchange;
    struct buffer text;
    int status;             /* of the response that is explained */
    struct entry *original; /* the file, of which the response may be an encoded form; NULL: none */
    bool is_routed;         /* the target is a valid path that was looked at */
    struct rules_account rules;
    unsigned numbers;
    char digits[4][32]; /* of the current line */
};

/* ---- lines ---- */

/* Cuts a value, but not within a character of UTF-8. */
static void append_value(struct buffer *text, struct span value, size_t most)
{
    size_t length = value.length;
    if (length > most) {
        for (length = most; length > 0 && ((unsigned char)value.at[length] & 0xC0) == 0x80;)
            length--;
    }
    buffer_plain(text, (struct span){value.at, length});
    buffer_string(text, length < value.length ? "..." : "");
}

/* Appends a line, whose values are cut unless it is of the response's fields, or nothing once one did not fit. */
static void say(struct explanation *explanation, const char *label, const struct span *pieces, size_t count)
{
    struct buffer *text = &explanation->text;
    size_t start = text->length;
    buffer_string(text, label);
    for (size_t width = strlen(label); width < LABEL_WIDTH; width++)
        buffer_byte(text, ' ');
    for (size_t i = 0; i < count; i++)
        append_value(text, pieces[i], strcmp(label, "field") == 0 ? SIZE_MAX : VALUE_SHOWN);
    buffer_byte(text, '\n');
    if (text->overflow)
        text->length = start;
}

/* Its arguments after the label are spans, the pieces of the line. */
#define SAY(explanation, label, ...) \
    say((explanation), (label), (const struct span[]){__VA_ARGS__}, \
        sizeof((const struct span[]){__VA_ARGS__}) / sizeof(struct span))

/* A number with a comma before each three digits; valid for the next three numbers. */
static struct span number(struct explanation *explanation, uint64_t value)
{
    char plain[24];
    struct buffer digits = BUFFER(plain);
    char *room = explanation->digits[explanation->numbers++ % 4];
    struct buffer out = {room, 0, sizeof *explanation->digits, false};
    buffer_number(&digits, value);
    for (size_t i = 0; i < digits.length; i++) {
        if (i > 0 && (digits.length - i) % 3 == 0)
            buffer_byte(&out, ',');
        buffer_byte(&out, plain[i]);
    }
    return buffer_filled(&out);
}

/* A number without commas. */
static struct span plain_number(struct explanation *explanation, uint64_t value)
{
    struct buffer out = {explanation->digits[explanation->numbers++ % 4], 0, sizeof *explanation->digits, false};
    buffer_number(&out, value);
    return buffer_filled(&out);
}

static const struct config *config_of(const struct explanation *explanation)
{
    return explanation->exchange->context->config;
}

/* ---- the request ---- */

/* True if the server, as opposed to a file that may not be read, refuses the request. */
__attribute__((cold)) static bool is_guarded_off(const struct exchange *exchange)
{
    return exchange->outcome == OUTCOME_ERROR && exchange->status == 403 && exchange->denied_index.length == 0;
}

/* The path as it was before rules. */
static struct span decoded_path(const struct explanation *explanation)
{
    const struct exchange *exchange = explanation->exchange;
    return exchange->is_rewritten ? explanation->rules.path : exchange->target->path;
}

/* A target that is not a path, or not needed, is shown as sent. */
static void say_target(struct explanation *explanation)
{
    const struct exchange *exchange = explanation->exchange;
    const struct target *target = exchange->target;
    struct span raw = request_target(exchange->request), path = decoded_path(explanation);
    bool ends = !exchange->is_rewritten && target->slash && path.length > 0;
    if (explanation->is_routed)
        SAY(explanation, "target", raw, SPAN(" -> "), path.length > 0 ? path : SPAN("the root"),
            ends ? SPAN("/") : SPAN(""));
    else
        SAY(explanation, "target", raw);
    if (explanation->is_routed && !exchange->is_rewritten && lookup_is_hidden(exchange))
        SAY(explanation, "hidden", text_dotfile_in(path), SPAN(": needs --dotfiles"));
}

static void say_client(struct explanation *explanation)
{
    const struct client *client = &explanation->exchange->client;
    SAY(explanation, "client",
        client->in_field    ? SPAN("local, as a trusted proxy's X-Forwarded-For says")
        : client->forwarded ? SPAN("local, as a trusted proxy's PROXY header says")
                            : SPAN("local"));
}

static struct span field_of(const struct explanation *explanation, enum request_field field)
{
    return request_field(explanation->exchange->request, field);
}

/* Returns false if the host is invalid or refused. A host that is not loopback gets here only if it is. */
static bool say_host(struct explanation *explanation)
{
    const struct exchange *exchange = explanation->exchange;
    bool is_field = exchange->target->authority.at == NULL;
    struct span host = field_of(explanation, FIELD_HOST);
    bool is_valid = target_host_is_valid(host), is_allowed = host_is_loopback(exchange->host);
    SAY(explanation, "host", is_valid && !is_field ? exchange->target->authority : host,
        !is_valid     ? SPAN(": invalid (RFC 9110 7.2)")
        : !is_allowed ? SPAN(": refused, no name of this server (DNS rebinding)")
                      : SPAN(": allowed (loopback)"));
    return is_valid && is_allowed;
}

/* Returns false if the load is refused. */
static bool say_site(struct explanation *explanation)
{
    bool is_refused = is_guarded_off(explanation->exchange);
    struct span site = field_of(explanation, FIELD_SEC_FETCH_SITE);
    if (site.length > 0)
        SAY(explanation, "site", site, SPAN(", mode '"), field_of(explanation, FIELD_SEC_FETCH_MODE),
            is_refused ? SPAN("': refused, pages of other sites can't load files without --cors") : SPAN("': allowed"));
    return !is_refused;
}

static void say_method(struct explanation *explanation)
{
    bool is_refused = explanation->status == 405;
    SAY(explanation, "method", request_method_name(explanation->exchange->request),
        is_refused ? SPAN(": refused, only GET, HEAD and OPTIONS are allowed") : SPAN(""));
}

/* ---- the lookup ---- */

/* Returns true for a path of the server's own. */
static bool say_own_path(struct explanation *explanation)
{
    const struct settings *settings = config_of(explanation)->settings;
    struct span path = explanation->exchange->target->sent_path;
    bool is_health = span_equal(path, SPAN(SETTINGS_HEALTH_PATH));
    bool is_metrics = settings->metrics != NULL && span_equal(path, span_of(settings->metrics));
    bool is_script = settings->watch && live_reload_is_script(path);
    if (is_health || is_metrics || is_script)
        SAY(explanation, "own path", path,
            is_health    ? SPAN(": the health of the server")
            : is_metrics ? SPAN(": --metrics")
                         : SPAN(": the script of --watch"));
    return is_health || is_metrics || is_script;
}

/* Returns false if the target is outside the site. */
static bool say_base(struct explanation *explanation)
{
    struct span base = config_of(explanation)->base;
    if (base.length == 0)
        return true;
    bool is_above = explanation->exchange->outcome == OUTCOME_TO_BASE;
    bool is_outside = explanation->exchange->is_outside;
    SAY(explanation, "base", SPAN("/"), base,
        is_above     ? SPAN("/: the target is above it, and leads to it")
        : is_outside ? SPAN("/: the target is outside")
                     : SPAN("/: the target is below it, and relative to it"));
    return !is_above && !is_outside;
}

static void say_redirect_rule(struct explanation *explanation)
{
    const struct exchange *exchange = explanation->exchange;
    const struct rules_account *rules = &explanation->rules;
    if (rules->applied) {
        const struct redirect *match = &rules->match;
        struct span path = exchange->target->path;
        SAY(explanation, "rule", SPAN("_redirects:"), plain_number(explanation, match->line),
            match->rewrite ? SPAN(": rewrite to ") : SPAN(": redirect to "),
            !match->rewrite    ? exchange->location
            : path.length == 0 ? SPAN("the root")
                               : path,
            SPAN(" ("), plain_number(explanation, (uint64_t)match->status),
            rules->is_forced ? SPAN("), before files are looked up") : SPAN("), as no file was found"));
    } else {
        SAY(explanation, "rule", rules->has_redirects ? SPAN("_redirects: no rule matches") : SPAN("no _redirects"));
    }
    if (!rules->applied && exchange->outcome == OUTCOME_RULE)
        SAY(explanation, "address", SPAN("the host has another one: redirect to "), exchange->location);
}

static void say_rules(struct explanation *explanation)
{
    const struct exchange *exchange = explanation->exchange;
    if (exchange->context->rules == NULL)
        return;
    say_redirect_rule(explanation);
    const struct header_fields *fields = explanation->rules.fields;
    for (unsigned i = 0; fields != NULL && i < fields->count + fields->dropped; i++) {
        const struct header_field *field = &fields->fields[i];
        SAY(explanation, "rule", SPAN("_headers:"), plain_number(explanation, field->line), SPAN(": "), field->name,
            i >= explanation->rules.sent ? SPAN(" is left out, too long")
            : field->value.at == NULL    ? SPAN(" is left out")
                                         : SPAN(""));
    }
    if (fields == NULL)
        SAY(explanation, "rule",
            exchange->outcome == OUTCOME_ERROR ? SPAN("_headers: not applied to errors of the server")
                                               : SPAN("_headers: no path matches"));
}

/* Names that were looked up before, or without, the response's own. */
static void say_names(struct explanation *explanation)
{
    const struct exchange *exchange = explanation->exchange;
    struct span notes = {exchange->response->text.at, exchange->noted};
    while (notes.length > 0)
        SAY(explanation, "name", span_take_until(&notes, '\n'));
    if (exchange->notes_cut)
        SAY(explanation, "name", SPAN("more names were looked up than are shown here"));
}

/* The entry has been opened once, so that a failure now means a change. */
static void say_links(struct explanation *explanation)
{
    const struct exchange *exchange = explanation->exchange;
    bool linked = false, all = config_of(explanation)->settings->symlinks == SYMLINKS_ALL;
    struct stat attributes;
    int failed = beneath_stat(store_beneath(exchange->context->store), exchange->path, &attributes, &linked);
    SAY(explanation, "links",
        failed   ? SPAN("not known, as the file has changed meanwhile")
        : all    ? SPAN("any are followed (--symlinks all)")
        : linked ? SPAN("one or more lead to it, inside the root")
                 : SPAN("none"));
}

static void say_file(struct explanation *explanation)
{
    const struct exchange *exchange = explanation->exchange;
    const struct entry *original = explanation->original;
    bool is_spa = exchange->path.at == config_of(explanation)->spa.at;
    if (exchange->coding != CODING_IDENTITY)
        SAY(explanation, "file", exchange->path, SPAN(": exists only encoded"));
    else if (original != NULL)
        SAY(explanation, "file", exchange->path, SPAN(": found, "), number(explanation, original->size),
            original->size == 1 ? SPAN(" byte") : SPAN(" bytes"),
            is_spa                                 ? SPAN(" (--spa)")
            : exchange->outcome == OUTCOME_MISSING ? SPAN(" (nothing else was found)")
                                                   : SPAN(""));
    else
        SAY(explanation, "file", exchange->path, SPAN(": found, but it has changed meanwhile"));
    if (exchange->coding == CODING_IDENTITY)
        say_links(explanation);
}

static void say_absence(struct explanation *explanation)
{
    struct exchange *exchange = explanation->exchange;
    const struct settings *settings = config_of(explanation)->settings;
    if (exchange->entry != NULL && exchange->outcome == OUTCOME_REDIRECT)
        SAY(explanation, "directory", exchange->target->path, SPAN(": its address has a slash"));
    bool is_listing = exchange->outcome == OUTCOME_LISTING;
    if (is_listing || (exchange->target->slash && exchange->outcome == OUTCOME_MISSING))
        SAY(explanation, "listing",
            !is_listing && settings->listing == LISTING_OFF ? SPAN("none, by --no-list")
            : !is_listing && !directory_may_list(exchange)  ? SPAN("not for this request")
            : !is_listing                                   ? SPAN("there is no such directory")
            : settings->listing == LISTING_ON               ? SPAN("allowed by --list")
                                                            : SPAN("allowed to this client"));
    if (config_of(explanation)->spa.length > 0 && exchange->outcome == OUTCOME_MISSING)
        SAY(explanation, "spa", SPAN("not used, as the request is no navigation, or as the page is missing"));
}

static void say_route(struct explanation *explanation)
{
    if (say_own_path(explanation) || !say_base(explanation))
        return;
    say_rules(explanation);
    if (config_of(explanation)->file.length > 0)
        SAY(explanation, "root", SPAN("only "), config_of(explanation)->file);
    say_names(explanation);
    say_absence(explanation);
}

/* ---- the file's representation ---- */

/* Reads the beginning of a file. */
static struct span start_of(const struct entry *entry, char room[LIMIT_MIME_PROBE])
{
    if (entry->bytes != NULL)
        return (struct span){entry->bytes, entry->size < LIMIT_MIME_PROBE ? entry->size : LIMIT_MIME_PROBE};
    ssize_t length = pread(entry->fd, room, LIMIT_MIME_PROBE, 0);
    return (struct span){room, length > 0 ? (size_t)length : 0};
}

static void append_type_reason(const struct explanation *explanation, struct buffer *why)
{
    char room[LIMIT_MIME_PROBE];
    const struct exchange *exchange = explanation->exchange;
    if (exchange->coding != CODING_IDENTITY && !mime_knows(exchange->path))
        buffer_string(why, "no known extension, and the file exists only encoded");
    else if (exchange->coding != CODING_IDENTITY)
        mime_append_reason(why, exchange->path, SPAN_NONE);
    else if (exchange->entry->coding != NULL && exchange->representation.coding.length == 0)
        buffer_string(why, "encoded, sent as it is");
    else if (explanation->original != NULL)
        mime_append_reason(why, exchange->path, start_of(explanation->original, room));
    else
        buffer_string(why, "not known, as the file has changed meanwhile");
}

static const char *charset_reason(const struct explanation *explanation)
{
    const struct exchange *exchange = explanation->exchange;
    const struct settings *settings = config_of(explanation)->settings;
    struct span type = exchange->representation.type, path = exchange->path;
    bool is_encoded = exchange->entry->coding != NULL;
    if (!is_encoded && strchr(mime_of_name(path), ';') != NULL)
        return "the one in the type of --mime";
    if (!span_begins(type, SPAN("text/")))
        return "none, as the type is no text";
    if (settings->charset != NULL)
        return strcmp(settings->charset, "none") == 0 ? "none, by --charset" : "--charset";
    bool has_charset = span_find(type, ';') < type.length;
    if (is_encoded || exchange->coding != CODING_IDENTITY)
        return has_charset ? "the one in the type of --mime" : "none, as encoded content is not examined";
    if (explanation->original == NULL)
        return "not known, as the file has changed meanwhile";
    if (explanation->original->bytes != NULL)
        return has_charset ? "the content is UTF-8" : "none, as the content is not UTF-8";
    return has_charset ? "the beginning is UTF-8" : "none, as the beginning is not UTF-8, or names its own charset";
}

static void say_type(struct explanation *explanation)
{
    char room[512];
    struct buffer why = BUFFER(room);
    struct span type = explanation->exchange->representation.type;
    append_type_reason(explanation, &why);
    SAY(explanation, "type", (struct span){type.at, span_find(type, ';')}, SPAN(": "), buffer_span(&why));
    SAY(explanation, "charset", span_of(charset_reason(explanation)));
}

/* The weight of a coding, "0.8", "refused", or that of identity without one. */
static void append_weight(struct buffer *text, const struct acceptance *acceptance, enum coding coding)
{
    uint16_t quality = acceptance->quality[coding];
    if (coding == CODING_IDENTITY && acceptance->identity_unranked) {
        buffer_string(text, "last");
        return;
    }
    if (quality == 0) {
        buffer_string(text, "refused");
        return;
    }
    buffer_string(text, "q=");
    buffer_number(text, quality / 1000U);
    for (unsigned rest = quality % 1000U, unit = 100; rest > 0; rest %= unit, unit /= 10) {
        if (unit == 100)
            buffer_byte(text, '.');
        buffer_number(text, rest / unit);
    }
}

/* Codings as bits 1 << enum coding, with what the client says of each. */
static void append_codings(struct buffer *text, const struct acceptance *acceptance, unsigned codings)
{
    for (unsigned coding = CODING_IDENTITY; coding < CODINGS; coding++) {
        if ((codings & 1U << coding) == 0)
            continue;
        buffer_string(text, text->length > 0 ? ", " : "");
        buffer_append(text, coding == CODING_IDENTITY ? SPAN("identity") : representation_forms[coding].name);
        buffer_byte(text, ' ');
        append_weight(text, acceptance, coding);
    }
}

static void say_coding(struct explanation *explanation)
{
    char room[160];
    struct buffer codings = BUFFER(room);
    const struct exchange *exchange = explanation->exchange;
    struct span sent = exchange->representation.coding;
    struct acceptance acceptance = negotiate_codings(exchange->request);
    if (exchange->has_script || exchange->live == LIVE_CHECK) {
        SAY(explanation, "coding", SPAN("none, as it is a page or a check of --watch"));
    } else if (exchange->coding != CODING_IDENTITY) {
        append_codings(&codings, &acceptance, 1U << exchange->coding);
        SAY(explanation, "coding", sent, SPAN(": the best of those that exist ("), buffer_span(&codings), SPAN(")"));
    } else if (exchange->entry->coding != NULL) {
        SAY(explanation, "coding", span_of(exchange->entry->coding),
            explanation->status == 406 ? SPAN(": that of the file's name, and not accepted")
            : sent.length > 0          ? SPAN(": that of the file's name")
                                       : SPAN(": not accepted, so the file is sent to be saved"));
    } else {
        append_codings(&codings, &acceptance, exchange->available);
        bool is_only = (exchange->available & ~(1U << CODING_IDENTITY)) == 0 && explanation->status != 406;
        SAY(explanation, "coding",
            explanation->status == 406 ? SPAN("none is acceptable")
            : sent.length > 0          ? sent
                                       : SPAN("identity"),
            is_only ? SPAN(" (the only form)") : SPAN(" (forms: "), is_only ? SPAN("") : buffer_span(&codings),
            is_only ? SPAN("") : SPAN(")"));
    }
}

static void say_validators(struct explanation *explanation)
{
    const struct exchange *exchange = explanation->exchange;
    const struct entry *entry = exchange->entry;
    struct span etag = exchange->representation.etag, date = exchange->representation.last_modified;
    SAY(explanation, "etag", etag.length > 0 ? etag : SPAN("none"),
        etag.length == 0       ? SPAN(": the file changed so recently that a later change could go unnoticed")
        : entry->bytes != NULL ? SPAN(": a hash of the content")
                               : SPAN(": the time and size of the file"),
        exchange->has_script || exchange->representation.coding.length > 0
            ? SPAN("; each form has its own (RFC 9110 8.8.3.3)")
            : SPAN(""));
    SAY(explanation, "modified", date.length > 0 ? date : SPAN("none"),
        date.length > 0 ? SPAN("")
        : date_is_placeholder(entry->modified)
            ? SPAN(": the date is one of a reproducible build")
            : SPAN(": the file changed so recently that a later change could get the same time"));
}

/* ---- conditions and ranges ---- */

static struct validators validators_of(const struct explanation *explanation)
{
    const struct exchange *exchange = explanation->exchange;
    struct validators validators = {.modified = CONDITIONAL_UNDATED, .last_modified = CONDITIONAL_UNDATED};
    if (!exchange_has_file(exchange))
        return validators;
    int64_t now = exchange->context->now, modified = exchange->entry->modified;
    validators.etag = exchange->representation.etag;
    validators.modified = modified < now ? modified : now;
    if (exchange->representation.last_modified.length > 0)
        validators.last_modified = modified;
    return validators;
}

static struct span result_text(enum condition result, int status)
{
    switch (result) {
    case CONDITION_SUPERSEDED:
        return SPAN(": ignored, as If-Match or If-None-Match takes precedence");
    case CONDITION_INVALID:
        return SPAN(": ignored, as it is not one valid date");
    case CONDITION_UNDATED:
        return SPAN(": ignored, as the response has no Last-Modified");
    case CONDITION_TRUE:
        return SPAN(": true");
    case CONDITION_FALSE:
    case CONDITION_ABSENT:
        break;
    }
    return status == 412 ? SPAN(": false, 412") : SPAN(": false, 304");
}

/* RFC 9110 13.2.2, steps 1 to 4: the first that is false decides. */
static void say_conditions(struct explanation *explanation)
{
    static const struct {
        const char *name;
        enum request_field field;
        int status;
    } steps[] = {
        {"If-Match: ", FIELD_IF_MATCH, 412},
        {"If-Unmodified-Since: ", FIELD_IF_UNMODIFIED_SINCE, 412},
        {"If-None-Match: ", FIELD_IF_NONE_MATCH, 304},
        {"If-Modified-Since: ", FIELD_IF_MODIFIED_SINCE, 304},
    };
    const struct exchange *exchange = explanation->exchange;
    struct validators validators = validators_of(explanation);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        enum condition result =
            conditional_result(exchange->request, steps[i].field, &validators, exchange->context->now);
        if (result == CONDITION_ABSENT)
            continue;
        SAY(explanation, "condition", span_of(steps[i].name), request_field(exchange->request, steps[i].field),
            result_text(result, steps[i].status));
        if (result == CONDITION_FALSE)
            return;
    }
}

static void say_slices(struct explanation *explanation, const struct range *ranges, unsigned count)
{
    for (unsigned i = 0; i < count && i < RANGES_SHOWN; i++)
        SAY(explanation, "range", SPAN("bytes "), number(explanation, ranges[i].offset), SPAN(" to "),
            number(explanation, ranges[i].offset + ranges[i].length - 1));
    if (count > RANGES_SHOWN)
        SAY(explanation, "range", number(explanation, count - RANGES_SHOWN), SPAN(" more"));
}

static void say_range(struct explanation *explanation)
{
    const struct exchange *exchange = explanation->exchange;
    const struct request *request = exchange->request;
    struct validators validators = validators_of(explanation);
    struct range ranges[LIMIT_RANGES];
    unsigned count = 0;
    if (!request_has(request, 1U << FIELD_RANGE))
        return;
    struct span field = request_single_field(request, FIELD_RANGE);
    enum condition if_range = conditional_result(request, FIELD_IF_RANGE, &validators, exchange->context->now);
    if (if_range != CONDITION_ABSENT)
        SAY(explanation, "condition", SPAN("If-Range: "), request_field(request, FIELD_IF_RANGE),
            if_range == CONDITION_TRUE ? SPAN(": true") : SPAN(": false, the whole file"));
    if (if_range == CONDITION_FALSE)
        return;
    enum range_result result = range_parse(field, exchange->entry->size, ranges, &count);
    SAY(explanation, "range", field,
        result == RANGE_PARTIAL         ? SPAN(": joined where they touch")
        : result == RANGE_UNSATISFIABLE ? SPAN(": the file has none of these bytes, 416")
                                        : SPAN(": ignored (malformed, another unit, an empty file, or too many)"));
    say_slices(explanation, ranges, count);
}

/* ---- the response ---- */

static struct explained_response explained_of(const struct explanation *explanation)
{
    return (struct explained_response){explanation->exchange, explanation->status, &explanation->rules};
}

/* The lines of the real head, after the status line. */
static void say_fields(struct explanation *explanation)
{
    const struct explained_response explained = explained_of(explanation);
    const struct response *response = explanation->exchange->response;
    struct span head = {response->parts[0].bytes, response->head_length};
    span_take_until(&head, '\n');
    for (;;) {
        char room[128];
        struct buffer why = BUFFER(room);
        struct span value = span_take_until(&head, '\n');
        if (value.length <= 1) /* the empty line */
            return;
        value.length--;
        struct span name = span_take_until(&value, ':');
        value = span_from(value, 1);
        explain_field_origin(&explained, name, value, &why);
        SAY(explanation, "field", name, SPAN(": "), value, SPAN("   ("), buffer_span(&why), SPAN(")"));
    }
}

static void say_cache(struct explanation *explanation)
{
    char room[LIMIT_TARGET];
    struct buffer why = BUFFER(room);
    const struct explained_response explained = explained_of(explanation);
    struct span line = explanation->exchange->response->cache;
    explain_field_cache(&explained, &why);
    span_take_until(&line, ' ');
    SAY(explanation, "cache", (struct span){line.at, span_find(line, '\r')}, SPAN(": "), buffer_span(&why));
}

/* A file, a listing or a redirect may become a 304 or an error when it is answered. */
static struct span content_of(enum outcome outcome, int status)
{
    static const struct span contents[] = {
        [OUTCOME_ERROR] = SPAN_INIT("an error page, or text, as Accept decides"),
        [OUTCOME_OPTIONS] = SPAN_INIT("the methods of this server"),
        [OUTCOME_HEALTH] = SPAN_INIT("the health of the server"),
        [OUTCOME_METRICS] = SPAN_INIT("the metrics"),
        [OUTCOME_SCRIPT] = SPAN_INIT("the script of --watch"),
        [OUTCOME_REPORT] = SPAN_INIT("an error in a page, which is not recorded now"),
        [OUTCOME_FILE] = SPAN_INIT("the file"),
        [OUTCOME_PAGE] = SPAN_INIT("the file of a rule, with the status of the rule"),
        [OUTCOME_RULE] = SPAN_INIT("a redirect to another address"),
        [OUTCOME_REDIRECT] = SPAN_INIT("a redirect to the directory's address"),
        [OUTCOME_TO_BASE] = SPAN_INIT("a redirect to the site"),
        [OUTCOME_LISTING] = SPAN_INIT("a listing of the directory"),
        [OUTCOME_NOT_MODIFIED] = SPAN_INIT("nothing"),
        [OUTCOME_UNREGISTER] = SPAN_INIT("a script that removes the service worker of another site"),
        [OUTCOME_MISSING] = SPAN_INIT("the site's 404.html, else an error page, or text, as Accept decides"),
    };
    if (status == 304)
        return contents[OUTCOME_NOT_MODIFIED];
    if (status >= 400 && (outcome == OUTCOME_FILE || outcome == OUTCOME_LISTING || outcome == OUTCOME_RULE))
        return contents[OUTCOME_ERROR];
    return contents[outcome];
}

/* RFC 9110 13.2.1: other responses ignore conditions. */
static bool is_conditional(const struct explanation *explanation)
{
    int status = explanation->status;
    bool is_success = status == 200 || status == 206 || status == 304 || status == 412 || status == 416;
    return is_success && explanation->is_routed && explanation->exchange->outcome != OUTCOME_UNREGISTER;
}

static void say_response(struct explanation *explanation)
{
    const struct exchange *exchange = explanation->exchange;
    struct span reason = buffer_span(&exchange->reason.text);
    if (exchange_has_file(exchange)) {
        say_file(explanation);
        say_type(explanation);
        say_coding(explanation);
        say_validators(explanation);
    }
    bool evaluates = is_conditional(explanation);
    if (evaluates)
        say_conditions(explanation);
    if (exchange_has_file(exchange) && evaluates && explanation->status != 304 && explanation->status != 412)
        say_range(explanation);
    if (reason.length > 0)
        SAY(explanation, "reason", reason);
    SAY(explanation, "content", content_of((enum outcome)exchange->outcome, explanation->status));
    say_cache(explanation);
    say_fields(explanation);
}

static void say_status(struct explanation *explanation)
{
    struct buffer *text = &explanation->text;
    buffer_number(text, (uint64_t)explanation->status);
    buffer_byte(text, ' ');
    buffer_string(text, response_reason_phrase(explanation->status));
    buffer_string(text, "\n\n");
}

static void write_explanation(struct explanation *explanation)
{
    struct buffer *text = &explanation->text;
    say_status(explanation);
    say_target(explanation);
    say_client(explanation);
    if (say_host(explanation) && say_site(explanation))
        say_method(explanation);
    if (explanation->is_routed)
        say_route(explanation);
    say_response(explanation);
    if (text->overflow) {
        text->room += CUT_MAX;
        buffer_string(text, "cut         the explanation is too long; the rest is left out\n");
    }
}

/* Finds the file, if the response is one of its encoded siblings. */
static struct entry *find_original(const struct exchange *exchange)
{
    struct entry *original;
    int status = store_find(exchange->context->store, exchange->path, exchange->iteration, &original);
    return status == 0 && original->kind == ENTRY_FILE ? original : NULL;
}

static void replace(struct exchange *exchange, struct span text)
{
    struct response *response = exchange->response;
    if (exchange->entry != NULL)
        store_release(exchange->context->store, exchange->entry);
    exchange->entry = NULL;
    exchange->reason.text.length = 0; /* the log's reason of an error */
    response_drop_producer(response);
    rules_forget(exchange);
    response->status = 200;
    response->chunked = false;
    response->varies = 0;
    response->count = 1;
    response->common = exchange->context->config->common;
    response->cache = SPAN(RESPONSE_NO_STORE);
    response->text.length = 0;
    buffer_append(&response->text, text);
    response_add_text(response, 0);
    exchange_finish(exchange, SPAN("Content-Type: text/plain; charset=utf-8\r\n"));
}

/* The server's own refusals precede the lookup, whose only errors of the client are 412, 414 and a denied index. */
static bool is_routed(const struct exchange *exchange)
{
    bool is_refused = exchange->outcome == OUTCOME_ERROR &&
                      (exchange->status == 400 || exchange->status == 405 || is_guarded_off(exchange));
    return !is_refused && exchange->outcome != OUTCOME_OPTIONS;
}

/* ---- the interface ---- */

bool explain_applies(struct exchange *exchange)
{
    const struct request *request = exchange->request;
    if (!span_equal(request_single_field(request, FIELD_TINYHTTPD_EXPLAIN), SPAN("1")) ||
        request->state == REQUEST_BAD ||
        (exchange->context->config->settings->cors != NULL &&
         (client_is_cross_site(request) || exchange_has_foreign_origin(exchange))))
        return false;
    /* A name that is refused is no proxy's, and the explanation of that names no file. */
    return exchange_is_local(exchange) || (client_is_local(&exchange->client, request) && is_guarded_off(exchange));
}

/* Not inlined, as every request would have to probe the pages of this large stack frame. */
__attribute__((cold, noinline)) static void explain_response(struct exchange *exchange)
{
    char room[EXPLANATION_MAX];
    struct explanation explanation = {
        .exchange = exchange,
        .text = {room, 0, sizeof room - CUT_MAX, false},
        .status = exchange->response->status,
        .is_routed = is_routed(exchange),
        .original = exchange->entry,
    };
    if (explanation.is_routed && exchange->context->rules != NULL)
        rules_account_for(exchange, &explanation.rules);
    bool is_sibling = exchange->entry != NULL && exchange->entry->coding == NULL &&
                      exchange->coding == CODING_IDENTITY && exchange->representation.coding.length > 0;
    struct entry *found = is_sibling ? find_original(exchange) : NULL;
    if (is_sibling)
        explanation.original = found;
    write_explanation(&explanation);
    if (found != NULL)
        store_release(exchange->context->store, found);
    replace(exchange, buffer_span(&explanation.text));
}

void explain(struct exchange *exchange)
{
    if (explain_applies(exchange))
        explain_response(exchange);
}

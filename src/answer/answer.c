#include "answer/answer.h"

#include "answer/directory.h"
#include "answer/error.h"
#include "answer/explain.h"
#include "answer/file.h"
#include "answer/health.h"
#include "answer/live_reload.h"
#include "answer/lookup.h"
#include "answer/metrics_text.h"
#include "answer/options.h"
#include "answer/page_part.h"
#include "answer/rules.h"
#include "answer/unregister.h"
#include "http/conditional.h"
#include "http/host.h"

#include <assert.h>

enum { DNS_NAME_MAX = 253 }; /* RFC 1035 2.3.4, without the length bytes of its labels */

static enum outcome refuse(struct exchange *exchange, int status)
{
    assert(status != 0);
    exchange->status = status;
    return OUTCOME_ERROR;
}

/* Detects DNS rebinding. A request without an authority is not from a browser; an invalid one in the target is a 400
   later. */
static bool has_foreign_host(const struct exchange *exchange, struct span authority)
{
    return exchange->check_host && authority.length > 0 &&
           !config_allows_host(exchange->context->config, exchange->host) && target_host_is_valid(authority);
}

/* Browsers load scripts, styles and images of any site without asking the server (CVE-2025-30359). */
static bool is_foreign_load(const struct exchange *exchange)
{
    return exchange->check_host && request_has(exchange->request, 1U << FIELD_SEC_FETCH_SITE) &&
           client_is_cross_site_load(exchange->request) && exchange->context->config->settings->cors == NULL &&
           exchange_is_guarded(exchange);
}

/* An authority may have no name, or one that is too long for a page. */
static enum outcome refuse_host(struct exchange *exchange)
{
    struct buffer *text = &exchange->reason.text;
    bool is_name = exchange->host.length > 0 && exchange->host.length <= DNS_NAME_MAX;
    buffer_append(text, SPAN("To prevent DNS rebinding, this server accepts only its own host names, such as "
                             "localhost. To accept this one too, start it with --allow-host "));
    buffer_append(text, is_name ? exchange->host : SPAN("NAME"));
    buffer_byte(text, '.');
    return refuse(exchange, 403);
}

static enum outcome refuse_load(struct exchange *exchange)
{
    buffer_append(&exchange->reason.text,
                  SPAN("Pages of other sites can't load files from this server. To allow it, start it with --cors."));
    return refuse(exchange, 403);
}

/* For generated responses, which have no validators (RFC 9110 13.2.1): only "*" matches one. */
static enum outcome check_conditions(struct exchange *exchange, enum outcome outcome)
{
    static const struct validators none = {
        .modified = CONDITIONAL_UNDATED,
        .last_modified = CONDITIONAL_UNDATED,
    };
    switch (conditional_evaluate(exchange->request, &none, exchange->context->now)) {
    case CONDITIONAL_NOT_MODIFIED:
        return OUTCOME_NOT_MODIFIED;
    case CONDITIONAL_FAILED:
        return refuse(exchange, 412);
    case CONDITIONAL_PERFORM:
        break;
    }
    return outcome;
}

static enum outcome list(struct exchange *exchange)
{
    enum outcome outcome = check_conditions(exchange, OUTCOME_LISTING);
    if (outcome != OUTCOME_LISTING)
        exchange->listing->drop(exchange->listing);
    return outcome;
}

/* True if a rule, such as one for every address, leads to a page or away: no script of the site is there, and browsers
   follow no redirect to a service worker (Service Workers, "Update"). */
static bool finds_no_script(const struct exchange *exchange, enum lookup found)
{
    const struct entry *entry = exchange->entry;
    return found == LOOKUP_PAGE || found == LOOKUP_REDIRECT ||
           (found == LOOKUP_FILE && exchange->is_rewritten && span_begins(entry->type, SPAN("text/html")));
}

static enum outcome unregister(struct exchange *exchange)
{
    if (exchange->entry != NULL)
        store_release(exchange->context->store, exchange->entry);
    exchange->entry = NULL;
    return OUTCOME_UNREGISTER;
}

static enum outcome look_up(struct exchange *exchange)
{
    enum lookup found = lookup_find(exchange);
    if (finds_no_script(exchange, found) && unregister_applies(exchange))
        return unregister(exchange);
    switch (found) {
    case LOOKUP_FILE:
        return OUTCOME_FILE;
    case LOOKUP_DIRECTORY:
        return OUTCOME_REDIRECT;
    case LOOKUP_ABOVE:
        return OUTCOME_TO_BASE;
    case LOOKUP_REDIRECT:
        return OUTCOME_RULE;
    case LOOKUP_PAGE:
        return OUTCOME_PAGE;
    case LOOKUP_ERROR:
        return OUTCOME_ERROR;
    case LOOKUP_OUTSIDE:
    case LOOKUP_MISSING:
        break;
    }
    if (found == LOOKUP_MISSING && directory_may_list(exchange)) {
        switch (directory_open(exchange)) {
        case DIRECTORY_LISTED:
            return list(exchange);
        case DIRECTORY_ERROR:
            return OUTCOME_ERROR;
        case DIRECTORY_NONE:
            break;
        }
    }
    if (unregister_applies(exchange))
        return OUTCOME_UNREGISTER;
    if (found == LOOKUP_OUTSIDE)
        lookup_explain_base(exchange);
    else
        lookup_explain(exchange);
    return OUTCOME_MISSING;
}

/* The server's own paths, with any query; OUTCOME_MISSING for others. */
static enum outcome find_own_path(const struct exchange *exchange)
{
    const struct settings *settings = exchange->context->config->settings;
    struct span path = exchange->target->sent_path;
    if (span_equal(path, SPAN(SETTINGS_HEALTH_PATH)))
        return OUTCOME_HEALTH;
    if (settings->metrics != NULL && span_equal(path, span_of(settings->metrics)))
        return OUTCOME_METRICS;
    if (settings->watch && live_reload_is_script(path))
        return page_part_is_report(exchange) ? OUTCOME_REPORT : OUTCOME_SCRIPT;
    return OUTCOME_MISSING;
}

/* GET and HEAD. The server's own paths take precedence over files; machines poll them, so they are not logged. */
static enum outcome route(struct exchange *exchange)
{
    enum outcome own = find_own_path(exchange);
    exchange->response->unlogged |= own != OUTCOME_MISSING;
    if (own == OUTCOME_MISSING)
        return look_up(exchange);
    if (own == OUTCOME_HEALTH && !health_is_good(exchange)) /* 503 takes precedence over conditions */
        return own;
    return check_conditions(exchange, own);
}

/* The usual mistake, in links that are written by hand. */
static enum outcome refuse_target(struct exchange *exchange, int status)
{
    struct span escape = target_bad_escape(request_target(exchange->request));
    if (escape.length > 0) {
        struct buffer *text = &exchange->reason.text;
        buffer_append(text, SPAN("'"));
        buffer_append(text, escape);
        buffer_append(text, SPAN("' is no escape of two hexadecimal digits; a percent sign is written %25."));
    }
    return refuse(exchange, status);
}

static enum outcome decide(struct exchange *exchange)
{
    const struct request *request = exchange->request;
    if (request->state == REQUEST_BAD)
        return refuse(exchange, request->status);
    struct span target = request_target(request);
    int status = target_parse(target, exchange->target);
    struct span authority = host_of(request, exchange->target);
    exchange->host = host_name(authority);
    bool is_field = exchange->target->authority.at == NULL;
    if (!target_host_is_valid(is_field ? authority : request_field(request, FIELD_HOST)))
        return refuse(exchange, 400);
    if (has_foreign_host(exchange, authority))
        return refuse_host(exchange);
    if (is_foreign_load(exchange))
        return refuse_load(exchange);
    bool is_retrieval = request_is_retrieval(request);
    if (!is_retrieval && request->method != METHOD_OPTIONS)
        return refuse(exchange, 405);
    if (!is_retrieval && span_equal(target, SPAN("*")))
        return OUTCOME_OPTIONS;
    if (status != 0)
        return refuse_target(exchange, status);
    return is_retrieval ? route(exchange) : OUTCOME_OPTIONS;
}

static void begin(struct exchange *exchange)
{
    const struct request *request = exchange->request;
    const struct config *config = exchange->context->config;
    struct response *response = exchange->response;
    response->common = config->common;
    response->cache = config->generated_cache;
    response->last |= !request->keep_alive || request_ends_stream(request);
    response->head_only = request->method == METHOD_HEAD;
    exchange->live = live_reload_of(exchange);
    response->unlogged = exchange->live == LIVE_CHECK; /* also if it is refused: a page of a 400 checks itself, too */
}

void answer(struct exchange *exchange)
{
    begin(exchange);
    enum outcome outcome = decide(exchange);
    exchange->outcome = (uint8_t)outcome;
    switch (outcome) {
    case OUTCOME_ERROR:
        error_answer(exchange, exchange->status, SPAN_NONE);
        break;
    case OUTCOME_OPTIONS:
        options_answer(exchange);
        break;
    case OUTCOME_HEALTH:
        health_answer(exchange);
        break;
    case OUTCOME_METRICS:
        metrics_text_answer(exchange);
        break;
    case OUTCOME_SCRIPT:
        live_reload_answer_script(exchange);
        break;
    case OUTCOME_REPORT:
        page_part_answer_report(exchange);
        break;
    case OUTCOME_FILE:
        file_answer(exchange);
        break;
    case OUTCOME_PAGE:
        file_answer_page(exchange, exchange->status);
        break;
    case OUTCOME_RULE:
        directory_redirect_to_location(exchange);
        break;
    case OUTCOME_REDIRECT:
        directory_redirect(exchange);
        break;
    case OUTCOME_TO_BASE:
        directory_redirect_to_base(exchange);
        break;
    case OUTCOME_LISTING:
        directory_answer(exchange);
        break;
    case OUTCOME_NOT_MODIFIED:
        exchange->response->status = 304;
        exchange_finish(exchange, SPAN_NONE);
        break;
    case OUTCOME_UNREGISTER:
        unregister_answer(exchange);
        break;
    case OUTCOME_MISSING:
        file_answer_missing(exchange);
        break;
    }
    if (request_has(exchange->request, 1U << FIELD_TINYHTTPD_EXPLAIN))
        explain(exchange);
}

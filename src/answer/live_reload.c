#include "answer/live_reload.h"

#include "site/assets.h"

/* A path that no site has of its own (RFC 8615). */
#define SCRIPT_PATH "/.well-known/tinyhttpd/live.js"

enum live live_reload_of(struct exchange *exchange)
{
    const struct request *request = exchange->request;
    if (!exchange->context->config->settings->watch || !request_is_retrieval(request))
        return LIVE_NONE;
    if (request_field(request, FIELD_TINYHTTPD_LIVE).at != NULL)
        return LIVE_CHECK;
    bool part = request_field(request, FIELD_RANGE).at != NULL;
    return exchange_is_navigation(exchange) && !part ? LIVE_PAGE : LIVE_NONE;
}

bool live_reload_is_script(const struct exchange *exchange)
{
    return exchange->context->config->settings->watch && request_is_retrieval(exchange->request) &&
           span_equal(exchange->target->sent_path, SPAN(SCRIPT_PATH));
}

void live_reload_answer_script(struct exchange *exchange)
{
    exchange->response->unlogged = true;
    response_add_bytes(exchange->response, assets_live_reload_script());
    exchange_finish(exchange, SPAN("Content-Type: text/javascript; charset=utf-8\r\n"));
}

void live_reload_answer_nothing(struct exchange *exchange)
{
    exchange->response->status = 204;
    exchange_finish(exchange, SPAN_NONE);
}

/* An attribute's value: an entity tag holds no quotes but its own two (RFC 9110 8.8.3), and ours no ampersand. */
void live_reload_add_element(struct response *response, struct span etag)
{
    struct buffer *text = &response->text;
    size_t start = text->length;
    buffer_append(text, SPAN("\n<script src=\"" SCRIPT_PATH "\" data-etag='"));
    buffer_append(text, etag);
    buffer_append(text, SPAN("'></script>\n"));
    response_add_text(response, start);
}

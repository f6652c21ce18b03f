#include "answer/live_reload.h"

#include "site/assets.h"

enum live live_reload_of(struct exchange *exchange)
{
    const struct request *request = exchange->request;
    if (!exchange->context->config->settings->watch || !request_is_retrieval(request))
        return LIVE_NONE;
    if (request->method == METHOD_HEAD && request_has(request, 1U << FIELD_TINYHTTPD_LIVE))
        return LIVE_CHECK;
    bool part = request_has(request, 1U << FIELD_RANGE);
    return !part && exchange_is_navigation(exchange) ? LIVE_PAGE : LIVE_NONE;
}

void live_reload_answer_script(struct exchange *exchange)
{
    response_add_bytes(exchange->response, assets_live_reload_script());
    exchange_finish(exchange, SPAN("Content-Type: text/javascript; charset=utf-8\r\n"));
}

void live_reload_answer_missing(struct exchange *exchange)
{
    exchange->response->status = 204;
    exchange_finish(exchange, SPAN_NONE);
}

/* The entity tag needs no escaping in single quotes: ours contains neither these nor an ampersand. */
void live_reload_add_element(struct response *response, struct span etag)
{
    struct buffer *text = &response->text;
    size_t start = text->length;
    buffer_append(text, SPAN("\n<script src=\"" LIVE_RELOAD_SCRIPT_PATH "\" data-etag='"));
    buffer_append(text, etag);
    buffer_append(text, SPAN("'></script>\n"));
    response_add_text(response, start);
}

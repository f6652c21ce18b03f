#include "answer/health.h"

bool health_is_asked_for(const struct exchange *exchange)
{
    return request_is_retrieval(exchange->request) &&
           span_equal(exchange->target->sent_path, SPAN(SETTINGS_HEALTH_PATH));
}

void health_answer(struct exchange *exchange)
{
    struct response *response = exchange->response;
    bool draining = exchange->context->draining;
    response->status = draining ? 503 : 200;
    response->unlogged = true;
    response_add_bytes(response, draining ? SPAN("draining\n") : SPAN("ok\n"));
    exchange_finish(exchange, SPAN("Content-Type: text/plain; charset=utf-8\r\n"));
}

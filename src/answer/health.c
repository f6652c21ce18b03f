#include "answer/health.h"

void health_answer(struct exchange *exchange)
{
    struct response *response = exchange->response;
    bool draining = exchange->context->draining;
    response->status = draining ? 503 : 200;
    response_add_bytes(response, draining ? SPAN("draining\n") : SPAN("ok\n"));
    exchange_finish(exchange, SPAN("Content-Type: text/plain; charset=utf-8\r\n"));
}

#include "answer/health.h"

bool health_is_good(const struct exchange *exchange)
{
    const struct context *context = exchange->context;
    return !context->stopping && store_look_at_root(context->store) == ROOT_CURRENT;
}

void health_answer(struct exchange *exchange)
{
    struct response *response = exchange->response;
    const struct context *context = exchange->context;
    bool misses_root = store_root_state(context->store) != ROOT_CURRENT;
    response->status = context->stopping || misses_root ? 503 : 200;
    response_add_bytes(response, context->stopping ? SPAN("stopping\n")
                                 : misses_root     ? SPAN("the root is missing\n")
                                                   : SPAN("ok\n"));
    exchange_finish(exchange, SPAN("Content-Type: text/plain; charset=utf-8\r\n"));
}

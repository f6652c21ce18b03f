#include "answer/unregister.h"

#include "site/assets.h"

bool unregister_applies(const struct exchange *exchange)
{
    bool is_there = exchange->denied || exchange->refused.codings != 0;
    return !is_there && exchange_is_guarded(exchange) &&
           span_equal(request_single_field(exchange->request, FIELD_SERVICE_WORKER), SPAN("script"));
}

void unregister_answer(struct exchange *exchange)
{
    exchange->response->cache = SPAN(RESPONSE_NO_STORE);
    response_add_bytes(exchange->response, assets_unregister_script());
    exchange_finish(exchange, SPAN("Content-Type: text/javascript; charset=utf-8\r\n"));
}

#include "answer/exchange.h"

#include "http/host.h"

enum media exchange_media(struct exchange *exchange)
{
    if (!exchange->asked.media_known) {
        exchange->asked.media = negotiate_media(exchange->request);
        exchange->asked.media_known = true;
    }
    return exchange->asked.media;
}

bool exchange_is_navigation(struct exchange *exchange)
{
    if (!exchange->asked.navigation_known) {
        exchange->asked.navigation = negotiate_is_navigation(exchange->request);
        exchange->asked.navigation_known = true;
    }
    return exchange->asked.navigation;
}

bool exchange_is_local(struct exchange *exchange)
{
    if (!exchange->asked.local_known) {
        exchange->asked.local =
            client_is_local(&exchange->client, exchange->request) && host_is_loopback(exchange->host);
        exchange->asked.local_known = true;
    }
    return exchange->asked.local;
}

bool exchange_wants_reason(struct exchange *exchange)
{
    return request_field(exchange->request, FIELD_ACCEPT).length > 0 && exchange_is_local(exchange);
}

void exchange_finish(struct exchange *exchange, struct span lines)
{
    response_finish(exchange->response, exchange->context->date, exchange->request->minor_version, lines);
}

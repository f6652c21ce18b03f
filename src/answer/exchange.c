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

enum client_kind exchange_kind(struct exchange *exchange)
{
    if (!exchange->asked.kind_known) {
        exchange->asked.kind = client_kind(exchange->request, exchange->live == LIVE_CHECK);
        exchange->asked.kind_known = true;
    }
    return exchange->asked.kind;
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
    const struct request *request = exchange->request;
    if (request_field(request, FIELD_ACCEPT).length == 0 || !exchange_is_local(exchange))
        return false;
    return exchange_kind(exchange) != CLIENT_SUBRESOURCE || !client_is_cross_site(request);
}

void exchange_finish(struct exchange *exchange, struct span lines)
{
    struct response *response = exchange->response;
    unsigned minor_version = exchange->request->minor_version;
    if (!response->last && minor_version > 0)
        response->common = exchange->context->config->kept;
    response_finish(response, exchange->context->date, minor_version, lines);
}

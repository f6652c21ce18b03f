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

bool exchange_is_guarded(const struct exchange *exchange)
{
    return exchange->check_host && !config_publishes_host(exchange->context->config, exchange->host);
}

bool exchange_has_foreign_origin(const struct exchange *exchange)
{
    const struct request *request = exchange->request;
    struct span origin = request_field(request, FIELD_ORIGIN);
    if (request_has(request, 1U << FIELD_SEC_FETCH_SITE) || !request_has(request, 1U << FIELD_ORIGIN))
        return false;
    span_take_until(&origin, '/');
    span_take_until(&origin, '/');
    return !span_equal_nocase(origin, host_of(request, exchange->target));
}

bool exchange_wants_reason(struct exchange *exchange)
{
    const struct request *request = exchange->request;
    if (request_field(request, FIELD_ACCEPT).length == 0 || !exchange_is_local(exchange) ||
        exchange_has_foreign_origin(exchange))
        return false;
    return exchange_kind(exchange) != CLIENT_SUBRESOURCE || !client_is_cross_site(request);
}

__attribute__((cold)) void exchange_write_note(struct exchange *exchange, struct span path, const char *what)
{
    struct buffer *text = &exchange->response->text;
    struct buffer note = {text->at, exchange->noted, EXCHANGE_NOTES_MAX, false};
    exchange->notes_cut |= text->length != exchange->noted; /* other text follows */
    if (exchange->notes_cut)
        return;
    buffer_plain(&note, path.length > 0 ? path : SPAN("the root"));
    buffer_string(&note, ": ");
    buffer_string(&note, what);
    buffer_byte(&note, '\n');
    exchange->notes_cut = note.overflow;
    if (!note.overflow)
        text->length = exchange->noted = (uint16_t)note.length;
}

void exchange_finish(struct exchange *exchange, struct span lines)
{
    const struct config *config = exchange->context->config;
    struct response *response = exchange->response;
    /* Then `kept` has the Connection field that HTTP/1.0 needs as well. */
    bool announced = !response->last && config->settings->keep_alive > 0;
    if (!response->last)
        response->common = config->kept;
    response_finish(response, exchange->context->date, announced ? 1 : exchange->request->minor_version, lines);
}

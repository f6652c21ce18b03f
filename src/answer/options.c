#include "answer/options.h"

#include "answer/error.h"

/* What answers a preflight (Fetch standard, "CORS-preflight fetch") besides the origin, which every answer names. The
   fields that a page wants to send are of no use here, and so none does harm. */
static void append_preflight(const struct exchange *exchange, struct buffer *lines)
{
    const struct request *request = exchange->request;
    const struct config *config = exchange->context->config;
    struct span fields = request_single_field(request, FIELD_ACCESS_CONTROL_REQUEST_HEADERS);
    if (config->settings->cors == NULL ||
        request_field(request, FIELD_ACCESS_CONTROL_REQUEST_METHOD).at == NULL)
        return;
    config_append_own(config, lines, SPAN("Access-Control-Allow-Methods"), SPAN("GET, HEAD, OPTIONS"));
    config_append_own(config, lines, SPAN("Access-Control-Max-Age"), SPAN("600"));
    if (fields.length <= CONFIG_PREFLIGHT_MAX && config_is_token_list(fields))
        config_append_own(config, lines, SPAN("Access-Control-Allow-Headers"), fields);
}

void options_answer(struct exchange *exchange)
{
    char room[CONFIG_PREFLIGHT_MAX + 256];
    struct buffer lines = BUFFER(room);
    buffer_append(&lines, SPAN(ERROR_ALLOW));
    append_preflight(exchange, &lines);
    exchange->response->status = 204;
    exchange_finish(exchange, buffer_filled(&lines));
}

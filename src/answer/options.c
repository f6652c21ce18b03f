#include "answer/options.h"

#include "answer/error.h"

#include <string.h>

static bool is_token_list(struct span list)
{
    struct span member;
    while (span_next_member(&list, &member)) {
        for (size_t i = 0; i < member.length; i++) {
            if (!text_is_tchar((unsigned char)member.at[i]))
                return false;
        }
    }
    return true;
}

/* Explanations are not for scripts of other sites. Browsers send names in lower case (Fetch standard, "CORS-unsafe
   request-header names"). */
static bool asks_for_explanation(struct span fields)
{
    static const struct span name = SPAN_INIT("tinyhttpd-explain");
    return fields.length > 0 && memmem(fields.at, fields.length, name.at, name.length) != NULL;
}

/* The fields of a preflight response (Fetch standard, "CORS-preflight fetch") besides Access-Control-Allow-Origin,
   which every response has. Allows all other request fields: the server ignores them, so they do no harm. */
static void append_preflight(const struct exchange *exchange, struct buffer *lines)
{
    const struct request *request = exchange->request;
    const struct config *config = exchange->context->config;
    struct span fields = request_single_field(request, FIELD_ACCESS_CONTROL_REQUEST_HEADERS);
    if (config->settings->cors == NULL || !request_has(request, 1U << FIELD_ACCESS_CONTROL_REQUEST_METHOD))
        return;
    config_append_default(config, lines, SPAN("Access-Control-Allow-Methods"), SPAN("GET, HEAD, OPTIONS"));
    config_append_default(config, lines, SPAN("Access-Control-Max-Age"), SPAN("600"));
    if (fields.length <= OPTIONS_FIELDS_MAX && is_token_list(fields) && !asks_for_explanation(fields))
        config_append_default(config, lines, SPAN("Access-Control-Allow-Headers"), fields);
}

void options_answer(struct exchange *exchange)
{
    char room[OPTIONS_FIELDS_MAX + 256];
    struct buffer lines = BUFFER(room);
    buffer_append(&lines, SPAN(ERROR_ALLOW));
    append_preflight(exchange, &lines);
    exchange->response->status = 204;
    exchange_finish(exchange, buffer_filled(&lines));
}

#include "answer/error.h"

#include "answer/live_reload.h"
#include "answer/rules.h"
#include "site/assets.h"
#include "site/page.h"

#include <string.h>

static const char *sentence_of(int status)
{
    switch (status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        return "This address is incomplete; the Location field has the whole one.";
    case 400:
        return "The request is malformed.";
    case 403:
        return "The server's user may not read the index of this directory.";
    case 404:
        return "No file matches this address.";
    case 410:
        return "What this address had is gone.";
    case 451:
        return "What this address has may not be shown, for legal reasons.";
    case 405:
        return "This server only serves files: use GET, HEAD or OPTIONS.";
    case 406:
        return "The request accepts none of this file's encodings; change its Accept-Encoding.";
    case 408:
        return "The request took too long to arrive; please try again.";
    case 412:
        return "The file is not the version that the request requires; please load it again.";
    case 413:
        return "The request's body is too large; this server needs none.";
    case 414:
        return "The address is too long.";
    case 416:
        return "The file has none of the requested bytes; Content-Range tells its size.";
    case 431:
        return "The request's header fields are too long or too many; try to clear this site's cookies.";
    case 501:
        return "This server does not implement the request's method or transfer coding.";
    case 503:
        return "The server is temporarily unable to answer; please try again in a second.";
    case 505:
        return "This server speaks HTTP/1.1 and HTTP/1.0 only.";
    default:
        return "The server failed to read the file.";
    }
}

static void append_missing_root(struct buffer *sentence, bool is_file, int error)
{
    buffer_append(sentence, is_file ? SPAN("The file") : SPAN("The directory"));
    buffer_append(sentence, SPAN(" that this server serves is missing ("));
    buffer_string(sentence, strerror(error));
    buffer_append(sentence, SPAN("). It is served again as soon as it is back."));
}

/* The request's host, or the site of the page that sends it, is foreign. */
static bool is_foreign(const struct exchange *exchange, int status)
{
    return status == 403 && exchange->denied_index.length == 0;
}

/* The script reloads the page once the error is gone. A browser leaves a 302 at once, and a foreign host can't load the
   script. */
static bool has_script(struct exchange *exchange, int status)
{
    return exchange->live == LIVE_PAGE && exchange_media(exchange) == MEDIA_HTML && status != 302 &&
           !is_foreign(exchange, status);
}

static void append_page(struct exchange *exchange, int status, struct buffer *out)
{
    char digits[4], said[REASON_MAX], up[TARGET_START_MAX];
    struct span base = exchange->context->config->base;
    struct buffer number = BUFFER(digits), sentence = BUFFER(said), start = BUFFER(up);
    bool may_explain = status == 404 || exchange->denied_index.length > 0;
    bool explains = status == 400 || (may_explain && exchange_wants_reason(exchange));
    buffer_number(&number, (uint64_t)status);
    if (status == 404)
        target_append_start(&start, exchange->target, base);
    if (status == 503 && store_root_state(exchange->context->store) == ROOT_MISSING)
        append_missing_root(&sentence, exchange->context->config->file.length > 0,
                            store_root_error(exchange->context->store));
    else if (is_foreign(exchange, status))
        buffer_append(&sentence, buffer_span(&exchange->reason.text));
    else if (exchange->location.length > 0)
        buffer_append(&sentence, SPAN("This address leads to another one, which the Location field has."));
    else
        buffer_string(&sentence, sentence_of(status));
    struct page page = {
        .status = buffer_filled(&number),
        .title = span_of(response_reason_phrase(status)),
        .sentence = buffer_filled(&sentence),
        .reason = explains ? buffer_span(&exchange->reason.text) : SPAN_NONE,
        .suggestion = explains ? buffer_span(&exchange->reason.suggestion) : SPAN_NONE,
        .start = buffer_filled(&start),
        .base = base,
    };
    if (exchange_media(exchange) == MEDIA_HTML)
        page_write(out, &page);
    else
        page_write_text(out, &page);
}

static void append_lines(struct exchange *exchange, int status, struct buffer *lines)
{
    char room[512];
    const struct config *config = exchange->context->config;
    struct buffer policy = BUFFER(room);
    bool html = exchange_media(exchange) == MEDIA_HTML;
    buffer_append(&policy, assets_page_policy());
    if (has_script(exchange, status))
        buffer_append(&policy, SPAN(LIVE_RELOAD_POLICY));
    config_append_page(config, lines, html ? SPAN(PAGE_TYPE) : SPAN(PAGE_TEXT_TYPE), buffer_filled(&policy));
    if (status == 405)
        buffer_append(lines, SPAN(ERROR_ALLOW));
    if (status == 503)
        config_append_default(config, lines, SPAN("Retry-After"), SPAN("1"));
}

void error_answer(struct exchange *exchange, int status, struct span line)
{
    char room[ERROR_LINE_MAX + 768];
    struct buffer lines = BUFFER(room);
    struct response *response = exchange->response;
    size_t start = response->text.length;
    if (status >= 500)
        rules_forget(exchange);
    append_lines(exchange, status, &lines);
    buffer_append(&lines, line);
    append_page(exchange, status, &response->text);
    response_add_text(response, start);
    if (has_script(exchange, status))
        live_reload_add_element(response, SPAN_NONE);
    response->status = status;
    /* Accept decides between HTML and plain text (RFC 9110 12.5.5). */
    response->varies |= exchange->context->config->settings->watch ? RESPONSE_BY_CLIENT : RESPONSE_BY_ACCEPT;
    exchange_finish(exchange, buffer_filled(&lines));
}

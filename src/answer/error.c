#include "answer/error.h"

#include "answer/live_reload.h"
#include "base/limits.h"
#include "site/assets.h"
#include "site/page.h"

/* Why, in one sentence; and what to do where there is something. */
static const char *sentence_of(int status)
{
    switch (status) {
    case 400:
        return "The request is malformed.";
    case 404:
        return "There is nothing at this address.";
    case 405:
        return "This server only reads: GET, HEAD and OPTIONS are the methods that it knows.";
    case 406:
        return "There is no form of this file that the request accepts.";
    case 408:
        return "The request did not arrive in time.";
    case 412:
        return "The file is not the one that the request expects.";
    case 413:
        return "The request's body is too large; this server has no use for one.";
    case 414:
        return "The address is too long.";
    case 416:
        return "The file does not have what the request asks for; it is shorter.";
    case 431:
        return "The request's header fields are too long or too many; clearing this site's cookies may help.";
    case 501:
        return "The request asks for something that this server does not implement.";
    case 503:
        return "The server can't answer this just now; please try again.";
    case 505:
        return "This server speaks HTTP/1.1 and HTTP/1.0.";
    default:
        return "Something went wrong on this side.";
    }
}

void error_append_lines(const struct config *config, struct buffer *lines, struct span type,
                        struct span policy)
{
    buffer_append(lines, SPAN("Content-Type: "));
    buffer_append(lines, type);
    buffer_append(lines, SPAN("\r\n"));
    config_append_own(config, lines, SPAN("Content-Security-Policy"), policy);
}

struct span error_page_type(struct exchange *exchange)
{
    return exchange_media(exchange) == MEDIA_HTML ? SPAN(PAGE_TYPE) : SPAN(PAGE_TEXT_TYPE);
}

void error_answer_page(struct exchange *exchange, int status, struct span sentence, struct span lines)
{
    char digits[4];
    struct buffer number = BUFFER(digits);
    struct response *response = exchange->response;
    size_t start = response->text.length;
    buffer_number(&number, (uint64_t)status);
    bool explains = status == 404 && exchange_wants_reason(exchange);
    struct page page = {
        .status = buffer_filled(&number),
        .title = span_of(response_reason(status)),
        .sentence = sentence,
        .reason = explains ? buffer_span(&exchange->reason.text) : SPAN_NONE,
        .meant = explains ? buffer_span(&exchange->reason.meant) : SPAN_NONE,
        .way_out = status == 404,
    };
    if (exchange_media(exchange) == MEDIA_HTML)
        page_write(&response->text, &page);
    else
        page_write_text(&response->text, &page);
    response_add_text(response, start);
    if (exchange->live == LIVE_PAGE)
        live_reload_add_element(response, SPAN_NONE);
    response->status = status;
    response->varies |= RESPONSE_BY_ACCEPT; /* which form the page has (RFC 9110 12.5.5) */
    exchange_finish(exchange, lines);
}

/* The Content-Security-Policy of an error's page: with --watch its script may run. */
static struct span error_policy(const struct exchange *exchange, struct buffer *room)
{
    buffer_append(room, assets_page_policy());
    if (exchange->live == LIVE_PAGE)
        buffer_append(room, SPAN(LIVE_RELOAD_POLICY));
    return buffer_filled(room);
}

void error_answer(struct exchange *exchange, int status, struct span line)
{
    char room[768], allowed[512];
    struct buffer lines = BUFFER(room), policy = BUFFER(allowed);
    error_append_lines(exchange->context->config, &lines, error_page_type(exchange),
                       error_policy(exchange, &policy));
    buffer_append(&lines, line);
    if (status == 405)
        buffer_append(&lines, SPAN(ERROR_ALLOW));
    if (status == 503)
        config_append_own(exchange->context->config, &lines, SPAN("Retry-After"), SPAN("1"));
    error_answer_page(exchange, status, span_of(sentence_of(status)), buffer_filled(&lines));
}

void error_answer_foreign_host(struct exchange *exchange)
{
    enum { DNS_NAME_MAX = 253 }; /* RFC 1035 2.3.4, without the length bytes of its labels */
    char room[768], said[DNS_NAME_MAX + 256];
    struct buffer lines = BUFFER(room), sentence = BUFFER(said);
    struct span name = exchange->host;
    error_append_lines(exchange->context->config, &lines, error_page_type(exchange), assets_page_policy());
    buffer_append(&sentence,
                  SPAN("This server answers to the names of its own machine only, such as localhost. "
                       "To let it have this one as well, start it with --allow-host "));
    buffer_append(&sentence, name.length <= DNS_NAME_MAX ? name : SPAN("NAME"));
    error_answer_page(exchange, 403, buffer_filled(&sentence), buffer_filled(&lines));
}

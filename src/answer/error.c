#include "answer/error.h"

#include "answer/live_reload.h"
#include "site/assets.h"
#include "site/page.h"

enum { DNS_NAME_MAX = 253 }; /* RFC 1035 2.3.4, without the length bytes of its labels */

static const char *sentence_of(int status)
{
    switch (status) {
    case 302:
        return "This is a directory; its address ends with a slash.";
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

/* An invalid name could be longer than a page has room for, so it is not repeated. */
static void append_foreign_host(struct buffer *sentence, struct span name)
{
    buffer_append(sentence,
                  SPAN("This server answers to the names of its own machine only, such as localhost. "
                       "To let it have this one as well, start it with --allow-host "));
    buffer_append(sentence, name.length <= DNS_NAME_MAX ? name : SPAN("NAME"));
}

/* The script reloads the page once the error is gone. A browser leaves a 302 at once, and a foreign host can't load the
   script. */
static bool has_script(const struct exchange *exchange, int status)
{
    return exchange->live == LIVE_PAGE && status != 302 && status != 403;
}

static void append_page(struct exchange *exchange, int status, struct buffer *out)
{
    char digits[4], said[DNS_NAME_MAX + 256];
    struct buffer number = BUFFER(digits), sentence = BUFFER(said);
    bool explains = status == 404 && exchange_wants_reason(exchange);
    buffer_number(&number, (uint64_t)status);
    if (status == 403)
        append_foreign_host(&sentence, exchange->host);
    else
        buffer_string(&sentence, sentence_of(status));
    struct page page = {
        .status = buffer_filled(&number),
        .title = span_of(response_reason(status)),
        .sentence = buffer_filled(&sentence),
        .reason = explains ? buffer_span(&exchange->reason.text) : SPAN_NONE,
        .meant = explains ? buffer_span(&exchange->reason.meant) : SPAN_NONE,
        .way_out = status == 404,
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
        config_append_own(config, lines, SPAN("Retry-After"), SPAN("1"));
}

void error_answer(struct exchange *exchange, int status, struct span line)
{
    char room[ERROR_LINE_MAX + 768];
    struct buffer lines = BUFFER(room);
    struct response *response = exchange->response;
    size_t start = response->text.length;
    append_lines(exchange, status, &lines);
    buffer_append(&lines, line);
    append_page(exchange, status, &response->text);
    response_add_text(response, start);
    if (has_script(exchange, status))
        live_reload_add_element(response, SPAN_NONE);
    response->status = status;
    response->varies |= RESPONSE_BY_ACCEPT; /* Accept decides between HTML and plain text (RFC 9110 12.5.5) */
    exchange_finish(exchange, buffer_filled(&lines));
}

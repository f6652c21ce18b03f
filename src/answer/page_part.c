#include "answer/page_part.h"

#include "answer/explain.h"
#include "base/log.h"

#include <string.h>

/* ---- which requests load a part ---- */

/* "http://localhost:8080/page?q" is `page` "/page" at `authority` "localhost:8080". A page may hide its address. */
static void split_referer(struct span referer, struct span *authority, struct span *page)
{
    struct span rest = referer;
    span_take_until(&rest, '/');
    span_take_until(&rest, '/');
    *authority = (struct span){rest.at, span_find(rest, '/')};
    rest = span_from(rest, authority->length);
    *page = (struct span){rest.at, span_find(rest, '?')};
    if (page->length == 0)
        *page = SPAN("a page");
}

/* Only browsers that trust the address send Fetch Metadata (client.h). */
static bool is_by_own_page(const struct exchange *exchange, struct span page_authority)
{
    const struct request *request = exchange->request;
    if (!request_has(request, 1U << FIELD_SEC_FETCH_SITE))
        return page_authority.length > 0 && span_equal(page_authority, request_field(request, FIELD_HOST)) &&
               !span_begins(request_field(request, FIELD_ACCEPT), SPAN("text/html"));
    return span_equal(request_field(request, FIELD_SEC_FETCH_SITE), SPAN("same-origin")) &&
           !span_equal(request_field(request, FIELD_SEC_FETCH_DEST), SPAN("document"));
}

/* Chromium's developer tools ask for a file in .well-known. */
static bool is_asked_for_by_browsers(struct span path)
{
    return span_equal(path, SPAN("/favicon.ico")) || span_begins(path, SPAN("/.well-known/"));
}

/* ---- which are refused ---- */

/* Browsers compare types without case (MIME Sniffing 4.4). */
static struct span lower(struct span text, char room[static ENTRY_TYPE_MAX])
{
    size_t length = text.length < ENTRY_TYPE_MAX ? text.length : ENTRY_TYPE_MAX;
    for (size_t i = 0; i < length; i++)
        room[i] = text_lower(text.at[i]);
    return (struct span){room, length};
}

static bool is_javascript(struct span type)
{
    static const struct span names[] = {SPAN_INIT("javascript"), SPAN_INIT("ecmascript"), SPAN_INIT("jscript"),
                                        SPAN_INIT("livescript")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (memmem(type.at, type.length, names[i].at, names[i].length) != NULL)
            return true;
    }
    return false;
}

static bool is_script_like(struct span destination)
{
    static const struct span names[] = {SPAN_INIT("script"),       SPAN_INIT("worker"),
                                        SPAN_INIT("sharedworker"), SPAN_INIT("serviceworker"),
                                        SPAN_INIT("audioworklet"), SPAN_INIT("paintworklet")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (span_equal(destination, names[i]))
            return true;
    }
    return false;
}

/* Fetch, "Should response to request be blocked due to nosniff?" */
static bool is_refused_by_type(const struct exchange *exchange)
{
    struct span destination = request_field(exchange->request, FIELD_SEC_FETCH_DEST);
    char room[ENTRY_TYPE_MAX];
    struct span type = lower(exchange->representation.type, room), common = exchange->response->common;
    if (exchange->response->status != 200 || exchange->entry == NULL ||
        memmem(common.at, common.length, "nosniff", 7) == NULL)
        return false;
    if (span_equal(destination, SPAN("style")))
        return !span_begins(type, SPAN("text/css"));
    return is_script_like(destination) && !is_javascript(type);
}

/* ---- counting ---- */

/* "PAGE -> PART: what", with a long page or part cut. */
static void count(const struct exchange *exchange, struct span page, struct span part, bool by_type)
{
    enum { SHARE = (METRICS_PATH_MAX - 48) / 2 };
    char room[METRICS_PATH_MAX];
    struct buffer text = BUFFER(room);
    buffer_append(&text, (struct span){page.at, page.length < SHARE ? page.length : SHARE});
    buffer_append(&text, SPAN(" -> "));
    buffer_append(&text, (struct span){part.at, part.length < SHARE ? part.length : SHARE});
    buffer_append(&text, SPAN(": "));
    if (by_type) {
        buffer_append(&text, SPAN("refused, its type is "));
        buffer_append(&text,
                      (struct span){exchange->representation.type.at, span_find(exchange->representation.type, ';')});
    } else {
        buffer_number(&text, (uint64_t)exchange->response->status);
    }
    metrics_fail(exchange->context->metrics, (struct span){room, text.length});
}

void page_part_check(const struct exchange *exchange)
{
    struct span authority, page, part = exchange->target->sent_path;
    bool by_type = is_refused_by_type(exchange);
    if ((exchange->response->status < 400 && !by_type) || exchange->live == LIVE_CHECK || part.length == 0)
        return;
    split_referer(request_field(exchange->request, FIELD_REFERER), &authority, &page);
    if (!is_by_own_page(exchange, authority) || is_asked_for_by_browsers(part))
        return;
    count(exchange, page, part, by_type);
}

/* ---- reports of the script ---- */

bool page_part_is_report(const struct exchange *exchange)
{
    struct span value = request_field(exchange->request, FIELD_TINYHTTPD_LIVE);
    return exchange->live == LIVE_CHECK && value.length > 0 && !span_equal(value, SPAN("1"));
}

/* The value is percent-encoded text: field values are ASCII (RFC 9110 5.5). A bad escape loses its "%". */
static void decode(struct buffer *text, struct span value)
{
    while (value.length > 0 && !text->overflow) {
        size_t plain = span_find(value, '%');
        buffer_append(text, (struct span){value.at, plain});
        value = span_from(value, plain);
        int escaped = text_escape(value);
        if (escaped >= 0)
            buffer_byte(text, (char)escaped);
        if (value.length > 0)
            value = span_from(value, escaped >= 0 ? 3 : 1);
    }
}

void page_part_answer_report(struct exchange *exchange)
{
    const struct request *request = exchange->request;
    char room[1024];
    struct buffer text = BUFFER(room);
    struct span authority, page;
    split_referer(request_field(request, FIELD_REFERER), &authority, &page);
    exchange->response->status = 204;
    bool is_own = !request_has(request, 1U << FIELD_SEC_FETCH_SITE) ||
                  span_equal(request_field(request, FIELD_SEC_FETCH_SITE), SPAN("same-origin"));
    if (is_own && !explain_applies(exchange)) {
        buffer_append(&text, page);
        buffer_append(&text, SPAN(": "));
        decode(&text, request_field(request, FIELD_TINYHTTPD_LIVE));
        log_error("in the browser: %.*s", (int)text.length, room);
        if (exchange->context->config->settings->strict)
            metrics_fail(exchange->context->metrics, (struct span){room, text.length});
    }
    exchange_finish(exchange, SPAN_NONE);
}

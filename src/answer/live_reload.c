#include "answer/live_reload.h"

#include "site/assets.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum live live_reload_of(struct exchange *exchange)
{
    const struct request *request = exchange->request;
    if (!exchange->context->config->settings->watch || !request_is_retrieval(request))
        return LIVE_NONE;
    if (request->method == METHOD_HEAD && request_has(request, 1U << FIELD_TINYHTTPD_LIVE))
        return LIVE_CHECK;
    if (request_has(request, 1U << FIELD_RANGE))
        return LIVE_NONE;
    enum client_kind kind = exchange_kind(exchange);
    return kind == CLIENT_NAVIGATION || kind == CLIENT_LIKELY_NAVIGATION ? LIVE_PAGE : LIVE_NONE;
}

bool live_reload_is_script(struct span path)
{
    return span_ends(path, SPAN("/" LIVE_RELOAD_SCRIPT));
}

void live_reload_answer_script(struct exchange *exchange)
{
    response_add_bytes(exchange->response, assets_live_reload_script());
    exchange_finish(exchange, SPAN("Content-Type: text/javascript; charset=utf-8\r\n"));
}

void live_reload_answer_missing(struct exchange *exchange)
{
    exchange->response->status = 204;
    exchange_finish(exchange, SPAN_NONE);
}

/* The entity tag needs no escaping in single quotes: ours contains neither these nor an ampersand. */
static void append_element(struct buffer *text, struct span etag)
{
    buffer_append(text, SPAN("\n<script src=\"" LIVE_RELOAD_SCRIPT "\" data-etag='"));
    buffer_append(text, etag);
    buffer_append(text, SPAN("'></script>\n"));
}

void live_reload_add_element(struct response *response, struct span etag)
{
    size_t start = response->text.length;
    append_element(&response->text, etag);
    response_add_text(response, start);
}

/* ---- listings ---- */

struct followed {
    struct body_producer producer;
    struct body_producer *page;
    bool ended; /* only the element is left */
    size_t etag_length;
    char etag[LIVE_RELOAD_ETAG_MAX];
};

static enum body_state fill(struct body_producer *producer, struct buffer *piece)
{
    struct followed *followed = (struct followed *)(void *)producer; /* its first member */
    if (!followed->ended) {
        enum body_state state = followed->page->fill(followed->page, piece);
        if (state != BODY_END)
            return state;
        followed->ended = true;
    }
    struct buffer draft = *piece;
    append_element(&draft, (struct span){followed->etag, followed->etag_length});
    if (draft.overflow)
        return BODY_MORE;
    *piece = draft;
    return BODY_END;
}

static void drop(struct body_producer *producer)
{
    struct followed *followed = (struct followed *)(void *)producer;
    followed->page->drop(followed->page);
    free(followed);
}

struct body_producer *live_reload_follow(struct body_producer *page, struct span etag)
{
    struct followed *followed = malloc(sizeof *followed);
    if (followed == NULL)
        return NULL;
    assert(etag.length <= sizeof followed->etag);
    *followed = (struct followed){.producer = {fill, drop}, .page = page, .etag_length = etag.length};
    memcpy(followed->etag, etag.at, etag.length);
    return (struct body_producer *)(void *)followed; /* see drop */
}

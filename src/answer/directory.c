#include "answer/directory.h"

#include "answer/error.h"
#include "answer/live_reload.h"
#include "answer/lookup.h"
#include "base/limits.h"
#include "site/assets.h"
#include "site/directory_stamp.h"
#include "site/file_error.h"
#include "site/listing.h"

#include <errno.h>

static bool is_allowed(struct exchange *exchange)
{
    const struct config *config = exchange->context->config;
    if (config->settings->listing != LISTING_LOCAL)
        return config->settings->listing == LISTING_ON;
    if (config->settings->rules > RULES_PLAIN) /* a host lists nothing */
        return false;
    return config->settings->lan || (config->check_host && exchange_is_local(exchange));
}

bool directory_may_list(struct exchange *exchange)
{
    return exchange->target->slash && !exchange->is_rewritten && !lookup_is_hidden(exchange) &&
           exchange->context->config->file.length == 0 && is_allowed(exchange);
}

/* ---- --watch ---- */

/* Before the listing reads the directory, so that a change between the two is noticed. */
static void find_stamp(struct exchange *exchange)
{
    int fd;
    if (exchange->live != LIVE_NONE && store_open_directory(exchange->context->store, exchange->target->path, &fd) == 0)
        exchange->listing_stamp = directory_stamp(fd);
}

static void append_etag(const struct exchange *exchange, struct buffer *text)
{
    buffer_byte(text, '"');
    buffer_hex(text, exchange->listing_stamp);
    buffer_byte(text, '"');
}

static void add_script(struct exchange *exchange)
{
    char room[LIVE_RELOAD_ETAG_MAX];
    struct buffer etag = BUFFER(room);
    append_etag(exchange, &etag);
    struct body_producer *followed = live_reload_follow(exchange->listing, buffer_filled(&etag));
    if (followed == NULL)
        return;
    exchange->listing = followed;
    exchange->has_script = true;
}

static void answer_check(struct exchange *exchange)
{
    char room[64];
    struct buffer line = BUFFER(room);
    buffer_append(&line, SPAN("ETag: "));
    append_etag(exchange, &line);
    buffer_append(&line, SPAN("\r\n"));
    exchange_finish(exchange, buffer_filled(&line));
}

/* ---- listings ---- */

static size_t count_segments(struct span path)
{
    size_t count = path.length > 0;
    for (size_t at = 0; at < path.length; at++)
        count += path.at[at] == '/';
    return count;
}

/* True if the address has a slash for each directory, as "/a//b/" and "/a%2Fb/" have not: the client takes ".." from
   the address. Slashes at the begin don't matter, as no link leads up to them. */
static bool has_own_slashes(const struct target *target, struct span base)
{
    size_t slashes = 0, at = 0;
    while (at < target->sent_path.length && target->sent_path.at[at] == '/')
        at++;
    for (; at < target->sent_path.length; at++)
        slashes += target->sent_path.at[at] == '/';
    return slashes == count_segments(base) + count_segments(target->path);
}

enum directory directory_open(struct exchange *exchange)
{
    const struct context *context = exchange->context;
    struct target *target = exchange->target;
    int fd;
    if (exchange->denied_index.length > 0) {
        exchange->status = 403;
        lookup_explain(exchange);
        return DIRECTORY_ERROR;
    }
    if (exchange->refused.codings != 0) /* the index is there, but only encoded */
        return DIRECTORY_NONE;
    target->room[target->path.length] = '\0'; /* lookup_find wrote the index after it */
    find_stamp(exchange);
    exchange->status = store_open_directory(context->store, target->path, &fd);
    if (exchange->status != 0)
        return exchange->status == 404 ? DIRECTORY_NONE : DIRECTORY_ERROR;
    struct listing_form form = listing_form_of(target->query);
    form.json = exchange_media(exchange) == MEDIA_JSON;
    form.base = context->config->base;
    form.no_links_up = !has_own_slashes(target, form.base);
    form.dotfiles = context->config->settings->dotfiles;
    exchange->listing = listing_open(store_beneath(context->store), target->path, fd, &form);
    if (exchange->listing != NULL) {
        bool watch = context->config->settings->watch;
        exchange->response->varies |= watch ? RESPONSE_BY_CLIENT : RESPONSE_BY_ACCEPT; /* RFC 9110 12.5.5 */
        if (exchange->live == LIVE_PAGE && !form.json)
            add_script(exchange);
        return DIRECTORY_LISTED;
    }
    if (errno == ENAMETOOLONG)
        return DIRECTORY_NONE;
    file_error_log(errno, target->path);
    exchange->status = 503;
    return DIRECTORY_ERROR;
}

/* Fills the first piece for HEAD too: it decides the status, and between Content-Length and chunked. */
void directory_answer(struct exchange *exchange)
{
    char room[768];
    struct buffer lines = BUFFER(room);
    struct response *response = exchange->response;
    struct body_producer *producer = exchange->listing;
    if (exchange->live == LIVE_CHECK) {
        producer->drop(producer);
        answer_check(exchange);
        return;
    }
    size_t start = response->text.length;
    struct buffer piece = {response->text.at + start, 0, LIMIT_PIECE, false};
    enum body_state state = producer->fill(producer, &piece);
    if (state == BODY_BROKEN) {
        producer->drop(producer);
        file_error_log(EFBIG, exchange->target->path); /* too many entries */
        error_answer(exchange, 503, SPAN_NONE);
        return;
    }
    response->text.length += piece.length;
    config_append_page(exchange->context->config, &lines,
                       exchange_media(exchange) == MEDIA_JSON ? SPAN(LISTING_JSON_TYPE) : SPAN(LISTING_TYPE),
                       assets_listing_policy(exchange->has_script));
    if (state == BODY_MORE) {
        response_stream(response, producer, exchange->request->minor_version, buffer_span(&piece));
    } else {
        response_add_bytes(response, buffer_span(&piece));
        producer->drop(producer);
    }
    exchange_finish(exchange, buffer_filled(&lines));
}

/* Copies escapes, and escapes all that is not unreserved, so that no segment looks like a scheme or a host. */
static void append_segment(struct buffer *line, struct span segment)
{
    while (segment.length > 0) {
        buffer_uri_path(line, span_take_until(&segment, '%'));
        if (segment.length > 0) /* two digits follow an escape's "%" */
            buffer_byte(line, '%');
    }
}

static void redirect(struct exchange *exchange, struct buffer *line)
{
    target_append_query(line, exchange->target->query);
    buffer_append(line, SPAN("\r\n"));
    error_answer(exchange, 302, buffer_filled(line));
}

void directory_redirect(struct exchange *exchange)
{
    char room[ERROR_LINE_MAX];
    struct buffer line = BUFFER(room);
    buffer_append(&line, SPAN("Location: "));
    append_segment(&line, span_after_last(exchange->target->sent_path, '/'));
    buffer_byte(&line, '/');
    redirect(exchange, &line);
}

void directory_redirect_to_base(struct exchange *exchange)
{
    char room[ERROR_LINE_MAX];
    struct buffer line = BUFFER(room);
    buffer_append(&line, SPAN("Location: "));
    target_append_start(&line, exchange->target, exchange->context->config->base);
    redirect(exchange, &line);
}

/* A path is relative to the site's root, which --base moves. */
void directory_redirect_to_location(struct exchange *exchange)
{
    char room[ERROR_LINE_MAX];
    struct buffer line = BUFFER(room);
    struct span base = exchange->context->config->base;
    buffer_append(&line, SPAN("Location: "));
    if (base.length > 0 && span_begins(exchange->location, SPAN("/"))) {
        buffer_byte(&line, '/');
        buffer_uri_path(&line, base);
    }
    buffer_append(&line, exchange->location);
    buffer_append(&line, SPAN("\r\n"));
    if (line.overflow) {
        exchange->location = SPAN_NONE;
        error_answer(exchange, 414, SPAN_NONE);
        return;
    }
    error_answer(exchange, exchange->status, buffer_span(&line));
}

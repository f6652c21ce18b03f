#include "answer/directory.h"

#include "answer/error.h"
#include "answer/lookup.h"
#include "base/limits.h"
#include "site/assets.h"
#include "site/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_allowed(struct exchange *exchange)
{
    const struct config *config = exchange->context->config;
    if (config->settings->listing != LISTING_LOCAL)
        return config->settings->listing == LISTING_ON;
    return config->settings->lan || (config->check_host && exchange_is_local(exchange));
}

bool directory_may_list(struct exchange *exchange)
{
    return exchange->target->slash && !lookup_is_hidden(exchange) &&
           exchange->context->config->file.length == 0 && is_allowed(exchange);
}

/* True if the index that was not found is a file, and only the worker's user may not read it. */
static bool has_unreadable_index(struct exchange *exchange)
{
    const struct context *context = exchange->context;
    struct span path = target_child(exchange->target, context->config->index);
    struct stat attributes;
    bool linked;
    int fd = beneath_open(store_beneath(context->store), path, O_PATH, &linked);
    bool is_file = fd >= 0 && fstat(fd, &attributes) == 0 && S_ISREG(attributes.st_mode);
    if (fd >= 0)
        close(fd);
    if (!is_file)
        return false;
    fd = beneath_open(store_beneath(context->store), path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &linked);
    if (fd >= 0) /* it has appeared since */
        close(fd);
    return fd < 0 && (errno == EACCES || errno == EPERM);
}

enum directory directory_open(struct exchange *exchange)
{
    const struct context *context = exchange->context;
    struct target *target = exchange->target;
    int fd;
    if (has_unreadable_index(exchange)) {
        exchange->index_unreadable = true;
        exchange->status = 403;
        lookup_explain(exchange);
        return DIRECTORY_ERROR;
    }
    target->room[target->path.length] = '\0'; /* lookup_find wrote the index after it */
    exchange->status = store_open_directory(context->store, target->path, &fd);
    if (exchange->status != 0)
        return exchange->status == 404 ? DIRECTORY_NONE : DIRECTORY_ERROR;
    struct listing_form form = listing_form_of(target->query);
    form.json = exchange_media(exchange) == MEDIA_JSON;
    form.dotfiles = context->config->settings->dotfiles;
    exchange->listing = listing_open(store_beneath(context->store), target->path, fd, &form);
    if (exchange->listing != NULL) {
        exchange->response->varies |= RESPONSE_BY_ACCEPT; /* RFC 9110 12.5.5 */
        return DIRECTORY_LISTED;
    }
    if (errno == ENAMETOOLONG)
        return DIRECTORY_NONE;
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
    size_t start = response->text.length;
    struct buffer piece = {response->text.at + start, 0, LIMIT_PIECE, false};
    enum body_state state = producer->fill(producer, &piece);
    if (state == BODY_BROKEN) {
        producer->drop(producer);
        error_answer(exchange, 503, SPAN_NONE);
        return;
    }
    response->text.length += piece.length;
    config_append_page(exchange->context->config, &lines,
                       exchange_media(exchange) == MEDIA_JSON ? SPAN(LISTING_JSON_TYPE) : SPAN(LISTING_TYPE),
                       assets_listing_policy());
    if (state == BODY_MORE) {
        response_stream(response, producer, exchange->request->minor_version, buffer_span(&piece));
    } else {
        response_add_bytes(response, buffer_span(&piece));
        producer->drop(producer);
    }
    exchange_finish(exchange, buffer_filled(&lines));
}

void directory_redirect(struct exchange *exchange)
{
    char room[ERROR_LINE_MAX];
    struct buffer line = BUFFER(room);
    buffer_append(&line, SPAN("Location: /"));
    buffer_uri_path(&line, exchange->target->path);
    buffer_byte(&line, '/');
    buffer_append(&line, exchange->target->query);
    buffer_append(&line, SPAN("\r\n"));
    error_answer(exchange, 302, buffer_filled(&line));
}

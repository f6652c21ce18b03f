#include "answer/lookup.h"

#include "answer/encoded.h"
#include "site/mime.h"
#include "site/reason.h"

static const struct span page_suffix = SPAN_INIT(".html");

static void drop_entry(struct exchange *exchange)
{
    store_release(exchange->context->store, exchange->entry);
    exchange->entry = NULL;
    exchange->coding = CODING_IDENTITY;
}

static enum lookup find(struct exchange *exchange, struct span path)
{
    int status = store_find(exchange->context->store, path, exchange->iteration, &exchange->entry);
    exchange->path = path;
    exchange->denied = status == 403;
    if (status == 404 || status == 403)
        return encoded_find(exchange, path) ? LOOKUP_FILE : LOOKUP_MISSING;
    if (status == 0)
        return exchange->entry->kind == ENTRY_DIRECTORY ? LOOKUP_DIRECTORY : LOOKUP_FILE;
    exchange->status = status;
    return LOOKUP_ERROR;
}

/* A directory at the path counts as missing. */
static enum lookup find_file(struct exchange *exchange, struct span path)
{
    enum lookup found = find(exchange, path);
    if (found != LOOKUP_DIRECTORY)
        return found;
    drop_entry(exchange);
    return LOOKUP_MISSING;
}

/*
 * Finds about.html for "/about", also if `about` is a directory, as site generators write both: GitHub Pages, Netlify
 * and Cloudflare serve the page at "/about", and the directory's index at "/about/". Not for a path with a known
 * extension, such as "/logo.png".
 */
static enum lookup find_page(struct exchange *exchange)
{
    struct target *target = exchange->target;
    if (mime_knows(target->path))
        return LOOKUP_MISSING;
    return find_file(exchange, target_suffixed(target, page_suffix));
}

static enum lookup find_index(struct exchange *exchange)
{
    const struct config *config = exchange->context->config;
    enum lookup found = LOOKUP_MISSING;
    for (unsigned i = 0; i < config->index_count && found == LOOKUP_MISSING; i++) {
        struct span name = config->index[i];
        found = find_file(exchange, target_child(exchange->target, name));
        if (found == LOOKUP_MISSING && exchange->denied && exchange->denied_index.length == 0)
            exchange->denied_index = name;
        if (exchange->refused.path.at == exchange->path.at)
            exchange->refused.path = name; /* the next one overwrites the room */
    }
    return found;
}

/* A file that is the whole site has two addresses: "/" and its path. */
static enum lookup find_single_file(struct exchange *exchange)
{
    const struct target *target = exchange->target;
    struct span file = exchange->context->config->file;
    if (target->path.length > 0 && (target->slash || !span_equal(target->path, file)))
        return LOOKUP_MISSING;
    return find_file(exchange, file);
}

bool lookup_is_hidden(const struct exchange *exchange)
{
    return exchange->target->hidden && !exchange->context->config->settings->dotfiles;
}

/* Takes --base off the target. True if the site is a single file, or the target is outside the base. */
static bool find_special(struct exchange *exchange, enum lookup *found)
{
    const struct config *config = exchange->context->config;
    enum target_place place =
        config->base.length > 0 ? target_take_base(exchange->target, config->base) : TARGET_INSIDE;
    if (place == TARGET_INSIDE && config->file.length == 0)
        return false;
    *found = place == TARGET_ABOVE     ? LOOKUP_ABOVE
             : place == TARGET_OUTSIDE ? LOOKUP_OUTSIDE
                                       : find_single_file(exchange);
    return true;
}

static enum lookup find_target(struct exchange *exchange)
{
    struct target *target = exchange->target;
    enum lookup special;
    if (!exchange->context->config->is_plain && find_special(exchange, &special))
        return special;
    if (lookup_is_hidden(exchange))
        return LOOKUP_MISSING;
    if (target->slash)
        return find_index(exchange);
    enum lookup found = find(exchange, target->path);
    if (found == LOOKUP_FILE || found == LOOKUP_ERROR)
        return found;
    struct entry *directory = exchange->entry; /* or NULL */
    exchange->entry = NULL;
    enum lookup page = find_page(exchange);
    if (page == LOOKUP_MISSING) {
        exchange->entry = directory;
        return found;
    }
    if (directory != NULL)
        store_release(exchange->context->store, directory);
    return page;
}

/* A navigation may have any path. Of what is only probably one, files that are missing are known by their names. */
static bool opens_page(struct exchange *exchange)
{
    const struct target *target = exchange->target;
    switch (exchange_kind(exchange)) {
    case CLIENT_NAVIGATION:
        return true;
    case CLIENT_LIKELY_NAVIGATION:
        return !lookup_is_hidden(exchange) && (target->slash || !mime_knows(target->path));
    case CLIENT_PROGRAM:
    case CLIENT_SUBRESOURCE:
        break;
    }
    return false;
}

/* --spa: unknown page URLs get the application's page, whose script reads the URL. */
static enum lookup find_spa(struct exchange *exchange)
{
    struct span page = exchange->context->config->spa;
    if (page.length == 0)
        return LOOKUP_MISSING;
    exchange->response->varies |= RESPONSE_BY_CLIENT;
    return opens_page(exchange) ? find_file(exchange, page) : LOOKUP_MISSING;
}

enum lookup lookup_find(struct exchange *exchange)
{
    enum lookup found = find_target(exchange);
    return found == LOOKUP_MISSING ? find_spa(exchange) : found;
}

__attribute__((cold)) void lookup_explain_base(struct exchange *exchange)
{
    const struct target *target = exchange->target;
    struct span base = exchange->context->config->base;
    struct buffer *text = &exchange->reason.text, *suggestion = &exchange->reason.suggestion;
    buffer_append(suggestion, target->path);
    if (target->slash)
        buffer_byte(suggestion, '/');
    buffer_append(text, SPAN("The site is below '/"));
    buffer_append(text, base);
    buffer_append(text, SPAN("/' (--base). Did you mean '/"));
    buffer_append(text, base);
    buffer_byte(text, '/');
    buffer_append(text, buffer_span(suggestion));
    buffer_append(text, SPAN("'?"));
    if (text->overflow || suggestion->overflow) /* by a long path */
        text->length = suggestion->length = 0;
}

void lookup_explain(struct exchange *exchange)
{
    const struct context *context = exchange->context;
    struct target *target = exchange->target;
    if (context->config->file.length > 0 || (!context->logs_reasons && !exchange_wants_reason(exchange)))
        return;
    if (encoded_explain(exchange))
        return;
    struct span index =
        exchange->denied_index.length > 0 ? exchange->denied_index : context->config->index[0];
    struct span path = target->slash ? target_child(target, index) : target->path;
    reason_find(&exchange->reason, store_beneath(context->store), path, context->config->settings->dotfiles,
                context->now);
}

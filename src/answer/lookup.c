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
    if (status == 404)
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

static bool is_file(const struct exchange *exchange, struct span path)
{
    struct entry *entry;
    if (store_find(exchange->context->store, path, exchange->iteration, &entry) != 0)
        return false;
    bool file = entry->kind == ENTRY_FILE;
    store_release(exchange->context->store, entry);
    return file;
}

/*
 * Finds about.html for "/about" if `about` is missing or a directory without an index, as site generators write both;
 * an index wins. Not for a path with a known extension, such as "/logo.png". Relative links are the same from both
 * addresses.
 */
static enum lookup find_page(struct exchange *exchange)
{
    struct target *target = exchange->target;
    if (mime_knows(target->path))
        return LOOKUP_MISSING;
    enum lookup found = find_file(exchange, target_suffixed(target, page_suffix));
    if (found != LOOKUP_FILE)
        return found;
    if (is_file(exchange, target_child(target, exchange->context->config->index))) {
        drop_entry(exchange);
        return LOOKUP_MISSING;
    }
    exchange->path = target_suffixed(target, page_suffix); /* the index overwrote it */
    return LOOKUP_FILE;
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

static enum lookup find_target(struct exchange *exchange)
{
    struct target *target = exchange->target;
    if (exchange->context->config->file.length > 0)
        return find_single_file(exchange);
    if (lookup_is_hidden(exchange))
        return LOOKUP_MISSING;
    if (target->slash)
        return find_file(exchange, target_child(target, exchange->context->config->index));
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

/*
 * --spa: unknown page URLs get the application's page, whose script reads the URL. Not for scripts and images of a page
 * (no navigation), hidden paths, and paths with a known extension.
 */
static enum lookup find_spa(struct exchange *exchange)
{
    const struct target *target = exchange->target;
    struct span page = exchange->context->config->spa;
    if (page.length == 0 || lookup_is_hidden(exchange) || (!target->slash && mime_knows(target->path)))
        return LOOKUP_MISSING;
    exchange->response->varies |= RESPONSE_BY_ACCEPT;
    return exchange_is_navigation(exchange) ? find_file(exchange, page) : LOOKUP_MISSING;
}

enum lookup lookup_find(struct exchange *exchange)
{
    enum lookup found = find_target(exchange);
    return found == LOOKUP_MISSING ? find_spa(exchange) : found;
}

void lookup_explain(struct exchange *exchange)
{
    const struct context *context = exchange->context;
    struct target *target = exchange->target;
    if (context->config->file.length > 0 || (!context->logs_reasons && !exchange_wants_reason(exchange)))
        return;
    if (encoded_explain(exchange))
        return;
    struct span path = target->slash ? target_child(target, context->config->index) : target->path;
    reason_find(&exchange->reason, store_beneath(context->store), path, context->config->settings->dotfiles,
                context->now);
}

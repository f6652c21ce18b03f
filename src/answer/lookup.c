#include "answer/lookup.h"

#include "site/mime.h"
#include "site/reason.h"

static const struct span page_suffix = SPAN_INIT(".html");

static enum lookup find(struct exchange *exchange, struct span path)
{
    int status = store_find(exchange->context->store, path, exchange->iteration, &exchange->entry);
    exchange->path = path;
    if (status == 404)
        return LOOKUP_NOTHING;
    if (status == 0)
        return exchange->entry->kind == ENTRY_DIRECTORY ? LOOKUP_DIRECTORY : LOOKUP_FILE;
    exchange->status = status;
    return LOOKUP_ERROR;
}

/* A directory of that path is no file. */
static enum lookup find_file(struct exchange *exchange, struct span path)
{
    enum lookup found = find(exchange, path);
    if (found != LOOKUP_DIRECTORY)
        return found;
    store_release(exchange->context->store, exchange->entry);
    exchange->entry = NULL;
    return LOOKUP_NOTHING;
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
 * "/about" is about.html where nothing has the name itself, or a directory has it that has no page of its own: exporters
 * make both. Not for names that are known to be something else, such as "/logo.png". By both addresses, relative links
 * mean the same.
 */
static enum lookup find_page(struct exchange *exchange)
{
    struct target *target = exchange->target;
    if (mime_knows(target->path))
        return LOOKUP_NOTHING;
    enum lookup found = find_file(exchange, target_suffixed(target, page_suffix));
    if (found != LOOKUP_FILE)
        return found;
    if (is_file(exchange, target_child(target, exchange->context->config->index))) {
        store_release(exchange->context->store, exchange->entry);
        exchange->entry = NULL;
        return LOOKUP_NOTHING;
    }
    exchange->path = target_suffixed(target, page_suffix); /* the index stood in the same room */
    return LOOKUP_FILE;
}

/* Where one file is the whole site, it stands at the root and by its name. */
static enum lookup find_only(struct exchange *exchange)
{
    const struct target *target = exchange->target;
    struct span file = exchange->context->config->file;
    if (target->path.length > 0 && (target->slash || !span_equal(target->path, file)))
        return LOOKUP_NOTHING;
    return find_file(exchange, file);
}

bool lookup_is_hidden(const struct exchange *exchange)
{
    return exchange->target->hidden && !exchange->context->config->settings->dotfiles;
}

/* Finds the file, or the directory that lacks its slash. */
static enum lookup find_there(struct exchange *exchange)
{
    struct target *target = exchange->target;
    if (exchange->context->config->file.length > 0)
        return find_only(exchange);
    if (lookup_is_hidden(exchange))
        return LOOKUP_NOTHING;
    if (target->slash)
        return find_file(exchange, target_child(target, exchange->context->config->index));
    enum lookup there = find(exchange, target->path);
    if (there == LOOKUP_FILE || there == LOOKUP_ERROR)
        return there;
    struct entry *directory = exchange->entry; /* or NULL */
    exchange->entry = NULL;
    enum lookup page = find_page(exchange);
    if (page == LOOKUP_NOTHING) {
        exchange->entry = directory;
        return there;
    }
    if (directory != NULL)
        store_release(exchange->context->store, directory);
    return page;
}

/*
 * The page of an application that reads the address itself, for navigations which find nothing. What is missing of a
 * page's parts stays missing, and so does what is hidden, or known by its extension to be no page of the application.
 */
static enum lookup find_application(struct exchange *exchange)
{
    const struct target *target = exchange->target;
    struct span page = exchange->context->config->spa;
    if (page.length == 0 || lookup_is_hidden(exchange) || (!target->slash && mime_knows(target->path)))
        return LOOKUP_NOTHING;
    exchange->response->varies |= RESPONSE_BY_ACCEPT;
    return exchange_is_navigation(exchange) ? find_file(exchange, page) : LOOKUP_NOTHING;
}

enum lookup lookup_find(struct exchange *exchange)
{
    enum lookup found = find_there(exchange);
    return found == LOOKUP_NOTHING ? find_application(exchange) : found;
}

void lookup_explain(struct exchange *exchange)
{
    const struct context *context = exchange->context;
    struct target *target = exchange->target;
    if (context->config->file.length > 0 || (!context->logs_reasons && !exchange_wants_reason(exchange)))
        return;
    struct span path = target->slash ? target_child(target, context->config->index) : target->path;
    reason_find(&exchange->reason, store_beneath(context->store), path, context->config->settings->dotfiles,
                context->now);
}

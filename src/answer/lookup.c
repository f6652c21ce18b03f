#include "answer/lookup.h"

#include "answer/encoded.h"
#include "answer/rules.h"
#include "site/mime.h"
#include "site/reason.h"

static const struct span page_suffix = SPAN_INIT(".html");

static void drop_entry(struct exchange *exchange)
{
    exchange_note(exchange, exchange->path, exchange->entry->kind == ENTRY_DIRECTORY ? "a directory" : "found");
    store_release(exchange->context->store, exchange->entry);
    exchange->entry = NULL;
    exchange->coding = CODING_IDENTITY;
}

static inline enum lookup find(struct exchange *exchange, struct span path)
{
    exchange->path = path;
    exchange->denied = false;
    if (path.at[0] == '_' && text_is_rules_file(path)) {
        exchange_note(exchange, path, "a file of rules, which is never served");
        return LOOKUP_MISSING;
    }
    int status = store_find(exchange->context->store, path, exchange->iteration, &exchange->entry);
    exchange->denied = status == 403;
    if (status == 404 || status == 403)
        status = encoded_find(exchange, path);
    if (status == 404)
        return LOOKUP_MISSING;
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

static enum lookup find_path(struct exchange *exchange)
{
    struct target *target = exchange->target;
    if (lookup_is_hidden(exchange))
        return LOOKUP_MISSING;
    if (target->slash)
        return find_index(exchange);
    enum lookup found = find(exchange, target->path);
    if (found == LOOKUP_FILE || found == LOOKUP_ERROR)
        return found;
    struct entry *directory = exchange->entry; /* or NULL */
    if (directory != NULL)
        exchange_note(exchange, exchange->path, "a directory");
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

static enum lookup find_in_site(struct exchange *exchange)
{
    return exchange->context->config->file.length > 0 ? find_single_file(exchange) : find_path(exchange);
}

/* ---- the addresses of a host ---- */

/* Leaves no trace in the exchange, whose response is not about that path. */
static bool has_file(struct exchange *exchange, struct span path)
{
    struct refused refused = exchange->refused;
    unsigned varies = exchange->response->varies;
    int status = exchange->status;
    bool found = find_file(exchange, path) == LOOKUP_FILE;
    if (found)
        drop_entry(exchange);
    exchange->refused = refused;
    exchange->response->varies = varies;
    exchange->status = status;
    exchange->denied = false;
    return found;
}

/* Redirects to another address of what the target names. */
static enum lookup lead_to(struct exchange *exchange, struct span path, bool slash, int status)
{
    struct buffer *text = &exchange->response->text;
    size_t start = text->length;
    buffer_byte(text, '/');
    buffer_uri_path(text, path);
    if (slash && path.length > 0)
        buffer_byte(text, '/');
    target_append_query(text, exchange->target->query);
    exchange->location = (struct span){text->at + start, text->length - start};
    exchange->status = status;
    return LOOKUP_REDIRECT;
}

/* Leads to the directory's address with a slash if it has an index: a host knows no other directory. */
static enum lookup lead_to_directory(struct exchange *exchange, int status)
{
    struct target *target = exchange->target;
    if (exchange->entry != NULL)
        store_release(exchange->context->store, exchange->entry);
    exchange->entry = NULL;
    enum lookup found = find_index(exchange);
    if (found == LOOKUP_FILE)
        drop_entry(exchange);
    target->room[target->path.length] = '\0';
    return found == LOOKUP_FILE ? lead_to(exchange, target->path, true, status) : found;
}

/* Netlify: a page has no slash, also beside a directory of its name, and a directory has one. */
static enum lookup find_at_netlify(struct exchange *exchange)
{
    struct target *target = exchange->target;
    if (target->slash && target->path.length > 0 && has_file(exchange, target_suffixed(target, page_suffix)))
        return lead_to(exchange, target->path, false, 301);
    target->room[target->path.length] = '\0';
    enum lookup found = find_path(exchange);
    return found == LOOKUP_DIRECTORY ? lead_to_directory(exchange, 301) : found;
}

/* Redirects to the directory of the target's last name. */
static enum lookup lead_to_parent(struct exchange *exchange)
{
    struct span path = exchange->target->path;
    size_t name = span_after_last(path, '/').length;
    return lead_to(exchange, (struct span){path.at, path.length - name - (name < path.length)}, true, 308);
}

/* Cloudflare Pages: a page that exists has the address without ".html", unless another file has that. */
static enum lookup find_html_at_cloudflare(struct exchange *exchange)
{
    struct target *target = exchange->target;
    struct span path = target->path, stem = {path.at, path.length - page_suffix.length};
    struct span name = span_after_last(stem, '/');
    drop_entry(exchange);
    if (span_equal(name, SPAN("index")))
        return lead_to_parent(exchange);
    target->room[stem.length] = '\0';
    bool taken = name.length == 0 || has_file(exchange, stem);
    target->room[stem.length] = page_suffix.at[0];
    return taken ? find_file(exchange, path) : lead_to(exchange, stem, false, 308);
}

/* Without a file at its address, a path may mean a page, or a directory that has an index. */
static enum lookup find_page_at_cloudflare(struct exchange *exchange)
{
    struct target *target = exchange->target;
    struct span path = target->path, page = target_suffixed(target, page_suffix);
    if (target->slash)
        return has_file(exchange, page) ? lead_to(exchange, path, false, 308) : LOOKUP_MISSING;
    enum lookup found = find_file(exchange, page);
    return found == LOOKUP_MISSING ? lead_to_directory(exchange, 308) : found;
}

static enum lookup find_at_cloudflare(struct exchange *exchange)
{
    struct target *target = exchange->target;
    struct span path = target->path, name = span_after_last(path, '/');
    enum lookup found = target->slash ? find_index(exchange) : find_file(exchange, path);
    if (found == LOOKUP_FILE && !target->slash && span_ends(name, page_suffix))
        return find_html_at_cloudflare(exchange);
    if (found != LOOKUP_MISSING || path.length == 0)
        return found;
    if (span_equal(name, SPAN("index")))
        return lead_to_parent(exchange);
    found = find_page_at_cloudflare(exchange);
    if (found == LOOKUP_MISSING)
        target->room[path.length] = '\0';
    return found;
}

static enum lookup find_as_host(struct exchange *exchange)
{
    const struct config *config = exchange->context->config;
    bool is_hidden = lookup_is_hidden(exchange) || config->file.length > 0;
    if (!is_hidden && config->settings->rules == RULES_NETLIFY)
        return find_at_netlify(exchange);
    if (!is_hidden && config->settings->rules == RULES_CLOUDFLARE)
        return find_at_cloudflare(exchange);
    return find_in_site(exchange);
}

/* ---- rules ---- */

/* Of what a rule leads to, no other rule is asked. Cloudflare redirects from there to the address of a page. */
static enum lookup find_rewritten(struct exchange *exchange)
{
    int status = exchange->status;
    if (exchange->context->config->settings->rules == RULES_CLOUDFLARE)
        return find_as_host(exchange);
    enum lookup found = find_in_site(exchange);
    if (found == LOOKUP_DIRECTORY) { /* its index, as the client's address is another */
        drop_entry(exchange);
        exchange->target->slash = true;
        found = find_index(exchange);
    }
    if (found == LOOKUP_FILE && status != 200) {
        exchange->status = status;
        return LOOKUP_PAGE;
    }
    return found;
}

static enum lookup find_by_rule(struct exchange *exchange, enum redirects_pass pass)
{
    switch (rules_apply(exchange, pass)) {
    case RULES_REDIRECT:
        return LOOKUP_REDIRECT;
    case RULES_REWRITE:
        return find_rewritten(exchange);
    case RULES_ERROR:
        return LOOKUP_ERROR;
    case RULES_NOWHERE:
    case RULES_NONE:
        break;
    }
    return LOOKUP_MISSING;
}

/* A rewrite to a file that is missing is a 404, and asks no later rule. */
static enum lookup find_with_rules(struct exchange *exchange)
{
    if (rules_begin(exchange) == RULES_ERROR)
        return LOOKUP_ERROR;
    exchange->status = 0;
    enum lookup found = find_by_rule(exchange, REDIRECTS_FORCED);
    if (exchange->status != 0)
        return found;
    found = find_as_host(exchange);
    return found == LOOKUP_MISSING ? find_by_rule(exchange, REDIRECTS_MISSING) : found;
}

/* With --base, a single file, or rules. */
__attribute__((noinline)) static enum lookup find_special(struct exchange *exchange)
{
    const struct config *config = exchange->context->config;
    if (config->base.length > 0) {
        switch (target_take_base(exchange->target, config->base)) {
        case TARGET_ABOVE:
            return LOOKUP_ABOVE;
        case TARGET_OUTSIDE:
            exchange->is_outside = true;
            return LOOKUP_OUTSIDE;
        case TARGET_INSIDE:
            break;
        }
    }
    return exchange->context->rules != NULL ? find_with_rules(exchange) : find_in_site(exchange);
}

/* A navigation may have any path. If it is only a likely navigation, the path must not look like a file's. */
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
    bool is_plain = exchange->context->config->is_plain;
    enum lookup found = is_plain ? find_path(exchange) : find_special(exchange);
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
    struct span index = exchange->denied_index.length > 0 ? exchange->denied_index : context->config->index[0];
    struct span path = target->slash ? target_child(target, index) : target->path;
    reason_find(&exchange->reason, store_beneath(context->store), path, context->config->settings->dotfiles,
                context->now);
}

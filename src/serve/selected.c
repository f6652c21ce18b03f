#include "serve/selected.h"

#include "http/cache.h"
#include "http/negotiate.h"
#include "serve/watch.h"

#include <string.h>
#include <unistd.h>

/* A date has seconds only: until the second is over, and as long as the file's times can't be trusted, it may change
   again and keep it (RFC 9110 8.8.2.2). */
static bool is_steady(const struct view *view, const struct entry *entry)
{
    return entry->settled && entry->modified < view->now;
}

/* Builds that want to be reproduced give all files one date of old: it is neither given out nor believed. */
static bool is_dated(const struct view *view, const struct entry *entry)
{
    static const int64_t year_1980 = 315532800;
    return is_steady(view, entry) && entry->modified > year_1980;
}

static bool is_html(const struct entry *entry)
{
    return strncmp(entry->type, "text/html", 9) == 0;
}

/* Depends on the entry alone, as its head is kept: `path` is what the store found it by. */
static struct span cache_of(const struct view *view, const struct entry *entry, struct span path)
{
    const struct policy *policy = view->policy;
    bool hashed = policy->immutable.length > 0 && cache_name_has_hash(path) && !is_html(entry);
    return hashed ? policy->immutable : policy->cache;
}

struct selected selected_original(const struct view *view, struct entry *entry, struct span path)
{
    return (struct selected){
        .entry = entry,
        .type = span_of(entry->type),
        .etag = span_of(entry->etag),
        .cache = cache_of(view, entry, path),
        .steady = is_steady(view, entry),
        .dated = is_dated(view, entry),
    };
}

struct representation selected_describe(const struct selected *selected)
{
    return (struct representation){
        .type = selected->type,
        .coding = selected->coding,
        .last_modified = selected->dated ? span_of(selected->entry->last_modified) : SPAN_NONE,
        .etag = selected->etag,
    };
}

/* ---- encoded siblings ---- */

static const struct {
    enum sibling sibling;
    struct span name;
} codings[CODINGS] = {
    [CODING_GZIP] = {SIBLING_GZ, SPAN_INIT("gzip")},
    [CODING_ZSTD] = {SIBLING_ZST, SPAN_INIT("zstd")},
    [CODING_BR] = {SIBLING_BR, SPAN_INIT("br")},
};

/* Players seek in these by ranges, which in an encoded form would count its octets. */
static bool is_seekable(const char *type)
{
    return strncmp(type, "audio/", 6) == 0 || strncmp(type, "video/", 6) == 0;
}

/* The codings in which the file is there, as bits 1 << enum coding. */
static unsigned available_codings(const struct view *view, struct entry *original)
{
    unsigned siblings = store_siblings(view->store, original, view->turn);
    unsigned available = 1U << CODING_IDENTITY;
    for (unsigned coding = CODING_IDENTITY + 1; siblings != 0 && coding < CODINGS; coding++) {
        if ((siblings & 1U << codings[coding].sibling) != 0)
            available |= 1U << coding;
    }
    return available;
}

/* Appends to the response's text, and so gives the octets its life. */
static struct span keep(struct response *response, struct span octets)
{
    size_t start = response->text.length;
    buffer_append(&response->text, octets);
    return (struct span){response->text.at + start, octets.length};
}

/* The sibling's tag with the coding before its last quote: no two forms of a file have the same one, not even where
   their octets are equal (RFC 9110 8.8.3.3). */
static struct span keep_coded_etag(struct response *response, struct span etag, struct span coding)
{
    if (etag.length == 0)
        return SPAN_NONE;
    struct span kept = keep(response, (struct span){etag.at, etag.length - 1});
    keep(response, SPAN("-"));
    keep(response, coding);
    keep(response, SPAN("\""));
    return (struct span){kept.at, kept.length + coding.length + 2};
}

/* Makes the sibling's entry the one that is held, in exchange for the original's, whose type it keeps. */
static void select_sibling(const struct view *view, struct response *response, struct entry *sibling,
                           enum coding coding, struct entry **held, struct selected *selected)
{
    struct span name = codings[coding].name;
    *selected = (struct selected){
        .entry = sibling,
        .type = keep(response, selected->type),
        .coding = name,
        .etag = keep_coded_etag(response, span_of(sibling->etag), name),
        .cache = selected->cache,
        .dated = is_dated(view, sibling),
    };
    store_release(view->store, *held);
    *held = sibling;
}

bool selected_negotiate(const struct view *view, const struct request *request, struct response *response,
                        struct entry **held, struct selected *selected)
{
    unsigned available = available_codings(view, *held);
    bool one_form = available == 1U << CODING_IDENTITY;
    response->varies |= one_form ? 0U : RESPONSE_BY_ENCODING;
    if (one_form && !negotiate_is_weighted(request))
        return true;
    struct acceptance acceptance = negotiate_codings(request);
    struct entry *sibling;
    if (is_seekable((*held)->type))
        negotiate_rank_identity_first(&acceptance);
    for (;;) {
        enum coding coding = negotiate_choose(&acceptance, available);
        if (coding == CODING_IDENTITY)
            return true;
        if (coding == CODINGS) {
            response->varies |= RESPONSE_BY_ENCODING;
            return false;
        }
        if (store_find_sibling(view->store, *held, codings[coding].sibling, view->turn, &sibling) == 0) {
            select_sibling(view, response, sibling, coding, held, selected);
            return true;
        }
        available &= ~(1U << coding); /* it was there a moment ago */
    }
}

/* ---- live reload ---- */

/* UTF-16, where ASCII would be no text (WHATWG Encoding, "BOM sniff"). */
static bool is_utf16(const struct entry *entry)
{
    unsigned char mark[2] = {0, 0};
    if (entry->bytes != NULL && entry->size >= sizeof mark)
        memcpy(mark, entry->bytes, sizeof mark);
    else if (entry->bytes == NULL && pread(entry->fd, mark, sizeof mark, 0) != sizeof mark)
        return false;
    return (mark[0] == 0xFE && mark[1] == 0xFF) || (mark[0] == 0xFF && mark[1] == 0xFE);
}

static bool may_be_live(const struct view *view, const struct entry *entry)
{
    return view->policy->settings->watch && is_html(entry) && !is_utf16(entry);
}

bool selected_make_live(const struct view *view, const struct request *request, struct response *response,
                        struct selected *selected)
{
    if (!may_be_live(view, selected->entry))
        return false;
    response->varies |= RESPONSE_BY_ACCEPT;
    if (watch_of(view, request) != WATCH_PAGE)
        return false;
    selected->live = true;
    selected->etag = keep_coded_etag(response, selected->etag, SPAN("live"));
    return true;
}

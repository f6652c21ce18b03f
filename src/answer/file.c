#include "answer/file.h"

#include "answer/error.h"
#include "answer/live_reload.h"
#include "answer/lookup.h"
#include "answer/representation.h"
#include "base/hash.h"
#include "base/limits.h"
#include "http/conditional.h"
#include "http/range.h"

#include <string.h>

static const struct span missing_page = SPAN_INIT("404.html");

static inline void add_slice(struct exchange *exchange, uint64_t offset, uint64_t length)
{
    const struct entry *entry = exchange->entry;
    if (entry->bytes != NULL)
        response_add_bytes(exchange->response, (struct span){entry->bytes + offset, length});
    else
        response_add_file(exchange->response, entry->fd, offset, length);
}

/* ---- the header that is cached with an entry ---- */

static bool is_current(const struct cached_header *head, const struct config *config)
{
    return head->length > 0 && head->config == config->id;
}

/* False while the validators may still change, for an added script, for an encoded file, which has its original's type,
   and while a response in flight sends one with other fields of _headers. */
static bool has_cacheable_header(const struct exchange *exchange)
{
    const struct entry *entry = exchange->entry;
    return exchange->steady && !exchange->has_script &&
           (entry->users == 1 || entry->head.length == 0 || is_current(&entry->head, exchange->context->config));
}

/* Writes the header of a 200 to the end of its room, as the file's bytes follow in memory. Remembers the position of
   the lines that describe the file, which other responses send too. */
static void write_cached_header(const struct exchange *exchange)
{
    char room[ENTRY_HEAD_MAX + CONFIG_LINES_MAX], described[ENTRY_LINES_MAX];
    const struct context *context = exchange->context;
    struct buffer text = {room, 0, ENTRY_HEAD_MAX + context->config->extra_head_bytes, false},
                  lines = BUFFER(described);
    struct cached_header *head = &exchange->entry->head;
    struct response response = {.common = context->config->kept, .cache = exchange->cache};
    size_t validators = response_describe(&lines, &exchange->representation);
    head->lines =
        (uint16_t)response_write_head(&response, &text, context->date, buffer_filled(&lines), exchange->entry->size);
    head->lines_end = (uint16_t)(head->lines + lines.length);
    head->validators = (uint16_t)(head->lines + validators);
    head->length = (uint16_t)buffer_filled(&text).length;
    head->second = context->now;
    head->config = context->config->id;
    memcpy(head->end - head->length, text.at, text.length);
}

static char *cached_header(const struct exchange *exchange)
{
    struct cached_header *head = &exchange->entry->head;
    if (!is_current(head, exchange->context->config))
        write_cached_header(exchange);
    return head->end - head->length;
}

/* Returns the lines that describe the file; `*validators` is the offset of those that a 304 sends too. */
static struct span lines_of(const struct exchange *exchange, struct buffer *room, size_t *validators)
{
    if (!has_cacheable_header(exchange)) {
        *validators = response_describe(room, &exchange->representation);
        return buffer_filled(room);
    }
    const char *at = cached_header(exchange);
    const struct cached_header *head = &exchange->entry->head;
    *validators = (size_t)(head->validators - head->lines);
    return (struct span){at + head->lines, (size_t)(head->lines_end - head->lines)};
}

/*
 * Returns the cached header with the current date; SPAN_NONE if this response needs another header, or if a response in
 * flight is sending the cached one with an old date.
 */
static struct span usable_header(const struct exchange *exchange)
{
    const struct context *context = exchange->context;
    const struct response *response = exchange->response;
    struct cached_header *head = &exchange->entry->head;
    if (!has_cacheable_header(exchange) || response->status != 200 || response->varies != 0 || response->last ||
        exchange->request->minor_version == 0)
        return SPAN_NONE;
    char *at = cached_header(exchange);
    if (head->second != context->now) {
        if (exchange->entry->users > 1)
            return SPAN_NONE;
        response_redate(at, context->date);
        head->second = context->now;
    }
    return (struct span){at, head->length};
}

/* ---- responses ---- */

/* Not inlined, as responses with the cached header need no such stack frame. */
__attribute__((noinline)) static void finish_with_lines(struct exchange *exchange)
{
    char room[ENTRY_LINES_MAX];
    struct buffer lines = BUFFER(room);
    size_t validators;
    exchange_finish(exchange, lines_of(exchange, &lines, &validators));
}

static void answer_whole(struct exchange *exchange)
{
    struct response *response = exchange->response;
    struct span head = usable_header(exchange);
    add_slice(exchange, 0, exchange->entry->size);
    if (exchange->has_script)
        live_reload_add_element(response, response->status == 200 ? exchange->entry->etag : SPAN_NONE);
    if (head.length > 0)
        response_finish_cached(response, head);
    else
        finish_with_lines(exchange);
}

static void answer_not_modified(struct exchange *exchange)
{
    char room[ENTRY_LINES_MAX];
    struct buffer described = BUFFER(room);
    size_t validators;
    struct span lines = lines_of(exchange, &described, &validators);
    exchange->response->status = 304;
    exchange_finish(exchange, (struct span){lines.at + validators, lines.length - validators});
}

static void answer_range(struct exchange *exchange, const struct range *range)
{
    char room[ENTRY_LINES_MAX], value[RESPONSE_RANGE_MAX];
    struct buffer lines = BUFFER(room), content_range = BUFFER(value);
    struct representation representation = exchange->representation;
    response_write_range(&content_range, range->offset, range->length, exchange->entry->size);
    representation.range = buffer_filled(&content_range);
    (void)response_describe(&lines, &representation);
    add_slice(exchange, range->offset, range->length);
    exchange->response->status = 206;
    exchange_finish(exchange, buffer_filled(&lines));
}

/* RFC 2046 5.1.1: the boundary must not occur in the parts. A file can't contain 63 bits that are unpredictable before
   the request. The highest bit is set, for 16 digits in each: responses to equal requests have one length. */
static void write_boundary(const struct exchange *exchange, struct buffer *boundary)
{
    static uint64_t counter;
    const struct request *request = exchange->request;
    counter = hash_bytes((struct span){request->head, request->parsed}) + counter * 31 + exchange->iteration;
    uint64_t seed[2] = {counter, (uint64_t)(uintptr_t)&counter};
    buffer_append(boundary, SPAN("tinyhttpd-"));
    buffer_hex(boundary, hash_bytes((struct span){(const char *)seed, sizeof seed}) | (uint64_t)1 << 63);
}

enum {
    BOUNDARY_MAX = 32,
    /* With the names and line ends of its two fields. */
    PART_HEAD_MAX = BOUNDARY_MAX + ENTRY_TYPE_MAX + RESPONSE_RANGE_MAX + 48,
};
_Static_assert(EXCHANGE_NOTES_MAX + LIMIT_RANGES * PART_HEAD_MAX + ENTRY_LINES_MAX + CONFIG_LINES_MAX + 1024 <
                   LIMIT_RESPONSE_TEXT,
               "a response has room for the heads of all parts, and its own");

static void answer_ranges(struct exchange *exchange, const struct range *ranges, unsigned count)
{
    char room[ENTRY_LINES_MAX], value[BOUNDARY_MAX], typed[64];
    struct buffer lines = BUFFER(room), boundary = BUFFER(value), type = BUFFER(typed);
    struct representation whole = exchange->representation;
    write_boundary(exchange, &boundary);
    buffer_append(&type, SPAN("multipart/byteranges; boundary="));
    buffer_append(&type, buffer_filled(&boundary));
    whole.type = buffer_filled(&type);
    (void)response_describe(&lines, &whole);
    for (unsigned i = 0; i < count; i++) {
        response_add_part_head(exchange->response, buffer_filled(&boundary), exchange->representation.type,
                               ranges[i].offset, ranges[i].length, exchange->entry->size);
        add_slice(exchange, ranges[i].offset, ranges[i].length);
    }
    response_add_parts_end(exchange->response, buffer_filled(&boundary));
    exchange->response->status = 206;
    exchange_finish(exchange, buffer_filled(&lines));
}

static void answer_unsatisfiable(struct exchange *exchange)
{
    char room[64];
    struct buffer line = BUFFER(room);
    buffer_append(&line, SPAN("Content-Range: bytes */")); /* RFC 9110 15.5.17 */
    buffer_number(&line, exchange->entry->size);
    buffer_append(&line, SPAN("\r\n"));
    exchange->response->cache = exchange->context->config->generated_cache;
    error_answer(exchange, 416, buffer_filled(&line));
}

/* Not inlined, as every other request would have to probe the pages of this large stack frame. */
__attribute__((noinline)) static void answer_requested_ranges(struct exchange *exchange)
{
    struct range ranges[LIMIT_RANGES];
    unsigned count = 0;
    enum range_result result =
        range_parse(request_single_field(exchange->request, FIELD_RANGE), exchange->entry->size, ranges, &count);
    if (result == RANGE_UNSATISFIABLE)
        answer_unsatisfiable(exchange);
    else if (result == RANGE_WHOLE)
        answer_whole(exchange);
    else if (count == 1)
        answer_range(exchange, &ranges[0]);
    else
        answer_ranges(exchange, ranges, count);
}

static void answer_content(struct exchange *exchange, const struct validators *validators)
{
    const struct request *request = exchange->request;
    if (request_has(request, 1U << FIELD_RANGE) &&
        conditional_range_applies(request, validators, exchange->context->now))
        answer_requested_ranges(exchange);
    else
        answer_whole(exchange);
}

/* For a request that has conditions, or asks for ranges. */
static void answer_conditionally(struct exchange *exchange)
{
    int64_t now = exchange->context->now, modified = exchange->entry->modified;
    struct validators validators = {
        .etag = exchange->representation.etag,
        .modified = modified < now ? modified : now,
        .last_modified = exchange->representation.last_modified.length > 0 ? modified : CONDITIONAL_UNDATED,
    };
    switch (conditional_evaluate(exchange->request, &validators, now)) {
    case CONDITIONAL_NOT_MODIFIED:
        answer_not_modified(exchange);
        break;
    case CONDITIONAL_FAILED:
        exchange->response->cache = exchange->context->config->generated_cache;
        error_answer(exchange, 412, SPAN_NONE);
        break;
    case CONDITIONAL_PERFORM:
        answer_content(exchange, &validators);
        break;
    }
}

void file_answer(struct exchange *exchange)
{
    representation_of_original(exchange);
    bool as_is = representation_add_script(exchange) || exchange->live == LIVE_CHECK;
    if (!as_is && !representation_negotiate(exchange)) {
        error_answer(exchange, 406, SPAN_NONE);
        return;
    }
    exchange->response->cache = exchange->cache;
    if (request_has(exchange->request, CONDITIONAL_FIELDS | 1U << FIELD_RANGE))
        answer_conditionally(exchange);
    else
        answer_whole(exchange);
}

void file_answer_page(struct exchange *exchange, int status)
{
    if (exchange->live == LIVE_CHECK) {
        live_reload_answer_missing(exchange);
        return;
    }
    exchange->response->status = status;
    representation_of_original(exchange);
    if (exchange->entry->coding == NULL || representation_negotiate(exchange)) {
        (void)representation_add_script(exchange);
        answer_whole(exchange);
    } else {
        error_answer(exchange, status, SPAN_NONE);
    }
}

static bool find_file(struct exchange *exchange, struct span path)
{
    struct store *store = exchange->context->store;
    if (store_find(store, path, exchange->iteration, &exchange->entry) != 0) {
        exchange_note(exchange, path, "not found");
        return false;
    }
    exchange->path = path;
    if (exchange->entry->kind != ENTRY_DIRECTORY)
        return true;
    store_release(store, exchange->entry);
    exchange->entry = NULL;
    return false;
}

static void answer_without_page(struct exchange *exchange)
{
    if (exchange->live == LIVE_CHECK)
        live_reload_answer_missing(exchange);
    else
        error_answer(exchange, 404, SPAN_NONE);
}

/* A client chooses how deep a path is, and each directory costs a look. Returns true if there were more. */
static bool cut_directories(struct target *target)
{
    size_t end = 0;
    for (unsigned names = 0; end < target->path.length; end++) {
        if (target->path.at[end] == '/' && ++names == LIMIT_MISSING_PAGES)
            break;
    }
    bool is_cut = end < target->path.length;
    target->path.length = end;
    return is_cut;
}

/* The nearest 404.html, from the target's directory upwards; a site without any is an application of one page. */
__attribute__((cold, noinline)) static void answer_missing_at_cloudflare(struct exchange *exchange)
{
    struct target *target = exchange->target;
    bool up = !cut_directories(target) && !target->slash;
    if (exchange->is_outside || lookup_is_hidden(exchange))
        target->path.length = 0;
    for (;; up = true) {
        size_t name = up ? span_after_last(target->path, '/').length : 0, length = target->path.length;
        target->path.length = name < length ? length - name - up : 0;
        if (find_file(exchange, target_child(target, missing_page))) {
            file_answer_page(exchange, 404);
            return;
        }
        if (target->path.length == 0)
            break;
    }
    if (!exchange->is_outside && find_file(exchange, SPAN("index.html")))
        file_answer(exchange);
    else
        answer_without_page(exchange);
}

void file_answer_missing(struct exchange *exchange)
{
    const struct config *config = exchange->context->config;
    if (config->file.length == 0 && config->settings->rules == RULES_CLOUDFLARE)
        answer_missing_at_cloudflare(exchange);
    else if (config->file.length == 0 && exchange->live != LIVE_CHECK && find_file(exchange, missing_page))
        file_answer_page(exchange, 404);
    else
        answer_without_page(exchange);
}

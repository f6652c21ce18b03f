#include "serve/answer.h"

#include "base/buffer.h"
#include "base/hash.h"
#include "base/limits.h"
#include "http/cache.h"
#include "http/conditional.h"
#include "http/host.h"
#include "http/navigation.h"
#include "http/negotiate.h"
#include "http/range.h"
#include "http/target.h"
#include "site/listing.h"
#include "site/live.h"
#include "site/look.h"
#include "site/mime.h"
#include "site/page.h"
#include "site/reason.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

static const struct span missing_page = SPAN_INIT("404.html");
static const struct span page_suffix = SPAN_INIT(".html");
static const struct span none = {NULL, 0};

/* Where a machine asks whether this server takes requests (RFC 8615). */
static const struct span health_target = SPAN_INIT("/.well-known/tinyhttpd/health");

/* RFC 9110 15.5.6, 9.3.7 */
#define ALLOW "Allow: GET, HEAD, OPTIONS\r\n"

/* Why, in one sentence; and what to do where there is something. */
static const char *sentence_of(int status)
{
    switch (status) {
    case 302:
        return "This is a directory; its address ends with a slash.";
    case 400:
        return "The request is malformed.";
    case 404:
        return "There is nothing at this address.";
    case 405:
        return "This server only reads: GET, HEAD and OPTIONS are the methods that it knows.";
    case 406:
        return "There is no form of this file that the request accepts.";
    case 408:
        return "The request did not arrive in time.";
    case 412:
        return "The file is not the one that the request expects.";
    case 413:
        return "The request's body is too large; this server has no use for one.";
    case 414:
        return "The address is too long.";
    case 416:
        return "The file does not have what the request asks for; it is shorter.";
    case 431:
        return "The request's header fields are too long or too many; clearing this site's cookies may help.";
    case 501:
        return "The request asks for something that this server does not implement.";
    case 503:
        return "The server can't answer this just now; please try again.";
    case 505:
        return "This server speaks HTTP/1.1 and HTTP/1.0.";
    default:
        return "Something went wrong on this side.";
    }
}

/* What stands in a room that holds the longest there can be. */
static struct span filled(const struct buffer *buffer)
{
    assert(!buffer->overflow);
    return buffer_span(buffer);
}

/* ---- live reload ---- */

enum live {
    LIVE_NONE,
    LIVE_PAGE,     /* a browser wants a page to show, which shall get the script */
    LIVE_QUESTION, /* the script asks for the validators of a file as it is on disk */
};

static enum live live_of(const struct view *view, const struct request *request)
{
    if (!view->policy->settings->watch || (request->method != METHOD_GET && request->method != METHOD_HEAD))
        return LIVE_NONE;
    if (request_field(request, FIELD_TINYHTTPD_LIVE).at != NULL)
        return LIVE_QUESTION;
    bool part = request_field(request, FIELD_RANGE).at != NULL;
    return navigation_is_asked(request) && !part ? LIVE_PAGE : LIVE_NONE;
}

static bool asks_for_live_script(const struct view *view, const struct request *request)
{
    return view->policy->settings->watch &&
           (request->method == METHOD_GET || request->method == METHOD_HEAD) &&
           span_equal(request_target(request), SPAN(LIVE_TARGET));
}

static void answer_live_script(const struct view *view, const struct request *request,
                               struct response *response)
{
    response->unlogged = true;
    response_add_octets(response, live_script());
    response_finish(response, view->date, request->minor_version, SPAN("Content-Type: " LIVE_TYPE "\r\n"));
}

/* To the script, a file that is not there is no error. */
static void answer_nothing(const struct view *view, const struct request *request, struct response *response)
{
    response->status = 204;
    response_finish(response, view->date, request->minor_version, none);
}

/* Adds the element that loads the script to the body. */
static void add_live_element(struct response *response, struct span etag)
{
    size_t start = response->text.length;
    live_append_element(&response->text, etag);
    response_add_octets(response, (struct span){response->text.at + start, response->text.length - start});
}

/* ---- pages of the server's own ---- */

static void answer_page(const struct view *view, const struct request *request, struct response *response,
                        int status, struct span sentence, struct span lines)
{
    char digits[4];
    struct buffer number = BUFFER(digits);
    size_t start = response->text.length;
    buffer_number(&number, (uint64_t)status);
    struct page page = {
        .status = filled(&number),
        .title = span_of(response_reason(status)),
        .sentence = sentence,
        .reason = status == 404 && view->beside && view->why != NULL ? buffer_span(view->why) : none,
        .way_out = status == 404,
    };
    if (negotiate_media(request) == MEDIA_HTML)
        page_write(&response->text, &page);
    else
        page_write_text(&response->text, &page);
    response_add_octets(response, (struct span){response->text.at + start, response->text.length - start});
    if (live_of(view, request) == LIVE_PAGE)
        add_live_element(response, none);
    response->status = status;
    response->varies |= RESPONSE_BY_ACCEPT; /* which form the page has (RFC 9110 12.5.5) */
    response_finish(response, view->date, request->minor_version, lines);
}

static void append_page_lines(struct buffer *lines, struct span type, struct span policy)
{
    buffer_append(lines, SPAN("Content-Type: "));
    buffer_append(lines, type);
    buffer_append(lines, SPAN("\r\nContent-Security-Policy: "));
    buffer_append(lines, policy);
    buffer_append(lines, SPAN("\r\n"));
}

/* The policy of an error's page: where it is watched for, the script may run. */
static struct span error_policy(const struct view *view, const struct request *request, struct buffer *room)
{
    buffer_append(room, look_policy());
    if (live_of(view, request) == LIVE_PAGE)
        buffer_append(room, SPAN(LIVE_POLICY));
    return filled(room);
}

static struct span page_type(const struct request *request)
{
    return negotiate_media(request) == MEDIA_HTML ? SPAN(PAGE_TYPE) : SPAN(PAGE_TEXT_TYPE);
}

/* `line` is a field that goes with this error, with its line's end, or empty. */
static void answer_error(const struct view *view, const struct request *request, struct response *response,
                         int status, struct span line)
{
    char room[768], allowed[512];
    struct buffer lines = BUFFER(room), policy = BUFFER(allowed);
    append_page_lines(&lines, page_type(request), error_policy(view, request, &policy));
    buffer_append(&lines, line);
    if (status == 405)
        buffer_append(&lines, SPAN(ALLOW));
    if (status == 503)
        buffer_append(&lines, SPAN("Retry-After: 1\r\n"));
    answer_page(view, request, response, status, span_of(sentence_of(status)), filled(&lines));
}

/*
 * A name that somebody's DNS may have led here: a page from elsewhere that a browser on this machine shows would read
 * the site by it (DNS rebinding). Says how to let the name in. What is longer than any name is not repeated.
 */
static void answer_foreign_host(const struct view *view, const struct request *request,
                                struct response *response)
{
    enum { HOST_NAME_MAX_OCTETS = 253 };
    char room[768], said[HOST_NAME_MAX_OCTETS + 256];
    struct buffer lines = BUFFER(room), sentence = BUFFER(said);
    struct span name = host_name(host_of(request));
    append_page_lines(&lines, page_type(request), look_policy());
    buffer_append(&sentence,
                  SPAN("This server answers to the names of its own machine only, such as localhost. "
                       "To let it have this one as well, start it with --allow-host "));
    buffer_append(&sentence, name.length <= HOST_NAME_MAX_OCTETS ? name : SPAN("NAME"));
    answer_page(view, request, response, 403, filled(&sentence), filled(&lines));
}

/*
 * A directory without its slash, where relative links would go astray. The location is a path of this server in any
 * case: one slash, then the normalised path, so never "//host" (RFC 3986 4.2). Temporary, as browsers keep a 301
 * for ever and the next preview on this port may be another site.
 */
static void answer_redirect(const struct view *view, const struct request *request, struct response *response,
                            const struct target *target)
{
    char room[3 * LIMIT_TARGET + 512]; /* escaped, a path may be three times as long */
    struct buffer lines = BUFFER(room);
    append_page_lines(&lines, page_type(request), look_policy());
    buffer_append(&lines, SPAN("Location: /"));
    buffer_uri_path(&lines, target->path);
    buffer_octet(&lines, '/');
    buffer_append(&lines, target->query);
    buffer_append(&lines, SPAN("\r\n"));
    answer_page(view, request, response, 302, span_of(sentence_of(302)), filled(&lines));
}

/* What answers a preflight (Fetch standard, "CORS-preflight fetch") besides the origin, which every answer names. The
   fields that a page wants to send are of no use here, and so none does harm. */
static void append_preflight(const struct view *view, const struct request *request, struct buffer *lines)
{
    struct span fields = request_single_field(request, FIELD_ACCESS_CONTROL_REQUEST_HEADERS);
    if (view->policy->settings->cors == NULL ||
        request_field(request, FIELD_ACCESS_CONTROL_REQUEST_METHOD).at == NULL)
        return;
    buffer_append(lines, SPAN("Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"
                              "Access-Control-Max-Age: 600\r\n"));
    if (fields.length == 0 || fields.length > POLICY_PREFLIGHT_MAX || !policy_is_token_list(fields))
        return;
    buffer_append(lines, SPAN("Access-Control-Allow-Headers: "));
    buffer_append(lines, fields);
    buffer_append(lines, SPAN("\r\n"));
}

static void answer_options(const struct view *view, const struct request *request, struct response *response)
{
    char room[POLICY_PREFLIGHT_MAX + 256];
    struct buffer lines = BUFFER(room);
    buffer_append(&lines, SPAN(ALLOW));
    append_preflight(view, request, &lines);
    response->status = 204;
    response_finish(response, view->date, request->minor_version, filled(&lines));
}

/* ---- files ---- */

/* A file in the form that is sent. */
struct selected {
    struct entry *entry;
    struct span type;   /* of the original, also for an encoded form */
    struct span coding; /* empty for the original */
    struct span etag;
    struct span cache; /* the line of Cache-Control, the same for all forms */
    bool live;         /* the script of live reload follows it */
    bool steady;       /* what is said of it stays the same as long as the entry */
    bool dated;        /* its date tells its states apart */
};

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

/* Depends on the entry alone, as its head is kept: `path` is what the store found it by. */
static struct span cache_of(const struct view *view, const struct entry *entry, struct span path)
{
    const struct policy *policy = view->policy;
    bool hashed = policy->immutable.length > 0 && cache_name_has_hash(path) &&
                  strncmp(entry->type, "text/html", 9) != 0;
    return hashed ? policy->immutable : policy->cache;
}

static struct selected select_original(const struct view *view, struct entry *entry, struct span path)
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

static struct representation describe(const struct selected *selected)
{
    return (struct representation){
        .type = selected->type,
        .coding = selected->coding,
        .last_modified = selected->dated ? span_of(selected->entry->last_modified) : none,
        .etag = selected->etag,
    };
}

static void add_slice(struct response *response, const struct entry *entry, uint64_t offset, uint64_t length)
{
    if (entry->bytes != NULL)
        response_add_octets(response, (struct span){entry->bytes + offset, length});
    else
        response_add_file(response, entry->fd, offset, length);
}

/* That of an encoded form has the type of another entry. */
static bool may_keep_head(const struct selected *selected)
{
    return selected->coding.length == 0 && selected->steady && !selected->live;
}

static void write_kept_head(const struct view *view, const struct selected *selected)
{
    char room[ENTRY_HEAD_MAX + POLICY_LINES_MAX], described[ENTRY_LINES_MAX];
    struct buffer text = {room, 0, ENTRY_HEAD_MAX + view->policy->lines, false}, lines = BUFFER(described);
    struct kept_head *head = &selected->entry->head;
    struct representation representation = describe(selected);
    struct response said = {.common = view->policy->common, .cache = selected->cache};
    size_t validators = response_describe(&lines, &representation);
    head->lines =
        (uint16_t)response_write_head(&said, &text, view->date, filled(&lines), selected->entry->size);
    head->lines_end = (uint16_t)(head->lines + lines.length);
    head->validators = (uint16_t)(head->lines + validators);
    head->length = (uint16_t)filled(&text).length;
    head->second = view->now;
    memcpy(head->end - head->length, text.at, text.length);
}

/* The head that is kept with the entry, written if it is not there yet. */
static char *kept_head(const struct view *view, const struct selected *selected)
{
    if (selected->entry->head.length == 0)
        write_kept_head(view, selected);
    return selected->entry->head.end - selected->entry->head.length;
}

/* The lines that describe the file, and where in them the validators begin. */
static struct span lines_of(const struct view *view, const struct selected *selected, struct buffer *room,
                            size_t *validators)
{
    if (!may_keep_head(selected)) {
        struct representation representation = describe(selected);
        *validators = response_describe(room, &representation);
        return filled(room);
    }
    const char *at = kept_head(view, selected);
    const struct kept_head *head = &selected->entry->head;
    *validators = (size_t)(head->validators - head->lines);
    return (struct span){at + head->lines, (size_t)(head->lines_end - head->lines)};
}

/*
 * The kept head with the date of now, where that is the one to be sent: to a client of HTTP/1.1 that stays, from the
 * one form that the file has. An answer that is still being sent may have the old date half way out: then none.
 */
static struct span usable_head(const struct view *view, const struct request *request,
                               const struct response *response, const struct selected *selected)
{
    struct kept_head *head = &selected->entry->head;
    if (!may_keep_head(selected) || response->status != 200 || response->varies != 0 || response->last ||
        request->minor_version == 0)
        return none;
    char *at = kept_head(view, selected);
    if (head->second != view->now) {
        if (selected->entry->users > 1)
            return none;
        response_redate(at, view->date);
        head->second = view->now;
    }
    return (struct span){at, head->length};
}

static void answer_whole(const struct view *view, const struct request *request, struct response *response,
                         const struct selected *selected)
{
    char room[ENTRY_LINES_MAX];
    struct buffer lines = BUFFER(room);
    size_t validators;
    struct span head = usable_head(view, request, response, selected);
    add_slice(response, selected->entry, 0, selected->entry->size);
    if (selected->live)
        add_live_element(response, response->status == 200 ? span_of(selected->entry->etag) : none);
    if (head.length > 0)
        response_finish_kept(response, head);
    else
        response_finish(response, view->date, request->minor_version,
                        lines_of(view, selected, &lines, &validators));
}

static void answer_not_modified(const struct view *view, const struct request *request,
                                struct response *response, const struct selected *selected)
{
    char room[ENTRY_LINES_MAX];
    struct buffer described = BUFFER(room);
    size_t validators;
    struct span lines = lines_of(view, selected, &described, &validators);
    response->status = 304;
    response_finish(response, view->date, request->minor_version,
                    (struct span){lines.at + validators, lines.length - validators});
}

static void answer_range(const struct view *view, const struct request *request, struct response *response,
                         const struct selected *selected, const struct range *range)
{
    char room[ENTRY_LINES_MAX], value[RESPONSE_RANGE_MAX];
    struct buffer lines = BUFFER(room), content_range = BUFFER(value);
    struct representation representation = describe(selected);
    response_write_range(&content_range, range->offset, range->length, selected->entry->size);
    representation.range = filled(&content_range);
    response_describe(&lines, &representation);
    add_slice(response, selected->entry, range->offset, range->length);
    response->status = 206;
    response_finish(response, view->date, request->minor_version, filled(&lines));
}

/* RFC 2046 5.1.1: the boundary must not occur in the parts. 64 bits that nobody can know before the request was read
   make that as good as certain. */
static void write_boundary(const struct view *view, const struct request *request, struct buffer *boundary)
{
    static uint64_t counter;
    counter = hash_octets((struct span){request->head, request->parsed}) + counter * 31 + view->turn;
    uint64_t seed[2] = {counter, (uint64_t)(uintptr_t)&counter};
    buffer_append(boundary, SPAN("tinyhttpd-"));
    buffer_hex(boundary, hash_octets((struct span){(const char *)seed, sizeof seed}));
}

static void answer_ranges(const struct view *view, const struct request *request, struct response *response,
                          const struct selected *selected, const struct range *ranges, unsigned count)
{
    char room[ENTRY_LINES_MAX], value[32], typed[64];
    struct buffer lines = BUFFER(room), boundary = BUFFER(value), type = BUFFER(typed);
    struct representation representation = describe(selected);
    write_boundary(view, request, &boundary);
    buffer_append(&type, SPAN("multipart/byteranges; boundary="));
    buffer_append(&type, filled(&boundary));
    representation.type = filled(&type);
    response_describe(&lines, &representation);
    for (unsigned i = 0; i < count; i++) {
        response_add_part_head(response, filled(&boundary), selected->type, i == 0, ranges[i].offset,
                               ranges[i].length, selected->entry->size);
        add_slice(response, selected->entry, ranges[i].offset, ranges[i].length);
    }
    response_add_parts_end(response, filled(&boundary));
    response->status = 206;
    response_finish(response, view->date, request->minor_version, filled(&lines));
}

static void answer_unsatisfiable(const struct view *view, const struct request *request,
                                 struct response *response, uint64_t size)
{
    char room[64];
    struct buffer line = BUFFER(room);
    buffer_append(&line, SPAN("Content-Range: bytes */")); /* RFC 9110 15.5.17 */
    buffer_number(&line, size);
    buffer_append(&line, SPAN("\r\n"));
    response->cache = view->policy->unkept;
    answer_error(view, request, response, 416, filled(&line));
}

/* The file or what is asked of it, once no condition stands against it. */
static void answer_content(const struct view *view, const struct request *request, struct response *response,
                           const struct selected *selected, const struct validators *validators)
{
    struct range ranges[LIMIT_RANGES];
    unsigned count = 0;
    enum range_result result = RANGE_WHOLE;
    if (conditional_range_applies(request, validators, view->now))
        result =
            range_parse(request_single_field(request, FIELD_RANGE), selected->entry->size, ranges, &count);
    if (result == RANGE_UNSATISFIABLE)
        answer_unsatisfiable(view, request, response, selected->entry->size);
    else if (result == RANGE_WHOLE)
        answer_whole(view, request, response, selected);
    else if (count == 1)
        answer_range(view, request, response, selected, &ranges[0]);
    else
        answer_ranges(view, request, response, selected, ranges, count);
}

static void answer_selected(const struct view *view, const struct request *request, struct response *response,
                            const struct selected *selected)
{
    int64_t modified = selected->entry->modified;
    struct validators validators = {
        .etag = selected->etag,
        .modified = modified < view->now ? modified : view->now,
        .last_modified = selected->dated ? modified : CONDITIONAL_UNDATED,
    };
    response->cache = selected->cache;
    switch (conditional_evaluate(request, &validators, view->now)) {
    case CONDITIONAL_NOT_MODIFIED:
        answer_not_modified(view, request, response, selected);
        break;
    case CONDITIONAL_FAILED:
        response->cache = view->policy->unkept;
        answer_error(view, request, response, 412, none);
        break;
    case CONDITIONAL_PERFORM:
        answer_content(view, request, response, selected, &validators);
        break;
    }
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
        return none;
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

/*
 * Chooses the form of the file that the client wants most (RFC 9110 12.5.3), and makes its entry the one that is held.
 * False where no form is acceptable.
 */
static bool select_coding(const struct view *view, const struct request *request, struct response *response,
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
    return view->policy->settings->watch && strncmp(entry->type, "text/html", 9) == 0 && !is_utf16(entry);
}

/* A page to show gets the script after its own octets, and a validator of its own (RFC 9110 8.8.3). Returns whether it is
   such a page. */
static bool select_live(const struct view *view, const struct request *request, struct response *response,
                        struct selected *selected)
{
    if (!may_be_live(view, selected->entry))
        return false;
    response->varies |= RESPONSE_BY_ACCEPT;
    if (live_of(view, request) != LIVE_PAGE)
        return false;
    selected->live = true;
    selected->etag = keep_coded_etag(response, selected->etag, SPAN("live"));
    return true;
}

/* `path` is what the store found the entry by. */
static void answer_file(const struct view *view, const struct request *request, struct response *response,
                        struct entry **entry, struct span path)
{
    struct selected selected = select_original(view, *entry, path);
    bool as_it_is =
        select_live(view, request, response, &selected) || live_of(view, request) == LIVE_QUESTION;
    if (as_it_is || select_coding(view, request, response, entry, &selected))
        answer_selected(view, request, response, &selected);
    else
        answer_error(view, request, response, 406, none);
}

/* The site's own page for what is missing, if it has one: as it is, without conditions or ranges, which are for
   answers of 200 (RFC 9110 13.2.1). */
static void answer_missing(const struct view *view, const struct request *request, struct response *response,
                           struct entry **held)
{
    if (view->policy->file.length > 0 || store_find(view->store, missing_page, view->turn, held) != 0 ||
        (*held)->kind == ENTRY_DIRECTORY) {
        answer_error(view, request, response, 404, none);
        return;
    }
    response->status = 404;
    struct selected selected = select_original(view, *held, missing_page);
    select_live(view, request, response, &selected);
    answer_whole(view, request, response, &selected);
}

/* 503 tells whoever spreads requests over several servers to leave this one out. */
static void answer_health(const struct view *view, const struct request *request, struct response *response)
{
    response->status = view->draining ? 503 : 200;
    response->unlogged = true;
    response_add_octets(response, view->draining ? SPAN("draining\n") : SPAN("ok\n"));
    response_finish(response, view->date, request->minor_version,
                    SPAN("Content-Type: text/plain; charset=utf-8\r\n"));
}

/* ---- directories without an index ---- */

enum { LISTED = -1 }; /* in place of a status: it is answered */

static bool lists(const struct view *view)
{
    const struct settings *settings = view->policy->settings;
    if (settings->listing == LISTING_OFF)
        return false;
    return settings->listing == LISTING_ON || settings->lan || view->policy->guarded;
}

/* The first piece of a listing, which may be all of it, and is what a HEAD asks about as well. */
static void answer_listed(const struct view *view, const struct request *request, struct response *response,
                          struct source *source, bool json)
{
    char room[768];
    struct buffer lines = BUFFER(room);
    size_t start = response->text.length;
    struct buffer piece = {response->text.at + start, 0, LIMIT_PIECE, false};
    enum source_state state = source->fill(source, &piece);
    if (state == SOURCE_BROKEN) {
        source->drop(source);
        answer_error(view, request, response, 503, none);
        return;
    }
    response->text.length += piece.length;
    response->varies |= RESPONSE_BY_ACCEPT; /* RFC 9110 12.5.5 */
    append_page_lines(&lines, json ? SPAN(LISTING_JSON_TYPE) : SPAN(LISTING_TYPE), look_listing_policy());
    if (state == SOURCE_MORE) {
        response_stream(response, source, request->minor_version, buffer_span(&piece));
    } else {
        response_add_octets(response, buffer_span(&piece));
        source->drop(source);
    }
    response_finish(response, view->date, request->minor_version, filled(&lines));
}

/* A directory is read anew for each request, and its listing has no validators: it is never stale. Returns LISTED, or
   the status where there is none. */
static int answer_listing(const struct view *view, const struct request *request, struct response *response,
                          struct target *target)
{
    int fd;
    target->room[target->path.length] = '\0'; /* target_child has put the index there */
    int status = store_open_directory(view->store, target->path, &fd);
    if (status != 0)
        return status;
    struct listing_form form = listing_form_of(target->query);
    form.json = negotiate_media(request) == MEDIA_JSON;
    form.dotfiles = view->policy->settings->dotfiles;
    struct source *source = listing_open(store_beneath(view->store), target->path, fd, &form);
    if (source == NULL)
        return 503;
    answer_listed(view, request, response, source, form.json);
    return LISTED;
}

/* Why there is nothing, for those who may know. */
static void find_reason(const struct view *view, struct target *target)
{
    bool dotfiles = view->policy->settings->dotfiles;
    if (view->why == NULL || view->policy->file.length > 0)
        return;
    struct span path = target->slash ? target_child(target, view->policy->index) : target->path;
    reason_append(view->why, store_beneath(view->store), path, dotfiles, view->now);
}

/* ---- the table of contents ---- */

static bool asks_for_health(const struct request *request)
{
    return (request->method == METHOD_GET || request->method == METHOD_HEAD) &&
           span_equal(request_target(request), health_target);
}

/* Finds a file; a directory of that path is none. Returns 0 or a status. */
static int find_file(const struct view *view, struct span path, struct entry **entry)
{
    int status = store_find(view->store, path, view->turn, entry);
    if (status == 0 && (*entry)->kind == ENTRY_DIRECTORY) {
        store_release(view->store, *entry);
        *entry = NULL;
        return 404;
    }
    return status;
}

/*
 * "/about" is about.html where nothing has the name itself, or a directory has it that has no page of its own: exporters
 * make both. Not for names that are known to be something else, such as "/logo.png". By both addresses, relative links
 * mean the same. Returns 0 with the page and the `*path` that it was found by, or a status.
 */
static int find_page(const struct view *view, struct target *target, struct entry **entry, struct span *path)
{
    struct entry *index;
    if (mime_knows(target->path))
        return 404;
    int status = find_file(view, target_suffixed(target, page_suffix), entry);
    if (status != 0)
        return status;
    if (find_file(view, target_child(target, view->policy->index), &index) == 0) {
        store_release(view->store, index);
        store_release(view->store, *entry);
        return 404;
    }
    *path = target_suffixed(target, page_suffix);
    return 0;
}

/* Where one file is the whole site, it stands at the root and by its name. */
static int find_only(const struct view *view, const struct target *target, struct entry **entry,
                     struct span *path)
{
    *path = view->policy->file;
    if (target->path.length > 0 && (target->slash || !span_equal(target->path, *path)))
        return 404;
    return find_file(view, *path, entry);
}

static bool is_hidden(const struct view *view, const struct target *target)
{
    return target->hidden && !view->policy->settings->dotfiles;
}

/* Whether a directory without an index is listed here. */
static bool may_list(const struct view *view, const struct target *target)
{
    return target->slash && !is_hidden(view, target) && view->policy->file.length == 0 && lists(view);
}

/* Finds the file, or the directory that lacks its slash; `*path` is what it was found by. Returns 0 or a status. */
static int find_there(const struct view *view, struct target *target, struct entry **entry, struct span *path)
{
    struct entry *page;
    if (view->policy->file.length > 0)
        return find_only(view, target, entry, path);
    if (is_hidden(view, target))
        return 404;
    *path = target->slash ? target_child(target, view->policy->index) : target->path;
    if (target->slash)
        return find_file(view, *path, entry);
    int status = store_find(view->store, *path, view->turn, entry);
    if (status != 404 && (status != 0 || (*entry)->kind == ENTRY_FILE))
        return status;
    int found = find_page(view, target, &page, path);
    if (found == 404) /* it is what it was */
        return status;
    if (status == 0)
        store_release(view->store, *entry);
    *entry = found == 0 ? page : NULL;
    return found;
}

/*
 * The page of an application that reads the address itself, for navigations which find nothing. What is missing of a
 * page's parts stays missing, and so does what is hidden, or known by its extension to be no page of the application.
 */
static int find_application(const struct view *view, const struct request *request, struct response *response,
                            const struct target *target, struct entry **entry, struct span *path)
{
    if (view->policy->spa.length == 0 || is_hidden(view, target) ||
        (!target->slash && mime_knows(target->path)))
        return 404;
    response->varies |= RESPONSE_BY_ACCEPT;
    if (!navigation_is_asked(request))
        return 404;
    *path = view->policy->spa;
    return find_file(view, *path, entry);
}

static int find(const struct view *view, const struct request *request, struct response *response,
                struct target *target, struct entry **entry, struct span *path)
{
    int status = find_there(view, target, entry, path);
    return status == 404 ? find_application(view, request, response, target, entry, path) : status;
}

/* DNS rebinding gives a browser a foreign name for this machine, which it then sends. Who names none is no browser; what
   is no name is refused as such. */
static bool is_foreign(const struct view *view, const struct request *request)
{
    if (!view->guarded)
        return false;
    struct span authority = host_of(request);
    return authority.length > 0 && !policy_answers_to(view->policy, host_name(authority)) &&
           target_host_is_valid(authority);
}

/* Finds, or answers with a listing; where there is neither, sees why. Returns 0, a status, or LISTED. */
static int find_or_list(const struct view *view, const struct request *request, struct response *response,
                        struct target *target, struct entry **entry, struct span *path)
{
    int status = find(view, request, response, target, entry, path);
    if (status == 404 && may_list(view, target))
        status = answer_listing(view, request, response, target);
    if (status == 404)
        find_reason(view, target);
    return status;
}

/* What can be said without the disk. Returns 0, with the target read, or a status. */
static int accept_request(const struct view *view, const struct request *request, struct target *target)
{
    if (request->state == REQUEST_BAD) {
        assert(request->status != 0);
        return request->status;
    }
    if (!target_host_is_valid(request_field(request, FIELD_HOST)))
        return 400;
    if (is_foreign(view, request))
        return 403;
    if (request->method == METHOD_CONNECT || request->method == METHOD_OTHER)
        return 405;
    if (request->method == METHOD_OPTIONS && span_equal(request_target(request), SPAN("*")))
        return 204;
    int status = target_parse(request_target(request), target);
    return status == 0 && request->method == METHOD_OPTIONS ? 204 : status;
}

void answer(const struct view *view, const struct request *request, struct response *response,
            struct entry **held)
{
    struct target target;
    struct span path = none;
    *held = NULL;
    response->common = view->policy->common;
    response->cache = view->policy->unkept;
    response->last |= !request->keep_alive || request_ends_stream(request);
    response->head_only = request->method == METHOD_HEAD;

    int status = accept_request(view, request, &target);
    if (status == 0 && asks_for_health(request)) {
        answer_health(view, request, response);
        return;
    }
    if (status == 0 && asks_for_live_script(view, request)) {
        answer_live_script(view, request, response);
        return;
    }
    response->unlogged = live_of(view, request) == LIVE_QUESTION;
    if (status == 0)
        status = find_or_list(view, request, response, &target, held, &path);
    if (status == LISTED)
        return;

    if (status == 204)
        answer_options(view, request, response);
    else if (status == 403)
        answer_foreign_host(view, request, response);
    else if (status == 404 && live_of(view, request) == LIVE_QUESTION)
        answer_nothing(view, request, response);
    else if (status == 404)
        answer_missing(view, request, response, held);
    else if (status != 0)
        answer_error(view, request, response, status, none);
    else if ((*held)->kind == ENTRY_DIRECTORY)
        answer_redirect(view, request, response, &target);
    else
        answer_file(view, request, response, held, path);
}

#include "serve/file.h"

#include "base/hash.h"
#include "base/limits.h"
#include "http/conditional.h"
#include "http/range.h"
#include "serve/notice.h"
#include "serve/selected.h"
#include "serve/watch.h"

#include <string.h>

static const struct span missing_page = SPAN_INIT("404.html");

static void add_slice(struct response *response, const struct entry *entry, uint64_t offset, uint64_t length)
{
    if (entry->bytes != NULL)
        response_add_octets(response, (struct span){entry->bytes + offset, length});
    else
        response_add_file(response, entry->fd, offset, length);
}

/* Whether the entry's head can be kept: not while its dates may change, nor with the script, nor of an encoded form, which
   has the type of another entry. */
static bool may_keep_head(const struct selected *selected)
{
    return selected->coding.length == 0 && selected->steady && !selected->live;
}

/* The head of a 200 with the whole file, at the end of its room, so that the file's bytes follow it in memory. Where the
   lines that describe the file stand in it is noted, as other answers have these lines, too. */
static void write_kept_head(const struct view *view, const struct selected *selected)
{
    char room[ENTRY_HEAD_MAX + POLICY_LINES_MAX], described[ENTRY_LINES_MAX];
    struct buffer text = {room, 0, ENTRY_HEAD_MAX + view->policy->lines, false}, lines = BUFFER(described);
    struct kept_head *head = &selected->entry->head;
    struct representation representation = selected_describe(selected);
    struct response said = {.common = view->policy->common, .cache = selected->cache};
    size_t validators = response_describe(&lines, &representation);
    head->lines =
        (uint16_t)response_write_head(&said, &text, view->date, buffer_filled(&lines), selected->entry->size);
    head->lines_end = (uint16_t)(head->lines + lines.length);
    head->validators = (uint16_t)(head->lines + validators);
    head->length = (uint16_t)buffer_filled(&text).length;
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
        struct representation representation = selected_describe(selected);
        *validators = response_describe(room, &representation);
        return buffer_filled(room);
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
        return SPAN_NONE;
    char *at = kept_head(view, selected);
    if (head->second != view->now) {
        if (selected->entry->users > 1)
            return SPAN_NONE;
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
        watch_add_element(response, response->status == 200 ? span_of(selected->entry->etag) : SPAN_NONE);
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
    struct representation representation = selected_describe(selected);
    response_write_range(&content_range, range->offset, range->length, selected->entry->size);
    representation.range = buffer_filled(&content_range);
    response_describe(&lines, &representation);
    add_slice(response, selected->entry, range->offset, range->length);
    response->status = 206;
    response_finish(response, view->date, request->minor_version, buffer_filled(&lines));
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
    struct representation representation = selected_describe(selected);
    write_boundary(view, request, &boundary);
    buffer_append(&type, SPAN("multipart/byteranges; boundary="));
    buffer_append(&type, buffer_filled(&boundary));
    representation.type = buffer_filled(&type);
    response_describe(&lines, &representation);
    for (unsigned i = 0; i < count; i++) {
        response_add_part_head(response, buffer_filled(&boundary), selected->type, i == 0, ranges[i].offset,
                               ranges[i].length, selected->entry->size);
        add_slice(response, selected->entry, ranges[i].offset, ranges[i].length);
    }
    response_add_parts_end(response, buffer_filled(&boundary));
    response->status = 206;
    response_finish(response, view->date, request->minor_version, buffer_filled(&lines));
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
    notice_error(view, request, response, 416, buffer_filled(&line));
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
        notice_error(view, request, response, 412, SPAN_NONE);
        break;
    case CONDITIONAL_PERFORM:
        answer_content(view, request, response, selected, &validators);
        break;
    }
}

void file_answer(const struct view *view, const struct request *request, struct response *response,
                 struct entry **entry, struct span path)
{
    struct selected selected = selected_original(view, *entry, path);
    bool as_it_is =
        selected_make_live(view, request, response, &selected) || watch_of(view, request) == WATCH_QUESTION;
    if (as_it_is || selected_negotiate(view, request, response, entry, &selected))
        answer_selected(view, request, response, &selected);
    else
        notice_error(view, request, response, 406, SPAN_NONE);
}

void file_answer_missing(const struct view *view, const struct request *request, struct response *response,
                         struct entry **held)
{
    if (view->policy->file.length > 0 || store_find(view->store, missing_page, view->turn, held) != 0 ||
        (*held)->kind == ENTRY_DIRECTORY) {
        notice_error(view, request, response, 404, SPAN_NONE);
        return;
    }
    response->status = 404;
    struct selected selected = selected_original(view, *held, missing_page);
    selected_make_live(view, request, response, &selected);
    answer_whole(view, request, response, &selected);
}

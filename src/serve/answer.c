#include "serve/answer.h"

#include "http/target.h"
#include "site/page.h"

#include <assert.h>

static const struct span index_name = SPAN_INIT("index.html");
static const struct span missing_page = SPAN_INIT("404.html");

/* What a person who sees the error page can do about it. */
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
        return "This server only reads: GET and HEAD are the methods that it knows.";
    case 408:
        return "The request did not arrive in time.";
    case 413:
        return "The request's body is too large; this server has no use for one.";
    case 414:
        return "The address is too long.";
    case 431:
        return "The request's header fields are too long or too many; clearing this site's cookies may help.";
    case 501:
        return "The request asks for something that this server does not implement.";
    case 503:
        return "The server is short of memory or descriptors; please try again.";
    case 505:
        return "This server speaks HTTP/1.1 and HTTP/1.0.";
    default:
        return "Something went wrong on this side.";
    }
}

/* The page goes before the head into the response's text; `lines` are the fields that this status needs. */
static void answer_page(struct response *response, const char *date, const struct request *request,
                        int status, struct span lines)
{
    char titled[64];
    struct buffer title = BUFFER(titled);
    size_t start = response->text.length;
    buffer_number(&title, (uint64_t)status);
    buffer_octet(&title, ' ');
    buffer_string(&title, response_reason(status));
    page_write(&response->text, buffer_span(&title), span_of(sentence_of(status)));
    response_add_octets(response, (struct span){response->text.at + start, response->text.length - start});
    response->status = status;
    response_finish(response, date, request->minor_version, lines);
}

/* The fields of a page, and room for a Location, which may be three times as long as a target. */
enum { PAGE_LINES_MAX = 3 * LIMIT_TARGET + 512 };

static void append_page_lines(struct buffer *lines)
{
    buffer_append(lines, SPAN("Content-Type: " PAGE_TYPE "\r\nContent-Security-Policy: " PAGE_POLICY "\r\n"));
}

static void answer_error(struct response *response, const char *date, const struct request *request,
                         int status)
{
    char room[512];
    struct buffer lines = BUFFER(room);
    append_page_lines(&lines);
    if (status == 405)
        buffer_append(&lines, SPAN("Allow: GET, HEAD\r\n")); /* RFC 9110 15.5.6 */
    if (status == 503)
        buffer_append(&lines, SPAN("Retry-After: 1\r\n"));
    answer_page(response, date, request, status, buffer_span(&lines));
}

/*
 * A directory without its slash, where relative links would go astray. The location is a path of this server in any
 * case: one slash, then the normalised path, so never "//host" (RFC 3986 4.2). Temporary, as browsers keep a 301
 * for ever and the next preview on this port may be another site.
 */
static void answer_redirect(struct response *response, const char *date, const struct request *request,
                            const struct target *target)
{
    char room[PAGE_LINES_MAX];
    struct buffer lines = BUFFER(room);
    append_page_lines(&lines);
    buffer_append(&lines, SPAN("Location: /"));
    buffer_uri_path(&lines, target->path);
    buffer_octet(&lines, '/');
    buffer_append(&lines, target->query);
    buffer_append(&lines, SPAN("\r\n"));
    answer_page(response, date, request, 302, buffer_span(&lines));
}

static void answer_file(struct response *response, const char *date, const struct request *request,
                        struct entry *entry)
{
    if (entry->lines_length == 0) {
        struct buffer lines = BUFFER(entry->lines);
        response_describe(&lines, &(struct representation){
                                      .type = span_of(entry->type),
                                      .etag = span_of(entry->etag),
                                      .last_modified = span_of(entry->last_modified),
                                  });
        entry->lines_length = lines.length;
    }
    if (entry->bytes != NULL)
        response_add_octets(response, (struct span){entry->bytes, entry->size});
    else
        response_add_file(response, entry->fd, 0, entry->size);
    response_finish(response, date, request->minor_version, (struct span){entry->lines, entry->lines_length});
}

/* The site's own page for what is missing, if it has one. */
static void answer_missing(const struct view *view, const struct request *request, struct response *response,
                           struct entry **held)
{
    struct entry *page;
    if (store_find(view->store, missing_page, view->turn, &page) != 0) {
        answer_error(response, view->date, request, 404);
        return;
    }
    if (page->kind == ENTRY_DIRECTORY) {
        store_release(view->store, page);
        answer_error(response, view->date, request, 404);
        return;
    }
    response->status = 404;
    answer_file(response, view->date, request, page);
    *held = page;
}

/* Finds the file, or the directory that lacks its slash. Returns 0 or a status. */
static int find(const struct view *view, struct target *target, struct entry **entry)
{
    if (target->hidden)
        return 404;
    if (!target->slash)
        return store_find(view->store, target->path, view->turn, entry);
    int status = store_find(view->store, target_child(target, index_name), view->turn, entry);
    if (status == 0 && (*entry)->kind == ENTRY_DIRECTORY) {
        store_release(view->store, *entry);
        return 404;
    }
    return status;
}

static int check(const struct request *request, struct target *target)
{
    if (request->state == REQUEST_BAD) {
        assert(request->status != 0);
        return request->status;
    }
    if (!target_host_is_valid(request_field(request, FIELD_HOST)))
        return 400;
    if (request->method != METHOD_GET && request->method != METHOD_HEAD)
        return 405;
    return target_parse(request_target(request), target);
}

void answer(const struct view *view, const struct request *request, struct response *response,
            struct entry **held)
{
    struct target target;
    struct entry *entry = NULL;
    *held = NULL;
    response->close |=
        !request->keep_alive || request->state != REQUEST_WHOLE || request->method == METHOD_CONNECT;
    response->head_only = request->method == METHOD_HEAD;

    int status = check(request, &target);
    if (status == 0)
        status = find(view, &target, &entry);

    if (status == 404) {
        answer_missing(view, request, response, held);
    } else if (status != 0) {
        answer_error(response, view->date, request, status);
    } else if (entry->kind == ENTRY_DIRECTORY) {
        answer_redirect(response, view->date, request, &target);
        store_release(view->store, entry);
    } else {
        answer_file(response, view->date, request, entry);
        *held = entry;
    }
}

#include "reader.h"

#include "asked.h"
#include "base/limits.h"
#include "fuzz.h"
#include "site.h"

#include <string.h>

enum { FIELDS_MAX = 24 };

struct field {
    struct span name;
    struct span value;
};

struct response_read {
    int status;
    struct field fields[FIELDS_MAX];
    unsigned field_count;
    struct span body;
    bool has_body; /* false for HEAD, 204 and 304 */
    bool last;
};

static struct span rest_of(struct span text, size_t from)
{
    CHECK(from <= text.length);
    return (struct span){text.at + from, text.length - from};
}

static struct span field_of(const struct response_read *response, struct span name)
{
    for (unsigned i = 0; i < response->field_count; i++) {
        if (span_equal_nocase(response->fields[i].name, name))
            return response->fields[i].value;
    }
    return (struct span){NULL, 0};
}

static bool has(const struct response_read *response, struct span name)
{
    return field_of(response, name).at != NULL;
}

static uint64_t expect_number(struct span *text)
{
    size_t digits = 0;
    uint64_t number = 0;
    while (digits < text->length && text_is_digit(text->at[digits]))
        digits++;
    CHECK(span_to_number((struct span){text->at, digits}, &number));
    CHECK(digits == 1 || text->at[0] != '0');
    *text = rest_of(*text, digits);
    return number;
}

/* ---- the head ---- */

/* A line without its CRLF, of printable bytes. */
static struct span take_line(struct span *text)
{
    size_t length = span_find(*text, '\r');
    struct span line = {text->at, length};
    for (size_t i = 0; i < length; i++)
        CHECK(line.at[i] >= ' ' && line.at[i] < 0x7F);
    *text = rest_of(*text, length);
    fuzz_expect(text, SPAN("\r\n"));
    return line;
}

/* Status line and fields: each name is a token, followed by ": ", and none occurs twice. */
static void read_head(struct span head, struct response_read *response)
{
    struct span status = take_line(&head);
    fuzz_expect(&status, SPAN("HTTP/1.1 "));
    response->status = (int)expect_number(&status);
    CHECK(status.length > 1 && status.at[0] == ' ');
    while (head.length > 0) {
        struct span line = take_line(&head);
        size_t colon = span_find(line, ':');
        struct field field = {{line.at, colon}, rest_of(line, colon)};
        CHECK(colon > 0 && response->field_count < FIELDS_MAX);
        for (size_t i = 0; i < colon; i++)
            CHECK(text_is_tchar((unsigned char)line.at[i]));
        fuzz_expect(&field.value, SPAN(": "));
        CHECK(field.value.length > 0 && !has(response, field.name));
        response->fields[response->field_count++] = field;
    }
}

static void check_head(const struct response_read *response, struct span date, bool starved)
{
    static const int statuses[] = {200, 204, 206, 302, 304, 400, 404, 405, 406, 408, 412, 413, 414, 416, 431, 501, 505};
    struct span connection = field_of(response, SPAN("Connection"));
    struct span location = field_of(response, SPAN("Location"));
    bool usual = response->status == 503 && starved; /* only without memory; 500 never */
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        usual |= response->status == statuses[i];
    CHECK(usual);
    CHECK(span_equal(field_of(response, SPAN("Date")), date));
    CHECK(span_equal(field_of(response, SPAN("X-Content-Type-Options")), SPAN("nosniff")));
    CHECK(connection.at == NULL || span_equal(connection, SPAN("close")) || span_equal(connection, SPAN("keep-alive")));
    CHECK(!has(response, SPAN("Transfer-Encoding")));
    CHECK((response->status == 204 || response->status == 304) != has(response, SPAN("Content-Length")));
    CHECK((response->status == 302) == (location.at != NULL));
    struct span segment = {location.at, location.at != NULL ? span_find(location, '/') : 0};
    CHECK(location.at == NULL || segment.length > 0); /* relative: no path, no host */
    CHECK(span_find(segment, ':') == segment.length && span_find(segment, '\\') == segment.length);
    CHECK(response->status != 405 || has(response, SPAN("Allow")));
    CHECK(response->status != 416 || has(response, SPAN("Content-Range")));
}

/* ---- the content ---- */

/* The file of this slice: the requested one, or any of this size. */
static bool is_slice(const struct site_file *file, struct span bytes, uint64_t offset, uint64_t size)
{
    return file->content.length == size && offset <= size && bytes.length <= size - offset &&
           span_equal((struct span){file->content.at + offset, bytes.length}, bytes);
}

/* If the requested file is known, the body is that file or an encoded form of it. */
static bool is_form_of(const struct site_file *file, const struct site_file *asked)
{
    size_t length = strlen(asked->path);
    const char *end = file->path + length;
    return strncmp(file->path, asked->path, length) == 0 &&
           (*end == '\0' || strcmp(end, ".gz") == 0 || strcmp(end, ".br") == 0 || strcmp(end, ".zst") == 0);
}

static void check_slice(struct span bytes, uint64_t offset, uint64_t size, const struct site_file *asked)
{
    const struct site_file *file;
    bool found = false;
    for (unsigned i = 0; !found && (file = site_file(i)) != NULL; i++)
        found = is_slice(file, bytes, offset, size) && (asked == NULL || is_form_of(file, asked));
    CHECK(found);
}

/* "bytes FIRST-LAST/SIZE" for a slice of `length` bytes. Returns FIRST. */
static uint64_t read_content_range(struct span value, uint64_t *length, uint64_t *size)
{
    fuzz_expect(&value, SPAN("bytes "));
    uint64_t first = expect_number(&value);
    fuzz_expect(&value, SPAN("-"));
    uint64_t last = expect_number(&value);
    fuzz_expect(&value, SPAN("/"));
    *size = expect_number(&value);
    CHECK(value.length == 0 && first <= last && last < *size);
    *length = last - first + 1;
    return first;
}

/* RFC 2046 5.1.1, RFC 9110 14.6 */
static void check_multipart(struct span body, struct span boundary, const struct site_file *asked)
{
    uint64_t sum = 0, size = 0;
    for (unsigned parts = 0;; parts++) {
        fuzz_expect(&body, SPAN("\r\n--"));
        fuzz_expect(&body, boundary);
        if (body.length == 4) {
            CHECK(parts > 1 && parts <= LIMIT_RANGES && sum <= size);
            fuzz_expect(&body, SPAN("--\r\n"));
            return;
        }
        fuzz_expect(&body, SPAN("\r\n"));
        struct span type = take_line(&body), range = take_line(&body);
        uint64_t length;
        fuzz_expect(&body, SPAN("\r\n"));
        fuzz_expect(&type, SPAN("Content-Type: "));
        fuzz_expect(&range, SPAN("Content-Range: "));
        uint64_t offset = read_content_range(range, &length, &size);
        struct span bytes = {body.at, length};
        body = rest_of(body, length);
        check_slice(bytes, offset, size, asked);
        sum += length;
    }
}

static void check_partial(const struct response_read *response, const struct site_file *asked)
{
    struct span range = field_of(response, SPAN("Content-Range")), type = field_of(response, SPAN("Content-Type"));
    CHECK(response->has_body); /* ranges are for GET alone */
    if (range.at == NULL) {
        fuzz_expect(&type, SPAN("multipart/byteranges; boundary="));
        CHECK(type.length > 0 && type.length <= 70);
        check_multipart(response->body, type, asked);
        return;
    }
    uint64_t length, size, offset = read_content_range(range, &length, &size);
    CHECK(length == response->body.length);
    check_slice(response->body, offset, size, asked);
}

/* The file that a plain path names. */
static const struct site_file *file_asked(const struct asked *asked)
{
    struct span path = {asked->target.at, asked->target.length};
    path.length = span_find(path, '?');
    if (!asked->known || path.length == 0)
        return NULL;
    return site_find(span_equal(path, SPAN("/")) ? SPAN("/index.html") : path);
}

static bool is_method(const struct asked *asked, struct span method)
{
    return asked->known && span_equal(asked->method, method);
}

static void check_content(const struct response_read *response, const struct asked *asked)
{
    const struct site_file *file = file_asked(asked);
    bool encoded = has(response, SPAN("Content-Encoding"));
    if (response->status == 206)
        check_partial(response, file);
    if (response->status == 200 && response->has_body)
        check_slice(response->body, 0, response->body.length, file);
    if (response->status == 404 && response->has_body)
        check_slice(response->body, 0, response->body.length, site_find(SPAN("/404.html")));
    CHECK(!encoded || response->status == 200 || response->status == 206);
    /* A plain request for a file gets the whole file. */
    bool get = is_method(asked, SPAN("GET")), head = is_method(asked, SPAN("HEAD"));
    if (file == NULL || !asked->plain || !(get || head))
        return;
    CHECK(response->status == 200 || response->status == 400); /* 400 may be due to its Host */
    uint64_t length = 0;
    CHECK(span_to_number(field_of(response, SPAN("Content-Length")), &length));
    CHECK(response->status != 200 || (!encoded && length == file->content.length));
    CHECK(response->status != 200 || !response->has_body || span_equal(response->body, file->content));
}

/* ---- one response after the other ---- */

/* Whether content follows the head. If the request is unknown, a response without content counts as one to HEAD, but
   only if the client's bytes have a HEAD and the next bytes look like another response. */
static bool content_follows(const struct response_read *response, const struct asked *asked, struct span sent,
                            struct span rest)
{
    if (response->status == 204 || response->status == 304)
        return false;
    if (asked->known)
        return !span_equal(asked->method, SPAN("HEAD"));
    if (!fuzz_holds(sent, SPAN("HEAD")))
        return true;
    return rest.length > 0 && (rest.length < 9 || memcmp(rest.at, "HTTP/1.1 ", 9) != 0);
}

struct check {
    const struct wire *wire;
    bool cut;
    struct span date;
    struct span given; /* the server's bytes that are not yet parsed */
    struct span asked; /* the client's bytes from the next request on */
    bool in_step;      /* each request so far is known */
    unsigned responses;
};

/* The access line of each response has its status and its bytes. */
static void check_line(const struct check *check, int status, size_t bytes)
{
    const struct wire_line *line = &check->wire->lines[check->responses];
    CHECK(check->responses < check->wire->line_count);
    CHECK(line->status == status);
    CHECK(line->bytes == bytes);
}

/* Returns false after the last response. */
static bool read_response(struct check *check)
{
    struct response_read response = {0};
    struct asked asked = {0};
    if (check->in_step)
        asked = asked_next(&check->asked);
    check->in_step = asked.known;
    const char *end = check->given.length < 4 ? NULL : memmem(check->given.at, check->given.length, "\r\n\r\n", 4);
    if (end == NULL) {
        CHECK(check->cut);
        check->responses++;
        return false;
    }
    size_t length = (size_t)(end - check->given.at) + 2;
    read_head((struct span){check->given.at, length}, &response);
    check_head(&response, check->date, check->wire->starved);
    if (response.status == 408) /* the request was incomplete */
        asked = (struct asked){0};
    struct span rest = rest_of(check->given, length + 2);
    uint64_t content = 0;
    response.has_body = content_follows(&response, &asked, check->wire->sent, rest);
    if (response.has_body)
        CHECK(span_to_number(field_of(&response, SPAN("Content-Length")), &content));
    bool whole = content <= rest.length;
    CHECK(whole || check->cut);
    response.body = (struct span){rest.at, whole ? content : rest.length};
    check_line(check, response.status, response.body.length);
    check->responses++;
    check->given = rest_of(rest, response.body.length);
    response.last = span_equal(field_of(&response, SPAN("Connection")), SPAN("close"));
    if (asked.known && asked.minor_version == 0) /* RFC 9112 9.3 */
        CHECK(has(&response, SPAN("Connection")));
    CHECK(!asked.close || response.last);
    if (whole && !check->wire->starved)
        check_content(&response, &asked);
    return whole && !response.last;
}

/* Empty lines and an incomplete request don't count. */
static bool may_answer(const struct check *check)
{
    struct span asked = request_skip_empty_lines(check->asked);
    return asked.length > 0 && !span_equal(asked, SPAN("\r"));
}

/* A TLS client gets an alert (RFC 8446 6), or its beginning if there is no room, and no line in the log. */
static bool asks_for_tls(const struct check *check)
{
    struct span asked = request_skip_empty_lines(check->asked);
    return asked.length > 0 && asked.at[0] == 0x16;
}

static bool read_alert(struct check *check)
{
    static const char alert[] = {0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46};
    if (check->given.length == 0 || check->given.at[0] != alert[0])
        return false;
    CHECK(asks_for_tls(check));
    CHECK(check->given.length <= sizeof alert);
    CHECK(memcmp(check->given.at, alert, check->given.length) == 0);
    check->given.length = 0;
    return true;
}

void reader_check(const struct wire *used, bool cut, struct span date)
{
    struct check check = {
        .wire = used,
        .cut = cut,
        .date = date,
        .given = {used->output, used->given},
        .asked = {used->sent.at, used->taken},
        .in_step = true,
    };
    CHECK(!fuzz_holds(check.given, SPAN(SITE_SECRET)));
    unsigned heads = asked_heads(check.asked);
    bool more = true;
    CHECK(used->line_count == 0 || may_answer(&check));
    while (more && !read_alert(&check) && check.given.length > 0)
        more = read_response(&check);
    CHECK(check.given.length == 0 || !more);
    CHECK(more || check.cut || check.given.length == 0); /* no bytes after "Connection: close" */
    CHECK(check.responses <= heads + 1);
    /* If the connection persists, each request that was read gets a response; but a response in flight when the server
       stops becomes the last one, although its head was sent without "Connection: close". */
    CHECK(!more || check.cut || used->stopped || !check.in_step || asks_for_tls(&check) ||
          !asked_next(&check.asked).known);
    /* A response without a sent byte has a line as well. */
    CHECK(used->line_count == check.responses || (cut && used->line_count == check.responses + 1));
}

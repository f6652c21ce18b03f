/* Requests, read in one piece and in several. The input: a line with the sizes of the pieces, one in each byte, then
   the client's bytes. */
#include "http/request.h"

#include "lib/fuzz.h"

#include <stdlib.h>
#include <string.h>

/* A request read from its own memory. */
struct reading {
    struct request request;
    char *head; /* the memory of the request's spans */
    size_t used;
};

static size_t next_size(struct span *sizes, size_t most)
{
    size_t size = most;
    if (sizes->length > 0) {
        size = 1 + (unsigned char)sizes->at[0] % 64;
        *sizes = (struct span){sizes->at + 1, sizes->length - 1};
    }
    return size < most ? size : most;
}

/* As in a connection: a head moves as it grows, a body is not kept. Each piece has its own memory. */
static void read_in_pieces(struct span bytes, struct span sizes, struct reading *reading)
{
    struct request *request = &reading->request;
    size_t length = 0;
    request_init(request);
    reading->head = NULL;
    while (request->state == REQUEST_HEAD && length < bytes.length) {
        length += next_size(&sizes, bytes.length - length);
        char *moved = fuzz_copy((struct span){bytes.at, length});
        free(reading->head);
        reading->head = moved;
        request_read_head(request, moved, length);
    }
    CHECK(request->parsed <= length);
    reading->used = request->parsed;
    while (request->state == REQUEST_BODY && reading->used < bytes.length) {
        size_t used, size = next_size(&sizes, bytes.length - reading->used);
        char *piece = fuzz_copy((struct span){bytes.at + reading->used, size});
        request_read_body(request, piece, size, &used);
        free(piece);
        CHECK(used == size || request->state != REQUEST_BODY);
        CHECK(used <= size);
        reading->used += used;
    }
}

static void check_span(const struct reading *reading, struct span span)
{
    const struct request *request = &reading->request;
    CHECK(span.length == 0 || (span.at >= reading->head && span.at + span.length <= reading->head + request->received));
}

static void check_spans(const struct reading *reading)
{
    const struct request *request = &reading->request;
    check_span(reading, request_target(request));
    check_span(reading, request_method_name(request));
    for (unsigned field = 0; field < FIELD_OTHER; field++) {
        unsigned cursor = 0;
        struct span value;
        while (request_next_line(request, field, &cursor, &value)) {
            check_span(reading, value);
            for (size_t i = 0; i < value.length; i++)
                CHECK(value.at[i] != '\r' && value.at[i] != '\n' && value.at[i] != '\0');
        }
    }
}

/* Pieces may refuse a too large chunked body sooner, as they count the framing before the chunk. */
static bool is_foreseen(const struct request *early, const struct request *late)
{
    return early->state == REQUEST_BAD && early->status == 413 && late->state == REQUEST_BODY;
}

/* Apart from that, pieces make no difference. */
static void compare(const struct reading *whole, const struct reading *pieces)
{
    const struct request *a = &whole->request, *b = &pieces->request;
    CHECK(a->method == b->method);
    if (is_foreseen(b, a) || is_foreseen(a, b))
        return;
    CHECK(a->state == b->state && a->status == b->status);
    if (a->state != REQUEST_WHOLE)
        return;
    CHECK(whole->used == pieces->used);
    CHECK(a->minor_version == b->minor_version && a->keep_alive == b->keep_alive);
    CHECK(a->expects_continue == b->expects_continue && a->fields == b->fields);
    CHECK(span_equal(request_target(a), request_target(b)));
    CHECK(span_equal(request_method_name(a), request_method_name(b)));
    CHECK(span_equal(request_first_line(a), request_first_line(b)));
    for (unsigned field = 0; field < FIELD_OTHER; field++) {
        unsigned at_a = 0, at_b = 0;
        struct span value_a, value_b;
        while (request_next_line(a, field, &at_a, &value_a)) {
            CHECK(request_next_line(b, field, &at_b, &value_b));
            CHECK(span_equal(value_a, value_b));
        }
    }
}

/* ---- a complete request, checked by its bytes ---- */

/* RFC 9112 2.2: every line ends with CRLF, without a bare CR or LF. 5.2: no line begins with a space. */
static void check_lines(struct span head)
{
    for (size_t i = 0; i < head.length; i++) {
        if (head.at[i] == '\n')
            CHECK(i > 0 && head.at[i - 1] == '\r');
        if (head.at[i] == '\r')
            CHECK(i + 1 < head.length && head.at[i + 1] == '\n');
        if (i > 0 && head.at[i - 1] == '\n')
            CHECK(head.at[i] != ' ' && head.at[i] != '\t');
        CHECK(head.at[i] != '\0');
    }
}

/* Counts the lines of a field: its name begins the line, and a colon follows directly. */
static unsigned count_lines(struct span head, struct span name, struct span *value)
{
    unsigned count = 0;
    for (size_t at = span_find(head, '\n') + 1; at + name.length < head.length;) {
        struct span rest = {head.at + at, head.length - at};
        size_t end = span_find(rest, '\r');
        if (span_equal_nocase((struct span){rest.at, name.length}, name) && rest.at[name.length] == ':') {
            *value = span_trim((struct span){rest.at + name.length + 1, end - name.length - 1});
            count++;
        }
        at += end + 2;
    }
    return count;
}

/* RFC 9112 3.2, 6.1, 6.3: the fields that decide where the next request begins occur once. */
static void check_framing(struct span head, struct span body, const struct request *request)
{
    struct span value = {NULL, 0}, coding = {NULL, 0};
    uint64_t length = 0;
    unsigned lengths = count_lines(head, SPAN("Content-Length"), &value);
    unsigned codings = count_lines(head, SPAN("Transfer-Encoding"), &coding);
    unsigned hosts = count_lines(head, SPAN("Host"), &coding);
    CHECK(hosts == 1 || (hosts == 0 && request->minor_version == 0));
    CHECK(lengths == 0 || codings == 0);
    CHECK(codings == 0 || request->minor_version == 1);
    if (request->method == METHOD_CONNECT || lengths + codings == 0) /* nothing is read after a CONNECT */
        CHECK(body.length == 0);
    else if (codings > 0)
        CHECK(body.length >= 5 && memcmp(body.at + body.length - 4, "\r\n\r\n", 4) == 0);
    else
        CHECK(span_to_number(value, &length) && body.length == length && length <= LIMIT_BODY);
}

static void check_whole(struct span bytes, const struct reading *reading)
{
    const struct request *request = &reading->request;
    struct span used = request_skip_empty_lines((struct span){bytes.at, reading->used});
    const char *end = memmem(used.at, used.length, "\r\n\r\n", 4);
    CHECK(end != NULL);
    struct span head = {used.at, (size_t)(end - used.at) + 4};
    struct span line = request_first_line(request), target = request_target(request);
    CHECK(line.at[line.length - 1] == (request->minor_version == 1 ? '1' : '0'));
    CHECK(memcmp(line.at + line.length - 9, " HTTP/1.", 8) == 0);
    CHECK(request_method_name(request).length + 1 + target.length + 9 == line.length);
    CHECK(target.length > 0 && target.length <= LIMIT_TARGET);
    CHECK(head.length <= LIMIT_HEAD && request->status == 0);
    check_lines(head);
    check_framing(head, (struct span){end + 4, used.length - head.length}, request);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const int refusals[] = {400, 413, 414, 431, 501, 505};
    struct span sent = {(const char *)bytes, length};
    struct span sizes = fuzz_take_line(&sent);
    struct reading whole, pieces;
    read_in_pieces(sent, (struct span){NULL, 0}, &whole);
    read_in_pieces(sent, sizes, &pieces);
    compare(&whole, &pieces);
    check_spans(&whole);
    check_spans(&pieces);
    bool refused = false;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        refused |= whole.request.status == refusals[i];
    CHECK(refused == (whole.request.state == REQUEST_BAD));
    if (whole.request.state == REQUEST_WHOLE)
        check_whole(sent, &whole);
    free(whole.head);
    free(pieces.head);
    return 0;
}

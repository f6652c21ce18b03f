/* Requests, read in one piece, in several, and by the grammar of RFC 9112. The input: a line with the sizes of the
   pieces, one in each byte, then the client's bytes. */
#include "http/request.h"

#include "lib/fuzz.h"
#include "lib/grammar.h"

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

/* ---- the same by the grammar of the RFC ---- */

/* The lines of every kept field, in their order. */
static void compare_fields(const struct request *request, const struct grammar *grammar)
{
    for (unsigned field = 0; field < FIELD_OTHER; field++) {
        unsigned cursor = 0;
        struct span value, name = grammar_field_name(field);
        for (unsigned i = 0; i < grammar->count; i++) {
            if (!span_equal_nocase(grammar->lines[i].name, name))
                continue;
            CHECK(request_next_line(request, field, &cursor, &value));
            CHECK(span_equal(value, grammar->lines[i].value));
        }
        CHECK(!request_next_line(request, field, &cursor, &value));
    }
}

static void compare_whole(const struct reading *reading, const struct grammar *grammar)
{
    const struct request *request = &reading->request;
    CHECK(request->state == REQUEST_WHOLE && request->status == 0);
    CHECK(reading->used == grammar->used);
    CHECK(span_equal(request_method_name(request), grammar->method));
    CHECK((request->method == METHOD_GET) == span_equal(grammar->method, SPAN("GET")));
    CHECK((request->method == METHOD_HEAD) == span_equal(grammar->method, SPAN("HEAD")));
    CHECK((request->method == METHOD_OPTIONS) == span_equal(grammar->method, SPAN("OPTIONS")));
    CHECK((request->method == METHOD_CONNECT) == span_equal(grammar->method, SPAN("CONNECT")));
    CHECK(span_equal(request_target(request), grammar->target));
    CHECK(span_equal(request_first_line(request), grammar->first_line));
    CHECK(request->minor_version == grammar->minor_version);
    CHECK(request->keep_alive == grammar->keep_alive);
    CHECK(request->expects_continue == grammar->expects_continue);
    compare_fields(request, grammar);
}

/* A head that breaks the grammar may still be read, but whatever follows, it is refused at its end. */
static void check_refused_later(struct span sent)
{
    static const char more[] = "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct reading reading;
    char *longer = malloc(sent.length + sizeof more);
    CHECK(longer != NULL);
    memcpy(longer, sent.at, sent.length);
    memcpy(longer + sent.length, more, sizeof more);
    read_in_pieces((struct span){longer, sent.length + sizeof more - 1}, (struct span){NULL, 0}, &reading);
    CHECK(reading.request.state == REQUEST_BAD);
    free(reading.head);
    free(longer);
}

static void compare_with_grammar(struct span sent, const struct reading *reading)
{
    static struct grammar grammar;
    const struct request *request = &reading->request;
    grammar_read(&grammar, sent);
    if (request->state == REQUEST_BAD) {
        CHECK((grammar_bit(request->status) & (grammar.faults | grammar.choices)) != 0);
    } else if (grammar.faults != 0) {
        CHECK(request->state == REQUEST_HEAD);
        if (grammar.match == BROKEN)
            check_refused_later(sent);
        else /* HTTP/2's preface is longer than its head (RFC 9113 3.4) */
            CHECK(!grammar.head_whole || span_equal(grammar.method, SPAN("PRI")));
    } else if (grammar.match == PARTIAL) {
        CHECK(request->state == (grammar.head_whole ? REQUEST_BODY : REQUEST_HEAD));
    } else {
        compare_whole(reading, &grammar);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct span sent = {(const char *)bytes, length};
    struct span sizes = fuzz_take_line(&sent);
    struct reading whole, pieces;
    read_in_pieces(sent, (struct span){NULL, 0}, &whole);
    read_in_pieces(sent, sizes, &pieces);
    compare(&whole, &pieces);
    check_spans(&whole);
    check_spans(&pieces);
    CHECK((whole.request.status != 0) == (whole.request.state == REQUEST_BAD));
    compare_with_grammar(sent, &whole);
    free(whole.head);
    free(pieces.head);
    return 0;
}

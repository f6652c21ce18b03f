/* Responses: RFC 9112 4 to 9 for the head, RFC 9110 15 for the statuses, 9.3.2 for HEAD. */
#include "http/response.h"

#include "base/buffer.h"
#include "base/date.h"
#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define COMMON "Date: " DATE "\r\nServer: tinyhttpd\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n"

static struct part parts[LIMIT_PARTS];
static char room[LIMIT_RESPONSE_TEXT];
static struct response response;

/* The date is not terminated. */
static const char date[DATE_LENGTH] = {DATE};

static int begin(void **state)
{
    (void)state;
    memset(parts, 0xEE, sizeof parts);
    memset(room, 0xEE, sizeof room);
    response_init(&response, parts, room);
    return 0;
}

static void assert_head(const char *expected)
{
    assert_int_equal(response.first, 0);
    assert_int_equal(parts[0].fd, -1);
    assert_int_equal(parts[0].offset, 0);
    if (!span_equal((struct span){parts[0].bytes, parts[0].length}, span_of(expected)))
        fail_msg("%.*s\nis not\n%s", (int)parts[0].length, parts[0].bytes, expected);
}

static void file_in_memory_has_head_and_body(void **state)
{
    static const char body[] = "hello";
    (void)state;
    response_add_bytes(&response, (struct span){body, 5});
    response_finish(&response, date, 1, SPAN("Content-Type: text/html\r\nETag: \"x\"\r\n"));
    assert_head("HTTP/1.1 200 OK\r\n" COMMON "Content-Type: text/html\r\nETag: \"x\"\r\nContent-Length: 5\r\n\r\n");
    assert_int_equal(response.count, 2);
    assert_ptr_equal(parts[1].bytes, body);
    assert_int_equal(parts[1].offset, 0);
    assert_int_equal(parts[1].length, 5);
    assert_int_equal(response_bytes_left(&response) - response.head_length, 5);
    assert_int_equal(response_bytes_left(&response), 5 + parts[0].length);
}

static void slice_of_a_file_is_a_part(void **state)
{
    (void)state;
    response_add_file(&response, 7, 5000000000, 6000000000);
    response_finish(&response, date, 1, SPAN(""));
    assert_head("HTTP/1.1 200 OK\r\n" COMMON "Content-Length: 6000000000\r\n\r\n");
    assert_int_equal(response.count, 2);
    assert_null(parts[1].bytes);
    assert_int_equal(parts[1].fd, 7);
    assert_int_equal(parts[1].offset, 5000000000);
    assert_int_equal(parts[1].length, 6000000000);
}

/* RFC 9110 8.6: Content-Length is the sum of all parts. */
static void content_length_is_the_sum_of_the_parts(void **state)
{
    (void)state;
    response_add_bytes(&response, SPAN("0123456789"));
    response_add_file(&response, 7, 3, 9000000000);
    response_add_bytes(&response, SPAN("abc"));
    response_finish(&response, date, 1, SPAN(""));
    assert_head("HTTP/1.1 200 OK\r\n" COMMON "Content-Length: 9000000013\r\n\r\n");
    assert_int_equal(response.count, 4);
    assert_int_equal(response_bytes_left(&response) - response.head_length, 9000000013);
}

static void a_body_may_be_empty(void **state)
{
    (void)state;
    response_add_bytes(&response, (struct span){NULL, 0});
    response_add_bytes(&response, SPAN(""));
    response_add_file(&response, 7, 0, 0);
    response_finish(&response, date, 1, SPAN(""));
    assert_head("HTTP/1.1 200 OK\r\n" COMMON "Content-Length: 0\r\n\r\n");
    assert_int_equal(response_bytes_left(&response) - response.head_length, 0);
    assert_int_equal(response_bytes_left(&response), parts[0].length);
}

/* RFC 9110 9.3.2: the same head without a body. */
static void head_has_no_body(void **state)
{
    (void)state;
    response.head_only = true;
    response_add_bytes(&response, SPAN("hello"));
    response_add_file(&response, 7, 0, 1000);
    response_finish(&response, date, 1, SPAN("Content-Type: a/b\r\n"));
    assert_head("HTTP/1.1 200 OK\r\n" COMMON "Content-Type: a/b\r\nContent-Length: 1005\r\n\r\n");
    assert_int_equal(response.count, 1);
    assert_int_equal(response_bytes_left(&response) - response.head_length, 0);
    assert_int_equal(response_bytes_left(&response), parts[0].length);
}

/* RFC 9112 9.3, 9.6: Connection by version and persistence. The status line has the server's version (2.3). */
static void connection_field_follows_version_and_persistence(void **state)
{
    static const struct {
        unsigned minor_version;
        bool close;
        const char *line;
    } rows[] = {
        {1, false, ""},
        {1, true, "Connection: close\r\n"},
        {0, false, "Connection: keep-alive\r\n"},
        {0, true, "Connection: close\r\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char memory[512];
        struct buffer expected = {memory, 0, sizeof memory - 1, false};
        begin(state);
        response.last = rows[i].close;
        response_finish(&response, date, rows[i].minor_version, SPAN(""));
        buffer_string(&expected, "HTTP/1.1 200 OK\r\n" COMMON);
        buffer_string(&expected, rows[i].line);
        buffer_string(&expected, "Content-Length: 0\r\n\r\n");
        memory[expected.length] = '\0';
        assert_head(memory);
    }
}

/* RFC 9110 15; 431 is RFC 6585 5, 451 is RFC 7725 3. */
static const struct {
    int status;
    const char *reason, *line;
} statuses[] = {
    {200, "OK", "HTTP/1.1 200 OK\r\n"},
    {206, "Partial Content", "HTTP/1.1 206 Partial Content\r\n"},
    {301, "Moved Permanently", "HTTP/1.1 301 Moved Permanently\r\n"},
    {302, "Found", "HTTP/1.1 302 Found\r\n"},
    {303, "See Other", "HTTP/1.1 303 See Other\r\n"},
    {307, "Temporary Redirect", "HTTP/1.1 307 Temporary Redirect\r\n"},
    {308, "Permanent Redirect", "HTTP/1.1 308 Permanent Redirect\r\n"},
    {400, "Bad Request", "HTTP/1.1 400 Bad Request\r\n"},
    {403, "Forbidden", "HTTP/1.1 403 Forbidden\r\n"},
    {404, "Not Found", "HTTP/1.1 404 Not Found\r\n"},
    {405, "Method Not Allowed", "HTTP/1.1 405 Method Not Allowed\r\n"},
    {406, "Not Acceptable", "HTTP/1.1 406 Not Acceptable\r\n"},
    {408, "Request Timeout", "HTTP/1.1 408 Request Timeout\r\n"},
    {410, "Gone", "HTTP/1.1 410 Gone\r\n"},
    {412, "Precondition Failed", "HTTP/1.1 412 Precondition Failed\r\n"},
    {413, "Content Too Large", "HTTP/1.1 413 Content Too Large\r\n"},
    {414, "URI Too Long", "HTTP/1.1 414 URI Too Long\r\n"},
    {416, "Range Not Satisfiable", "HTTP/1.1 416 Range Not Satisfiable\r\n"},
    {431, "Request Header Fields Too Large", "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
    {451, "Unavailable For Legal Reasons", "HTTP/1.1 451 Unavailable For Legal Reasons\r\n"},
    {500, "Internal Server Error", "HTTP/1.1 500 Internal Server Error\r\n"},
    {501, "Not Implemented", "HTTP/1.1 501 Not Implemented\r\n"},
    {503, "Service Unavailable", "HTTP/1.1 503 Service Unavailable\r\n"},
    {505, "HTTP Version Not Supported", "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
};

static void every_status_has_its_reason_phrase(void **state)
{
    for (size_t i = 0; i < COUNT(statuses); i++) {
        char memory[512];
        struct buffer expected = {memory, 0, sizeof memory - 1, false};
        assert_string_equal(response_reason_phrase(statuses[i].status), statuses[i].reason);
        begin(state);
        response.status = statuses[i].status;
        response_add_bytes(&response, SPAN("page"));
        response_finish(&response, date, 1, SPAN("Allow: GET, HEAD\r\n"));
        buffer_string(&expected, statuses[i].line);
        buffer_string(&expected, COMMON "Allow: GET, HEAD\r\nContent-Length: 4\r\n\r\n");
        memory[expected.length] = '\0';
        assert_head(memory);
    }
}

/* A generated page precedes the head in the same text. */
static void generated_page_may_precede_its_head(void **state)
{
    (void)state;
    buffer_string(&response.text, "<p>page");
    response_add_bytes(&response, buffer_span(&response.text));
    response.status = 404;
    response_finish(&response, date, 1, SPAN(""));
    assert_head("HTTP/1.1 404 Not Found\r\n" COMMON "Content-Length: 7\r\n\r\n");
    assert_memory_equal(parts[1].bytes, "<p>page", 7);
    assert_false(response.text.overflow);
}

/* RFC 9110 8.6, 15.4.5 */
static void statuses_without_content_have_no_length(void **state)
{
    (void)state;
    response.status = 204;
    response_finish(&response, date, 1, SPAN(""));
    assert_head("HTTP/1.1 204 No Content\r\n" COMMON "\r\n");
    begin(NULL);
    response.status = 304;
    response_finish(&response, date, 1, SPAN(""));
    assert_head("HTTP/1.1 304 Not Modified\r\n" COMMON "\r\n");
}

static void sent_bytes_are_not_counted_as_left(void **state)
{
    (void)state;
    response_add_bytes(&response, SPAN("0123456789"));
    response_finish(&response, date, 1, SPAN(""));
    uint64_t head = parts[0].length;
    response.first = 1;
    assert_int_equal(response_bytes_left(&response), 10);
    parts[1].offset += 4;
    parts[1].length -= 4;
    assert_int_equal(response_bytes_left(&response), 6);
    response.first = 2;
    assert_int_equal(response_bytes_left(&response), 0);
    assert_true(head > 0);
}

#define RANGES "Accept-Ranges: bytes\r\n"

/* `validators` are the lines that a 304 sends as well (RFC 9110 15.4.5). */
static void assert_described(const struct representation *representation, const char *before, const char *validators)
{
    char memory[256];
    struct buffer lines = BUFFER(memory);
    size_t length = response_describe(&lines, representation);
    assert_true(span_equal((struct span){memory, length}, span_of(before)));
    assert_true(span_equal((struct span){memory + length, lines.length - length}, span_of(validators)));
}

/* RFC 9110 14.6: each part has its type and its range. Each boundary, the first too, follows a CRLF (RFC 2046
   5.1.1). */
static void parts_of_multipart_have_heads(void **state)
{
    (void)state;
    struct span boundary = SPAN("b"), type = SPAN("text/plain");
    response.status = 206;
    response_add_part_head(&response, boundary, type, 0, 2, 9);
    response_add_file(&response, 7, 0, 2);
    response_add_part_head(&response, boundary, type, 8, 1, 9);
    response_add_file(&response, 7, 8, 1);
    response_add_parts_end(&response, boundary);
    response_finish(&response, date, 1, SPAN(""));
    assert_int_equal(response.count, 6);
    static const char first[] = "\r\n--b\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/9\r\n\r\n";
    static const char second[] = "\r\n--b\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-8/9\r\n\r\n";
    assert_true(span_equal((struct span){parts[1].bytes, parts[1].length}, span_of(first)));
    assert_true(span_equal((struct span){parts[3].bytes, parts[3].length}, span_of(second)));
    assert_true(span_equal((struct span){parts[5].bytes, parts[5].length}, SPAN("\r\n--b--\r\n")));
}

static void not_modified_responses_have_no_length(void **state)
{
    (void)state;
    response.status = 304;
    response.varies = RESPONSE_BY_ENCODING;
    response_finish(&response, date, 1, SPAN("ETag: \"1\"\r\n"));
    assert_head("HTTP/1.1 304 Not Modified\r\n" COMMON "ETag: \"1\"\r\nVary: Accept-Encoding\r\n\r\n");
}

/* RFC 9110 12.5.5 */
static void vary_names_the_deciding_fields(void **state)
{
    static const struct {
        unsigned varies;
        const char *line;
    } rows[] = {
        {0, ""},
        {RESPONSE_BY_ENCODING, "Vary: Accept-Encoding\r\n"},
        {RESPONSE_BY_ACCEPT, "Vary: Accept\r\n"},
        {RESPONSE_BY_ENCODING | RESPONSE_BY_ACCEPT, "Vary: Accept, Accept-Encoding\r\n"},
        {RESPONSE_BY_CLIENT, "Vary: Accept, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With\r\n"},
        {RESPONSE_BY_ACCEPT | RESPONSE_BY_CLIENT, "Vary: Accept, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With\r\n"},
        {RESPONSE_BY_ENCODING | RESPONSE_BY_CLIENT,
         "Vary: Accept, Accept-Encoding, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With\r\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char memory[512];
        struct buffer expected = {memory, 0, sizeof memory - 1, false};
        begin(state);
        response.varies = rows[i].varies;
        response_finish(&response, date, 1, SPAN(""));
        buffer_string(&expected, "HTTP/1.1 200 OK\r\n" COMMON);
        buffer_string(&expected, rows[i].line);
        buffer_string(&expected, "Content-Length: 0\r\n\r\n");
        memory[expected.length] = '\0';
        assert_head(memory);
    }
}

/* Header lines from the command line are in a new head and in a cached one. */
static void common_lines_can_be_replaced(void **state)
{
    static const char made[] = "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nX-A: 1\r\nCache-Control: no-store\r\nX-B: 2\r\n"
                               "Content-Length: 5\r\n\r\n";
    char memory[512];
    struct buffer kept = BUFFER(memory);
    (void)state;
    response.common = SPAN("X-A: 1\r\n");
    response.cache = SPAN("Cache-Control: no-store\r\n");
    size_t lines = response_write_head(&response, &kept, "Mon, 07 Nov 1994 08:49:37 GMT", SPAN("X-B: 2\r\n"), 5);
    response_redate(memory, date);
    assert_true(span_equal(buffer_span(&kept), span_of(made)));
    assert_memory_equal(memory + lines, "X-B", 3);
    response_add_bytes(&response, SPAN("hello"));
    response_finish(&response, date, 1, SPAN("X-B: 2\r\n"));
    assert_head(made);
}

static void representations_are_described_by_their_fields(void **state)
{
    (void)state;
    struct representation representation = {
        .type = SPAN("text/html; charset=utf-8"),
        .etag = SPAN("\"1f\""),
        .last_modified = SPAN(DATE),
    };
    assert_described(&representation, "Content-Type: text/html; charset=utf-8\r\n" RANGES "Last-Modified: " DATE "\r\n",
                     "ETag: \"1f\"\r\n");
    representation.etag = (struct span){NULL, 0};
    assert_described(&representation, "Content-Type: text/html; charset=utf-8\r\n" RANGES,
                     "Last-Modified: " DATE "\r\n");
    representation.last_modified = SPAN("");
    assert_described(&representation, "Content-Type: text/html; charset=utf-8\r\n" RANGES, "");
    representation.coding = SPAN("br");
    representation.range = SPAN("bytes 0-1/9");
    assert_described(&representation,
                     "Content-Type: text/html; charset=utf-8\r\nContent-Encoding: br\r\n"
                     "Content-Range: bytes 0-1/9\r\n" RANGES,
                     "");
}

/* ---- cached heads ---- */

#define LINES "Content-Type: a/b\r\nETag: \"1\"\r\n"

/* The same bytes as from response_finish, and the lines at the returned offset. */
static void cached_head_equals_a_new_one(void **state)
{
    char bytes[512];
    struct buffer head = BUFFER(bytes);
    (void)state;
    buffer_append(&head, SPAN("before")); /* the offset does not count earlier text */
    size_t lines = response_write_head(&response, &head, date, SPAN(LINES), 5);
    const char *at = bytes + strlen("before");
    assert_memory_equal(at + lines, LINES, strlen(LINES));
    response_add_bytes(&response, SPAN("hello"));
    response_finish(&response, date, 1, SPAN(LINES));
    assert_int_equal(head.length - strlen("before"), parts[0].length);
    assert_memory_equal(at, parts[0].bytes, parts[0].length);
}

/* Changes any byte of the date, and no other byte. */
static void cached_head_gets_a_new_date(void **state)
{
    static const char later[DATE_LENGTH + 1] = "Mon, 17 Dec 2035 19:50:48 GMT";
    char bytes[512], expected[512];
    struct buffer head = BUFFER(bytes), other = BUFFER(expected);
    (void)state;
    response_write_head(&response, &head, date, SPAN(LINES), 5);
    response_write_head(&response, &other, later, SPAN(LINES), 5);
    response_redate(bytes, later);
    assert_memory_equal(bytes, expected, other.length);
    response_redate(bytes, date);
    other.length = 0;
    response_write_head(&response, &other, date, SPAN(LINES), 5);
    assert_memory_equal(bytes, expected, other.length);
}

/* A body that follows its head in memory joins its part; any other keeps its own. */
static void body_after_its_head_in_memory_is_one_part(void **state)
{
    static const char bytes[] = "HEADhello, hello";
    const struct span head = {bytes, 4};
    (void)state;
    response_add_bytes(&response, (struct span){bytes + 4, 5});
    response_finish_cached(&response, head);
    assert_int_equal(response.count, 1);
    assert_head("HEADhello");
    assert_int_equal(response_bytes_left(&response) - response.head_length, 5);
    assert_int_equal(response_bytes_left(&response), 9);

    begin(NULL);
    response_add_bytes(&response, (struct span){bytes + 5, 5}); /* from the second byte on */
    response_finish_cached(&response, head);
    assert_int_equal(response.count, 2);
    assert_head("HEAD");
    assert_int_equal(response_bytes_left(&response) - response.head_length, 5);

    begin(NULL);
    response_add_file(&response, 7, 0, 5);
    response_finish_cached(&response, head);
    assert_int_equal(response.count, 2);
    assert_int_equal(response_bytes_left(&response) - response.head_length, 5);

    begin(NULL);
    response_add_bytes(&response, (struct span){bytes + 4, 0}); /* an empty file */
    response_finish_cached(&response, head);
    assert_int_equal(response.count, 1);
    assert_head("HEAD");
}

/* RFC 9110 9.3.2 */
static void cached_head_answers_head_without_a_body(void **state)
{
    static const char bytes[] = "HEADhello";
    (void)state;
    response.head_only = true;
    response_add_bytes(&response, (struct span){bytes + 4, 5});
    response_finish_cached(&response, (struct span){bytes, 4});
    assert_int_equal(response.count, 1);
    assert_head("HEAD");
    assert_int_equal(response_bytes_left(&response) - response.head_length, 0);
}

/* ---- bodies that are produced while they are sent ---- */

/* Produces one piece after the other, the last with `state`. */
struct pieces {
    struct body_producer producer;
    const char *const *next;
    enum body_state state;
    unsigned drops;
};

static enum body_state fill(struct body_producer *producer, struct buffer *piece)
{
    struct pieces *pieces = (struct pieces *)(void *)producer;
    assert_int_equal(piece->length, 0);
    assert_int_equal(piece->room, LIMIT_PIECE);
    buffer_string(piece, *pieces->next++);
    return *pieces->next != NULL ? BODY_MORE : pieces->state;
}

static void drop(struct body_producer *producer)
{
    ((struct pieces *)(void *)producer)->drops++;
}

/* The current parts as a string. */
static const char *sent(void)
{
    static char bytes[1024];
    struct buffer out = {bytes, 0, sizeof bytes - 1, false};
    for (unsigned i = response.first; i < response.count; i++) {
        assert_int_equal(parts[i].fd, -1);
        buffer_append(&out, (struct span){parts[i].bytes + parts[i].offset, parts[i].length});
    }
    bytes[out.length] = '\0';
    response.first = response.count;
    return bytes;
}

/* Longer than a head. */
#define PIECE_64 "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789ABCDEF"
#define PIECE PIECE_64 PIECE_64 PIECE_64 PIECE_64

static void produced_bodies_are_chunked(void **state)
{
    static const char *const texts[] = {"", PIECE, "end", NULL};
    struct pieces pieces = {{fill, drop}, texts, BODY_END, 0};
    (void)state;
    response_stream(&response, &pieces.producer, 1, SPAN("first"));
    response_finish(&response, date, 1, SPAN("A: b\r\n"));
    assert_string_equal(sent(),
                        "HTTP/1.1 200 OK\r\n" COMMON "A: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    assert_true(response_refill(&response));
    assert_string_equal(sent(), ""); /* an empty chunk would end the body */
    assert_true(response_refill(&response));
    assert_string_equal(sent(), "100\r\n" PIECE "\r\n");
    assert_int_equal(pieces.drops, 0);
    assert_true(response_refill(&response));
    assert_string_equal(sent(), "3\r\nend\r\n0\r\n\r\n");
    assert_null(response.producer);
    assert_int_equal(pieces.drops, 1);
}

static void http_1_0_clients_read_until_the_connection_closes(void **state)
{
    static const char *const texts[] = {"end", NULL};
    struct pieces pieces = {{fill, drop}, texts, BODY_END, 0};
    (void)state;
    response_stream(&response, &pieces.producer, 0, SPAN("first"));
    response_finish(&response, date, 0, (struct span){NULL, 0});
    assert_string_equal(sent(), "HTTP/1.1 200 OK\r\n" COMMON "Connection: close\r\n\r\nfirst");
    assert_true(response_refill(&response));
    assert_string_equal(sent(), "end");
    assert_int_equal(pieces.drops, 1);
}

static void broken_bodies_have_no_last_chunk(void **state)
{
    static const char *const texts[] = {"part", NULL};
    struct pieces pieces = {{fill, drop}, texts, BODY_BROKEN, 0};
    (void)state;
    response_stream(&response, &pieces.producer, 1, SPAN("first"));
    response_finish(&response, date, 1, (struct span){NULL, 0});
    assert_false(response_refill(&response));
    assert_int_equal(response_bytes_left(&response), 0);
    assert_int_equal(pieces.drops, 1);
}

static void head_drops_the_producer(void **state)
{
    static const char *const texts[] = {"end", NULL};
    struct pieces pieces = {{fill, drop}, texts, BODY_END, 0};
    (void)state;
    response.head_only = true;
    response_stream(&response, &pieces.producer, 1, SPAN("first"));
    response_finish(&response, date, 1, (struct span){NULL, 0});
    assert_string_equal(sent(), "HTTP/1.1 200 OK\r\n" COMMON "Transfer-Encoding: chunked\r\n\r\n");
    assert_null(response.producer);
    assert_int_equal(pieces.drops, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(file_in_memory_has_head_and_body, begin),
        cmocka_unit_test_setup(slice_of_a_file_is_a_part, begin),
        cmocka_unit_test_setup(content_length_is_the_sum_of_the_parts, begin),
        cmocka_unit_test_setup(a_body_may_be_empty, begin),
        cmocka_unit_test_setup(head_has_no_body, begin),
        cmocka_unit_test(connection_field_follows_version_and_persistence),
        cmocka_unit_test(every_status_has_its_reason_phrase),
        cmocka_unit_test_setup(generated_page_may_precede_its_head, begin),
        cmocka_unit_test_setup(statuses_without_content_have_no_length, begin),
        cmocka_unit_test_setup(sent_bytes_are_not_counted_as_left, begin),
        cmocka_unit_test(vary_names_the_deciding_fields),
        cmocka_unit_test_setup(common_lines_can_be_replaced, begin),
        cmocka_unit_test(representations_are_described_by_their_fields),
        cmocka_unit_test_setup(parts_of_multipart_have_heads, begin),
        cmocka_unit_test_setup(not_modified_responses_have_no_length, begin),
        cmocka_unit_test_setup(cached_head_equals_a_new_one, begin),
        cmocka_unit_test_setup(cached_head_gets_a_new_date, begin),
        cmocka_unit_test_setup(body_after_its_head_in_memory_is_one_part, begin),
        cmocka_unit_test_setup(cached_head_answers_head_without_a_body, begin),
        cmocka_unit_test_setup(produced_bodies_are_chunked, begin),
        cmocka_unit_test_setup(http_1_0_clients_read_until_the_connection_closes, begin),
        cmocka_unit_test_setup(broken_bodies_have_no_last_chunk, begin),
        cmocka_unit_test_setup(head_drops_the_producer, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A connection's input: it grows, keeps pipelined requests, and continues after its memory has moved. */
#include "serve/input.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
#define NEXT "GET /b HTTP/1.1\r\nHost: b\r\n\r\n"

static void assert_span(struct span actual, struct span expected)
{
    assert_int_equal(actual.length, expected.length);
    assert_memory_equal(actual.at, expected.at, expected.length);
}

/* An incomplete request, read from memory that is overwritten afterwards. */
static struct input *incomplete_request(struct span bytes)
{
    char room[128];
    struct request request;
    assert_true(bytes.length <= sizeof room);
    memcpy(room, bytes.at, bytes.length);
    request_init(&request);
    request_read_head(&request, room, bytes.length);
    struct input *input = input_new((struct span){room, bytes.length}, &request);
    assert_non_null(input);
    memset(room, 0xEE, sizeof room);
    return input;
}

/* Adds bytes as from a socket. */
static void receive(struct input **input, struct span bytes)
{
    while (bytes.length > 0) {
        size_t size;
        char *room = input_room(input, &size);
        assert_non_null(room);
        assert_true(size > 0);
        size_t length = bytes.length < size ? bytes.length : size;
        memcpy(room, bytes.at, length);
        input_add(*input, length);
        bytes = (struct span){bytes.at + length, bytes.length - length};
    }
}

static void an_incomplete_request_is_continued(void **state)
{
    (void)state;
    struct input *input = incomplete_request(SPAN("GET /a HT"));
    assert_true(input_is_read(input));
    receive(&input, SPAN("TP/1.1\r\nHost: a\r\n\r\n" NEXT));
    assert_false(input_is_read(input));
    assert_span(input_read_head(input), SPAN(NEXT));
    assert_int_equal(input->request.state, REQUEST_WHOLE);
    assert_span(request_target(&input->request), SPAN("/a"));
    input_drop(&input);
    assert_null(input);
}

static void pipelined_requests_are_kept_in_place(void **state)
{
    (void)state;
    struct input *input = input_new(SPAN(HEAD NEXT "\r\nGET /c HT"), NULL);
    struct input *first = input;
    assert_true(input_hold_back(&input, input_read_head(input)));
    assert_ptr_equal(input, first);
    assert_true(input_hold_back(&input, input_read_head(input)));
    assert_span(input_read_head(input), SPAN(""));
    assert_int_equal(input->request.state, REQUEST_HEAD);
    receive(&input, SPAN("TP/1.1\r\nHost: c\r\n\r\n"));
    assert_int_equal(input->start, 0);
    assert_span(input_read_head(input), SPAN(""));
    assert_int_equal(input->request.state, REQUEST_WHOLE);
    assert_span(request_target(&input->request), SPAN("/c"));
    assert_true(input_hold_back(&input, SPAN("\r\n")));
    assert_null(input);
}

/* As after a body, whose bytes are received into other memory. */
static void bytes_in_other_memory_are_copied(void **state)
{
    (void)state;
    char room[] = NEXT;
    struct input *input = incomplete_request(SPAN("GET /a HT"));
    assert_true(input_hold_back(&input, (struct span){room, sizeof room - 1}));
    memset(room, 0xEE, sizeof room);
    assert_span(input_read_head(input), SPAN(""));
    assert_span(request_target(&input->request), SPAN("/b"));
    input_drop(&input);
    assert_true(input_hold_back(&input, SPAN("")));
    assert_null(input);
    assert_true(input_hold_back(&input, SPAN(NEXT)));
    assert_non_null(input);
    input_drop(&input);
}

/* A head that arrives byte by byte causes few reallocations, and its room is at most a few times its length. */
static void growing_is_bounded(void **state)
{
    (void)state;
    struct input *input = incomplete_request(SPAN("GET /"));
    unsigned moves = 0;
    for (size_t i = 0; i < LIMIT_HEAD && input->request.state == REQUEST_HEAD; i++) {
        size_t room = input->room;
        receive(&input, SPAN("a"));
        input_read_head(input);
        moves += input->room != room;
    }
    assert_int_equal(input->request.state, REQUEST_BAD);
    assert_int_equal(input->request.status, 414);
    assert_true(moves <= 8);
    assert_true(input->room <= 4 * (LIMIT_TARGET + LIMIT_INPUT_ROOM));
    input_drop(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_incomplete_request_is_continued),
        cmocka_unit_test(pipelined_requests_are_kept_in_place),
        cmocka_unit_test(bytes_in_other_memory_are_copied),
        cmocka_unit_test(growing_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

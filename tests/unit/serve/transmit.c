/* Sending: every byte once and in order, however little the socket takes, and no other byte. */
#include "serve/transmit.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { CONTENT_SIZE = 3000000 };

/* The two ends of a connection, a file, the same bytes in memory, and the bytes that have arrived. */
static int server, client, file;
static char content[CONTENT_SIZE], arrived[CONTENT_SIZE + 4096];
static size_t arrived_length;

static struct part parts[LIMIT_PARTS];
static char room[LIMIT_RESPONSE_TEXT];
static struct response response;

static int fill(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (char)(i * 31 + i / 251 + i / 65536);
    return signal(SIGPIPE, SIG_IGN) == SIG_ERR;
}

static int begin(void **state)
{
    int ends[2], small = 4096;
    (void)state;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    server = ends[0];
    client = ends[1];
    setsockopt(server, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    file = memfd_create("content", MFD_CLOEXEC);
    arrived_length = 0;
    response_init(&response, parts, room);
    parts[0] = (struct part){.bytes = "HEAD\r\n", .fd = -1, .length = 6};
    return file < 0 || write(file, content, sizeof content) != CONTENT_SIZE ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    close(server);
    close(client);
    close(file);
    return 0;
}

/* Reads at most `most` of the bytes that have arrived; returns their number. */
static size_t take(size_t most)
{
    size_t before = arrived_length;
    while (arrived_length - before < most) {
        size_t left = most - (arrived_length - before), space = sizeof arrived - arrived_length;
        ssize_t bytes = recv(client, arrived + arrived_length, left < space ? left : space, 0);
        if (bytes <= 0)
            break;
        arrived_length += (size_t)bytes;
    }
    return arrived_length - before;
}

/* Sends all; the client reads at most `taken` bytes after each call. */
static enum transmit_result send_all(uint64_t bytes_max, size_t taken)
{
    enum transmit_result result;
    do {
        uint64_t left = response_bytes_left(&response);
        result = transmit(server, &response, bytes_max);
        assert_true(response_bytes_left(&response) <= left);
        take(taken);
    } while (result == TRANSMIT_AGAIN || result == TRANSMIT_TURN);
    take(SIZE_MAX);
    return result;
}

static void assert_arrived(size_t *at, const char *bytes, size_t length)
{
    assert_true(arrived_length - *at >= length);
    assert_memory_equal(arrived + *at, bytes, length);
    *at += length;
}

static void parts_are_sent_in_order(void **state)
{
    size_t at = 0;
    (void)state;
    response_add_bytes(&response, SPAN("one "));
    response_add_file(&response, file, 1000, 500);
    response_add_bytes(&response, SPAN(" two"));
    assert_int_equal(send_all(LIMIT_TURN_BYTES, SIZE_MAX), TRANSMIT_DONE);
    assert_int_equal(response_bytes_left(&response), 0);
    assert_arrived(&at, "HEAD\r\none ", 10);
    assert_arrived(&at, content + 1000, 500);
    assert_arrived(&at, " two", 4);
    assert_int_equal(arrived_length, at);
}

static void files_follow_files(void **state)
{
    size_t at = 0;
    (void)state;
    response_add_file(&response, file, CONTENT_SIZE - 7, 7);
    response_add_file(&response, file, 0, 9);
    response_add_file(&response, file, 123456, 1);
    assert_int_equal(send_all(LIMIT_TURN_BYTES, SIZE_MAX), TRANSMIT_DONE);
    assert_arrived(&at, "HEAD\r\n", 6);
    assert_arrived(&at, content + CONTENT_SIZE - 7, 7);
    assert_arrived(&at, content, 9);
    assert_arrived(&at, content + 123456, 1);
    assert_int_equal(arrived_length, at);
    assert_int_equal(lseek(file, 0, SEEK_CUR),
                     CONTENT_SIZE); /* the descriptor may be shared, so its offset must stay */
}

static void a_head_without_a_body_is_sent(void **state)
{
    (void)state;
    assert_int_equal(transmit(server, &response, LIMIT_TURN_BYTES), TRANSMIT_DONE);
    take(SIZE_MAX);
    assert_int_equal(arrived_length, 6);
    assert_int_equal(transmit(server, &response, LIMIT_TURN_BYTES), TRANSMIT_DONE);
    assert_int_equal(take(SIZE_MAX), 0);
}

/* 3 MB through a socket that holds a few kilobytes, to a client that reads little at a time. */
static void assert_continues(size_t taken)
{
    size_t at = 0;
    assert_int_equal(transmit(server, &response, UINT64_MAX), TRANSMIT_AGAIN);
    assert_int_equal(transmit(server, &response, UINT64_MAX), TRANSMIT_AGAIN);
    assert_int_equal(send_all(UINT64_MAX, taken), TRANSMIT_DONE);
    assert_arrived(&at, "HEAD\r\n", 6);
    assert_arrived(&at, content, sizeof content);
    assert_int_equal(arrived_length, at);
}

static void bytes_continue_where_they_stopped(void **state)
{
    (void)state;
    response_add_bytes(&response, (struct span){content, 1000});
    response_add_bytes(&response, (struct span){content + 1000, sizeof content - 1000});
    assert_continues(5000);
}

static void files_continue_where_they_stopped(void **state)
{
    (void)state;
    response_add_file(&response, file, 0, sizeof content);
    assert_continues(5000);
}

static void mixed_parts_continue_where_they_stopped(void **state)
{
    (void)state;
    response_add_file(&response, file, 0, 1000000);
    response_add_bytes(&response, (struct span){content + 1000000, 1000000});
    response_add_file(&response, file, 2000000, 1000000);
    assert_continues(777);
}

/* With a large socket buffer, each call sends as much as the kernel allows. */
static void large_pieces_are_counted(void **state)
{
    int large = 1 << 22;
    size_t at = 0;
    (void)state;
    setsockopt(server, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    response_add_bytes(&response, (struct span){content, 1500000});
    response_add_file(&response, file, 1500000, 1500000);
    assert_int_equal(send_all(UINT64_MAX, SIZE_MAX), TRANSMIT_DONE);
    assert_arrived(&at, "HEAD\r\n", 6);
    assert_arrived(&at, content, sizeof content);
    assert_int_equal(arrived_length, at);
}

/* After `bytes_max`, or the head's few bytes more. */
static void slices_stop_at_bytes_max(void **state)
{
    static const size_t head = 6, turn = 10000;
    int large = 1 << 22;
    size_t at = 0, turns = 0;
    (void)state;
    setsockopt(server, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    response_add_file(&response, file, 0, 100000);
    for (;; turns++) {
        enum transmit_result result = transmit(server, &response, turn);
        size_t sent = take(SIZE_MAX);
        assert_in_range(sent, 1, turn + head);
        if (result == TRANSMIT_DONE)
            break;
        assert_int_equal(result, TRANSMIT_TURN);
        assert_true(sent >= turn);
    }
    assert_in_range(turns, 9, 10);
    assert_arrived(&at, "HEAD\r\n", head);
    assert_arrived(&at, content, 100000);
    assert_int_equal(arrived_length, at);
}

/* A response of exactly `bytes_max` needs no other turn. */
static void the_last_byte_ends_the_response(void **state)
{
    (void)state;
    response_add_file(&response, file, 0, 94);
    assert_int_equal(transmit(server, &response, 100), TRANSMIT_DONE);
    assert_int_equal(take(SIZE_MAX), 100);
}

static void files_beyond_four_gigabytes_are_exact(void **state)
{
    static const uint64_t offset = 5000000000;
    size_t at = 0;
    (void)state;
    assert_int_equal(pwrite(file, "far away", 8, (off_t)offset), 8);
    response_add_file(&response, file, offset - 2, 10);
    assert_int_equal(send_all(LIMIT_TURN_BYTES, SIZE_MAX), TRANSMIT_DONE);
    assert_arrived(&at, "HEAD\r\n\0\0far away", 16);
    assert_int_equal(arrived_length, at);
}

/* Content-Length is sent already, and the next response must not fill the gap. */
static void a_file_that_shrank_ends_the_connection(void **state)
{
    (void)state;
    assert_int_equal(ftruncate(file, 50), 0);
    response_add_file(&response, file, 0, 100);
    response_add_bytes(&response, SPAN("after"));
    assert_int_equal(send_all(LIMIT_TURN_BYTES, SIZE_MAX), TRANSMIT_GONE);
    assert_int_equal(arrived_length, 6 + 50);
    assert_int_equal(response_bytes_left(&response), 55);
}

static void a_file_that_shrinks_meanwhile_ends_the_connection(void **state)
{
    (void)state;
    response_add_file(&response, file, 0, sizeof content);
    assert_int_equal(transmit(server, &response, UINT64_MAX), TRANSMIT_AGAIN);
    assert_int_equal(ftruncate(file, 0), 0);
    assert_int_equal(send_all(UINT64_MAX, SIZE_MAX), TRANSMIT_GONE);
    assert_true(arrived_length < 1000000);
}

static void a_slice_beyond_the_end_ends_the_connection(void **state)
{
    (void)state;
    response_add_file(&response, file, CONTENT_SIZE, 1);
    assert_int_equal(send_all(LIMIT_TURN_BYTES, SIZE_MAX), TRANSMIT_GONE);
    assert_int_equal(arrived_length, 6);
}

/* With SIGPIPE ignored, as in the worker. */
static void a_closed_client_ends_the_connection(void **state)
{
    (void)state;
    response_add_file(&response, file, 0, 100);
    close(client);
    client = -1;
    assert_int_equal(transmit(server, &response, LIMIT_TURN_BYTES), TRANSMIT_GONE);
}

static void a_client_that_closes_during_a_file_ends_the_connection(void **state)
{
    (void)state;
    response_add_file(&response, file, 0, sizeof content);
    assert_int_equal(transmit(server, &response, UINT64_MAX), TRANSMIT_AGAIN);
    close(client);
    client = -1;
    assert_int_equal(transmit(server, &response, UINT64_MAX), TRANSMIT_GONE);
    assert_int_equal(transmit(server, &response, UINT64_MAX), TRANSMIT_GONE);
}

static void a_client_that_closes_during_bytes_ends_the_connection(void **state)
{
    (void)state;
    response_add_bytes(&response, (struct span){content, sizeof content});
    assert_int_equal(transmit(server, &response, UINT64_MAX), TRANSMIT_AGAIN);
    close(client);
    client = -1;
    assert_int_equal(transmit(server, &response, UINT64_MAX), TRANSMIT_GONE);
}

/* In memory as well as in files, and across their borders. */
static void no_more_is_sent_than_allowed(void **state)
{
    static const size_t turns[] = {1, 5, 700, 2500};
    for (size_t i = 0; i < COUNT(turns); i++) {
        size_t at = 0;
        enum transmit_result result;
        if (i > 0)
            assert_int_equal(begin(state), 0);
        response_add_bytes(&response, (struct span){content, 2000});
        response_add_file(&response, file, 1000, 3000);
        response_add_bytes(&response, SPAN(" end"));
        do {
            uint64_t left = response_bytes_left(&response);
            result = transmit_at_most(server, &response, turns[i]);
            uint64_t sent = left - response_bytes_left(&response);
            assert_int_equal(take(SIZE_MAX), sent);
            assert_int_equal(sent, left < turns[i] ? left : turns[i]);
        } while (result == TRANSMIT_TURN);
        assert_int_equal(result, TRANSMIT_DONE);
        assert_arrived(&at, "HEAD\r\n", 6);
        assert_arrived(&at, content, 2000);
        assert_arrived(&at, content + 1000, 3000);
        assert_arrived(&at, " end", 4);
        assert_int_equal(arrived_length, at);
        if (i + 1 < COUNT(turns))
            end(state);
    }
}

static void a_full_socket_and_a_gone_client_are_told_apart(void **state)
{
    (void)state;
    response_add_file(&response, file, 0, sizeof content);
    assert_int_equal(transmit_at_most(server, &response, UINT64_MAX), TRANSMIT_AGAIN);
    close(client);
    client = -1;
    assert_int_equal(transmit_at_most(server, &response, UINT64_MAX), TRANSMIT_GONE);
}

/* It has shut down its sending side, and still reads. */
static void a_half_closed_client_is_served(void **state)
{
    (void)state;
    response_add_file(&response, file, 0, sizeof content);
    shutdown(client, SHUT_WR);
    assert_continues(20000);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parts_are_sent_in_order),
        TEST(files_follow_files),
        TEST(a_head_without_a_body_is_sent),
        TEST(bytes_continue_where_they_stopped),
        TEST(files_continue_where_they_stopped),
        TEST(mixed_parts_continue_where_they_stopped),
        TEST(large_pieces_are_counted),
        TEST(slices_stop_at_bytes_max),
        TEST(the_last_byte_ends_the_response),
        TEST(files_beyond_four_gigabytes_are_exact),
        TEST(a_file_that_shrank_ends_the_connection),
        TEST(a_file_that_shrinks_meanwhile_ends_the_connection),
        TEST(a_slice_beyond_the_end_ends_the_connection),
        TEST(a_closed_client_ends_the_connection),
        TEST(a_client_that_closes_during_a_file_ends_the_connection),
        TEST(a_client_that_closes_during_bytes_ends_the_connection),
        TEST(a_half_closed_client_is_served),
        TEST(no_more_is_sent_than_allowed),
        TEST(a_full_socket_and_a_gone_client_are_told_apart),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}

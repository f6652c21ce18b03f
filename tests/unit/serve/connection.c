/* One connection over a socket pair: what it asks of the loop, and what memory it takes. */
#include "serve/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- counting what is allocated ---- */

/* Sanitizers have their own allocator, and musl does not export its allocator by another name. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(SANITIZED)
#define COUNTS_ALLOCATIONS 1
#else
#define COUNTS_ALLOCATIONS 0
#endif

static unsigned allocations;

#if COUNTS_ALLOCATIONS
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    allocations++;
    return __libc_realloc(memory, size);
}
#endif

/* ---- a client whose kernel acknowledges at once ---- */

static bool acknowledged; /* every response, as soon as it is sent */

#ifdef __GLIBC__
typedef unsigned long ioctl_request;
#else
typedef int ioctl_request; /* musl, as POSIX has it */
#endif

/* Replaces the C library's. The server calls it for SIOCOUTQ only. */
int ioctl(int fd, ioctl_request request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    int *bytes = va_arg(arguments, int *);
    va_end(arguments);
    if (!acknowledged)
        return (int)syscall(SYS_ioctl, fd, request, bytes);
    *bytes = 0;
    return 0;
}

/* ---- a site and a connection ---- */

static char base[64];
static struct service *service;
static struct connection *connection;

/* Of a command line without options. */
static const struct settings settings = {.index = {"index.html"}, .index_count = 1};
static struct config config;
static int client;

static void write_file(const char *name, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", base, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    close(fd);
}

static int begin(void **state)
{
    (void)state;
    int sockets[2];
    union peer peer = {.v4 = {.sin_family = AF_INET}};
    snprintf(base, sizeof base, "/tmp/tinyhttpd-connection-XXXXXX");
    service = calloc(1, sizeof *service);
    if (mkdtemp(base) == NULL || service == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets) < 0)
        return -1;
    write_file("small.txt", 1024);
    write_file("large.bin", 8 * 1024 * 1024);
    /* No file is too new to be cached, even if its time is ahead of the clock (multigrain timestamps, Linux 6.13). */
    service->context.store = store_open(open(base, O_RDONLY | O_DIRECTORY), -1000);
    config_open(&config, &settings, false);
    service->context.config = &config;
    service->turn_bytes = service->first_turn_bytes = LIMIT_TURN_BYTES;
    service->context.now = 4000000000;
    date_write(service->context.date, service->context.now);
    client = sockets[1];
    connection = connection_new(sockets[0], &peer, false);
    return 0;
}

static int end(void **state)
{
    (void)state;
    char path[128];
    connection_close(connection, service);
    free(connection);
    close(client);
    store_close(service->context.store);
    free(service);
    snprintf(path, sizeof path, "%s/small.txt", base);
    unlink(path);
    snprintf(path, sizeof path, "%s/large.bin", base);
    unlink(path);
    return rmdir(base);
}

static void client_sends(const char *text)
{
    assert_int_equal(send(client, text, strlen(text), 0), strlen(text));
    connection->readable = true;
}

/* Reads all that has arrived; returns its length. */
static size_t client_reads(void)
{
    static char room[65536];
    size_t taken = 0;
    ssize_t bytes;
    while ((bytes = recv(client, room, sizeof room, 0)) > 0)
        taken += (size_t)bytes;
    return taken;
}

#define GET_SMALL "GET /small.txt HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nIf-None-Match: \"x\"\r\n\r\n"

/* ---- memory ---- */

/* Its file is in memory, and the socket takes the whole response. */
static void a_request_for_a_cached_file_allocates_nothing(void **state)
{
    (void)state;
    if (!COUNTS_ALLOCATIONS)
        return;
    client_sends(GET_SMALL);
    assert_int_equal(connection_step(connection, service), WANT_EVENT);
    assert_true(allocations > 0); /* for the file, so counting works */
    client_reads();
    unsigned before = allocations;
    for (unsigned i = 0; i < 1000; i++) {
        client_sends(GET_SMALL);
        assert_int_equal(connection_step(connection, service), WANT_EVENT);
        assert_true(client_reads() > 1024);
    }
    assert_int_equal(allocations, before);
}

static void an_idle_connection_owns_only_itself(void **state)
{
    (void)state;
    assert_true(sizeof(struct connection) <= 240); /* 256 bytes with malloc's header */
    client_sends("GET /small.txt HT");
    assert_int_equal(connection_step(connection, service), WANT_EVENT);
    assert_non_null(connection->input);
    client_sends("TP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(connection_step(connection, service), WANT_EVENT);
    assert_null(connection->input);
    assert_null(connection->outgoing);
}

/* ---- stats that requests share ---- */

/* As the worker does before it answers any request. */
static void receive_first(struct received *received, char room[LIMIT_INPUT])
{
    *received = connection_receive(connection, room, LIMIT_INPUT);
}

static void replace_small(size_t size)
{
    char next[128], path[128];
    write_file("next", size);
    snprintf(next, sizeof next, "%s/next", base);
    snprintf(path, sizeof path, "%s/small.txt", base);
    assert_int_equal(rename(next, path), 0);
}

/* Another connection's request of the same iteration makes the stat. */
static void stat_small(void)
{
    struct entry *entry;
    assert_int_equal(store_find(service->context.store, SPAN("small.txt"), service->context.iteration, &entry), 0);
    store_release(service->context.store, entry);
}

static void assert_response_of(uint64_t size)
{
    char room[8192] = "", field[64];
    assert_true(recv(client, room, sizeof room - 1, 0) > 0);
    snprintf(field, sizeof field, "Content-Length: %llu\r\n", (unsigned long long)size);
    assert_non_null(strstr(room, field));
}

static void a_stat_serves_the_requests_received_before_it(void **state)
{
    (void)state;
    static char room[LIMIT_INPUT];
    service->context.iteration = 7;
    client_sends(GET_SMALL);
    receive_first(&service->received, room);
    stat_small();
    replace_small(2048);
    assert_int_equal(connection_step(connection, service), WANT_EVENT);
    assert_response_of(1024);
}

/* Its first bytes arrive before the stat. Cut at each byte, also after the empty line that a client may send. */
static void a_request_that_ends_after_a_stat_makes_its_own(void **state)
{
    (void)state;
    static const char whole[] = "\r\n" GET_SMALL;
    static char room[LIMIT_INPUT], beginning[sizeof whole];
    for (size_t cut = 0; cut < sizeof whole - 1; cut++) {
        service->context.iteration++;
        replace_small(1024);
        memcpy(beginning, whole, cut);
        beginning[cut] = '\0';
        client_sends(beginning);
        receive_first(&service->received, room);
        stat_small();
        replace_small(2048);
        if (cut > 0)
            assert_int_equal(connection_step(connection, service), WANT_EVENT);
        client_sends(whole + cut);
        assert_int_equal(connection_step(connection, service), WANT_EVENT);
        assert_response_of(2048);
    }
}

/* ---- the bounds of a step ---- */

static void a_step_answers_one_request(void **state)
{
    (void)state;
    client_sends(GET_SMALL GET_SMALL GET_SMALL);
    assert_int_equal(connection_step(connection, service), WANT_TURN);
    size_t one = client_reads();
    assert_int_equal(connection_step(connection, service), WANT_TURN);
    assert_int_equal(client_reads(), one);
    assert_int_equal(connection_step(connection, service), WANT_EVENT);
    assert_int_equal(client_reads(), one);
    assert_null(connection->input);
}

/* However fast the client reads, other connections get their turn. */
static void a_step_sends_a_bounded_number_of_bytes(void **state)
{
    (void)state;
    client_sends("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    enum connection_want want = connection_step(connection, service);
    size_t taken = client_reads(), most = taken;
    while (connection->state == CONNECTION_SEND) {
        assert_true(want == WANT_EVENT || want == WANT_TURN);
        want = connection_step(connection, service);
        size_t bytes = client_reads();
        most = bytes > most ? bytes : most;
        taken += bytes;
    }
    assert_true(taken > 8 * 1024 * 1024);
    assert_true(most <= LIMIT_TURN_BYTES + 4096);
}

/* ---- deadlines ---- */

static void each_state_has_its_deadline(void **state)
{
    (void)state;
    assert_int_equal(connection_deadline(connection), DEADLINE_IDLE);
    client_sends("POST / HTTP/1.1\r\nHost: a\r\n");
    connection_step(connection, service);
    assert_int_equal(connection_deadline(connection), DEADLINE_HEAD);
    client_sends("Content-Length: 5\r\n\r\nhe");
    connection_step(connection, service);
    assert_int_equal(connection_deadline(connection), DEADLINE_BODY);
    client_sends("llo");
    assert_int_equal(connection_step(connection, service), WANT_EVENT);
    assert_int_equal(connection_deadline(connection), DEADLINE_IDLE);
    client_reads();
    client_sends("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    connection_step(connection, service);
    assert_int_equal(connection_deadline(connection), DEADLINE_WRITE);
}

/* They are not part of a request (RFC 9112 2.2). */
static void empty_lines_leave_a_connection_idle(void **state)
{
    (void)state;
    client_sends("\r\n\r\n");
    assert_int_equal(connection_step(connection, service), WANT_EVENT);
    assert_int_equal(connection_deadline(connection), DEADLINE_IDLE);
}

static void a_late_head_gets_408(void **state)
{
    (void)state;
    char answer[64] = "";
    client_sends("GET /small.txt HT");
    connection_step(connection, service);
    enum connection_want want = connection_expire(connection, service);
    assert_true(want == WANT_TURN || want == WANT_CLOSE);
    assert_true(recv(client, answer, sizeof answer - 1, 0) > 12);
    assert_memory_equal(answer, "HTTP/1.1 408", 12);
}

/* ---- a worker that drains or retires ---- */

static void a_draining_worker_waits_for_the_last_acknowledgement(void **state)
{
    (void)state;
    service->context.draining = true;
    client_sends(GET_SMALL);
    connection_step(connection, service);
    assert_int_equal(connection->state, CONNECTION_LINGER);
    connection->rearm_deadline = false;
    assert_int_equal(connection_expire(connection, service), WANT_EVENT);
    assert_true(connection->rearm_deadline); /* or it would be due again at once */
    client_reads();
    assert_int_equal(connection_expire(connection, service), WANT_CLOSE); /* although the client has not closed */
}

static void lingering_has_a_deadline(void **state)
{
    (void)state;
    client_sends("GET /small.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    connection_step(connection, service);
    assert_int_equal(connection->state, CONNECTION_LINGER);
    assert_int_equal(connection_expire(connection, service), WANT_CLOSE);
}

/* The client of this test has a Unix socket, as a proxy behind -b unix: has. */
static void lingering_discards_the_rest_of_an_upload(void **state)
{
    (void)state;
    char rest[4096] = "";
    client_sends("POST /small.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n");
    while (connection->state != CONNECTION_LINGER)
        assert_int_not_equal(connection_step(connection, service), WANT_CLOSE);
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(send(client, rest, sizeof rest, MSG_NOSIGNAL), sizeof rest);
        assert_int_equal(connection_step(connection, service), WANT_TURN);
        assert_int_equal(connection_step(connection, service), WANT_EVENT);
    }
    shutdown(client, SHUT_WR);
    assert_int_equal(connection_step(connection, service), WANT_CLOSE);
}

/* More bytes of it may be on their way, and would reset a closed connection (RFC 9112 9.6). */
static void a_bad_request_lingers_even_if_its_version_ends_the_connection(void **state)
{
    (void)state;
    acknowledged = true;
    client_sends("GET / HTTP/1.0\r\nHost: a b\r\n\r\n");
    connection_step(connection, service);
    acknowledged = false;
    assert_int_equal(connection->state, CONNECTION_LINGER);
}

/* The response in flight has no Connection: close, so another one must follow. */
static void a_retiring_worker_answers_once_more(void **state)
{
    (void)state;
    char answer[1024] = "";
    client_sends("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    connection_step(connection, service);
    service->retiring = true;
    while (connection->state == CONNECTION_SEND) {
        client_reads();
        connection_step(connection, service);
    }
    client_reads();
    assert_int_equal(connection->state, CONNECTION_READ);
    client_sends(GET_SMALL);
    connection_step(connection, service);
    assert_true(recv(client, answer, sizeof answer - 1, 0) > 0);
    assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
    assert_int_not_equal(connection->state, CONNECTION_READ);
}

/* It is no request, whether it comes first or after one. */
static void half_an_empty_line_gets_no_response(void **state)
{
    static const char *const parts[] = {"\r", "\r\n\r", GET_SMALL "\r"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (i > 0)
            assert_int_equal(end(state) + begin(state), 0);
        client_sends(parts[i]);
        while (connection_step(connection, service) == WANT_TURN)
            continue;
        client_reads();
        assert_int_equal(connection_expire(connection, service), WANT_CLOSE);
        assert_int_equal(client_reads(), 0);
    }
}

/* Sends until the socket is full. */
static void fill_socket(void)
{
    enum connection_want want = WANT_TURN;
    while (want == WANT_TURN)
        want = connection_step(connection, service);
    assert_int_equal(want, WANT_EVENT);
    assert_int_equal(connection->state, CONNECTION_SEND);
}

/* A Unix socket counts the memory of its buffers, so the client reads pieces of many times the limit. */
static void a_slow_client_above_the_minimum_rate_is_kept(void **state)
{
    static char room[LIMIT_STORE_FILE];
    (void)state;
    client_sends("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    fill_socket();
    for (unsigned i = 0; i < 5; i++) {
        connection->rearm_deadline = false;
        assert_true(recv(client, room, sizeof room, MSG_WAITALL) > LIMIT_WRITE_BYTES);
        if (i % 2 == 0) /* both when the socket is writable again and when it is not */
            fill_socket();
        assert_false(connection->rearm_deadline); /* sending alone does not rearm it */
        assert_int_equal(connection_expire(connection, service), WANT_EVENT);
        assert_true(connection->rearm_deadline);
    }
    assert_int_equal(connection_expire(connection, service), WANT_CLOSE);
}

static void a_client_that_reads_nothing_is_closed(void **state)
{
    (void)state;
    client_sends("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    fill_socket();
    assert_int_equal(connection_expire(connection, service), WANT_CLOSE);
}

/* The smallest buffer, so that each piece in it is small too. */
static void a_client_below_the_minimum_rate_is_closed(void **state)
{
    char room[16];
    (void)state;
    assert_int_equal(setsockopt(connection->fd, SOL_SOCKET, SO_SNDBUF, &(int){1}, sizeof(int)), 0);
    client_sends("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    fill_socket();
    for (size_t taken = 0; taken < LIMIT_WRITE_BYTES / 4; taken += sizeof room)
        assert_int_equal(recv(client, room, sizeof room, 0), sizeof room);
    connection_step(connection, service);
    assert_int_equal(connection_expire(connection, service), WANT_CLOSE);
}

static void a_connection_that_waits_for_its_turn_is_not_slow(void **state)
{
    (void)state;
    client_sends("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    fill_socket();
    connection->ready = true;
    assert_int_equal(connection_expire(connection, service), WANT_TURN);
    connection->ready = false;
}

/* ---- requests that arrive before a stop ---- */

#define HEAD_SMALL "HEAD /small.txt HTTP/1.1\r\nHost: a\r\n\r\n"

/* The number of responses that have arrived; all are to HEAD. */
static unsigned count_responses(bool *last_closes)
{
    static char room[65536];
    ssize_t bytes = recv(client, room, sizeof room - 1, 0);
    unsigned count = 0;
    room[bytes > 0 ? bytes : 0] = '\0';
    *last_closes = false;
    for (char *at = room; (at = strstr(at, "HTTP/1.1 200")) != NULL; at++) {
        assert_false(*last_closes); /* it was the last (RFC 9112 9.6) */
        const char *end_of_head = strstr(at, "\r\n\r\n"), *close_field = strstr(at, "Connection: close");
        *last_closes = close_field != NULL && close_field < end_of_head;
        count++;
    }
    return count;
}

/* Takes steps until the connection waits or ends. */
static enum connection_want settle(void)
{
    enum connection_want want = WANT_TURN;
    while (want == WANT_TURN && connection->state != CONNECTION_LINGER)
        want = connection_step(connection, service);
    return want;
}

static void a_stop_answers_requests_that_have_arrived(void **state)
{
    static const struct {
        const char *before; /* received before the stop */
        const char *after;  /* unread in the socket at the stop */
        unsigned answers;
        bool last_closes;
    } cases[] = {
        {HEAD_SMALL HEAD_SMALL HEAD_SMALL, "", 3, true},
        {HEAD_SMALL HEAD_SMALL, HEAD_SMALL HEAD_SMALL, 4, true},
        {HEAD_SMALL HEAD_SMALL "\r\n", "", 2, true},
        {HEAD_SMALL HEAD_SMALL "HEAD /", "", 2, false},
        {"HEAD /small.txt HT", "TP/1.1\r\nHost: a\r\n\r\n", 1, true},
    };
    bool last_closes;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (i > 0)
            assert_int_equal(end(state) + begin(state), 0);
        client_sends(cases[i].before);
        connection_step(connection, service);
        client_sends(cases[i].after);
        service->context.draining = true;
        enum connection_want want = settle();
        assert_true(want == WANT_CLOSE || connection->state == CONNECTION_LINGER);
        assert_int_equal(count_responses(&last_closes), cases[i].answers);
        assert_int_equal(last_closes, cases[i].last_closes);
    }
}

/* Its head has no Connection: close. */
static void a_stop_during_a_response_answers_requests_that_have_arrived(void **state)
{
    bool last_closes;
    (void)state;
    client_sends("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n" HEAD_SMALL);
    fill_socket();
    service->context.draining = true;
    client_sends(HEAD_SMALL);
    while (connection->state == CONNECTION_SEND) {
        client_reads();
        connection_step(connection, service);
    }
    client_reads();
    assert_int_equal(connection->state, CONNECTION_READ);
    settle();
    assert_int_equal(count_responses(&last_closes), 2);
    assert_true(last_closes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_for_a_cached_file_allocates_nothing, begin, end),
        cmocka_unit_test_setup_teardown(an_idle_connection_owns_only_itself, begin, end),
        cmocka_unit_test_setup_teardown(a_stat_serves_the_requests_received_before_it, begin, end),
        cmocka_unit_test_setup_teardown(a_request_that_ends_after_a_stat_makes_its_own, begin, end),
        cmocka_unit_test_setup_teardown(a_step_answers_one_request, begin, end),
        cmocka_unit_test_setup_teardown(a_step_sends_a_bounded_number_of_bytes, begin, end),
        cmocka_unit_test_setup_teardown(each_state_has_its_deadline, begin, end),
        cmocka_unit_test_setup_teardown(empty_lines_leave_a_connection_idle, begin, end),
        cmocka_unit_test_setup_teardown(a_late_head_gets_408, begin, end),
        cmocka_unit_test_setup_teardown(a_draining_worker_waits_for_the_last_acknowledgement, begin, end),
        cmocka_unit_test_setup_teardown(lingering_has_a_deadline, begin, end),
        cmocka_unit_test_setup_teardown(lingering_discards_the_rest_of_an_upload, begin, end),
        cmocka_unit_test_setup_teardown(a_bad_request_lingers_even_if_its_version_ends_the_connection, begin, end),
        cmocka_unit_test_setup_teardown(a_retiring_worker_answers_once_more, begin, end),
        cmocka_unit_test_setup_teardown(half_an_empty_line_gets_no_response, begin, end),
        cmocka_unit_test_setup_teardown(a_slow_client_above_the_minimum_rate_is_kept, begin, end),
        cmocka_unit_test_setup_teardown(a_client_that_reads_nothing_is_closed, begin, end),
        cmocka_unit_test_setup_teardown(a_client_below_the_minimum_rate_is_closed, begin, end),
        cmocka_unit_test_setup_teardown(a_connection_that_waits_for_its_turn_is_not_slow, begin, end),
        cmocka_unit_test_setup_teardown(a_stop_answers_requests_that_have_arrived, begin, end),
        cmocka_unit_test_setup_teardown(a_stop_during_a_response_answers_requests_that_have_arrived, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

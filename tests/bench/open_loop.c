/*
 * An open-loop client: it sends requests at a fixed rate, whether or not earlier ones are answered, and prints how long
 * the answers took.
 *
 *     open_loop PORT PATH RATE SECONDS CONNECTIONS LIMIT
 *
 * A latency begins when the request is due, not when it is sent, so a server that stops for a second delays all the
 * requests that were due in this second. A client that waits for an answer before its next request would count one of
 * them ("coordinated omission"). A connection has one request at a time; without an idle connection requests wait.
 * LIMIT seconds after the last request was due, those without an answer count as answered then.
 *
 * It prints "latency DUE P50 P99 P99.9 MAX UNANSWERED ERRORS": times in microseconds; an error is a connection that the
 * server closed, whose request is sent again.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS = 256,
    CONNECTIONS_MAX = 4096,
    REQUESTS_MAX = 50000000,
    BUFFER = 65536,
};

#define SECOND UINT64_C(1000000000)

struct connection {
    int fd;
    uint64_t due;            /* of the request in flight, 0: none */
    size_t received, length; /* of its response */
};

static struct connection connections[CONNECTIONS_MAX];
static unsigned idle[CONNECTIONS_MAX]; /* a ring, so that all connections are used evenly */
static unsigned long idle_from, idle_to, connection_count;
static uint32_t *latencies; /* microseconds */
static unsigned long answered, errors;
static char request[1024];
static uint16_t port;
static int epoll;

static void die(const char *what)
{
    fprintf(stderr, "open_loop: %s: %s\n", what, strerror(errno));
    exit(EX_OSERR);
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static void open_connection(unsigned index)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connections[index].fd = fd;
}

/* If it fails, so does the next recv. */
static void send_request(int fd)
{
    (void)send(fd, request, strlen(request), MSG_NOSIGNAL);
}

static void add_latency(uint64_t due, uint64_t at)
{
    uint64_t microseconds = at > due ? (at - due) / 1000 : 0;
    latencies[answered++] = microseconds < UINT32_MAX ? (uint32_t)microseconds : UINT32_MAX;
}

/* The whole head comes at once, as it is short. */
static size_t response_length(char *head, size_t bytes)
{
    static const char field[] = "\r\nContent-Length:";
    head[bytes] = '\0';
    const char *end = strstr(head, "\r\n\r\n"), *length = strcasestr(head, field);
    if (strncmp(head, "HTTP/1.1 200 ", 13) != 0 || end == NULL || length == NULL || length > end) {
        fprintf(stderr, "open_loop: the response is not 200 with a length: %s\n", head);
        exit(EX_PROTOCOL);
    }
    return (size_t)(end + 4 - head) + strtoul(length + strlen(field), NULL, 10);
}

static void receive(unsigned index)
{
    struct connection *connection = &connections[index];
    static char buffer[BUFFER];
    ssize_t bytes = recv(connection->fd, buffer, sizeof buffer - 1, MSG_DONTWAIT);
    if (bytes < 0 && errno == EAGAIN)
        return;
    if (bytes <= 0) {
        errors++;
        close(connection->fd);
        open_connection(index);
        connection->received = 0;
        if (connection->due > 0)
            send_request(connection->fd);
        return;
    }
    if (connection->received == 0)
        connection->length = response_length(buffer, (size_t)bytes);
    connection->received += (size_t)bytes;
    if (connection->received < connection->length)
        return;
    add_latency(connection->due, now());
    connection->due = 0;
    idle[idle_to++ % connection_count] = index;
}

/* Sends count requests, interval nanoseconds apart, and receives answers until the limit. Returns their number. */
static unsigned long run(unsigned long count, double interval, uint64_t limit)
{
    uint64_t start = now();
    uint64_t end = start + (uint64_t)((double)count * interval) + limit;
    unsigned long sent = 0;
    while (answered < count) {
        uint64_t time = now(), next = start + (uint64_t)((double)sent * interval);
        if (time >= end)
            break;
        while (sent < count && idle_from < idle_to && next <= time) {
            struct connection *connection = &connections[idle[idle_from++ % connection_count]];
            *connection = (struct connection){.fd = connection->fd, .due = next};
            send_request(connection->fd);
            next = start + (uint64_t)((double)++sent * interval);
        }
        uint64_t until = sent < count && idle_from < idle_to ? next : end, wait = until > time ? until - time : 0;
        struct timespec timeout = {.tv_sec = (time_t)(wait / SECOND), .tv_nsec = (long)(wait % SECOND)};
        struct epoll_event events[EVENTS];
        int ready = epoll_pwait2(epoll, events, EVENTS, &timeout, NULL);
        for (int i = 0; i < ready; i++)
            receive(events[i].data.u32);
    }
    unsigned long in_time = answered;
    for (unsigned i = 0; i < connection_count; i++) /* those in flight, then those that were never sent */
        if (connections[i].due > 0)
            add_latency(connections[i].due, end);
    for (; sent < count; sent++)
        add_latency(start + (uint64_t)((double)sent * interval), end);
    return in_time;
}

static unsigned percentile(double part, unsigned long count)
{
    return latencies[(unsigned long)(part * (double)(count - 1))];
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

int main(int argument_count, char **arguments)
{
    bool complete = argument_count == 7;
    double rate = complete ? strtod(arguments[3], NULL) : 0, due = complete ? rate * strtod(arguments[4], NULL) : 0;
    connection_count = complete ? strtoul(arguments[5], NULL, 10) : 0;
    if (connection_count < 1 || connection_count > CONNECTIONS_MAX || !(due >= 1 && due <= REQUESTS_MAX)) {
        fprintf(stderr, "usage: open_loop PORT PATH RATE SECONDS CONNECTIONS LIMIT\n");
        return EX_USAGE;
    }
    unsigned long count = (unsigned long)due;
    port = (uint16_t)strtoul(arguments[1], NULL, 10);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", arguments[2], port);
    latencies = calloc(count, sizeof *latencies);
    if (latencies == NULL)
        die("calloc");
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        die("epoll_create1");
    prctl(PR_SET_TIMERSLACK, 1UL); /* the default of 50 us is as much as a response takes */
    for (unsigned i = 0; i < connection_count; i++) {
        open_connection(i);
        idle[idle_to++] = i;
    }
    unsigned long in_time = run(count, (double)SECOND / rate, strtoul(arguments[6], NULL, 10) * SECOND);
    qsort(latencies, count, sizeof *latencies, compare);
    printf("latency %lu %u %u %u %u %lu %lu\n", count, percentile(0.5, count), percentile(0.99, count),
           percentile(0.999, count), latencies[count - 1], count - in_time, errors);
    return 0;
}

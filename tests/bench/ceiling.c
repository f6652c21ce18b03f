/*
 * The ceiling: the kernel's own cost of a response of this size. It parses nothing and makes only the calls that no
 * server can omit: one recv, one send. It has two modes: "send" sends head and body from memory in one call,
 * "sendfile" the head by send with MSG_MORE and the body by sendfile.
 *
 *     ceiling [-c] [-n] [-p REQUESTS] [-j PROCESSES] HEAD {send|sendfile PORT FILE}...
 *
 * HEAD is the size of the head in bytes: that of the server under test, as its bytes cost as much as the body's. -c
 * closes each connection after its response, -n answers 304 with a head only. -p answers so many pipelined requests,
 * which arrive at once, by one send. Each PORT of 127.0.0.1 has one response, so large and small files need no
 * target.
 *
 * It must be hard to beat, or the ratios would flatter the servers. So it is edge-triggered, takes a short read for
 * the last one, does not wait for EPOLLOUT before a write, and reads right after accept, as TCP_DEFER_ACCEPT ensures
 * that the request has arrived.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    EVENTS = 256,
    DESCRIPTORS = 16384, /* more than any workload has connections */
    ANSWERS = 2,         /* small files and big ones */
    COPIES_MAX = 64,     /* responses to pipelined requests */
    PROCESSES_MAX = 64,
    HEAD_MAX = 4096,
    REQUEST_MAX = 16384,
};

struct answer {
    char *bytes; /* the head and, unless it goes by sendfile, the body; both for each pipelined request */
    size_t head_length, length;
    int file;
    bool by_sendfile;
};

struct connection {
    const struct answer *answer;
    size_t sent; /* bytes of the response in flight, 0 if there is none */
    bool listens;
};

static struct answer answers[ANSWERS];
static struct connection connections[DESCRIPTORS]; /* by descriptor */
static bool closes, head_only;
static unsigned long copies = 1, processes = 1;
static int epoll;

static void die(const char *what)
{
    perror(what);
    exit(EX_OSERR);
}

static void write_head(struct answer *answer, size_t length, long long body_length)
{
    char head[HEAD_MAX + 1];
    int used = snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%s", head_only ? "304 Not Modified" : "200 OK",
                        closes ? "Connection: close\r\n" : "");
    if (!head_only)
        used += snprintf(head + used, sizeof head - (size_t)used, "Content-Length: %lld\r\n", body_length);
    size_t least = (size_t)used + strlen("Padding: \r\n\r\n");
    if (length < least || length > HEAD_MAX) {
        fprintf(stderr, "ceiling: a head has %zu to %d bytes\n", least, HEAD_MAX);
        exit(EX_USAGE);
    }
    memcpy(answer->bytes, head, (size_t)used);
    memcpy(answer->bytes + used, "Padding: ", strlen("Padding: "));
    memset(answer->bytes + used + strlen("Padding: "), 'x', length - least);
    memcpy(answer->bytes + length - 4, "\r\n\r\n", 4);
}

static void prepare(struct answer *answer, size_t head_length, bool by_sendfile, const char *path)
{
    struct stat status;
    answer->file = open(path, O_RDONLY | O_CLOEXEC);
    if (answer->file < 0 || fstat(answer->file, &status) < 0)
        die(path);
    size_t body_length = head_only ? 0 : (size_t)status.st_size;
    answer->by_sendfile = by_sendfile;
    answer->head_length = head_length;
    size_t length = head_length + body_length;
    answer->length = copies * length;
    answer->bytes = malloc(by_sendfile ? head_length : answer->length);
    if (answer->bytes == NULL)
        die("malloc");
    write_head(answer, head_length, (long long)status.st_size);
    if (!by_sendfile && read(answer->file, answer->bytes + head_length, body_length) != (ssize_t)body_length)
        die(path);
    for (size_t i = 1; i < copies; i++)
        memcpy(answer->bytes + i * length, answer->bytes, length);
}

static void listen_on(const struct answer *answer, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1, seconds = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (processes > 1)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* the connections inherit it */
    if (closes)
        setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, SOMAXCONN) < 0)
        die("listen");
    connections[fd] = (struct connection){.answer = answer, .listens = true};
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

/* Returns 1 if the whole response is sent, 0 if the socket is full, -1 if the connection is broken. */
static int send_on(int fd, struct connection *connection)
{
    const struct answer *answer = connection->answer;
    while (connection->sent < answer->length) {
        ssize_t bytes;
        size_t left = answer->length - connection->sent;
        if (!answer->by_sendfile) {
            bytes = send(fd, answer->bytes + connection->sent, left, MSG_NOSIGNAL);
        } else if (connection->sent < answer->head_length) {
            bytes = send(fd, answer->bytes + connection->sent, answer->head_length - connection->sent,
                         MSG_NOSIGNAL | MSG_MORE);
        } else {
            off_t offset = (off_t)(connection->sent - answer->head_length);
            bytes = sendfile(fd, answer->file, &offset, left);
        }
        if (bytes < 0)
            return errno == EAGAIN ? 0 : -1;
        connection->sent += (size_t)bytes;
    }
    connection->sent = 0;
    return closes ? -1 : 1;
}

/* Returns false if the connection must be closed. */
static bool serve(int fd)
{
    struct connection *connection = &connections[fd];
    char request[REQUEST_MAX];
    if (connection->sent > 0) {
        int done = send_on(fd, connection);
        if (done <= 0)
            return done == 0;
    }
    for (;;) {
        ssize_t bytes = recv(fd, request, sizeof request, 0);
        if (bytes <= 0)
            return bytes < 0 && errno == EAGAIN;
        int done = send_on(fd, connection);
        if (done <= 0)
            return done == 0;
        if ((size_t)bytes < sizeof request)
            return true;
    }
}

static void accept_from(int listener)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= DESCRIPTORS) {
            close(fd);
            continue;
        }
        connections[fd] = (struct connection){.answer = connections[listener].answer};
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};
        if (!serve(fd) || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
            close(fd);
    }
}

static int usage(void)
{
    fprintf(stderr, "usage: ceiling [-c] [-n] [-p REQUESTS] [-j PROCESSES] HEAD {send|sendfile PORT FILE}...\n");
    return EX_USAGE;
}

static bool read_options(int count, char **arguments)
{
    for (int option; (option = getopt(count, arguments, "cnp:j:")) != -1;) {
        if (option == 'c')
            closes = true;
        else if (option == 'n')
            head_only = true;
        else if (option == 'p')
            copies = strtoul(optarg, NULL, 10);
        else if (option == 'j')
            processes = strtoul(optarg, NULL, 10);
        else
            return false;
    }
    return copies >= 1 && copies <= COPIES_MAX && processes >= 1 && processes <= PROCESSES_MAX;
}

int main(int count, char **arguments)
{
    if (!read_options(count, arguments))
        return usage();
    int first = optind + 1, named = (count - first) / 3;
    if ((count - first) % 3 != 0 || named < 1 || named > ANSWERS)
        return usage();
    signal(SIGPIPE, SIG_IGN);                     /* sendfile knows no MSG_NOSIGNAL */
    for (unsigned long i = 1; i < processes; i++) /* each with its own epoll instance and listeners */
        if (fork() == 0)
            break;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        die("epoll_create1");
    for (int i = 0; i < named; i++) {
        char **word = arguments + first + 3 * i;
        bool by_sendfile = strcmp(word[0], "sendfile") == 0;
        if (by_sendfile ? copies > 1 : strcmp(word[0], "send") != 0)
            return usage();
        prepare(&answers[i], strtoul(arguments[optind], NULL, 10), by_sendfile, word[2]);
        listen_on(&answers[i], (uint16_t)strtoul(word[1], NULL, 10));
    }
    struct epoll_event events[EVENTS];
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (connections[fd].listens)
                accept_from(fd);
            else if (!serve(fd))
                close(fd);
        }
    }
}

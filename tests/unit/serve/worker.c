/* A worker whose accept fails repeatedly: it pauses each time, and accepts again when the error is over. Connections
   that it takes over from another worker, or hands over. A request that arrives during many downloads. */
#include "serve/worker.h"

#include "base/descriptors.h"
#include "base/limits.h"
#include "base/now.h"
#include "serve/handoff.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Errors of accept(2) with a connection in the queue; ENOTSOCK stands for undocumented ones. */
static const int errors[] = {EMFILE,    ENFILE, ENOBUFS, ENOMEM,     EPERM,        EPROTO,      ENETDOWN, ENOPROTOOPT,
                             EHOSTDOWN, ENONET, EINVAL,  EOPNOTSUPP, EHOSTUNREACH, ENETUNREACH, EBADF,    ENOTSOCK};

/* Shared by a worker and its test. */
struct trial {
    atomic_int error; /* of each accept; 0 for none */
    atomic_int only;  /* the listener for which accept fails; 0 for each */
    atomic_uint accepts;
    int asker;           /* the client's end of a connection whose requests arrive during downloads; 0: none */
    uint64_t sent;       /* bytes of downloads */
    bool waits;          /* a pair of requests does */
    uint64_t asked;      /* the bytes sent when it was sent */
    atomic_uint answers; /* to pairs of requests of the asker */
    uint64_t longest;    /* the most bytes that a pair waited */
    uint64_t sent_at_last_accept;
    size_t first_turn;           /* the most bytes of a connection's first turn */
    size_t later_turn;           /* the same of the others */
    bool has_turned[FD_SETSIZE]; /* by socket */
    atomic_uint stats;
};
static struct trial *trials, *trial;

/* Replaces the C library's accept4, which is declared with other types. */
int accept_or_fail(int fd, struct sockaddr *peer, socklen_t *length, int flags) __asm__("accept4");

int accept_or_fail(int fd, struct sockaddr *peer, socklen_t *length, int flags)
{
    trial->accepts++;
    trial->sent_at_last_accept = trial->sent;
    errno = trial->only == 0 || trial->only == fd ? trial->error : 0;
    return errno != 0 ? -1 : (int)syscall(SYS_accept4, fd, peer, length, flags);
}

/* Replaces the C library's. */
int fstatat(int directory, const char *path, struct stat *attributes, int flags)
{
    trial->stats++;
    return (int)syscall(SYS_newfstatat, directory, path, attributes, flags);
}

#define REQUEST "GET /none HTTP/1.1\r\nHost: a\r\n\r\n"
static const char request[] = REQUEST;

/* Two requests in one packet, again in the turn after their responses. */
static void ask_during(uint64_t sent)
{
    static const char pair[] = REQUEST REQUEST;
    char responses[8192];
    if (!trial->waits) {
        assert_int_equal(send(trial->asker, pair, sizeof pair - 1, 0), sizeof pair - 1);
        trial->asked = sent;
        trial->waits = true;
        return;
    }
    ssize_t length = recv(trial->asker, responses, sizeof responses - 1, MSG_DONTWAIT | MSG_PEEK);
    responses[length > 0 ? length : 0] = '\0';
    if (length <= 0 || strstr(responses + 1, "HTTP/1.1 404") == NULL) /* not both */
        return;
    assert_int_equal(recv(trial->asker, responses, sizeof responses - 1, MSG_DONTWAIT), length);
    uint64_t waited = sent - trial->asked;
    trial->longest = waited > trial->longest ? waited : trial->longest;
    trial->waits = false;
    trial->answers++;
}

/* Replaces the C library's: LIMIT_TURN_BYTES take a millisecond or more, and no client is too slow for them. */
ssize_t sendfile(int socket, int file, off_t *offset, size_t bytes)
{
    (void)file, (void)offset;
    size_t *most = trial->has_turned[socket] ? &trial->later_turn : &trial->first_turn;
    *most = bytes > *most ? bytes : *most;
    trial->has_turned[socket] = true;
    if (trial->asker != 0)
        ask_during(trial->sent);
    trial->sent += bytes;
    nanosleep(&(struct timespec){.tv_nsec = (long)(1000000 * bytes / LIMIT_TURN_BYTES)}, NULL);
    return (ssize_t)bytes;
}

static int listen_at(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(bind(fd, (struct sockaddr *)address, length), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &length), 0);
    return fd;
}

static pid_t start_worker(const int *listeners, unsigned count)
{
    static struct settings settings = {.index = {"index.html"}, .index_count = 1, .verbosity = VERBOSITY_QUIET};
    struct worker_setup setup = {
        .settings = &settings,
        .root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .listeners = listeners,
        .listener_count = count,
        .check_host = true,
        .epoll = epoll_create1(EPOLL_CLOEXEC),
    };
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, WORKER_RETIRE);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    sigemptyset(&setup.waiting_mask);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* end the worker if the test fails */
        _exit(worker_run(&setup));
    }
    assert_true(pid > 0);
    return pid;
}

static void wait_ms(long time)
{
    nanosleep(&(struct timespec){time / 1000, time % 1000 * 1000000}, NULL);
}

/* Waits for a response that begins so. */
static void assert_begins(int client, const char *expected)
{
    char answer[13] = "";
    struct timeval patience = {.tv_sec = 300};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_true(recv(client, answer, 12, MSG_WAITALL) == 12);
    assert_memory_equal(answer, expected, strlen(expected));
}

/* Waits for the response to the request of ask(). */
static void assert_served(int client)
{
    assert_begins(client, "HTTP/1.1 ");
}

static int ask_for(const struct sockaddr_in *address, const char *head)
{
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (const struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(send(client, head, strlen(head), 0), strlen(head));
    return client;
}

static int ask(const struct sockaddr_in *address)
{
    return ask_for(address, request);
}

static void stop_worker(pid_t worker)
{
    int status;
    kill(worker, SIGTERM);
    assert_int_equal(waitpid(worker, &status, 0), worker);
    assert_int_equal(status, 0);
}

/* Milliseconds. */
static long clock_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* 800 ms have room for nine rounds of LIMIT_ACCEPTS, with pauses of 100 ms between them. */
static void no_error_of_accept_spins(void **state)
{
    int listeners[COUNT(errors)], clients[COUNT(errors)];
    pid_t workers[COUNT(errors)];
    long began = clock_ms();
    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        struct sockaddr_in address;
        trial = &trials[i];
        trial->error = errors[i];
        listeners[i] = listen_at(&address);
        clients[i] = ask(&address);
        workers[i] = start_worker(&listeners[i], 1);
    }
    wait_ms(800);
    for (size_t i = 0; i < COUNT(errors); i++) {
        while (trials[i].accepts == 0)
            wait_ms(10);
        unsigned accepts = trials[i].accepts;
        long passed = clock_ms() - began;
        if (accepts > (passed / LIMIT_ACCEPT_PAUSE_MS + 1) * LIMIT_ACCEPTS)
            fail_msg("%s: accept was called %u times in %ld ms", strerror(errors[i]), accepts, passed);
        trials[i].error = 0;
    }
    for (size_t i = 0; i < COUNT(errors); i++) {
        assert_served(clients[i]);
        stop_worker(workers[i]);
        close(clients[i]);
        close(listeners[i]);
    }
}

/* epoll reports the failing listener first, each time that it is watched again. */
static void a_failing_listener_leaves_the_others_served(void **state)
{
    struct sockaddr_in bad, good;
    (void)state;
    trial = &trials[0];
    int listeners[] = {listen_at(&bad), listen_at(&good)};
    *trial = (struct trial){.error = EINVAL, .only = listeners[0]};
    int waiting = ask(&bad);
    pid_t worker = start_worker(listeners, 2);
    for (unsigned i = 0; i < 20; i++) {
        int client = ask(&good);
        assert_served(client);
        close(client);
    }
    trial->error = 0;
    assert_served(waiting);
    stop_worker(worker);
    close(waiting);
    close(listeners[0]);
    close(listeners[1]);
}

/* Puts one end of a channel at a fixed descriptor of the next worker. Returns the other. */
static int open_channel_at(int fixed)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(dup2(ends[1], fixed), fixed);
    close(ends[1]);
    return ends[0];
}

/* Hands a connection to a worker, with bytes that have arrived of it. Returns the client's end; `*kept` is the
   server's. */
static int hand_to(int channel, const char *bytes, uint32_t age, int *kept)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    const struct handoff handoff = {.fd = ends[1], .age = age, .bytes = {bytes, strlen(bytes)}};
    assert_int_equal(handoff_send(channel, &handoff), HANDOFF_DONE);
    *kept = ends[1];
    return ends[0];
}

/* The old workers have handed over more than one iteration takes, and have ended. */
static void connections_of_a_program_that_has_ended_are_served(void **state)
{
    enum { CONNECTIONS = 3 * LIMIT_ACCEPTS };
    int clients[CONNECTIONS], kept, channel = open_channel_at(DESCRIPTOR_HANDOFF_BEFORE);
    (void)state;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        clients[i] = hand_to(channel, request, 0, &kept);
        close(kept);
    }
    close(channel);
    pid_t worker = start_worker(NULL, 0);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        assert_served(clients[i]);
        close(clients[i]);
    }
    stop_worker(worker);
}

static void time_for_a_head_goes_on_when_it_is_handed_over(void **state)
{
    char answer[13] = "";
    int kept, fresh_kept, channel = open_channel_at(DESCRIPTOR_HANDOFF_IN);
    struct timeval patience = {.tv_sec = 300};
    (void)state;
    pid_t worker = start_worker(NULL, 0);
    int fresh = hand_to(channel, "GET /", 0, &fresh_kept);
    int slow = hand_to(channel, "GET /", LIMIT_HEAD_MS - 300, &kept);
    setsockopt(slow, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(recv(slow, answer, 12, MSG_WAITALL), 12);
    assert_string_equal(answer, "HTTP/1.1 408");
    assert_true(recv(fresh, answer, 1, MSG_DONTWAIT) < 0);
    stop_worker(worker);
    close(slow), close(fresh), close(kept), close(fresh_kept), close(channel);
}

/* This process has the socket open, as a worker that handed it over may: epoll would still report it after the close.
   */
static void a_closed_connection_that_was_taken_over_has_no_more_events(void **state)
{
    enum { ROUNDS = 20 };
    int clients[ROUNDS], kept[ROUNDS], other, other_kept, channel = open_channel_at(DESCRIPTOR_HANDOFF_IN);
    (void)state;
    pid_t worker = start_worker(NULL, 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        clients[i] = hand_to(channel, "GET /none HTTP/1.1\r\nHost: a\r\n", 0, &kept[i]);
        wait_ms(5); /* it waits, so the worker adds it to epoll */
        assert_int_equal(send(clients[i], "Connection: close\r\n\r\n", 21, 0), 21);
        shutdown(clients[i], SHUT_WR);
        assert_served(clients[i]);
    }
    wait_ms(300); /* all are closed then */
    for (unsigned i = 0; i < ROUNDS; i++)
        shutdown(kept[i], SHUT_RDWR); /* an event */
    other = hand_to(channel, request, 0, &other_kept);
    assert_served(other);
    for (unsigned i = 0; i < ROUNDS; i++)
        close(clients[i]), close(kept[i]);
    stop_worker(worker);
    close(other), close(other_kept), close(channel);
}

/* Waits until a worker has taken all that was handed to it. */
static void await_taken(int channel)
{
    int unread = 1;
    for (; unread > 0; wait_ms(100))
        assert_int_equal(ioctl(channel, SIOCOUTQ, &unread), 0);
}

/* Waits for a connection. */
static int receive_from(int channel)
{
    static char room[HANDOFF_BYTES_MAX];
    struct handoff taken;
    enum handoff_result result;
    for (unsigned i = 0; (result = handoff_receive(channel, room, &taken)) == HANDOFF_AGAIN && i < 30000; i++)
        wait_ms(10);
    assert_int_equal(result, HANDOFF_DONE);
    return taken.fd;
}

static void a_connection_that_was_handed_over_has_no_more_events(void **state)
{
    static const char head[] = "GET /none HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n";
    int staying_kept, idle_kept, in = open_channel_at(DESCRIPTOR_HANDOFF_IN);
    int out = open_channel_at(DESCRIPTOR_HANDOFF_OUT), master = open_channel_at(DESCRIPTOR_MASTER);
    (void)state;
    pid_t worker = start_worker(NULL, 0);
    int staying = hand_to(in, head, 0, &staying_kept), idle = hand_to(in, "", 0, &idle_kept);
    await_taken(in);
    kill(worker, WORKER_RETIRE);
    int taken = receive_from(out);
    assert_int_equal(send(idle, request, sizeof request - 1, 0), sizeof request - 1); /* an event */
    assert_int_equal(send(staying, "b", 1, 0), 1); /* its body: it is answered, then handed over as well */
    assert_served(staying);
    int last = receive_from(out), status;
    assert_int_equal(waitpid(worker, &status, 0), worker);
    assert_int_equal(status, 0);
    close(taken), close(last), close(staying), close(idle), close(staying_kept), close(idle_kept);
    close(in), close(out), close(master);
}

/* Receives a whole response that has no body behind its head but what came with it. */
static bool says_close(int client)
{
    static char answer[4096];
    wait_ms(100);
    struct timeval patience = {.tv_sec = 300};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ssize_t length = recv(client, answer, sizeof answer - 1, 0);
    assert_true(length > 12);
    answer[length] = '\0';
    return strstr(answer, "\r\nConnection: close\r\n") != NULL;
}

/* No other worker takes anything: each connection gets one more response. */
static void a_queue_that_stays_full_counts_as_broken(void **state)
{
    int kept, filler_kept, in = open_channel_at(DESCRIPTOR_HANDOFF_IN);
    int out = open_channel_at(DESCRIPTOR_HANDOFF_OUT), master = open_channel_at(DESCRIPTOR_MASTER);
    (void)state;
    pid_t worker = start_worker(NULL, 0);
    int filler = hand_to(in, request, 0, &filler_kept);
    const struct handoff handoff = {.fd = filler_kept};
    assert_served(filler);
    while (handoff_send(DESCRIPTOR_HANDOFF_OUT, &handoff) == HANDOFF_DONE)
        ;
    int client = hand_to(in, request, 0, &kept);
    close(kept); /* so that the end of the stream shows */
    assert_false(says_close(client));
    int64_t retired = now_ms(), closed_at = 0;
    kill(worker, WORKER_RETIRE);
    wait_ms(LIMIT_ROOT_MS / 8);
    for (unsigned i = 0; i < 100 && closed_at == 0; i++) {
        assert_int_equal(send(client, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
        closed_at = says_close(client) ? now_ms() : 0;
    }
    assert_true(closed_at - retired >= LIMIT_ROOT_MS - 10); /* a tick of the coarse clock */
    kill(worker, SIGTERM);
    int status;
    assert_int_equal(waitpid(worker, &status, 0), worker);
    assert_int_equal(status, 0);
    close(client), close(filler), close(filler_kept), close(in), close(out), close(master);
}

struct downloads {
    int file, clients[100];
    char path[32];
};

/* What happens until resume() is one batch for the worker. */
static void pause_worker(pid_t worker)
{
    int status;
    kill(worker, SIGSTOP);
    assert_int_equal(waitpid(worker, &status, WUNTRACED), worker);
}

static void resume(pid_t worker)
{
    kill(worker, SIGCONT);
}

/* Requests a large file on connections that the worker has, all at once. */
static void begin_downloads(pid_t worker, int channel, struct downloads *downloads)
{
    char head[128];
    int kept;
    strcpy(downloads->path, "/tmp/tinyhttpd-XXXXXX");
    downloads->file = mkstemp(downloads->path);
    assert_int_equal(ftruncate(downloads->file, INT64_C(1) << 40), 0);
    int length = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", downloads->path);
    for (unsigned i = 0; i < COUNT(downloads->clients); i++) {
        downloads->clients[i] = hand_to(channel, "", 0, &kept);
        close(kept);
    }
    await_taken(channel);
    pause_worker(worker);
    for (unsigned i = 0; i < COUNT(downloads->clients); i++)
        assert_int_equal(send(downloads->clients[i], head, (size_t)length, 0), length);
    resume(worker);
}

static void end_downloads(const struct downloads *downloads)
{
    for (unsigned i = 0; i < COUNT(downloads->clients); i++)
        close(downloads->clients[i]);
    close(downloads->file);
    assert_int_equal(unlink(downloads->path), 0);
}

/* Turns of LIMIT_TURNS_US at most come before each of two pipelined ones, not one of each download. */
static void a_request_overtakes_the_turns_of_downloads(void **state)
{
    enum { ANSWERS = 50, FIRST = LIMIT_FIRST_TURNS_BYTES / COUNT(((struct downloads *)0)->clients) };
    /* In each of two iterations, turns of LIMIT_TURNS_US and one more; in one, the first turns. */
    enum { LONGEST = 2 * (LIMIT_TURNS_US / 1000 + 1) + LIMIT_FIRST_TURNS_BYTES / LIMIT_TURN_BYTES };
    int kept, channel = open_channel_at(DESCRIPTOR_HANDOFF_IN);
    struct downloads downloads;
    (void)state;
    trial = &trials[0];
    *trial = (struct trial){.asker = hand_to(channel, "", 0, &kept)};
    close(kept);
    pid_t worker = start_worker(NULL, 0);
    begin_downloads(worker, channel, &downloads);
    while (trial->answers < ANSWERS)
        wait_ms(10);
    close(trial->asker);
    end_downloads(&downloads);
    stop_worker(worker);
    close(channel);
    assert_in_range(trial->longest / LIMIT_TURN_BYTES, 1, LONGEST);
    assert_in_range(trial->first_turn, FIRST / 2, FIRST); /* with the head */
    assert_int_equal(trial->later_turn, LIMIT_TURN_BYTES);
}

/* One turn comes between LIMIT_ACCEPTS of them. */
static void new_connections_overtake_the_turns_of_downloads(void **state)
{
    enum { CLIENTS = 20 * LIMIT_ACCEPTS };
    int clients[CLIENTS], channel = open_channel_at(DESCRIPTOR_HANDOFF_IN);
    struct sockaddr_in address;
    struct downloads downloads;
    (void)state;
    trial = &trials[0];
    *trial = (struct trial){0};
    int listener = listen_at(&address);
    assert_int_equal(listen(listener, CLIENTS), 0);
    pid_t worker = start_worker(&listener, 1);
    begin_downloads(worker, channel, &downloads);
    while (trial->later_turn == 0)
        wait_ms(10);
    pause_worker(worker);
    uint64_t sent = trial->sent;
    for (unsigned i = 0; i < CLIENTS; i++)
        clients[i] = ask(&address);
    resume(worker);
    for (unsigned i = 0; i < CLIENTS; i++) {
        assert_served(clients[i]);
        close(clients[i]);
    }
    sent = trial->sent_at_last_accept - sent;
    end_downloads(&downloads);
    stop_worker(worker);
    close(listener), close(channel);
    assert_in_range(sent / LIMIT_TURN_BYTES, 5, CLIENTS / LIMIT_ACCEPTS + 5);
}

/* Connections that wait for the worker would wait for a long turn of each before them. */
static void first_turns_are_short_while_connections_wait(void **state)
{
    enum { CLIENTS = 2 * LIMIT_ACCEPTS };
    int clients[CLIENTS];
    struct sockaddr_in address;
    char path[] = "/tmp/tinyhttpd-XXXXXX", head[80];
    (void)state;
    trial = &trials[0];
    *trial = (struct trial){0};
    int file = mkstemp(path), listener = listen_at(&address);
    assert_int_equal(listen(listener, CLIENTS), 0);
    assert_int_equal(ftruncate(file, INT64_C(1) << 40), 0);
    snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    for (unsigned i = 0; i < CLIENTS; i++)
        clients[i] = ask_for(&address, head);
    pid_t worker = start_worker(&listener, 1);
    while (trial->later_turn == 0)
        wait_ms(10);
    for (unsigned i = 0; i < CLIENTS; i++)
        close(clients[i]);
    stop_worker(worker);
    close(listener), close(file);
    assert_int_equal(unlink(path), 0);
    assert_in_range(trial->first_turn, LIMIT_FIRST_TURN_BYTES / 2, LIMIT_FIRST_TURN_BYTES); /* with the head */
    assert_int_equal(trial->later_turn, LIMIT_TURN_BYTES);
}

static void connections_accepted_together_share_stats(void **state)
{
    int clients[LIMIT_ACCEPTS];
    struct sockaddr_in address;
    char path[] = "/tmp/tinyhttpd-XXXXXX", head[80];
    (void)state;
    trial = &trials[0];
    *trial = (struct trial){0};
    int file = mkstemp(path), listener = listen_at(&address);
    snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    pid_t worker = start_worker(&listener, 1);
    clients[0] = ask_for(&address, head);
    assert_begins(clients[0], "HTTP/1.1 200");
    close(clients[0]);
    unsigned one = trial->stats;
    pause_worker(worker);
    for (unsigned i = 0; i < LIMIT_ACCEPTS; i++)
        clients[i] = ask_for(&address, head);
    resume(worker);
    for (unsigned i = 0; i < LIMIT_ACCEPTS; i++) {
        assert_begins(clients[i], "HTTP/1.1 200");
        close(clients[i]);
    }
    unsigned all = trial->stats - one;
    stop_worker(worker);
    close(listener), close(file);
    assert_int_equal(unlink(path), 0);
    assert_in_range(one, 1, 20);
    assert_in_range(all, 1, 2 * one); /* by all of them, not by each */
}

/* No other workers, and no master that reads notices. */
static void fill_fixed_descriptors(void)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ends[0] = fcntl(ends[0], F_DUPFD_CLOEXEC, DESCRIPTOR_FIXED_LAST + 1);
    for (int fd = DESCRIPTOR_HANDOFF_OUT; fd <= DESCRIPTOR_FIXED_LAST; fd++)
        assert_int_equal(dup2(ends[0], fd), fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_error_of_accept_spins),
        cmocka_unit_test(a_failing_listener_leaves_the_others_served),
        cmocka_unit_test(connections_of_a_program_that_has_ended_are_served),
        cmocka_unit_test(time_for_a_head_goes_on_when_it_is_handed_over),
        cmocka_unit_test(a_closed_connection_that_was_taken_over_has_no_more_events),
        cmocka_unit_test(a_connection_that_was_handed_over_has_no_more_events),
        cmocka_unit_test(a_queue_that_stays_full_counts_as_broken),
        cmocka_unit_test(a_request_overtakes_the_turns_of_downloads),
        cmocka_unit_test(new_connections_overtake_the_turns_of_downloads),
        cmocka_unit_test(first_turns_are_short_while_connections_wait),
        cmocka_unit_test(connections_accepted_together_share_stats),
    };
    trials = mmap(NULL, COUNT(errors) * sizeof *trials, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fill_fixed_descriptors();
    return trials == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

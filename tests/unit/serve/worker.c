/* A worker whose accept fails repeatedly: it pauses each time, and accepts again when the error is over. */
#include "serve/worker.h"

#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Errors of accept(2) with a connection in the queue; ENOTSOCK stands for undocumented ones. */
static const int errors[] = {EMFILE,       ENFILE,      ENOBUFS,   ENOMEM,  EPERM,  EPROTO,
                             ENETDOWN,     ENOPROTOOPT, EHOSTDOWN, ENONET,  EINVAL, EOPNOTSUPP,
                             EHOSTUNREACH, ENETUNREACH, EBADF,     ENOTSOCK};

/* Shared by a worker and its test. */
struct trial {
    atomic_int error; /* of each accept; 0 for none */
    atomic_int only;  /* the listener for which accept fails; 0 for each */
    atomic_uint accepts;
};
static struct trial *trials, *trial;

/* Replaces the C library's accept4, which is declared with other types. */
int accept_or_fail(int fd, struct sockaddr *peer, socklen_t *length, int flags) __asm__("accept4");

int accept_or_fail(int fd, struct sockaddr *peer, socklen_t *length, int flags)
{
    trial->accepts++;
    errno = trial->only == 0 || trial->only == fd ? trial->error : 0;
    return errno != 0 ? -1 : (int)syscall(SYS_accept4, fd, peer, length, flags);
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
    static struct settings settings = {
        .index = {"index.html"}, .index_count = 1, .verbosity = VERBOSITY_QUIET};
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

/* Waits for the response to the request of ask(). */
static void assert_served(int client)
{
    char answer[13] = "";
    struct timeval patience = {.tv_sec = 20};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_true(recv(client, answer, 12, MSG_WAITALL) == 12);
    assert_memory_equal(answer, "HTTP/1.1 ", 9);
}

static const char request[] = "GET /none HTTP/1.1\r\nHost: a\r\n\r\n";

static int ask(const struct sockaddr_in *address)
{
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (const struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(send(client, request, sizeof request - 1, 0), sizeof request - 1);
    return client;
}

static void stop_worker(pid_t worker)
{
    int status;
    kill(worker, SIGTERM);
    assert_int_equal(waitpid(worker, &status, 0), worker);
    assert_int_equal(status, 0);
}

/* 800 ms have room for nine rounds of LIMIT_ACCEPTS, with pauses of 100 ms between them. */
static void no_error_of_accept_spins(void **state)
{
    int listeners[COUNT(errors)], clients[COUNT(errors)];
    pid_t workers[COUNT(errors)];
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
        unsigned accepts = trials[i].accepts;
        if (accepts < 1 || accepts > 9 * LIMIT_ACCEPTS)
            fail_msg("%s: accept was called %u times in 0.8 s", strerror(errors[i]), accepts);
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
    };
    trials =
        mmap(NULL, COUNT(errors) * sizeof *trials, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fill_fixed_descriptors();
    return trials == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

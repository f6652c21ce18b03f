/* Which process has a listening socket. */
#include "process/port_owner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int listener, ends[2];

static void keep(int epoll)
{
    (void)epoll;
}

static void watch_and_close(int epoll)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    close(listener);
}

static void only_close(int epoll)
{
    (void)epoll;
    close(listener);
}

/* What port_owner_has() says of a child that has prepared itself. */
static int has(void (*prepare)(int epoll))
{
    char byte = 0;
    int go[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pipe(go), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(go[1]);
        prepare(epoll_create1(0));
        ssize_t done = write(ends[1], &byte, 1);
        done = read(go[0], &byte, 1); /* until the parent closes its end */
        _exit(done < 0);
    }
    close(go[0]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    int result = port_owner_has(pid, &listener, 1);
    close(go[1]);
    waitpid(pid, NULL, 0);
    close(ends[0]);
    close(ends[1]);
    return result;
}

/* A socket that is watched stays watched after it is closed, while another process has it open. */
static void a_process_that_only_watches_a_socket_has_it(void **state)
{
    (void)state;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(has(keep), 1);
    assert_int_equal(has(watch_and_close), 1);
    assert_int_equal(has(only_close), 0);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_that_only_watches_a_socket_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

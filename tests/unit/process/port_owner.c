/* Which process has a listening socket. */
#include "process/port_owner.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
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

enum { DEEP = 17 }; /* names of 255 bytes: more than PATH_MAX */

static char deep_root[] = "/tmp/tinyhttpd-port-owner-XXXXXX", deep_name[256];

/* Returns the deepest directory. */
static int make_deep_folders(void)
{
    assert_non_null(mkdtemp(deep_root));
    memset(deep_name, 'd', 255);
    int folder = open(deep_root, O_PATH | O_CLOEXEC);
    for (unsigned i = 0; i < DEEP; i++) {
        assert_int_equal(mkdirat(folder, deep_name, 0700), 0);
        int next = openat(folder, deep_name, O_PATH | O_CLOEXEC);
        close(folder);
        folder = next;
    }
    return folder;
}

static void remove_deep_folders(int folder)
{
    for (unsigned i = 0; i < DEEP; i++) {
        int above = openat(folder, "..", O_PATH | O_CLOEXEC);
        close(folder);
        assert_int_equal(unlinkat(above, deep_name, AT_REMOVEDIR), 0);
        folder = above;
    }
    close(folder);
    assert_int_equal(rmdir(deep_root), 0);
}

static int deep_folder;

/* /proc can't tell the name of the folder, whose descriptor comes before that of the socket. */
static void hide_behind_a_deep_folder(int epoll)
{
    (void)epoll;
    int after = fcntl(listener, F_DUPFD, deep_folder + 1);
    close(listener);
    assert_true(after > deep_folder);
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

static void a_descriptor_without_a_name_hides_no_other(void **state)
{
    (void)state;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(listen(listener, 1), 0);
    deep_folder = make_deep_folders();
    assert_int_equal(has(hide_behind_a_deep_folder), 1);
    remove_deep_folders(deep_folder);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_that_only_watches_a_socket_has_it),
        cmocka_unit_test(a_descriptor_without_a_name_hides_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

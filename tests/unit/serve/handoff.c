/* Connections that are handed to another worker, and what a compromised worker may send instead. */
#include "serve/handoff.h"

#include "base/descriptors.h"
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

static char room[HANDOFF_BYTES_MAX], sent[HANDOFF_BYTES_MAX];
static int own[2];        /* the worker's channel, at its fixed descriptors */
static int connection[2]; /* the client's end, and the server's */

static int begin(void **state)
{
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, own), 0);
    assert_int_equal(setsockopt(own[1], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)), 0);
    for (int i = 0; i < 2; i++)
        own[i] = fcntl(own[i], F_DUPFD_CLOEXEC, 20);
    for (int fd = DESCRIPTOR_HANDOFF_OUT; fd <= DESCRIPTOR_FIXED_LAST; fd++)
        assert_int_equal(dup2(own[fd == DESCRIPTOR_HANDOFF_IN], fd), fd);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    connection[0] = fcntl(pair[0], F_DUPFD_CLOEXEC, 20);
    connection[1] = fcntl(pair[1], F_DUPFD_CLOEXEC, 20);
    close(pair[0]);
    close(pair[1]);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (int fd = 3; fd < 64; fd++)
        close(fd);
    return 0;
}

static enum handoff_result receive(struct handoff *handoff)
{
    return handoff_receive(DESCRIPTOR_HANDOFF_IN, room, handoff);
}

static void connection_arrives_with_its_client_and_bytes(void **state)
{
    (void)state;
    memset(sent, 'b', sizeof sent);
    for (size_t length = 0; length <= sizeof sent; length = 2 * length + 1) {
        struct handoff handoff = {.fd = connection[1], .age = 7, .bytes = {sent, length}}, taken = {0};
        handoff.origin.unnamed = true;
        assert_int_equal(handoff_send(DESCRIPTOR_HANDOFF_OUT, &handoff), HANDOFF_DONE);
        assert_int_equal(receive(&taken), HANDOFF_DONE);
        assert_int_equal(taken.origin.peer.any.sa_family, AF_UNIX); /* as the socket has it */
        assert_true(taken.origin.unnamed && !taken.origin.named);
        assert_int_equal(taken.age, 7);
        assert_int_equal(taken.bytes.length, length);
        assert_memory_equal(taken.bytes.at, sent, length);
        assert_true((fcntl(taken.fd, F_GETFD) & FD_CLOEXEC) != 0);
        assert_int_equal(write(connection[0], "q", 1), 1);
        char byte;
        assert_int_equal(read(taken.fd, &byte, 1), 1);
        close(taken.fd);
        assert_int_equal(receive(&taken), HANDOFF_AGAIN);
    }
}

static void full_queue_is_no_failure(void **state)
{
    struct handoff handoff = {.fd = connection[1], .bytes = {sent, 1000}}, taken;
    unsigned count = 0;
    enum handoff_result result;
    (void)state;
    while ((result = handoff_send(DESCRIPTOR_HANDOFF_OUT, &handoff)) == HANDOFF_DONE)
        count++;
    assert_int_equal(result, HANDOFF_AGAIN);
    assert_true(count > 10);
    for (; count > 0; count--) {
        assert_int_equal(receive(&taken), HANDOFF_DONE);
        close(taken.fd);
    }
    assert_int_equal(receive(&taken), HANDOFF_AGAIN);
}

/* As after a reload to a program that knows no channel. */
static void without_a_receiver_it_fails(void **state)
{
    int pair[2];
    struct handoff handoff = {.fd = connection[1]};
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    close(pair[1]);
    assert_int_equal(handoff_send(pair[0], &handoff), HANDOFF_FAILED);
}

static void what_was_sent_before_the_end_is_received(void **state)
{
    struct handoff handoff = {.fd = connection[1]}, taken;
    (void)state;
    assert_int_equal(handoff_send(DESCRIPTOR_HANDOFF_OUT, &handoff), HANDOFF_DONE);
    assert_int_equal(shutdown(DESCRIPTOR_HANDOFF_OUT, SHUT_RDWR), 0);
    assert_int_equal(receive(&taken), HANDOFF_DONE);
    close(taken.fd);
    assert_int_equal(receive(&taken), HANDOFF_END);
}

/* What is behind it would stay in the queue. */
static void empty_message_is_not_the_end(void **state)
{
    struct handoff handoff = {.fd = connection[1]}, taken;
    (void)state;
    assert_int_equal(send(DESCRIPTOR_HANDOFF_OUT, "", 0, 0), 0);
    assert_int_equal(handoff_send(DESCRIPTOR_HANDOFF_OUT, &handoff), HANDOFF_DONE);
    assert_int_equal(receive(&taken), HANDOFF_FAILED);
    assert_int_equal(receive(&taken), HANDOFF_DONE);
    close(taken.fd);
    assert_int_equal(receive(&taken), HANDOFF_AGAIN);
}

/* Sends bytes with `count` descriptors. */
static void send_raw(const void *bytes, size_t length, const int *fds, unsigned count)
{
    union {
        struct cmsghdr aligned;
        char room[CMSG_SPACE(3 * sizeof(int))];
    } control = {0};
    struct iovec piece = {(void *)(uintptr_t)bytes, length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (count > 0) {
        control.aligned = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.aligned), fds, count * sizeof *fds);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    }
    assert_int_equal(sendmsg(DESCRIPTOR_HANDOFF_OUT, &message, 0), length);
}

/* Records a well-formed message. */
static size_t record(char message[256])
{
    struct handoff handoff = {.fd = connection[1], .bytes = {sent, 5}};
    assert_int_equal(handoff_send(DESCRIPTOR_HANDOFF_OUT, &handoff), HANDOFF_DONE);
    ssize_t length = recv(DESCRIPTOR_HANDOFF_IN, message, 256, 0);
    assert_true(length > 5);
    return (size_t)length;
}

/* As the program of the same version sends it that this one replaces, or that replaces this one. */
static void layout_of_the_version_is_kept(void **state)
{
    char message[256];
    size_t length = record(message);
    struct handoff taken;
    (void)state;
    assert_int_equal(length, 32 + 5);
    for (unsigned at = 0; at < 3; at++) {
        memset(message + 28, 0, 4);
        message[28 + at] = 1;
        send_raw(message, length, &connection[1], 1);
        assert_int_equal(receive(&taken), HANDOFF_DONE);
        assert_int_equal(taken.origin.named, at == 0);
        assert_int_equal(taken.header_read, at == 1);
        assert_int_equal(taken.origin.unnamed, at == 2);
        close(taken.fd);
    }
}

static void assert_refused(void)
{
    struct handoff taken;
    assert_int_equal(receive(&taken), HANDOFF_FAILED);
    assert_int_equal(receive(&taken), HANDOFF_AGAIN);
}

static void malformed_messages_are_dropped(void **state)
{
    char message[256];
    size_t length = record(message);
    unsigned before = open_descriptors();
    (void)state;
    for (size_t cut = 0; cut < length - 5; cut++) {
        send_raw(message, cut, &connection[1], 1);
        assert_refused();
    }
    send_raw(message, length, NULL, 0);
    assert_refused();
    for (size_t at = 0; at < 8; at++) { /* the version and the size */
        message[at] ^= 1;
        send_raw(message, length, &connection[1], 1);
        assert_refused();
        message[at] ^= 1;
    }
    assert_int_equal(open_descriptors(), before);
}

static void more_than_one_descriptor_leaves_none_open(void **state)
{
    char message[256];
    size_t length = record(message);
    struct handoff taken = {.fd = -1};
    const int fds[] = {connection[1], connection[1], connection[1]};
    unsigned before = open_descriptors();
    (void)state;
    send_raw(message, length, fds, 3);
    if (receive(&taken) == HANDOFF_DONE)
        close(taken.fd);
    assert_int_equal(open_descriptors(), before);
}

static void only_sockets_that_do_not_block_are_taken(void **state)
{
    char message[256];
    size_t length = record(message);
    int pipes[2], blocking[2];
    (void)state;
    assert_int_equal(pipe2(pipes, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, blocking), 0);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const struct sockaddr any_name = {.sa_family = AF_UNIX}; /* abstract, chosen by the kernel (unix(7), autobind) */
    assert_int_equal(bind(listener, &any_name, sizeof any_name.sa_family), 0);
    assert_int_equal(listen(listener, 1), 0);
    const int refused[] = {pipes[0],
                           listener,
                           open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK),
                           blocking[0],
                           DESCRIPTOR_HANDOFF_OUT,
                           DESCRIPTOR_HANDOFF_IN,
                           DESCRIPTOR_MASTER};
    unsigned before = open_descriptors();
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        send_raw(message, length, &refused[i], 1);
        assert_refused();
    }
    assert_int_equal(open_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(connection_arrives_with_its_client_and_bytes, begin, end),
        cmocka_unit_test_setup_teardown(full_queue_is_no_failure, begin, end),
        cmocka_unit_test_setup_teardown(without_a_receiver_it_fails, begin, end),
        cmocka_unit_test_setup_teardown(what_was_sent_before_the_end_is_received, begin, end),
        cmocka_unit_test_setup_teardown(empty_message_is_not_the_end, begin, end),
        cmocka_unit_test_setup_teardown(layout_of_the_version_is_kept, begin, end),
        cmocka_unit_test_setup_teardown(malformed_messages_are_dropped, begin, end),
        cmocka_unit_test_setup_teardown(more_than_one_descriptor_leaves_none_open, begin, end),
        cmocka_unit_test_setup_teardown(only_sockets_that_do_not_block_are_taken, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

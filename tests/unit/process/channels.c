/* The sockets between the processes: who can send what to whom. */
#include "process/channels.h"

#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct channels channels;

static int begin(void **state)
{
    (void)state;
    return channels_open(&channels, NULL);
}

/* In a worker, at the lowest descriptors: the fixed ones are taken. */
static int use_in_worker(int notices)
{
    char got[8];
    if (!channels_make_room(&notices) || !channels_enter_worker(&channels, notices))
        return 1;
    if (write(DESCRIPTOR_MASTER, "l", 1) != 1 || write(DESCRIPTOR_HANDOFF_OUT, "own", 3) != 3 ||
        write(DESCRIPTOR_HANDOFF_NEXT, "next", 4) != 4)
        return 2;
    return read(DESCRIPTOR_HANDOFF_IN, got, sizeof got) == 3 ? 0 : 3;
}

static void worker_has_its_ends(void **state)
{
    char got[8];
    int status, notices[2];
    (void)state;
    assert_int_equal(pipe2(notices, O_NONBLOCK | O_CLOEXEC), 0);
    pid_t worker = fork();
    if (worker == 0)
        _exit(use_in_worker(notices[1]));
    assert_int_equal(waitpid(worker, &status, 0), worker);
    assert_int_equal(status, 0);
    assert_int_equal(read(notices[0], got, sizeof got), 1);
    assert_int_equal(read(channels.next.receiver, got, sizeof got), 4); /* for the next program */
}

static void what_is_sent_early_is_dropped(void **state)
{
    char got[8];
    (void)state;
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(write(channels.next.sender, "early", 5), 5);
    channels_drop_early(&channels);
    assert_int_equal(read(channels.next.receiver, got, sizeof got), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(write(channels.next.sender, "next", 4), 4);
    assert_int_equal(read(channels.next.receiver, got, sizeof got), 4);
}

static void descriptors_at_fixed_numbers_are_moved(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), high = fcntl(fd, F_DUPFD_CLOEXEC, 30), kept = high;
    assert_true(dup2(fd, DESCRIPTOR_HANDOFF_OUT) >= 0);
    int low = DESCRIPTOR_HANDOFF_OUT;
    assert_true(channels_make_room(&low));
    assert_true(low > DESCRIPTOR_FIXED_LAST);
    assert_true((fcntl(low, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true(channels_make_room(&kept));
    assert_int_equal(kept, high);
}

static void end_and_drop(struct channels *later)
{
    channels_end_old(later);
    channels_drop_old(later);
    channels_close_old(later);
}

static void channels_of_the_program_before_are_used(void **state)
{
    struct channels later;
    struct passed_channels passed = {dup(channels.next.receiver), dup(channels.own.receiver), dup(channels.before),
                                     true}; /* not FD_CLOEXEC */
    char got[8];
    (void)state;
    assert_int_equal(channels_open(&later, &passed), 0);
    assert_int_equal(later.before, passed.next);
    assert_int_equal(later.old[0], passed.own);
    assert_int_equal(later.old[1], passed.before);
    assert_true((fcntl(passed.next, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(passed.own, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(write(channels.next.sender, "next", 4), 4);
    assert_int_equal(read(later.before, got, sizeof got), 4);
}

/* Nothing is read from them, and an old worker can keep nothing in them. */
static void channels_of_another_version_are_only_ended(void **state)
{
    struct channels later;
    struct passed_channels passed = {channels.next.receiver, channels.own.receiver, dup(channels.before), false};
    char got[8];
    (void)state;
    assert_int_equal(write(channels.own.sender, "kept", 4), 4);
    assert_int_equal(channels_open(&later, &passed), 0);
    assert_int_equal(read(later.before, got, sizeof got), 0);
    assert_true(send(channels.next.sender, "next", 4, MSG_NOSIGNAL) < 0);
    assert_int_equal(errno, EPIPE);
    const int own = dup(channels.own.receiver); /* a worker's */
    end_and_drop(&later);
    assert_true(recv(own, got, sizeof got, 0) <= 0);
    assert_true(send(channels.own.sender, "more", 4, MSG_NOSIGNAL) < 0);
    assert_int_equal(errno, EPIPE);
}

/* One that a worker of the program before has shut down is at its end, and no other is. */
static void without_a_program_before_its_channel_is_at_its_end(void **state)
{
    char got[8];
    (void)state;
    assert_int_equal(read(channels.before, got, sizeof got), 0);
    assert_true(read(channels.own.receiver, got, sizeof got) < 0);
    assert_int_equal(errno, EAGAIN);
}

static void ended_channel_holds_nothing(void **state)
{
    char got[8];
    struct channels later = {.old = {dup(channels.own.receiver), dup(channels.next.receiver)}};
    const struct channel *const ended[] = {&channels.own, &channels.next};
    (void)state;
    for (unsigned i = 0; i < 2; i++) { /* empty messages as well */
        for (unsigned length = 0; length < 3; length++)
            assert_int_equal(send(ended[i]->sender, "held", length, 0), length);
    }
    end_and_drop(&later);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(later.old[i], -1);
        for (unsigned times = 0; times < 4; times++)
            assert_true(recv(ended[i]->receiver, got, sizeof got, 0) <= 0);
        assert_true(send(ended[i]->sender, "more", 4, MSG_NOSIGNAL) < 0);
        assert_int_equal(errno, EPIPE);
    }
    end_and_drop(&later);
}

/* The master must not take what waits in them for a worker. */
static void master_sees_what_waits(void **state)
{
    char got[8];
    struct channels later;
    struct passed_channels passed = {channels.next.receiver, channels.own.receiver, dup(channels.before), true};
    (void)state;
    assert_int_equal(channels_open(&later, &passed), 0);
    const struct channel *const held[] = {&channels.own, &channels.next, &later.own};
    assert_true(channels_are_empty(&later));
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(write(held[i]->sender, "held", 4), 4);
        assert_false(channels_are_empty(&later));
        assert_int_equal(read(held[i]->receiver, got, sizeof got), 4);
        assert_true(channels_are_empty(&later));
    }
}

/* A worker can write to the end that it receives from. */
static void ended_channel_whose_sender_was_reset_holds_nothing(void **state)
{
    char got[8];
    struct channels later = {.old = {dup(channels.own.receiver), -1}};
    (void)state;
    assert_int_equal(send(channels.own.sender, "held", 4, 0), 4);
    assert_int_equal(write(channels.own.receiver, "x", 1), 1);
    close(channels.own.sender);
    end_and_drop(&later);
    assert_true(recv(channels.own.receiver, got, sizeof got, 0) <= 0);
    assert_true(recv(channels.own.receiver, got, sizeof got, 0) <= 0);
}

/* The environment may name anything. */
static void what_is_no_channel_is_not_used(void **state)
{
    struct channels later;
    int ends[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const struct passed_channels passed[] = {
        {ends[0], ends[1], -1, true},
        {1000, 1001, 1002, true},
        {open("/", O_RDONLY | O_CLOEXEC), -1, ends[0], true},
        {ends[0], ends[1], -1, false},
    };
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        assert_int_equal(channels_open(&later, &passed[i]), 0);
        assert_int_not_equal(later.before, passed[i].next);
        assert_int_equal(later.old[0], -1);
        assert_int_equal(later.old[1], -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(worker_has_its_ends, begin),

        cmocka_unit_test_setup(what_is_sent_early_is_dropped, begin),
        cmocka_unit_test_setup(descriptors_at_fixed_numbers_are_moved, begin),
        cmocka_unit_test_setup(channels_of_the_program_before_are_used, begin),
        cmocka_unit_test_setup(channels_of_another_version_are_only_ended, begin),
        cmocka_unit_test_setup(without_a_program_before_its_channel_is_at_its_end, begin),
        cmocka_unit_test_setup(ended_channel_holds_nothing, begin),
        cmocka_unit_test_setup(master_sees_what_waits, begin),
        cmocka_unit_test_setup(ended_channel_whose_sender_was_reset_holds_nothing, begin),
        cmocka_unit_test_setup(what_is_no_channel_is_not_used, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

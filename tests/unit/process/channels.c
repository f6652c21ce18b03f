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
static int notice_from_worker(void)
{
    const char leaves = WORKER_LEAVES;
    if (!channels_enter_worker(&channels))
        return 1;
    if (write(DESCRIPTOR_MASTER, &leaves, 1) != 1 || write(DESCRIPTOR_HANDOFF_OUT, "own", 3) != 3 ||
        write(DESCRIPTOR_HANDOFF_NEXT, "next", 4) != 4)
        return 2;
    char got[8];
    return read(DESCRIPTOR_HANDOFF_IN, got, sizeof got) == 3 ? 0 : 3;
}

static void master_learns_which_worker_notices(void **state)
{
    pid_t sender;
    enum worker_notice notice;
    int status;
    (void)state;
    assert_false(channels_read_notice(&channels, &sender, &notice));
    pid_t worker = fork();
    if (worker == 0)
        _exit(notice_from_worker());
    assert_int_equal(waitpid(worker, &status, 0), worker);
    assert_int_equal(status, 0);
    assert_true(channels_read_notice(&channels, &sender, &notice));
    assert_int_equal(sender, worker);
    assert_int_equal(notice, WORKER_LEAVES);
    assert_false(channels_read_notice(&channels, &sender, &notice));
    char got[8];
    assert_int_equal(read(channels.next.receiver, got, sizeof got), 4); /* for the next program */
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

static void channel_of_the_program_before_is_used(void **state)
{
    struct channels later;
    struct channel passed = {dup(channels.next.sender), dup(channels.next.receiver)}; /* without FD_CLOEXEC */
    (void)state;
    assert_int_equal(channels_open(&later, &passed), 0);
    assert_int_equal(later.own.receiver, passed.receiver);
    assert_true((fcntl(passed.sender, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(passed.receiver, F_GETFD) & FD_CLOEXEC) != 0);
}

/* The environment may name anything. */
static void what_is_no_channel_is_not_used(void **state)
{
    struct channels later;
    int ends[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const struct channel passed[] = {
        {ends[0], ends[1]}, {1000, 1001}, {open("/", O_RDONLY | O_CLOEXEC), ends[1]}};
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        assert_int_equal(channels_open(&later, &passed[i]), 0);
        assert_int_not_equal(later.own.receiver, passed[i].receiver);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(master_learns_which_worker_notices, begin),
        cmocka_unit_test_setup(descriptors_at_fixed_numbers_are_moved, begin),
        cmocka_unit_test_setup(channel_of_the_program_before_is_used, begin),
        cmocka_unit_test_setup(what_is_no_channel_is_not_used, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

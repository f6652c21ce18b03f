#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int asked_here;

static void fill(const void *question, void *answer)
{
    asked_here++;
    memset(answer, *(const char *)question, 300000);
}

static void die(const void *question, void *answer)
{
    (void)question;
    (void)answer;
    _exit(3);
}

static void hang(const void *question, void *answer)
{
    (void)question;
    (void)answer;
    for (;;)
        pause();
}

static void the_answer_comes_from_a_child(void **state)
{
    static char answer[300000]; /* more than a pipe holds */
    (void)state;
    assert_true(child_ask(fill, "x", answer, 65537, -1)); /* one byte more */
    assert_true(child_ask(fill, "x", answer, sizeof answer, -1));
    for (size_t i = 0; i < sizeof answer; i++)
        assert_int_equal(answer[i], 'x');
    assert_int_equal(asked_here, 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

static void a_child_that_dies_or_hangs_has_no_answer(void **state)
{
    char answer[8];
    (void)state;
    errno = EIO;
    assert_false(child_ask(die, NULL, answer, sizeof answer, -1));
    assert_int_equal(errno, 0);
    assert_false(child_ask(hang, NULL, answer, sizeof answer, 1));
    assert_int_equal(errno, 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void no_descriptor_stays_open(void **state)
{
    char answer[8];
    int lowest = dup(STDIN_FILENO);
    (void)state;
    close(lowest);
    assert_false(child_ask(die, NULL, answer, sizeof answer, -1));
    assert_int_equal(dup(STDIN_FILENO), lowest);
    close(lowest);
}

static void on_signal(int number)
{
    (void)number;
}

/* Lets the parent be interrupted while it waits. */
static void send_signals(void)
{
    for (unsigned i = 0; i < 20; i++) {
        usleep(1000);
        kill(getppid(), SIGUSR1);
    }
}

static void send_signals_and_fill(const void *question, void *answer)
{
    send_signals();
    memset(answer, *(const char *)question, 8);
}

static void send_signals_and_hang(const void *question, void *answer)
{
    send_signals();
    hang(question, answer);
}

static void signals_do_not_end_the_wait(void **state)
{
    struct sigaction action = {.sa_handler = on_signal};
    char answer[8] = "";
    (void)state;
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_true(child_ask(send_signals_and_fill, "x", answer, sizeof answer, -1));
    assert_memory_equal(answer, "xxxxxxxx", sizeof answer);
    assert_false(child_ask(send_signals_and_hang, "x", answer, sizeof answer, 100)); /* but a deadline does */
    signal(SIGUSR1, SIG_DFL);
}

/* In a process of its own, which gives the room up. */
static void without_room_errno_says_why(void **state)
{
    static const struct {
        int resource, error;
    } rows[] = {{RLIMIT_NOFILE, EMFILE}, {RLIMIT_NPROC, EAGAIN}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pid_t process = fork();
        int status;
        if (process == 0) {
            static char answer[300000];
            setrlimit(rows[i].resource, &(struct rlimit){0, 0});
            if (geteuid() == 0 && setuid(65534) < 0) /* root has no limit of processes */
                _exit(2);
            errno = 0;
            _exit(!child_ask(fill, "x", answer, sizeof answer, -1) && errno == rows[i].error ? 0 : 1);
        }
        assert_int_equal(waitpid(process, &status, 0), process);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

/* Memory of the test and of the processes below it. */
struct seen {
    volatile pid_t child;
    bool has_descriptor;
};

struct asked {
    struct seen *seen;
    int fd;
};

static void look_and_hang(const void *question, void *answer)
{
    const struct asked *asked = question;
    alarm(60); /* the bound of this test */
    asked->seen->has_descriptor = fcntl(asked->fd, F_GETFD) >= 0;
    asked->seen->child = getpid();
    hang(NULL, answer);
}

/* While a name service hangs, the server may be killed. */
static void the_child_keeps_no_descriptor_and_dies_with_its_parent(void **state)
{
    struct seen *seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    char answer[8];
    (void)state;
    assert_true(seen != MAP_FAILED);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1UL), 0);
    pid_t parent = fork();
    if (parent == 0) {
        struct asked asked = {seen, open("/", O_RDONLY | O_CLOEXEC)};
        _exit(child_ask(look_and_hang, &asked, answer, sizeof answer, -1));
    }
    while (seen->child == 0)
        usleep(1000);
    assert_false(seen->has_descriptor);
    kill(parent, SIGKILL);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    assert_int_equal(waitpid(seen->child, &status, 0), seen->child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    munmap(seen, sizeof *seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_comes_from_a_child),
        cmocka_unit_test(a_child_that_dies_or_hangs_has_no_answer),
        cmocka_unit_test(no_descriptor_stays_open),
        cmocka_unit_test(signals_do_not_end_the_wait),
        cmocka_unit_test(without_room_errno_says_why),
        cmocka_unit_test(the_child_keeps_no_descriptor_and_dies_with_its_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/child.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_comes_from_a_child),
        cmocka_unit_test(a_child_that_dies_or_hangs_has_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

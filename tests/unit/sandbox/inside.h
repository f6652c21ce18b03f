/* What the sandbox's units share: a child gives something up, then attempts what it should no longer be able to do. */
#pragma once

#include "base/failure.h" /* before cmocka.h, which has a macro of the same name as its function */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What is attempted: returns 0 when it worked, else the errno. */
typedef int attempt_function(void);

/* What became of the child: what the attempt returned, or one of these. */
enum { NOT_ENTERED = 250, ENDED_BY_SIGNAL = 1000 /* and its number */ };

/* The errno of a call's result. */
static inline int error_of(long result)
{
    return result < 0 ? errno : 0;
}

/* The attempt's result in a child that has entered. No atexit handler runs, no sanitizer looks for leaks. */
static inline int inside(bool (*enter)(void), attempt_function *attempt)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL); /* cmocka's and ASan's handlers would go on in the child as if it were the test */
        _exit(enter() ? attempt() : NOT_ENTERED);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? ENDED_BY_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Signals: what is ignored at the start, and given back before another program is executed. */
#include "base/signals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

typedef void (*handler)(int);

static handler handler_of(int number)
{
    struct sigaction action;
    sigaction(number, NULL, &action);
    return action.sa_handler;
}

static bool is_blocked(int number)
{
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    return sigismember(&blocked, number) == 1;
}

static void ignored_signals_are_given_back_as_they_were(void **state)
{
    (void)state;
    signal(SIGALRM, SIG_DFL);
    signal(SIGPWR, SIG_IGN); /* by the parent process */
    signal(SIGUSR2, SIG_DFL);
    signals_begin();
    assert_ptr_equal(handler_of(SIGALRM), SIG_IGN);
    assert_ptr_equal(handler_of(SIGRTMIN), SIG_IGN);
    assert_ptr_equal(handler_of(SIGRTMAX), SIG_IGN);
    assert_ptr_equal(handler_of(SIGUSR2), SIG_DFL); /* gets a handler later */
    signals_give_back();
    assert_ptr_equal(handler_of(SIGALRM), SIG_DFL);
    assert_ptr_equal(handler_of(SIGRTMAX), SIG_DFL);
    assert_ptr_equal(handler_of(SIGPWR), SIG_IGN);
    raise(SIGALRM); /* on the way to the next program: waits until that ignores it */
    signals_begin_again();
    assert_ptr_equal(handler_of(SIGALRM), SIG_IGN);
    assert_false(is_blocked(SIGALRM));
    signals_begin_again(); /* remembers nothing anew */
    signals_give_back();
    assert_ptr_equal(handler_of(SIGPWR), SIG_IGN);
    assert_ptr_equal(handler_of(SIGALRM), SIG_DFL);
    signals_begin_again();
}

static void signals_with_a_later_handler_wait(void **state)
{
    (void)state;
    signals_hold(1U << SIGNAL_RELOAD | 1U << SIGNAL_REOPEN | 1U << SIGNAL_WAKE);
    assert_true(is_blocked(SIGHUP));
    assert_true(is_blocked(SIGUSR1));
    assert_true(is_blocked(SIGUSR2));
    assert_false(is_blocked(SIGTERM)); /* stops a server that only starts */
    assert_false(is_blocked(SIGQUIT));
}

static void do_nothing(int number)
{
    (void)number;
}

/* Lets a blocked signal arrive. */
static void receive(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static void hangup_and_suspension_stay_ignored_in_the_master(void **state)
{
    const unsigned effects = 1U << SIGNAL_DRAIN | 1U << SIGNAL_RELOAD | 1U << SIGNAL_SUSPEND;
    (void)state;
    signal(SIGHUP, SIG_IGN);
    signal(SIGTSTP, SIG_IGN);
    signal(SIGQUIT, SIG_IGN); /* as in a shell's background: a signal sent by name is meant */
    signals_handle(SIGNAL_MASTER, effects);
    assert_ptr_equal(handler_of(SIGHUP), SIG_IGN);
    assert_ptr_equal(handler_of(SIGTSTP), SIG_IGN);
    assert_true(is_blocked(SIGQUIT));
    assert_true(is_blocked(SIGTERM));
    receive(SIGQUIT);
    assert_true(signals_take(SIGNAL_DRAIN));
    assert_false(signals_take(SIGNAL_DRAIN));
    receive(SIGTERM);
    assert_true(signals_take(SIGNAL_DRAIN));
    receive(SIGTERM);
    signal(SIGTSTP, SIG_DFL);
    signals_handle(SIGNAL_MASTER, effects);
    receive(SIGTSTP);
    assert_true(signals_take(SIGNAL_SUSPEND));
    assert_false(signals_take(SIGNAL_DRAIN)); /* as in a worker, which inherits the master's memory */
}

static void each_process_has_its_own_effects(void **state)
{
    (void)state;
    signals_handle(SIGNAL_WORKER, 1U << SIGNAL_RETIRE | 1U << SIGNAL_DRAIN);
    assert_ptr_equal(handler_of(SIGINT), SIG_IGN);  /* the master decides what follows; no call is interrupted */
    assert_ptr_equal(handler_of(SIGCONT), SIG_DFL); /* none that it asked for */
    receive(SIGUSR2);
    receive(SIGINT);
    assert_true(signals_take(SIGNAL_RETIRE));
    assert_false(signals_take(SIGNAL_DRAIN));
}

/* Such as a sanitizer's, which reports the crash. */
static void handlers_of_crashes_stay(void **state)
{
    (void)state;
    signal(SIGTRAP, do_nothing);
    signals_handle(SIGNAL_WORKER, 1U << SIGNAL_DRAIN);
    handler after = handler_of(SIGTRAP);
    signal(SIGTRAP, SIG_DFL);
    assert_ptr_equal(after, do_nothing);
}

static void suspending_stops_until_cont(void **state)
{
    int status;
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0); /* not orphaned, as its parent is in another group of the session */
        signal(SIGTSTP, do_nothing);
        signals_hold(1U << SIGNAL_SUSPEND); /* as in the master, which lets signals arrive only in a wait */
        signals_suspend();
        _exit(handler_of(SIGTSTP) == do_nothing && is_blocked(SIGTSTP) ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(kill(pid, SIGCONT), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void an_orphan_is_not_suspended(void **state)
{
    int status;
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        signals_suspend();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ignored_signals_are_given_back_as_they_were),
        cmocka_unit_test(signals_with_a_later_handler_wait),
        cmocka_unit_test(hangup_and_suspension_stay_ignored_in_the_master),
        cmocka_unit_test(each_process_has_its_own_effects),
        cmocka_unit_test(handlers_of_crashes_stay),
        cmocka_unit_test(suspending_stops_until_cont),
        cmocka_unit_test(an_orphan_is_not_suspended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

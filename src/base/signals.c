#include "base/signals.h"

#define ROW(number, master, worker) \
    { \
#number, number, \
        { \
            SIGNAL_##master, SIGNAL_##worker \
        } \
    }

const struct signal_row signal_rows[] = {
    ROW(SIGTERM, DRAIN, DRAIN),
    /* Ctrl-C, Ctrl-\, Ctrl-Z and a closing terminal signal the whole process group; the master decides what follows. */
    ROW(SIGINT, DRAIN, IGNORE),
    ROW(SIGQUIT, DRAIN, IGNORE),
    ROW(SIGHUP, RELOAD, IGNORE),
    ROW(SIGUSR1, REOPEN, IGNORE),
    ROW(SIGUSR2, WAKE, RETIRE),
    ROW(SIGTSTP, SUSPEND, IGNORE),
    ROW(SIGCONT, RESUME, RESUME),
    ROW(SIGCHLD, WAKE, DEFAULT),
    ROW(SIGPIPE, IGNORE, IGNORE), /* a log that no process reads any more ends no server */
    ROW(SIGXFSZ, IGNORE, IGNORE), /* at a file's size limit, write(2) fails with EFBIG instead */
    ROW(SIGXCPU, IGNORE, IGNORE), /* at the hard limit, the kernel sends SIGKILL (setrlimit(2)) */
    ROW(SIGTTIN, IGNORE, IGNORE),
    ROW(SIGTTOU, IGNORE, IGNORE), /* a background job writes to the terminal instead of being stopped */
    ROW(SIGALRM, IGNORE, IGNORE),
    ROW(SIGVTALRM, IGNORE, IGNORE),
    ROW(SIGPROF, IGNORE, IGNORE), /* except while libmagic runs: site/magic_guard.c */
    ROW(SIGIO, IGNORE, IGNORE),
    ROW(SIGPWR, IGNORE, IGNORE),
    ROW(SIGSTKFLT, IGNORE, IGNORE),
    {"SIGRTMIN to SIGRTMAX", 0, {SIGNAL_IGNORE, SIGNAL_IGNORE}},
    ROW(SIGURG, DEFAULT, DEFAULT),
    ROW(SIGWINCH, DEFAULT, DEFAULT),
    ROW(SIGSTOP, HALT, HALT),
    ROW(SIGKILL, END, END),
    ROW(SIGABRT, END, END),
    ROW(SIGBUS, END, END),
    ROW(SIGFPE, END, END),
    ROW(SIGILL, END, END),
    ROW(SIGSEGV, END, END),
    ROW(SIGSYS, END, END),
    ROW(SIGTRAP, END, END),
};
const size_t signal_row_count = sizeof signal_rows / sizeof *signal_rows;

static enum signal_process self; /* of signals_handle() */
volatile sig_atomic_t signals_seen[SIGNAL_EFFECTS];
static sigset_t given; /* ignored when the program started */

sigset_t signals_of(const int *numbers)
{
    sigset_t set;
    sigemptyset(&set);
    while (*numbers != 0)
        sigaddset(&set, *numbers++);
    return set;
}

const char *signal_effect_name(enum signal_effect effect)
{
    static const char *const names[SIGNAL_EFFECTS] = {
        [SIGNAL_DEFAULT] = "ignored",   [SIGNAL_IGNORE] = "ignored",    [SIGNAL_WAKE] = "ignored",
        [SIGNAL_DRAIN] = "drains",      [SIGNAL_RELOAD] = "reloads",    [SIGNAL_REOPEN] = "reopens logs",
        [SIGNAL_RETIRE] = "hands over", [SIGNAL_SUSPEND] = "stops all", [SIGNAL_RESUME] = "goes on",
        [SIGNAL_HALT] = "stops",        [SIGNAL_END] = "ends",
    };
    return names[effect];
}

static int first_of(const struct signal_row *row)
{
    return row->number != 0 ? row->number : SIGRTMIN;
}

static int last_of(const struct signal_row *row)
{
    return row->number != 0 ? row->number : SIGRTMAX;
}

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* The set of the signals that have one of the effects, bits 1 << enum signal_effect, on the process. */
static sigset_t signals_with(unsigned effects, enum signal_process process)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < signal_row_count; i++) {
        if ((effects & 1U << signal_rows[i].effects[process]) == 0)
            continue;
        for (int number = first_of(&signal_rows[i]); number <= last_of(&signal_rows[i]); number++)
            sigaddset(&set, number);
    }
    return set;
}

static void ignore(bool remember)
{
    sigset_t ignored = signals_with(1U << SIGNAL_IGNORE, SIGNAL_MASTER);
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (sigismember(&ignored, number) != 1)
            continue;
        if (remember && is_ignored(number))
            sigaddset(&given, number);
        signal(number, SIG_IGN);
    }
    sigprocmask(SIG_UNBLOCK, &ignored, NULL); /* the previous program blocked them in signals_give_back() */
}

void signals_begin(void)
{
    sigemptyset(&given);
    ignore(true);
}

void signals_begin_again(void)
{
    ignore(false);
}

void signals_give_back(void)
{
    sigset_t ignored = signals_with(1U << SIGNAL_IGNORE, SIGNAL_MASTER);
    sigprocmask(SIG_BLOCK, &ignored, NULL);
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (sigismember(&ignored, number) == 1 && sigismember(&given, number) == 0)
            signal(number, SIG_DFL);
    }
}

void signals_hold(unsigned effects)
{
    sigset_t held = signals_with(effects, SIGNAL_MASTER);
    sigprocmask(SIG_BLOCK, &held, NULL);
}

static void on_signal(int number)
{
    for (size_t i = 0; i < signal_row_count; i++) {
        if (signal_rows[i].number == number)
            signals_seen[signal_rows[i].effects[self]] = 1;
    }
}

static void set_action(const struct signal_row *row, void (*handler)(int signal))
{
    struct sigaction action = {.sa_handler = handler};
    for (int number = first_of(row); number <= last_of(row); number++)
        sigaction(number, &action, NULL);
}

void signals_handle(enum signal_process process, unsigned effects)
{
    sigset_t handled = signals_with(effects, process);
    sigprocmask(SIG_BLOCK, &handled, NULL);
    self = process;
    for (unsigned effect = 0; effect < SIGNAL_EFFECTS; effect++)
        signals_seen[effect] = 0; /* a worker inherits the master's */
    for (size_t i = 0; i < signal_row_count; i++) {
        const struct signal_row *row = &signal_rows[i];
        enum signal_effect effect = row->effects[process];
        bool may_stay = effect == SIGNAL_RELOAD || effect == SIGNAL_SUSPEND;
        if (effect == SIGNAL_HALT || effect == SIGNAL_END || (may_stay && is_ignored(row->number)))
            continue;
        if ((effects & 1U << effect) != 0)
            set_action(row, on_signal);
        else
            set_action(row, effect == SIGNAL_IGNORE ? SIG_IGN : SIG_DFL);
    }
}

void signals_suspend(void)
{
    struct sigaction handled;
    sigset_t suspend = SIGNALS(SIGTSTP), before;
    sigprocmask(SIG_BLOCK, &suspend, &before);
    sigaction(SIGTSTP, &(struct sigaction){.sa_handler = SIG_DFL}, &handled);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &suspend, NULL); /* here it stops */
    sigprocmask(SIG_SETMASK, &before, NULL);
    sigaction(SIGTSTP, &handled, NULL);
}

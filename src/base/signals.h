/* The signals (signal(7)) and what the server's processes do on each. The man page's table is made from the rows. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

enum signal_effect {
    SIGNAL_DEFAULT, /* the kernel's default, which has no effect */
    SIGNAL_IGNORE,
    SIGNAL_WAKE, /* interrupts a wait, and nothing else */
    SIGNAL_DRAIN,
    SIGNAL_RELOAD,
    SIGNAL_REOPEN,
    SIGNAL_RETIRE,
    SIGNAL_SUSPEND,
    SIGNAL_RESUME,
    SIGNAL_HALT, /* the kernel's default, which stops the process */
    SIGNAL_END,  /* the kernel's default, which ends the process: crashes must be seen */
    SIGNAL_EFFECTS,
};

enum signal_process { SIGNAL_MASTER, SIGNAL_WORKER, SIGNAL_PROCESSES };

struct signal_row {
    const char *name;
    int number; /* 0: SIGRTMIN to SIGRTMAX, which are no constants */
    enum signal_effect effects[SIGNAL_PROCESSES];
};

extern const struct signal_row signal_rows[];
extern const size_t signal_row_count;

/* The set of these signals. */
#define SIGNALS(...) signals_of((const int[]){__VA_ARGS__, 0})
sigset_t signals_of(const int *numbers); /* that end with 0 */

/* Returns the effect's name in the man page. */
const char *signal_effect_name(enum signal_effect effect);

/* Ignores the signals that the master ignores, and remembers which were ignored before. Call it first. */
void signals_begin(void);

/* Blocks the signals of these effects, bits 1 << enum signal_effect, on the master until it handles them. */
void signals_hold(unsigned effects);

/* Undoes signals_begin() before execve(2), which keeps ignored signals ignored, and blocks these signals: the same
   program ignores them again. signals_begin_again() after a failure of execve(2). */
void signals_give_back(void);
void signals_begin_again(void);

/* Lets signals_take() tell of signals of these effects, bits 1 << enum signal_effect. SIGHUP and SIGTSTP stay ignored
   in the master if they are, as by nohup(1). Blocks these signals: let them in only while the process waits (ppoll(2)),
   so that none arrives between signals_take() and the wait. */
void signals_handle(enum signal_process process, unsigned effects);

extern volatile sig_atomic_t signals_seen[SIGNAL_EFFECTS]; /* for signals_take() */

/* True if a signal of the effect has arrived since signals_handle() and the last call. Inline, as workers call it in
   each iteration. */
static inline bool signals_take(enum signal_effect effect)
{
    if (signals_seen[effect] == 0)
        return false;
    signals_seen[effect] = 0;
    return true;
}

/* Stops this process as SIGTSTP does by default, until SIGCONT: not at all if its process group is orphaned
   (setpgid(2)). */
void signals_suspend(void);

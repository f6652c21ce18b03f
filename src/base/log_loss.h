/* The lines that are lost of a log, and what is said of them: at once, once a minute while it lasts, and when it ends. */
#ifndef TINYHTTPD_BASE_LOG_LOSS_H
#define TINYHTTPD_BASE_LOG_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: none is lost. Times are milliseconds of CLOCK_MONOTONIC. */
struct log_loss {
    unsigned long lines; /* lost since their number was said */
    int error;           /* errno of the last */
    bool is_told;        /* that lines are lost; not yet that this is over */
    int64_t due;         /* until then, no more is said while it lasts */
};

enum log_loss_state {
    LOG_LOSS_LASTS, /* a line was lost just now */
    LOG_LOSS_OVER,  /* a line was written just now */
    LOG_LOSS_FINAL, /* no more is written */
};

/* Counts lost lines and keeps the errno: EAGAIN if there was no room, ECHILD if there was no process to write them. */
void log_loss_add(struct log_loss *loss, unsigned long lines, int error);

/* Writes what is to be said now of `log`, such as "access log", as a string of less than LOG_LOSS_MAX bytes. Returns
   false if nothing is. */
enum { LOG_LOSS_MAX = 160 };
bool log_loss_describe(const struct log_loss *loss, enum log_loss_state state, const char *log, int64_t now,
                       char room[LOG_LOSS_MAX]);

/* Notes that it was said, or, with `said` false, that it could not be written: it is said again, while the loss lasts
   after LIMIT_LOG_RETRY_MS. */
void log_loss_note(struct log_loss *loss, enum log_loss_state state, bool said, int64_t now);

#endif

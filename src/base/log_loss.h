/* Counts the lines that a log loses, and makes the reports: at once, once a minute while the loss lasts, and at its
   end. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* All zero: none is lost. Times are milliseconds of CLOCK_MONOTONIC. */
struct log_loss {
    unsigned long lines; /* lost since the last report */
    int error;           /* errno of the last */
    bool is_told;        /* a report said that lines are lost, and none that the loss is over */
    int64_t due;         /* no report before, while the loss lasts */
};

enum log_loss_state {
    LOG_LOSS_LASTS, /* a line was lost just now */
    LOG_LOSS_OVER,  /* a line was written just now */
    LOG_LOSS_FINAL, /* no more is written */
};

/* Counts lost lines and keeps the errno: EAGAIN if there was no room, ECHILD if there was no process to write them. */
void log_loss_add(struct log_loss *loss, unsigned long lines, int error);

/* Writes the report that is due now on `log`, such as "access log", as a string of less than LOG_LOSS_MAX bytes.
   Returns false if none is. */
enum { LOG_LOSS_MAX = 160 };
bool log_loss_describe(const struct log_loss *loss, enum log_loss_state state, const char *log, int64_t now,
                       char room[LOG_LOSS_MAX]);

/* Notes that the report was written. With `said` false, it could not be written and is due again; while the loss lasts,
   after LIMIT_LOG_RETRY_MS. */
void log_loss_note(struct log_loss *loss, enum log_loss_state state, bool said, int64_t now);

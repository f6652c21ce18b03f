/* The access log on standard output and diagnostics on standard error. Writing never blocks. */
#pragma once

#include "base/failure.h"
#include "base/limits.h"
#include "base/metrics.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

struct log_setup {
    uid_t user;                           /* of the workers */
    void (*confine)(void);                /* gives up what a log writer does not need; NULL: none */
    const char *files[STDERR_FILENO + 1]; /* that replace standard output and standard error; NULL: none */
    struct metrics *metrics;              /* the first worker's, or NULL */
};

/* Opens the files, and prepares standard output and standard error so that no process of the server blocks on their
   reader; lines without room are dropped. Opens a pipe again with O_NONBLOCK. Starts a log writer, a process that may
   block, and makes a pipe to it: for a file, a terminal, a socket, a pipe that can't be opened, and a pipe that the
   workers' user could open and read. Descriptors 1 and 2 of this process are the files or stay as they are, for
   execve(2). Call it in the master, before workers start; again after a failure. Returns 0, or the failure's exit
   status: EX_CANTCREAT for a file. */
int log_open(const struct log_setup *setup, struct failure *failure);

/* Opens the files again by their names (after a rotation) and replaces the log writers; lines wait in the pipes
   meanwhile. If a file can't be opened, reports it and keeps the open one. */
void log_reopen(void);

/* True while a log writer is to be replaced or started. Don't execute another program then: it could not read the lines
   in the pipes. Waits at most LIMIT_LOG_LAST_MS and LIMIT_LOG_GRACE_MS for one that a file system blocks. */
bool log_awaits_writer(void);

/* In a worker: replaces descriptors 1 and 2 by the pipes to their log writers, so that it can't reach a file, a
   terminal or a socket. Counts lost lines in `metrics`, its own part or NULL. */
void log_enter_worker(struct metrics *metrics);

/* True if the child that ended was a log writer. */
bool log_note_ended(pid_t ended);

/* Starts the log writers that have ended or could not be started, each at most once in LIMIT_LOG_RESTART_MS; their
   pipes keep the lines meanwhile. Returns when to call it again, INT64_MAX if all run. Times are milliseconds of
   CLOCK_MONOTONIC. */
int64_t log_start_writers(int64_t now);

/* The log writers of this program and of the earlier ones in this process. */
enum { LOG_WRITERS_MAX = 2 + LIMIT_LOG_FORMER };
unsigned log_list_writers(pid_t pids[LOG_WRITERS_MAX]);

/* Lets log_end() wait for a log writer of an earlier program as well. */
void log_adopt_writer(pid_t pid);

/* Sends a signal to the log writers of this program. */
void log_signal_writers(int signal);

/* Lets log_end() wait for LIMIT_LOG_HURRY_MS only. */
void log_hurry(void);

/* In the master, after its workers: waits until all lines are written, at most LIMIT_LOG_LAST_MS, and reports lost
   ones. Blocks SIGTERM, SIGINT and SIGQUIT; each shortens the wait as log_hurry() does. */
void log_end(void);

/* Lets lines on standard error begin with the time (RFC 3339, UTC), except on a terminal and in the journal, which adds
   the time itself (JOURNAL_STREAM, systemd.exec(5)). */
void log_stamp(void);

/* Writes "tinyhttpd: MESSAGE\n" to standard error. Control characters, which could come from a client, are escaped. The
   message is lost if standard error has no room. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes lines of text to standard error as they are, each after the time if log_stamp() was called. */
void log_text(struct span text);

/* True if the stream, STDOUT_FILENO or STDERR_FILENO, was a terminal when log_open was called. */
bool log_is_terminal(int stream);

/* True if the stream is a terminal with colours and NO_COLOR is not set. */
bool log_is_coloured(int stream);

/* Adds a line of the access log, at most LIMIT_LOG_LINE bytes with its newline, in pieces that are copied. log_flush
   writes it. Lines that can't be written or held (a reader that stopped, a full disk) are dropped and reported on
   standard error (base/log_loss.h). */
void log_add(const struct span *pieces, unsigned count);

/* True if lines wait for log_flush. */
bool log_is_pending(void);

/* Writes the waiting lines, as many as the reader takes. */
void log_flush(void);

/* Writes the waiting lines for the last time, and reports dropped ones. */
void log_close(void);

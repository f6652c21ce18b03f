/* The access log on standard output and diagnostics on standard error. Writing never blocks. */
#ifndef TINYHTTPD_BASE_LOG_H
#define TINYHTTPD_BASE_LOG_H

#include "base/failure.h"
#include "base/text.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Prepares standard output and standard error, so that no process of the server blocks on their reader; lines without
 * room are dropped. A pipe is opened again with O_NONBLOCK. A file, a terminal, a socket, a pipe that can't be opened,
 * and a pipe that the workers' `user` could open and read get a log writer, a process that may block, and a pipe to it.
 * Descriptors 1 and 2 of this process stay as they are, for execve(2). Call it once, in the master, before workers
 * start. Returns 0, or the failure's exit status.
 */
int log_open(uid_t user, struct failure *failure);

/* In a worker: replaces descriptors 1 and 2 by the pipes to their log writers, so that it can't reach a file, a
   terminal or a socket. */
void log_enter_worker(void);

/* True if the child that ended was a log writer; starts another. */
bool log_replace_writer(pid_t ended);

/* In the master, after its workers: waits until all lines are written, at most LIMIT_LOG_LAST_MS, and reports lost
   ones. */
void log_end(void);

/* Writes "tinyhttpd: MESSAGE\n" to standard error. Control characters, which could come from a client, are escaped. The
   message is lost if standard error has no room. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes lines of text to standard error unchanged. */
void log_text(struct span text);

/* True if the stream, STDOUT_FILENO or STDERR_FILENO, was a terminal when log_open was called. */
bool log_is_terminal(int stream);

/* True if the stream is a terminal with colours and NO_COLOR is not set. */
bool log_is_coloured(int stream);

/*
 * Adds a line of the access log, at most LIMIT_LOG_LINE bytes with its newline, in pieces that are copied. log_flush
 * writes it. Lines that can't be written or held (a reader that stopped, a full disk) are dropped; their number is
 * reported on standard error with the next line that can be written.
 */
void log_add(const struct span *pieces, unsigned count);

/* True if lines wait for log_flush. */
bool log_is_pending(void);

/* Writes the waiting lines, as many as the reader takes. */
void log_flush(void);

/* Writes the waiting lines for the last time, and reports dropped ones. */
void log_close(void);

#endif

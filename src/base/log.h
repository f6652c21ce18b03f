/* Two outputs that never wait: diagnostics on standard error, lines of the access log on standard output. */
#ifndef TINYHTTPD_BASE_LOG_H
#define TINYHTTPD_BASE_LOG_H

#include "base/failure.h"
#include "base/text.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Prepares standard output and standard error for the processes that serve: from now on none of them ever waits for a
 * reader, and what there is no room for is dropped. A pipe is opened anew to that end, as O_NONBLOCK on what is shared would
 * hold for other processes as well. A terminal, a pipe that can't be opened, and one that the workers' `user` could open
 * as well get a process of their own that waits for them, and a pipe that leads to it. Descriptors 1 and 2 of this process
 * stay what they are, and what an executed program inherits. To be called once, in the master, before it has workers.
 * Returns 0, or the failure's status.
 */
int log_open(uid_t user, struct failure *failure);

/* In a worker: puts the pipes that lead to the streams in their place, so that it can't read the terminal. */
void log_enter_worker(void);

/* Tells whether a child that ended was a process that log_open started; then another one takes its place. */
bool log_replace_writer(pid_t ended);

/* In the master, once its workers have ended: waits until their lines are written, LIMIT_LOG_LAST_MS where the reader
   does not read. What is lost then is told. */
void log_end(void);

/* Writes "tinyhttpd: MESSAGE" and a line's end to standard error. The message may come from outside: bytes that could
   steer a terminal are escaped. Where standard error has no room for it, it is lost. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes lines of text for a person to standard error, as they are. */
void log_text(struct span text);

/* True where the stream, standard output or standard error, led to a terminal when log_open was called. */
bool log_is_terminal(int stream);

/* True where colours may be written: to a terminal that has them, unless NO_COLOR asks for none. */
bool log_is_coloured(int stream);

/*
 * Takes a whole line, in pieces that are the caller's: at most LIMIT_LOG_LINE bytes, the last of them a line's end. It is
 * held, to be written to standard output with others by log_flush. What can't be written (the reader does not read and
 * there is no room to hold it, the disk is full) is dropped and counted, and the count told on standard error when the
 * next can.
 */
void log_add(const struct span *pieces, unsigned count);

/* True where lines are held. */
bool log_is_pending(void);

/* Writes the lines that are held; where the reader does not read, they are held on. */
void log_flush(void);

/* Writes them for the last time, and tells what was dropped. */
void log_close(void);

#endif

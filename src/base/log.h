/* Two outputs that never wait: diagnostics on standard error, lines of the access log on standard output. */
#ifndef TINYHTTPD_BASE_LOG_H
#define TINYHTTPD_BASE_LOG_H

#include "base/text.h"

#include <stdbool.h>

/*
 * Prepares standard output and standard error for the processes that serve: from now on no reader who stops reading is
 * waited for, and what there is no room for is lost. Pipes and terminals are opened anew to that end, as O_NONBLOCK on
 * what is shared would hold for whoever started us, too. To be called once, before the sandbox.
 */
void log_open(void);

/* Writes "tinyhttpd: MESSAGE" and a line's end to standard error. The message may come from outside: octets that
   could steer a terminal are escaped. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* True where colours may be written: to a terminal that has them, unless NO_COLOR asks for none. */
bool log_is_coloured(int fd);

/*
 * Takes a whole line, in pieces that are the caller's: at most LIMIT_LOG_LINE octets, the last of them a line's end. It is
 * held, to be written to standard output with others by log_flush. What can't be written (nobody reads and there is no
 * room to hold it, the disk is full) is dropped and counted, and the count told on standard error when the next can.
 */
void log_add(const struct span *pieces, unsigned count);

/* True where lines are held. */
bool log_is_pending(void);

/* Writes the lines that are held; where nobody reads, they are held on. */
void log_flush(void);

/* Writes them for the last time, and tells what was dropped. */
void log_close(void);

#endif

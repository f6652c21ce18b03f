/* Diagnostics on standard error, a write each; access lines on standard output, whole ones in each write. */
#ifndef TINYHTTPD_BASE_LOG_H
#define TINYHTTPD_BASE_LOG_H

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

/*
 * Prepares standard output and standard error for the processes that serve: from now on no reader who stops reading is
 * waited for, and what there is no room for is lost. Pipes and terminals are opened anew to that end, as O_NONBLOCK on
 * what is shared would hold for whoever started us, too. To be called once, before the sandbox.
 */
void log_open(void);

/* Writes "tinyhttpd: MESSAGE" and a line's end to standard error. The message may come from outside: octets that
   could steer a terminal are escaped. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

enum log_form {
    LOG_NONE,
    LOG_COMBINED, /* the Combined Log Format of Apache and nginx, times in UTC */
    LOG_TERMINAL, /* for a person who watches: time, request, status, octets, milliseconds */
    LOG_COLOURED, /* the same, with the status in colour */
    LOG_JSON, /* an object a line (RFC 8259), in ASCII: an octet beyond it is the code point of its number */
};

/* What an access line tells. The spans are raw octets of the request: they are escaped when the line is made. */
struct log_access {
    const struct sockaddr *peer;
    time_t time;
    int64_t began; /* what log_clock said when the request was whole */
    struct span request_line;
    struct span method;
    struct span target;
    int status;
    struct span why; /* of a 404: octets of any kind, or empty */
    struct span referer;
    struct span user_agent;
};

/* An access line but for the octets of the body and the time that it took, which are known only when the answer has been
   sent. */
struct log_line {
    struct span text; /* empty: there is no line to write */
    size_t octets_at; /* where in the text what is known later goes */
    enum log_form form;
    int64_t began;
};

/* True where colours may be written: to a terminal that has them, unless NO_COLOR asks for none. */
bool log_is_coloured(int fd);

/* True for the forms that a person reads, with the reason of a 404. */
bool log_tells_why(enum log_form form);

/* Microseconds of the monotonic clock where this form tells how long an answer took; else 0, without a look at it. */
int64_t log_clock(enum log_form form);

/* Makes a line. Its text points into `room`, which has LIMIT_LOG_LINE octets. */
struct log_line log_prepare(enum log_form form, const struct log_access *access, char *room);

/*
 * Takes the line with the number of body octets that were sent. For a person who watches it is written at once; else it
 * is held, to be written with others in one piece: when that has LIMIT_LOG_LINE octets, or by log_flush. What can't be
 * written (nobody reads, the disk is full) is dropped and counted by lines, and the count told on standard error when the
 * next can.
 */
void log_write(const struct log_line *line, uint64_t octets);

/* True where lines are held. */
bool log_is_pending(void);

/* Writes the lines that are held. */
void log_flush(void);

#endif

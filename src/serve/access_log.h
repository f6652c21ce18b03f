/* Lines of the access log, in each of its forms. */
#pragma once

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

enum access_form {
    ACCESS_NONE,
    ACCESS_COMBINED, /* the Combined Log Format of Apache and nginx, times in UTC */
    ACCESS_TERMINAL, /* for a person at the terminal: time, request, status, bytes, milliseconds */
    ACCESS_COLOURED, /* the same, with the status in colour */
    ACCESS_JSON,     /* an object a line (RFC 8259), in ASCII: a byte beyond it is the code point of its number */
};

/* The facts of an access line. The spans are raw bytes of the request; access_prepare() escapes them. */
struct access {
    const struct sockaddr *peer;
    time_t time;
    struct span request_line;
    struct span method;
    struct span target;
    int status;
    struct span why; /* of a 400 or 404: bytes of any kind, or empty */
    struct span referer;
    struct span user_agent;
};

/* An access line without the body's bytes and the duration, which are known only when the response has been sent. */
struct access_line {
    struct span text; /* empty: there is no line to write */
    size_t bytes_at;  /* where access_write() inserts these numbers */
    enum access_form form;
};

/* True for the forms that a person reads, with the reason of a 404. */
bool access_tells_why(enum access_form form);

/* Microseconds of the monotonic clock if this form has durations; else 0, without reading it. */
int64_t access_clock(enum access_form form);

/* Makes a line. Its text points into `room`, which has LIMIT_LOG_LINE bytes. */
struct access_line access_prepare(enum access_form form, const struct access *access, char *room);

/* Passes the line to log_add, with the number of body bytes that were sent and the response's duration in microseconds.
   On a terminal, writes it at once. */
void access_write(const struct access_line *line, uint64_t bytes, int64_t duration);

/*
 * A socket in memory. The linker's --wrap puts it before recv, send, writev, sendfile, ioctl, shutdown and close, for
 * its own descriptor; before poll and writev for standard output, so that the access log is looked at as well; and before
 * malloc and realloc, which may find no memory. It behaves as a TCP socket under epoll does: what has not arrived can't be
 * read, and what has no room is not taken.
 */
#ifndef TINYHTTPD_TESTS_FUZZ_LIB_WIRE_H
#define TINYHTTPD_TESTS_FUZZ_LIB_WIRE_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_OUTPUT_MAX = 8 << 20, /* then the client is gone: an input must not take seconds */
    WIRE_LINES_MAX = 1024,
};

/* What an access line says. */
struct wire_line {
    int status;
    uint64_t bytes;
};

struct wire {
    int fd;
    /* the client's side */
    struct span sent; /* all that the client is going to send */
    size_t arrived;   /* as much of it as the server could have read */
    bool ended;       /* the client has closed its sending side, and that has arrived */
    bool gone;        /* the client has reset the connection */
    size_t room;      /* bytes that the server may send now */
    bool interrupted; /* the next call is interrupted by a signal */
    bool unacknowledged;
    bool starving; /* there is no memory for the next allocation */
    bool starved;  /* there was none for one */
    bool stopped;  /* the server was told to stop */
    /* the server's */
    size_t taken; /* bytes read */
    bool shut;
    bool closed;
    size_t given; /* bytes sent, which are at `output` */
    char *output;
    unsigned line_count;
    struct wire_line lines[WIRE_LINES_MAX];
};

extern struct wire wire;

/* A new connection, over which the client is going to send `bytes`. Nothing has arrived yet, and there is no room. */
void wire_open(struct span bytes);

#endif

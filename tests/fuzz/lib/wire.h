/* A socket in memory. The linker's --wrap puts it before recv, send, writev, sendfile, ioctl, shutdown and close, for
   its own descriptor; before poll and writev for standard output, to check the access log as well; and before malloc
   and realloc, which may fail. It behaves like a TCP socket under epoll: only bytes that have arrived can be read, and
   only bytes with room are taken. */
#pragma once

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_OUTPUT_MAX = 8 << 20, /* then the client resets the connection, so that no input takes seconds */
    WIRE_LINES_MAX = 1024,
};

/* The figures of an access line. */
struct wire_line {
    int status;
    uint64_t bytes;
};

struct wire {
    int fd;
    /* the client's side */
    struct span sent; /* all bytes that the client will send */
    size_t arrived;   /* the number of them that have arrived */
    bool ended;       /* the client has closed its sending side, and that has arrived */
    bool gone;        /* the client has reset the connection */
    size_t room;      /* bytes that the server may send now */
    bool interrupted; /* the next call is interrupted by a signal */
    bool unacknowledged;
    bool starving; /* the next allocation fails */
    bool starved;  /* an allocation has failed */
    bool stopped;  /* the server drains */
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

/* Opens a connection for a client that will send `bytes`. No byte has arrived yet, and the socket has no room. */
void wire_open(struct span bytes);

/* Hands connections from a worker that retires to the workers that replace it, over a Unix socket (SCM_RIGHTS,
   unix(7)): each connection that awaits a request, with the bytes that have arrived of it. */
#pragma once

#include "answer/client.h"
#include "base/text.h"

#include <stdint.h>

/* Of the messages. Programs pass no channel to one of another version, which would drop or misread what waits there. */
#define HANDOFF_VERSION 3

/* More than the input of any connection. */
enum { HANDOFF_BYTES_MAX = 131072 };

struct handoff {
    int fd;               /* the connection's socket */
    struct origin origin; /* the receiver asks the kernel for the peer */
    uint32_t age;         /* milliseconds since its deadline was armed */
    bool header_read;     /* a PROXY header has been taken from the socket, if there was one */
    struct span bytes;
};

enum handoff_result {
    HANDOFF_DONE,
    HANDOFF_AGAIN,  /* the queue is full or empty, or the kernel is short of memory */
    HANDOFF_FAILED, /* sending: no process will receive; receiving: not a connection, and dropped, or interrupted:
                       call again */
    HANDOFF_END,    /* receiving: no process sends any more */
};

/* Sends a connection without waiting. The caller closes its own descriptor afterwards. */
enum handoff_result handoff_send(int socket, const struct handoff *handoff);

/* Receives a connection without waiting. With HANDOFF_AGAIN, errno is EAGAIN if the queue is empty. The caller owns its
   descriptor; the bytes are in `room`, of HANDOFF_BYTES_MAX. A compromised worker may send anything: accepts nothing
   but a socket that does not block. */
enum handoff_result handoff_receive(int socket, char *room, struct handoff *handoff);

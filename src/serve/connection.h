/*
 * One connection's life: read a request, answer it, transmit the answer, log it, and again.
 *
 *            .------------------- kept alive -------------------.
 *            v                                                  |
 *     CONNECTION_READ --(whole, bad or late request)--> CONNECTION_SEND --(closing, input left)--> CONNECTION_LINGER
 *
 * A connection that waits for a request owns no memory beyond this struct.
 */
#ifndef TINYHTTPD_SERVE_CONNECTION_H
#define TINYHTTPD_SERVE_CONNECTION_H

#include "answer/exchange.h"
#include "base/limits.h"
#include "base/settings.h"
#include "http/request.h"
#include "http/response.h"
#include "serve/access_log.h"
#include "serve/deadline.h"

#include <stdbool.h>
#include <stdint.h>

enum connection_state {
    CONNECTION_READ,
    CONNECTION_SEND,
    CONNECTION_LINGER, /* everything is sent; reads on so that no reset overtakes it (RFC 9112 9.6) */
    CONNECTION_CLOSED,
};

/* What a connection asks of the worker's loop after a step. */
enum connection_want {
    WANT_EVENT, /* nothing, until epoll tells of the socket or the deadline passes */
    WANT_TURN,  /* there is more to do at once, but others come first */
    WANT_CLOSE,
};

enum received_kind {
    RECEIVED_NOTHING, /* for now */
    RECEIVED_BYTES,
    RECEIVED_END, /* of the stream, or an error: there will be no more */
};

/* What one recv has brought; the bytes are in the room that was given for it. */
struct received {
    enum received_kind kind;
    struct span bytes;
};

struct connection {
    int fd;
    enum connection_state state;
    uint32_t watched;        /* the events that epoll watches the socket for; 0 before it knows of it */
    bool readable;           /* the socket may hold bytes that were not read */
    bool peer_done;          /* the client has closed its sending side (seen by epoll) */
    bool urgent;             /* it has sent urgent data, before which a read stops short (tcp(7)) */
    bool progress;           /* what the deadline is for was done in time: it begins anew */
    bool ready;              /* in the worker's ready list */
    struct connection *next; /* there, or among the closed ones */
    struct deadline deadline;
    struct input *input;       /* a request in part, or requests not yet looked at */
    struct outgoing *outgoing; /* an answer that the socket did not take whole */
    union peer peer;
};

/* What the connections of a worker share. One is served at a time, so one buffer of each kind is enough. */
struct service {
    struct context context; /* draining: what has arrived is answered, then each connection ends */
    bool retiring;          /* each connection may ask once more, and ends then */
    enum access_form access_form;
    bool log_errors_only;

    /* What was received for the connection that is stepped next; RECEIVED_NOTHING where that is to receive by itself. */
    struct received received;
    struct request request;
    struct target target;
    struct part parts[LIMIT_PARTS];
    char room[LIMIT_INPUT]; /* what is received in a step comes here first */
    char text[LIMIT_RESPONSE_TEXT];
    char log[LIMIT_LOG_LINE];
};

/* Makes a connection of an accepted socket, which it owns from now on. NULL when memory is short; the socket is then
   still the caller's. */
struct connection *connection_new(int fd, const union peer *peer);

/* True where the connection waits for a request, and has none of it. */
static inline bool connection_awaits_request(const struct connection *connection)
{
    return connection->state == CONNECTION_READ && connection->input == NULL;
}

/* Receives once into `room`, for the next step, of a connection that awaits a request. */
struct received connection_receive(struct connection *connection, char *room, size_t size);

/* Does what can be done without waiting, one answer at the most. */
enum connection_want connection_step(struct connection *connection, struct service *service);

/* What happens when the deadline has passed: a request that is late gets 408; an answer that the client takes fast enough
   goes on, and so do the last bytes before the end of the worker while they are on their way; else it is WANT_CLOSE. */
enum connection_want connection_expire(struct connection *connection, struct service *service);

/* The kind of deadline that holds in this state; DEADLINE_KINDS where none does. */
enum deadline_kind connection_deadline(const struct connection *connection);

/* Logs an answer that is cut by it, closes the socket and gives back all memory but the struct itself, which events may
   still name: the caller frees it. */
void connection_close(struct connection *connection, struct service *service);

#endif

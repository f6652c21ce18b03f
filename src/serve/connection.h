/*
 * A connection: with --proxy-protocol reads the header of a trusted proxy first; reads a request, answers it, sends the
 * response, logs it, and reads the next.
 *
 *            .------------------- kept alive -------------------.
 *            v                                                  |
 *     CONNECTION_READ --(complete, bad or late request)--> CONNECTION_SEND --(last, input left)--> CONNECTION_LINGER
 *
 * An idle connection owns no memory but this struct.
 */
#pragma once

#include "answer/exchange.h"
#include "base/limits.h"
#include "http/request.h"
#include "http/response.h"
#include "serve/access_log.h"
#include "serve/deadline.h"
#include "serve/handoff.h"
#include "serve/slow_network.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum connection_state {
    CONNECTION_PROXY, /* expects a PROXY header, which is left in the socket until it is whole */
    CONNECTION_READ,
    CONNECTION_SEND,
    CONNECTION_LINGER, /* everything is sent; reads on so that no reset overtakes it (RFC 9112 9.6) */
    CONNECTION_CLOSED,
};

/* The result of a step: the event or turn that the connection needs next from the worker. */
enum connection_want {
    WANT_EVENT, /* to be stepped after an event of its socket */
    WANT_ROOT,  /* to be handed over to the workers of the new root, or stepped again some milliseconds later */
    WANT_CLOSE,
    WANT_TURN,      /* to be stepped in a later iteration, after other connections; see connection_slow_down */
    WANT_NEXT_TURN, /* the same, after a turn of the slow network */
};

enum { RECEIVED_NOTHING = 0, RECEIVED_END = -1 };

/* The result of a recv into the caller's room. */
struct received {
    const char *at;
    ssize_t length; /* RECEIVED_NOTHING: no byte yet; RECEIVED_END: the end of the stream, or an error */
};

struct connection {
    int fd;
    enum connection_state state;
    uint32_t watched;        /* the events that epoll watches; 0: the socket is not added yet */
    bool readable;           /* the socket may have unread bytes */
    bool peer_shutdown;      /* the client has shut down its sending side (EPOLLRDHUP) */
    bool urgent;             /* the client has sent urgent data, before which a read stops short (tcp(7)) */
    bool rearm_deadline;     /* the client met the deadline: the next one begins */
    bool ready;              /* in one of the worker's queues */
    bool taken_over;         /* another process may have the socket open */
    bool awaits_root;        /* its request found that the root was replaced, and is unread input again */
    bool awaits_no_longer;   /* its request is answered from the open directory */
    struct connection *next; /* in such a queue, or in the list of closed connections */
    struct deadline deadline;
    struct input *input;       /* an incomplete request, or pipelined requests */
    struct outgoing *outgoing; /* a response that the socket did not take completely */
    struct origin origin;
};

/* Memory that the connections of a worker share. The worker steps one at a time, so one buffer of each kind is enough.
   */
struct service {
    struct context context;     /* draining: each connection closes when the requests that have arrived are answered */
    bool retiring;              /* without successors: each connection closes after one more response */
    bool root_changed;          /* a lookup found that the root was replaced; the worker tells the master */
    time_t root_given_up_until; /* a request waited too long for the new root: no other waits until then */
    enum access_form access_form;
    enum access_form timed_form; /* the same, or one with durations if the metrics have them */
    bool log_errors_only;
    uint64_t turn_bytes;       /* LIMIT_TURN_BYTES; 0 with a slow network, in which no step sends anything */
    uint64_t first_turn_bytes; /* the same for the first turn of a response; fewer while other requests wait */
    struct slow_network slow;

    struct received received; /* for the connection that is stepped next; RECEIVED_NOTHING: the step receives */
    struct request request;
    struct target target;
    struct part parts[LIMIT_PARTS];
    char room[LIMIT_INPUT]; /* for the bytes that a step receives */
    char text[LIMIT_RESPONSE_TEXT];
    char log[LIMIT_LOG_LINE];
};

/* Makes a connection, which owns the accepted socket, and expects a PROXY header if `expects_header`. NULL
   if memory is short; the caller keeps the socket then. */
struct connection *connection_new(int fd, const union peer *peer, bool expects_header);

/*
 * Makes a connection that another worker had, with the bytes that it had received of the next requests. If
 * `expects_header`, believes that worker which client it is, as the header can't be read again. A compromised worker
 * can lie about it, but could as well answer the connection itself. Otherwise the client is the peer. NULL if memory is
 * short; the caller keeps the socket then.
 */
struct connection *connection_take(const struct handoff *handoff, bool expects_header);

/* Describes a connection for another worker: one that waits for a request, or for the rest of its head. Borrows the
   bytes. False for one with a response in flight, or a request of whose body a part is discarded. */
bool connection_offer(const struct connection *connection, struct handoff *handoff);

/* True if the connection waits for a request and holds no byte of it. */
static inline bool connection_awaits_request(const struct connection *connection)
{
    return connection->state == CONNECTION_READ && connection->input == NULL;
}

/* Receives once into `room`, for the next step. The connection must await a request. */
struct received connection_receive(struct connection *connection, char *room, size_t size);

/* Does what is possible without waiting, at most one response. */
enum connection_want connection_step(struct connection *connection, struct service *service);

/* Call it when the deadline has passed. Answers a late request with 408. Sends the turn of a response that a slow
   network has carried. Continues a response if the client acknowledges it fast enough, and waits for the client to
   acknowledge a draining worker's last bytes. Else returns WANT_CLOSE. */
enum connection_want connection_expire(struct connection *connection, struct service *service);

/* Call it for a connection that wants a turn. If a slow network has its response, returns the kind of the deadline to
   arm instead, and when it is due, in milliseconds of the monotonic clock; DEADLINE_KINDS: the connection is ready. */
enum deadline_kind connection_slow_down(const struct connection *connection, struct service *service,
                                        enum connection_want want, int64_t *due);

/* The kind of deadline for the connection's state; DEADLINE_KINDS: none. */
enum deadline_kind connection_deadline(const struct connection *connection);

/* Logs a response that is cut short, closes the socket and frees all memory but the struct: the caller frees that when
   no event points to it. */
void connection_close(struct connection *connection, struct service *service);

#include "serve/connection.h"

#include "serve/answer.h"
#include "serve/transmit.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Octets that wait for the connection's next step, and the request that is being read from them. */
struct incoming {
    struct request request;
    size_t start;  /* where that request begins */
    size_t length; /* octets in all */
    size_t room;
    char octets[];
};

/* An answer that outlives the turn it was made in. */
struct outgoing {
    struct response response;
    struct entry *entry; /* what the response borrows from, or NULL */
    struct log_line log;
    uint64_t body_octets;
    struct part parts[]; /* then the text of head and generated body, then the log line */
};

struct connection *connection_new(int fd, const union peer *peer)
{
    struct connection *connection = malloc(sizeof *connection);
    if (connection == NULL)
        return NULL;
    *connection = (struct connection){.fd = fd, .readable = true, .peer = *peer};
    deadline_init(&connection->deadline);
    return connection;
}

static void drop_outgoing(struct connection *connection, struct service *service)
{
    if (connection->outgoing != NULL && connection->outgoing->entry != NULL)
        store_release(service->store, connection->outgoing->entry);
    free(connection->outgoing);
    connection->outgoing = NULL;
}

static void drop_incoming(struct connection *connection)
{
    free(connection->incoming);
    connection->incoming = NULL;
}

/* ---- reading ---- */

enum read_result {
    READ_OCTETS,
    READ_NOTHING, /* for now */
    READ_END,     /* of the stream, or an error: there will be no more */
};

/* With edge-triggered events a short read says that the socket is empty, and saves asking again; but where the
   client has closed its side, the end of the stream is still to be read. */
static enum read_result receive(struct connection *connection, char *room, size_t size, size_t *length)
{
    ssize_t octets;
    do
        octets = recv(connection->fd, room, size, 0);
    while (octets < 0 && errno == EINTR);
    if (octets <= 0) {
        connection->readable = false;
        return octets < 0 && errno == EAGAIN ? READ_NOTHING : READ_END;
    }
    *length = (size_t)octets;
    connection->readable = *length == size || connection->peer_done;
    return READ_OCTETS;
}

/* Keeps octets in the connection's own memory, after those that are there. False when memory is short. */
static bool keep_octets(struct connection *connection, const char *octets, size_t length)
{
    struct incoming *incoming = connection->incoming;
    size_t held = incoming != NULL ? incoming->length : 0;
    if (incoming == NULL || incoming->room - held < length) {
        size_t room = held + length;
        incoming = realloc(incoming, sizeof *incoming + room);
        if (incoming == NULL)
            return false;
        if (connection->incoming == NULL) {
            incoming->start = incoming->length = 0;
            request_init(&incoming->request);
        }
        incoming->room = room;
        connection->incoming = incoming;
    }
    memcpy(incoming->octets + held, octets, length);
    incoming->length += length;
    request_move(&incoming->request, incoming->octets + incoming->start);
    return true;
}

/* A request that did not come whole moves out of the worker's buffer. */
static bool keep_request(struct connection *connection, struct service *service, struct span input)
{
    if (!keep_octets(connection, input.at, input.length))
        return false;
    connection->incoming->request = service->request;
    request_move(&connection->incoming->request, connection->incoming->octets);
    return true;
}

/* Makes room behind a head that is not whole: first by moving it to the front, then by doubling. */
static bool make_room(struct connection *connection)
{
    struct incoming *incoming = connection->incoming;
    if (incoming->start > 0) {
        memmove(incoming->octets, incoming->octets + incoming->start, incoming->length - incoming->start);
        incoming->length -= incoming->start;
        incoming->start = 0;
    }
    if (incoming->room - incoming->length <= incoming->room / 4) {
        size_t room = incoming->room < 1024 ? 2048 : 2 * incoming->room;
        incoming = realloc(incoming, sizeof *incoming + room);
        if (incoming == NULL)
            return false;
        incoming->room = room;
        connection->incoming = incoming;
    }
    request_move(&incoming->request, incoming->octets);
    return true;
}

/* What became of reading: a request to answer (whole, bad, or one that awaits its answer before its body), and the
   octets that came after it; or no request. */
struct reading {
    struct request *request;
    enum read_result result;
    struct span rest;
};

static bool is_answerable(const struct request *request)
{
    return request->state == REQUEST_WHOLE || request->state == REQUEST_BAD ||
           (request->state == REQUEST_BODY && request->expects_continue);
}

/* The usual case: nothing is held, a request comes whole, and no memory of the connection's own is needed. */
static struct reading read_fresh(struct connection *connection, struct service *service)
{
    struct request *request = &service->request;
    size_t length = 0;
    enum read_result result = receive(connection, service->input, sizeof service->input, &length);
    if (result != READ_OCTETS)
        return (struct reading){NULL, result, {NULL, 0}};
    struct span input = request_skip_empty_lines((struct span){service->input, length});
    if (input.length == 0) /* still idle */
        return (struct reading){NULL, READ_NOTHING, {NULL, 0}};
    request_init(request);
    request_read_head(request, input.at, input.length);
    if (is_answerable(request)) {
        struct span rest = {input.at + request->parsed, input.length - request->parsed};
        return (struct reading){request, READ_OCTETS, rest};
    }
    bool kept = keep_request(connection, service, input);
    return (struct reading){NULL, kept ? READ_NOTHING : READ_END, {NULL, 0}};
}

/* Goes on with a head that is held in part, or begins with octets that were held back. */
static struct reading read_more_head(struct connection *connection)
{
    struct incoming *incoming = connection->incoming;
    if (incoming->start + incoming->request.parsed == incoming->length) {
        size_t length = 0;
        if (!make_room(connection))
            return (struct reading){NULL, READ_END, {NULL, 0}};
        incoming = connection->incoming;
        enum read_result result = receive(connection, incoming->octets + incoming->length,
                                          incoming->room - incoming->length, &length);
        if (result != READ_OCTETS)
            return (struct reading){NULL, result, {NULL, 0}};
        incoming->length += length;
    }
    struct request *request = &incoming->request;
    request_read_head(request, incoming->octets + incoming->start, incoming->length - incoming->start);
    if (!is_answerable(request))
        return (struct reading){NULL, READ_NOTHING, {NULL, 0}};
    size_t end = incoming->start + request->parsed;
    return (struct reading){request, READ_OCTETS, {incoming->octets + end, incoming->length - end}};
}

/* Goes on with a body, whose octets are not kept. */
static struct reading read_more_body(struct connection *connection, struct service *service)
{
    struct request *request = &connection->incoming->request;
    size_t length = 0, used;
    enum read_result result = receive(connection, service->input, sizeof service->input, &length);
    if (result != READ_OCTETS)
        return (struct reading){NULL, result, {NULL, 0}};
    request_read_body(request, service->input, length, &used);
    if (!is_answerable(request))
        return (struct reading){NULL, READ_NOTHING, {NULL, 0}};
    return (struct reading){request, READ_OCTETS, {service->input + used, length - used}};
}

static struct reading read_request(struct connection *connection, struct service *service)
{
    if (connection->incoming == NULL)
        return read_fresh(connection, service);
    if (connection->incoming->request.state == REQUEST_HEAD)
        return read_more_head(connection);
    return read_more_body(connection, service);
}

/* After a request is answered: what followed it stays, the rest goes. False when memory is short. */
static bool hold_back(struct connection *connection, struct span rest)
{
    struct incoming *incoming = connection->incoming;
    rest = request_skip_empty_lines(rest);
    if (rest.length == 0) {
        drop_incoming(connection);
        return true;
    }
    if (incoming == NULL)
        return keep_octets(connection, rest.at, rest.length);
    bool held = rest.at >= incoming->octets && rest.at < incoming->octets + incoming->length;
    incoming->start = held ? (size_t)(rest.at - incoming->octets) : 0;
    if (!held)
        incoming->length = 0;
    request_init(&incoming->request);
    return held || keep_octets(connection, rest.at, rest.length);
}

/* ---- answering ---- */

/* Moves what is left of a response into memory of its own. False when memory is short. */
static bool keep_response(struct connection *connection, const struct outgoing *answer)
{
    const struct response *response = &answer->response;
    size_t text = response->text.length, parts = response->count * sizeof(struct part);
    struct outgoing *kept = malloc(sizeof *kept + parts + text + answer->log.text.length);
    if (kept == NULL)
        return false;
    *kept = *answer;
    char *room = (char *)kept->parts + parts;
    memcpy(room, response->text.at, text);
    if (answer->log.text.length > 0)
        memcpy(room + text, answer->log.text.at, answer->log.text.length);
    kept->log.text.at = room + text;
    kept->response.text = (struct buffer){room, text, text, false};
    kept->response.parts = kept->parts;
    for (unsigned i = 0; i < response->count; i++) {
        struct part part = response->parts[i];
        bool in_text = part.octets >= response->text.at && part.octets < response->text.at + text;
        if (part.octets != NULL && in_text)
            part.octets = room + (part.octets - response->text.at);
        kept->parts[i] = part;
    }
    connection->outgoing = kept;
    return true;
}

static struct log_line prepare_log(struct connection *connection, struct service *service,
                                   const struct request *request, int status)
{
    if (service->log_form == LOG_NONE)
        return (struct log_line){0};
    struct log_access access = {
        .peer = &connection->peer.any,
        .time = service->second,
        .request_line = request_first_line(request),
        .method = request_method_name(request),
        .target = request_target(request),
        .status = status,
        .referer = request_field(request, FIELD_REFERER),
        .user_agent = request_field(request, FIELD_USER_AGENT),
    };
    return log_prepare(service->log_form, &access, service->log);
}

/* An answer is over: all of it is sent, or the client is gone before it was. */
static void log_answer(const struct outgoing *answer)
{
    uint64_t left = response_octets_left(&answer->response);
    log_write(&answer->log, left < answer->body_octets ? answer->body_octets - left : 0);
}

static enum connection_want finish(struct connection *connection, const struct service *service, bool close)
{
    connection->progress = true;
    if (!close && !service->draining) {
        connection->state = CONNECTION_READ;
        return connection->incoming != NULL || connection->readable ? WANT_TURN : WANT_READ;
    }
    drop_incoming(connection);
    /* Closing a socket with unread octets resets the connection, and throws away what is on its way. */
    bool linger = connection->linger || connection->readable;
    if (!linger || shutdown(connection->fd, SHUT_WR) < 0)
        return WANT_CLOSE;
    connection->state = CONNECTION_LINGER;
    return WANT_TURN;
}

/* Sends on. `answer` is the connection's own, or lives on the stack and is kept when it can't be sent whole. */
static enum connection_want send_answer(struct connection *connection, struct service *service,
                                        struct outgoing *answer)
{
    uint64_t left = response_octets_left(&answer->response);
    enum transmit_result result = transmit(connection->fd, &answer->response, LIMIT_TURN_OCTETS);
    connection->progress |= response_octets_left(&answer->response) < left;
    bool owned = answer == connection->outgoing;
    if (result == TRANSMIT_AGAIN || result == TRANSMIT_TURN) {
        if (owned || keep_response(connection, answer))
            return result == TRANSMIT_AGAIN ? WANT_WRITE : WANT_TURN;
        result = TRANSMIT_GONE; /* no memory to go on with */
    }
    bool close = answer->response.close;
    log_answer(answer);
    if (owned)
        drop_outgoing(connection, service);
    else if (answer->entry != NULL)
        store_release(service->store, answer->entry);
    return result == TRANSMIT_DONE ? finish(connection, service, close) : WANT_CLOSE;
}

/* A look at the disk taken in this turn is good for a request that was waiting when the turn began. Of one behind
   empty lines it is only known that these were. */
static bool may_share(const struct connection *connection, const struct request *request)
{
    return connection->waited && !request_follows_empty_lines(request);
}

static enum connection_want respond(struct connection *connection, struct service *service,
                                    const struct request *request, struct span rest)
{
    struct outgoing answered;
    struct response *response = &answered.response;
    response_init(response, service->parts, service->text);
    response->close = service->draining;
    struct view view = {
        .store = service->store,
        .turn = may_share(connection, request) ? service->turn : 0,
        .now = service->second,
        .date = service->date,
    };
    answer(&view, request, response, &answered.entry);
    answered.body_octets = response_body_octets(response);
    answered.log = prepare_log(connection, service, request, response->status);
    connection->linger = rest.length > 0 || request_ends_stream(request);
    connection->state = CONNECTION_SEND;

    /* From here on the request is gone: what it pointed to may move. */
    if (response->close)
        drop_incoming(connection);
    else if (!hold_back(connection, rest))
        response->close = true; /* the next request is lost, this answer is not */
    return send_answer(connection, service, &answered);
}

static enum connection_want read_and_respond(struct connection *connection, struct service *service)
{
    struct reading reading = read_request(connection, service);
    if (reading.request != NULL)
        return respond(connection, service, reading.request, reading.rest);
    if (reading.result == READ_END)
        return WANT_CLOSE;
    return connection->readable ? WANT_TURN : WANT_READ;
}

/* MSG_TRUNC throws the octets away inside the kernel (tcp(7)). */
static enum connection_want read_to_the_end(struct connection *connection)
{
    /* cppcheck-suppress nullPointer ; nothing is stored */
    ssize_t octets = recv(connection->fd, NULL, LIMIT_TURN_OCTETS, MSG_TRUNC);
    if (octets > 0 || (octets < 0 && errno == EINTR))
        return WANT_TURN;
    return octets < 0 && errno == EAGAIN ? WANT_READ : WANT_CLOSE;
}

enum connection_want connection_step(struct connection *connection, struct service *service)
{
    switch (connection->state) {
    case CONNECTION_READ:
        return read_and_respond(connection, service);
    case CONNECTION_SEND:
        return send_answer(connection, service, connection->outgoing);
    case CONNECTION_LINGER:
        return read_to_the_end(connection);
    case CONNECTION_CLOSED:
        break;
    }
    assert(!"a step of a closed connection");
    return WANT_CLOSE;
}

enum connection_want connection_expire(struct connection *connection, struct service *service)
{
    if (connection->state != CONNECTION_READ || connection->incoming == NULL)
        return WANT_CLOSE;
    struct request *request = &connection->incoming->request;
    request->state = REQUEST_BAD;
    request->status = 408; /* RFC 9110 15.5.9 */
    return respond(connection, service, request, (struct span){NULL, 0});
}

enum deadline_class connection_deadline(const struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_SEND:
        return DEADLINE_WRITE;
    case CONNECTION_LINGER:
        return DEADLINE_LINGER;
    default:
        if (connection->incoming == NULL)
            return DEADLINE_IDLE;
        return connection->incoming->request.state == REQUEST_HEAD ? DEADLINE_HEAD : DEADLINE_BODY;
    }
}

void connection_close(struct connection *connection, struct service *service)
{
    if (connection->outgoing != NULL)
        log_answer(connection->outgoing);
    drop_outgoing(connection, service);
    drop_incoming(connection);
    deadline_disarm(&connection->deadline);
    close(connection->fd);
    connection->state = CONNECTION_CLOSED;
}

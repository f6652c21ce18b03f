#include "serve/connection.h"

#include "answer/answer.h"
#include "base/log.h"
#include "serve/input.h"
#include "serve/transmit.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { TAKEN_UNKNOWN = INT_MIN };

/* An answer that outlives the turn it was made in. */
struct outgoing {
    struct response response;
    struct entry *entry; /* what the response borrows from, or NULL */
    struct access_line log;
    int64_t began; /* microseconds of the monotonic clock, where the log or the metrics have durations */
    uint64_t body_bytes;
    int64_t taken;       /* bytes_taken when the deadline began, TAKEN_UNKNOWN before it does */
    bool linger;         /* the client may still be sending when it is sent */
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

/* Gives back what an answer borrows. */
static void release(struct service *service, struct outgoing *answer)
{
    if (answer->entry != NULL)
        store_release(service->context.store, answer->entry);
    response_drop_producer(&answer->response);
}

static void drop_outgoing(struct connection *connection, struct service *service)
{
    if (connection->outgoing != NULL)
        release(service, connection->outgoing);
    free(connection->outgoing);
    connection->outgoing = NULL;
}

/* ---- reading ---- */

/* With edge-triggered events a short read says that the socket is empty, and saves asking again; but where the
   client has closed its side, the end of the stream is still to be read, and what is urgent ends a read before its
   time. */
static struct received receive(struct connection *connection, char *room, size_t size)
{
    ssize_t bytes;
    if (!connection->readable) /* no event has reported any */
        return (struct received){.kind = RECEIVED_NOTHING};
    do
        bytes = recv(connection->fd, room, size, 0);
    while (bytes < 0 && errno == EINTR);
    if (bytes <= 0) {
        connection->readable = false;
        return (struct received){.kind = bytes < 0 && errno == EAGAIN ? RECEIVED_NOTHING : RECEIVED_END};
    }
    connection->readable = (size_t)bytes == size || connection->peer_done || connection->urgent;
    return (struct received){RECEIVED_BYTES, {room, (size_t)bytes}};
}

struct received connection_receive(struct connection *connection, char *room, size_t size)
{
    assert(connection_awaits_request(connection));
    return receive(connection, room, size);
}

/* What became of reading. */
struct reading {
    /* To be answered: whole, bad, or one that awaits its answer before its body; else NULL. */
    struct request *request;
    struct span rest; /* the bytes after it */
    bool early;       /* its last byte was received before this iteration looked at the disk */
    bool ended;       /* there will be no request any more */
    bool tls;         /* the client speaks TLS */
};

static struct reading no_request(bool ended)
{
    return (struct reading){.ended = ended};
}

/* A record of TLS that holds a handshake begins so (RFC 8446 5.1), and no request does. */
static bool is_tls(struct span bytes)
{
    return bytes.at[0] == 0x16 && (bytes.length == 1 || bytes.at[1] == 0x03);
}

static bool is_answerable(const struct request *request)
{
    return request->state == REQUEST_WHOLE || request->state == REQUEST_BAD ||
           (request->state == REQUEST_BODY && request->expects_continue);
}

static struct reading request_if_answerable(struct request *request, struct span rest, bool early)
{
    return is_answerable(request) ? (struct reading){.request = request, .rest = rest, .early = early}
                                  : no_request(false);
}

/* The usual case: nothing is held, a request comes whole, and no memory of the connection's own is needed. */
static struct reading read_fresh(struct connection *connection, struct service *service)
{
    struct request *request = &service->request;
    bool early = service->received.kind != RECEIVED_NOTHING;
    struct received received =
        early ? service->received : receive(connection, service->room, sizeof service->room);
    service->received.kind = RECEIVED_NOTHING;
    if (received.kind != RECEIVED_BYTES)
        return no_request(received.kind == RECEIVED_END);
    struct span bytes = request_skip_empty_lines(received.bytes);
    if (bytes.length == 0) /* still idle */
        return no_request(false);
    if (is_tls(bytes))
        return (struct reading){.tls = true};
    request_init(request);
    request_read_head(request, bytes.at, bytes.length);
    if (!is_answerable(request)) {
        connection->input = input_new(bytes, request);
        return no_request(connection->input == NULL);
    }
    struct span rest = {bytes.at + request->parsed, bytes.length - request->parsed};
    return (struct reading){.request = request, .rest = rest, .early = early};
}

/* Goes on with a head that is held in part, or begins with bytes that were held back. */
static struct reading read_more_head(struct connection *connection)
{
    bool early = !input_is_read(connection->input); /* received in an earlier iteration, and held since */
    if (!early) {
        size_t size;
        char *room = input_room(&connection->input, &size);
        if (room == NULL)
            return no_request(true);
        struct received received = receive(connection, room, size);
        if (received.kind != RECEIVED_BYTES)
            return no_request(received.kind == RECEIVED_END);
        input_add(connection->input, received.bytes.length);
    }
    struct span rest = input_read_head(connection->input);
    return request_if_answerable(&connection->input->request, rest, early);
}

/* Goes on with a body, whose bytes are not kept. */
static struct reading read_more_body(struct connection *connection, struct service *service)
{
    struct request *request = &connection->input->request;
    size_t used;
    struct received received = receive(connection, service->room, sizeof service->room);
    if (received.kind != RECEIVED_BYTES)
        return no_request(received.kind == RECEIVED_END);
    request_read_body(request, service->room, received.bytes.length, &used);
    struct span rest = {service->room + used, received.bytes.length - used};
    return request_if_answerable(request, rest, false);
}

static struct reading read_request(struct connection *connection, struct service *service)
{
    if (connection->input == NULL)
        return read_fresh(connection, service);
    if (connection->input->request.state == REQUEST_HEAD)
        return read_more_head(connection);
    return read_more_body(connection, service);
}

/* ---- answering ---- */

/* Bytes that the client has not acknowledged yet (tcp(7)); -1 where the kernel does not say. */
static int bytes_unacknowledged(int socket)
{
    int bytes;
    return ioctl(socket, SIOCOUTQ, &bytes) < 0 ? -1 : bytes;
}

/* How much of an answer the client has taken, counted from where only the difference of two times tells something. A
   socket takes up to megabytes at once and is writable again only when a third of them is gone: whether the client
   reads, its acknowledgements tell sooner. */
static int64_t bytes_taken(int socket, const struct outgoing *answer)
{
    int unacknowledged = bytes_unacknowledged(socket);
    return (int64_t)(answer->body_bytes - response_bytes_left(&answer->response)) -
           (unacknowledged > 0 ? unacknowledged : 0);
}

/* Moves what is left of a response into memory of its own. False when memory is short. */
static bool keep_response(struct connection *connection, const struct outgoing *answer)
{
    const struct response *response = &answer->response;
    size_t text = response->text.length, parts = response->count * sizeof(struct part);
    struct outgoing *kept = malloc(sizeof *kept + parts + text + answer->log.text.length);
    if (kept == NULL)
        return false;
    *kept = *answer;
    if (kept->taken == TAKEN_UNKNOWN)
        kept->taken = bytes_taken(connection->fd, answer);
    char *room = (char *)kept->parts + parts;
    memcpy(room, response->text.at, text);
    if (answer->log.text.length > 0)
        memcpy(room + text, answer->log.text.at, answer->log.text.length);
    kept->log.text.at = room + text;
    kept->response.text = (struct buffer){room, text, text, false};
    kept->response.parts = kept->parts;
    for (unsigned i = 0; i < response->count; i++) {
        struct part part = response->parts[i];
        bool in_text = part.bytes >= response->text.at && part.bytes < response->text.at + text;
        if (part.bytes != NULL && in_text)
            part.bytes = room + (part.bytes - response->text.at);
        kept->parts[i] = part;
    }
    connection->outgoing = kept;
    return true;
}

static struct access_line prepare_log(const struct sockaddr *client, struct service *service,
                                      const struct request *request, int status, struct span why)
{
    if (service->access_form == ACCESS_NONE || (service->log_errors_only && status < 400))
        return (struct access_line){0};
    struct access access = {
        .peer = client,
        .time = service->context.now,
        .request_line = request_first_line(request),
        .method = request_method_name(request),
        .target = request_target(request),
        .status = status,
        .why = why,
        .referer = request_field(request, FIELD_REFERER),
        .user_agent = request_field(request, FIELD_USER_AGENT),
    };
    return access_prepare(service->access_form, &access, service->log);
}

/* Microseconds of the monotonic clock where the log or the counters tell how long an answer takes; else 0. */
static int64_t read_clock(const struct service *service)
{
    bool counted = service->context.config->settings->metrics != NULL;
    return access_clock(counted ? ACCESS_JSON : service->access_form);
}

/* An answer is over: all of it is sent, or the client is gone before it was. */
static void log_answer(const struct service *service, const struct outgoing *answer)
{
    uint64_t left = response_bytes_left(&answer->response);
    uint64_t sent = left < answer->body_bytes ? answer->body_bytes - left : 0;
    int64_t duration = read_clock(service) - answer->began;
    access_write(&answer->log, sent, duration);
    if (answer->response.unlogged)
        return;
    metrics_count(service->context.metrics, answer->response.status, sent);
    if (service->context.config->settings->metrics != NULL)
        metrics_time(service->context.metrics, duration);
}

/* The end of a connection whose answers are all sent. Bytes of the client that are unread when the socket closes, or
   come after that, reset the connection, and a reset throws away what is on its way. */
static enum connection_want leave(struct connection *connection, bool linger)
{
    input_drop(&connection->input);
    linger |= connection->readable || bytes_unacknowledged(connection->fd) != 0;
    if (!linger || shutdown(connection->fd, SHUT_WR) < 0)
        return WANT_CLOSE;
    connection->state = CONNECTION_LINGER;
    return WANT_TURN;
}

/* What comes after an answer that is sent. */
static enum connection_want finish(struct connection *connection, const struct service *service,
                                   const struct outgoing *answer)
{
    bool more = connection->input != NULL || connection->readable;
    connection->progress = true;
    if (answer->response.last || (service->context.draining && !more))
        return leave(connection, answer->linger);
    connection->state = CONNECTION_READ;
    return more ? WANT_TURN : WANT_EVENT;
}

/* Sends on. `answer` is the connection's own, or lives on the stack and is kept when it can't be sent whole. */
static enum connection_want send_answer(struct connection *connection, struct service *service,
                                        struct outgoing *answer)
{
    assert(connection->state == CONNECTION_SEND);
    enum transmit_result result = transmit(connection->fd, &answer->response, LIMIT_TURN_BYTES);
    bool owned = answer == connection->outgoing;
    if (result == TRANSMIT_DONE && answer->response.producer != NULL)
        result = TRANSMIT_TURN; /* there is more to make */
    if (result == TRANSMIT_AGAIN || result == TRANSMIT_TURN) {
        if (owned || keep_response(connection, answer))
            return result == TRANSMIT_AGAIN ? WANT_EVENT : WANT_TURN;
        result = TRANSMIT_GONE; /* no memory to go on with */
    }
    log_answer(service, answer);
    enum connection_want want = result == TRANSMIT_DONE ? finish(connection, service, answer) : WANT_CLOSE;
    if (owned)
        drop_outgoing(connection, service);
    else
        release(service, answer);
    return want;
}

/* The next piece of a body that is made while it is sent. What came before is sent, so the answer moves back into the
   service's memory until it is known how much of it the socket takes. */
static enum connection_want send_next_piece(struct connection *connection, struct service *service)
{
    struct outgoing answer = *connection->outgoing;
    struct span log = connection->outgoing->log.text;
    answer.response.parts = service->parts;
    answer.response.text = (struct buffer){service->text, 0, LIMIT_RESPONSE_TEXT, false};
    if (log.length > 0)
        memcpy(service->log, log.at, log.length);
    answer.log.text.at = service->log;
    free(connection->outgoing);
    connection->outgoing = NULL;
    if (!response_refill(&answer.response)) {
        log_answer(service, &answer);
        release(service, &answer);
        return WANT_CLOSE;
    }
    answer.body_bytes += response_bytes_left(&answer.response);
    return send_answer(connection, service, &answer);
}

/* Goes on with an answer that is kept. */
static enum connection_want send_on(struct connection *connection, struct service *service)
{
    struct outgoing *answer = connection->outgoing;
    if (answer->response.producer != NULL && response_bytes_left(&answer->response) == 0)
        return send_next_piece(connection, service);
    return send_answer(connection, service, answer);
}

/* Whether another request, or a part of one, has arrived: a client that was told that an answer is the last gets no other
   (RFC 9112 9.6). */
static bool is_followed(const struct connection *connection, struct span rest)
{
    char byte;
    if (request_skip_empty_lines(rest).length > 0)
        return true;
    return connection->readable && recv(connection->fd, &byte, sizeof byte, MSG_PEEK) > 0;
}

/* Makes the answer, and its line for the log. */
static void make_answer(const struct connection *connection, struct service *service,
                        const struct reading *reading, struct outgoing *made)
{
    const struct context *context = &service->context;
    const struct request *request = reading->request;
    char sentences[REASON_MAX], suggestion[REASON_MAX];
    struct exchange exchange = {
        .context = context,
        .request = request,
        .response = &made->response,
        .client = client_find(&connection->peer, context->config->settings, request),
        /* A look at the disk of this iteration is as late as the request's last byte, or later: it may be shared. */
        .iteration = reading->early ? context->iteration : 0,
        .check_host = context->config->check_host && connection->peer.any.sa_family != AF_UNIX,
        .target = &service->target,
        .reason = {BUFFER(sentences), BUFFER(suggestion)},
    };
    answer(&exchange);
    made->entry = exchange.entry;
    made->body_bytes = response_body_bytes(&made->response);
    made->log = (struct access_line){0};
    if (!made->response.unlogged)
        made->log = prepare_log(&exchange.client.address.any, service, request, made->response.status,
                                buffer_span(&exchange.reason.text));
    if (made->response.status == 404)
        metrics_miss(context->metrics, request_target(request));
}

/* Answers a request. What came after it is held back for later, or dropped where no other is awaited. */
static enum connection_want respond(struct connection *connection, struct service *service,
                                    const struct reading *reading)
{
    struct span rest = reading->rest;
    assert(connection->state == CONNECTION_READ);
    struct outgoing answered;
    struct response *response = &answered.response;
    response_init(response, service->parts, service->text);
    response->last = (service->context.draining || service->retiring) && !is_followed(connection, rest);
    answered.began = read_clock(service);
    make_answer(connection, service, reading, &answered);
    answered.taken = TAKEN_UNKNOWN;
    answered.linger = rest.length > 0 || request_ends_stream(reading->request);
    connection->state = CONNECTION_SEND;

    /* From here on the request is gone: what it pointed to may move. */
    if (response->last)
        input_drop(&connection->input);
    else if (!input_hold_back(&connection->input, rest))
        response->last = true; /* the next request is lost, this answer is not */
    return send_answer(connection, service, &answered);
}

/*
 * A browser that was given an https address. What it is told in its own protocol it shows as an error at once, and the
 * line in the log says what to do.
 */
static enum connection_want refuse_tls(struct connection *connection, const struct service *service)
{
    static time_t next_hint;
    /* A fatal alert, protocol_version, in a record of two bytes (RFC 8446 5.1, 6.2). */
    static const char alert[] = {0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46};
    if (service->context.now >= next_hint) {
        log_error("a client speaks TLS to this port; its address here begins with http://, not https://");
        next_hint = service->context.now + LIMIT_TLS_HINT_S;
    }
    /* What it sends besides may be unread yet, and must not reset the connection before the alert is there. */
    if (send(connection->fd, alert, sizeof alert, MSG_NOSIGNAL) < 0 || shutdown(connection->fd, SHUT_WR) < 0)
        return WANT_CLOSE;
    connection->state = CONNECTION_LINGER;
    return WANT_TURN;
}

static enum connection_want read_and_respond(struct connection *connection, struct service *service)
{
    assert(connection->state == CONNECTION_READ);
    struct reading reading = read_request(connection, service);
    if (reading.request != NULL)
        return respond(connection, service, &reading);
    if (reading.tls)
        return refuse_tls(connection, service);
    if (reading.ended)
        return WANT_CLOSE;
    if (connection->readable)
        return WANT_TURN;
    return service->context.draining ? leave(connection, false) : WANT_EVENT;
}

/* MSG_TRUNC throws the bytes away inside the kernel (tcp(7)). */
static enum connection_want linger_on(struct connection *connection)
{
    assert(connection->state == CONNECTION_LINGER);
    /* cppcheck-suppress nullPointer ; nothing is stored */
    ssize_t bytes = recv(connection->fd, NULL, LIMIT_TURN_BYTES, MSG_TRUNC);
    if (bytes > 0 || (bytes < 0 && errno == EINTR))
        return WANT_TURN;
    return bytes < 0 && errno == EAGAIN ? WANT_EVENT : WANT_CLOSE;
}

enum connection_want connection_step(struct connection *connection, struct service *service)
{
    switch (connection->state) {
    case CONNECTION_READ:
        return read_and_respond(connection, service);
    case CONNECTION_SEND:
        return send_on(connection, service);
    case CONNECTION_LINGER:
        return linger_on(connection);
    case CONNECTION_CLOSED:
        break;
    }
    assert(!"a step of a closed connection");
    return WANT_CLOSE;
}

/* Closes a connection whose client is too slow, unless the response waits for its turn. */
static enum connection_want check_pace(struct connection *connection)
{
    assert(connection->state == CONNECTION_SEND);
    struct outgoing *answer = connection->outgoing;
    int64_t taken = bytes_taken(connection->fd, answer);
    if (!connection->ready && taken - answer->taken < LIMIT_WRITE_BYTES)
        return WANT_CLOSE;
    answer->taken = taken;
    connection->progress = true;
    return connection->ready ? WANT_TURN : WANT_EVENT;
}

static enum connection_want timeout_request(struct connection *connection, struct service *service)
{
    assert(connection->state == CONNECTION_READ);
    if (connection->input == NULL || input_is_blank(connection->input)) /* no request to answer */
        return WANT_CLOSE;
    struct request *request = &connection->input->request;
    request->state = REQUEST_BAD;
    request->status = 408; /* RFC 9110 15.5.9 */
    return respond(connection, service, &(struct reading){.request = request, .rest = SPAN_NONE});
}

/* Before the worker ends, waits while the last bytes are unacknowledged. */
static enum connection_want check_arrival(struct connection *connection, const struct service *service)
{
    assert(connection->state == CONNECTION_LINGER);
    if (!service->context.draining || bytes_unacknowledged(connection->fd) == 0)
        return WANT_CLOSE;
    connection->progress = true;
    return connection->ready ? WANT_TURN : WANT_EVENT;
}

enum connection_want connection_expire(struct connection *connection, struct service *service)
{
    switch (connection->state) {
    case CONNECTION_READ:
        return timeout_request(connection, service);
    case CONNECTION_SEND:
        return check_pace(connection);
    case CONNECTION_LINGER:
        return check_arrival(connection, service);
    case CONNECTION_CLOSED:
        break;
    }
    return WANT_CLOSE;
}

enum deadline_kind connection_deadline(const struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_SEND:
        return DEADLINE_WRITE;
    case CONNECTION_LINGER:
        return DEADLINE_LINGER;
    case CONNECTION_CLOSED:
        return DEADLINE_KINDS;
    case CONNECTION_READ:
        break;
    }
    if (connection->input == NULL)
        return DEADLINE_IDLE;
    return connection->input->request.state == REQUEST_HEAD ? DEADLINE_HEAD : DEADLINE_BODY;
}

void connection_close(struct connection *connection, struct service *service)
{
    if (connection->outgoing != NULL)
        log_answer(service, connection->outgoing);
    drop_outgoing(connection, service);
    input_drop(&connection->input);
    deadline_disarm(&connection->deadline);
    close(connection->fd);
    connection->state = CONNECTION_CLOSED;
}

#include "serve/connection.h"

#include "answer/answer.h"
#include "answer/page_part.h"
#include "base/log.h"
#include "http/proxy_header.h"
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

enum { ACKED_UNKNOWN = INT_MIN };

/* A response in flight, with its log line. */
struct outgoing {
    struct response response;
    struct entry *entry; /* the file that the response borrows, or NULL */
    struct access_line log;
    int64_t began;       /* read_clock when the request was complete */
    int64_t acked;       /* bytes_acked when the deadline was armed; ACKED_UNKNOWN before that */
    bool linger;         /* the client may still be sending after it */
    bool delayed;        /* the delay of the slow network has begun */
    struct part parts[]; /* then the response's text, then the log line */
};

struct connection *connection_new(int fd, const union peer *peer, bool expects_header)
{
    struct connection *connection = malloc(sizeof *connection);
    if (connection == NULL)
        return NULL;
    *connection = (struct connection){
        .fd = fd,
        .state = expects_header ? CONNECTION_PROXY : CONNECTION_READ,
        .readable = true,
        .origin = {.peer = *peer},
    };
    deadline_init(&connection->deadline);
    return connection;
}

struct connection *connection_take(const struct handoff *handoff, bool expects_header)
{
    const struct origin *origin = &handoff->origin;
    struct connection *connection = connection_new(handoff->fd, &origin->peer, expects_header && !handoff->header_read);
    if (connection == NULL)
        return NULL;
    if (expects_header)
        connection->origin = *origin;
    connection->taken_over = true;
    if (handoff->bytes.length == 0)
        return connection;
    connection->input = input_new(handoff->bytes, NULL);
    if (connection->input != NULL)
        return connection;
    free(connection);
    return NULL;
}

bool connection_offer(const struct connection *connection, struct handoff *handoff)
{
    const struct input *input = connection->input;
    bool waits = connection->state == CONNECTION_PROXY || connection->state == CONNECTION_READ;
    if (!waits || (input != NULL && input->request.state != REQUEST_HEAD))
        return false;
    *handoff = (struct handoff){
        .fd = connection->fd,
        .origin = connection->origin,
        .header_read = connection->state == CONNECTION_READ,
    };
    if (input != NULL)
        handoff->bytes = (struct span){input->bytes + input->start, input->length - input->start};
    return true;
}

/* Releases what a response borrows. */
static void release(struct service *service, struct outgoing *outgoing)
{
    if (outgoing->entry != NULL)
        store_release(service->context.store, outgoing->entry);
    response_drop_producer(&outgoing->response);
}

static void drop_outgoing(struct connection *connection, struct service *service)
{
    if (connection->outgoing != NULL)
        release(service, connection->outgoing);
    free(connection->outgoing);
    connection->outgoing = NULL;
}

/* ---- reading ---- */

/* Events are edge-triggered: read until the socket is empty. A short read shows that it is, which saves a recv that
   fails with EAGAIN; but not after the client's shutdown, as the end of the stream is still to be read, and not before
   urgent data, where a read stops short. */
static struct received receive(struct connection *connection, char *room, size_t size)
{
    ssize_t bytes;
    if (!connection->readable)
        return (struct received){room, RECEIVED_NOTHING};
    do
        bytes = recv(connection->fd, room, size, 0);
    while (bytes < 0 && errno == EINTR);
    if (bytes <= 0) {
        connection->readable = false;
        return (struct received){room, bytes < 0 && errno == EAGAIN ? RECEIVED_NOTHING : RECEIVED_END};
    }
    connection->readable = (size_t)bytes == size || connection->peer_shutdown || connection->urgent;
    return (struct received){room, bytes};
}

struct received connection_receive(struct connection *connection, char *room, size_t size)
{
    assert(connection_awaits_request(connection));
    return receive(connection, room, size);
}

/* The result of reading. */
struct reading {
    struct request *request; /* to be answered: complete, bad, or expecting 100-continue; else NULL */
    struct span bytes;       /* all that was received from its first byte on, unless its body was discarded */
    struct span rest;        /* the bytes after it */
    bool was_readable;       /* its last byte was received before the first stat of this batch */
    bool ended;              /* no request will follow */
    bool tls;                /* the client speaks TLS */
};

static struct reading no_request(bool ended)
{
    return (struct reading){.ended = ended};
}

/* A TLS handshake begins like this (RFC 8446 5.1), and no request does. */
static bool is_tls(struct span bytes)
{
    return bytes.at[0] == 0x16 && (bytes.length == 1 || bytes.at[1] == 0x03);
}

static bool is_answerable(const struct request *request)
{
    return request->state == REQUEST_WHOLE || request->state == REQUEST_BAD ||
           (request->state == REQUEST_BODY && request->expects_continue);
}

static struct reading request_if_answerable(struct request *request, struct span bytes, struct span rest,
                                            bool was_readable)
{
    return is_answerable(request) ? (struct reading){request, bytes, rest, was_readable, false, false}
                                  : no_request(false);
}

/* The usual case: no bytes are held, and a complete request arrives, so the connection needs no memory of its own. */
static struct reading read_fresh(struct connection *connection, struct service *service)
{
    struct request *request = &service->request;
    bool was_readable = service->received.length != RECEIVED_NOTHING;
    struct received received =
        was_readable ? service->received : receive(connection, service->room, sizeof service->room);
    service->received.length = RECEIVED_NOTHING;
    if (received.length <= 0)
        return no_request(received.length == RECEIVED_END);
    struct span bytes = request_skip_empty_lines((struct span){received.at, (size_t)received.length});
    if (bytes.length == 0) /* still idle */
        return no_request(false);
    if (is_tls(bytes))
        return (struct reading){.tls = true};
    request_init(request);
    (void)request_read_head(request, bytes.at, bytes.length);
    if (!is_answerable(request)) {
        connection->input = input_new(bytes, request);
        return no_request(connection->input == NULL);
    }
    struct span rest = {bytes.at + request->parsed, bytes.length - request->parsed};
    return (struct reading){request, bytes, rest, was_readable, false, false};
}

/* Continues an incomplete head, or begins with pipelined bytes. */
static struct reading read_more_head(struct connection *connection)
{
    bool was_readable = !input_is_read(connection->input); /* pipelined: received in an earlier iteration */
    if (!was_readable) {
        size_t size;
        char *room = input_room(&connection->input, &size);
        if (room == NULL)
            return no_request(true);
        struct received received = receive(connection, room, size);
        if (received.length <= 0)
            return no_request(received.length == RECEIVED_END);
        input_add(connection->input, (size_t)received.length);
    }
    struct input *input = connection->input;
    struct span rest = input_read_head(input);
    struct span bytes = {input->bytes + input->start, input->length - input->start};
    return request_if_answerable(&input->request, bytes, rest, was_readable);
}

/* Continues a body, whose bytes are discarded. */
static struct reading read_more_body(struct connection *connection, struct service *service)
{
    struct request *request = &connection->input->request;
    size_t used;
    struct received received = receive(connection, service->room, sizeof service->room);
    if (received.length <= 0)
        return no_request(received.length == RECEIVED_END);
    (void)request_read_body(request, service->room, (size_t)received.length, &used);
    struct span rest = {service->room + used, (size_t)received.length - used};
    return request_if_answerable(request, SPAN_NONE, rest, false);
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

/* Bytes that the client has not acknowledged yet (tcp(7)); -1 if the kernel does not say. */
static int bytes_unacknowledged(int socket)
{
    int bytes;
    return ioctl(socket, SIOCOUTQ, &bytes) < 0 ? -1 : bytes;
}

/* The bytes of a response that the client has acknowledged, but for a constant: compare two values. A socket takes
   megabytes at once and is writable again only when a third of them is acknowledged, so acknowledgements show sooner
   that the client reads. */
static int64_t bytes_acked(int socket, const struct outgoing *outgoing)
{
    int unacknowledged = bytes_unacknowledged(socket);
    return (int64_t)outgoing->response.sent - (unacknowledged > 0 ? unacknowledged : 0);
}

/* Moves the rest of a response into memory of its own. False if memory is short. */
static bool keep_response(struct connection *connection, const struct outgoing *outgoing)
{
    const struct response *response = &outgoing->response;
    size_t text = response->text.length, parts = response->count * sizeof(struct part);
    struct outgoing *kept = malloc(sizeof *kept + parts + text + outgoing->log.text.length);
    if (kept == NULL)
        return false;
    *kept = *outgoing;
    kept->delayed = kept->acked != ACKED_UNKNOWN;
    if (kept->acked == ACKED_UNKNOWN)
        kept->acked = bytes_acked(connection->fd, outgoing);
    char *room = (char *)kept->parts + parts;
    memcpy(room, response->text.at, text);
    if (outgoing->log.text.length > 0)
        memcpy(room + text, outgoing->log.text.at, outgoing->log.text.length);
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

static bool is_logged(const struct service *service, const struct response *response)
{
    return service->access_form != ACCESS_NONE && !response->unlogged &&
           (!service->log_errors_only || response->status >= 400);
}

/* Not inlined, as responses without a line need no such stack frame. */
__attribute__((noinline)) static struct access_line prepare_log(const struct sockaddr *client, struct service *service,
                                                                const struct request *request, int status,
                                                                struct span why)
{
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

/* Microseconds of the monotonic clock; 0 if neither the log nor the metrics have durations. */
static int64_t read_clock(const struct service *service)
{
    return access_clock(service->timed_form);
}

/* Logs and counts a response that is sent or cut short. */
static void log_response(const struct service *service, const struct outgoing *outgoing)
{
    const struct response *response = &outgoing->response;
    uint64_t sent = response->sent > response->head_length ? response->sent - response->head_length : 0;
    int64_t duration = read_clock(service) - outgoing->began;
    access_write(&outgoing->log, sent, duration);
    if (response->unlogged)
        return;
    metrics_count(service->context.metrics, response->status, sent);
    if (service->context.config->settings->metrics != NULL)
        metrics_time(service->context.metrics, duration);
}

/* Ends a connection after its last response. Client bytes that are unread at the close, or arrive after it, reset the
   connection, and the client may lose the end of the response: linger then. */
static enum connection_want leave(struct connection *connection, bool linger)
{
    input_drop(&connection->input);
    linger |= connection->readable || bytes_unacknowledged(connection->fd) != 0;
    if (!linger || shutdown(connection->fd, SHUT_WR) < 0)
        return WANT_CLOSE;
    connection->state = CONNECTION_LINGER;
    return WANT_TURN;
}

/* After a response is sent: reads on, or ends the connection. */
static enum connection_want finish(struct connection *connection, const struct service *service,
                                   const struct outgoing *outgoing)
{
    bool more = connection->input != NULL || connection->readable;
    connection->rearm_deadline = true;
    if (outgoing->response.last || (service->context.draining && !more))
        return leave(connection, outgoing->linger);
    connection->state = CONNECTION_READ;
    return more ? WANT_TURN : WANT_EVENT;
}

/* After a call of transmit. A response on the caller's stack becomes the connection's own if some of it remains. */
static inline enum connection_want settle(struct connection *connection, struct service *service,
                                          struct outgoing *outgoing, enum transmit_result result)
{
    bool owned = outgoing == connection->outgoing;
    if (result == TRANSMIT_DONE && outgoing->response.producer != NULL)
        result = TRANSMIT_TURN; /* the producer has more */
    if (result == TRANSMIT_AGAIN || result == TRANSMIT_TURN) {
        if (owned || keep_response(connection, outgoing))
            return result == TRANSMIT_AGAIN ? WANT_EVENT : WANT_TURN;
        result = TRANSMIT_GONE; /* out of memory */
    }
    log_response(service, outgoing);
    enum connection_want want = result == TRANSMIT_DONE ? finish(connection, service, outgoing) : WANT_CLOSE;
    if (owned)
        drop_outgoing(connection, service);
    else
        release(service, outgoing);
    return want;
}

/* Sends as much as possible, but nothing in a slow network. */
static enum connection_want send_response(struct connection *connection, struct service *service,
                                          struct outgoing *outgoing, uint64_t bytes_max)
{
    assert(connection->state == CONNECTION_SEND);
    enum transmit_result result = transmit(connection->fd, &outgoing->response, bytes_max);
    return settle(connection, service, outgoing, result);
}

/* Sends the next piece of a produced body. All pieces before are sent, so the response uses the service's memory again
   until the socket is full. */
__attribute__((noinline)) static enum connection_want send_next_piece(struct connection *connection,
                                                                      struct service *service)
{
    struct outgoing outgoing = *connection->outgoing;
    struct span log = connection->outgoing->log.text;
    outgoing.response.parts = service->parts;
    outgoing.response.text = (struct buffer){service->text, 0, LIMIT_RESPONSE_TEXT, false};
    if (log.length > 0)
        memcpy(service->log, log.at, log.length);
    outgoing.log.text.at = service->log;
    free(connection->outgoing);
    connection->outgoing = NULL;
    if (!response_refill(&outgoing.response)) {
        log_response(service, &outgoing);
        release(service, &outgoing);
        return WANT_CLOSE;
    }
    return send_response(connection, service, &outgoing, service->turn_bytes);
}

/* Continues the connection's own response. */
static enum connection_want send_on(struct connection *connection, struct service *service)
{
    struct outgoing *outgoing = connection->outgoing;
    if (outgoing->response.producer != NULL && response_bytes_left(&outgoing->response) == 0)
        return send_next_piece(connection, service);
    return send_response(connection, service, outgoing, service->turn_bytes);
}

/* ---- a slow network ---- */

/* True if the slow network has the response, so that its deadline is the end of that. */
static bool is_slowed(const struct connection *connection)
{
    return connection->deadline.kind == DEADLINE_DELAY || connection->deadline.kind == DEADLINE_TURN;
}

__attribute__((cold)) enum deadline_kind connection_slow_down(const struct connection *connection,
                                                              struct service *service, enum connection_want want,
                                                              int64_t *due)
{
    struct outgoing *outgoing = connection->outgoing;
    /* Machines that poll are not slowed; without bytes left, the producer has its turn. */
    if (connection->state != CONNECTION_SEND || outgoing->response.unlogged ||
        response_bytes_left(&outgoing->response) == 0)
        return DEADLINE_KINDS;
    /* Not the loop's coarse clock, which lags: the network would be too fast. */
    int64_t ready = want == WANT_NEXT_TURN ? 0 : access_clock(ACCESS_JSON), end;
    enum deadline_kind kind = outgoing->delayed || service->slow.delay == 0 ? DEADLINE_TURN : DEADLINE_DELAY;
    if (kind == DEADLINE_DELAY) {
        outgoing->delayed = true;
        end = ready + service->slow.delay;
    } else {
        uint64_t turn = slow_network_turn(&service->slow, response_bytes_left(&outgoing->response));
        end = slow_network_carry(&service->slow, ready, turn);
    }
    *due = (end + 999) / 1000;
    return kind;
}

/* A step in a slow network, of a response that it does not have: refills it, or sends one that is not slowed. */
__attribute__((cold, noinline)) static enum connection_want send_on_slowly(struct connection *connection,
                                                                           struct service *service)
{
    if (is_slowed(connection)) /* an event of the socket */
        return WANT_EVENT;
    service->turn_bytes = connection->outgoing->response.unlogged ? LIMIT_TURN_BYTES : 0;
    enum connection_want want = send_on(connection, service);
    service->turn_bytes = 0;
    return want;
}

/* Sends what the slow network has carried. From a full socket on, it is the client that is slow. */
__attribute__((cold, noinline)) static enum connection_want send_turn(struct connection *connection,
                                                                      struct service *service)
{
    struct outgoing *outgoing = connection->outgoing;
    bool delayed = connection->deadline.kind == DEADLINE_DELAY;
    deadline_disarm(&connection->deadline);
    if (delayed)
        return WANT_TURN;
    uint64_t turn = slow_network_turn(&service->slow, response_bytes_left(&outgoing->response));
    enum transmit_result result = transmit_at_most(connection->fd, &outgoing->response, turn);
    enum connection_want want = settle(connection, service, outgoing, result);
    if (result == TRANSMIT_AGAIN)
        outgoing->acked = bytes_acked(connection->fd, outgoing);
    return result == TRANSMIT_TURN ? WANT_NEXT_TURN : want;
}

/* ---- requests ---- */

/* True if another request, or a part of one, has arrived: this response must not say then that it is the last, as no
   other may follow it (RFC 9112 9.6). */
static bool is_followed(const struct connection *connection, struct span rest)
{
    char byte;
    if (request_skip_empty_lines(rest).length > 0)
        return true;
    return connection->readable && recv(connection->fd, &byte, sizeof byte, MSG_PEEK) > 0;
}

static void make_response(const struct connection *connection, struct service *service, const struct reading *reading,
                          struct outgoing *made)
{
    const struct context *context = &service->context;
    const struct request *request = reading->request;
    char sentences[REASON_MAX], suggestion[REASON_MAX];
    struct exchange exchange = {
        .context = context,
        .request = request,
        .response = &made->response,
        .client = {.origin = &connection->origin},
        /* Such a request's last byte arrived before all stats of this batch, so it may share them. */
        .iteration = reading->was_readable ? context->iteration : 0,
        .check_host = context->config->check_host && connection->origin.peer.any.sa_family != AF_UNIX,
        .target = &service->target,
        .reason = {BUFFER(sentences), BUFFER(suggestion)},
    };
    client_find(&exchange.client, context->config->settings, request);
    store_begin(context->store);
    answer(&exchange);
    service->root_changed |= store_root_state(context->store) != ROOT_CURRENT;
    made->entry = exchange.entry;
    made->log = (struct access_line){0};
    if (is_logged(service, &made->response))
        made->log = prepare_log(&client_address(&exchange.client)->any, service, request, made->response.status,
                                buffer_span(&exchange.reason.text));
    if (context->config->settings->strict)
        page_part_check(&exchange);
    if (made->response.status == 404)
        metrics_miss(context->metrics, request_target(request));
}

/* Turns the request into unread input again. It arrived after the root was replaced, so the response must come from the
   new root. False if the 503 must be sent: the new root's workers do not come or take nothing over, the request's
   body is discarded, or memory is short. */
__attribute__((cold, noinline)) static bool await_root(struct connection *connection, struct service *service,
                                                       const struct reading *reading, struct outgoing *outgoing)
{
    if (connection->awaits_no_longer || service->context.draining || service->retiring || reading->bytes.length == 0 ||
        service->context.now < service->root_given_up_until)
        return false;
    if (connection->input == NULL)
        connection->input = input_new(reading->bytes, NULL);
    else
        request_init(&connection->input->request);
    if (connection->input == NULL)
        return false;
    release(service, outgoing);
    connection->awaits_root = true;
    return true;
}

/* Answers a request. Keeps the bytes after it for the next one, unless this response is the last. */
static enum connection_want respond(struct connection *connection, struct service *service,
                                    const struct reading *reading)
{
    struct span rest = reading->rest;
    assert(connection->state == CONNECTION_READ);
    struct outgoing outgoing;
    struct response *response = &outgoing.response;
    response_init(response, service->parts, service->text);
    response->last = (service->context.draining || service->retiring) && !is_followed(connection, rest);
    response->last |= connection->awaits_no_longer; /* the next connection reaches a worker of the new root */
    outgoing.began = read_clock(service);
    make_response(connection, service, reading, &outgoing);
    if (store_root_state(service->context.store) == ROOT_REPLACED &&
        await_root(connection, service, reading, &outgoing))
        return WANT_ROOT;
    connection->awaits_root = connection->awaits_no_longer = false;
    outgoing.acked = ACKED_UNKNOWN;
    /* More bytes of a bad request may come, even if its version or fields end the connection. */
    outgoing.linger = rest.length > 0 || request_ends_stream(reading->request) || response->status == 400;
    connection->state = CONNECTION_SEND;

    /* Ends the request's life: the bytes that it borrows may move. */
    if (response->last)
        input_drop(&connection->input);
    else if (!input_hold_back(&connection->input, rest))
        response->last = true; /* out of memory: the next request is lost, this response is not */
    return send_response(connection, service, &outgoing, service->first_turn_bytes);
}

/* Answers a TLS handshake with an alert, so that a browser with an https address shows an error at once. The log says
   what to do. */
__attribute__((cold, noinline)) static enum connection_want refuse_tls(struct connection *connection,
                                                                       const struct service *service)
{
    static time_t next_hint;
    /* A fatal alert, protocol_version, in a record of two bytes (RFC 8446 5.1, 6.2). */
    static const char alert[] = {0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46};
    if (service->context.now >= next_hint) {
        log_error("a client speaks TLS to this port; its address here begins with http://, not https://");
        next_hint = service->context.now + LIMIT_TLS_HINT_S;
    }
    /* Linger: the rest of the handshake may be unread, and a reset could overtake the alert. */
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

/* ---- the PROXY header ---- */

/* Closes the connection, as the specification demands (2). */
__attribute__((cold, noinline)) static enum connection_want refuse_header(const struct service *service)
{
    static time_t next_hint;
    metrics_count_proxy_error(service->context.metrics);
    if (service->context.now < next_hint)
        return WANT_CLOSE;
    next_hint = service->context.now + LIMIT_PROXY_HINT_S;
    log_error("a peer that --trust-proxy names sent no valid PROXY header; configure it there ('send-proxy' "
              "of HAProxy), "
              "or leave out '--proxy-protocol'");
    return WANT_CLOSE;
}

/* Peeks at the header in the socket, and takes it when it is whole: an incomplete one needs no memory here. Not
   inlined, as other steps need no such stack frame; so is the next piece above. */
__attribute__((noinline)) static enum connection_want read_header(struct connection *connection,
                                                                  struct service *service)
{
    struct proxy_header header;
    ssize_t length;
    assert(connection->state == CONNECTION_PROXY);
    do
        length = recv(connection->fd, service->room, LIMIT_PROXY_HEADER, MSG_PEEK);
    while (length < 0 && errno == EINTR);
    if (length == 0 || (length < 0 && errno != EAGAIN)) /* a balancer tries the port */
        return WANT_CLOSE;
    struct span bytes = {service->room, length > 0 ? (size_t)length : 0};
    switch (proxy_header_parse(bytes, &header)) {
    case PROXY_HEADER_BAD:
        return refuse_header(service);
    case PROXY_HEADER_PARTIAL:
        connection->readable = false;
        if (service->context.draining)
            return WANT_CLOSE;
        return connection->peer_shutdown ? refuse_header(service) : WANT_EVENT;
    case PROXY_HEADER_WHOLE:
        break;
    }
    if (recv(connection->fd, service->room, header.length, 0) != (ssize_t)header.length)
        return WANT_CLOSE;
    connection->origin.named = header.named;
    connection->origin.unnamed = !header.named;
    connection->origin.client = header.client;
    connection->state = CONNECTION_READ;
    return read_and_respond(connection, service);
}

/* Discards what the client still sends. Only TCP can do that in the kernel (MSG_TRUNC, tcp(7)); a Unix socket can't. */
static enum connection_want linger_on(struct connection *connection, struct service *service)
{
    assert(connection->state == CONNECTION_LINGER);
    ssize_t bytes = recv(connection->fd, service->room, sizeof service->room, 0);
    if (bytes > 0 || (bytes < 0 && errno == EINTR))
        return WANT_TURN;
    return bytes < 0 && errno == EAGAIN ? WANT_EVENT : WANT_CLOSE;
}

enum connection_want connection_step(struct connection *connection, struct service *service)
{
    switch (connection->state) {
    case CONNECTION_PROXY:
        return read_header(connection, service);
    case CONNECTION_READ:
        return read_and_respond(connection, service);
    case CONNECTION_SEND:
        return service->turn_bytes > 0 ? send_on(connection, service) : send_on_slowly(connection, service);
    case CONNECTION_LINGER:
        return linger_on(connection, service);
    case CONNECTION_CLOSED:
        break;
    }
    assert(false && "a step of a closed connection");
    return WANT_CLOSE;
}

/* Closes a connection whose client is too slow, unless the response waits for its turn. */
static enum connection_want check_pace(struct connection *connection)
{
    assert(connection->state == CONNECTION_SEND);
    struct outgoing *outgoing = connection->outgoing;
    int64_t acked = bytes_acked(connection->fd, outgoing);
    if (!connection->ready && acked - outgoing->acked < LIMIT_WRITE_BYTES)
        return WANT_CLOSE;
    outgoing->acked = acked;
    connection->rearm_deadline = true;
    return connection->ready ? WANT_TURN : WANT_EVENT;
}

/* Answers a late request, or one that waited for the new root's workers too long. */
static enum connection_want timeout_request(struct connection *connection, struct service *service)
{
    assert(connection->state == CONNECTION_READ);
    if (connection->awaits_root) {
        connection->awaits_no_longer = true;
        service->root_given_up_until = service->context.now + LIMIT_ROOT_MS / 1000;
        return read_and_respond(connection, service);
    }
    if (connection->input == NULL || input_is_blank(connection->input)) /* no request to answer */
        return WANT_CLOSE;
    struct request *request = &connection->input->request;
    request->state = REQUEST_BAD;
    request->status = 408; /* RFC 9110 15.5.9 */
    return respond(connection, service, &(struct reading){.request = request, .rest = SPAN_NONE});
}

/* Before the worker exits, waits while the last bytes are unacknowledged. */
static enum connection_want check_arrival(struct connection *connection, const struct service *service)
{
    assert(connection->state == CONNECTION_LINGER);
    if (!service->context.draining || bytes_unacknowledged(connection->fd) == 0)
        return WANT_CLOSE;
    connection->rearm_deadline = true;
    return connection->ready ? WANT_TURN : WANT_EVENT;
}

enum connection_want connection_expire(struct connection *connection, struct service *service)
{
    switch (connection->state) {
    case CONNECTION_PROXY:
        return refuse_header(service);
    case CONNECTION_READ:
        return timeout_request(connection, service);
    case CONNECTION_SEND:
        return is_slowed(connection) ? send_turn(connection, service) : check_pace(connection);
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
    case CONNECTION_PROXY:
        return DEADLINE_HEAD;
    case CONNECTION_SEND:
        return is_slowed(connection) ? connection->deadline.kind : DEADLINE_WRITE;
    case CONNECTION_LINGER:
        return DEADLINE_LINGER;
    case CONNECTION_CLOSED:
        return DEADLINE_KINDS;
    case CONNECTION_READ:
        break;
    }
    if (connection->awaits_root)
        return DEADLINE_ROOT;
    if (connection->input == NULL)
        return DEADLINE_IDLE;
    return connection->input->request.state == REQUEST_HEAD ? DEADLINE_HEAD : DEADLINE_BODY;
}

void connection_close(struct connection *connection, struct service *service)
{
    if (connection->outgoing != NULL)
        log_response(service, connection->outgoing);
    drop_outgoing(connection, service);
    input_drop(&connection->input);
    deadline_disarm(&connection->deadline);
    close(connection->fd);
    connection->state = CONNECTION_CLOSED;
}

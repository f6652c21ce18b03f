/*
 * A whole connection: bytes in, responses out, through the state machine, with a socket in memory and real files. The
 * input: a line with the script, then the client's bytes. Each byte of the script is the next event:
 *
 *     1 to 9     this many bytes arrive, or the socket takes as many (whichever the server waits for)
 *     A to Z     the same: 16 bytes, and twice as many for each further letter
 *     f          the rest arrives, with the end of the client's stream
 *     s          nothing happens, but the server makes a step
 *     i          the next system call is interrupted
 *     m          there is no memory for the next allocation
 *     u          the client has not acknowledged what was sent
 *     r          the client resets the connection
 *     e          the deadline passes
 *     d          the server begins to drain
 *     others     all that is left arrives; there is any room
 *
 * If it begins with p, the peer is a trusted proxy, which begins with a PROXY header (--proxy-protocol). After the
 * script the rest arrives, then the end of the stream.
 */
#include "serve/connection.h"

#include "base/log.h"
#include "http/proxy_header.h"
#include "lib/fuzz.h"
#include "lib/reader.h"
#include "lib/site.h"
#include "lib/wire.h"
#include "serve/input.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *count, char ***arguments);

/* A turn's bytes, in slices of files, then what is in memory in one piece: at most a small file, and text. */
enum { STEP_BYTES_MAX = LIMIT_TURN_BYTES + LIMIT_STORE_FILE + LIMIT_RESPONSE_TEXT };

static struct service *service;

/* The settings of a command line without options. */
static const struct settings settings = {.index = {"index.html"}, .index_count = 1};
static struct config config;

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count, (void)arguments;
    service = calloc(1, sizeof *service);
    CHECK(service != NULL);
    /* Every file counts as settled, although its ctime is the start of this program. */
    service->context.store = store_open(site_open(), -1000);
    CHECK(service->context.store != NULL);
    config_open(&config, &settings, false);
    service->context.config = &config;
    service->access_form = ACCESS_COMBINED;
    service->turn_bytes = LIMIT_TURN_BYTES;
    service->context.now = 4000000000;
    date_write(service->context.date, service->context.now);
    return 0;
}

/* ---- events ---- */

struct play {
    struct connection *connection;
    enum connection_want want;
    struct span script;
    bool cut; /* the client or the clock may have ended an answer */
};

static size_t amount_of(char byte)
{
    if (byte >= '1' && byte <= '9')
        return (size_t)(byte - '0');
    return byte >= 'A' && byte <= 'Z' ? (size_t)16 << (byte - 'A') : SIZE_MAX;
}

/* Overwrites the shared memory, as other connections do between two steps. */
static void use_service(void)
{
    memset(&service->request, 0xEE, sizeof service->request);
    memset(service->parts, 0xEE, sizeof service->parts);
    memset(service->room, 0xEE, sizeof service->room);
    memset(service->text, 0xEE, sizeof service->text);
    memset(service->log, 0xEE, sizeof service->log);
}

static void step(struct play *play)
{
    size_t before = wire.given;
    play->want = connection_step(play->connection, service);
    CHECK(wire.given - before <= STEP_BYTES_MAX);
}

/* The events of epoll for new bytes, and at the end of the stream for that as well. */
static void arrive(struct play *play, size_t amount, bool ends)
{
    size_t left = wire.sent.length - wire.arrived;
    wire.arrived += amount < left ? amount : left;
    wire.ended |= ends || left == 0;
    play->connection->readable = true;
    play->connection->peer_shutdown |= wire.ended;
}

static void make_room(size_t amount)
{
    wire.room = amount < SIZE_MAX - wire.room ? wire.room + amount : SIZE_MAX;
}

static void reset(struct play *play)
{
    wire.gone = play->cut = true;
    play->connection->readable = play->connection->peer_shutdown = true;
}

/* As drain() in worker.c: a connection that waits for a request makes another step. */
static void drain(struct play *play)
{
    bool reading = play->connection->state == CONNECTION_READ || play->connection->state == CONNECTION_PROXY;
    service->context.draining = wire.stopped = true;
    play->connection->readable |= reading;
    if (reading || play->want == WANT_TURN)
        step(play);
}

static void expire(struct play *play)
{
    bool sending = play->connection->state == CONNECTION_SEND;
    play->connection->ready = play->want == WANT_TURN;
    play->want = connection_expire(play->connection, service);
    play->connection->ready = false;
    play->cut |= sending && play->want == WANT_CLOSE;
}

/* Gives bytes or room, whichever the server waits for. */
static void give_amount(struct play *play, size_t amount, bool ends)
{
    static char batch[LIMIT_INPUT];
    if (play->connection->state == CONNECTION_SEND && !ends)
        make_room(amount);
    else
        arrive(play, amount, ends);
    if (connection_awaits_request(play->connection))
        service->received = connection_receive(play->connection, batch, sizeof batch);
    step(play);
}

static void happen(struct play *play)
{
    char byte = play->script.length > 0 ? play->script.at[0] : '*';
    size_t taken = play->script.length > 0;
    play->script = (struct span){play->script.at + taken, play->script.length - taken};
    switch (byte) {
    case 'd':
        drain(play);
        return;
    case 'e':
        expire(play);
        return;
    case 'r':
        reset(play);
        break;
    case 'i':
    case 'm':
    case 'u':
        wire.interrupted |= byte == 'i';
        wire.starving |= byte == 'm';
        wire.unacknowledged |= byte == 'u';
        break;
    case 's':
        break;
    default:
        give_amount(play, amount_of(byte), byte == 'f');
        return;
    }
    step(play);
}

/* The PROXY header in what has arrived. */
static enum proxy_header_state header_arrived(struct proxy_header *header)
{
    size_t length = wire.arrived < LIMIT_PROXY_HEADER ? wire.arrived : LIMIT_PROXY_HEADER;
    return proxy_header_parse((struct span){wire.sent.at, length}, header);
}

/* A connection that waits for an event must have read and sent all it could, or it would wait for ever. */
static void check_wait(const struct play *play)
{
    enum deadline_kind kind = connection_deadline(play->connection);
    struct proxy_header header;
    CHECK(kind != DEADLINE_KINDS);
    if (play->connection->state == CONNECTION_PROXY) {
        CHECK(kind == DEADLINE_HEAD && wire.taken == 0 && !wire.ended && !wire.gone);
        CHECK(header_arrived(&header) == PROXY_HEADER_PARTIAL);
        return;
    }
    CHECK(kind != DEADLINE_HEAD || input_is_read(play->connection->input));
    if (kind == DEADLINE_WRITE)
        CHECK(wire.room == 0);
    else
        CHECK(wire.taken == wire.arrived && !wire.ended && !wire.gone);
}

/* ---- from accept to close ---- */

static void run(struct play *play, size_t length)
{
    size_t steps_max = 1000 + 8 * length, steps = 0;
    step(play);
    while (play->want != WANT_CLOSE) {
        CHECK(++steps < steps_max); /* it spins */
        service->context.iteration++;
        use_service();
        if (play->want == WANT_EVENT)
            check_wait(play);
        if (play->want == WANT_EVENT || play->script.length > 0)
            happen(play);
        else
            step(play);
    }
    play->cut |= wire.gone || wire.starved; /* the one also when the wire's own memory is at its end */
    wire.starving = false;
    connection_close(play->connection, service);
    CHECK(wire.closed);
    CHECK(play->connection->input == NULL && play->connection->outgoing == NULL);
}

/* Without a whole header nothing is read or answered. Otherwise makes what follows it the client's bytes. */
static void check_header(const struct origin *origin, struct wire *used)
{
    struct proxy_header header;
    if (header_arrived(&header) != PROXY_HEADER_WHOLE || used->taken == 0) {
        CHECK(header_arrived(&header) != PROXY_HEADER_WHOLE || used->gone);
        CHECK(used->taken == 0 && used->given == 0 && used->line_count == 0);
        return;
    }
    CHECK(used->taken >= header.length);
    CHECK(origin->named == header.named && memcmp(&origin->client, &header.client, sizeof header.client) == 0);
    used->taken -= header.length;
    used->sent = (struct span){used->sent.at + header.length, used->sent.length - header.length};
}

/* True if the script begins with p, which is taken. */
static bool take_proxied(struct span *script)
{
    bool proxied = script->length > 0 && script->at[0] == 'p';
    *script = (struct span){script->at + proxied, script->length - proxied};
    return proxied;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const union peer peer = {.v4 = {.sin_family = AF_INET}};
    struct span sent = {(const char *)bytes, length};
    struct play play = {.script = fuzz_take_line(&sent)};
    bool proxied = take_proxied(&play.script);
    wire_open(sent);
    service->context.draining = false;
    service->context.iteration++;
    play.connection = connection_new(wire.fd, &peer, proxied);
    CHECK(play.connection != NULL);
    run(&play, length);
    log_flush();
    struct wire used = wire;
    if (proxied)
        check_header(&play.connection->origin, &used);
    free(play.connection);
    reader_check(&used, play.cut, (struct span){service->context.date, DATE_LENGTH});
    return 0;
}

#include "serve/worker.h"

#include "answer/rules.h"
#include "base/descriptors.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/now.h"
#include "base/signals.h"
#include "serve/connection.h"
#include "serve/deadline.h"
#include "site/listing.h"
#include "site/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

/* A connection of the batch, and what was received from it. */
struct arrival {
    struct connection *connection;
    struct received received;
};

/* Where connections come from: the listening sockets, then the channels from workers that retire, of this program and
   of the one before. */
enum { CHANNELS = 2, SOURCES = LIMIT_LISTENERS + CHANNELS };

/* Connections, linked by `next`. */
struct queue {
    struct connection *first;
    struct connection **end;
    unsigned count;
};

struct worker {
    const struct worker_setup *setup;
    int epoll;
    int64_t paused_until[SOURCES]; /* when to watch a source again, milliseconds; 0: it is watched */
    int64_t resume_at;             /* the earliest of these; INT64_MAX: all are watched */
    bool failing[SOURCES];         /* no connection was accepted since its last error */
    time_t error_logged[SOURCES];  /* when its lasting error was last logged */
    unsigned accepted[SOURCES];    /* connections since it was last added to epoll */
    unsigned first_source;         /* in use: the first channel after the worker has left the listeners */
    int64_t now;                   /* milliseconds of the monotonic clock, read once in each iteration */
    int64_t drain_due;             /* when the drain begins, once the worker was told to stop */
    int64_t drain_deadline;        /* when the remaining connections are closed */
    int64_t store_expiry;          /* when to call store_end_iteration; -1: never */
    int64_t root_retry;            /* when to try the connections again that wait for a new root; INT64_MAX: none do */
    bool retiring;
    bool has_successors;      /* that take connections over */
    int successors;           /* DESCRIPTOR_HANDOFF_OUT, or DESCRIPTOR_HANDOFF_NEXT when the program is replaced */
    int64_t handoff_deadline; /* when a queue that stays full counts as broken */
    bool leave_noticed;       /* the master knows that this worker leaves */
    unsigned connections;
    unsigned idle; /* connections with DEADLINE_IDLE */
    unsigned connections_max;
    struct queue ready;        /* to be stepped in the next iteration, without an event */
    struct queue sending;      /* with a response in flight: as many of them as LIMIT_TURNS_US allow */
    struct connection *closed; /* freed at the end of the iteration, as events may still point to them */
    struct deadlines deadlines;
    struct config config;
    struct service service;
    struct epoll_event events[LIMIT_EVENTS];
    struct arrival arrived[LIMIT_EVENTS]; /* the batch */
    unsigned arrivals;
    size_t batch_used;              /* bytes of `batch` */
    char handed[HANDOFF_BYTES_MAX]; /* bytes that came with a connection */
    char batch[LIMIT_BATCH];        /* requests that are received before the first of them is answered */
};

_Static_assert(LIMIT_ACCEPTS <= LIMIT_EVENTS, "accepted connections fit in a batch");

/* ---- time ---- */

/* Signals are unblocked only while epoll_pwait waits. It returns ready events before it checks for signals, so a busy
   worker would never see SIGTERM: unblock them briefly at each clock tick. Call it before iterate() checks the flags; a
   signal handled after that check would not end the next wait. */
static void deliver_signals(const struct worker *worker)
{
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, &worker->setup->waiting_mask, &blocked);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
}

static inline void read_clocks(struct worker *worker)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    worker->now = (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
    clock_gettime(CLOCK_REALTIME_COARSE, &time);
    if (time.tv_sec != worker->service.context.now) {
        worker->service.context.now = time.tv_sec;
        date_write(worker->service.context.date, time.tv_sec);
    }
}

/* ---- connections ---- */

static struct connection *connection_of(struct deadline *deadline)
{
    return (struct connection *)(void *)((char *)deadline - offsetof(struct connection, deadline));
}

static void arm(struct worker *worker, struct connection *connection, enum deadline_kind kind)
{
    worker->idle -= connection->deadline.kind == DEADLINE_IDLE;
    worker->idle += kind == DEADLINE_IDLE;
    deadline_arm(&worker->deadlines, &connection->deadline, kind, worker->now);
}

/* The epoll instance reports events of a closed socket while another process has it open (epoll(7), Q6): here, the
   worker that handed it over. */
static void unwatch(const struct worker *worker, const struct connection *connection)
{
    if (connection->watched != 0)
        epoll_ctl(worker->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
}

static void add_closed(struct worker *worker, struct connection *connection)
{
    connection->next = worker->closed;
    worker->closed = connection;
}

static void close_connection(struct worker *worker, struct connection *connection)
{
    if (connection->taken_over) { /* close(2) alone would end neither the connection nor its events */
        unwatch(worker, connection);
        shutdown(connection->fd, SHUT_WR);
    }
    worker->idle -= connection->deadline.kind == DEADLINE_IDLE;
    connection_close(connection, &worker->service);
    worker->connections--;
    if (!connection->ready) /* else step_first() does that */
        add_closed(worker, connection);
}

static void add_ready(struct worker *worker, struct connection *connection)
{
    struct queue *queue = connection->state == CONNECTION_SEND ? &worker->sending : &worker->ready;
    if (connection->ready)
        return;
    connection->ready = true;
    connection->next = NULL;
    *queue->end = connection;
    queue->end = &connection->next;
    queue->count++;
}

static struct connection *take_first(struct queue *queue)
{
    struct connection *first = queue->first;
    queue->first = first->next;
    if (queue->first == NULL)
        queue->end = &queue->first;
    queue->count--;
    first->ready = false;
    return first;
}

/* Not inlined, as most calls of watch need no such stack frame. */
__attribute__((noinline)) static bool add_events(const struct worker *worker, struct connection *connection,
                                                 uint32_t wanted)
{
    struct epoll_event event = {.events = connection->watched | wanted, .data.ptr = connection};
    int operation = connection->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    connection->watched = event.events;
    return epoll_ctl(worker->epoll, operation, connection->fd, &event) == 0;
}

/* Edge-triggered, and events are only ever added, so switching between reading and sending needs no epoll_ctl. Adding
   an event reports it if the socket is ready already (epoll(7)), as new sockets are for EPOLLOUT. To save that wakeup,
   EPOLLOUT is added when the socket is full for the first time; most sockets never are. */
static bool watch(struct worker *worker, struct connection *connection)
{
    uint32_t wanted = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET;
    if (connection->state == CONNECTION_SEND)
        wanted |= EPOLLOUT;
    return (connection->watched & wanted) == wanted || add_events(worker, connection, wanted);
}

/* A worker that will exit has shorter deadlines for clients that may never send or close. */
static enum deadline_kind deadline_kind_of(const struct worker *worker, const struct connection *connection)
{
    enum deadline_kind kind = connection_deadline(connection);
    if (kind == DEADLINE_IDLE && worker->service.retiring)
        return DEADLINE_LAST_REQUEST;
    if (kind == DEADLINE_LINGER && worker->service.context.draining)
        return DEADLINE_LAST_BYTES;
    return kind;
}

/* Returns 0 or an errno: EAGAIN if the pipe is full; EPIPE if the master has replaced its program, so that nothing
   reads the notices. */
static int send_notice(enum worker_notice what)
{
    char byte = (char)what;
    return write(DESCRIPTOR_MASTER, &byte, sizeof byte) > 0 ? 0 : errno;
}

/* The connection's turn comes in the next iteration, or when the slow network has carried it. */
__attribute__((cold, noinline)) static void slow_down(struct worker *worker, struct connection *connection,
                                                      enum connection_want want)
{
    int64_t due = 0;
    enum deadline_kind kind = connection_slow_down(connection, &worker->service, want, &due);
    if (kind == DEADLINE_KINDS)
        add_ready(worker, connection);
    else
        deadline_arm(&worker->deadlines, &connection->deadline, kind, due);
}

/* Does what the connection wants, and updates its deadline. A connection that never waits is never added to epoll. */
static void schedule(struct worker *worker, struct connection *connection, enum connection_want want)
{
    if (want == WANT_CLOSE || (want == WANT_EVENT && !watch(worker, connection))) {
        close_connection(worker, connection);
        return;
    }
    enum deadline_kind kind = deadline_kind_of(worker, connection);
    if (connection->rearm_deadline || connection->deadline.kind != kind) {
        arm(worker, connection, kind);
        connection->rearm_deadline = false;
    }
    if (want >= WANT_TURN) {
        if (worker->service.turn_bytes == 0)
            slow_down(worker, connection, want);
        else
            add_ready(worker, connection);
    }
}

static inline void step(struct worker *worker, struct connection *connection)
{
    enum connection_want want = connection_step(connection, &worker->service);
    schedule(worker, connection, want);
}

/* ---- listening ---- */

static unsigned source_count(const struct worker *worker)
{
    return worker->setup->listener_count + CHANNELS;
}

static bool is_listener(const struct worker *worker, unsigned source)
{
    return source < worker->setup->listener_count;
}

static int fd_of_source(const struct worker *worker, unsigned source)
{
    if (is_listener(worker, source))
        return worker->setup->listeners[source];
    return source == worker->setup->listener_count ? DESCRIPTOR_HANDOFF_IN : DESCRIPTOR_HANDOFF_BEFORE;
}

static bool is_paused(const struct worker *worker, unsigned source)
{
    return worker->paused_until[source] != 0;
}

static bool watch_source(struct worker *worker, unsigned source)
{
    /* Level-triggered: connections that this worker leaves in the queue are reported again. Exclusive: a new connection
       wakes one worker, not all (epoll_ctl(2)). One that is handed over wakes all, as the first may have no room. */
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = source};
    if (is_listener(worker, source))
        event.events |= EPOLLEXCLUSIVE;
    worker->accepted[source] = 0;
    return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd_of_source(worker, source), &event) == 0;
}

static void ignore_source(const struct worker *worker, unsigned source)
{
    epoll_ctl(worker->epoll, EPOLL_CTL_DEL, fd_of_source(worker, source), NULL);
}

static bool watch_sources(struct worker *worker)
{
    worker->resume_at = INT64_MAX;
    for (unsigned i = 0; i < source_count(worker); i++) {
        if (!watch_source(worker, i))
            return false;
    }
    return true;
}

/* A listener that can't accept stays readable, and the loop would spin. New connections stay in the accept queue
   meanwhile. */
static void pause_source(struct worker *worker, unsigned source)
{
    int64_t until = worker->now + LIMIT_ACCEPT_PAUSE_MS;
    ignore_source(worker, source);
    worker->paused_until[source] = until;
    if (until < worker->resume_at)
        worker->resume_at = until;
}

/* The kernel wakes the first waiting worker in the listener's queue. Move this worker to the end after its share, or it
   would get nearly all connections. epoll_ctl reports connections that arrive meanwhile, so none is lost. */
static void yield_listener(struct worker *worker, unsigned listener)
{
    if (worker->setup->worker_count == 1 || worker->accepted[listener] < LIMIT_ACCEPT_SHARE ||
        is_paused(worker, listener))
        return;
    ignore_source(worker, listener);
    if (!watch_source(worker, listener))
        pause_source(worker, listener);
}

/* Watches the sources whose pause is over, or pauses them again if that fails. */
static void resume_sources(struct worker *worker)
{
    worker->resume_at = INT64_MAX;
    for (unsigned i = worker->first_source; i < source_count(worker); i++) {
        if (!is_paused(worker, i))
            continue;
        if (worker->now >= worker->paused_until[i] && watch_source(worker, i))
            worker->paused_until[i] = 0;
        else if (worker->now >= worker->paused_until[i])
            pause_source(worker, i);
        else if (worker->paused_until[i] < worker->resume_at)
            worker->resume_at = worker->paused_until[i];
    }
}

/* The error may last, for example if another process has shut the socket down; other listeners go on. Log it from the
   second in a row on: a single error may come from a connection that broke before accept (accept(2)). */
static void pause_failed_listener(struct worker *worker, unsigned listener, int error)
{
    time_t now = worker->service.context.now;
    bool lasts = worker->failing[listener];
    pause_source(worker, listener);
    worker->failing[listener] = true;
    if (!lasts || now - worker->error_logged[listener] < LIMIT_ACCEPT_HINT_S)
        return;
    worker->error_logged[listener] = now;
    log_error("accepting on listening socket %u of %u fails: %s; trying again every %d ms", listener + 1,
              worker->setup->listener_count, strerror(error), LIMIT_ACCEPT_PAUSE_MS);
}

/* Closes the longest idle connection. If a request has arrived on it by now, answers it instead. */
static bool close_idle(struct worker *worker)
{
    struct deadline *idle;
    unsigned connections = worker->connections;
    while ((idle = deadline_first(&worker->deadlines, DEADLINE_IDLE)) != NULL) {
        struct connection *connection = connection_of(idle);
        connection->readable = true;
        connection->rearm_deadline = false;
        step(worker, connection);
        if (deadline_first(&worker->deadlines, DEADLINE_IDLE) == idle)
            close_connection(worker, connection);
        if (worker->connections < connections)
            return true;
    }
    return false;
}

/* Closes the oldest connection with this kind of deadline if it is at least `age` milliseconds old. */
static bool close_oldest(struct worker *worker, enum deadline_kind kind, int64_t age)
{
    struct deadline *oldest = deadline_first(&worker->deadlines, kind);
    if (oldest == NULL || deadline_age(&worker->deadlines, oldest, worker->now) < age)
        return false;
    close_connection(worker, connection_of(oldest));
    return true;
}

/* Out of descriptors, connections or memory: close an idle connection first, then a lingering one, then the oldest
   incomplete request. Never one with a response in flight: if no other is open, accept none for a while. */
static void make_room(struct worker *worker)
{
    if (close_idle(worker) || close_oldest(worker, DEADLINE_LINGER, 0) ||
        close_oldest(worker, DEADLINE_HEAD, LIMIT_HALF_REQUEST_MS) ||
        close_oldest(worker, DEADLINE_BODY, LIMIT_HALF_REQUEST_MS))
        return;
    for (unsigned i = worker->first_source; i < source_count(worker); i++)
        pause_source(worker, i);
}

/* Files that the store keeps open for later requests are closed before any connection. */
static void make_room_after(struct worker *worker, int error)
{
    bool descriptors = error == EMFILE || error == ENFILE;
    if (!descriptors || !store_free_descriptor(worker->service.context.store))
        make_room(worker);
}

/* Counts the connection and returns it. NULL, as memory is short: closes the socket and makes room. */
static struct connection *admit(struct worker *worker, struct connection *connection, int fd)
{
    if (connection != NULL) {
        worker->connections++;
        return connection;
    }
    close(fd);
    make_room(worker);
    return NULL;
}

/* Returns false if accept should not be called again. Errors of a connection have removed it from the queue; any other
   error may last. */
static bool handle_accept_error(struct worker *worker, unsigned listener, int error)
{
    switch (error) {
    case EAGAIN: /* the queue is empty */
        return false;
    case EINTR:
    case ECONNABORTED:
        return true;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        make_room_after(worker, error);
        return true;
    default:
        pause_failed_listener(worker, listener, error);
        return false;
    }
}

/* Don't guess from the first bytes (the PROXY protocol's specification, 2): a client could invent a header. */
static bool expects_header(const struct worker *worker, const union peer *peer)
{
    const struct settings *settings = worker->setup->settings;
    return settings->proxy_protocol && client_is_trusted_proxy(peer, settings);
}

/* ---- the batch: requests that are all received before the first of them is answered ---- */

/* Bounds the first turns of the batch's responses. While more connections wait to be accepted, each is short, or these
   would wait for all of them. None sends anything in a slow network. */
static void share_first_turns(struct worker *worker, bool more)
{
    uint64_t bytes = LIMIT_TURN_BYTES;
    if (more || worker->arrivals > LIMIT_FIRST_TURNS_BYTES / LIMIT_TURN_BYTES) {
        uint64_t share = more ? 0 : LIMIT_FIRST_TURNS_BYTES / worker->arrivals;
        bytes = share > LIMIT_FIRST_TURN_BYTES ? share : LIMIT_FIRST_TURN_BYTES;
    }
    worker->service.first_turn_bytes = worker->service.turn_bytes > 0 ? bytes : 0;
}

/* A stat made from now on is later than the last byte of each request of the batch, so they may share it. `more`: the
   listener has more connections. */
static inline void step_arrivals(struct worker *worker, bool more)
{
    worker->service.context.iteration++;
    share_first_turns(worker, more);
    for (unsigned i = 0; i < worker->arrivals; i++) {
        worker->service.received = worker->arrived[i].received;
        step(worker, worker->arrived[i].connection);
    }
    worker->arrivals = 0;
    worker->batch_used = 0;
}

/* Steps the batch if a whole recv may not fit. */
static inline void keep_batch_room(struct worker *worker)
{
    if (sizeof worker->batch - worker->batch_used < LIMIT_INPUT)
        step_arrivals(worker, false);
}

/* Receives from the connection. Call keep_batch_room() first. */
static inline void add_arrival(struct worker *worker, struct connection *connection)
{
    struct arrival *arrival = &worker->arrived[worker->arrivals++];
    arrival->connection = connection;
    arrival->received = connection_awaits_request(connection)
                            ? connection_receive(connection, worker->batch + worker->batch_used, LIMIT_INPUT)
                            : (struct received){NULL, RECEIVED_NOTHING};
    worker->batch_used += arrival->received.length > 0 ? (size_t)arrival->received.length : 0;
}

/* ---- new connections ---- */

/* Connections to be accepted before the first of them is answered: few if others could answer them. */
static unsigned accept_batch(const struct worker *worker)
{
    return worker->setup->worker_count > 1 ? LIMIT_ACCEPTS / 4 : LIMIT_ACCEPTS;
}

/* Adds a connection to the batch. Returns false if the listener has no more, or fails. */
static bool accept_one(struct worker *worker, unsigned listener)
{
    union peer peer;
    socklen_t length = sizeof peer;
    int fd = accept4(worker->setup->listeners[listener], &peer.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return handle_accept_error(worker, listener, errno);
    worker->failing[listener] = false;
    worker->accepted[listener]++;
    struct connection *connection = admit(worker, connection_new(fd, &peer, expects_header(worker, &peer)), fd);
    if (connection == NULL)
        return true;
    if (worker->arrivals >= accept_batch(worker))
        step_arrivals(worker, true);
    keep_batch_room(worker);
    add_arrival(worker, connection);
    return true;
}

/* Steps the connection in the next iteration, as its request may have arrived after a stat of this iteration. Its
   deadline goes on, or a client would get more time with each new root. */
static void take_over(struct worker *worker, struct connection *connection, uint32_t age)
{
    schedule(worker, connection, WANT_TURN);
    enum deadline_kind kind = connection->deadline.kind;
    if (kind == DEADLINE_HEAD || kind == DEADLINE_IDLE)
        deadline_arm(&worker->deadlines, &connection->deadline, kind, worker->now - age);
}

/* Frees a descriptor, unless one is free: without one, recvmsg(2) would drop the connection. False if none can be. */
static bool keep_descriptor_free(const struct worker *worker)
{
    for (;;) {
        int fd = openat(worker->setup->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0) {
            close(fd);
            return true;
        }
        if (errno != EMFILE && errno != ENFILE)
            return errno != ENOMEM; /* as EACCES in a root that may not be searched: it had a descriptor */
        if (!store_free_descriptor(worker->service.context.store))
            return false;
    }
}

/* Returns false if the channel is empty, at its end, or fails. */
static bool take_over_one(struct worker *worker, unsigned source)
{
    struct handoff handoff;
    if (!keep_descriptor_free(worker)) {
        pause_source(worker, source);
        return false;
    }
    switch (handoff_receive(fd_of_source(worker, source), worker->handed, &handoff)) {
    case HANDOFF_DONE: {
        bool has_header = expects_header(worker, &handoff.origin.peer);
        struct connection *connection = admit(worker, connection_take(&handoff, has_header), handoff.fd);
        if (connection != NULL)
            take_over(worker, connection, handoff.age);
        return true;
    }
    case HANDOFF_FAILED:
        return true;
    case HANDOFF_AGAIN:
        if (errno != EAGAIN) /* it stays readable, and the loop would spin */
            pause_source(worker, source);
        return false;
    case HANDOFF_END:
        ignore_source(worker, source); /* epoll would report it again and again */
        break;
    }
    return false;
}

/* Returns false if the source has no connection left, or there is no room for one. */
static bool take_connections(struct worker *worker, unsigned source)
{
    for (unsigned i = 0; i < LIMIT_ACCEPTS && !is_paused(worker, source); i++) {
        if (worker->connections >= worker->connections_max) {
            if (i > 0) /* the event promises one connection: close no other for nothing */
                return true;
            if (is_listener(worker, source))
                make_room(worker);
            else /* a worker with room takes it, or the old worker keeps it */
                pause_source(worker, source);
            continue;
        }
        bool more = is_listener(worker, source) ? accept_one(worker, source) : take_over_one(worker, source);
        if (!more)
            return false;
    }
    return !is_paused(worker, source);
}

/* ---- handing over ---- */

/* Steps all connections with this kind of deadline in the next iteration. */
static void step_all(struct worker *worker, enum deadline_kind kind)
{
    struct deadline *deadline = deadline_first(&worker->deadlines, kind);
    for (; deadline != NULL; deadline = deadline_after(&worker->deadlines, deadline)) {
        struct connection *connection = connection_of(deadline);
        connection->readable = true; /* bytes may have arrived that no event has reported */
        add_ready(worker, connection);
    }
}

/* Replaces all deadlines of one kind by new ones of another. */
static void rearm_all(struct worker *worker, enum deadline_kind from, enum deadline_kind to)
{
    struct deadline *first;
    while ((first = deadline_first(&worker->deadlines, from)) != NULL)
        arm(worker, connection_of(first), to);
}

/* If no worker takes connections over, as with an older program, each client may send one more request, and its
   response has Connection: close. A connection without one is soon closed, as idle ones may be (RFC 9112 9.5). */
static void keep_connections(struct worker *worker)
{
    worker->has_successors = false;
    worker->service.retiring = true;
    rearm_all(worker, DEADLINE_IDLE, DEADLINE_LAST_REQUEST);
    step_all(worker, DEADLINE_ROOT);
}

static enum handoff_result hand_over(struct worker *worker, struct connection *connection)
{
    struct handoff handoff;
    if (!connection_offer(connection, &handoff))
        return HANDOFF_FAILED;
    handoff.age = (uint32_t)deadline_age(&worker->deadlines, &connection->deadline, worker->now);
    enum handoff_result result = handoff_send(worker->successors, &handoff);
    if (result != HANDOFF_DONE)
        return result;
    unwatch(worker, connection);
    connection->taken_over = false; /* it is another worker's, and goes on */
    close_connection(worker, connection);
    return HANDOFF_DONE;
}

/* Hands over connections with a request first. */
static const enum deadline_kind handed_over[] = {DEADLINE_ROOT, DEADLINE_HEAD, DEADLINE_IDLE};
enum { HANDED_OVER = sizeof handed_over / sizeof *handed_over };

static void hand_over_all(struct worker *worker)
{
    for (unsigned i = 0; i < HANDED_OVER; i++) {
        struct deadline *first;
        while ((first = deadline_first(&worker->deadlines, handed_over[i])) != NULL) {
            enum handoff_result result = hand_over(worker, connection_of(first));
            if (result == HANDOFF_FAILED || (result == HANDOFF_AGAIN && worker->now >= worker->handoff_deadline))
                keep_connections(worker);
            if (result != HANDOFF_DONE)
                return;
            worker->handoff_deadline = worker->now + LIMIT_ROOT_MS;
        }
    }
}

/* True if connections wait for room in the queue. */
static bool is_handing_over(const struct worker *worker)
{
    bool waits = false;
    for (unsigned i = 0; i < HANDED_OVER && worker->has_successors; i++)
        waits |= deadline_first(&worker->deadlines, handed_over[i]) != NULL;
    return waits;
}

/* Tells the master once in an iteration; a full queue holds such a notice already. Tries waiting requests again, as the
   root may be the open one again. */
static void follow_root(struct worker *worker)
{
    if (worker->service.root_changed)
        (void)send_notice(WORKER_FOUND_ROOT_CHANGED);
    worker->service.root_changed = false;
    if (deadline_first(&worker->deadlines, DEADLINE_ROOT) == NULL) {
        worker->root_retry = INT64_MAX;
    } else if (worker->root_retry == INT64_MAX) {
        worker->root_retry = worker->now + LIMIT_ROOT_RETRY_MS;
    } else if (worker->now >= worker->root_retry) {
        worker->root_retry = worker->now + LIMIT_ROOT_RETRY_MS;
        step_all(worker, DEADLINE_ROOT);
    }
}

/* ---- the loop ---- */

static bool is_of_source(const struct worker *worker, const struct epoll_event *event)
{
    return event->data.u64 < source_count(worker); /* no pointer is that small */
}

static void note_event(struct connection *connection, uint32_t events)
{
    connection->readable |= (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    connection->urgent |= (events & EPOLLPRI) != 0;
    connection->peer_shutdown |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
}

static void serve_connections(struct worker *worker, const struct epoll_event *events, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;
        if (is_of_source(worker, &events[i]))
            continue;
        keep_batch_room(worker);
        note_event(connection, events[i].events);
        if (connection->state == CONNECTION_SEND) /* within the time of all turns, or they would delay the requests */
            add_ready(worker, connection);
        if (!connection->ready)
            add_arrival(worker, connection);
    }
    step_arrivals(worker, false);
}

/* Call it after serve_connections: an idle connection may be closed to make room, and one with an event is not idle.
   Returns true if more connections wait. */
static bool serve_sources(struct worker *worker, const struct epoll_event *events, unsigned count)
{
    bool more = false;
    for (unsigned i = 0; i < count; i++) {
        if (!is_of_source(worker, &events[i]))
            continue;
        unsigned source = (unsigned)events[i].data.u64;
        bool waits = take_connections(worker, source);
        step_arrivals(worker, waits);
        more |= waits;
        if (is_listener(worker, source))
            yield_listener(worker, source);
    }
    return more;
}

static void step_first(struct worker *worker, struct queue *queue)
{
    struct connection *connection = take_first(queue);
    if (connection->state == CONNECTION_CLOSED)
        add_closed(worker, connection);
    else
        step(worker, connection);
}

/* Steps those that were ready when the iteration began: others have their turn in the next one. */
static void step_ready(struct worker *worker, unsigned count)
{
    share_first_turns(worker, count);
    while (count-- > 0)
        step_first(worker, &worker->ready);
}

/* Gives turns to `count` responses in flight, at least to one. After `limit` microseconds the others wait for the next
   iteration, which answers the requests that have arrived meanwhile first. */
static void send_in_turn(struct worker *worker, unsigned count, int64_t limit)
{
    int64_t end = now_us() + limit;
    while (count-- > 0) {
        step_first(worker, &worker->sending);
        if (count > 0 && now_us() >= end)
            return;
    }
}

static void expire_connections(struct worker *worker)
{
    struct deadline *due;
    while ((due = deadline_due(&worker->deadlines, worker->now)) != NULL) {
        struct connection *connection = connection_of(due);
        schedule(worker, connection, connection_expire(connection, &worker->service));
    }
}

static void free_closed(struct worker *worker)
{
    while (worker->closed != NULL) {
        struct connection *connection = worker->closed;
        worker->closed = connection->next;
        free(connection);
    }
}

/* ---- stopping ---- */

static void close_all(struct worker *worker, enum deadline_kind kind)
{
    struct deadline *first;
    while ((first = deadline_first(&worker->deadlines, kind)) != NULL)
        close_connection(worker, connection_of(first));
}

static bool is_leaving(const struct worker *worker)
{
    return worker->service.context.draining || worker->retiring;
}

/* No event announced a connection here, so a full worker makes room only when one has arrived. */
static void accept_last(struct worker *worker, unsigned listener)
{
    for (unsigned i = 0; i < LIMIT_DRAIN_ROUNDS * LIMIT_ACCEPTS && !is_paused(worker, listener); i++) {
        bool more = accept_one(worker, listener);
        step_arrivals(worker, more); /* make_room() can't close a connection that has no deadline yet */
        if (!more)
            return;
        if (worker->connections > worker->connections_max)
            make_room(worker);
    }
}

static void leave_listeners(struct worker *worker)
{
    /* New connections now wake other workers only. Below, accept those that woke this worker. */
    for (unsigned i = 0; i < worker->setup->listener_count; i++)
        ignore_source(worker, i);
    for (unsigned i = 0; i < worker->setup->listener_count; i++) {
        /* Closing the last listening socket would reset the connections in the accept queue. Connections without data
           are not in it (TCP_DEFER_ACCEPT in listen.c). */
        accept_last(worker, i);
    }
    worker->resume_at = INT64_MAX;
    worker->first_source = worker->setup->listener_count;
    for (unsigned i = 0; i < worker->setup->listener_count; i++)
        close(worker->setup->listeners[i]);
}

static int send_leaving(struct worker *worker)
{
    int error = send_notice(WORKER_LEAVES);
    worker->leave_noticed = error != EAGAIN;
    return error;
}

static void ignore_channels(struct worker *worker)
{
    for (unsigned source = worker->setup->listener_count; source < source_count(worker); source++)
        ignore_source(worker, source);
    worker->first_source = source_count(worker);
}

/* Returns the time for the remaining connections, in milliseconds. */
static int64_t leave_ms(const struct worker *worker)
{
    bool drains = worker->service.context.draining;
    return drains ? INT64_C(1000) * worker->setup->settings->drain : LIMIT_RETIRE_MS;
}

/* The new program has workers. Takes over the connections that other workers of this program handed over before they
   knew, until the last of these workers has ended. */
static void follow_program(struct worker *worker)
{
    worker->successors = DESCRIPTOR_HANDOFF_NEXT;
    worker->first_source = worker->setup->listener_count;
    for (unsigned source = worker->first_source; source < source_count(worker); source++) {
        if (!watch_source(worker, source))
            pause_source(worker, source);
    }
}

/* Other workers take over, of this program or of the next one: this can happen twice. Responses in flight get an
   hour. */
static void retire(struct worker *worker)
{
    if (!worker->retiring) {
        worker->retiring = true;
        worker->drain_deadline = worker->now + leave_ms(worker);
        leave_listeners(worker);
        ignore_channels(worker);
        store_forget_unused(worker->service.context.store);
        worker->successors = DESCRIPTOR_HANDOFF_OUT;
    }
    if (worker->successors == DESCRIPTOR_HANDOFF_OUT && send_leaving(worker) == EPIPE)
        follow_program(worker);
    worker->has_successors = true;
    worker->handoff_deadline = worker->now + LIMIT_ROOT_MS;
}

/* Connections in the channels would be lost with the last worker. */
static void take_last_connections(struct worker *worker)
{
    for (unsigned source = worker->setup->listener_count; source < source_count(worker); source++) {
        unsigned rounds = 0;
        while (rounds++ < LIMIT_DRAIN_ROUNDS && take_connections(worker, source))
            ;
    }
    ignore_channels(worker);
}

/* Requests that have arrived are answered, then their connections are closed; those without a complete request at
   once. */
static void drain(struct worker *worker)
{
    worker->service.context.draining = true;
    worker->drain_deadline = worker->now + leave_ms(worker);
    worker->has_successors = false;
    if (!worker->retiring)
        leave_listeners(worker);
    take_last_connections(worker);
    step_all(worker, DEADLINE_IDLE);
    step_all(worker, DEADLINE_ROOT);
    step_all(worker, DEADLINE_LAST_REQUEST);
    step_all(worker, DEADLINE_HEAD);
    step_all(worker, DEADLINE_BODY);
    rearm_all(worker, DEADLINE_LINGER, DEADLINE_LAST_BYTES);
}

/* Serves on until the drain is due; the health check answers 503. */
static void stop(struct worker *worker)
{
    struct context *context = &worker->service.context;
    if (context->draining)
        return;
    if (!context->stopping)
        worker->drain_due = worker->now + INT64_C(1000) * worker->setup->settings->shutdown_delay;
    context->stopping = true;
    if (worker->now >= worker->drain_due)
        drain(worker);
}

/* Takes the last connections from the channels before it says that the worker may end. */
static bool may_end(struct worker *worker)
{
    if (!is_leaving(worker))
        return false;
    if (worker->connections == 0 && (worker->service.context.draining || worker->successors == DESCRIPTOR_HANDOFF_NEXT))
        take_last_connections(worker);
    return worker->connections == 0 || worker->now >= worker->drain_deadline;
}

/* A wait below 0 has no limit. */
static int64_t shorter_wait(int64_t wait, int64_t other)
{
    if (other < 0)
        other = 0;
    return wait < 0 || other < wait ? other : wait;
}

/* Returns when the drain begins, or when the worker ends. */
static int64_t next_stage(const struct worker *worker)
{
    bool drains = worker->service.context.stopping && !worker->service.context.draining;
    return drains && worker->drain_due < worker->drain_deadline ? worker->drain_due : worker->drain_deadline;
}

/* Returns the longest wait for events, in milliseconds; -1: without limit. */
static int wait_time(struct worker *worker)
{
    if (worker->ready.count + worker->sending.count > 0)
        return 0;
    int64_t wait = deadline_wait(&worker->deadlines, worker->now);
    if (worker->resume_at != INT64_MAX)
        wait = shorter_wait(wait, worker->resume_at - worker->now);
    if (worker->service.context.stopping || worker->retiring)
        wait = shorter_wait(wait, next_stage(worker) - worker->now);
    if (is_handing_over(worker))
        wait = shorter_wait(wait, LIMIT_HANDOFF_RETRY_MS);
    if (worker->root_retry != INT64_MAX)
        wait = shorter_wait(wait, worker->root_retry - worker->now);
    if (worker->store_expiry >= 0)
        wait = shorter_wait(wait, worker->store_expiry - worker->now);
    /* The coarse clock lags by a tick; wait a millisecond longer, so that the deadline has passed. */
    return wait < 0 ? -1 : (int)(wait + (wait > 0));
}

/* Updates this worker's shared metrics. */
static void publish(struct worker *worker)
{
    struct metrics *metrics = worker->service.context.metrics;
    metrics_set_connections(metrics, worker->connections, worker->idle);
    if (worker->setup->settings->metrics == NULL)
        return;
    struct store_hits hits = store_take_hits(worker->service.context.store);
    metrics_count_cache(metrics, hits.found, hits.loaded);
}

/* Returns the number of events; -1 after a signal. If none is ready, writes the pending lines of the log first. */
static int wait_for_events(struct worker *worker)
{
    struct epoll_event *events = worker->events;
    int wait = wait_time(worker);
    if (wait != 0 && log_is_pending()) {
        int count = epoll_pwait(worker->epoll, events, LIMIT_EVENTS, 0, &worker->setup->waiting_mask);
        if (count != 0)
            return count;
        log_flush();
        if (log_is_pending()) /* the pipe is full, and no event reports when it has room */
            wait = (int)shorter_wait(wait, LIMIT_LOG_RETRY_MS);
    }
    return epoll_pwait(worker->epoll, events, LIMIT_EVENTS, wait, &worker->setup->waiting_mask);
}

/* Begins all deadlines anew after this process was stopped. Call it after deliver_signals(), or a deadline may pass
   before SIGCONT is handled. */
__attribute__((cold, noinline)) static void renew_deadlines(struct worker *worker)
{
    read_clocks(worker);
    deadlines_renew(&worker->deadlines, worker->now);
    if (worker->service.slow.free_at < worker->now * 1000)
        worker->service.slow.free_at = worker->now * 1000;
    worker->handoff_deadline = worker->now + LIMIT_ROOT_MS;
    if (worker->drain_deadline != INT64_MAX)
        worker->drain_deadline = worker->now + leave_ms(worker);
}

static void iterate(struct worker *worker)
{
    int reported = wait_for_events(worker);
    unsigned count = reported > 0 ? (unsigned)reported : 0;
    unsigned ready = worker->ready.count, sending = worker->sending.count;
    int64_t before = worker->now;
    listing_begin_iteration();
    read_clocks(worker);
    bool ticked = worker->now != before;
    if (ticked) {
        deliver_signals(worker);
        log_flush(); /* a busy worker holds no line for longer than a tick either */
    }
    if (signals_take(SIGNAL_RESUME))
        renew_deadlines(worker);
    serve_connections(worker, worker->events, count);
    bool more = serve_sources(worker, worker->events, count);
    if (ready > 0)
        step_ready(worker, ready);
    if (sending > 0)
        send_in_turn(worker, sending, more ? 0 : LIMIT_TURNS_US);
    if (ticked) /* deadlines are armed for later than now, so none is due before a tick */
        expire_connections(worker);
    free_closed(worker);
    worker->store_expiry = store_end_iteration(worker->service.context.store, worker->now);
    publish(worker);
    if (signals_take(SIGNAL_DRAIN) || worker->service.context.stopping)
        stop(worker);
    if (signals_take(SIGNAL_RETIRE) && !worker->service.context.draining)
        retire(worker);
    if (worker->has_successors)
        hand_over_all(worker);
    if (is_leaving(worker) && !worker->leave_noticed)
        (void)send_leaving(worker);
    if (worker->now >= worker->resume_at)
        resume_sources(worker);
    follow_root(worker);
}

/* ---- from start to end ---- */

static enum access_form access_form_of(const struct settings *settings)
{
    enum access_form text = log_is_coloured(STDOUT_FILENO) ? ACCESS_COLOURED : ACCESS_TERMINAL;
    enum access_form usual = log_is_terminal(STDOUT_FILENO) ? text : ACCESS_COMBINED;
    switch (settings->log) {
    case LOG_CHOICE_AUTO:
        return settings->verbosity == VERBOSITY_QUIET && settings->access_log == NULL ? ACCESS_NONE : usual;
    case LOG_CHOICE_TEXT:
        return text;
    case LOG_CHOICE_COMBINED:
        return ACCESS_COMBINED;
    case LOG_CHOICE_JSON:
        return ACCESS_JSON;
    case LOG_CHOICE_ERRORS:
        return usual;
    case LOG_CHOICE_OFF:
        break;
    }
    return ACCESS_NONE;
}

/* Each connection may need two descriptors: its socket, and a large file that is sent to it alone. */
static unsigned connections_max(const struct worker_setup *setup)
{
    struct rlimit limit;
    rlim_t reserved = setup->listener_count + LIMIT_RESERVED_FDS;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return LIMIT_CONNECTIONS;
    rlim_t connections = limit.rlim_cur > reserved + 2 ? (limit.rlim_cur - reserved) / 2 : 1;
    return connections < LIMIT_CONNECTIONS ? (unsigned)connections : LIMIT_CONNECTIONS;
}

static bool open_worker(struct worker *worker, const struct worker_setup *setup)
{
    uint32_t keep_alive = setup->settings->keep_alive;
    worker->setup = setup;
    worker->ready.end = &worker->ready.first;
    worker->sending.end = &worker->sending.first;
    config_open(&worker->config, setup->settings, setup->check_host);
    worker->store_expiry = -1;
    worker->root_retry = INT64_MAX;
    worker->drain_due = setup->drain_due;
    worker->drain_deadline = INT64_MAX;
    worker->service.context.stopping = setup->drain_due != 0;
    worker->connections_max = connections_max(setup);
    deadlines_init(&worker->deadlines, INT64_C(1000) * (keep_alive > 0 ? keep_alive : LIMIT_IDLE_S));
    worker->service.context.config = &worker->config;
    if (setup->settings->rules != RULES_OFF)
        worker->service.context.rules = rules_open(&worker->config);
    bool has_rules = worker->service.context.rules != NULL || setup->settings->rules == RULES_OFF;
    worker->service.access_form = access_form_of(setup->settings);
    worker->service.context.logs_reasons = access_tells_why(worker->service.access_form);
    worker->service.timed_form = setup->settings->metrics != NULL ? ACCESS_JSON : worker->service.access_form;
    worker->service.log_errors_only = setup->settings->log == LOG_CHOICE_ERRORS;
    worker->service.turn_bytes = setup->settings->slow.rate == 0 ? LIMIT_TURN_BYTES : 0;
    worker->service.slow.rate = setup->settings->slow.rate;
    worker->service.slow.delay = INT64_C(1000) * setup->settings->slow.delay;
    worker->service.context.metrics = setup->metrics;
    worker->service.context.store = store_open(setup->root, LIMIT_RACY_MS);
    struct store *store = worker->service.context.store;
    if (store != NULL) {
        store_obey(store, setup->settings);
        store_follow(store, setup->root_name);
        store_reserve(store, worker->config.extra_head_bytes);
        store_bound(store, setup->memory);
    }
    listing_bound(setup->memory);
    worker->epoll = setup->epoll;
    read_clocks(worker);
    return has_rules && store != NULL && worker->epoll >= 0 && watch_sources(worker);
}

static void close_worker(struct worker *worker)
{
    for (unsigned kind = 0; kind < DEADLINE_KINDS; kind++)
        close_all(worker, kind);
    while (worker->ready.count > 0)
        step_first(worker, &worker->ready);
    while (worker->sending.count > 0)
        step_first(worker, &worker->sending);
    free_closed(worker);
    log_close();
    descriptors_close(worker->epoll);
    rules_close(worker->service.context.rules);
    if (worker->service.context.store != NULL)
        store_close(worker->service.context.store);
    free(worker);
}

int worker_run(const struct worker_setup *setup)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return EX_OSERR;
    signals_handle(SIGNAL_WORKER, 1U << SIGNAL_DRAIN | 1U << SIGNAL_RETIRE | 1U << SIGNAL_RESUME);
    bool opened = open_worker(worker, setup);
    if (!opened)
        log_error("a worker can't start: %s", strerror(errno));
    while (opened && !may_end(worker))
        iterate(worker);
    close_worker(worker);
    return opened ? EX_OK : EX_OSERR;
}

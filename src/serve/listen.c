#include "serve/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static in_port_t *port_of(struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? &((struct sockaddr_in6 *)(void *)address)->sin6_port
                                          : &((struct sockaddr_in *)(void *)address)->sin_port;
}

/* What the connections of a listening socket are to be like; they inherit it. */
static void set_options(int fd)
{
    static const int on = 1, defer_seconds = 1;
    /* An answer leaves in one piece already, so Nagle's wait would only delay. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* A connection is offered when its request is here, after a second in any case: it is read at once and mostly
       over before epoll hears of it. A new connection for each request costs 19.4 us by it, 25.6 without. */
    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_seconds, sizeof defer_seconds);
}

/* A socket that listens on `address`, whose port is filled in; -1 with errno. */
static int listen_on(struct sockaddr_storage *address, socklen_t length)
{
    static const int on = 1;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    /* Lets a restart bind while old connections are in TIME-WAIT; a second server still can't (socket(7)). */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    set_options(fd);
    if (address->ss_family == AF_INET6) /* "::" does not take 0.0.0.0 as well: each is bound by its name */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    socklen_t bound = sizeof *address;
    if (bind(fd, (struct sockaddr *)address, length) == 0 && listen(fd, SOMAXCONN) == 0 &&
        getsockname(fd, (struct sockaddr *)address, &bound) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int fail_to_listen(struct failure *failure, const char *name, uint16_t port, int error)
{
    bool bracketed = strchr(name, ':') != NULL; /* IPv6, written as in a URL */
    const char *before = bracketed ? "[" : "", *after = bracketed ? "]" : "";
    switch (error) {
    case EADDRINUSE:
        return fail(failure, EX_UNAVAILABLE,
                    "%s%s%s:%u is in use; try '-p %u', or '-p 0' for any port that is free", before, name,
                    after, port, port < UINT16_MAX ? port + 1U : 8080U);
    case EACCES:
        return fail(failure, EX_NOPERM, "%s%s%s:%u needs a privilege that this user lacks; try '-p 8080'",
                    before, name, after, port);
    case EADDRNOTAVAIL:
        return fail(failure, EX_UNAVAILABLE, "%s is no address of this machine; 'ip address' lists them",
                    name);
    default:
        return fail(failure, EX_OSERR, "can't listen on %s%s%s:%u: %s", before, name, after, port,
                    strerror(error));
    }
}

/* True when this address, whose port is filled in, is bound already, under another of its names. */
static bool is_bound(const struct listening *listening, const struct sockaddr_storage *address)
{
    for (unsigned i = 0; i < listening->count; i++) {
        if (memcmp(&listening->addresses[i], address, sizeof *address) == 0)
            return true;
    }
    return false;
}

/* Adds one resolved address. Returns 0 or an errno. */
static int add(struct listening *listening, const struct sockaddr *address, socklen_t length, uint16_t port)
{
    struct sockaddr_storage *place = &listening->addresses[listening->count];
    *place = (struct sockaddr_storage){0};
    memcpy(place, address, length);
    *port_of(place) = htons(port);
    if (is_bound(listening, place))
        return 0;
    int fd = listen_on(place, length);
    if (fd < 0)
        return errno;
    listening->fds[listening->count++] = fd;
    return 0;
}

/* The port that the first socket got, where any was asked for. */
static uint16_t port_so_far(struct listening *listening, uint16_t port)
{
    return listening->count > 0 ? ntohs(*port_of(&listening->addresses[0])) : port;
}

/* The address, or all of its kind, does not exist on this machine. */
static bool is_missing(int error)
{
    return error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
}

/* Adds every address that `name` stands for. Returns 0 or the failure's status; *error tells the errno of bind. */
static int add_name(struct listening *listening, const char *name, uint16_t port, struct failure *failure,
                    int *error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    int unknown = getaddrinfo(name, NULL, &hints, &found);
    if (unknown != 0)
        return fail(failure, EX_NOHOST, "can't find the address of '%s': %s", name, gai_strerror(unknown));
    bool added = false;
    *error = 0;
    for (const struct addrinfo *at = found; at != NULL && listening->count < LIMIT_LISTENERS;
         at = at->ai_next) {
        int result = add(listening, at->ai_addr, at->ai_addrlen, port_so_far(listening, port));
        added |= result == 0;
        if (result != 0 && (*error == 0 || !is_missing(result)))
            *error = result;
    }
    freeaddrinfo(found);
    if (added && is_missing(*error)) /* a name for several addresses, of which this machine lacks one */
        *error = 0;
    return *error != 0 ? fail_to_listen(failure, name, port, *error) : 0;
}

static int add_all(struct listening *listening, const struct settings *settings, struct failure *failure,
                   int *error)
{
    for (unsigned i = 0; i < settings->bind_count; i++) {
        if (add_name(listening, settings->binds[i], settings->port, failure, error) != 0)
            return failure->status;
    }
    return 0;
}

/* A machine without IPv6, or without IPv4, still has one loopback address. */
static int add_loopback(struct listening *listening, const struct settings *settings, struct failure *failure,
                        int *error)
{
    static const char *const names[] = {"127.0.0.1", "::1"};
    for (unsigned i = 0; i < 2; i++) {
        int status = add_name(listening, names[i], settings->port, failure, error);
        if (status != 0 && !is_missing(*error))
            return status;
    }
    return listening->count > 0 ? 0 : failure->status;
}

int listen_open(struct listening *listening, const struct settings *settings, struct failure *failure)
{
    int status = 0, error = 0;
    for (unsigned tries = 0; tries < LIMIT_FREE_PORT_TRIES; tries++) {
        *listening = (struct listening){0};
        status = settings->bind_count > 0 ? add_all(listening, settings, failure, &error)
                                          : add_loopback(listening, settings, failure, &error);
        if (status == 0) {
            *failure = (struct failure){0};
            return 0;
        }
        listen_close(listening);
        if (settings->port != 0 ||
            error != EADDRINUSE) /* else a port free on one address is taken on another */
            break;
    }
    return status;
}

static int socket_option(int fd, int option)
{
    int value = -1;
    socklen_t length = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

/* Of sockets that others made, what this program relies on is looked at or set. */
static bool take(struct listening *listening, int fd)
{
    struct sockaddr_storage *address = &listening->addresses[listening->count];
    socklen_t length = sizeof *address;
    *address = (struct sockaddr_storage){0};
    if (socket_option(fd, SO_TYPE) != SOCK_STREAM || socket_option(fd, SO_ACCEPTCONN) != 1 ||
        getsockname(fd, (struct sockaddr *)address, &length) < 0 ||
        (address->ss_family != AF_INET && address->ss_family != AF_INET6))
        return false;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return false;
    set_options(fd);
    listening->fds[listening->count++] = fd;
    return true;
}

int listen_take(struct listening *listening, int first, unsigned count, struct failure *failure)
{
    *listening = (struct listening){0};
    for (unsigned i = 0; i < count; i++) {
        int fd = first + (int)i;
        if (take(listening, fd))
            continue;
        for (unsigned each = 0; each < count; each++)
            close(first + (int)each);
        *listening = (struct listening){0};
        return fail(failure, EX_USAGE,
                    "descriptor %d was handed over by LISTEN_FDS, but is no listening TCP socket; "
                    "'ListenStream=' with a port makes one",
                    fd);
    }
    return 0;
}

void listen_close(struct listening *listening)
{
    while (listening->count > 0)
        close(listening->fds[--listening->count]);
}

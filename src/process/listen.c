#include "process/listen.h"

#include "base/address.h"
#include "base/log.h"
#include "process/port_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
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

/* An address with its port, as it stands in a URL. */
struct place {
    const char *name;
    uint16_t port;
    struct sockaddr_storage address; /* zero where it is not known */
};

/* What has the port, and how to be rid of it; nothing where /proc does not tell. */
static void describe_holder(const struct place *place, char *text, size_t size)
{
    struct holder holder;
    text[0] = '\0';
    if (place->address.ss_family != AF_UNSPEC && holder_find(&place->address, &holder))
        snprintf(text, size, " by %s (process %d)", holder.name, (int)holder.pid);
}

static int fail_to_listen(struct failure *failure, const struct place *place, int error)
{
    const char *name = place->name;
    uint16_t port = place->port;
    char holder[80];
    bool bracketed = strchr(name, ':') != NULL; /* IPv6, written as in a URL */
    const char *before = bracketed ? "[" : "", *after = bracketed ? "]" : "";
    switch (error) {
    case EADDRINUSE:
        describe_holder(place, holder, sizeof holder);
        return fail(failure, EX_UNAVAILABLE,
                    "%s%s%s:%u is in use%s; try '-p %u', or '-p 0' for any port that is free", before, name,
                    after, port, holder, port < UINT16_MAX ? port + 1U : 8080U);
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

/* The port that the first TCP socket got, where any was asked for. */
static uint16_t port_so_far(struct listening *listening, uint16_t port)
{
    for (unsigned i = 0; i < listening->count; i++) {
        if (listening->addresses[i].ss_family != AF_UNIX)
            return ntohs(*port_of(&listening->addresses[i]));
    }
    return port;
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
    struct place place = {.name = name, .port = port};
    bool added = false;
    *error = 0;
    for (const struct addrinfo *at = found; at != NULL && listening->count < LIMIT_LISTENERS;
         at = at->ai_next) {
        int result = add(listening, at->ai_addr, at->ai_addrlen, port_so_far(listening, port));
        added |= result == 0;
        if (result != 0 && (*error == 0 || !is_missing(result))) {
            *error = result;
            place.address = listening->addresses[listening->count]; /* the one that add() tried */
        }
    }
    freeaddrinfo(found);
    if (added && is_missing(*error)) /* a name for several addresses, of which this machine lacks one */
        *error = 0;
    return *error != 0 ? fail_to_listen(failure, &place, *error) : 0;
}

/* ---- Unix sockets (unix(7)) ---- */

#define UNIX_PREFIX "unix:"

static struct sockaddr_un unix_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

/* What a path leads to, if that is a socket; else zero. */
static struct listen_name name_at(const char *path)
{
    struct stat attributes;
    if (lstat(path, &attributes) < 0 || !S_ISSOCK(attributes.st_mode))
        return (struct listen_name){0};
    return (struct listen_name){attributes.st_dev, attributes.st_ino};
}

/* Removes a name, unless another socket has it by now. What is left of a race is the time between the two calls. */
static bool remove_name(const char *path, struct listen_name name)
{
    struct listen_name now = name_at(path);
    return name.inode != 0 && now.inode == name.inode && now.device == name.device && unlink(path) == 0;
}

/* True where no process listens there any more. */
static bool is_refused(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool refused = connect(fd, (const struct sockaddr *)(const void *)address, sizeof *address) < 0 &&
                   errno == ECONNREFUSED;
    close(fd);
    return refused;
}

/* Removes what a server leaves that was killed. While that is held open, no other socket can have its numbers. */
static bool remove_abandoned(const struct sockaddr_un *address)
{
    int held = open(address->sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (held < 0)
        return false;
    struct listen_name name = name_at(address->sun_path);
    bool removed = is_refused(address) && remove_name(address->sun_path, name);
    close(held);
    return removed;
}

static int bind_unix(int fd, const struct sockaddr_un *address)
{
    const struct sockaddr *any = (const struct sockaddr *)(const void *)address;
    if (bind(fd, any, sizeof *address) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -1;
    if (remove_abandoned(address))
        return bind(fd, any, sizeof *address);
    errno = EADDRINUSE;
    return -1;
}

static int fail_unix(struct failure *failure, const char *path, int error)
{
    switch (error) {
    case EADDRINUSE:
        return fail(failure, EX_UNAVAILABLE, "'%s' is in use; give another path, or end who listens there",
                    path);
    case EACCES:
    case EPERM:
    case EROFS:
        return fail(failure, EX_NOPERM, "can't make the socket '%s': %s; give a path in a directory of yours",
                    path, strerror(error));
    default:
        return fail(failure, EX_UNAVAILABLE,
                    "can't make the socket '%s': %s; give a path in a directory that is there", path,
                    strerror(error));
    }
}

static int add_unix(struct listening *listening, const char *path, struct failure *failure)
{
    struct sockaddr_un address = unix_address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind_unix(fd, &address) < 0 || listen(fd, SOMAXCONN) < 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return fail_unix(failure, path, error);
    }
    struct sockaddr_storage *place = &listening->addresses[listening->count];
    *place = (struct sockaddr_storage){0};
    memcpy(place, &address, sizeof address);
    listening->names[listening->count] = name_at(path);
    listening->fds[listening->count++] = fd;
    return 0;
}

/* ---- all of them ---- */

/* A machine without IPv6, or without IPv4, still has the other of the two addresses. */
static int add_either(struct listening *listening, const char *const *names, uint16_t port,
                      struct failure *failure, int *error)
{
    unsigned before = listening->count;
    for (unsigned i = 0; i < 2 && listening->count < LIMIT_LISTENERS; i++) {
        int status = add_name(listening, names[i], port, failure, error);
        if (status != 0 && !is_missing(*error))
            return status;
    }
    return listening->count > before ? 0 : failure->status;
}

static int add_typed(struct listening *listening, const char *typed, uint16_t port, struct failure *failure,
                     int *error)
{
    static const char *const all[] = {"0.0.0.0", "::"};
    if (strcmp(typed, "*") == 0)
        return add_either(listening, all, port, failure, error);
    if (strncmp(typed, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
        return add_unix(listening, typed + strlen(UNIX_PREFIX), failure);
    return add_name(listening, typed, port, failure, error);
}

static int add_all(struct listening *listening, const struct settings *settings, uint16_t port,
                   struct failure *failure, int *error)
{
    static const char *const loopback[] = {"127.0.0.1", "::1"};
    *error = 0;
    if (settings->lan)
        return add_typed(listening, "*", port, failure, error);
    if (settings->bind_count == 0)
        return add_either(listening, loopback, port, failure, error);
    for (unsigned i = 0; i < settings->bind_count && listening->count < LIMIT_LISTENERS; i++) {
        if (add_typed(listening, settings->binds[i], port, failure, error) != 0)
            return failure->status;
    }
    return 0;
}

/* The port to try after `port`, or -1: a port free on one address may be taken on another, and one that was not chosen
   gives way to the next. */
static int next_port(const struct settings *settings, uint16_t port, unsigned tries)
{
    if (port == 0)
        return tries < LIMIT_FREE_PORT_TRIES ? 0 : -1;
    return !settings->port_chosen && tries <= LIMIT_NEXT_PORTS && port < UINT16_MAX ? port + 1 : -1;
}

int listen_open(struct listening *listening, const struct settings *settings, struct failure *failure)
{
    struct failure first = {0};
    int error = 0, port = settings->port;
    for (unsigned tries = 1; port >= 0; tries++) {
        *listening = (struct listening){.owned = true};
        if (add_all(listening, settings, (uint16_t)port, failure, &error) == 0) {
            if (first.status != 0 && port != 0)
                log_error("%.*s: listening on port %d instead", (int)strcspn(first.message, ";"),
                          first.message, port);
            *failure = (struct failure){0};
            return 0;
        }
        listen_close(listening);
        if (first.status == 0)
            first = *failure;
        port = error == EADDRINUSE ? next_port(settings, (uint16_t)port, tries) : -1;
    }
    *failure = first;
    return failure->status;
}

static int socket_option(int fd, int level, int option)
{
    int value = -1;
    socklen_t length = sizeof value;
    return getsockopt(fd, level, option, &value, &length) == 0 ? value : -1;
}

/* Of sockets that others made, what this program relies on is looked at or set. */
static bool take(struct listening *listening, int fd)
{
    struct sockaddr_storage *address = &listening->addresses[listening->count];
    socklen_t length = sizeof *address;
    *address = (struct sockaddr_storage){0};
    if (socket_option(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM ||
        socket_option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1 ||
        getsockname(fd, (struct sockaddr *)address, &length) < 0 ||
        (address->ss_family != AF_INET && address->ss_family != AF_INET6 && address->ss_family != AF_UNIX))
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
                    "descriptor %d was handed over by LISTEN_FDS, but is no listening stream socket; "
                    "'ListenStream=' with a port or a path makes one",
                    fd);
    }
    return 0;
}

bool listen_is_loopback_only(const struct listening *listening)
{
    for (unsigned i = 0; i < listening->count; i++) {
        if (!address_socket_is_loopback((const struct sockaddr *)&listening->addresses[i]))
            return false;
    }
    return true;
}

/* By what is bound, not by what was typed: a name may lead anywhere, and sockets may be handed over. */
bool listen_must_check_host(const struct listening *listening)
{
    bool loopback = false;
    for (unsigned i = 0; i < listening->count; i++) {
        const struct sockaddr *address = (const struct sockaddr *)&listening->addresses[i];
        if (address->sa_family == AF_UNIX) /* no browser connects to one */
            continue;
        loopback = address_socket_is_loopback(address);
        if (!loopback)
            return false;
    }
    return loopback;
}

/* The IPv4 address, with the port, that an IPv6 socket has as well; false where there is none. */
static bool read_mapped(int fd, const struct sockaddr_storage *address, struct sockaddr_storage *mapped)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    if (address->ss_family != AF_INET6)
        return false;
    bool any = IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
    if (!IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && (!any || socket_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 0))
        return false;
    v4.sin_port = v6->sin6_port;
    memcpy(&v4.sin_addr, v6->sin6_addr.s6_addr + 12, sizeof v4.sin_addr); /* of "::", that is 0.0.0.0 */
    *mapped = (struct sockaddr_storage){0};
    memcpy(mapped, &v4, sizeof v4);
    return true;
}

unsigned listen_addresses(const struct listening *listening,
                          struct sockaddr_storage addresses[static 2 * LIMIT_LISTENERS])
{
    unsigned count = 0;
    for (unsigned i = 0; i < listening->count; i++) {
        const struct sockaddr_storage *address = &listening->addresses[i];
        bool mapped = read_mapped(listening->fds[i], address, &addresses[count]);
        count += mapped;
        if (!mapped ||
            IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr))
            addresses[count++] = *address;
    }
    return count;
}

void listen_close(struct listening *listening)
{
    while (listening->count > 0) {
        unsigned last = --listening->count;
        const struct sockaddr_storage *address = &listening->addresses[last];
        if (address->ss_family == AF_UNIX && listening->owned)
            remove_name(((const struct sockaddr_un *)(const void *)address)->sun_path,
                        listening->names[last]);
        close(listening->fds[last]);
    }
}

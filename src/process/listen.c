#include "process/listen.h"

#include "base/address.h"
#include "base/child.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "process/port_owner.h"
#include "sandbox/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
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

enum { PASS_RIGHTS = 83 }; /* SO_PASSRIGHTS of <asm-generic/socket.h>, which older headers lack */

/* Sets options of a listening socket that its connections inherit; those of another family fail. */
static void set_options(int fd)
{
    static const int on = 1, off = 0, defer_seconds = 1;
    /* Each response is one write, so Nagle's algorithm would only delay it. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* Accept a connection when its request has arrived, or after a second. Most short connections then need no epoll: a
       request on a new connection takes 19.4 us instead of 25.6. */
    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_seconds, sizeof defer_seconds);
    /* Refuse descriptors (SCM_RIGHTS, unix(7)): a worker would close them, and a socket with SO_LINGER blocks
       close(2). Since Linux 6.16. */
    setsockopt(fd, SOL_SOCKET, PASS_RIGHTS, &off, sizeof off);
    /* An inherited socket may have it, and close(2) of each connection would wait for the client. */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){0}, sizeof(struct linger));
}

/* Opens a socket that listens on `address`, and fills in the port. Returns -1 with errno. */
static int listen_on(struct sockaddr_storage *address, socklen_t length)
{
    static const int on = 1;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    /* A restart can bind while old connections are in TIME-WAIT; a second server still can't (socket(7)). */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    set_options(fd);
    if (address->ss_family == AF_INET6) /* 0.0.0.0 has a socket of its own */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    socklen_t bound = sizeof *address;
    if (bind(fd, (struct sockaddr *)address, length) == 0 && listen(fd, LIMIT_BACKLOG) == 0 &&
        getsockname(fd, (struct sockaddr *)address, &bound) == 0)
        return fd;
    descriptors_close(fd);
    return -1;
}

/* What add_name() tried to bind, for the message. */
struct attempt {
    const char *name;
    uint16_t port;
    struct sockaddr_storage address; /* zero if unknown */
};

/* In a child: /proc/net/tcp tells of the connections of other programs. */
static void find_owner(const void *address, void *owner)
{
    if (!port_owner_find(address, owner))
        *(struct port_owner *)owner = (struct port_owner){0};
}

/* Writes the port's owner; "" if unknown. */
static void describe_owner(const struct attempt *attempt, char *text, size_t size)
{
    struct port_owner owner = {0};
    text[0] = '\0';
    if (attempt->address.ss_family != AF_UNSPEC && child_ask(find_owner, &attempt->address, &owner, sizeof owner, -1) &&
        owner.pid > 0)
        snprintf(text, size, " by %s (process %d)", owner.name, (int)owner.pid);
}

/* True for an IPv6 address that means nothing without its interface (RFC 4007 6). */
static bool lacks_zone(const struct attempt *attempt)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&attempt->address;
    return v6->sin6_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) && v6->sin6_scope_id == 0;
}

static int fail_to_listen(struct failure *failure, const struct attempt *attempt, int error)
{
    const char *name = attempt->name;
    uint16_t port = attempt->port;
    char owner[80], place[320];
    snprintf(place, sizeof place, strchr(name, ':') != NULL ? "[%s]:%u" : "%s:%u", name, port); /* IPv6 as in a URL */
    switch (error) {
    case EADDRINUSE:
        describe_owner(attempt, owner, sizeof owner);
        return fail(failure, EX_UNAVAILABLE, "%s is in use%s; try '-p %u', or '-p 0' for any port that is free", place,
                    owner, port < UINT16_MAX ? port + 1U : 8080U);
    case EACCES:
        return fail(failure, EX_NOPERM, "%s needs a privilege that this user lacks; try '-p 8080'", place);
    case EADDRNOTAVAIL:
        return fail(failure, EX_UNAVAILABLE, "'%s' is not an address of this machine; 'ip address' lists them", name);
    default:
        if (lacks_zone(attempt))
            return fail(failure, EX_USAGE,
                        "'%s' needs the interface that has it, such as '%s%%eth0'; 'ip address' lists both", name,
                        name);
        return fail(failure, EX_OSERR, "can't listen on %s: %s", place, strerror(error));
    }
}

/* True if this address and port is bound already: two names may have the same address. */
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
    struct sockaddr_storage *bound = &listening->addresses[listening->count];
    *bound = (struct sockaddr_storage){0};
    memcpy(bound, address, length);
    *port_of(bound) = htons(port);
    if (is_bound(listening, bound))
        return 0;
    int fd = listen_on(bound, length);
    if (fd < 0)
        return errno;
    listening->fds[listening->count++] = fd;
    return 0;
}

/* Returns the port of the first TCP socket, or `port`: with port 0, the first one chooses for all. */
static uint16_t shared_port(struct listening *listening, uint16_t port)
{
    for (unsigned i = 0; i < listening->count; i++) {
        if (listening->addresses[i].ss_family != AF_UNIX)
            return ntohs(*port_of(&listening->addresses[i]));
    }
    return port;
}

/* True if this machine lacks the address or its family. */
static bool is_missing(int error)
{
    return error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
}

struct found_addresses {
    int error; /* of getaddrinfo(3) */
    unsigned count;
    struct found_address {
        struct sockaddr_storage address;
        socklen_t length;
    } addresses[LIMIT_LISTENERS];
};

static void find_addresses(const char *name, int flags, struct found_addresses *found)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | flags}, *list = NULL;
    found->error = getaddrinfo(name, NULL, &hints, &list);
    for (const struct addrinfo *at = list; at != NULL && found->count < LIMIT_LISTENERS; at = at->ai_next) {
        struct found_address *next = &found->addresses[found->count++];
        memcpy(&next->address, at->ai_addr, at->ai_addrlen);
        next->length = at->ai_addrlen;
    }
    if (list != NULL)
        freeaddrinfo(list);
}

static void find_in_child(const void *name, void *found)
{
    find_addresses(name, 0, found);
}

/* Numbers need no name service, and no child. */
static void resolve(const char *name, struct found_addresses *found)
{
    find_addresses(name, AI_NUMERICHOST, found);
    if (found->error == EAI_NONAME && !child_ask(find_in_child, name, found, sizeof *found, -1))
        found->error = EAI_AGAIN;
}

/* Adds all addresses of a name. Returns 0, or the failure's status with bind's errno in *error. */
static int add_name(struct listening *listening, const char *name, uint16_t port, struct failure *failure, int *error)
{
    struct found_addresses found = {0};
    resolve(name, &found);
    if (found.error != 0)
        return fail(failure, EX_NOHOST, "can't find the address of '%s': %s; give an address, such as 127.0.0.1", name,
                    gai_strerror(found.error));
    struct attempt attempt = {.name = name, .port = port};
    bool added = false;
    *error = 0;
    for (unsigned i = 0; i < found.count && listening->count < LIMIT_LISTENERS; i++) {
        const struct found_address *at = &found.addresses[i];
        int result = add(listening, (const struct sockaddr *)&at->address, at->length, shared_port(listening, port));
        added |= result == 0;
        if (result != 0 && (*error == 0 || !is_missing(result))) {
            *error = result;
            attempt.address = listening->addresses[listening->count]; /* where add() left it */
        }
    }
    if (added && is_missing(*error)) /* this machine has other addresses of the name */
        *error = 0;
    return *error != 0 ? fail_to_listen(failure, &attempt, *error) : 0;
}

/* ---- Unix sockets (unix(7)) ---- */

#define UNIX_PREFIX "unix:"

/* Returns the length; that of an abstract name, which begins with NUL, is exact (unix(7)). */
static socklen_t unix_address(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
    if (*path != '@')
        return sizeof *address;
    address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
}

/* Returns zeros if the path is not a socket. */
static struct listen_name name_at(const char *path)
{
    struct stat attributes;
    if (lstat(path, &attributes) < 0 || !S_ISSOCK(attributes.st_mode))
        return (struct listen_name){0};
    return (struct listen_name){attributes.st_dev, attributes.st_ino};
}

/* Removes the file unless another socket has the path by now. A short race remains between lstat and unlink. */
static bool remove_name(const char *path, struct listen_name name)
{
    struct listen_name now = name_at(path);
    return name.inode != 0 && now.inode == name.inode && now.device == name.device && unlink(path) == 0;
}

/* True if no process listens at the address. */
static bool is_refused(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool refused =
        connect(fd, (const struct sockaddr *)(const void *)address, sizeof *address) < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

/* Removes the socket of a killed server. Keeps it open meanwhile, so that no new file can get its inode number. */
static bool remove_abandoned(const struct sockaddr_un *address)
{
    int kept = open(address->sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (kept < 0)
        return false;
    struct listen_name name = name_at(address->sun_path);
    bool removed = is_refused(address) && remove_name(address->sun_path, name);
    close(kept);
    return removed;
}

static int bind_at(int fd, const struct sockaddr_un *address, socklen_t length)
{
    const struct sockaddr *any = (const struct sockaddr *)(const void *)address;
    if (bind(fd, any, length) == 0)
        return 0;
    if (errno != EADDRINUSE || address->sun_path[0] == '\0')
        return -1;
    if (remove_abandoned(address))
        return bind(fd, any, length);
    errno = name_at(address->sun_path).inode != 0 ? EADDRINUSE : EEXIST;
    return -1;
}

/* Makes the file with its mode. */
static int bind_unix(int fd, const struct sockaddr_un *address, socklen_t length, unsigned mode)
{
    mode_t before = umask(0);
    umask(mode != 0 ? ~mode & 0777 : before);
    int result = bind_at(fd, address, length);
    int error = errno;
    umask(before);
    errno = error;
    return result;
}

static int fail_unix(struct failure *failure, const char *path, int error)
{
    switch (error) {
    case EADDRINUSE:
        return fail(failure, EX_UNAVAILABLE, "socket '%s' is in use; give another path, or stop its server", path);
    case EEXIST:
        return fail(failure, EX_UNAVAILABLE,
                    "can't create socket '%s': there is another file; remove it, or give another path", path);
    case EACCES:
    case EPERM:
    case EROFS:
        return fail(failure, EX_NOPERM, "can't create socket '%s': %s; give a path that you can write to", path,
                    strerror(error));
    default:
        return fail(failure, EX_UNAVAILABLE, "can't create socket '%s': %s; give a path in an existing directory", path,
                    strerror(error));
    }
}

static int fail_group(struct failure *failure, const char *path, const char *group, int error)
{
    return fail(failure, EX_NOPERM, "socket '%s' can't have group '%s': %s; give one that this user is a member of",
                path, group, strerror(error));
}

static int add_unix(struct listening *listening, const char *path, const struct socket_access *access,
                    struct failure *failure)
{
    struct sockaddr_un address;
    socklen_t length = unix_address(path, &address);
    gid_t group = (gid_t)-1;
    if (access->group != NULL && !privileges_find_group(access->group, &group))
        return fail(failure, EX_USAGE, "group '%s' is unknown; give a name of 'getent group', or a number",
                    access->group);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        set_options(fd); /* a connection takes them over when it is made */
    bool bound = fd >= 0 && bind_unix(fd, &address, length, access->mode) == 0;
    /* The group is there before listen(2), so that no other one ever connects. */
    bool grouped = bound && (group == (gid_t)-1 || lchown(path, (uid_t)-1, group) == 0);
    if (!grouped || listen(fd, LIMIT_BACKLOG) < 0) {
        int error = errno;
        if (bound && *path != '@')
            unlink(path);
        descriptors_close(fd);
        return bound && !grouped ? fail_group(failure, path, access->group, error) : fail_unix(failure, path, error);
    }
    struct sockaddr_storage *own = &listening->addresses[listening->count];
    *own = (struct sockaddr_storage){0};
    memcpy(own, &address, sizeof address);
    listening->names[listening->count] = name_at(path);
    listening->fds[listening->count++] = fd;
    return 0;
}

/* ---- all addresses ---- */

static const char *const any_address[] = {"0.0.0.0", "::"};

/* Adds two addresses, of which a machine without IPv6 or IPv4 has only one. */
static int add_either(struct listening *listening, const char *const *names, uint16_t port, struct failure *failure,
                      int *error)
{
    unsigned before = listening->count;
    for (unsigned i = 0; i < 2 && listening->count < LIMIT_LISTENERS; i++) {
        int status = add_name(listening, names[i], port, failure, error);
        if (status != 0 && !is_missing(*error))
            return status;
    }
    return listening->count > before ? 0 : failure->status;
}

static int add_typed(struct listening *listening, const char *typed, const struct socket_access *access, uint16_t port,
                     struct failure *failure, int *error)
{
    if (strcmp(typed, "*") == 0)
        return add_either(listening, any_address, port, failure, error);
    if (strncmp(typed, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
        return add_unix(listening, typed + strlen(UNIX_PREFIX), access, failure);
    return add_name(listening, typed, port, failure, error);
}

static int add_all(struct listening *listening, const struct settings *settings, uint16_t port, struct failure *failure,
                   int *error)
{
    static const char *const loopback[] = {"127.0.0.1", "::1"};
    *error = 0;
    if (settings->lan)
        return add_either(listening, any_address, port, failure, error);
    if (settings->bind_count == 0)
        return add_either(listening, loopback, port, failure, error);
    for (unsigned i = 0; i < settings->bind_count && listening->count < LIMIT_LISTENERS; i++) {
        if (add_typed(listening, settings->binds[i], &settings->socket_access[i], port, failure, error) != 0)
            return failure->status;
    }
    return 0;
}

/* Returns the next port to try, or -1: any free one for 0, as the last one was taken at another address; the next one
   for the default port. */
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
                log_error("%.*s: listening on port %d instead", (int)strcspn(first.message, ";"), first.message, port);
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

/* Takes a socket that another program opened: checks or sets what this program relies on. */
static bool take(struct listening *listening, int fd)
{
    struct sockaddr_storage *address = &listening->addresses[listening->count];
    socklen_t length = sizeof *address;
    *address = (struct sockaddr_storage){0};
    if (socket_option(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM || socket_option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1 ||
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
                    "descriptor %d of LISTEN_FDS is not a listening stream socket; "
                    "use 'ListenStream=' with a port or a path",
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

/* Checks the bound addresses, not --bind: a name may have any address, and passed sockets have no name. */
bool listen_must_check_host(const struct listening *listening)
{
    bool loopback = false;
    for (unsigned i = 0; i < listening->count; i++) {
        const struct sockaddr *address = (const struct sockaddr *)&listening->addresses[i];
        if (address->sa_family == AF_UNIX) /* browsers can't connect */
            continue;
        loopback = address_socket_is_loopback(address);
        if (!loopback)
            return false;
    }
    return loopback;
}

/* Writes the IPv4 address and port of an IPv6 socket. Returns false if it has none. */
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
    memcpy(&v4.sin_addr, v6->sin6_addr.s6_addr + 12, sizeof v4.sin_addr); /* for "::" this is 0.0.0.0 */
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
        if (!mapped || IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr))
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
            (void)remove_name(((const struct sockaddr_un *)(const void *)address)->sun_path, listening->names[last]);
        close(listening->fds[last]);
    }
}

pid_t listen_close_in_child(struct listening *listening)
{
    int gate[2];
    if (listening->count == 0 || pipe2(gate, O_CLOEXEC) < 0) {
        listen_close(listening);
        return 0;
    }
    pid_t pid = fork();
    if (pid == 0) {
        char none;
        close(gate[1]);
        while (read(gate[0], &none, sizeof none) < 0 && errno == EINTR)
            ;
        for (unsigned i = 0; i < listening->count; i++)
            close(listening->fds[i]);
        _exit(EX_OK);
    }
    listen_close(listening);
    close(gate[0]);
    close(gate[1]);
    return pid > 0 ? pid : 0;
}

#include "cli/check.h"

#include "base/address.h"
#include "base/log.h"
#include "base/now.h"
#include "base/text.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

enum { HOST_MAX = 256, TARGET_MAX = 2048, STATUS_LINE_MAX = 256 };

/* The server to check. */
struct probe {
    const struct settings *settings;
    char host[HOST_MAX]; /* an address or a name; empty for a Unix socket */
    const char *second;  /* an address to try if this machine lacks the family of `host`, or NULL */
    char port[8];
    const char *socket; /* the path of a Unix socket, or NULL */
    char target[TARGET_MAX];
    int64_t deadline; /* milliseconds of the monotonic clock */
};

/* ---- the request ---- */

static bool take_port(struct probe *probe, struct span text)
{
    uint64_t port = 80;
    if (text.length > 0 && (!span_to_number(text, &port) || port == 0 || port > UINT16_MAX))
        return false;
    snprintf(probe->port, sizeof probe->port, "%u", (unsigned)port);
    return true;
}

static bool is_url(const char *text)
{
    return strncasecmp(text, "http://", 7) == 0;
}

/* Takes an IPv6 address without its brackets. "%25" before a zone is '%' in a URL (RFC 6874 2), which also accepts a
   '%' that is typed as it is. */
static void take_host(struct probe *probe, struct span host)
{
    bool bracketed = host.at[0] == '[';
    snprintf(probe->host, sizeof probe->host, "%.*s", (int)host.length - 2 * bracketed, host.at + bracketed);
    char *zone = strstr(probe->host, "%25");
    if (bracketed && zone != NULL && zone[3] != '\0')
        memmove(zone + 1, zone + 3, strlen(zone + 3) + 1);
}

/* http://host[:port][/path[?query]] */
static bool read_url(struct probe *probe, const char *url)
{
    if (!is_url(url))
        return false;
    const char *host = url + strlen("http://");
    size_t length = strcspn(host, "/?#");
    const char *target = host + length;
    const char *bracket = *host == '[' ? memchr(host, ']', length) : NULL;
    size_t name = bracket != NULL ? (size_t)(bracket + 1 - host) : strcspn(host, ":/?#");
    struct span port = {host + name + (host[name] == ':'), length - name - (host[name] == ':')};
    if (name == 0 || name >= sizeof probe->host || (name < length && host[name] != ':') || !take_port(probe, port) ||
        strlen(target) >= sizeof probe->target - 1)
        return false;
    take_host(probe, (struct span){host, name});
    for (const char *at = url; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || *at == '#')
            return false;
    }
    snprintf(probe->target, sizeof probe->target, "%s%s", *target == '/' ? "" : "/", target);
    return true;
}

/* Takes the first address that a server with these settings listens on; loopback if it listens on all. */
static bool read_settings(struct probe *probe, const struct settings *settings)
{
    const char *bind = settings->bind_count > 0 ? settings->binds[0] : "*";
    snprintf(probe->target, sizeof probe->target, "%s", SETTINGS_HEALTH_PATH);
    snprintf(probe->port, sizeof probe->port, "%u", settings->port);
    if (strncmp(bind, "unix:", 5) == 0) {
        probe->socket = bind + 5;
        return true;
    }
    bool both = strcmp(bind, "*") == 0, all4 = both || strcmp(bind, "0.0.0.0") == 0, all6 = strcmp(bind, "::") == 0;
    probe->second = both ? "::1" : NULL;
    snprintf(probe->host, sizeof probe->host, "%s", all4 ? "127.0.0.1" : all6 ? "::1" : bind);
    return settings->port != 0;
}

/* ---- the response ---- */

static bool wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd socket = {.fd = fd, .events = events};
    for (;;) {
        int64_t left = deadline - now_ms();
        int ready = poll(&socket, 1, left > 0 ? (int)left : 0);
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR) {
            errno = ready == 0 ? ETIMEDOUT : errno;
            return false;
        }
    }
}

/* Waits for the result of a non-blocking connect (connect(2), EINPROGRESS). Returns 0 or an errno. */
static int wait_for_connection(int fd, int64_t deadline)
{
    int error;
    socklen_t size = sizeof error;
    if (!wait_for(fd, POLLOUT, deadline) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return errno;
    return error;
}

/* Returns a connected socket, or -1 with errno. */
static int connect_to(const struct sockaddr *address, socklen_t length, int64_t deadline)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int error = connect(fd, address, length) < 0 ? errno : 0;
    if (error == EINPROGRESS)
        error = wait_for_connection(fd, deadline);
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

/* Connects to the first address of the name that accepts. Returns -1 with the reason in `why`, and errno if known. */
static int open_socket(const struct probe *probe, const char **why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    int fd = -1;
    if (probe->socket != NULL) {
        snprintf(path.sun_path, sizeof path.sun_path, "%s", probe->socket);
        socklen_t length = sizeof path;
        if (path.sun_path[0] == '@') { /* an abstract socket (unix(7)) */
            length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path.sun_path));
            path.sun_path[0] = '\0';
        }
        fd = connect_to((const struct sockaddr *)(const void *)&path, length, probe->deadline);
        *why = strerror(errno);
        return fd;
    }
    int unknown = getaddrinfo(probe->host, probe->port, &hints, &found);
    if (unknown != 0) {
        *why = gai_strerror(unknown);
        errno = 0;
        return -1;
    }
    for (const struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next)
        fd = connect_to(at->ai_addr, at->ai_addrlen, probe->deadline);
    int error = errno;
    *why = strerror(error);
    freeaddrinfo(found);
    errno = error;
    return fd;
}

/* True if this machine lacks the address family: a server that binds both families then listens on the other. */
static bool is_family_missing(int error)
{
    return error == EAFNOSUPPORT || error == ENETUNREACH || error == EADDRNOTAVAIL;
}

/* Writes the Host field. IPv6 addresses need brackets (RFC 3986 3.2.2) and must not have a zone, which is local to this
   machine (RFC 6874 4). Over a Unix socket the server accepts any name. */
static void write_host(const struct probe *probe, char *host, size_t size)
{
    bool v6 = strchr(probe->host, ':') != NULL;
    if (probe->socket != NULL)
        snprintf(host, size, "localhost");
    else
        snprintf(host, size, v6 ? "[%.*s]:%s" : "%.*s:%s", (int)strcspn(probe->host, "%"), probe->host, probe->port);
}

/* True if the server expects a PROXY header from this socket's address. */
static bool needs_header(const struct probe *probe, int fd)
{
    const struct settings *settings = probe->settings;
    struct sockaddr_storage own = {0};
    struct address address;
    socklen_t length = sizeof own;
    if (!settings->proxy_protocol || getsockname(fd, (struct sockaddr *)&own, &length) < 0)
        return false;
    if (!address_of_socket((const struct sockaddr *)&own, &address))
        return settings->trusts_unix;
    for (unsigned i = 0; i < settings->trusted_proxy_count; i++) {
        if (address_is_in(&address, &settings->trusted_proxies[i]))
            return true;
    }
    return false;
}

/* Sends the request in one piece: the buffer of a new socket has room for it. */
static bool send_request(const struct probe *probe, int fd)
{
    char host[HOST_MAX + 16], request[TARGET_MAX + HOST_MAX + 144];
    write_host(probe, host, sizeof host);
    int length = snprintf(request, sizeof request,
                          "%sGET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: tinyhttpd-check\r\nConnection: close\r\n\r\n",
                          needs_header(probe, fd) ? "PROXY UNKNOWN\r\n" : "", probe->target, host);
    return send(fd, request, (size_t)length, MSG_NOSIGNAL) == length;
}

/* Reads the status line without its line end. Returns false with errno. */
static bool receive_status_line(const struct probe *probe, int fd, char *line)
{
    size_t length = 0;
    while (length < STATUS_LINE_MAX - 1 && memchr(line, '\n', length) == NULL) {
        if (!wait_for(fd, POLLIN, probe->deadline))
            return false;
        ssize_t received = recv(fd, line + length, STATUS_LINE_MAX - 1 - length, 0);
        if (received < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (received < 0)
            return false;
        if (received == 0)
            break;
        length += (size_t)received;
    }
    line[length] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

/* Sends the request and writes the result as text. Returns true for 200. */
static bool ask(struct probe *probe, char *words, size_t size)
{
    char line[STATUS_LINE_MAX] = "";
    const char *why = "";
    int fd = open_socket(probe, &why);
    if (fd < 0 && probe->second != NULL && is_family_missing(errno)) {
        snprintf(probe->host, sizeof probe->host, "%s", probe->second);
        fd = open_socket(probe, &why);
    }
    if (fd < 0) {
        snprintf(words, size, "%s", why);
        return false;
    }
    bool answered = send_request(probe, fd) && receive_status_line(probe, fd, line);
    if (!answered)
        snprintf(words, size, "%s", errno == ETIMEDOUT ? "no response in time" : strerror(errno));
    close(fd);
    if (!answered)
        return false;
    bool http = strncmp(line, "HTTP/1.", 7) == 0 && strlen(line) >= 12 && line[8] == ' ';
    snprintf(words, size, "%s", http ? line + 9 : "the response is not HTTP");
    return http && strncmp(line + 9, "200", 3) == 0 && (line[12] == ' ' || line[12] == '\0');
}

int check_run(const struct settings *settings)
{
    struct probe probe = {.settings = settings, .deadline = now_ms() + CHECK_SECONDS * 1000};
    char words[STATUS_LINE_MAX];
    /* An operand is the root: the check would reach another server. */
    if (settings->check == NULL && is_url(settings->root)) {
        log_error("--check takes its URL after '='; type '--check=%s'", settings->root);
        return EX_USAGE;
    }
    if (settings->check != NULL ? !read_url(&probe, settings->check) : !read_settings(&probe, settings)) {
        if (settings->check != NULL)
            log_error("--check '%s': give a URL such as http://127.0.0.1:8080/", settings->check);
        else
            log_error("--check can't know the port that '-p 0' chose; type '--check=http://127.0.0.1:PORT/'");
        return EX_USAGE;
    }
    bool healthy = ask(&probe, words, sizeof words);
    if (probe.socket != NULL)
        log_error("%s at unix:%s: %s", healthy ? "healthy" : "unhealthy", probe.socket, words);
    else
        log_error("%s at %s port %s: %s", healthy ? "healthy" : "unhealthy", probe.host, probe.port, words);
    return healthy ? EX_OK : 1;
}

#include "cli/banner.h"

#include "base/buffer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <unistd.h>

enum { BANNER_MAX = 16384 };

/* Something a click opens: an address that stands for all of them is shown as the loopback one, and said to. */
static void append_url(struct buffer *text, const struct sockaddr_storage *address)
{
    char name[INET6_ADDRSTRLEN];
    uint16_t port;
    bool any;
    buffer_append(text, SPAN("http://"));
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        any = IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
        inet_ntop(AF_INET6, any ? &in6addr_loopback : &v6->sin6_addr, name, sizeof name);
        port = ntohs(v6->sin6_port);
        buffer_octet(text, '[');
        buffer_string(text, name);
        buffer_octet(text, ']');
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        any = v4->sin_addr.s_addr == htonl(INADDR_ANY);
        struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
        inet_ntop(AF_INET, any ? &loopback : &v4->sin_addr, name, sizeof name);
        port = ntohs(v4->sin_port);
        buffer_string(text, name);
    }
    buffer_octet(text, ':');
    buffer_number(text, port);
    buffer_octet(text, '/');
    if (any)
        buffer_string(text, address->ss_family == AF_INET6
                                ? " (and every other IPv6 address of this machine)"
                                : " (and every other IPv4 address of this machine)");
}

static void write_lines(struct buffer *text, const struct banner *banner)
{
    buffer_append(text, SPAN("\n  tinyhttpd " TINYHTTPD_VERSION "\n\n  Serving  "));
    buffer_plain(text, span_of(banner->root_path));
    for (unsigned i = 0; i < banner->address_count; i++) {
        buffer_append(text, i == 0 ? SPAN("\n  Open     ") : SPAN("\n           "));
        append_url(text, &banner->addresses[i]);
    }
    buffer_append(text, SPAN("\n  Stop     Ctrl-C\n\n"));
}

static void write_line(struct buffer *text, const struct banner *banner)
{
    buffer_append(text, SPAN("tinyhttpd " TINYHTTPD_VERSION ": serving "));
    buffer_plain(text, span_of(banner->root_path));
    buffer_append(text, SPAN(" at"));
    for (unsigned i = 0; i < banner->address_count; i++) {
        buffer_octet(text, ' ');
        append_url(text, &banner->addresses[i]);
    }
    buffer_octet(text, '\n');
}

void banner_print(const struct settings *settings, const struct banner *banner)
{
    char room[BANNER_MAX];
    struct buffer text = BUFFER(room);
    if (settings->verbosity == VERBOSITY_QUIET)
        return;
    if (isatty(STDERR_FILENO))
        write_lines(&text, banner);
    else
        write_line(&text, banner);
    if (settings->verbosity == VERBOSITY_VERBOSE) {
        buffer_append(&text, SPAN("tinyhttpd: workers: "));
        buffer_number(&text, banner->workers);
        buffer_append(&text, SPAN("\ntinyhttpd: sandbox: "));
        buffer_string(&text, banner->sandbox);
        buffer_octet(&text, '\n');
    }
    if (write(STDERR_FILENO, text.at, text.length) < 0)
        return; /* nobody reads it */
}

#include "cli/banner.h"

#include "base/address.h"
#include "base/buffer.h"
#include "base/log.h"
#include "cli/origin.h"
#include "cli/qr_code.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* An escaped byte takes four: of the root, of FILE, and of each socket's name. */
enum {
    LAN_MAX = 8,
    BANNER_MAX = 4 * 2 * PATH_MAX + 2 * LIMIT_LISTENERS * 4 * (int)sizeof(struct sockaddr_un) +
                 (2 * LIMIT_LISTENERS + LAN_MAX) * 3 * LIMIT_BASE + QR_CODE_MAX + 4096
};

/* ---- addresses ---- */

static const struct sockaddr_in *v4_of(const struct sockaddr_storage *address)
{
    return (const struct sockaddr_in *)(const void *)address;
}

static const struct sockaddr_in6 *v6_of(const struct sockaddr_storage *address)
{
    return (const struct sockaddr_in6 *)(const void *)address;
}

static bool is_reachable(const struct ifaddrs *interface, sa_family_t family)
{
    if (interface->ifa_addr == NULL || interface->ifa_addr->sa_family != family ||
        (interface->ifa_flags & IFF_UP) == 0 || (interface->ifa_flags & IFF_LOOPBACK) != 0)
        return false;
    if (family == AF_INET6)
        return !IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)(const void *)interface->ifa_addr)->sin6_addr);
    uint32_t address = ntohl(((const struct sockaddr_in *)(const void *)interface->ifa_addr)->sin_addr.s_addr);
    return address >> 16 != 0xA9FE; /* 169.254.0.0/16, RFC 3927 */
}

/* Writes up to `most` addresses of interfaces that are up, IPv4 first, and returns their number (getifaddrs(3)). Leaves
   out loopback and link-local addresses: other devices can't use them in a URL. */
static unsigned lan_addresses(struct sockaddr_storage *addresses, unsigned most)
{
    static const struct {
        sa_family_t family;
        size_t size;
    } kinds[] = {{AF_INET, sizeof(struct sockaddr_in)}, {AF_INET6, sizeof(struct sockaddr_in6)}};
    struct ifaddrs *interfaces;
    unsigned count = 0;
    if (getifaddrs(&interfaces) != 0)
        return 0;
    for (unsigned kind = 0; kind < 2; kind++) {
        for (const struct ifaddrs *at = interfaces; at != NULL && count < most; at = at->ifa_next) {
            if (!is_reachable(at, kinds[kind].family))
                continue;
            addresses[count] = (struct sockaddr_storage){0};
            memcpy(&addresses[count++], at->ifa_addr, kinds[kind].size);
        }
    }
    freeifaddrs(interfaces);
    return count;
}

/* True for the wildcard address of a family. */
static bool is_any(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&v6_of(address)->sin6_addr);
    return address->ss_family == AF_INET && v4_of(address)->sin_addr.s_addr == htonl(INADDR_ANY);
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    return address_socket_is_loopback((const struct sockaddr *)address);
}

/* In the form of RFC 4007 11, which curl accepts (RFC 9844). Browsers accept no form. */
static void append_zone(struct buffer *text, uint32_t index)
{
    char name[IF_NAMESIZE];
    if (index == 0 || if_indextoname(index, name) == NULL)
        return;
    buffer_byte(text, '%');
    buffer_plain(text, span_of(name));
}

static void append_base(struct buffer *text, const struct banner *banner)
{
    if (banner->base == NULL)
        return;
    buffer_byte(text, '/');
    buffer_uri_path(text, span_of(banner->base));
}

static void append_end(struct buffer *text, const struct banner *banner, uint16_t port)
{
    buffer_byte(text, ':');
    buffer_number(text, port);
    append_base(text, banner);
}

static void append_named_url(struct buffer *text, const struct banner *banner, const char *name, uint16_t port)
{
    buffer_append(text, SPAN("http://"));
    buffer_string(text, name);
    append_end(text, banner, port);
}

/* Appends a URL up to the base. Shows loopback for a wildcard address, which browsers can't open. */
static void append_url(struct buffer *text, const struct banner *banner, const struct sockaddr_storage *address,
                       uint16_t port)
{
    char name[INET6_ADDRSTRLEN];
    struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
    bool any = is_any(address);
    buffer_append(text, SPAN("http://"));
    if (address->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, any ? &in6addr_loopback : &v6_of(address)->sin6_addr, name, sizeof name);
        buffer_byte(text, '[');
        buffer_string(text, name);
        append_zone(text, v6_of(address)->sin6_scope_id);
        buffer_byte(text, ']');
    } else {
        inet_ntop(AF_INET, any ? &loopback : &v4_of(address)->sin_addr, name, sizeof name);
        buffer_string(text, name);
    }
    append_end(text, banner, port);
}

/* Returns the address that "localhost" reaches, else the first with a port; NULL if all are Unix sockets. */
static const struct sockaddr_storage *find_local(const struct banner *banner, bool *localhost)
{
    const struct sockaddr_storage *first = NULL;
    *localhost = false;
    for (unsigned i = 0; i < banner->address_count; i++) {
        const struct sockaddr_storage *address = &banner->addresses[i];
        if (address->ss_family == AF_UNIX)
            continue;
        if (address->ss_family == AF_INET &&
            (is_any(address) || v4_of(address)->sin_addr.s_addr == htonl(INADDR_LOOPBACK))) {
            *localhost = true;
            return address;
        }
        if (first == NULL)
            first = address;
    }
    return first;
}

bool banner_write_url(const struct banner *banner, char url[static BANNER_URL_MAX])
{
    bool localhost;
    struct buffer text = {url, 0, BANNER_URL_MAX - 1, false};
    const struct sockaddr_storage *local = find_local(banner, &localhost);
    if (local == NULL)
        return false;
    if (localhost)
        append_named_url(&text, banner, "localhost", address_port(local));
    else
        append_url(&text, banner, local, address_port(local));
    url[text.length] = '\0';
    return true;
}

static void append_unix(struct buffer *text, const struct sockaddr_storage *address)
{
    const struct sockaddr_un *path = (const struct sockaddr_un *)(const void *)address;
    buffer_append(text, SPAN("unix:"));
    bool abstract = path->sun_path[0] == '\0' && path->sun_path[1] != '\0'; /* unix(7) */
    const char *name = path->sun_path + abstract;
    if (abstract)
        buffer_byte(text, '@');
    buffer_plain(text, (struct span){name, strnlen(name, sizeof path->sun_path - abstract)});
}

/* ---- on a terminal ---- */

/* Output for a terminal, with or without colours. */
struct style {
    struct buffer *text;
    bool coloured;
};

/* Select Graphic Rendition (ECMA-48 8.3.117). */
static void append_styled(const struct style *style, const char *rendition, struct span text)
{
    if (style->coloured) {
        buffer_append(style->text, SPAN("\x1B["));
        buffer_string(style->text, rendition);
        buffer_byte(style->text, 'm');
    }
    buffer_plain(style->text, text);
    if (style->coloured)
        buffer_append(style->text, SPAN("\x1B[0m"));
}

static void append_label(const struct style *style, const char *label)
{
    static const char blanks[] = "          ";
    size_t length = strlen(label);
    buffer_append(style->text, SPAN("\n  "));
    append_styled(style, "2", span_of(label));
    buffer_append(style->text, (struct span){blanks, sizeof blanks - 1 - length});
}

static void append_link(const struct style *style, const char *label, struct buffer *url)
{
    buffer_byte(url, '/');
    append_label(style, label);
    append_styled(style, "36", buffer_span(url));
}

/* Appends a URL for other machines. `first` is the first of these, empty before. */
static void append_network_url(const struct style *style, const struct banner *banner,
                               const struct sockaddr_storage *address, uint16_t port, struct buffer *first)
{
    char room[BANNER_URL_MAX];
    struct buffer url = BUFFER(room);
    append_url(&url, banner, address, port);
    append_link(style, first->length == 0 ? "Network" : "", &url);
    if (first->length == 0)
        buffer_append(first, buffer_span(&url));
}

/* Appends the URLs for other machines: bound addresses other than loopback; for a wildcard, those of the network.
   Returns false if only this machine reaches the server. */
static bool append_network(const struct style *style, const struct banner *banner, struct buffer *first)
{
    struct sockaddr_storage lan[LAN_MAX];
    bool any4 = false, any6 = false;
    uint16_t port = 0;
    for (unsigned i = 0; i < banner->address_count; i++) {
        const struct sockaddr_storage *address = &banner->addresses[i];
        if (address->ss_family == AF_UNIX || is_loopback(address))
            continue;
        port = address_port(address);
        any4 = any4 || (is_any(address) && address->ss_family == AF_INET);
        any6 = any6 || (is_any(address) && address->ss_family == AF_INET6);
        if (!is_any(address))
            append_network_url(style, banner, address, port, first);
    }
    unsigned count = any4 || any6 ? lan_addresses(lan, LAN_MAX) : 0;
    for (unsigned i = 0; i < count; i++) {
        if (lan[i].ss_family == AF_INET ? any4 : any6)
            append_network_url(style, banner, &lan[i], port, first);
    }
    if (first->length == 0 && (any4 || any6)) {
        append_label(style, "Network");
        buffer_append(style->text, SPAN("listening, but this machine has no network address"));
    }
    return first->length > 0 || any4 || any6;
}

/* Where "localhost" works, so may the project's own name. */
static void append_origin(const struct style *style, const struct banner *banner, uint16_t port)
{
    char name[ORIGIN_NAME_MAX], room[ORIGIN_NAME_MAX + 24 + 3 * LIMIT_BASE];
    struct buffer url = BUFFER(room);
    if (!origin_find(banner->root_path, name))
        return;
    append_named_url(&url, banner, name, port);
    append_link(style, "", &url);
    buffer_append(style->text, SPAN(" (storage and cookies of its own)"));
}

static void append_addresses(const struct style *style, const struct settings *settings, const struct banner *banner)
{
    char room[BANNER_URL_MAX], network[BANNER_URL_MAX] = "";
    struct buffer first = {network, 0, sizeof network - 1, false};
    bool localhost;
    const struct sockaddr_storage *local = find_local(banner, &localhost);
    if (local != NULL && (is_loopback(local) || is_any(local)) && banner_write_url(banner, room)) {
        struct buffer url = {room, strlen(room), sizeof room, false};
        append_link(style, "Local", &url);
        if (localhost)
            append_origin(style, banner, address_port(local));
    }
    for (unsigned i = 0; i < banner->address_count; i++) {
        if (banner->addresses[i].ss_family != AF_UNIX)
            continue;
        append_label(style, "Socket");
        append_unix(style->text, &banner->addresses[i]);
    }
    if (!append_network(style, banner, &first)) {
        append_label(style, "Network");
        buffer_append(style->text, SPAN("this machine only; --lan opens it to the local network"));
    }
    if (settings->lan) {
        append_label(style, "");
        buffer_append(style->text, SPAN("on other devices plain HTTP is no secure context: browsers offer no"));
        append_label(style, "");
        buffer_append(style->text, SPAN("service workers, camera, microphone, location or clipboard"));
        if (first.length > 0)
            qr_code_append(style->text, network, style->coloured);
    }
}

static void append_served(struct buffer *text, const struct settings *settings, const struct banner *banner)
{
    buffer_plain(text, span_of(banner->root_path));
    if (settings->file == NULL)
        return;
    if (strcmp(banner->root_path, "/") != 0)
        buffer_byte(text, '/');
    buffer_plain(text, span_of(settings->file));
    buffer_append(text, SPAN(", only this file"));
}

/* Appends "3g (87.5 kB/s, 300 ms)", or a rate and a delay alone. */
static void append_slow(struct buffer *text, const struct slow_choice *slow)
{
    if (slow->preset != NULL) {
        buffer_string(text, slow->preset);
        buffer_append(text, SPAN(" ("));
    }
    buffer_size(text, slow->rate);
    buffer_append(text, SPAN("/s, "));
    buffer_number(text, slow->delay);
    buffer_append(text, slow->preset != NULL ? SPAN(" ms)") : SPAN(" ms"));
}

static void write_lines(struct buffer *text, const struct settings *settings, const struct banner *banner)
{
    struct style style = {text, log_is_coloured(STDERR_FILENO)};
    buffer_append(text, SPAN("\n  "));
    append_styled(&style, "1", SPAN("tinyhttpd"));
    buffer_append(text, SPAN(" " TINYHTTPD_VERSION "\n"));
    append_label(&style, "Serving");
    append_served(text, settings, banner);
    append_addresses(&style, settings, banner);
    if (settings->slow.rate > 0) {
        append_label(&style, "Slow");
        append_slow(text, &settings->slow);
    }
    append_label(&style, settings->command != NULL ? "Running" : "Stop");
    buffer_plain(text, settings->command != NULL ? span_of(settings->command[0]) : SPAN("Ctrl-C"));
    buffer_append(text, SPAN("\n\n"));
}

/* ---- not on a terminal ---- */

static void append_lan(struct buffer *text, const struct banner *banner, uint16_t port)
{
    struct sockaddr_storage lan[LAN_MAX];
    unsigned count = lan_addresses(lan, LAN_MAX);
    for (unsigned i = 0; i < count; i++) {
        buffer_byte(text, ' ');
        append_url(text, banner, &lan[i], port);
        buffer_byte(text, '/');
    }
}

static void write_line(struct buffer *text, const struct settings *settings, const struct banner *banner)
{
    buffer_append(text, SPAN("tinyhttpd " TINYHTTPD_VERSION ": serving "));
    append_served(text, settings, banner);
    buffer_append(text, SPAN(" at"));
    for (unsigned i = 0; i < banner->address_count; i++) {
        const struct sockaddr_storage *address = &banner->addresses[i];
        buffer_byte(text, ' ');
        if (address->ss_family == AF_UNIX) {
            append_unix(text, address);
            continue;
        }
        append_url(text, banner, address, address_port(address));
        buffer_byte(text, '/');
        if (is_any(address) && !settings->lan)
            buffer_string(text, address->ss_family == AF_INET6 ? " (and every other IPv6 address of this machine)"
                                                               : " (and every other IPv4 address of this machine)");
    }
    if (settings->lan && banner->address_count > 0)
        append_lan(text, banner, address_port(&banner->addresses[0]));
    if (settings->slow.rate > 0) {
        buffer_append(text, SPAN("\ntinyhttpd: slow network: "));
        append_slow(text, &settings->slow);
    }
    buffer_byte(text, '\n');
}

void banner_print(const struct settings *settings, const struct banner *banner)
{
    char room[BANNER_MAX];
    struct buffer text = BUFFER(room);
    if (settings->verbosity == VERBOSITY_QUIET)
        return;
    if (isatty(STDERR_FILENO))
        write_lines(&text, settings, banner);
    else
        write_line(&text, settings, banner);
    if (settings->verbosity == VERBOSITY_VERBOSE) {
        buffer_append(&text, SPAN("tinyhttpd: workers: "));
        buffer_number(&text, banner->workers);
        buffer_append(&text, SPAN("\ntinyhttpd: sandbox: "));
        buffer_string(&text, banner->sandbox);
        buffer_byte(&text, '\n');
    }
    log_text(buffer_span(&text));
}

/* ---- summary ---- */

void banner_print_failures(const struct metrics_totals *totals)
{
    uint64_t shown = 0;
    for (unsigned i = 0; i < totals->failure_count; i++) {
        uint64_t count = totals->failed[i].count;
        log_error("--strict: %s (%ju %s)", totals->failed[i].path, (uintmax_t)count, count == 1 ? "time" : "times");
        shown += count;
    }
    if (shown < totals->failures)
        log_error("--strict: %ju more", (uintmax_t)(totals->failures - shown));
}

/* The number of paths in the list of frequent 404s. */
enum { MISSES_SHOWN = 5 };

void banner_print_summary(const struct settings *settings, const struct metrics_totals *totals)
{
    char room[BANNER_MAX];
    struct buffer text = BUFFER(room);
    uint64_t failed = totals->requests[4] + totals->requests[5], requests = failed;
    if (settings->verbosity == VERBOSITY_QUIET || !isatty(STDERR_FILENO))
        return;
    struct style style = {&text, log_is_coloured(STDERR_FILENO)};
    for (unsigned i = 0; i < 4; i++)
        requests += totals->requests[i];
    append_label(&style, "Served");
    buffer_count(&text, requests, "request", "requests");
    if (failed > 0) {
        buffer_append(&text, SPAN(", of which "));
        buffer_number(&text, failed);
        buffer_append(&text, SPAN(" failed"));
    }
    buffer_append(&text, SPAN("; "));
    buffer_size(&text, totals->bytes);
    for (unsigned i = 0; i < MISSES_SHOWN && i < totals->miss_count; i++) {
        append_label(&style, i == 0 ? "Missed" : "");
        buffer_count(&text, totals->misses[i].count, "time ", "times");
        buffer_append(&text, SPAN("  "));
        buffer_plain(&text, span_of(totals->misses[i].path));
    }
    buffer_append(&text, SPAN("\n\n"));
    log_text(buffer_span(&text));
}

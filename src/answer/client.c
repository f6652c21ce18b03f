#include "answer/client.h"

#include "base/address.h"
#include "http/forwarded.h"
#include "http/negotiate.h"

#include <string.h>

bool client_is_trusted_proxy(const union peer *peer, const struct settings *settings)
{
    struct address address;
    if (!address_of_socket(&peer->any, &address))
        return settings->trusts_unix;
    return forwarded_is_trusted(&address, settings->trusted_proxies, settings->trusted_proxy_count);
}

static union peer peer_of(const struct address *address)
{
    union peer peer = {.v6 = {.sin6_family = AF_INET6}};
    memcpy(&peer.v6.sin6_addr, address->bytes, sizeof address->bytes);
    if (address_is_v4(address)) {
        peer = (union peer){.v4 = {.sin_family = AF_INET}};
        memcpy(&peer.v4.sin_addr, address->bytes + sizeof address->bytes - 4, 4);
    }
    return peer;
}

static bool is_on_this_machine(const union peer *peer)
{
    return peer->any.sa_family == AF_UNIX || address_socket_is_loopback(&peer->any);
}

void client_find(struct client *client, const struct settings *settings, const struct request *request)
{
    if (settings->trusted_proxy_count == 0 && !settings->trusts_unix)
        return;
    struct forwarded forwarded = {0};
    struct span line;
    unsigned cursor = 0;
    if (client->origin->named) {
        client->forwarded = true;
        client->forwarded_as = peer_of(&client->origin->client);
    }
    if (!client_is_trusted_proxy(client_address(client), settings))
        return;
    while (request_next_line(request, FIELD_X_FORWARDED_FOR, &cursor, &line))
        forwarded_read(&forwarded, line, settings->trusted_proxies, settings->trusted_proxy_count);
    if (!forwarded_is_known(&forwarded))
        return;
    client->forwarded = client->in_field = true;
    client->forwarded_as = peer_of(&forwarded.client);
}

/* An object or embed element loads its file in mode navigate, too (HTML 4.8.6, 4.8.7). The destination of a page that a
   service worker fetches is "empty". */
static bool is_navigation(struct span mode, struct span destination)
{
    return span_equal(mode, SPAN("navigate")) && !span_equal(destination, SPAN("object")) &&
           !span_equal(destination, SPAN("embed"));
}

enum client_kind client_kind(const struct request *request, bool live_check)
{
    if (request_has(request, 1U << FIELD_SEC_FETCH_MODE)) {
        bool navigates = live_check ? negotiate_prefers_html(request) && !client_is_cross_site(request)
                                    : is_navigation(request_single_field(request, FIELD_SEC_FETCH_MODE),
                                                    request_single_field(request, FIELD_SEC_FETCH_DEST));
        return navigates ? CLIENT_NAVIGATION : CLIENT_SUBRESOURCE;
    }
    /* Android's WebView sends the name of its app with every request, also when it navigates. */
    if (span_equal_nocase(request_single_field(request, FIELD_X_REQUESTED_WITH), SPAN("XMLHttpRequest")))
        return CLIENT_SUBRESOURCE;
    return negotiate_prefers_html(request) ? CLIENT_LIKELY_NAVIGATION : CLIENT_PROGRAM;
}

bool client_is_cross_site(const struct request *request)
{
    return span_equal(request_field(request, FIELD_SEC_FETCH_SITE), SPAN("cross-site"));
}

bool client_is_cross_site_load(const struct request *request)
{
    return client_is_cross_site(request) && span_equal(request_field(request, FIELD_SEC_FETCH_MODE), SPAN("no-cors"));
}

/* Proxies add these fields (RFC 9110 7.6.3, RFC 7239). nginx before 1.30 speaks HTTP/1.0 to its upstreams by default,
   and no browser does; a newer one that adds no field is not detected (share/doc/deploy.md). */
static bool is_proxied(const struct request *request)
{
    return request->minor_version == 0 ||
           request_has(request, 1U << FIELD_VIA | 1U << FIELD_FORWARDED | 1U << FIELD_X_FORWARDED_FOR);
}

bool client_is_local(const struct client *client, const struct request *request)
{
    return is_on_this_machine(&client->origin->peer) && is_on_this_machine(client_address(client)) &&
           (client->in_field || (!client->origin->unnamed && !is_proxied(request)));
}

/* The client of a request: the peer of its connection, or the address that a trusted proxy forwards. */
#pragma once

#include "base/settings.h"
#include "http/request.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* The address of a connection's other end. Of a Unix socket only the family is set. */
union peer {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Where a connection comes from. */
struct origin {
    union peer peer; /* as the kernel has it */
    bool named;      /* the peer is a trusted proxy, and its PROXY header names this client */
    bool unnamed;    /* it is, and its PROXY header names none: UNKNOWN, LOCAL */
    struct address client;
};

struct client {
    const struct origin *origin; /* of the connection; borrowed */
    bool forwarded;              /* a trusted proxy has named another address than the peer's */
    bool in_field;               /* by X-Forwarded-For */
    union peer forwarded_as;     /* that address */
};

/* True for a peer that --trust-proxy names. */
bool client_is_trusted_proxy(const union peer *peer, const struct settings *settings);

/* Finds the client of a request from `client->origin`; the other members are 0. */
void client_find(struct client *client, const struct settings *settings, const struct request *request);

static inline const union peer *client_address(const struct client *client)
{
    return client->forwarded ? &client->forwarded_as : &client->origin->peer;
}

/* The kind of client that sends a request, by its fields, in the terms of Fetch. */
enum client_kind {
    CLIENT_PROGRAM,           /* curl and the like: no field names a kind */
    CLIENT_LIKELY_NAVIGATION, /* Accept prefers HTML: probably a person's browser */
    CLIENT_NAVIGATION,        /* Sec-Fetch-Mode says so: a person opens a page */
    CLIENT_SUBRESOURCE,       /* a page or its script loads a part */
};

/*
 * Distinguishes navigations from subresources: by the fields of Fetch Metadata, which only browsers can set, else by
 * X-Requested-With and Accept. Browsers send Fetch Metadata to https and loopback addresses only (W3C Fetch Metadata
 * 2.1), so previews in a LAN need X-Requested-With and Accept. A `live_check`, by which the script of --watch checks an
 * open page, counts as the navigation that opened it.
 */
enum client_kind client_kind(const struct request *request, bool live_check);

/* True if a page of another site makes the request (Sec-Fetch-Site; other ports of localhost are the same site). */
bool client_is_cross_site(const struct request *request);

/* True if such a page loads a script, style or image: it could execute or measure what it can't read. */
bool client_is_cross_site_load(const struct request *request);

/* True if the client is on this machine, and no untrusted proxy is detected. */
bool client_is_local(const struct client *client, const struct request *request);

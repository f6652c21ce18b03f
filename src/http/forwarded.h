/* X-Forwarded-For: a list to whose right end each proxy adds the address that it was asked from. */
#ifndef TINYHTTPD_HTTP_FORWARDED_H
#define TINYHTTPD_HTTP_FORWARDED_H

#include "base/address.h"

enum forwarded_state {
    FORWARDED_NOTHING, /* no member yet */
    FORWARDED_TRUSTED, /* proxies alone: `client` is the first of them */
    FORWARDED_CLIENT,  /* `client` is the rightmost that is no trusted proxy */
    FORWARDED_BAD,     /* a trusted proxy wrote, or passed on, what is no address */
};

struct forwarded {
    enum forwarded_state state;
    struct address client;
};

/*
 * Reads a line of the field, after those before it; `{0}` comes before the first. What stands to the left of the client
 * is what it sent itself, and may be anything: it decides nothing. An address may have a port, and IPv6 brackets.
 */
void forwarded_read(struct forwarded *forwarded, struct span line, const struct network *trusted,
                    unsigned trusted_count);

/* True where the client is known. */
bool forwarded_is_known(const struct forwarded *forwarded);

/* True where one of the networks has the address. */
bool forwarded_is_trusted(const struct address *address, const struct network *trusted,
                          unsigned trusted_count);

#endif

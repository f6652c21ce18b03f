/* X-Forwarded-For: each proxy appends the address of its client to this list. */
#pragma once

#include "base/address.h"

enum forwarded_state {
    FORWARDED_NOTHING, /* no member yet */
    FORWARDED_TRUSTED, /* trusted proxies only: `client` is the leftmost */
    FORWARDED_CLIENT,  /* `client` is the rightmost untrusted address */
    FORWARDED_BAD,     /* a trusted proxy wrote or forwarded an invalid address */
};

struct forwarded {
    enum forwarded_state state;
    struct address client;
};

/*@ predicate are_networks(struct network *trusted, integer count) = \valid_read(trusted + (0 .. count - 1)) &&
        \forall integer i; 0 <= i < count ==> is_network(trusted[i]); */

/* Reads the field's next line; `*forwarded` starts as `{0}`. Ignores members to the left of the client, as the client
   may have forged them. An address may have a port, and IPv6 brackets. */
/*@ requires \valid(forwarded) && readable(line) && are_networks(trusted, trusted_count) &&
        \separated(forwarded, trusted + (0 .. trusted_count - 1));
    assigns *forwarded; */
void forwarded_read(struct forwarded *forwarded, struct span line, const struct network *trusted,
                    unsigned trusted_count);

/* True if the client is known. */
/*@ requires \valid_read(forwarded); assigns \nothing; */
bool forwarded_is_known(const struct forwarded *forwarded);

/* True if one of the networks contains the address. */
/*@ requires \valid_read(address) && are_networks(trusted, trusted_count); assigns \nothing; */
bool forwarded_is_trusted(const struct address *address, const struct network *trusted, unsigned trusted_count);

/* IP addresses and networks of them. */
#ifndef TINYHTTPD_BASE_ADDRESS_H
#define TINYHTTPD_BASE_ADDRESS_H

#include "base/text.h"

/* An IPv6 address, or an IPv4 one mapped to such (RFC 4291 2.5.5.2), in network order. */
struct address {
    unsigned char octets[16];
};

/* All addresses whose first `bits` are those of this one. */
struct network {
    struct address address;
    unsigned bits;
};

/* Reads "192.0.2.1" or "2001:db8::1", without brackets, port or zone. False for anything else. */
bool address_parse(struct span text, struct address *address);

/* Reads "192.0.2.0/24" or "2001:db8::/32" (RFC 4632 3.1, RFC 4291 2.3); an address alone is a network of one. */
bool address_parse_network(struct span text, struct network *network);

/* `octets` are 4 of an IPv4 address, in network order. */
struct address address_of_v4(const void *octets);

bool address_is_v4(const struct address *address);

/* An IPv4 address is in no network of IPv6, whose first bits all mapped addresses may have. */
bool address_is_in(const struct address *address, const struct network *network);

#endif

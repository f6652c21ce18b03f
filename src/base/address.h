/* IP addresses and networks of them. */
#ifndef TINYHTTPD_BASE_ADDRESS_H
#define TINYHTTPD_BASE_ADDRESS_H

#include "base/text.h"

#include <stdbool.h>
#include <sys/socket.h>

/* An IPv6 address, or an IPv4 one mapped to such (RFC 4291 2.5.5.2), in network order. */
struct address {
    unsigned char bytes[16];
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

/* The address of an IPv4 or IPv6 socket; false for any other, which has none. */
bool address_of_socket(const struct sockaddr *socket, struct address *address);

bool address_is_v4(const struct address *address);

/* True for ::1, 127.0.0.0/8 (RFC 1122 3.2.1.3), and the latter mapped to IPv6. */
bool address_is_loopback(const struct address *address);

/* The same of a socket's address; false for a Unix socket. */
bool address_socket_is_loopback(const struct sockaddr *socket);

/* An IPv4 address is in no network of IPv6, whose first bits all mapped addresses may have. */
bool address_is_in(const struct address *address, const struct network *network);

#endif

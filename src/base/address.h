/* IP addresses and networks. */
#pragma once

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* An IPv6 address, or an IPv4-mapped one (RFC 4291 2.5.5.2), in network order. */
struct address {
    unsigned char bytes[16];
};

/* All addresses that share the first `bits` of `address`. */
struct network {
    struct address address;
    unsigned bits;
};

/*@ predicate is_network(struct network n) = n.bits <= 128; */

/* Reads "192.0.2.1" or "2001:db8::1", without brackets, port or zone. False for anything else. */
/*@ requires readable(text) && \valid(address); assigns *address; ensures \result ==> text.length > 0; */
bool address_parse(struct span text, struct address *address);

/* Reads "192.0.2.0/24" or "2001:db8::/32" (RFC 4632 3.1, RFC 4291 2.3); an address alone is a network of one. */
/*@ requires readable(text) && \valid(network); assigns *network; ensures \result ==> is_network(*network); */
bool address_parse_network(struct span text, struct network *network);

/* `bytes` are the 4 of an IPv4 address, in network order. */
/*@ requires may_read((char *)bytes, 4); assigns \nothing; */
struct address address_of_v4(const void *bytes);

/* Reads the address of an IPv4 or IPv6 socket. False for any other family. */
bool address_of_socket(const struct sockaddr *socket, struct address *address);

/*@ requires \valid_read(address); assigns \nothing; */
bool address_is_v4(const struct address *address);

/* True for ::1, 127.0.0.0/8 (RFC 1122 3.2.1.3), and the latter as IPv4-mapped addresses. */
/*@ requires \valid_read(address); assigns \nothing; */
bool address_is_loopback(const struct address *address);

/* The same for a socket's address; false for a Unix socket. */
bool address_socket_is_loopback(const struct sockaddr *socket);

/* The port of an IPv4 or IPv6 socket, in host order; 0 for any other family. */
uint16_t address_port(const struct sockaddr_storage *socket);

/* An IPv4 address is never in an IPv6 network, although "::/0" would match its mapped form. */
/*@ requires \valid_read(address) && \valid_read(network) && is_network(*network); assigns \nothing; */
bool address_is_in(const struct address *address, const struct network *network);

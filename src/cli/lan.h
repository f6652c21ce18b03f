/* This machine's addresses in the local network. */
#ifndef TINYHTTPD_CLI_LAN_H
#define TINYHTTPD_CLI_LAN_H

#include <sys/socket.h>

/* Writes up to `most` addresses of interfaces that are up, IPv4 first, and returns their number (getifaddrs(3)). Leaves
   out loopback and link-local addresses: other devices can't use them in a URL. */
unsigned lan_addresses(struct sockaddr_storage *addresses, unsigned most);

#endif

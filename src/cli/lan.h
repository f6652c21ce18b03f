/* The addresses by which the local network reaches this machine. */
#ifndef TINYHTTPD_CLI_LAN_H
#define TINYHTTPD_CLI_LAN_H

#include <sys/socket.h>

/* Writes up to `most` addresses of interfaces that are up, IPv4 ones first; loopback and link-local ones, which no URL
   can name, are left out (getifaddrs(3)). Returns how many there are. */
unsigned lan_addresses(struct sockaddr_storage *addresses, unsigned most);

#endif

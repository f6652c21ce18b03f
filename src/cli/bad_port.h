/* Ports that browsers refuse. */
#ifndef TINYHTTPD_CLI_BAD_PORT_H
#define TINYHTTPD_CLI_BAD_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Writes a hint if one of the addresses has a port that browsers refuse for HTTP (Fetch standard, "bad port"). Returns
   false if there is no hint. */
bool bad_port_hint(const struct sockaddr_storage *addresses, unsigned count, char *hint, size_t size);

#endif

/* The client of a request: the peer of its connection, or the one that a trusted proxy names. */
#ifndef TINYHTTPD_ANSWER_CLIENT_H
#define TINYHTTPD_ANSWER_CLIENT_H

#include "base/settings.h"
#include "http/request.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* An address of any kind that a connection has; of a Unix socket there is only the family. */
union peer {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct client {
    union peer address;
    const union peer *peer; /* of its connection; borrowed */
    bool forwarded;         /* a trusted proxy named the address */
};

/* The client of a request on the peer's connection, which must outlive it. */
struct client client_find(const union peer *peer, const struct settings *settings,
                          const struct request *request);

/* True where the client is on this machine, as far as a proxy that is not trusted can be recognised. */
bool client_is_near(const struct client *client, const struct request *request);

#endif

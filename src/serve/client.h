/* Whose request it is: who has connected, or of whom a trusted proxy tells. */
#ifndef TINYHTTPD_SERVE_CLIENT_H
#define TINYHTTPD_SERVE_CLIENT_H

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
    bool known; /* a trusted proxy told it: the request need not be asked whether a proxy hides another one */
    bool near;  /* the address and that of who has connected are of this machine */
};

/* The client of a request on the peer's connection. */
struct client client_find(const union peer *peer, const struct settings *settings,
                          const struct request *request);

/* True where the client is on this machine and asks for one of its own names; never for whom a proxy that is not trusted
   asks, as far as such a one can be recognised. */
bool client_is_local(const struct client *client, const struct request *request);

/* True for one of those that shows the answer to somebody, as far as Accept tells: who may know what is not served, and why. */
bool client_is_beside(const struct client *client, const struct request *request);

#endif

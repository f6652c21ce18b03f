/* Sends a response's parts: bytes in memory with writev, slices of files with sendfile. SIGPIPE must be ignored. */
#pragma once

#include "http/response.h"

#include <stdint.h>

enum transmit_result {
    TRANSMIT_DONE,
    TRANSMIT_AGAIN, /* the socket is full */
    TRANSMIT_TURN,  /* `bytes_max` were sent: other connections have their turn */
    TRANSMIT_GONE,  /* the client is gone, or the file is shorter than Content-Length: close the connection */
};

/* Sends bytes and removes them from the response. Only slices of files stop at `bytes_max`. */
enum transmit_result transmit(int socket, struct response *response, uint64_t bytes_max);

/* The same, but nothing stops later: what is in memory does not, either. */
enum transmit_result transmit_at_most(int socket, struct response *response, uint64_t bytes_max);

/* Sends a response's parts: write and writev for bytes in memory, sendfile for slices of files. With SIGPIPE ignored. */
#ifndef TINYHTTPD_SERVE_TRANSMIT_H
#define TINYHTTPD_SERVE_TRANSMIT_H

#include "http/response.h"

#include <stdint.h>

enum transmit_result {
    TRANSMIT_DONE,
    TRANSMIT_AGAIN, /* the socket takes no more for now */
    TRANSMIT_TURN,  /* `bytes_max` are sent; others have their turn */
    TRANSMIT_GONE,  /* the client is gone, or the file is shorter than was promised: close the connection */
};

/* Sends bytes and takes them off the response. Slices of files stop at `bytes_max`; bytes in memory go in one
   piece. */
enum transmit_result transmit(int socket, struct response *response, uint64_t bytes_max);

#endif

/* The header of the PROXY protocol, versions 1 and 2, by which a proxy names its client at the start of a connection
   (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt). */
#pragma once

#include "base/address.h"

enum proxy_header_state {
    PROXY_HEADER_WHOLE,
    PROXY_HEADER_PARTIAL, /* a valid one may begin so */
    PROXY_HEADER_BAD,
};

struct proxy_header {
    size_t length; /* where HTTP begins */
    bool named;    /* it names a client; else the peer is the client */
    struct address client;
};

/* Reads the header at the start of `bytes`; sets `*header` if it is whole. One of more than LIMIT_PROXY_HEADER bytes is
   bad, so LIMIT_PROXY_HEADER bytes always decide. */
enum proxy_header_state proxy_header_parse(struct span bytes, struct proxy_header *header);

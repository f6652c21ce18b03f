/* What a client asks for, by the grammar of RFC 9112. */
#pragma once

#include "base/text.h"

#include <stdbool.h>

struct asked {
    bool known; /* otherwise the request is bad, odd or incomplete, and the rest is not parsed */
    struct span method;
    struct span target;
    unsigned minor_version;
    bool plain; /* no field but Host, Connection and the framing: only the path decides */
    bool close; /* the client does not allow another request (RFC 9112 9.3) */
};

/* Takes the next request from the client's bytes. */
struct asked asked_next(struct span *sent);

/* The largest possible number of complete heads in these bytes. */
unsigned asked_heads(struct span sent);

/* A second parser of requests, for unambiguous ones only. */
#pragma once

#include "base/text.h"

#include <stdbool.h>

struct asked {
    bool known; /* otherwise the request is odd or incomplete, and the rest is not parsed */
    struct span method;
    struct span target;
    unsigned minor_version;
    bool plain; /* no field besides Host and Connection: only the path decides */
    bool close; /* "Connection: close", alone on its line */
};

/* Takes the next request from the client's bytes. */
struct asked asked_next(struct span *sent);

/* The largest possible number of complete heads in these bytes. */
unsigned asked_heads(struct span sent);

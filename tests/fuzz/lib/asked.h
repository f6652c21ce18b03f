/* What the client asked, by a reading of its own: only requests that nobody can read in two ways. */
#ifndef TINYHTTPD_TESTS_FUZZ_LIB_ASKED_H
#define TINYHTTPD_TESTS_FUZZ_LIB_ASKED_H

#include "base/text.h"

#include <stdbool.h>

struct asked {
    bool known; /* else the request is odd or cut, and nothing more is said of it or of what follows */
    struct span method;
    struct span target;
    unsigned minor_version;
    bool plain; /* no field besides Host and Connection: nothing but the path decides */
    bool close; /* "Connection: close", alone on its line */
};

/* Takes the next request off what the client has sent. */
struct asked asked_next(struct span *sent);

/* How many heads can have ended in these bytes. */
unsigned asked_heads(struct span sent);

#endif

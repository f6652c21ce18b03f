/* A body that is made while it is sent, so that all of it never stands in memory at once. */
#ifndef TINYHTTPD_BASE_SOURCE_H
#define TINYHTTPD_BASE_SOURCE_H

#include "base/buffer.h"

enum source_state {
    SOURCE_MORE,
    SOURCE_END,    /* that was the last piece */
    SOURCE_BROKEN, /* it can't be finished, and whoever reads it must be able to tell */
};

struct source {
    /* Appends the next piece to an empty buffer of LIMIT_PIECE octets; nothing where more is to be prepared first.
       Neither takes long: others wait. */
    enum source_state (*fill)(struct source *source, struct buffer *piece);
    /* Gives back all that it has, itself included. */
    void (*drop)(struct source *source);
};

#endif

/* A body that is made while it is sent, so that all of it never stands in memory at once. */
#ifndef TINYHTTPD_BASE_BODY_PRODUCER_H
#define TINYHTTPD_BASE_BODY_PRODUCER_H

#include "base/buffer.h"

enum body_state {
    BODY_MORE,
    BODY_END,    /* that was the last piece */
    BODY_BROKEN, /* it can't be finished, and whoever reads it must be able to tell */
};

struct body_producer {
    /* Appends the next piece to an empty buffer of LIMIT_PIECE octets; nothing where more is to be prepared first.
       Neither takes long: others wait. */
    enum body_state (*fill)(struct body_producer *producer, struct buffer *piece);
    /* Gives back all that it has, itself included. */
    void (*drop)(struct body_producer *producer);
};

#endif

/* Produces a body while it is sent, so that it is never in memory as a whole. */
#pragma once

#include "base/buffer.h"

enum body_state {
    BODY_MORE,
    BODY_END,    /* this was the last piece */
    BODY_BROKEN, /* the body can't be completed, and the client must notice */
};

struct body_producer {
    /* Appends the next piece to an empty buffer of LIMIT_PIECE bytes, or nothing if it has to prepare more first.
       Returns soon either way, as other connections wait. */
    enum body_state (*fill)(struct body_producer *producer, struct buffer *piece);
    /* Frees the producer and all that it owns. */
    void (*drop)(struct body_producer *producer);
};

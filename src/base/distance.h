/* How near two words are, as people mistype them. */
#ifndef TINYHTTPD_BASE_DISTANCE_H
#define TINYHTTPD_BASE_DISTANCE_H

#include "base/text.h"

#include <stddef.h>

/* The longest text that is compared; whatever is longer is far from everything. */
enum { DISTANCE_TEXT_MAX = 64 };

/* How many bytes have to be inserted, removed, changed, or swapped with their neighbour to make `b` of `a` (optimal
   string alignment); at most `bound` + 1. Adds to `*work` how many bytes and cells of the matrix were looked at. */
unsigned distance_between(struct span a, struct span b, unsigned bound, size_t *work);

#endif

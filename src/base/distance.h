/* The distance between two words, for suggestions of mistyped ones. */
#pragma once

#include "base/text.h"

#include <stddef.h>

/* Longer texts differ by more than any bound. */
enum { DISTANCE_TEXT_MAX = 64 };

/* Returns the optimal string alignment distance: the bytes to insert, remove, change, or swap with their neighbour; at
   most `bound` + 1. Adds the compared bytes and matrix cells to `*work`. */
unsigned distance_between(struct span a, struct span b, unsigned bound, size_t *work);

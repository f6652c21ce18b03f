/* A 64-bit hash for tables and validators. Equal on every machine; not cryptographic. */
#ifndef TINYHTTPD_BASE_HASH_H
#define TINYHTTPD_BASE_HASH_H

#include "base/text.h"

#include <stdint.h>

/* Each step is a bijection of the state, so two texts of the same length that differ in only one 64-bit word never
   have the same hash. */
uint64_t hash_bytes(struct span bytes);

#endif

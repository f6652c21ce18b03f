/* A 64-bit hash for tables and validators. Equal on every machine; not meant against an adversary. */
#ifndef TINYHTTPD_BASE_HASH_H
#define TINYHTTPD_BASE_HASH_H

#include "base/text.h"

#include <stdint.h>

/* For octets of one length, each step is a bijection of the state, so two texts that differ in one 64-bit word only
   never have the same hash. */
uint64_t hash_bytes(struct span octets);

#endif

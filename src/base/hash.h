/*
 * A 64-bit hash for tables. It is no digest: each step can be inverted, so texts with equal hashes are easily made, and
 * a validator takes sha256.h. The tables stay short all the same, as a client can't fill them: only paths of existing
 * files and directories become keys.
 */
#ifndef TINYHTTPD_BASE_HASH_H
#define TINYHTTPD_BASE_HASH_H

#include "base/text.h"

#include <stdint.h>

/* For bytes of one length, each step is a bijection of the state, so two texts that differ in one 64-bit word only
   never have the same hash. */
uint64_t hash_bytes(struct span bytes);

#endif

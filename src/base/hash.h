/* A 64-bit hash for tables. Collisions are easy to construct, as each step is invertible; validators use sha256.h.
   Clients can't fill the tables, as only paths of existing files and directories become keys. */
#pragma once

#include "base/text.h"

#include <stdint.h>

/* Texts of the same length that differ in only one 64-bit word never have the same hash, as each step is a
   bijection. */
/*@ requires readable(bytes); assigns \nothing; */
uint64_t hash_bytes(struct span bytes);

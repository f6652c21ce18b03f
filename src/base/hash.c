#include "base/hash.h"

#include <string.h>

/*@ requires \valid_read(at + i) && i < 8; assigns \nothing; */
static uint64_t load_byte(const char *at, unsigned i)
{
    return (uint64_t)(unsigned char)at[i] << 8 * i;
}

/* Little-endian on every machine. Compilers turn it into one load; gcc 12 turns a loop into eight. */
/*@ requires \valid_read(at + (0 .. 7)); assigns \nothing; */
static uint64_t load_word(const char *at)
{
    return load_byte(at, 0) | load_byte(at, 1) | load_byte(at, 2) | load_byte(at, 3) | load_byte(at, 4) |
           load_byte(at, 5) | load_byte(at, 6) | load_byte(at, 7);
}

/*@ assigns \nothing; */
static uint64_t mix(uint64_t state, uint64_t word)
{
    state = (state ^ word) * 0x9fb21c651e98df25U; /* odd, so the multiplication is invertible */
    return state ^ (state >> 35);
}

uint64_t hash_bytes(struct span bytes)
{
    uint64_t state = 0x243f6a8885a308d3U ^ bytes.length; /* an arbitrary start: the fraction of pi */
    /*@ loop invariant readable(bytes); loop assigns bytes, state; loop variant bytes.length; */
    for (; bytes.length >= 8; bytes = span_from(bytes, 8))
        state = mix(state, load_word(bytes.at));
    if (bytes.length > 0) {
        char last[8] = {0};
        memcpy(last, bytes.at, bytes.length);
        state = mix(state, load_word(last));
    }
    return mix(state, 0);
}

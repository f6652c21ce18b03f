#include "base/sha256.h"

#include <stdint.h>
#include <string.h>

enum { BLOCK = 64 };

/* FIPS 180-4, 4.2.2: the first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t word, unsigned bits)
{
    return word >> bits | word << (32 - bits);
}

static void store_word(unsigned char *at, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (unsigned char)(word >> (24 - 8 * i));
}

static uint32_t load_word(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* 6.2.2, 1: the next word of the schedule, which keeps the last sixteen. */
static uint32_t next_word(const uint32_t schedule[16], unsigned i)
{
    uint32_t early = schedule[(i + 1) & 15], late = schedule[(i + 14) & 15];
    return schedule[i & 15] + (rotate(early, 7) ^ rotate(early, 18) ^ early >> 3) + schedule[(i + 9) & 15] +
           (rotate(late, 17) ^ rotate(late, 19) ^ late >> 10);
}

/* 6.2.2, 3. Instead of moving the working variables, renames them: `a` of round i is v[-i modulo 8]. If `i` is
   constant, compilers keep them in registers. */
static inline void add_round(uint32_t v[8], unsigned i, uint32_t word)
{
    uint32_t a = v[(0U - i) & 7], b = v[(1U - i) & 7], c = v[(2U - i) & 7];
    uint32_t e = v[(4U - i) & 7], f = v[(5U - i) & 7], g = v[(6U - i) & 7];
    uint32_t first = v[(7U - i) & 7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) + word;
    v[(3U - i) & 7] += first;
    v[(7U - i) & 7] = first + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));
}

/* 6.2.2, 2 to 4 */
static void add_block(uint32_t state[8], const unsigned char *block)
{
    uint32_t schedule[16], v[8];
    memcpy(v, state, sizeof v);
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++) {
        schedule[i] = load_word(block + (size_t)4 * i);
        add_round(v, i, constants[i] + schedule[i]);
    }
    for (unsigned round = 16; round < 64; round += 16) {
#pragma GCC unroll 16
        for (unsigned i = 0; i < 16; i++) {
            schedule[i] = next_word(schedule, i);
            add_round(v, i, constants[round + i] + schedule[i]);
        }
    }
    for (unsigned i = 0; i < 8; i++)
        state[i] += v[i];
}

void sha256(struct span bytes, unsigned char digest[SHA256_SIZE])
{
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    size_t whole = bytes.length / BLOCK * BLOCK, rest = bytes.length - whole;
    for (size_t at = 0; at < whole; at += BLOCK)
        add_block(state, (const unsigned char *)bytes.at + at);

    /* 5.1.1: append a one bit, zeros, and the length in bits; if they do not fit, in another block. */
    unsigned char end[2 * BLOCK] = {0};
    size_t end_length = rest < BLOCK - 8 ? BLOCK : (size_t)2 * BLOCK;
    uint64_t bits = (uint64_t)bytes.length * 8;
    if (rest > 0)
        memcpy(end, bytes.at + whole, rest);
    end[rest] = 0x80;
    store_word(end + end_length - 8, (uint32_t)(bits >> 32));
    store_word(end + end_length - 4, (uint32_t)bits);
    for (size_t at = 0; at < end_length; at += BLOCK)
        add_block(state, end + at);
    for (unsigned i = 0; i < 8; i++)
        store_word(digest + (size_t)4 * i, state[i]);
}

/* RFC 4648 4. A digest ends with a group of two bytes, so the text ends with one "=". */
static void append_base64(struct buffer *out, const unsigned char digest[SHA256_SIZE])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char padded[SHA256_SIZE + 1] = {0};
    memcpy(padded, digest, SHA256_SIZE);
    for (unsigned i = 0; i < sizeof padded; i += 3) {
        uint32_t group = (uint32_t)padded[i] << 16 | (uint32_t)padded[i + 1] << 8 | padded[i + 2];
        for (unsigned k = 0; k < 4; k++)
            buffer_byte(out, digits[group >> (18 - 6 * k) & 63]);
    }
    if (!out->overflow)
        out->at[out->length - 1] = '=';
}

void sha256_append_source(struct buffer *policy, struct span bytes)
{
    unsigned char digest[SHA256_SIZE];
    sha256(bytes, digest);
    buffer_append(policy, SPAN("'sha256-"));
    append_base64(policy, digest);
    buffer_byte(policy, '\'');
}

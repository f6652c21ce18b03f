/* The hash: stable, as ETags depend on it, and different after any change of one word. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Copies the bytes to memory of exactly their size, so that a sanitizer reports reads beyond it. */
static uint64_t hash_exactly(const char *bytes, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    uint64_t hash = hash_bytes((struct span){copy, length});
    free(copy);
    return hash;
}

/* Computed independently with big integers. If these change, every ETag changes. */
static void values_are_stable(void **state)
{
    char all[256];
    (void)state;
    for (unsigned i = 0; i < sizeof all; i++)
        all[i] = (char)i;
    assert_int_equal(hash_exactly("", 0), 0x79af553943bdf9d8);
    assert_int_equal(hash_exactly("a", 1), 0x6ffeb5078d9a9501);
    assert_int_equal(hash_exactly("12345678", 8), 0xfc9d1f024ee059bc);
    assert_int_equal(hash_exactly("123456789", 9), 0x01f2c48dd2730fa4);
    assert_int_equal(hash_exactly("hello, world", 12), 0xa84883e7c07bfe21);
    assert_int_equal(hash_exactly(all, sizeof all), 0x4f10e01d42087a01);
    assert_int_equal(hash_bytes((struct span){NULL, 0}), 0x79af553943bdf9d8);
}

/* Multiplies modulo 2^64 by additions, independently of the code under test. */
static uint64_t product(uint64_t a, uint64_t b)
{
    uint64_t sum = 0;
    for (unsigned bit = 0; bit < 64; bit++)
        sum += (b >> bit & 1) * (a << bit);
    return sum;
}

/* The reference: one word at a time, the last one padded with zeros, then a word of 0. */
static uint64_t reference(const unsigned char *bytes, size_t length)
{
    uint64_t hash = 0x243f6a8885a308d3 ^ length;
    for (size_t word = 0; word < (length + 7) / 8 + 1; word++) {
        bool last = word == (length + 7) / 8;
        for (size_t i = 0; i < 8 && !last; i++) {
            size_t at = word * 8 + i;
            hash ^= at < length ? (uint64_t)bytes[at] << (8 * i) : 0;
        }
        hash = product(hash, 0x9fb21c651e98df25);
        hash ^= hash >> 35;
    }
    return hash;
}

static void hash_equals_the_reference(void **state)
{
    unsigned char bytes[300];
    uint64_t number = 1;
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        number = number * 6364136223846793005 + 1442695040888963407;
        bytes[i] = (unsigned char)(number >> 56);
    }
    for (size_t length = 0; length <= sizeof bytes; length++)
        assert_int_equal(hash_exactly((const char *)bytes, length), reference(bytes, length));
}

static void alignment_does_not_change_the_hash(void **state)
{
    char room[64];
    (void)state;
    for (size_t at = 0; at < 16; at++) {
        memcpy(room + at, "the same bytes at any address", 30);
        assert_int_equal(hash_bytes((struct span){room + at, 30}), hash_exactly("the same bytes at any address", 30));
    }
}

static void every_bit_changes_the_hash(void **state)
{
    char bytes[1024];
    static const size_t lengths[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 64, 100, 1000, 1024};
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 37 + 5);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        uint64_t hash = hash_exactly(bytes, lengths[i]);
        for (size_t bit = 0; bit < lengths[i] * 8; bit++) {
            bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
            assert_true(hash_bytes((struct span){bytes, lengths[i]}) != hash);
            bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        }
    }
}

/* hash.h: texts of the same length that differ in only one word never have the same hash. */
static void two_changed_bits_of_a_word_change_the_hash(void **state)
{
    char bytes[24] = "twenty-three bytes, ...";
    uint64_t hash = hash_bytes((struct span){bytes, sizeof bytes});
    (void)state;
    for (unsigned a = 0; a < 64; a++) {
        for (unsigned b = 0; b < a; b++) {
            bytes[8 + a / 8] = (char)(bytes[8 + a / 8] ^ (1 << a % 8));
            bytes[8 + b / 8] = (char)(bytes[8 + b / 8] ^ (1 << b % 8));
            assert_true(hash_bytes((struct span){bytes, sizeof bytes}) != hash);
            bytes[8 + a / 8] = (char)(bytes[8 + a / 8] ^ (1 << a % 8));
            bytes[8 + b / 8] = (char)(bytes[8 + b / 8] ^ (1 << b % 8));
        }
    }
}

static int compare(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static void assert_all_differ(uint64_t *hashes, size_t count)
{
    qsort(hashes, count, sizeof *hashes, compare);
    for (size_t i = 1; i < count; i++)
        assert_true(hashes[i - 1] != hashes[i]);
}

/* Zeros of different lengths, and short names as in a table. */
static void lengths_and_short_names_have_different_hashes(void **state)
{
    static uint64_t hashes[26 * 26 * 26];
    static const char zeros[512];
    (void)state;
    for (size_t length = 0; length < sizeof zeros; length++)
        hashes[length] = hash_bytes((struct span){zeros, length});
    assert_all_differ(hashes, sizeof zeros);
    for (unsigned i = 0; i < COUNT(hashes); i++) {
        char name[] = {(char)('a' + i % 26), (char)('a' + i / 26 % 26), '/', (char)('a' + i / 676)};
        hashes[i] = hash_bytes((struct span){name, sizeof name});
    }
    assert_all_differ(hashes, COUNT(hashes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_stable),
        cmocka_unit_test(hash_equals_the_reference),
        cmocka_unit_test(alignment_does_not_change_the_hash),
        cmocka_unit_test(every_bit_changes_the_hash),
        cmocka_unit_test(two_changed_bits_of_a_word_change_the_hash),
        cmocka_unit_test(lengths_and_short_names_have_different_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SHA-256: the examples of FIPS 180-4, and every length around the end of a block. */
#include "base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *hex_of(struct span bytes)
{
    static char hex[2 * SHA256_SIZE + 1];
    unsigned char digest[SHA256_SIZE];
    sha256(bytes, digest);
    for (unsigned i = 0; i < SHA256_SIZE; i++)
        snprintf(hex + (size_t)2 * i, 3, "%02x", digest[i]);
    return hex;
}

static void published_examples_are_reproduced(void **state)
{
    (void)state;
    assert_string_equal(hex_of((struct span){NULL, 0}),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(hex_of(SPAN("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(hex_of(SPAN("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
                        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* The digest of the digests of all lengths from 0 to 199 of "a", computed with Perl's Digest::SHA. */
static void lengths_around_a_block_are_padded_correctly(void **state)
{
    (void)state;
    char text[200], all[200 * SHA256_SIZE];
    memset(text, 'a', sizeof text);
    for (size_t length = 0; length < sizeof text; length++)
        sha256((struct span){text, length}, (unsigned char *)all + length * SHA256_SIZE);
    assert_string_equal(hex_of((struct span){all, sizeof all}),
                        "752c007f38611cfbf5fa42cb1cea3d8e086491c844d0cc4defd632cb81423506");
}

static void sources_are_hash_source_expressions(void **state)
{
    (void)state;
    char room[64];
    struct buffer policy = BUFFER(room);
    /* The example of CSP 3, 8.3 */
    sha256_append_source(&policy, SPAN("alert('Hello, world.');"));
    assert_false(policy.overflow);
    room[policy.length] = '\0';
    assert_string_equal(room, "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='");
    struct buffer small = {room, 0, 20, false};
    sha256_append_source(&small, SPAN("x"));
    assert_true(small.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_examples_are_reproduced),
        cmocka_unit_test(lengths_around_a_block_are_padded_correctly),
        cmocka_unit_test(sources_are_hash_source_expressions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

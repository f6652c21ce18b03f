/* Names in different Unicode forms. The input is a line with one name, then the other. */
#include "base/unicode.h"

#include "lib/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum {
    NAME_MAX_BYTES = 768, /* the longest names of a reason */
    SHORT = 60,           /* holds no more marks than are put in order */
};

static bool equivalent(struct span a, struct span b)
{
    size_t work = 0;
    bool result = unicode_is_equivalent(a, b, &work);
    CHECK(work <= (a.length + b.length + 2) * 3 * UNICODE_WORK);
    return result;
}

/* Two names are equivalent if and only if they are behind the same text that ends with no mark. */
static void check_with_context(struct span a, struct span b, bool expected)
{
    char rooms[2][SHORT + 3];
    const struct span names[2] = {a, b};
    struct span longer[2];
    for (size_t i = 0; i < 2; i++) {
        memcpy(rooms[i], "\u00E9/", 3);
        memcpy(rooms[i] + 3, names[i].at, names[i].length);
        longer[i] = (struct span){rooms[i], 3 + names[i].length};
    }
    CHECK(equivalent(longer[0], longer[1]) == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct span b = {(const char *)bytes, length}, a = fuzz_take_line(&b);
    if (a.length == 0 || b.length == 0 || a.length > NAME_MAX_BYTES || b.length > NAME_MAX_BYTES)
        return 0;
    char *copies[] = {fuzz_copy(a), fuzz_copy(b)};
    a.at = copies[0];
    b.at = copies[1];
    bool result = equivalent(a, b);
    CHECK(equivalent(b, a) == result && equivalent(a, a) && equivalent(b, b));
    CHECK(result || !span_equal(a, b));
    CHECK(!result || span_equal(a, b) || !unicode_is_decomposed(a) || !unicode_is_decomposed(b) ||
          a.length == b.length);
    if (a.length <= SHORT && b.length <= SHORT)
        check_with_context(a, b, result);
    free(copies[0]);
    free(copies[1]);
    return 0;
}

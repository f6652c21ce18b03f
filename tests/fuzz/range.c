/* Range fields. The input: a line with the file's size, then the field. */
#include "http/range.h"

#include "lib/fuzz.h"

#include <string.h>

/* Small enough for the second reading, which marks each requested byte. */
enum { SMALL_MAX = 4096, DIGITS_MAX = 15 };

static void check_slices(enum range_result result, uint64_t size, const struct range *ranges, unsigned count)
{
    uint64_t sum = 0;
    CHECK(result == RANGE_PARTIAL ? count > 0 && count <= LIMIT_RANGES : count == 0);
    for (unsigned i = 0; i < count; i++) {
        CHECK(ranges[i].length > 0 && ranges[i].length <= size);
        CHECK(ranges[i].offset <= size - ranges[i].length);
        sum += ranges[i].length;
        for (unsigned k = 0; k < i; k++) {
            CHECK(ranges[i].offset + ranges[i].length < ranges[k].offset ||
                  ranges[k].offset + ranges[k].length < ranges[i].offset);
        }
    }
    CHECK(sum <= size);
}

/* ---- the second reading, by RFC 9110 14.1.2 ---- */

enum member { MEMBER_MALFORMED, MEMBER_NOTHING, MEMBER_BYTES };

/* 1*DIGIT, few enough for 64 bits */
static bool take_number(struct span *text, int64_t *number)
{
    size_t digits = 0;
    for (*number = 0; digits < text->length && text_is_digit(text->at[digits]); digits++)
        *number = *number * 10 + (text->at[digits] - '0');
    *text = (struct span){text->at + digits, text->length - digits};
    return digits > 0;
}

static enum member mark_member(struct span member, int64_t size, bool *wanted)
{
    int64_t first, last;
    bool has_first = take_number(&member, &first);
    if (member.length == 0 || member.at[0] != '-')
        return MEMBER_MALFORMED;
    member = (struct span){member.at + 1, member.length - 1};
    bool has_last = take_number(&member, &last);
    if (member.length > 0 || (!has_first && !has_last) || (has_first && has_last && last < first))
        return MEMBER_MALFORMED;
    if (has_first ? first >= size : last == 0)
        return MEMBER_NOTHING;
    int64_t start = has_first ? first : size - last, end = has_first && has_last ? last : size - 1;
    for (int64_t i = start < 0 ? 0 : start; i <= end && i < size; i++)
        wanted[i] = true;
    return MEMBER_BYTES;
}

static enum range_result read_again(struct span set, int64_t size, bool *wanted)
{
    unsigned members = 0, with_bytes = 0;
    while (set.length > 0) {
        size_t comma = span_find(set, ',');
        struct span member = span_trim((struct span){set.at, comma});
        size_t taken = comma < set.length ? comma + 1 : comma;
        set = (struct span){set.at + taken, set.length - taken};
        if (member.length == 0)
            continue;
        enum member found = mark_member(member, size, wanted);
        if (found == MEMBER_MALFORMED || ++members > LIMIT_RANGES)
            return RANGE_WHOLE;
        with_bytes += found == MEMBER_BYTES;
    }
    if (members == 0 || (with_bytes > 0 && size == 0))
        return RANGE_WHOLE;
    return with_bytes > 0 ? RANGE_PARTIAL : RANGE_UNSATISFIABLE;
}

static bool has_long_number(struct span text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.length && digits <= DIGITS_MAX; i++)
        digits = text_is_digit(text.at[i]) ? digits + 1 : 0;
    return digits > DIGITS_MAX;
}

static void compare(enum range_result result, struct span field, uint64_t size, const struct range *ranges,
                    unsigned count)
{
    bool wanted[SMALL_MAX] = {false}, given[SMALL_MAX] = {false};
    struct span unit = SPAN("bytes=");
    if (size > SMALL_MAX || has_long_number(field))
        return;
    if (field.length < unit.length || !span_equal_nocase((struct span){field.at, unit.length}, unit)) {
        CHECK(result == RANGE_WHOLE);
        return;
    }
    struct span set = {field.at + unit.length, field.length - unit.length};
    CHECK(read_again(set, (int64_t)size, wanted) == result);
    for (unsigned i = 0; i < count; i++)
        memset(given + ranges[i].offset, true, ranges[i].length);
    CHECK(result != RANGE_PARTIAL || memcmp(wanted, given, sizeof wanted) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct span field = {(const char *)bytes, length};
    uint64_t size = (uint64_t)fuzz_number(fuzz_take_line(&field), 1000) & INT64_MAX;
    struct range ranges[LIMIT_RANGES];
    unsigned count;
    enum range_result result = range_parse(field, size, ranges, &count);
    check_slices(result, size, ranges, count);
    compare(result, field, size, ranges, count);
    return 0;
}

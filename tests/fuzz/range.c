/* Range fields, compared with a second reading by RFC 9110 14. The input: a line with the file's size, then the
   field. */
#include "http/range.h"

#include "lib/fuzz.h"

#include <string.h>

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

/* ---- the second reading ---- */

/* Room for any number of DIGITS_MAX digits, so that none overflows. */
__extension__ typedef unsigned __int128 number;
enum { DIGITS_MAX = 38 };

/* The bytes that the satisfiable members name, each from `start` up to, not with, `end`; in the request's order. */
static struct {
    unsigned count;
    struct {
        number start, end;
    } members[LIMIT_RANGES];
} wanted;

enum member { MEMBER_MALFORMED, MEMBER_UNSATISFIABLE, MEMBER_SATISFIABLE };

/* 1*DIGIT */
static bool take_number(struct span *text, number *value)
{
    size_t digits = 0;
    for (*value = 0; digits < text->length && text->at[digits] >= '0' && text->at[digits] <= '9'; digits++)
        *value = *value * 10 + (number)(text->at[digits] - '0');
    *text = span_from(*text, digits);
    return digits > 0;
}

static enum member want(number start, number end)
{
    wanted.members[wanted.count].start = start;
    wanted.members[wanted.count++].end = end;
    return MEMBER_SATISFIABLE;
}

/* RFC 9110 14.1.1, 14.1.2: int-range = first-pos "-" [ last-pos ], suffix-range = "-" suffix-length */
static enum member read_member(struct span member, number size)
{
    number first, last;
    bool has_first = take_number(&member, &first);
    if (member.length == 0 || member.at[0] != '-')
        return MEMBER_MALFORMED;
    member = span_from(member, 1);
    bool has_last = take_number(&member, &last);
    if (member.length > 0 || (!has_first && !has_last))
        return MEMBER_MALFORMED;
    /* Satisfiable unless 0; more than there is means all. */
    if (!has_first)
        return last == 0 ? MEMBER_UNSATISFIABLE : want(last > size ? 0 : size - last, size);
    /* Invalid, then satisfiable if it begins in the file; it ends with the file at the latest. */
    if (has_last && last < first)
        return MEMBER_MALFORMED;
    if (first >= size)
        return MEMBER_UNSATISFIABLE;
    return want(first, has_last && last < size ? last + 1 : size);
}

/* ranges-specifier = range-unit "=" range-set (14.1.1); what a server may ignore (14.2), this one does. */
static enum range_result read_again(struct span field, number size)
{
    unsigned count = 0;
    wanted.count = 0;
    struct span unit = {field.at, span_find(field, '=')};
    if (unit.length == field.length || !span_equal_nocase(unit, SPAN("bytes")))
        return RANGE_WHOLE;
    struct span set = span_from(field, unit.length + 1);
    while (set.length > 0) {
        struct span member = span_trim(fuzz_take_until(&set, ','));
        if (member.length == 0) /* 5.6.1.2 */
            continue;
        if (++count > LIMIT_RANGES || read_member(member, size) == MEMBER_MALFORMED)
            return RANGE_WHOLE;
    }
    if (count == 0 || (wanted.count > 0 && size == 0)) /* range.h: no Content-Range describes 0 bytes */
        return RANGE_WHOLE;
    return wanted.count > 0 ? RANGE_PARTIAL : RANGE_UNSATISFIABLE;
}

/* The end of the wanted bytes that follow `start` without a gap. */
static number end_of_wanted(number start)
{
    number end = start;
    for (unsigned i = 0; i < wanted.count; i++) {
        if (wanted.members[i].start <= end && wanted.members[i].end > end) {
            end = wanted.members[i].end;
            i = (unsigned)-1; /* again, as the members are in any order */
        }
    }
    return end;
}

/* The slices are the wanted bytes, in the order of the first member of each (15.3.7.2). */
static void compare(const struct range *ranges, unsigned count)
{
    unsigned next = 0;
    for (unsigned i = 0; i < wanted.count; i++) {
        unsigned slice = 0;
        while (slice < count && !(ranges[slice].offset <= wanted.members[i].start &&
                                  wanted.members[i].end <= (number)ranges[slice].offset + ranges[slice].length))
            slice++;
        CHECK(slice < count && slice <= next);
        next += slice == next;
    }
    CHECK(next == count);
    for (unsigned i = 0; i < count; i++)
        CHECK(end_of_wanted(ranges[i].offset) == (number)ranges[i].offset + ranges[i].length);
}

static bool has_long_number(struct span text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.length && digits <= DIGITS_MAX; i++)
        digits = text_is_digit(text.at[i]) ? digits + 1 : 0;
    return digits > DIGITS_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct span field = {(const char *)bytes, length};
    uint64_t size = (uint64_t)fuzz_number(fuzz_take_line(&field), 1000) & INT64_MAX;
    struct range ranges[LIMIT_RANGES];
    unsigned count;
    enum range_result result = range_parse(field, size, ranges, &count);
    check_slices(result, size, ranges, count);
    if (has_long_number(field))
        return 0;
    CHECK(read_again(field, size) == result);
    if (result == RANGE_PARTIAL)
        compare(ranges, count);
    return 0;
}

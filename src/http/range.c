#include "http/range.h"

#include <stdbool.h>
#include <string.h>

/* The result of one range-spec. */
enum spec {
    SPEC_MALFORMED,
    SPEC_UNSATISFIABLE,
    SPEC_SATISFIABLE,
};

/* ranges-specifier = range-unit "=" range-set; the unit's name is case-insensitive (RFC 9110 14.1). */
/*@ requires readable(field) && \valid(set); assigns *set; ensures \result ==> readable(*set); */
static bool take_unit(struct span field, struct span *set)
{
    static const struct span unit = {"bytes=", 6};
    if (field.length < unit.length || !span_equal_nocase((struct span){field.at, unit.length}, unit))
        return false;
    *set = (struct span){field.at + unit.length, field.length - unit.length};
    return true;
}

/* 1*DIGIT */
/*@ requires readable(digits); assigns \nothing; ensures \result ==> digits.length > 0; */
static bool is_number(struct span digits)
{
    /*@ loop assigns i; loop variant digits.length - i; */
    for (size_t i = 0; i < digits.length; i++) {
        if (!text_is_digit(digits.at[i]))
            return false;
    }
    return digits.length > 0;
}

/* RFC 9110 14.1.2: expect numbers of any length. No file is as large as UINT64_MAX, so that stands for all larger
   numbers. */
/*@ requires readable(digits); assigns \nothing; */
static uint64_t value_of(struct span digits)
{
    uint64_t value = UINT64_MAX;
    (void)span_to_number(digits, &value);
    return value;
}

/*@ requires readable(digits) && digits.length > 0; assigns \nothing;
    ensures readable(\result) && \result.length > 0; */
static struct span without_zeros(struct span digits)
{
    /*@ loop invariant readable(digits) && digits.length > 0; loop assigns digits; loop variant digits.length; */
    while (digits.length > 1 && digits.at[0] == '0') {
        digits.at++;
        digits.length--;
    }
    return digits;
}

/* Compares digits, as the values of two large numbers may both be UINT64_MAX. */
/*@ requires readable(a) && readable(b) && a.length > 0 && b.length > 0; assigns \nothing; */
static bool is_less(struct span a, struct span b)
{
    a = without_zeros(a);
    b = without_zeros(b);
    return a.length != b.length ? a.length < b.length : memcmp(a.at, b.at, a.length) < 0;
}

/* suffix-range = "-" suffix-length: the last bytes, or all if there are fewer. */
/*@ requires readable(digits) && \valid(range); assigns *range; */
static enum spec read_suffix(struct span digits, uint64_t size, struct range *range)
{
    if (!is_number(digits))
        return SPEC_MALFORMED;
    uint64_t length = value_of(digits);
    if (length == 0)
        return SPEC_UNSATISFIABLE;
    if (length > size)
        length = size;
    *range = (struct range){size - length, length};
    return SPEC_SATISFIABLE;
}

/* int-range = first-pos "-" [ last-pos ]; both positions are inclusive. */
/*@ requires readable(first) && readable(last) && \valid(range); assigns *range; */
static enum spec read_positions(struct span first, struct span last, uint64_t size, struct range *range)
{
    bool open = last.length == 0;
    if (!is_number(first) || (!open && !is_number(last)))
        return SPEC_MALFORMED;
    if (!open && is_less(last, first)) /* "invalid", RFC 9110 14.1.1 */
        return SPEC_MALFORMED;
    uint64_t start = value_of(first);
    if (start >= size)
        return SPEC_UNSATISFIABLE;
    uint64_t end = open || value_of(last) >= size ? size : value_of(last) + 1;
    *range = (struct range){start, end - start};
    return SPEC_SATISFIABLE;
}

/*@ requires readable(spec) && \valid(range); assigns *range; */
static enum spec read_spec(struct span spec, uint64_t size, struct range *range)
{
    size_t dash = span_find(spec, '-');
    if (dash == spec.length)
        return SPEC_MALFORMED;
    struct span before = {spec.at, dash};
    struct span after = {spec.at + dash + 1, spec.length - dash - 1};
    return before.length == 0 ? read_suffix(after, size, range) : read_positions(before, after, size, range);
}

/* True if they overlap or are adjacent. */
/*@ assigns \nothing; */
static bool touches(struct range a, struct range b)
{
    return a.offset <= b.offset + b.length && b.offset <= a.offset + a.length;
}

/* The smallest range that contains both. */
/*@ assigns \nothing; */
static struct range join(struct range a, struct range b)
{
    uint64_t a_end = a.offset + a.length, b_end = b.offset + b.length;
    uint64_t offset = a.offset < b.offset ? a.offset : b.offset;
    uint64_t end = a_end > b_end ? a_end : b_end;
    return (struct range){offset, end - offset};
}

/* Adds a range, joined with those that it touches (RFC 9110 15.3.7.2), in the slot of the first of them. One pass is
   enough: the ranges in the list do not touch each other, so no join makes it touch another. */
/*@ requires count < LIMIT_RANGES && \valid(ranges + (0 .. count)); assigns ranges[0 .. count];
    ensures \result <= count + 1; */
static unsigned add(struct range *ranges, unsigned count, struct range range)
{
    unsigned kept = 0, slot = count;
    /*@ loop invariant i <= count && slot <= count && kept <= i && (slot == count || slot < kept);
        loop assigns i, kept, slot, range, ranges[0 .. count]; loop variant count - i; */
    for (unsigned i = 0; i < count; i++) {
        if (!touches(ranges[i], range)) {
            ranges[kept++] = ranges[i];
            continue;
        }
        range = join(ranges[i], range);
        if (slot == count)
            slot = kept++;
    }
    if (slot == count)
        slot = kept++;
    ranges[slot] = range;
    return kept;
}

enum range_result range_parse(struct span field, uint64_t size, struct range *ranges, unsigned *count)
{
    struct span set, member;
    unsigned members = 0, kept = 0;
    *count = 0;
    if (!take_unit(field, &set))
        return RANGE_WHOLE;
    /*@ loop invariant readable(set) && kept <= members <= LIMIT_RANGES;
        loop assigns set, member, members, kept, ranges[0 .. LIMIT_RANGES - 1]; loop variant set.length; */
    while (span_next_member(&set, &member)) {
        struct range range;
        enum spec spec = read_spec(member, size, &range);
        if (spec == SPEC_MALFORMED || ++members > LIMIT_RANGES)
            return RANGE_WHOLE;
        if (spec == SPEC_SATISFIABLE)
            kept = add(ranges, kept, range);
    }
    if (members == 0 || (kept > 0 && size == 0))
        return RANGE_WHOLE;
    *count = kept;
    return kept > 0 ? RANGE_PARTIAL : RANGE_UNSATISFIABLE;
}

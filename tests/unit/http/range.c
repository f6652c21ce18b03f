/* Byte ranges: RFC 9110 14.1.1 and 14.1.2 for their form, 14.2 for ignored fields, 15.3.7.2 for joined ranges. */
#include "http/range.h"

#include "http/fields.h"

#include <regex.h>
#include <stdlib.h>

static struct range ranges[LIMIT_RANGES];
static unsigned count;

static enum range_result parse(struct span field, uint64_t size)
{
    memset(ranges, 0xEE, sizeof ranges);
    count = 4711;
    enum range_result result = range_parse(guarded(field), size, ranges, &count);
    assert_true((result == RANGE_PARTIAL) == (count > 0));
    assert_true(count <= LIMIT_RANGES);
    return result;
}

/* The slices as in Content-Range: "0-499 600-999". */
static const char *described(void)
{
    static char text[LIMIT_RANGES * 44];
    size_t length = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < count; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%ju-%ju", i > 0 ? " " : "",
                                   (uintmax_t)ranges[i].offset, (uintmax_t)(ranges[i].offset + ranges[i].length - 1));
    return text;
}

static void assert_partial(const char *field, uint64_t size, const char *expected)
{
    enum range_result result = parse(span_of(field), size);
    if (result != RANGE_PARTIAL || strcmp(described(), expected) != 0)
        fail_msg("'%s' of %ju is %d: '%s', not '%s'", field, (uintmax_t)size, result, described(), expected);
}

static void assert_result(const char *field, uint64_t size, enum range_result expected)
{
    enum range_result result = parse(span_of(field), size);
    if (result != expected)
        fail_msg("'%s' of %ju is %d: '%s', not %d", field, (uintmax_t)size, result, described(), expected);
}

struct row {
    const char *field;
    uint64_t size;
    const char *expected;
};

static void assert_rows(const struct row *rows, size_t rows_count)
{
    for (size_t i = 0; i < rows_count; i++)
        assert_partial(rows[i].field, rows[i].size, rows[i].expected);
}

/* The examples of RFC 9110 14.1.2, "assuming a representation of length 10000". */
static void examples_of_the_rfc_are_read(void **state)
{
    static const struct row rows[] = {
        {"bytes=0-499", 10000, "0-499"},
        {"bytes=500-999", 10000, "500-999"},
        {"bytes=-500", 10000, "9500-9999"},
        {"bytes=9500-", 10000, "9500-9999"},
        {"bytes=0-0,-1", 10000, "0-0 9999-9999"},
        {"bytes= 0-999, 4500-5499, -1000", 10000, "0-999 4500-5499 9000-9999"},
        {"bytes=500-600,601-999", 10000, "500-999"},
        {"bytes=500-700,601-999", 10000, "500-999"},
    };
    (void)state;
    assert_rows(rows, COUNT(rows));
}

static void single_ranges_are_read(void **state)
{
    static const struct row rows[] = {
        {"bytes=0-", 10, "0-9"},
        {"bytes=0-9", 10, "0-9"},
        {"bytes=0-10", 10, "0-9"},
        {"bytes=9-", 10, "9-9"},
        {"bytes=9-9", 10, "9-9"},
        {"bytes=9-10", 10, "9-9"},
        {"bytes=3-3", 10, "3-3"},
        {"bytes=-1", 10, "9-9"},
        {"bytes=-10", 10, "0-9"},
        {"bytes=-11", 10, "0-9"},
        {"bytes=0-", 1, "0-0"},
        {"bytes=-1", 1, "0-0"},
        {"bytes=0-1", 1, "0-0"},
        {"bytes=000-0000000000000000000000000000001", 10, "0-1"},
        {"bytes=-0000000000000000000000000000001", 10, "9-9"},
        /* The unit in any case (14.1); spaces and empty members (5.6.1). */
        {"BYTES=0-1", 10, "0-1"},
        {"Bytes=0-1", 10, "0-1"},
        {"bytes=\t 0-1", 10, "0-1"},
        {"bytes=,, 0-1 ,\t,", 10, "0-1"},
        {"bytes=0-1 , 5-6", 10, "0-1 5-6"},
    };
    (void)state;
    assert_rows(rows, COUNT(rows));
}

#define E64 "18446744073709551616" /* 2 to the 64th */

static void large_numbers_do_not_overflow(void **state)
{
    static const uint64_t whole = UINT64_MAX;
    static const struct row rows[] = {
        {"bytes=0-18446744073709551615", 10, "0-9"},
        {"bytes=0-" E64, 10, "0-9"},
        {"bytes=1-99999999999999999999999999999999999999", 10, "1-9"},
        {"bytes=-18446744073709551615", 10, "0-9"},
        {"bytes=-" E64, 10, "0-9"},
        {"bytes=-" E64 "0", 10, "0-9"},
        {"bytes=0-9223372036854775807", INT64_MAX, "0-9223372036854775806"},
        {"bytes=9223372036854775806-", INT64_MAX, "9223372036854775806-9223372036854775806"},
        {"bytes=0-", whole, "0-18446744073709551614"},
        {"bytes=1-18446744073709551614", whole, "1-18446744073709551614"},
        {"bytes=18446744073709551614-" E64, whole, "18446744073709551614-18446744073709551614"},
        {"bytes=-18446744073709551614", whole, "1-18446744073709551614"},
        {"bytes=18446744073709551614-,0-0", whole, "18446744073709551614-18446744073709551614 0-0"},
    };
    (void)state;
    assert_rows(rows, COUNT(rows));
    assert_result("bytes=" E64 "-", 10, RANGE_UNSATISFIABLE);
    assert_result("bytes=" E64 "-" E64, 10, RANGE_UNSATISFIABLE);
    assert_result("bytes=18446744073709551615-" E64, UINT64_MAX, RANGE_UNSATISFIABLE);
    /* Malformed, although both positions exceed 64 bits (14.1.1). */
    assert_result("bytes=" E64 "-18446744073709551615", 10, RANGE_WHOLE);
    assert_result("bytes=" E64 "1-" E64 "0", 10, RANGE_WHOLE);
    assert_result("bytes=" E64 "-0" E64, 10, RANGE_UNSATISFIABLE);
    /* 2 to the 64th plus 5 is not 5. */
    assert_result("bytes=18446744073709551621-18446744073709551622", 10, RANGE_UNSATISFIABLE);
}

/* RFC 9110 14.2: ignored, as if the field were absent. */
static void invalid_ranges_are_ignored(void **state)
{
    static const char *const fields[] = {
        "",
        "b",
        "bytes",
        "bytes=",
        "bytes= ",
        "bytes=,",
        "bytes=, \t,",
        "bytes 0-1",
        "bytes:0-1",
        "bytes =0-1",
        " bytes=0-1",
        "byte=0-1",
        "bytess=0-1",
        "items=0-1",
        "none=0-1",
        "=0-1",
        "0-1",
        "bytes=-",
        "bytes=--1",
        "bytes=--",
        "bytes=1",
        "bytes=5-1",
        "bytes=1-0",
        "bytes=10-9",
        "bytes=099-0098",
        "bytes=a-b",
        "bytes=0-a",
        "bytes=a-1",
        "bytes=0x0-0x1",
        "bytes=+0-1",
        "bytes=0-+1",
        "bytes=0--1",
        "bytes=0-1-2",
        "bytes=0 -1",
        "bytes=0- 1",
        "bytes=- 1",
        "bytes=0-1;2-3",
        "bytes=0-1 2-3",
        "bytes=0-1/10",
        "bytes=*",
        "bytes=1.0-2",
        "bytes=\"0-1\"",
        "bytes=0-1\x80",
        /* A malformed member at any position makes the field malformed. */
        "bytes=0-1,x",
        "bytes=x,0-1",
        "bytes=0-1,5-4",
        "bytes=99-,5-4",
        "bytes=99-,x",
        "bytes=0-1,bytes=2-3",
        /* Like two lines joined. */
        "bytes=0-1, bytes=2-3",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(fields); i++) {
        assert_result(fields[i], 10, RANGE_WHOLE);
        assert_result(fields[i], 0, RANGE_WHOLE);
        assert_result(fields[i], UINT64_MAX, RANGE_WHOLE);
    }
    assert_int_equal(range_parse((struct span){NULL, 0}, 10, ranges, &count), RANGE_WHOLE);
    assert_int_equal(parse((struct span){"bytes=0-1\0", 10}, 10), RANGE_WHOLE);
    assert_int_equal(parse((struct span){"bytes=\0-1", 9}, 10), RANGE_WHOLE);
}

static void ranges_outside_the_file_are_unsatisfiable(void **state)
{
    (void)state;
    assert_result("bytes=10-", 10, RANGE_UNSATISFIABLE);
    assert_result("bytes=10-10", 10, RANGE_UNSATISFIABLE);
    assert_result("bytes=11-20", 10, RANGE_UNSATISFIABLE);
    assert_result("bytes=-0", 10, RANGE_UNSATISFIABLE);
    assert_result("bytes=-000", 10, RANGE_UNSATISFIABLE);
    assert_result("bytes=10-,-0,99-100", 10, RANGE_UNSATISFIABLE);
    /* Satisfiable ranges are still sent. */
    assert_partial("bytes=10-,0-0", 10, "0-0");
    assert_partial("bytes=-0,-1", 10, "9-9");
    assert_partial("bytes=3-4,99-,1-1", 10, "3-4 1-1");
}

/* RFC 9110 14.1.2: in an empty file only a suffix is satisfiable, but no Content-Range can describe it (14.4). */
static void positions_in_an_empty_file_are_unsatisfiable(void **state)
{
    (void)state;
    assert_result("bytes=0-", 0, RANGE_UNSATISFIABLE);
    assert_result("bytes=0-0", 0, RANGE_UNSATISFIABLE);
    assert_result("bytes=5-9", 0, RANGE_UNSATISFIABLE);
    assert_result("bytes=-0", 0, RANGE_UNSATISFIABLE);
    assert_result("bytes=-1", 0, RANGE_WHOLE);
    assert_result("bytes=-" E64, 0, RANGE_WHOLE);
    assert_result("bytes=0-,-1", 0, RANGE_WHOLE);
    assert_result("bytes=-5,-6", 0, RANGE_WHOLE);
}

/* RFC 9110 15.3.7.2, in the order of the request. */
static void overlapping_and_adjacent_ranges_are_joined(void **state)
{
    static const struct row rows[] = {
        {"bytes=0-1,0-1", 10, "0-1"},
        {"bytes=0-4,5-9", 10, "0-9"},
        {"bytes=5-9,0-4", 10, "0-9"},
        {"bytes=0-4,4-9", 10, "0-9"},
        {"bytes=0-9,3-4", 10, "0-9"},
        {"bytes=3-4,0-9", 10, "0-9"},
        {"bytes=0-4,6-9", 10, "0-4 6-9"},
        {"bytes=6-9,0-4", 10, "6-9 0-4"},
        {"bytes=-1,0-0", 10, "9-9 0-0"},
        {"bytes=8-,2-3,5-5,0-0", 10, "8-9 2-3 5-5 0-0"},
        {"bytes=8-,2-3,5-5,0-0,3-5", 10, "8-9 2-5 0-0"},
        {"bytes=8-,2-3,5-5,0-0,1-4", 10, "8-9 0-5"},
        {"bytes=8-,2-3,5-5,0-0,0-", 10, "0-9"},
        {"bytes=2-2,4-4,6-6,3-3,5-5", 10, "2-6"},
        {"bytes=0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-", 10, "0-9"},
        {"bytes=0-,1-,2-,3-", 10, "0-9"},
        {"bytes=-1,-2,-3,-99", 10, "0-9"},
    };
    (void)state;
    assert_rows(rows, COUNT(rows));
}

/* "bytes=0-,2-,4-" and so on, with `members` members. */
static const char *many(size_t members)
{
    static char field[GUARDED_MAX];
    size_t length = (size_t)snprintf(field, sizeof field, "bytes=");
    for (size_t i = 0; i < members; i++)
        length += (size_t)snprintf(field + length, sizeof field - length, "%s%zu-", i > 0 ? "," : "", 2 * i);
    return field;
}

static void too_many_ranges_are_ignored(void **state)
{
    (void)state;
    for (size_t members = 1; members <= 3 * (size_t)LIMIT_RANGES; members++) {
        char field[GUARDED_MAX];
        size_t length = (size_t)snprintf(field, sizeof field, "bytes=");
        for (size_t i = 0; i < members; i++)
            length += (size_t)snprintf(field + length, sizeof field - length, "%zu-%zu,", 2 * i, 2 * i);
        enum range_result result = parse((struct span){field, length}, 1000);
        assert_int_equal(result, members <= LIMIT_RANGES ? RANGE_PARTIAL : RANGE_WHOLE);
        assert_int_equal(count, members <= LIMIT_RANGES ? members : 0);
    }
    /* CVE-2011-3192: each range is almost the whole file. */
    assert_int_equal(parse(span_of(many(LIMIT_RANGES)), 1000), RANGE_PARTIAL);
    assert_string_equal(described(), "0-999");
    assert_int_equal(parse(span_of(many(LIMIT_RANGES + 1)), 1000), RANGE_WHOLE);
    assert_int_equal(parse(span_of(many(1000)), 1000), RANGE_WHOLE);
    /* Unsatisfiable members count as well; empty ones do not. */
    assert_int_equal(parse(span_of(many(LIMIT_RANGES)), 0), RANGE_UNSATISFIABLE);
    assert_int_equal(parse(span_of(many(LIMIT_RANGES + 1)), 0), RANGE_WHOLE);
    assert_partial("bytes=,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,0-0", 10, "0-0");
}

/* ---- against a model ---- */

enum { MODEL_SIZE_MAX = 40, MEMBERS_MAX = LIMIT_RANGES + 4, FIELD_MAX = MEMBERS_MAX * 50 };

/* The model: regular expressions, strtoull, and a file small enough to mark each byte. */
struct model {
    enum range_result result;
    unsigned members;
    bool wanted[MODEL_SIZE_MAX];
    unsigned first_member[MODEL_SIZE_MAX]; /* the first member that requests the byte */
};

static regex_t field_form, positions_form, suffix_form;

static int open_forms(void **state)
{
    return guard_open(state) != 0 || regcomp(&field_form, "^[Bb][Yy][Tt][Ee][Ss]=", REG_EXTENDED | REG_NOSUB) != 0 ||
           regcomp(&positions_form, "^[0-9]+-[0-9]*$", REG_EXTENDED | REG_NOSUB) != 0 ||
           regcomp(&suffix_form, "^-[0-9]+$", REG_EXTENDED | REG_NOSUB) != 0;
}

static int close_forms(void **state)
{
    (void)state;
    regfree(&field_form);
    regfree(&positions_form);
    regfree(&suffix_form);
    return 0;
}

/* Half-open; false if the member is malformed. strtoull returns ULLONG_MAX for too large numbers. */
static bool model_member(const char *member, uint64_t size, uint64_t *start, uint64_t *end)
{
    if (regexec(&suffix_form, member, 0, NULL, 0) == 0) {
        uint64_t length = strtoull(member + 1, NULL, 10);
        *start = length < size ? size - length : 0;
        *end = length > 0 ? size : *start;
        return true;
    }
    if (regexec(&positions_form, member, 0, NULL, 0) != 0)
        return false;
    const char *last = strchr(member, '-') + 1;
    *start = strtoull(member, NULL, 10);
    *end = *last != '\0' ? strtoull(last, NULL, 10) : UINT64_MAX;
    if (*start > *end)
        return false;
    *end = *end < size ? *end + 1 : size;
    return true;
}

static struct model model_of(const char *field, uint64_t size)
{
    struct model model = {.result = RANGE_WHOLE};
    char copy[FIELD_MAX];
    bool satisfiable = false;
    snprintf(copy, sizeof copy, "%s", field);
    if (regexec(&field_form, copy, 0, NULL, 0) != 0)
        return model;
    for (char *rest = strchr(copy, '=') + 1, *member; (member = strsep(&rest, ",")) != NULL;) {
        uint64_t start, end;
        member += strspn(member, " \t");
        for (size_t length = strlen(member); length > 0 && strchr(" \t", member[length - 1]) != NULL;)
            member[--length] = '\0';
        if (*member == '\0')
            continue;
        if (!model_member(member, size, &start, &end))
            return (struct model){.result = RANGE_WHOLE};
        satisfiable |= size == 0 && *member == '-' && strtoull(member + 1, NULL, 10) > 0;
        for (uint64_t i = start; i < end; i++) {
            if (!model.wanted[i])
                model.first_member[i] = model.members;
            model.wanted[i] = true;
        }
        satisfiable |= start < end;
        model.members++;
    }
    if (model.members > 0 && model.members <= LIMIT_RANGES && !(satisfiable && size == 0))
        model.result = satisfiable ? RANGE_PARTIAL : RANGE_UNSATISFIABLE;
    return model;
}

/* The slices are the model's marked runs, each once, ordered by the first member that requests a part of each. */
static bool slices_are(const struct model *model, uint64_t size)
{
    bool covered[MODEL_SIZE_MAX] = {false};
    unsigned runs = 0, previous = 0;
    for (uint64_t i = 0; i < size; i++)
        runs += model->wanted[i] && (i == 0 || !model->wanted[i - 1]);
    if (runs != count)
        return false;
    for (unsigned k = 0; k < count; k++) {
        uint64_t end = ranges[k].offset + ranges[k].length;
        unsigned first = UINT32_MAX;
        if (ranges[k].length == 0 || end > size)
            return false;
        for (uint64_t i = ranges[k].offset; i < end; i++) {
            if (covered[i] || !model->wanted[i])
                return false;
            covered[i] = true;
            first = model->first_member[i] < first ? model->first_member[i] : first;
        }
        if (k > 0 && first <= previous)
            return false;
        previous = first;
    }
    return true;
}

static void assert_as_modelled(const char *field, uint64_t size)
{
    struct model model = model_of(field, size);
    enum range_result result = parse(span_of(field), size);
    if (result != model.result || (result == RANGE_PARTIAL && !slices_are(&model, size)))
        fail_msg("'%s' of %ju is %d '%s', the model says %d", field, (uintmax_t)size, result, described(),
                 model.result);
}

static size_t append_random_member(char *at, size_t room, uint64_t size, uint64_t *seed)
{
    static const char *const blanks[] = {"", "", "", " ", "\t"};
    static const char *const odd[] = {"",      "",       "-",  "5", "a-b", "1-2-3", "18446744073709551616-",
                                      "-" E64, "0-" E64, "9-8"};
    const char *before = blanks[random_below(seed, COUNT(blanks))], *after = blanks[random_below(seed, COUNT(blanks))];
    uint64_t first = random_below(seed, size + 3), last = first + random_below(seed, 6);
    uint64_t kind = random_below(seed, 40);
    if (kind == 0)
        return (size_t)snprintf(at, room, "%s%s%s", before, odd[random_below(seed, COUNT(odd))], after);
    if (kind <= 4)
        return (size_t)snprintf(at, room, "%s%ju-%s", before, (uintmax_t)first, after);
    if (kind <= 8)
        return (size_t)snprintf(at, room, "%s-%ju%s", before, (uintmax_t)first, after);
    return (size_t)snprintf(at, room, "%s%ju-%ju%s", before, (uintmax_t)first, (uintmax_t)last, after);
}

static void random_ranges_match_the_model(void **state)
{
    uint64_t seed = 7233;
    unsigned results[3] = {0}, several = 0;
    (void)state;
    for (int round = 0; round < 100000; round++) {
        char field[FIELD_MAX];
        uint64_t size = random_below(&seed, MODEL_SIZE_MAX + 1);
        size_t members = 1 + random_below(&seed, round % 256 == 0 ? MEMBERS_MAX : round % 4 == 0 ? 20 : 5);
        size_t length = (size_t)snprintf(field, sizeof field, "bytes=");
        for (size_t i = 0; i < members; i++) {
            length += append_random_member(field + length, sizeof field - length, size, &seed);
            length += (size_t)snprintf(field + length, sizeof field - length, "%s", i + 1 < members ? "," : "");
        }
        assert_true(length < sizeof field);
        assert_as_modelled(field, size);
        results[parse(span_of(field), size)]++;
        several += count > 1;
    }
    /* Every result occurred. */
    assert_true(results[RANGE_WHOLE] > 1000 && results[RANGE_PARTIAL] > 1000 && several > 1000);
    assert_true(results[RANGE_UNSATISFIABLE] > 1000);
}

static void random_bytes_match_the_model(void **state)
{
    static const char bytes[] = "0123456789--,, \t=x";
    uint64_t seed = 9110;
    (void)state;
    for (int round = 0; round < 200000; round++) {
        char field[32] = "bytes=";
        size_t length = round % 8 == 0 ? random_below(&seed, 7) : 6;
        size_t end = length + random_below(&seed, 12);
        while (length < end)
            field[length++] = bytes[random_below(&seed, sizeof bytes - 1)];
        field[length] = '\0';
        assert_as_modelled(field, random_below(&seed, MODEL_SIZE_MAX + 1));
    }
}

/* For any size: slices are inside the file, not empty, and do not touch; their sum is at most the file's size. */
static void slices_never_exceed_the_file(void **state)
{
    static const uint64_t sizes[] = {1, 1000, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
    uint64_t seed = 2011;
    (void)state;
    for (int round = 0; round < 100000; round++) {
        uint64_t size = sizes[random_below(&seed, COUNT(sizes))], sum = 0;
        size_t members = 1 + random_below(&seed, round % 64 == 0 ? LIMIT_RANGES : 16);
        char field[FIELD_MAX];
        size_t length = (size_t)snprintf(field, sizeof field, "bytes=");
        for (size_t i = 0; i < members; i++) {
            uint64_t a = random_next(&seed) >> random_below(&seed, 64),
                     b = random_next(&seed) >> random_below(&seed, 64);
            uintmax_t first = a < b ? a : b, last = a < b ? b : a;
            if (random_below(&seed, 4) == 0)
                length += (size_t)snprintf(field + length, sizeof field - length, "-%ju,", first);
            else
                length += (size_t)snprintf(field + length, sizeof field - length, "%ju-%ju,", first, last);
        }
        if (parse((struct span){field, length}, size) == RANGE_WHOLE)
            fail_msg("'%s' is ignored", field);
        for (unsigned i = 0; i < count; i++) {
            assert_true(ranges[i].length > 0 && ranges[i].length <= size &&
                        ranges[i].offset <= size - ranges[i].length);
            assert_true(ranges[i].length <= size - sum);
            sum += ranges[i].length;
            for (unsigned k = 0; k < i; k++)
                assert_true(ranges[i].offset + ranges[i].length < ranges[k].offset ||
                            ranges[k].offset + ranges[k].length < ranges[i].offset);
        }
    }
}

static void no_byte_after_the_field_is_read(void **state)
{
    static const char bytes[] = "bytes= 0-999,\t4500-" E64 " ,, -1000,9-";
    struct span field = SPAN(bytes);
    (void)state;
    for (size_t from = 0; from <= field.length; from++) {
        for (size_t to = from; to <= field.length; to++)
            parse((struct span){field.at + from, to - from}, 10000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfc_are_read),
        cmocka_unit_test(single_ranges_are_read),
        cmocka_unit_test(large_numbers_do_not_overflow),
        cmocka_unit_test(invalid_ranges_are_ignored),
        cmocka_unit_test(ranges_outside_the_file_are_unsatisfiable),
        cmocka_unit_test(positions_in_an_empty_file_are_unsatisfiable),
        cmocka_unit_test(overlapping_and_adjacent_ranges_are_joined),
        cmocka_unit_test(too_many_ranges_are_ignored),
        cmocka_unit_test(random_ranges_match_the_model),
        cmocka_unit_test(random_bytes_match_the_model),
        cmocka_unit_test(slices_never_exceed_the_file),
        cmocka_unit_test(no_byte_after_the_field_is_read),
    };
    return cmocka_run_group_tests(tests, open_forms, close_forms);
}

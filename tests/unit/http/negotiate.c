/* Content codings: RFC 9110 12.5.3 for Accept-Encoding, 12.4.2 for its weights. */
#include "http/negotiate.h"

#include "http/fields.h"

#define ACCEPT(value) "Accept-Encoding: " value "\r\n"

enum {
    IDENTITY = 1u << CODING_IDENTITY,
    GZIP = 1u << CODING_GZIP,
    ZSTD = 1u << CODING_ZSTD,
    BR = 1u << CODING_BR,
    ALL = IDENTITY | GZIP | ZSTD | BR,
};

static struct acceptance acceptance_of(const char *lines)
{
    return negotiate_codings(request_with("GET", span_of(lines)));
}

struct row {
    const char *lines;
    struct acceptance expected; /* identity, gzip, zstd, br */
};

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct acceptance acceptance = acceptance_of(rows[i].lines);
        for (unsigned coding = 0; coding < CODINGS; coding++) {
            if (acceptance.quality[coding] != rows[i].expected.quality[coding])
                fail_msg("'%s' wants coding %u with %u, not %u", rows[i].lines, coding, acceptance.quality[coding],
                         rows[i].expected.quality[coding]);
        }
    }
}

static void weights_are_detected(void **state)
{
    (void)state;
    assert_false(negotiate_is_weighted(request_with("GET", SPAN("Accept: a;q=0\r\n"))));
    assert_false(negotiate_is_weighted(request_with("GET", SPAN(ACCEPT("gzip, deflate, br, zstd")))));
    assert_true(negotiate_is_weighted(request_with("GET", SPAN(ACCEPT("identity;q=0")))));
    assert_true(negotiate_is_weighted(request_with("GET", SPAN(ACCEPT("gzip") ACCEPT("* ; q=0")))));
}

/* No weight for identity differs from a weight of 0.001. */
static void identity_ranks_first_unless_another_has_a_higher_weight(void **state)
{
    static const struct {
        const char *lines;
        enum coding expected;
    } rows[] = {
        {ACCEPT("gzip"), CODING_IDENTITY},
        {ACCEPT("gzip;q=0.5, identity;q=0.5"), CODING_IDENTITY},
        {ACCEPT("gzip;q=0.001, identity;q=0.001"), CODING_IDENTITY},
        {ACCEPT("gzip, identity;q=0.001"), CODING_GZIP},
        {ACCEPT("gzip, *;q=0.001"), CODING_GZIP},
        {ACCEPT("gzip, identity;q=0"), CODING_GZIP},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct acceptance acceptance = acceptance_of(rows[i].lines);
        negotiate_rank_identity_first(&acceptance);
        assert_int_equal(negotiate_choose(&acceptance, 1U << CODING_IDENTITY | 1U << CODING_GZIP), rows[i].expected);
    }
}

static void codings_are_read(void **state)
{
    static const struct row rows[] = {
        /* Absent, empty, and the other examples of 12.5.3. */
        {"", {.quality = {1, 0, 0, 0}}},
        {ACCEPT(""), {.quality = {1, 0, 0, 0}}},
        {ACCEPT("compress, gzip"), {.quality = {1, 1000, 0, 0}}},
        {ACCEPT("*"), {.quality = {1000, 1000, 1000, 1000}}},
        {ACCEPT("compress;q=0.5, gzip;q=1.0"), {.quality = {1, 1000, 0, 0}}},
        {ACCEPT("gzip;q=1.0, identity; q=0.5, *;q=0"), {.quality = {500, 1000, 0, 0}}},
        /* As browsers send it. */
        {ACCEPT("gzip, deflate"), {.quality = {1, 1000, 0, 0}}},
        {ACCEPT("gzip, deflate, br"), {.quality = {1, 1000, 0, 1000}}},
        {ACCEPT("gzip, deflate, br, zstd"), {.quality = {1, 1000, 1000, 1000}}},
        {ACCEPT("identity"), {.quality = {1000, 0, 0, 0}}},
        {ACCEPT("identity;q=1, *;q=0"), {.quality = {1000, 0, 0, 0}}},
        {ACCEPT("gzip;q=1.0, deflate;q=0.8, identity; q=0.3, *;q=0"), {.quality = {300, 1000, 0, 0}}},
        /* Identity is acceptable unless refused. */
        {ACCEPT("identity;q=0"), {.quality = {0, 0, 0, 0}}},
        {ACCEPT("*;q=0"), {.quality = {0, 0, 0, 0}}},
        {ACCEPT("br, *;q=0"), {.quality = {0, 0, 0, 1000}}},
        {ACCEPT("br, identity;q=0"), {.quality = {0, 0, 0, 1000}}},
        {ACCEPT("*;q=0, identity;q=0.1"), {.quality = {100, 0, 0, 0}}},
        {ACCEPT("*;q=0.5, gzip;q=0"), {.quality = {500, 0, 500, 500}}},
        {ACCEPT("identity;q=0, *"), {.quality = {0, 1000, 1000, 1000}}},
        {ACCEPT("gzip;q=0"), {.quality = {1, 0, 0, 0}}},
        /* Names in any case, and x-gzip (8.4.1.3). */
        {ACCEPT("GZIP, bR;Q=0.25, ZStd, IDENTITY;q=0"), {.quality = {0, 1000, 1000, 250}}},
        {ACCEPT("x-gzip"), {.quality = {1, 1000, 0, 0}}},
        {ACCEPT("gzi, gzipp, brr, x-br, x-gzi, b, **"), {.quality = {1, 0, 0, 0}}},
        /* Several lines, empty members, spaces. */
        {ACCEPT("gzip") ACCEPT("br;q=0.5"), {.quality = {1, 1000, 0, 500}}},
        {ACCEPT("") ACCEPT("zstd"), {.quality = {1, 0, 1000, 0}}},
        {ACCEPT(",, gzip\t; \tq=0.5 ,\t,br,"), {.quality = {1, 500, 0, 1000}}},
        /* The first of several members for one coding counts. */
        {ACCEPT("gzip;q=0, gzip"), {.quality = {1, 0, 0, 0}}},
        {ACCEPT("gzip;q=0.7, x-gzip;q=0.9"), {.quality = {1, 700, 0, 0}}},
        {ACCEPT("br;q=0.7") ACCEPT("br;q=0"), {.quality = {1, 0, 0, 700}}},
        {ACCEPT("*, *;q=0"), {.quality = {1000, 1000, 1000, 1000}}},
        /* A malformed member does not count as the first. */
        {ACCEPT("gzip;q=x, gzip;q=0.5"), {.quality = {1, 500, 0, 0}}},
    };
    (void)state;
    assert_rows(rows, COUNT(rows));
}

/* qvalue of RFC 9110 12.4.2, and invalid ones. */
static void weights_are_read(void **state)
{
    static const struct {
        const char *weight;
        int quality; /* -1: malformed */
    } rows[] = {
        {"", 1000},         {";q=1", 1000},    {";q=1.", 1000},   {";q=1.0", 1000},   {";q=1.000", 1000},
        {";q=0", 0},        {";q=0.", 0},      {";q=0.0", 0},     {";q=0.000", 0},    {";q=0.001", 1},
        {";q=0.01", 10},    {";q=0.1", 100},   {";q=0.999", 999}, {";q=0.25", 250},   {";Q=0.5", 500},
        {" ;\tq=0.5", 500}, {";q=1.001", -1},  {";q=1.1", -1},    {";q=2", -1},       {";q=10", -1},
        {";q=0.0000", -1},  {";q=1.0000", -1}, {";q=.5", -1},     {";q=00.5", -1},    {";q=-1", -1},
        {";q=+1", -1},      {";q=0,5", 0},     {";q=0.5x", -1},   {";q=0x1", -1},     {";q=1e0", -1},
        {";q=", -1},        {";q", -1},        {";", -1},         {";;q=1", -1},      {";q =1", -1},
        {";q= 1", -1},      {";q=\"1\"", -1},  {";q=1;a=b", -1},  {";a=b;q=1", -1},   {";level=1", -1},
        {";q=1 x", -1},     {" q=1", -1},      {"=1", -1},        {";q=0.5;q=1", -1}, {";q=1./", -1},
        {";q=0..", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static const char *const names[] = {"gzip", "zstd", "br"};
        for (size_t k = 0; k < COUNT(names); k++) {
            char lines[64];
            snprintf(lines, sizeof lines, ACCEPT("%s%s"), names[k], rows[i].weight);
            unsigned expected = rows[i].quality < 0 ? 0 : (unsigned)rows[i].quality;
            unsigned quality = acceptance_of(lines).quality[CODING_GZIP + k];
            if (quality != expected)
                fail_msg("'%s' is %u", lines, quality);
            /* Malformed members neither refuse nor accept a coding. */
            snprintf(lines, sizeof lines, ACCEPT("identity%s"), rows[i].weight);
            assert_int_equal(acceptance_of(lines).quality[CODING_IDENTITY], rows[i].quality < 0 ? 1 : rows[i].quality);
        }
    }
}

static void highest_weight_is_chosen(void **state)
{
    static const struct {
        const char *lines;
        unsigned available;
        enum coding expected;
    } rows[] = {
        {"", ALL, CODING_IDENTITY},
        {ACCEPT(""), ALL, CODING_IDENTITY},
        {ACCEPT("gzip, deflate, br, zstd"), ALL, CODING_BR},
        {ACCEPT("gzip, deflate, br, zstd"), IDENTITY | GZIP | ZSTD, CODING_ZSTD},
        {ACCEPT("gzip, deflate, br, zstd"), IDENTITY | GZIP, CODING_GZIP},
        {ACCEPT("gzip, deflate, br, zstd"), IDENTITY, CODING_IDENTITY},
        {ACCEPT("gzip, deflate"), ALL, CODING_GZIP},
        {ACCEPT("gzip;q=1, br;q=0.9"), ALL, CODING_GZIP},
        {ACCEPT("gzip;q=0.001"), ALL, CODING_GZIP},
        {ACCEPT("gzip;q=0.5, identity"), ALL, CODING_IDENTITY},
        {ACCEPT("gzip;q=0.5, identity;q=0.5"), ALL, CODING_GZIP},
        {ACCEPT("*"), ALL, CODING_BR},
        {ACCEPT("*;q=0.5, zstd"), ALL, CODING_ZSTD},
        {ACCEPT("*, br;q=0"), ALL, CODING_ZSTD},
        {ACCEPT("deflate"), ALL, CODING_IDENTITY},
        {ACCEPT("br;q=0, gzip;q=0, zstd;q=0"), ALL, CODING_IDENTITY},
        {ACCEPT("identity;q=0, gzip"), ALL, CODING_GZIP},
        /* No acceptable coding is available. */
        {ACCEPT("identity;q=0, gzip"), IDENTITY, CODINGS},
        {ACCEPT("identity;q=0, gzip"), IDENTITY | BR, CODINGS},
        {ACCEPT("identity;q=0"), ALL, CODINGS},
        {ACCEPT("*;q=0"), ALL, CODINGS},
        {ACCEPT("gzip"), 0, CODINGS},
        {ACCEPT("gzip"), BR, CODINGS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct acceptance acceptance = acceptance_of(rows[i].lines);
        enum coding choice = negotiate_choose(&acceptance, rows[i].available);
        if (choice != rows[i].expected)
            fail_msg("'%s' among %x gives %u, not %u", rows[i].lines, rows[i].available, choice, rows[i].expected);
    }
}

/* Any weights, any codings: the choice is available and acceptable, and no available coding has a higher weight. */
static void no_available_coding_beats_the_choice(void **state)
{
    static const unsigned preference[CODINGS] = {0, 1, 2, 3}; /* identity, gzip, zstd, br */
    uint64_t seed = 1253;
    (void)state;
    for (int round = 0; round < 100000; round++) {
        struct acceptance acceptance;
        for (unsigned coding = 0; coding < CODINGS; coding++)
            acceptance.quality[coding] = (uint16_t)(random_below(&seed, 4) * 333);
        unsigned available = (unsigned)random_below(&seed, ALL + 1);
        enum coding choice = negotiate_choose(&acceptance, available);
        for (unsigned coding = 0; coding < CODINGS; coding++) {
            if ((available & 1u << coding) == 0 || acceptance.quality[coding] == 0)
                assert_int_not_equal(choice, coding);
            else if (choice == CODINGS)
                fail_msg("coding %u was there", coding);
            else if (coding != choice)
                assert_true(acceptance.quality[choice] > acceptance.quality[coding] ||
                            (acceptance.quality[choice] == acceptance.quality[coding] &&
                             preference[choice] > preference[coding]));
        }
    }
}

static void no_byte_after_a_value_is_read(void **state)
{
    static const char value[] = ", x-gzip ; q=0.125,\tidentity;Q=1.000 ,*;q=0 ,br;q=0.9;x=y";
    (void)state;
    for (size_t from = 0; from < sizeof value; from++) {
        for (size_t to = from; to < sizeof value; to++) {
            char line[128];
            snprintf(line, sizeof line, ACCEPT("%.*s"), (int)(to - from), value + from);
            struct acceptance acceptance = acceptance_of(line);
            for (unsigned coding = 0; coding < CODINGS; coding++)
                assert_true(acceptance.quality[coding] <= 1000);
        }
    }
}

static void media_types_are_chosen_by_accept(void **state)
{
    static const struct {
        struct span lines;
        enum media media;
    } cases[] = {
        {SPAN_INIT(""), MEDIA_HTML},
        {SPAN_INIT("Accept: */*\r\n"), MEDIA_TEXT},
        {SPAN_INIT("Accept: text/*\r\n"), MEDIA_TEXT},
        {SPAN_INIT("Accept:\r\n"), MEDIA_TEXT},
        {SPAN_INIT("Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"), MEDIA_HTML},
        {SPAN_INIT("Accept: TEXT/HTML ; q=0.1\r\n"), MEDIA_HTML},
        {SPAN_INIT("Accept: text/html;q=0\r\n"), MEDIA_TEXT},
        {SPAN_INIT("Accept: application/json\r\n"), MEDIA_JSON},
        {SPAN_INIT("Accept: application/json, text/plain, */*\r\n"), MEDIA_JSON},
        {SPAN_INIT("Accept: application/json, text/html\r\n"), MEDIA_HTML},
        {SPAN_INIT("Accept: application/json;q=0.9\r\nAccept: text/html;q=0.8\r\n"), MEDIA_JSON},
        {SPAN_INIT("Accept: text/html;level=1, application/json;q=0.2\r\n"), MEDIA_HTML},
        {SPAN_INIT("Accept: text/html; charset=utf-8\r\n"), MEDIA_HTML},
        {SPAN_INIT("Accept: application/json; charset=utf-8\r\n"), MEDIA_JSON},
        {SPAN_INIT("Accept: application/json; charset=utf-8; q=0.5, text/html\r\n"), MEDIA_HTML},
        {SPAN_INIT("Accept: text/htm, application/jsonp\r\n"), MEDIA_TEXT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(negotiate_media(request_with("GET", cases[i].lines)), cases[i].media);
}

/* ---- navigations: Accept as browsers, tools and scripts send it ---- */

static void navigations_prefer_html(void **state)
{
    static const struct {
        const char *lines;
        bool is;
    } rows[] = {
        /* Chrome, Firefox, Safari */
        {"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n", true},
        {"Accept: text/html\r\n", true},
        {"Accept: TEXT/HTML\r\n", true},
        {"Accept: image/png\r\nAccept: text/html\r\n", true},
        {"Accept: text/html ; charset=utf-8 ; q=0.1\r\n", true},
        {"Accept: text/html;q=1.0\r\n", true},
        {"Accept: text/html;q=0.001\r\n", true},
        {"Accept: text/html;q=0\r\n", false},
        {"Accept: text/html;level=1;Q=0.000\r\n", false},
        {"Accept: text/html;q=0, text/html\r\n", true},
        /* Android 4 */
        {"Accept: "
         "application/xml,application/xhtml+xml,text/html;q=0.9,text/plain;q=0.8,image/png,*/*;q=0.5\r\n",
         true},
        {"Accept: text/html, application/json\r\n", true},
        {"Accept: application/json, text/html;q=0.9\r\n", false},
        {"Accept: Application/JSON\r\nAccept: text/html;q=0.9\r\n", false},
        {"Accept: text/html;q=0.9, */*\r\n", false},
        {"Accept: text/html;q=0.9, */* ; q=0.9\r\n", true},
        {"Accept: */*\r\n", false},
        {"Accept: text/*\r\n", false},
        {"Accept: text/css,*/*;q=0.1\r\n", false},
        {"Accept: image/avif,image/webp,*/*;q=0.8\r\n", false},
        {"Accept: text/htmlx\r\n", false},
        {"Accept: application/json\r\n", false},
        {"Accept:\r\n", false},
        {"Accept-Encoding: text/html\r\n", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (negotiate_prefers_html(request_with("GET", span_of(rows[i].lines))) != rows[i].is)
            fail_msg("%s", rows[i].lines);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(navigations_prefer_html),
        cmocka_unit_test(codings_are_read),
        cmocka_unit_test(weights_are_detected),
        cmocka_unit_test(identity_ranks_first_unless_another_has_a_higher_weight),
        cmocka_unit_test(weights_are_read),
        cmocka_unit_test(highest_weight_is_chosen),
        cmocka_unit_test(no_available_coding_beats_the_choice),
        cmocka_unit_test(no_byte_after_a_value_is_read),
        cmocka_unit_test(media_types_are_chosen_by_accept),
    };
    return cmocka_run_group_tests(tests, guard_open, NULL);
}

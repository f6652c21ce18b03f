/* Conditional requests: RFC 9110 13.1 for the fields, 13.2.2 for their order, 8.8 for the validators. */
#include "http/conditional.h"

#include "http/fields.h"

#define TAG "\"xyzzy\""
#define DATE "Sat, 29 Oct 1994 19:43:31 GMT"
#define EARLIER "Sat, 29 Oct 1994 19:43:30 GMT"
#define LATER "Sat, 29 Oct 1994 19:43:32 GMT"
#define IF_MATCH(value) "If-Match: " value "\r\n"
#define IF_NONE_MATCH(value) "If-None-Match: " value "\r\n"
#define IF_MODIFIED_SINCE(value) "If-Modified-Since: " value "\r\n"
#define IF_UNMODIFIED_SINCE(value) "If-Unmodified-Since: " value "\r\n"
#define IF_RANGE(value) "If-Range: " value "\r\n"

static const int64_t modified = 783459811; /* DATE */
static const int64_t now = 784111777;      /* Sun, 06 Nov 1994 08:49:37 GMT */

static const char *const names[] = {"CONDITIONAL_PERFORM", "CONDITIONAL_NOT_MODIFIED", "CONDITIONAL_FAILED"};

/* The result of all conditions, each evaluated by itself (RFC 9110 13.2.2). */
static enum conditional result_of_each(const struct request *request, const struct validators *validators)
{
    static const enum request_field failing[] = {FIELD_IF_MATCH, FIELD_IF_UNMODIFIED_SINCE},
                                    matching[] = {FIELD_IF_NONE_MATCH, FIELD_IF_MODIFIED_SINCE};
    for (size_t i = 0; i < COUNT(failing); i++) {
        if (conditional_result(request, failing[i], validators, now) == CONDITION_FALSE)
            return CONDITIONAL_FAILED;
    }
    for (size_t i = 0; i < COUNT(matching); i++) {
        if (conditional_result(request, matching[i], validators, now) == CONDITION_FALSE)
            return CONDITIONAL_NOT_MODIFIED;
    }
    return CONDITIONAL_PERFORM;
}

static void assert_conditional(const char *lines, const char *etag, enum conditional expected)
{
    static const char *const methods[] = {"GET", "HEAD"};
    struct validators validators = {span_of(etag), modified, modified};
    for (size_t i = 0; i < COUNT(methods); i++) {
        const struct request *request = request_with(methods[i], span_of(lines));
        enum conditional result = conditional_evaluate(request, &validators, now);
        if (result != expected)
            fail_msg("%s with '%s', the tag %s: %s, not %s", methods[i], lines, etag, names[result], names[expected]);
        if (result_of_each(request, &validators) != expected)
            fail_msg("each of '%s', the tag %s: not %s", lines, etag, names[expected]);
    }
}

struct row {
    const char *lines;
    enum conditional expected;
};

static void assert_rows(const struct row *rows, size_t count, const char *etag)
{
    for (size_t i = 0; i < count; i++)
        assert_conditional(rows[i].lines, etag, rows[i].expected);
}

static void requests_without_conditions_are_performed(void **state)
{
    static const struct row rows[] = {
        {"", CONDITIONAL_PERFORM},
        {"Accept: text/html\r\nAccept-Encoding: gzip\r\nRange: bytes=0-1\r\n", CONDITIONAL_PERFORM},
        {IF_RANGE("\"other\""), CONDITIONAL_PERFORM},
        {"If-Matches: \"other\"\r\nIf-None-Matc: *\r\nX-If-Match: \"other\"\r\n", CONDITIONAL_PERFORM},
    };
    (void)state;
    assert_rows(rows, COUNT(rows), TAG);
    assert_rows(rows, COUNT(rows), "");
}

static void results_of_single_conditions_say_why(void **state)
{
    static const struct {
        const char *lines;
        enum request_field field;
        enum condition expected;
    } rows[] = {
        {"", FIELD_IF_MATCH, CONDITION_ABSENT},
        {IF_MATCH("\"a\""), FIELD_IF_MATCH, CONDITION_FALSE},
        {IF_NONE_MATCH("\"a\""), FIELD_IF_NONE_MATCH, CONDITION_TRUE},
        {IF_NONE_MATCH("\"a\"") IF_MODIFIED_SINCE(DATE), FIELD_IF_MODIFIED_SINCE, CONDITION_SUPERSEDED},
        {IF_MATCH("*") IF_UNMODIFIED_SINCE(EARLIER), FIELD_IF_UNMODIFIED_SINCE, CONDITION_SUPERSEDED},
        {IF_MODIFIED_SINCE("x"), FIELD_IF_MODIFIED_SINCE, CONDITION_INVALID},
        {IF_MODIFIED_SINCE(EARLIER), FIELD_IF_MODIFIED_SINCE, CONDITION_TRUE},
        {IF_UNMODIFIED_SINCE(DATE), FIELD_IF_UNMODIFIED_SINCE, CONDITION_TRUE},
        {IF_RANGE("\"a\""), FIELD_IF_RANGE, CONDITION_FALSE},
        {IF_RANGE(TAG), FIELD_IF_RANGE, CONDITION_TRUE},
    };
    (void)state;
    struct validators validators = {SPAN(TAG), modified, modified};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct request *request = request_with("GET", span_of(rows[i].lines));
        assert_int_equal(conditional_result(request, rows[i].field, &validators, now), rows[i].expected);
    }
    validators.last_modified = CONDITIONAL_UNDATED;
    assert_int_equal(conditional_result(request_with("GET", SPAN(IF_MODIFIED_SINCE(DATE))), FIELD_IF_MODIFIED_SINCE,
                                        &validators, now),
                     CONDITION_UNDATED);
}

/* RFC 9110 13.1.1, its examples first. */
static void if_match_compares_strongly(void **state)
{
    static const struct row rows[] = {
        {IF_MATCH("\"xyzzy\""), CONDITIONAL_PERFORM},
        {IF_MATCH("\"xyzzy\", \"r2d2xxxx\", \"c3piozzzz\""), CONDITIONAL_PERFORM},
        {IF_MATCH("*"), CONDITIONAL_PERFORM},
        {IF_MATCH("\"r2d2xxxx\",\"c3piozzzz\" ,\t\"xyzzy\""), CONDITIONAL_PERFORM},
        {IF_MATCH("\"r2d2xxxx\"") IF_MATCH("\"xyzzy\""), CONDITIONAL_PERFORM},
        {IF_MATCH("\"xyzzy\"") IF_MATCH("\"r2d2xxxx\""), CONDITIONAL_PERFORM},
        {"if-match:" TAG "\r\n", CONDITIONAL_PERFORM},
        {IF_MATCH(", ,\"xyzzy\",, "), CONDITIONAL_PERFORM},
        {IF_MATCH("\"r2d2xxxx\""), CONDITIONAL_FAILED},
        {IF_MATCH("\"Xyzzy\""), CONDITIONAL_FAILED},
        {IF_MATCH("\"xyzz\""), CONDITIONAL_FAILED},
        {IF_MATCH("\"xyzzyx\""), CONDITIONAL_FAILED},
        {IF_MATCH("\"\""), CONDITIONAL_FAILED},
        {IF_MATCH("W/\"xyzzy\""), CONDITIONAL_FAILED},
        {IF_MATCH("\"r2d2xxxx\"") IF_MATCH("\"c3piozzzz\""), CONDITIONAL_FAILED},
        {IF_MATCH(""), CONDITIONAL_FAILED},
        {IF_MATCH(", ,"), CONDITIONAL_FAILED},
    };
    (void)state;
    assert_rows(rows, COUNT(rows), TAG);
}

/* A malformed field does not match even if it contains the tag. */
static void a_malformed_if_match_never_matches(void **state)
{
    static const struct row rows[] = {
        {IF_MATCH("xyzzy"), CONDITIONAL_FAILED},
        {IF_MATCH("\"xyzzy"), CONDITIONAL_FAILED},
        {IF_MATCH("xyzzy\""), CONDITIONAL_FAILED},
        {IF_MATCH("\""), CONDITIONAL_FAILED},
        {IF_MATCH("'xyzzy'"), CONDITIONAL_FAILED},
        {IF_MATCH("\"xyzzy\"x"), CONDITIONAL_FAILED},
        {IF_MATCH("\"xyzzy\" \"r2d2xxxx\""), CONDITIONAL_FAILED},
        {IF_MATCH("\"xyzzy\";q=1"), CONDITIONAL_FAILED},
        {IF_MATCH("\"xyzzy\", r2d2xxxx"), CONDITIONAL_FAILED},
        {IF_MATCH("r2d2xxxx, \"xyzzy\""), CONDITIONAL_FAILED},
        {IF_MATCH("\"a b\", \"xyzzy\""), CONDITIONAL_FAILED},
        {IF_MATCH("\"xyzzy\"") IF_MATCH("r2d2xxxx"), CONDITIONAL_FAILED},
        {IF_MATCH("r2d2xxxx") IF_MATCH("\"xyzzy\""), CONDITIONAL_FAILED},
        {IF_MATCH("*, \"xyzzy\""), CONDITIONAL_FAILED},
        {IF_MATCH("\"xyzzy\", *"), CONDITIONAL_FAILED},
        {IF_MATCH("*") IF_MATCH("\"xyzzy\""), CONDITIONAL_FAILED},
        {IF_MATCH("*") IF_MATCH("*"), CONDITIONAL_FAILED},
        {IF_MATCH("**"), CONDITIONAL_FAILED},
        {IF_MATCH("w/\"xyzzy\""), CONDITIONAL_FAILED},
        {IF_MATCH("W/ \"xyzzy\""), CONDITIONAL_FAILED},
        {IF_MATCH("W/"), CONDITIONAL_FAILED},
        {IF_MATCH("W"), CONDITIONAL_FAILED},
    };
    (void)state;
    assert_rows(rows, COUNT(rows), TAG);
}

/* RFC 9110 13.1.2, its examples first. */
static void if_none_match_compares_weakly(void **state)
{
    static const struct row rows[] = {
        {IF_NONE_MATCH("\"xyzzy\""), CONDITIONAL_NOT_MODIFIED},
        {IF_NONE_MATCH("W/\"xyzzy\""), CONDITIONAL_NOT_MODIFIED},
        {IF_NONE_MATCH("\"xyzzy\", \"r2d2xxxx\", \"c3piozzzz\""), CONDITIONAL_NOT_MODIFIED},
        {IF_NONE_MATCH("W/\"xyzzy\", W/\"r2d2xxxx\", W/\"c3piozzzz\""), CONDITIONAL_NOT_MODIFIED},
        {IF_NONE_MATCH("*"), CONDITIONAL_NOT_MODIFIED},
        {IF_NONE_MATCH("\"r2d2xxxx\",W/\"xyzzy\""), CONDITIONAL_NOT_MODIFIED},
        {IF_NONE_MATCH("\"r2d2xxxx\"") IF_NONE_MATCH("\"xyzzy\""), CONDITIONAL_NOT_MODIFIED},
        {IF_NONE_MATCH("\"xyzzy\"") "Accept: */*\r\n" IF_NONE_MATCH("\"r2d2xxxx\""), CONDITIONAL_NOT_MODIFIED},
        {IF_NONE_MATCH(",\t, \"a,b\" ,\"xyzzy\","), CONDITIONAL_NOT_MODIFIED},
        {IF_NONE_MATCH("\"r2d2xxxx\""), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("\"XYZZY\""), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("\"W/xyzzy\""), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH(""), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("\"\""), CONDITIONAL_PERFORM},
    };
    (void)state;
    assert_rows(rows, COUNT(rows), TAG);
}

static void a_malformed_if_none_match_is_never_a_304(void **state)
{
    static const struct row rows[] = {
        {IF_NONE_MATCH("xyzzy"), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("\"xyzzy"), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("\"xyzzy\"-gzip"), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("\"xyzzy\" \"r2d2xxxx\""), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("\"xyzzy\", r2d2xxxx"), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("\"xyzzy\"") IF_NONE_MATCH("r2d2xxxx"), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("w/\"xyzzy\""), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("*, \"xyzzy\""), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("\"xyzzy\"") IF_NONE_MATCH("*"), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("*") IF_NONE_MATCH("*"), CONDITIONAL_PERFORM},
        /* A tag can't continue on the next line. */
        {IF_NONE_MATCH("\"xy") IF_NONE_MATCH("zzy\""), CONDITIONAL_PERFORM},
        /* The field is still present, so the date is ignored (13.1.3). */
        {IF_NONE_MATCH("xyzzy") IF_MODIFIED_SINCE(DATE), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("") IF_MODIFIED_SINCE(DATE), CONDITIONAL_PERFORM},
    };
    (void)state;
    assert_rows(rows, COUNT(rows), TAG);
}

/* etagc is any visible character except the quote, or obs-text (RFC 9110 8.8.3). */
static void tags_may_contain_commas(void **state)
{
    (void)state;
    assert_conditional(IF_NONE_MATCH("\"a,b\""), "\"a,b\"", CONDITIONAL_NOT_MODIFIED);
    assert_conditional(IF_NONE_MATCH("\"a,b\""), "\"a\"", CONDITIONAL_PERFORM);
    assert_conditional(IF_NONE_MATCH("\"x,\", \",\", \"a,b\""), "\",\"", CONDITIONAL_NOT_MODIFIED);
    assert_conditional(IF_NONE_MATCH("\"a\", \"b\""), "\",\"", CONDITIONAL_PERFORM);
    assert_conditional(IF_MATCH("\"a,\\\""), "\"a,\\\"", CONDITIONAL_PERFORM);
    assert_conditional(IF_MATCH("\"\x80\xFF!#~\""), "\"\x80\xFF!#~\"", CONDITIONAL_PERFORM);
    assert_conditional(IF_MATCH("\"*\""), "\"*\"", CONDITIONAL_PERFORM);
    assert_conditional(IF_MATCH("\"\""), "\"\"", CONDITIONAL_PERFORM);
    assert_conditional(IF_MATCH("\"a\tb\""), "\"a\tb\"", CONDITIONAL_FAILED);
    assert_conditional(IF_MATCH("\"a b\""), "\"a b\"", CONDITIONAL_FAILED);
}

/* The table of RFC 9110 8.8.3.2; the server sends no weak tags, but compares them correctly. */
static void tags_are_compared_as_in_the_rfc_table(void **state)
{
    static const struct {
        const char *current, *if_match, *if_none_match;
        bool strong, weak;
    } rows[] = {
        {"W/\"1\"", IF_MATCH("W/\"1\""), IF_NONE_MATCH("W/\"1\""), false, true},
        {"W/\"1\"", IF_MATCH("W/\"2\""), IF_NONE_MATCH("W/\"2\""), false, false},
        {"W/\"1\"", IF_MATCH("\"1\""), IF_NONE_MATCH("\"1\""), false, true},
        {"\"1\"", IF_MATCH("\"1\""), IF_NONE_MATCH("\"1\""), true, true},
        {"\"1\"", IF_MATCH("W/\"1\""), IF_NONE_MATCH("W/\"1\""), false, true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_conditional(rows[i].if_match, rows[i].current,
                           rows[i].strong ? CONDITIONAL_PERFORM : CONDITIONAL_FAILED);
        assert_conditional(rows[i].if_none_match, rows[i].current,
                           rows[i].weak ? CONDITIONAL_NOT_MODIFIED : CONDITIONAL_PERFORM);
    }
}

/* A file that has just changed has no tag, but it exists. */
static void files_without_a_tag_match_only_the_asterisk(void **state)
{
    static const struct row rows[] = {
        {IF_MATCH("\"xyzzy\""), CONDITIONAL_FAILED},
        {IF_MATCH("\"\""), CONDITIONAL_FAILED},
        {IF_MATCH(""), CONDITIONAL_FAILED},
        {IF_MATCH("*"), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("\"xyzzy\""), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("\"\""), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH(""), CONDITIONAL_PERFORM},
        {IF_NONE_MATCH("*"), CONDITIONAL_NOT_MODIFIED},
    };
    (void)state;
    assert_rows(rows, COUNT(rows), "");
}

/* RFC 9110 13.1.3 and 13.1.4: "earlier or equal", in all three formats of 5.6.7. */
static void dates_are_compared(void **state)
{
    static const struct row rows[] = {
        {IF_MODIFIED_SINCE(DATE), CONDITIONAL_NOT_MODIFIED},
        {IF_MODIFIED_SINCE(LATER), CONDITIONAL_NOT_MODIFIED},
        {IF_MODIFIED_SINCE(EARLIER), CONDITIONAL_PERFORM},
        {IF_MODIFIED_SINCE("Saturday, 29-Oct-94 19:43:31 GMT"), CONDITIONAL_NOT_MODIFIED},
        {IF_MODIFIED_SINCE("Saturday, 29-Oct-94 19:43:30 GMT"), CONDITIONAL_PERFORM},
        {IF_MODIFIED_SINCE("Sat Oct 29 19:43:31 1994"), CONDITIONAL_NOT_MODIFIED},
        {IF_MODIFIED_SINCE("Sat Oct 29 19:43:30 1994"), CONDITIONAL_PERFORM},
        {IF_UNMODIFIED_SINCE(DATE), CONDITIONAL_PERFORM},
        {IF_UNMODIFIED_SINCE(LATER), CONDITIONAL_PERFORM},
        {IF_UNMODIFIED_SINCE(EARLIER), CONDITIONAL_FAILED},
        {IF_UNMODIFIED_SINCE("Saturday, 29-Oct-94 19:43:31 GMT"), CONDITIONAL_PERFORM},
        {IF_UNMODIFIED_SINCE("Saturday, 29-Oct-94 19:43:30 GMT"), CONDITIONAL_FAILED},
        {IF_UNMODIFIED_SINCE("Sat Oct 29 19:43:31 1994"), CONDITIONAL_PERFORM},
        {IF_UNMODIFIED_SINCE("Sat Oct 29 19:43:30 1994"), CONDITIONAL_FAILED},
        /* Two-digit years: 1995, not 1895, and 1950, as 2050 is more than 50 years ahead (5.6.7). */
        {IF_MODIFIED_SINCE("Sunday, 29-Oct-95 19:43:31 GMT"), CONDITIONAL_NOT_MODIFIED},
        {IF_MODIFIED_SINCE("Sunday, 29-Oct-50 19:43:31 GMT"), CONDITIONAL_PERFORM},
    };
    (void)state;
    assert_rows(rows, COUNT(rows), TAG);
    assert_rows(rows, COUNT(rows), "");
}

static void invalid_dates_are_ignored(void **state)
{
    static const struct row rows[] = {
        {IF_MODIFIED_SINCE(""), CONDITIONAL_PERFORM},
        {IF_MODIFIED_SINCE("0"), CONDITIONAL_PERFORM},
        {IF_MODIFIED_SINCE("1994-10-29T19:43:31Z"), CONDITIONAL_PERFORM},
        {IF_MODIFIED_SINCE("Sat, 29 Oct 1994 19:43:31 UTC"), CONDITIONAL_PERFORM},
        {IF_MODIFIED_SINCE("Sat, 32 Oct 2094 19:43:31 GMT"), CONDITIONAL_PERFORM},
        {IF_MODIFIED_SINCE(DATE "; length=1"), CONDITIONAL_PERFORM},
        {IF_MODIFIED_SINCE("\"" DATE "\""), CONDITIONAL_PERFORM},
        /* Several members, on one line and on two (13.1.3, 5.2). */
        {IF_MODIFIED_SINCE(DATE ", " DATE), CONDITIONAL_PERFORM},
        {IF_MODIFIED_SINCE(DATE) IF_MODIFIED_SINCE(DATE), CONDITIONAL_PERFORM},
        {IF_MODIFIED_SINCE(LATER) IF_MODIFIED_SINCE("x"), CONDITIONAL_PERFORM},
        {IF_UNMODIFIED_SINCE(""), CONDITIONAL_PERFORM},
        {IF_UNMODIFIED_SINCE("x"), CONDITIONAL_PERFORM},
        {IF_UNMODIFIED_SINCE("Sat, 29 Oct 1994 19:43:30 UTC"), CONDITIONAL_PERFORM},
        /* 13.1.4, "including when the field value appears to be a list of dates". */
        {IF_UNMODIFIED_SINCE(EARLIER ", " EARLIER), CONDITIONAL_PERFORM},
        {IF_UNMODIFIED_SINCE(EARLIER) IF_UNMODIFIED_SINCE(EARLIER), CONDITIONAL_PERFORM},
    };
    (void)state;
    assert_rows(rows, COUNT(rows), TAG);
}

/* Every combination of the four fields, against a literal transcription of RFC 9110 13.2.2. */
enum side { ABSENT, TRUE, FALSE, SIDES };

static enum conditional by_the_steps(enum side match, enum side unmodified, enum side none_match,
                                     enum side modified_since)
{
    if (match != ABSENT) {
        if (match == FALSE)
            return CONDITIONAL_FAILED;
    } else if (unmodified == FALSE) {
        return CONDITIONAL_FAILED;
    }
    if (none_match != ABSENT) {
        if (none_match == FALSE)
            return CONDITIONAL_NOT_MODIFIED;
    } else if (modified_since == FALSE) {
        return CONDITIONAL_NOT_MODIFIED;
    }
    return CONDITIONAL_PERFORM;
}

static void conditions_are_evaluated_in_order(void **state)
{
    static const char *const match[SIDES] = {"", IF_MATCH(TAG), IF_MATCH("\"other\"")};
    static const char *const unmodified[SIDES] = {"", IF_UNMODIFIED_SINCE(DATE), IF_UNMODIFIED_SINCE(EARLIER)};
    static const char *const none_match[SIDES] = {"", IF_NONE_MATCH("\"other\""), IF_NONE_MATCH(TAG)};
    static const char *const since[SIDES] = {"", IF_MODIFIED_SINCE(EARLIER), IF_MODIFIED_SINCE(DATE)};
    (void)state;
    for (int i = 0; i < SIDES * SIDES * SIDES * SIDES; i++) {
        int a = i % SIDES, b = i / SIDES % SIDES, c = i / (SIDES * SIDES) % SIDES, d = i / (SIDES * SIDES * SIDES);
        char lines[512], reversed[512];
        snprintf(lines, sizeof lines, "%s%s%s%s", match[a], unmodified[b], none_match[c], since[d]);
        snprintf(reversed, sizeof reversed, "%s%s%s%s", since[d], none_match[c], unmodified[b], match[a]);
        enum conditional expected = by_the_steps((enum side)a, (enum side)b, (enum side)c, (enum side)d);
        assert_conditional(lines, TAG, expected);
        assert_conditional(reversed, TAG, expected);
    }
}

static bool range_applies(const char *method, const char *lines, const char *etag, int64_t last_modified)
{
    struct validators validators = {span_of(etag), last_modified, last_modified};
    return conditional_range_applies(request_with(method, span_of(lines)), &validators, now);
}

/* RFC 9110 13.1.5. */
static void if_range_compares_strongly(void **state)
{
    static const struct {
        const char *lines, *etag;
        bool applies;
    } rows[] = {
        {"", TAG, true},
        {"", "", true},
        {IF_RANGE(TAG), TAG, true},
        {IF_RANGE(TAG), "\"other\"", false},
        {IF_RANGE(TAG), "", false},
        {IF_RANGE("W/" TAG), TAG, false},
        {IF_RANGE("W/" TAG), "W/" TAG, false},
        {IF_RANGE(TAG), "W/" TAG, false},
        {IF_RANGE("\"a,b\""), "\"a,b\"", true},
        /* Lists, asterisks and malformed values never match. */
        {IF_RANGE(TAG ", " TAG), TAG, false},
        {IF_RANGE(TAG ","), TAG, false},
        {IF_RANGE(TAG) IF_RANGE(TAG), TAG, false},
        {IF_RANGE("*"), TAG, false},
        {IF_RANGE("xyzzy"), TAG, false},
        {IF_RANGE(""), TAG, false},
        {IF_RANGE(""), "", false},
        {IF_RANGE("\"xyzzy"), TAG, false},
        /* A date must equal the file's. */
        {IF_RANGE(DATE), TAG, true},
        {IF_RANGE(DATE), "", true},
        {IF_RANGE("Saturday, 29-Oct-94 19:43:31 GMT"), TAG, true},
        {IF_RANGE("Sat Oct 29 19:43:31 1994"), TAG, true},
        {IF_RANGE(LATER), TAG, false},
        {IF_RANGE(EARLIER), TAG, false},
        {IF_RANGE(DATE) IF_RANGE(DATE), TAG, false},
        {IF_RANGE(DATE) IF_RANGE(TAG), TAG, false},
        {IF_RANGE(DATE ", " TAG), TAG, false},
        {IF_RANGE("Sat, 29 Oct 1994 19:43:31"), TAG, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (range_applies("GET", rows[i].lines, rows[i].etag, modified) != rows[i].applies)
            fail_msg("'%s' with the tag %s is not %d", rows[i].lines, rows[i].etag, rows[i].applies);
        /* RFC 9110 14.2: ranges are defined for GET only. */
        assert_false(range_applies("HEAD", rows[i].lines, rows[i].etag, modified));
        assert_false(range_applies("POST", rows[i].lines, rows[i].etag, modified));
    }
}

/* RFC 9110 8.8.2.2: a date of the current or a future second is a weak validator. */
static void a_date_of_this_second_is_weak(void **state)
{
    (void)state;
    assert_true(range_applies("GET", IF_RANGE("Sun, 06 Nov 1994 08:49:36 GMT"), TAG, now - 1));
    assert_false(range_applies("GET", IF_RANGE("Sun, 06 Nov 1994 08:49:37 GMT"), TAG, now));
    assert_false(range_applies("GET", IF_RANGE("Sun, 06 Nov 1994 08:49:38 GMT"), TAG, now + 1));
}

/* Every field cut after each of its bytes, before a guard page. */
static void no_byte_after_a_value_is_read(void **state)
{
    static const char *const fields[] = {
        "If-Match: ", "If-None-Match: ", "If-Modified-Since: ", "If-Unmodified-Since: ", "If-Range: "};
    static const char *const values[] = {
        "W/\"a,b\" ,\t\"xyzzy\"",   "*, W/\"", DATE, "Saturday, 29-Oct-94 19:43:31 GMT",
        "Sat Oct 29 19:43:31 1994", ", ,W/"};
    struct validators validators = {SPAN(TAG), modified, modified};
    (void)state;
    for (size_t i = 0; i < COUNT(fields) * COUNT(values); i++) {
        const char *field = fields[i % COUNT(fields)], *value = values[i / COUNT(fields)];
        for (int length = 0; length <= (int)strlen(value); length++) {
            char line[128];
            snprintf(line, sizeof line, "%s%.*s\r\n", field, length, value);
            const struct request *request = request_with("GET", span_of(line));
            assert_true(conditional_evaluate(request, &validators, now) <= CONDITIONAL_FAILED);
            conditional_range_applies(request, &validators, now);
        }
    }
}

/* Random bytes of lists: only a well-formed list gives a 304 or a matching If-Match. */
static bool is_well_formed_with_tag(const char *list)
{
    bool found = false;
    for (const char *at = list;;) {
        at += strspn(at, ", \t");
        if (*at == '\0')
            return found;
        const char *opaque = strncmp(at, "W/", 2) == 0 ? at + 2 : at;
        const char *close = *opaque == '"' ? strchr(opaque + 1, '"') : NULL;
        if (close == NULL || strcspn(opaque, " \t") < (size_t)(close - opaque))
            return false;
        found |= close - opaque == 2 && opaque[1] == 'a';
        at = close + 1 + strspn(close + 1, " \t");
        if (*at != '\0' && *at != ',')
            return false;
    }
}

static void random_lists_match_as_in_a_simple_reader(void **state)
{
    static const char bytes[] = "\"\"\"\"aaab,, \tW//*";
    struct validators validators = {SPAN("\"a\""), modified, modified};
    uint64_t seed = 9110;
    unsigned matches = 0;
    (void)state;
    for (int round = 0; round < 200000; round++) {
        char value[16], line[64];
        size_t length = random_below(&seed, sizeof value);
        for (size_t i = 0; i < length; i++)
            value[i] = bytes[random_below(&seed, sizeof bytes - 1)];
        value[length] = '\0';
        snprintf(line, sizeof line, IF_NONE_MATCH("%s"), value);
        bool expected = is_well_formed_with_tag(value) || strcmp(value + strspn(value, " \t"), "*") == 0;
        /* A trailing space after "*" is trimmed; the simple reader keeps it. */
        if (!expected && strspn(value, " \t*") == length)
            continue;
        enum conditional result = conditional_evaluate(request_with("GET", span_of(line)), &validators, now);
        if (result != (expected ? CONDITIONAL_NOT_MODIFIED : CONDITIONAL_PERFORM))
            fail_msg("'%s' is %s", value, names[result]);
        matches += expected;
    }
    assert_true(matches > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_without_conditions_are_performed),
        cmocka_unit_test(results_of_single_conditions_say_why),
        cmocka_unit_test(if_match_compares_strongly),
        cmocka_unit_test(a_malformed_if_match_never_matches),
        cmocka_unit_test(if_none_match_compares_weakly),
        cmocka_unit_test(a_malformed_if_none_match_is_never_a_304),
        cmocka_unit_test(tags_may_contain_commas),
        cmocka_unit_test(tags_are_compared_as_in_the_rfc_table),
        cmocka_unit_test(files_without_a_tag_match_only_the_asterisk),
        cmocka_unit_test(dates_are_compared),
        cmocka_unit_test(invalid_dates_are_ignored),
        cmocka_unit_test(conditions_are_evaluated_in_order),
        cmocka_unit_test(if_range_compares_strongly),
        cmocka_unit_test(a_date_of_this_second_is_weak),
        cmocka_unit_test(no_byte_after_a_value_is_read),
        cmocka_unit_test(random_lists_match_as_in_a_simple_reader),
    };
    return cmocka_run_group_tests(tests, guard_open, NULL);
}

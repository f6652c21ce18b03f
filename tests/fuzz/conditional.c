/* Conditional requests. The input: a line with the file's entity tag, one with the time of its last change in seconds
   (after "undated" if it is not sent), then field lines. */
#include "http/conditional.h"

#include "base/buffer.h"
#include "lib/fuzz.h"

#include <string.h>

static const int64_t NOW = 1700000000;

static bool begins_with(struct span line, struct span name)
{
    return line.length >= name.length && span_equal_nocase((struct span){line.at, name.length}, name);
}

/* The same request without the lines of the named field. */
static const struct request *request_without(struct span lines, struct span name)
{
    char room[LIMIT_HEAD];
    struct buffer kept = BUFFER(room);
    while (lines.length > 0) {
        struct span line = fuzz_take_line(&lines);
        if (name.length > 0 && begins_with(line, name))
            continue;
        buffer_append(&kept, line);
        buffer_append(&kept, SPAN("\r\n"));
    }
    return kept.overflow ? NULL : fuzz_request(buffer_span(&kept));
}

static bool has(const struct request *request, enum request_field field)
{
    return request_field(request, field).at != NULL;
}

/* Every result has a field that can cause it. */
static void check_cause(const struct request *request, enum conditional result)
{
    if (result == CONDITIONAL_FAILED)
        CHECK(has(request, FIELD_IF_MATCH) || has(request, FIELD_IF_UNMODIFIED_SINCE));
    if (result == CONDITIONAL_NOT_MODIFIED)
        CHECK(has(request, FIELD_IF_NONE_MATCH) || has(request, FIELD_IF_MODIFIED_SINCE));
}

/* A 304 needs the file's exact tag, a "*", or a date if the file has one. */
static void check_not_modified(const struct request *request, const struct validators *validators)
{
    unsigned cursor = 0;
    bool named = span_equal(request_single_field(request, FIELD_IF_NONE_MATCH), SPAN("*"));
    struct span line;
    while (request_next_line(request, FIELD_IF_NONE_MATCH, &cursor, &line))
        named |= validators->etag.length > 2 && fuzz_holds(line, validators->etag);
    if (has(request, FIELD_IF_NONE_MATCH))
        CHECK(named || validators->etag.length <= 2 || begins_with(validators->etag, SPAN("W/")));
    else
        CHECK(validators->last_modified != CONDITIONAL_UNDATED);
}

/* RFC 9110 13.2.2: the date fields count only without the tag fields. */
static void check_precedence(struct span lines, const struct validators *validators, enum conditional result)
{
    static const struct {
        struct span tags, dates;
        enum request_field field;
    } pairs[] = {
        {SPAN_INIT("If-None-Match:"), SPAN_INIT("If-Modified-Since:"), FIELD_IF_NONE_MATCH},
        {SPAN_INIT("If-Match:"), SPAN_INIT("If-Unmodified-Since:"), FIELD_IF_MATCH},
    };
    for (size_t i = 0; i < 2; i++) {
        const struct request *request = request_without(lines, pairs[i].dates);
        if (request != NULL && has(request, pairs[i].field))
            CHECK(conditional_evaluate(request, validators, NOW) == result);
    }
}

/* RFC 9110 13.1.5: only an identical strong validator. */
static void check_range(const struct request *request, const struct validators *validators)
{
    bool applies = conditional_range_applies(request, validators, NOW);
    struct span value = request_single_field(request, FIELD_IF_RANGE);
    if (!has(request, FIELD_IF_RANGE))
        CHECK(applies);
    else if (applies && value.at[0] == '"')
        CHECK(span_equal(value, validators->etag));
    else if (applies)
        CHECK(validators->last_modified != CONDITIONAL_UNDATED && validators->last_modified < NOW &&
              !begins_with(value, SPAN("W/")));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct span lines = {(const char *)bytes, length};
    struct span etag = fuzz_take_line(&lines), time = fuzz_take_line(&lines);
    bool undated = begins_with(time, SPAN("undated"));
    if (undated)
        time = (struct span){time.at + 7, time.length - 7};
    int64_t modified = fuzz_number(time, NOW - 1000);
    if (modified > NOW)
        modified = NOW;
    struct validators validators = {etag, modified, undated ? CONDITIONAL_UNDATED : modified};
    const struct request *request = request_without(lines, SPAN(""));
    if (request == NULL)
        return 0;
    enum conditional result = conditional_evaluate(request, &validators, NOW);
    check_cause(request, result);
    if (result == CONDITIONAL_NOT_MODIFIED)
        check_not_modified(request, &validators);
    check_range(request, &validators);
    check_precedence(lines, &validators, result);
    return 0;
}

/* Conditional requests, compared with the steps of RFC 9110 13.2.2. The input: a line with the file's entity tag, one
   with the time of its last change in seconds (after "undated" if it is not sent), then field lines. */
#include "http/conditional.h"

#include "base/buffer.h"
#include "base/date.h"
#include "lib/fuzz.h"

#include <string.h>

static const int64_t NOW = 1700000000;

/* ---- fields ---- */

static bool has(const struct request *request, enum request_field field)
{
    return request_field(request, field).at != NULL;
}

/* All lines of the field as one (RFC 9110 5.3). `*count` is their number. */
static struct span join(const struct request *request, enum request_field field, unsigned *count)
{
    static char room[2 * LIMIT_HEAD];
    struct buffer joined = BUFFER(room);
    struct span line;
    unsigned cursor = 0;
    for (*count = 0; request_next_line(request, field, &cursor, &line); ++*count) {
        buffer_append(&joined, *count > 0 ? SPAN(", ") : SPAN(""));
        buffer_append(&joined, line);
    }
    CHECK(!joined.overflow);
    return buffer_span(&joined);
}

/* False for a date that must be ignored: invalid, or in several lines (13.1.3, 13.1.4). date.c tests date_read. */
static bool is_date(const struct request *request, enum request_field field, int64_t *date)
{
    unsigned count;
    struct span value = join(request, field, &count);
    return count == 1 && date_read(value, NOW, date);
}

/* ---- entity tags ---- */

struct tag {
    bool weak;
    struct span opaque;
};

/* entity-tag = [ %s"W/" ] DQUOTE *etagc DQUOTE, etagc = %x21 / %x23-7E / obs-text (8.8.3) */
static bool take_entity_tag(struct span *text, struct tag *tag)
{
    size_t end = 1;
    tag->weak = span_begins(*text, SPAN("W/"));
    struct span rest = span_from(*text, tag->weak ? 2 : 0);
    if (rest.length == 0 || rest.at[0] != '"')
        return false;
    while (end < rest.length && (unsigned char)rest.at[end] > ' ' && rest.at[end] != '"' && rest.at[end] != 0x7F)
        end++;
    if (end == rest.length || rest.at[end] != '"')
        return false;
    tag->opaque = (struct span){rest.at, end + 1};
    *text = span_from(rest, end + 1);
    return true;
}

/* 8.8.3.2. No tag equals one that is not valid. */
static bool is_equal(struct tag tag, struct span etag, bool strong)
{
    struct tag current;
    return take_entity_tag(&etag, &current) && etag.length == 0 && span_equal(tag.opaque, current.opaque) &&
           !(strong && (tag.weak || current.weak));
}

/* "*" / #entity-tag, where # is [ element ] *( OWS "," OWS [ element ] ) (5.6.1.2). A malformed list matches nothing
   (conditional.h). */
static bool matches(const struct request *request, enum request_field field, struct span etag, bool strong)
{
    unsigned count;
    struct span list = join(request, field, &count);
    bool found = false;
    if (count == 1 && span_equal(list, SPAN("*")))
        return true;
    while ((list = span_trim(list)).length > 0) {
        struct tag tag;
        if (list.at[0] != ',') {
            if (!take_entity_tag(&list, &tag))
                return false;
            found |= is_equal(tag, etag, strong);
            list = span_trim(list);
        }
        if (list.length > 0 && list.at[0] != ',')
            return false;
        list = span_from(list, list.length > 0);
    }
    return found;
}

/* ---- the conditions ---- */

/* 13.2.2, steps 1 to 4, for GET and HEAD of a file that exists. */
static enum conditional evaluate(const struct request *request, const struct validators *validators)
{
    int64_t date;
    if (has(request, FIELD_IF_MATCH)) {
        if (!matches(request, FIELD_IF_MATCH, validators->etag, true))
            return CONDITIONAL_FAILED;
    } else if (is_date(request, FIELD_IF_UNMODIFIED_SINCE, &date)) {
        /* Ignored without a modification date (13.1.4). conditional.h: it need not be sent. */
        if (validators->modified != CONDITIONAL_UNDATED && validators->modified > date)
            return CONDITIONAL_FAILED;
    }
    if (has(request, FIELD_IF_NONE_MATCH)) {
        if (matches(request, FIELD_IF_NONE_MATCH, validators->etag, false))
            return CONDITIONAL_NOT_MODIFIED;
    } else if (is_date(request, FIELD_IF_MODIFIED_SINCE, &date)) {
        if (validators->last_modified != CONDITIONAL_UNDATED && validators->last_modified <= date)
            return CONDITIONAL_NOT_MODIFIED;
    }
    return CONDITIONAL_PERFORM;
}

/* 13.2.2, step 5, and 13.1.5: If-Range = entity-tag / HTTP-date, told apart by a DQUOTE among the first three
   characters. A date must be the Last-Modified itself, and a strong validator: its second is over (8.8.2.2). */
static bool range_applies(const struct request *request, const struct validators *validators)
{
    unsigned count;
    struct span value = join(request, FIELD_IF_RANGE, &count);
    struct tag tag;
    int64_t date;
    if (count == 0)
        return true;
    if (count > 1) /* conditional.h */
        return false;
    if (span_find(value, '"') < 3 && span_find(value, '"') < value.length)
        return take_entity_tag(&value, &tag) && value.length == 0 && is_equal(tag, validators->etag, true);
    return is_date(request, FIELD_IF_RANGE, &date) && validators->last_modified != CONDITIONAL_UNDATED &&
           date == validators->last_modified && date < NOW;
}

static enum condition condition_of(bool holds)
{
    return holds ? CONDITION_TRUE : CONDITION_FALSE;
}

/* Each condition by itself, as an explanation tells it. */
static enum condition explain(const struct request *request, enum request_field field,
                              const struct validators *validators)
{
    int64_t date;
    bool dated = is_date(request, field, &date);
    switch (field) {
    case FIELD_IF_MATCH:
        return condition_of(matches(request, field, validators->etag, true));
    case FIELD_IF_NONE_MATCH:
        return condition_of(!matches(request, field, validators->etag, false));
    case FIELD_IF_RANGE:
        return condition_of(range_applies(request, validators));
    case FIELD_IF_UNMODIFIED_SINCE:
        if (has(request, FIELD_IF_MATCH))
            return CONDITION_SUPERSEDED;
        return dated ? condition_of(validators->modified <= date) : CONDITION_INVALID;
    default:
        if (has(request, FIELD_IF_NONE_MATCH))
            return CONDITION_SUPERSEDED;
        if (!dated)
            return CONDITION_INVALID;
        if (validators->last_modified == CONDITIONAL_UNDATED)
            return CONDITION_UNDATED;
        return condition_of(validators->last_modified > date);
    }
}

static void compare(const struct request *request, const struct validators *validators)
{
    static const enum request_field fields[] = {FIELD_IF_MATCH, FIELD_IF_NONE_MATCH, FIELD_IF_RANGE,
                                                FIELD_IF_UNMODIFIED_SINCE, FIELD_IF_MODIFIED_SINCE};
    CHECK(conditional_evaluate(request, validators, NOW) == evaluate(request, validators));
    CHECK(conditional_range_applies(request, validators, NOW) == range_applies(request, validators));
    struct request head = *request;
    head.method = METHOD_HEAD; /* only GET has ranges (14.2) */
    CHECK(!conditional_range_applies(&head, validators, NOW));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        CHECK(conditional_result(request, fields[i], validators, NOW) ==
              (has(request, fields[i]) ? explain(request, fields[i], validators) : CONDITION_ABSENT));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char room[LIMIT_HEAD];
    struct buffer fields = BUFFER(room);
    struct span lines = {(const char *)bytes, length};
    struct span etag = fuzz_take_line(&lines), time = fuzz_take_line(&lines);
    bool undated = span_begins(time, SPAN("undated"));
    int64_t modified = fuzz_number(span_from(time, undated ? 7 : 0), NOW - 1000);
    if (modified > NOW)
        modified = NOW;
    while (lines.length > 0) {
        buffer_append(&fields, fuzz_take_line(&lines));
        buffer_append(&fields, SPAN("\r\n"));
    }
    const struct request *request = fields.overflow ? NULL : fuzz_request(buffer_span(&fields));
    struct validators validators = {etag, modified, undated ? CONDITIONAL_UNDATED : modified};
    if (request != NULL)
        compare(request, &validators);
    return 0;
}

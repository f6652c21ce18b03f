#include "http/conditional.h"

#include "base/date.h"

/* entity-tag = [ "W/" ] opaque-tag (RFC 9110 8.8.3) */
struct tag {
    struct span opaque; /* with its quotes; empty: no tag */
    bool weak;
};

/* RFC 9110 8.8.3.2 */
enum comparison {
    COMPARISON_STRONG,
    COMPARISON_WEAK,
};

/* The result of a field of entity tags, by rising priority among its members and lines. */
enum finding {
    FINDING_ABSENT, /* the request has no such field */
    FINDING_DIFFERENT,
    FINDING_MATCH,
    FINDING_MALFORMED,
};

/* etagc = %x21 / %x23-7E / obs-text: includes the comma, excludes the space. */
/*@ assigns \nothing; */
static bool is_tag_byte(unsigned char byte)
{
    return byte > 0x20 && byte != '"' && byte != 0x7F;
}

/* Removes an entity tag from the text's beginning, or returns false. */
/*@ requires \valid(text) && readable(*text) && \valid(tag) && \separated(text, tag); assigns *text, *tag;
    ensures readable(*text) && text->length <= \old(text->length) &&
            (\result ==> text->length < \old(text->length) && readable(tag->opaque)); */
static bool take_tag(struct span *text, struct tag *tag)
{
    bool weak = span_begins(*text, SPAN("W/")); /* case-sensitive */
    if (text->length == 0)                      /* it may have no address to count from */
        return false;
    struct span rest = span_from(*text, weak ? 2 : 0);
    if (rest.length == 0 || rest.at[0] != '"')
        return false;
    size_t end = 1;
    /*@ loop invariant 0 < end <= rest.length; loop assigns end; loop variant rest.length - end; */
    while (end < rest.length && is_tag_byte((unsigned char)rest.at[end]))
        end++;
    if (end == rest.length || rest.at[end] != '"')
        return false;
    end++;
    *tag = (struct tag){{rest.at, end}, weak};
    *text = span_from(rest, end);
    return true;
}

/* The text as one entity tag, or no tag if it is anything else. */
/*@ requires readable(text); assigns \nothing; ensures readable(\result.opaque); */
static struct tag tag_of(struct span text)
{
    struct tag tag;
    return take_tag(&text, &tag) && text.length == 0 ? tag : (struct tag){{NULL, 0}, false};
}

/* The server's own tag, without validation: it is compared with valid tags only, and equals one only if it is valid. */
/*@ requires readable(text); assigns \nothing; ensures readable(\result.opaque); */
static struct tag server_tag(struct span text)
{
    bool weak = span_begins(text, SPAN("W/"));
    return (struct tag){weak ? span_from(text, 2) : text, weak};
}

/*@ requires readable(a.opaque) && readable(b.opaque); assigns \nothing; */
static bool tags_match(struct tag a, struct tag b, enum comparison comparison)
{
    if (a.opaque.length == 0 || (comparison == COMPARISON_STRONG && (a.weak || b.weak)))
        return false;
    return span_equal(a.opaque, b.opaque);
}

/* Skips to a list's next member; empty members do not count (RFC 9110 5.6.1.2). */
/*@ requires readable(list); assigns \nothing;
    ensures readable(\result) && \result.length <= list.length; */
static struct span skip_separators(struct span list)
{
    /*@ loop invariant readable(list) && list.length <= \at(list.length, Pre);
        loop assigns list; loop variant list.length; */
    while (list.length > 0 && (list.at[0] == ',' || list.at[0] == ' ' || list.at[0] == '\t')) {
        list.at++;
        list.length--;
    }
    return list;
}

/* #entity-tag on one line. Not split at commas, as a tag may contain them. */
/*@ requires readable(list) && readable(current.opaque); assigns \nothing; */
static enum finding compare_line(struct span list, struct tag current, enum comparison comparison)
{
    enum finding finding = FINDING_DIFFERENT;
    struct tag tag;
    /*@ loop invariant readable(list); loop assigns list, tag, finding; loop variant list.length; */
    for (list = skip_separators(list); list.length > 0; list = skip_separators(list)) {
        if (!take_tag(&list, &tag))
            return FINDING_MALFORMED;
        list = span_trim(list);
        if (list.length > 0 && list.at[0] != ',')
            return FINDING_MALFORMED;
        if (tags_match(tag, current, comparison))
            finding = FINDING_MATCH;
    }
    return finding;
}

/* If-Match and If-None-Match: "*" or #entity-tag, on any number of lines (RFC 9110 5.3, 13.1.1, 13.1.2). */
/*@ requires is_request(request) && field < FIELD_OTHER && readable(etag); assigns \nothing; */
static enum finding compare(const struct request *request, enum request_field field, struct span etag,
                            enum comparison comparison)
{
    unsigned cursor = 0;
    struct span line;
    if (!request_next_line(request, field, &cursor, &line))
        return FINDING_ABSENT;
    /* A representation exists, or the response would be a 404. "*" as a list member is malformed. */
    if (span_equal(request_single_field(request, field), SPAN("*")))
        return FINDING_MATCH;
    struct tag current = server_tag(etag);
    enum finding finding = FINDING_DIFFERENT;
    /*@ loop invariant readable(line) && cursor <= request->field_line_count;
        loop assigns line, cursor, finding; loop variant request->field_line_count - cursor; */
    do {
        enum finding next = compare_line(line, current, comparison);
        finding = next > finding ? next : finding;
    } while (request_next_line(request, field, &cursor, &line));
    return finding;
}

/* False if the field must be ignored: it is absent or not a valid date, such as a list of dates. */
/*@ requires is_request(request) && field < FIELD_OTHER && \valid(date); assigns *date; */
static bool read_date(const struct request *request, enum request_field field, int64_t now, int64_t *date)
{
    return date_read(request_single_field(request, field), now, date);
}

enum conditional conditional_evaluate(const struct request *request, const struct validators *validators, int64_t now)
{
    int64_t date;
    if (!request_has(request, CONDITIONAL_FIELDS))
        return CONDITIONAL_PERFORM;
    /* RFC 9110 13.2.2, steps 1 and 2: If-Unmodified-Since counts only without If-Match. */
    enum finding match = compare(request, FIELD_IF_MATCH, validators->etag, COMPARISON_STRONG);
    if (match != FINDING_ABSENT && match != FINDING_MATCH)
        return CONDITIONAL_FAILED;
    if (match == FINDING_ABSENT && read_date(request, FIELD_IF_UNMODIFIED_SINCE, now, &date) &&
        validators->modified > date)
        return CONDITIONAL_FAILED;

    /* Steps 3 and 4: If-Modified-Since counts only without If-None-Match, even a malformed one. */
    enum finding none_match = compare(request, FIELD_IF_NONE_MATCH, validators->etag, COMPARISON_WEAK);
    if (none_match == FINDING_MATCH)
        return CONDITIONAL_NOT_MODIFIED;
    if (none_match == FINDING_ABSENT && validators->last_modified != CONDITIONAL_UNDATED &&
        read_date(request, FIELD_IF_MODIFIED_SINCE, now, &date) && validators->last_modified <= date)
        return CONDITIONAL_NOT_MODIFIED;
    return CONDITIONAL_PERFORM;
}

/* RFC 9110 8.8.2.2: a date is a strong validator only if the file did not change twice within its second, and until
   that second is over it still may. The client must check by the Date it received that the date was a second old then
   (13.1.5). */
/*@ assigns \nothing; */
static bool date_is_strong(int64_t date, int64_t now)
{
    return date < now;
}

bool conditional_range_applies(const struct request *request, const struct validators *validators, int64_t now)
{
    if (request->method != METHOD_GET)
        return false;
    unsigned cursor = 0;
    struct span first;
    if (!request_next_line(request, FIELD_IF_RANGE, &cursor, &first))
        return true;
    struct span value = request_single_field(request, FIELD_IF_RANGE);
    if (tags_match(tag_of(value), server_tag(validators->etag), COMPARISON_STRONG))
        return true;
    /* Exactly the same date, not a later one: all parts must be from the same state of the file. */
    int64_t date;
    return date_read(value, now, &date) && date == validators->last_modified && date_is_strong(date, now);
}

/*@ assigns \nothing; */
static enum condition condition_of(bool holds)
{
    return holds ? CONDITION_TRUE : CONDITION_FALSE;
}

enum condition conditional_result(const struct request *request, enum request_field field,
                                  const struct validators *validators, int64_t now)
{
    bool is_modified = field == FIELD_IF_MODIFIED_SINCE;
    int64_t date;
    if (!request_has(request, 1U << field))
        return CONDITION_ABSENT;
    if (field == FIELD_IF_MATCH)
        return condition_of(compare(request, field, validators->etag, COMPARISON_STRONG) == FINDING_MATCH);
    if (field == FIELD_IF_NONE_MATCH)
        return condition_of(compare(request, field, validators->etag, COMPARISON_WEAK) != FINDING_MATCH);
    if (field == FIELD_IF_RANGE)
        return condition_of(conditional_range_applies(request, validators, now));
    if (request_has(request, 1U << (is_modified ? FIELD_IF_NONE_MATCH : FIELD_IF_MATCH)))
        return CONDITION_SUPERSEDED;
    if (!read_date(request, field, now, &date))
        return CONDITION_INVALID;
    if (is_modified && validators->last_modified == CONDITIONAL_UNDATED)
        return CONDITION_UNDATED;
    return condition_of(is_modified ? validators->last_modified > date : validators->modified <= date);
}

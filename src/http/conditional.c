#include "http/conditional.h"

#include "base/date.h"

#include <string.h>

/* entity-tag = [ "W/" ] opaque-tag (RFC 9110 8.8.3) */
struct tag {
    struct span opaque; /* with its quotes; empty where there is no tag */
    bool weak;
};

/* RFC 9110 8.8.3.2 */
enum comparison {
    COMPARISON_STRONG,
    COMPARISON_WEAK,
};

/* What a field of entity tags says. Of several members or lines, the one that says most decides. */
enum finding {
    FINDING_ABSENT, /* the request has no such field */
    FINDING_DIFFERENT,
    FINDING_MATCH,
    FINDING_MALFORMED,
};

static enum finding finding_max(enum finding a, enum finding b)
{
    return a > b ? a : b;
}

/* etagc = %x21 / %x23-7E / obs-text: a comma is one of them, a blank is not. */
static bool is_tag_octet(unsigned char octet)
{
    return octet > 0x20 && octet != '"' && octet != 0x7F;
}

/* Takes an entity tag off the text's beginning, or returns false. */
static bool take_tag(struct span *text, struct tag *tag)
{
    bool weak = text->length >= 2 && memcmp(text->at, "W/", 2) == 0; /* case-sensitive */
    size_t start = weak ? 2 : 0;
    if (start == text->length || text->at[start] != '"')
        return false;
    size_t end = start + 1;
    while (end < text->length && is_tag_octet((unsigned char)text->at[end]))
        end++;
    if (end == text->length || text->at[end] != '"')
        return false;
    end++;
    *tag = (struct tag){{text->at + start, end - start}, weak};
    *text = (struct span){text->at + end, text->length - end};
    return true;
}

/* The tag that the text is, whole; no tag where it is something else. */
static struct tag tag_of(struct span text)
{
    struct tag tag;
    return take_tag(&text, &tag) && text.length == 0 ? tag : (struct tag){{NULL, 0}, false};
}

static bool tags_match(struct tag a, struct tag b, enum comparison comparison)
{
    if (a.opaque.length == 0 || (comparison == COMPARISON_STRONG && (a.weak || b.weak)))
        return false;
    return span_equal(a.opaque, b.opaque);
}

/* Past the commas and blanks before a list's next member; empty members are none (RFC 9110 5.6.1.2). */
static struct span skip_separators(struct span list)
{
    while (list.length > 0 && (list.at[0] == ',' || list.at[0] == ' ' || list.at[0] == '\t')) {
        list.at++;
        list.length--;
    }
    return list;
}

/* #entity-tag, on one line. Not cut at its commas, which a tag may hold. */
static enum finding compare_line(struct span list, struct tag current, enum comparison comparison)
{
    enum finding finding = FINDING_DIFFERENT;
    struct tag tag;
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

/* If-Match and If-None-Match: "*" or #entity-tag, the list on any number of lines (RFC 9110 5.3, 13.1.1, 13.1.2). */
static enum finding compare(const struct request *request, enum request_field field, struct span etag,
                            enum comparison comparison)
{
    unsigned cursor = 0;
    struct span line;
    if (!request_next_line(request, field, &cursor, &line))
        return FINDING_ABSENT;
    /* The file exists, or the answer would be a 404. "*" as one member of several is malformed. */
    if (span_equal(request_single_field(request, field), SPAN("*")))
        return FINDING_MATCH;
    struct tag current = tag_of(etag);
    enum finding finding = FINDING_DIFFERENT;
    do {
        finding = finding_max(finding, compare_line(line, current, comparison));
    } while (request_next_line(request, field, &cursor, &line));
    return finding;
}

/* False where the field is to be ignored: not there, or no valid date, as a list of dates is none. */
static bool read_date(const struct request *request, enum request_field field, int64_t now, int64_t *date)
{
    struct span text = request_single_field(request, field);
    return text.length > 0 && date_read(text, now, date);
}

enum conditional conditional_evaluate(const struct request *request, const struct validators *validators,
                                      int64_t now)
{
    static const uint32_t conditions = 1U << FIELD_IF_MATCH | 1U << FIELD_IF_UNMODIFIED_SINCE |
                                       1U << FIELD_IF_NONE_MATCH | 1U << FIELD_IF_MODIFIED_SINCE;
    int64_t date;
    if (!request_has(request, conditions))
        return CONDITIONAL_PERFORM;
    /* RFC 9110 13.2.2, steps 1 and 2: If-Unmodified-Since counts only without If-Match. */
    enum finding match = compare(request, FIELD_IF_MATCH, validators->etag, COMPARISON_STRONG);
    if (match != FINDING_ABSENT && match != FINDING_MATCH)
        return CONDITIONAL_FAILED;
    if (match == FINDING_ABSENT && read_date(request, FIELD_IF_UNMODIFIED_SINCE, now, &date) &&
        validators->modified > date)
        return CONDITIONAL_FAILED;

    /* Steps 3 and 4: If-Modified-Since counts only without If-None-Match, be that well-formed or not. */
    enum finding none_match = compare(request, FIELD_IF_NONE_MATCH, validators->etag, COMPARISON_WEAK);
    if (none_match == FINDING_MATCH)
        return CONDITIONAL_NOT_MODIFIED;
    if (none_match == FINDING_ABSENT && validators->last_modified != CONDITIONAL_UNDATED &&
        read_date(request, FIELD_IF_MODIFIED_SINCE, now, &date) && validators->last_modified <= date)
        return CONDITIONAL_NOT_MODIFIED;
    return CONDITIONAL_PERFORM;
}

/*
 * RFC 9110 8.8.2.2: a date is a strong validator only where the file did not change twice within its second. Until
 * that second is over it still may. What it was at the second's beginning only the client can tell, by the Date that
 * came with it, and 13.1.5 forbids it to send a date that was not yet a second old.
 */
static bool date_is_strong(int64_t date, int64_t now)
{
    return date < now;
}

bool conditional_range_applies(const struct request *request, const struct validators *validators,
                               int64_t now)
{
    if (request->method != METHOD_GET)
        return false;
    unsigned cursor = 0;
    struct span first;
    if (!request_next_line(request, FIELD_IF_RANGE, &cursor, &first))
        return true;
    struct span value = request_single_field(request, FIELD_IF_RANGE);
    if (tags_match(tag_of(value), tag_of(validators->etag), COMPARISON_STRONG))
        return true;
    /* Exactly the date, not one after it: what follows a part must be from the same state as the part. */
    int64_t date;
    return date_read(value, now, &date) && date == validators->last_modified && date_is_strong(date, now);
}

#include "http/negotiate.h"

#include "base/text.h"

#include <stddef.h>

/* The weight of "*" follows those of the codings. */
enum { CODING_ANY = CODINGS, NAMES };

/* No member named this coding. */
static const uint16_t UNNAMED = UINT16_MAX;

/* Identity is acceptable unless refused, but any coding that the client names ranks higher. */
static const uint16_t IDENTITY_UNRANKED = 1;

/* Content codings are case-insensitive (RFC 9110 8.4.1), and "x-gzip" is gzip (8.4.1.3). */
/*@ requires readable(name) && \valid(coding); assigns *coding; ensures \result ==> *coding < NAMES; */
static bool find_name(struct span name, unsigned *coding)
{
    static const struct {
        struct span name;
        unsigned coding;
    } known[] = {
        {SPAN_INIT("gzip"), CODING_GZIP},         {SPAN_INIT("br"), CODING_BR}, {SPAN_INIT("zstd"), CODING_ZSTD},
        {SPAN_INIT("identity"), CODING_IDENTITY}, {SPAN_INIT("*"), CODING_ANY}, {SPAN_INIT("x-gzip"), CODING_GZIP},
    };
    /*@ loop invariant \forall integer k; 0 <= k < 6 ==> readable(known[k].name) && known[k].coding < NAMES;
        loop assigns i; loop variant 6 - i; */
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].name.length == name.length && span_equal_nocase(known[i].name, name)) {
            *coding = known[i].coding;
            return true;
        }
    }
    return false;
}

/* qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ), RFC 9110 12.4.2, in thousandths. */
/*@ requires readable(text) && \valid(quality); assigns *quality; */
static bool read_quality(struct span text, uint16_t *quality)
{
    if (text.length == 0 || text.length > 5 || (text.at[0] != '0' && text.at[0] != '1'))
        return false;
    if (text.length > 1 && text.at[1] != '.')
        return false;
    unsigned value = text.at[0] == '1' ? 1000 : 0, unit = 100;
    /*@ loop assigns i, value, unit; loop variant text.length - i; */
    for (size_t i = 2; i < text.length; i++, unit /= 10) {
        if (!text_is_digit(text.at[i]))
            return false;
        value += (unsigned)(text.at[i] - '0') * unit;
    }
    *quality = (uint16_t)value;
    return value <= 1000;
}

/* weight = OWS ";" OWS "q=" qvalue; an empty one is 1. */
/*@ requires readable(weight) && \valid(quality); assigns *quality; */
static bool read_weight(struct span weight, uint16_t *quality)
{
    if (weight.length == 0) {
        *quality = 1000;
        return true;
    }
    weight = span_trim((struct span){weight.at + 1, weight.length - 1});
    if (weight.length < 2 || !span_equal_nocase((struct span){weight.at, 2}, SPAN("q=")))
        return false;
    return read_quality((struct span){weight.at + 2, weight.length - 2}, quality);
}

/* codings [ weight ] */
/*@ requires readable(member) && \valid(named + (0 .. NAMES - 1)); assigns named[0 .. NAMES - 1]; */
static void read_member(struct span member, uint16_t named[NAMES])
{
    size_t end = span_find(member, ';');
    unsigned coding;
    uint16_t quality;
    if (!find_name(span_trim((struct span){member.at, end}), &coding) || named[coding] != UNNAMED)
        return;
    if (read_weight((struct span){member.at + end, member.length - end}, &quality))
        named[coding] = quality;
}

/* The weight among the parameters of a type. Others, such as a charset, don't change it. */
/*@ requires readable(parameters); assigns \nothing; */
static uint16_t weight_among(struct span parameters)
{
    uint16_t weight = 1000;
    /*@ loop invariant readable(parameters); loop assigns parameters, weight; loop variant parameters.length; */
    while (parameters.length > 0) {
        struct span rest = {parameters.at + 1, parameters.length - 1}; /* after the ";" */
        size_t length = 1 + span_find(rest, ';');
        uint16_t quality;
        if (read_weight((struct span){parameters.at, length}, &quality))
            weight = quality;
        parameters = (struct span){parameters.at + length, parameters.length - length};
    }
    return weight;
}

/*@ assigns \nothing; */
static uint16_t larger(uint16_t a, uint16_t b)
{
    return a > b ? a : b;
}

struct weights {
    uint16_t html, json, any;
};

/* If a type is named twice, the larger weight counts. */
/*@ requires is_request(request); assigns \nothing; */
static struct weights read_accept(const struct request *request)
{
    struct weights weights = {0};
    unsigned cursor = 0;
    struct span list, member;
    /*@ loop invariant cursor <= request->field_line_count;
        loop assigns cursor, list, member, weights; loop variant request->field_line_count - cursor; */
    while (request_next_line(request, FIELD_ACCEPT, &cursor, &list)) {
        /*@ loop invariant readable(list); loop assigns list, member, weights; loop variant list.length; */
        while (span_next_member(&list, &member)) {
            size_t end = span_find(member, ';');
            struct span type = span_trim((struct span){member.at, end});
            uint16_t weight = weight_among((struct span){member.at + end, member.length - end});
            if (span_equal_nocase(type, SPAN("text/html")))
                weights.html = larger(weights.html, weight);
            else if (span_equal_nocase(type, SPAN("application/json")))
                weights.json = larger(weights.json, weight);
            else if (span_equal(type, SPAN("*/*")))
                weights.any = larger(weights.any, weight);
        }
    }
    return weights;
}

enum media negotiate_media(const struct request *request)
{
    if ((request->fields & 1U << FIELD_ACCEPT) == 0)
        return MEDIA_HTML;
    struct weights weights = read_accept(request);
    if (weights.html == 0 && weights.json == 0)
        return MEDIA_TEXT;
    return weights.json > weights.html ? MEDIA_JSON : MEDIA_HTML;
}

bool negotiate_prefers_html(const struct request *request)
{
    struct weights weights = read_accept(request);
    return weights.html > 0 && weights.html >= larger(weights.any, weights.json);
}

bool negotiate_is_weighted(const struct request *request)
{
    unsigned cursor = 0;
    struct span line;
    /*@ loop invariant cursor <= request->field_line_count;
        loop assigns cursor, line; loop variant request->field_line_count - cursor; */
    while (request_next_line(request, FIELD_ACCEPT_ENCODING, &cursor, &line)) {
        if (span_find(line, ';') < line.length)
            return true;
    }
    return false;
}

struct acceptance negotiate_codings(const struct request *request)
{
    uint16_t named[NAMES] = {UNNAMED, UNNAMED, UNNAMED, UNNAMED, UNNAMED};
    unsigned cursor = 0;
    struct span list, member;
    /*@ loop invariant cursor <= request->field_line_count;
        loop assigns cursor, list, member, named[0 .. NAMES - 1]; loop variant request->field_line_count - cursor; */
    while (request_next_line(request, FIELD_ACCEPT_ENCODING, &cursor, &list)) {
        /*@ loop invariant readable(list);
            loop assigns list, member, named[0 .. NAMES - 1]; loop variant list.length; */
        while (span_next_member(&list, &member))
            read_member(member, named);
    }

    struct acceptance acceptance = {
        .identity_unranked = named[CODING_IDENTITY] == UNNAMED && named[CODING_ANY] == UNNAMED,
    };
    /*@ loop assigns coding, acceptance.quality[0 .. CODINGS - 1]; loop variant CODINGS - coding; */
    for (unsigned coding = 0; coding < CODINGS; coding++) {
        uint16_t otherwise = coding == CODING_IDENTITY ? IDENTITY_UNRANKED : 0;
        if (named[CODING_ANY] != UNNAMED)
            otherwise = named[CODING_ANY];
        acceptance.quality[coding] = named[coding] != UNNAMED ? named[coding] : otherwise;
    }
    return acceptance;
}

void negotiate_rank_identity_first(struct acceptance *acceptance)
{
    uint16_t *identity = &acceptance->quality[CODING_IDENTITY];
    if (acceptance->identity_unranked)
        *identity = UINT16_MAX;
    else if (*identity > 0)
        (*identity)++; /* identity wins ties */
}

enum coding negotiate_choose(const struct acceptance *acceptance, unsigned available)
{
    static const enum coding preferred[] = {CODING_BR, CODING_ZSTD, CODING_GZIP, CODING_IDENTITY};
    enum coding choice = CODINGS;
    unsigned best = 0;
    /*@ loop invariant \forall integer k; 0 <= k < 4 ==> preferred[k] < CODINGS;
        loop assigns i, choice, best; loop variant 4 - i; */
    for (size_t i = 0; i < sizeof preferred / sizeof *preferred; i++) {
        unsigned quality = acceptance->quality[preferred[i]];
        if ((available & 1u << preferred[i]) != 0 && quality > best) {
            best = quality;
            choice = preferred[i];
        }
    }
    return choice;
}

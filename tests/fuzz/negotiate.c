/* Accept-Encoding and Accept, compared with a second reading by RFC 9110 12.4 and 12.5. Each line of the input is the
   value of one line of both fields. */
#include "http/negotiate.h"

#include "base/buffer.h"
#include "lib/fuzz.h"

#include <string.h>

/* ---- weights (12.4.2) ---- */

static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!text_is_tchar((unsigned char)text.at[i]))
            return false;
    }
    return text.length > 0;
}

/* qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ), in thousandths; -1 if it is none */
static int thousandths(struct span text)
{
    static const int units[] = {1000, 0, 100, 10, 1};
    int value = 0;
    if (text.length == 0 || text.length > 5 || (text.length > 1 && text.at[1] != '.'))
        return -1;
    for (size_t i = 0; i < text.length; i++) {
        if (i != 1 && (text.at[i] < '0' || text.at[i] > '9'))
            return -1;
        value += units[i] * (text.at[i] - '0');
    }
    return value <= 1000 ? value : -1;
}

/* weight = OWS ";" OWS "q=" qvalue, without what precedes the "q"; -1 if it is none */
static int weight_of(struct span parameter)
{
    parameter = span_trim(parameter);
    bool is_weight = parameter.length >= 2 && text_lower(parameter.at[0]) == 'q' && parameter.at[1] == '=';
    return is_weight ? thousandths(span_from(parameter, 2)) : -1;
}

/* ---- Accept-Encoding (12.5.3) ---- */

enum { UNNAMED = -1 };

/* The weight of the first valid member (negotiate.h) with one of the names: codings [ weight ]. */
static int find_weight(struct span list, const char *name, const char *other)
{
    while (list.length > 0) {
        struct span member = fuzz_take_until(&list, ',');
        bool weighted = span_find(member, ';') < member.length;
        struct span coding = span_trim(fuzz_take_until(&member, ';'));
        int weight = weighted ? weight_of(member) : 1000;
        if (weight >= 0 && (span_equal_nocase(coding, span_of(name)) || span_equal_nocase(coding, span_of(other))))
            return weight;
    }
    return UNNAMED;
}

/* The weights of the codings. "*" stands for those that are not named, identity included. Without both, identity is
   acceptable, behind any other: UNNAMED. So it is without the field, where the RFC would allow any coding
   (negotiate.h). */
static void read_weights(struct span list, int weights[CODINGS])
{
    int any = find_weight(list, "*", "*");
    weights[CODING_GZIP] = find_weight(list, "gzip", "x-gzip"); /* 8.4.1.3 */
    weights[CODING_ZSTD] = find_weight(list, "zstd", "zstd");
    weights[CODING_BR] = find_weight(list, "br", "br");
    weights[CODING_IDENTITY] = find_weight(list, "identity", "identity");
    for (unsigned coding = 0; coding < CODINGS; coding++) {
        if (weights[coding] == UNNAMED)
            weights[coding] = any != UNNAMED || coding == CODING_IDENTITY ? any : 0;
    }
}

/* The available coding with the highest weight above 0. Among equals the smallest is usually the first of these. */
static enum coding choose(const int weights[CODINGS], unsigned available)
{
    static const enum coding by_size[] = {CODING_BR, CODING_ZSTD, CODING_GZIP, CODING_IDENTITY};
    enum coding choice = CODINGS;
    for (size_t i = 0; i < CODINGS; i++) {
        enum coding coding = by_size[i];
        if ((available & 1U << coding) != 0 && weights[coding] > 0 &&
            (choice == CODINGS || weights[coding] > weights[choice]))
            choice = coding;
    }
    bool identity = (available & 1U << CODING_IDENTITY) != 0 && weights[CODING_IDENTITY] == UNNAMED;
    return choice == CODINGS && identity ? CODING_IDENTITY : choice;
}

/* As choose, but identity wins unless it is refused or another has a higher weight. */
static enum coding choose_identity_first(const int weights[CODINGS], unsigned available)
{
    enum coding choice = choose(weights, available);
    int identity = weights[CODING_IDENTITY];
    bool first = identity == UNNAMED || (identity > 0 && choice < CODINGS && weights[choice] == identity);
    return (available & 1U << CODING_IDENTITY) != 0 && first ? CODING_IDENTITY : choice;
}

static void compare_codings(const struct request *request, struct span list)
{
    int weights[CODINGS];
    struct acceptance acceptance = negotiate_codings(request), identity_first = acceptance;
    read_weights(list, weights);
    negotiate_rank_identity_first(&identity_first);
    for (unsigned available = 0; available < 1U << CODINGS; available++) {
        CHECK(negotiate_choose(&acceptance, available) == choose(weights, available));
        CHECK(negotiate_choose(&identity_first, available) == choose_identity_first(weights, available));
    }
    CHECK(negotiate_is_weighted(request) == fuzz_holds(list, SPAN(";")));
}

/* ---- Accept (12.5.1) ---- */

struct types {
    int html, json, any;
};

/* media-range [ weight ]: a type and parameters, the weight at the end. -1 if it is none. */
static int read_parameters(struct span parameters)
{
    int weight = 1000;
    while (parameters.length > 0) {
        struct span parameter = span_trim(fuzz_take_until(&parameters, ';')), value = parameter;
        struct span name = fuzz_take_until(&value, '=');
        if (parameter.length == 0) /* parameters = *( OWS ";" OWS [ parameter ] ) (5.6.6) */
            continue;
        if (weight_of(parameter) >= 0)
            weight = weight_of(parameter);
        else if (!is_token(name) || !is_token(value) || span_equal_nocase(name, SPAN("q")))
            return -1;
    }
    return weight;
}

/* The largest weight with which the types are named. False for a field that is not valid, or has a quoted string, at
   whose commas it is divided all the same. */
static bool read_types(struct span list, struct types *types)
{
    *types = (struct types){0, 0, 0};
    while (list.length > 0) {
        struct span member = span_trim(fuzz_take_until(&list, ','));
        if (member.length == 0)
            continue;
        struct span type = span_trim(fuzz_take_until(&member, ';'));
        int weight = read_parameters(member);
        int *known = span_equal_nocase(type, SPAN("text/html"))          ? &types->html
                     : span_equal_nocase(type, SPAN("application/json")) ? &types->json
                     : span_equal(type, SPAN("*/*"))                     ? &types->any
                                                                         : NULL;
        if (weight < 0)
            return false;
        if (known != NULL && weight > *known)
            *known = weight;
    }
    return true;
}

static void compare_types(const struct request *request, struct span list)
{
    struct types types;
    if (!read_types(list, &types))
        return;
    enum media media = types.html > 0 && types.html >= types.json ? MEDIA_HTML
                       : types.json > 0                           ? MEDIA_JSON
                                                                  : MEDIA_TEXT;
    bool sent = request_field(request, FIELD_ACCEPT).at != NULL;
    CHECK(negotiate_media(request) == (sent ? media : MEDIA_HTML));
    CHECK(negotiate_prefers_html(request) == (types.html > 0 && types.html >= types.json && types.html >= types.any));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char lines_room[LIMIT_HEAD], list_room[LIMIT_HEAD];
    struct buffer lines = BUFFER(lines_room), list = BUFFER(list_room);
    struct span input = {(const char *)bytes, length};
    while (input.length > 0) {
        struct span value = fuzz_take_line(&input);
        const char *const names[] = {"Accept-Encoding: ", "Accept: "};
        for (size_t i = 0; i < 2; i++) {
            buffer_string(&lines, names[i]);
            buffer_append(&lines, value);
            buffer_string(&lines, "\r\n");
        }
        buffer_append(&list, value); /* several lines are one list (5.3) */
        buffer_byte(&list, ',');
    }
    const struct request *request = lines.overflow ? NULL : fuzz_request(buffer_span(&lines));
    if (request == NULL)
        return 0;
    compare_codings(request, buffer_span(&list));
    compare_types(request, buffer_span(&list));
    return 0;
}

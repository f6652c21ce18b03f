#include "http/path_pattern.h"

#include <string.h>

/* ---- parsing ---- */

/* The pattern that is being read. */
struct draft {
    struct path_set *set;
    struct path_pattern pattern;
    struct path_piece *piece; /* its current piece */
    char *text;               /* where the next decoded byte goes */
    unsigned names_since_star;
};

/* The length of the name of a placeholder whose ":" is at `at`; 0 if there is none. */
static size_t name_length(struct span text, size_t at, enum path_style style)
{
    size_t length = 0;
    if (style != PATH_BYTES) {
        if (at == 0 || text.at[at - 1] == '/')
            length = span_find(span_from(text, at + 1), '/');
        return length;
    }
    /* Cloudflare: :[A-Za-z]\w* */
    if (at + 1 < text.length && text_is_letter(text.at[at + 1])) {
        while (at + 1 + length < text.length && path_is_word(text.at[at + 1 + length]))
            length++;
    }
    return length;
}

static char last_byte(const struct draft *draft)
{
    const struct span *text = &draft->piece->text;
    return text->length > 0 ? text->at[text->length - 1] : '\0';
}

static void drop_byte(struct draft *draft)
{
    draft->piece->text.length--;
    draft->text--;
}

static void begin_piece(struct draft *draft, struct path_piece *piece)
{
    draft->piece = piece;
    *piece = (struct path_piece){{draft->text, 0}, PATH_END, SPAN_NONE};
}

static const char *add_wildcard(struct draft *draft, enum path_wildcard wildcard, struct span name)
{
    struct path_pattern *pattern = &draft->pattern;
    if (pattern->wildcards == LIMIT_RULES_WILDCARDS)
        return "has more than 16 wildcards; leave some out";
    for (unsigned i = 0; i < pattern->wildcards && draft->set->style != PATH_GLOB; i++) {
        if (span_equal(pattern->pieces[i].name, name))
            return "has a name twice, or ':splat' beside '*'; give each placeholder a name of its own";
        if (draft->set->refuses_prefixes && wildcard == PATH_NAME && pattern->pieces[i].wildcard == PATH_NAME &&
            span_begins(name, pattern->pieces[i].name))
            return "has a name that begins with an earlier one, so Cloudflare may ignore the rule; rename the "
                   "placeholder";
    }
    draft->piece->wildcard = wildcard;
    draft->piece->name = name;
    pattern->wildcards++;
    begin_piece(draft, draft->piece + 1);
    return NULL;
}

static const char *add_star(struct draft *draft, struct span rest)
{
    enum path_style style = draft->set->style;
    struct path_pattern *pattern = &draft->pattern;
    bool first = pattern->first_star == UINT32_MAX, whole = false;
    if (style == PATH_SEGMENTS && rest.length > 0)
        return "has '*' before its end; move it to the end, or use ':name' for a segment";
    if (style == PATH_BYTES && !first)
        return "has '*' twice; use ':name' for a segment";
    if (style != PATH_BYTES && last_byte(draft) == '/' && (rest.length == 0 || rest.at[0] == '/')) {
        whole = true;
        drop_byte(draft);
        draft->pattern.slashes -= first;
    }
    if (first)
        pattern->first_star = pattern->wildcards;
    else if (draft->names_since_star > 0)
        return "has a placeholder between two '*'; use '*' for it as well";
    draft->names_since_star = 0;
    if (!first && draft->piece->text.length == 0 && draft->piece[-1].wildcard == PATH_ANY)
        return NULL;
    return add_wildcard(draft, whole && style == PATH_SEGMENTS ? PATH_REST : PATH_ANY, SPAN("splat"));
}

/* Adds the byte at `*at` or its escape, and moves past it. */
static const char *add_byte(struct draft *draft, struct span text, size_t *at)
{
    char byte = text.at[*at];
    if (byte == '%') {
        int escaped = text_escape(span_from(text, *at));
        if (escaped < 0)
            return "has a '%' that begins no escape; type '%25' for a percent sign";
        if (escaped == 0)
            return "has '%00', which no path has; remove it";
        byte = (char)escaped;
        *at += 2;
    }
    ++*at;
    if (byte == '/' && last_byte(draft) == '/') /* a request's path has no repeated slashes */
        return NULL;
    *draft->text++ = byte;
    draft->piece->text.length++;
    draft->pattern.slashes += byte == '/' && draft->pattern.first_star == UINT32_MAX;
    return NULL;
}

static bool has_dot_segment(struct span text)
{
    while (text.length > 0) {
        struct span segment = span_take_until(&text, '/');
        if (span_equal(segment, SPAN(".")) || span_equal(segment, SPAN("..")))
            return true;
    }
    return false;
}

static const char *read_pattern(struct draft *draft, struct span text)
{
    enum path_style style = draft->set->style;
    const char *wrong = NULL;
    size_t at = 0;
    if (has_dot_segment(text))
        return "never matches, as requests have no '.' or '..' segment; remove it";
    if (text.length == 0 || text.at[0] != '/') {
        size_t none = 0;
        wrong = add_byte(draft, SPAN("/"), &none);
    }
    while (wrong == NULL && at < text.length) {
        size_t length = text.at[at] == ':' ? name_length(text, at, style) : 0;
        if (text.at[at] == '*') {
            while (++at < text.length && text.at[at] == '*' && style == PATH_GLOB)
                ; /* "**" is "*" */
            wrong = add_star(draft, span_from(text, at));
        } else if (length > 0) {
            wrong = add_wildcard(draft, PATH_NAME, (struct span){text.at + at + 1, length});
            draft->names_since_star++;
            at += 1 + length;
        } else {
            wrong = add_byte(draft, text, &at);
        }
    }
    if (style != PATH_BYTES && last_byte(draft) == '/')
        drop_byte(draft);
    return wrong;
}

/* ---- the rows ---- */

/*
 * A pattern can only match a path that has certain bytes at some positions. For each of these positions and each value
 * of its byte there is a row of bits, one for each pattern that allows it; only six bits of a byte count. So 64
 * patterns are tried with three loads.
 */
enum { POSITIONS = 3, VALUES = 64 };

static uint64_t *row_of(const struct path_set *set, unsigned position, char byte)
{
    return set->rows + (position * VALUES + ((unsigned char)byte & (VALUES - 1))) * set->stride;
}

/* The bytes of a path that count: the second, the third, the last; unchanged where it has none. */
static void probe(struct span path, char bytes[POSITIONS])
{
    if (path.length > 1)
        bytes[0] = path.at[1];
    if (path.length > 2)
        bytes[1] = path.at[2];
    if (path.length > 0)
        bytes[2] = path.at[path.length - 1];
}

/* True if all paths that match have the same byte at that position. */
static bool requires_byte(const struct path_pattern *pattern, unsigned position, char *byte)
{
    const struct path_piece *first = pattern->pieces, *last = first + pattern->wildcards;
    struct span text = position == 2 ? last->text : first->text;
    size_t index = position == 2 ? text.length - 1 : position + 1;
    *byte = index < text.length ? text.at[index] : '\0';
    return index < text.length || pattern->wildcards == 0;
}

static void enter(struct path_set *set, const struct path_pattern *pattern, unsigned index)
{
    uint64_t bit = (uint64_t)1 << (index % 64);
    for (unsigned position = 0; position < POSITIONS; position++) {
        char byte;
        bool one = requires_byte(pattern, position, &byte);
        for (unsigned value = 0; value < VALUES && !one; value++)
            row_of(set, position, (char)value)[index / 64] |= bit;
        row_of(set, position, byte)[index / 64] |= bit;
        if (set->style == PATH_GLOB && text_is_letter(byte))
            row_of(set, position, (char)(byte ^ 0x20))[index / 64] |= bit;
    }
}

/* ---- sets ---- */

static size_t words_for(unsigned max)
{
    return (max + 63) / 64;
}

/* Each wildcard begins with one of two bytes. One piece more for each pattern, and for one that is bad. */
static size_t pieces_in(struct span text, unsigned max)
{
    size_t count = (size_t)max + 2;
    for (size_t i = 0; i < text.length; i++)
        count += text.at[i] == '*' || text.at[i] == ':';
    return count;
}

size_t path_set_bytes(struct span text, unsigned max)
{
    return max * sizeof(struct path_pattern) + pieces_in(text, max) * sizeof(struct path_piece) +
           POSITIONS * VALUES * words_for(max) * sizeof(uint64_t) + text.length + max + 1;
}

void path_set_init(struct path_set *set, enum path_style style, void *memory, struct span text, unsigned max)
{
    *set = (struct path_set){.style = style, .stride = words_for(max), .patterns = memory};
    set->piece = (void *)(set->patterns + max);
    set->rows = (void *)(set->piece + pieces_in(text, max));
    size_t words = POSITIONS * VALUES * set->stride;
    memset(set->rows, 0, words * sizeof *set->rows);
    set->text = (void *)(set->rows + words);
}

const char *path_set_add(struct path_set *set, struct span pattern)
{
    struct draft draft = {.set = set, .pattern = {set->piece, 0, UINT32_MAX, 0}, .text = set->text};
    begin_piece(&draft, set->piece);
    const char *wrong = read_pattern(&draft, pattern);
    if (wrong != NULL)
        return wrong;
    if (draft.pattern.first_star == UINT32_MAX)
        draft.pattern.first_star = draft.pattern.wildcards;
    set->patterns[set->count] = draft.pattern;
    set->piece = draft.piece + 1;
    set->text = draft.text;
    enter(set, &draft.pattern, set->count++);
    return NULL;
}

bool path_pattern_equal(const struct path_pattern *a, const struct path_pattern *b)
{
    for (unsigned i = 0; a->wildcards == b->wildcards; i++) {
        const struct path_piece *left = &a->pieces[i], *right = &b->pieces[i];
        if (!span_equal(left->text, right->text) || left->wildcard != right->wildcard ||
            !span_equal(left->name, right->name))
            return false;
        if (i == a->wildcards)
            return true;
    }
    return false;
}

void path_set_drop(struct path_set *set)
{
    unsigned index = --set->count;
    const struct path_pattern *dropped = &set->patterns[index];
    for (unsigned i = 0; i <= dropped->wildcards; i++)
        set->text -= dropped->pieces[i].text.length;
    set->piece -= dropped->wildcards + 1;
    for (size_t row = 0; row < POSITIONS * VALUES; row++)
        set->rows[row * set->stride + index / 64] &= ~((uint64_t)1 << (index % 64));
}

/* ---- matching ---- */

/* The end of the segment with that number of slashes before it, itself included. */
static size_t segment_end(struct span path, unsigned slashes)
{
    size_t at = 0;
    for (unsigned passed = 0; at < path.length; at++) {
        if (path.at[at] == '/' && passed++ == slashes)
            break;
    }
    return at;
}

/*
 * The range in which the text before a wildcard may end, if the wildcard ends at `end`. The first "*" begins in the
 * segment in which it stands in the pattern, as neither texts nor placeholders before it match further slashes.
 */
static bool find_range(const struct path_pattern *pattern, unsigned i, struct span path, size_t end, size_t range[2])
{
    enum path_wildcard wildcard = pattern->pieces[i].wildcard;
    if (wildcard == PATH_NAME) {
        size_t start = end;
        while (start > 0 && path.at[start - 1] != '/')
            start--;
        range[0] = start;
        range[1] = end - 1;
        return start < end;
    }
    bool anchored = i == 0 && wildcard == PATH_ANY; /* behind the path's first bytes */
    size_t most = i == pattern->first_star && !anchored ? segment_end(path, pattern->slashes) : end;
    range[1] = most < end ? most : end;
    range[0] = wildcard == PATH_REST ? range[1] : 0;
    return true;
}

static bool equal(enum path_style style, const char *at, struct span text)
{
    struct span part = {at, text.length};
    return style == PATH_GLOB ? span_equal_nocase(part, text) : span_equal(part, text);
}

/*
 * Matches from the right, each text as far to the right as it can be: then all wildcards before it have the most room.
 * Nothing is tried again. A placeholder fixes the segment of the text before it, so its place in the segment is the
 * only choice; path_set_add refuses placeholders between two "*", where this would not be so.
 */
static bool matches(enum path_style style, const struct path_pattern *pattern, struct span path,
                    struct path_capture *captures)
{
    struct span text = pattern->pieces[pattern->wildcards].text;
    size_t end = path.length - text.length;
    if (path.length < text.length || !equal(style, path.at + end, text))
        return false;
    if (pattern->wildcards == 0)
        return end == 0;
    for (unsigned i = pattern->wildcards; i-- > 0;) {
        size_t range[2];
        const struct path_piece *piece = &pattern->pieces[i];
        text = piece->text;
        if (!find_range(pattern, i, path, end, range))
            return false;
        if (i == 0 && range[1] > text.length)
            range[1] = text.length; /* the path's start */
        size_t stop = range[1];
        while (stop >= text.length && stop >= range[0] && !equal(style, path.at + stop - text.length, text))
            stop--;
        if (stop < text.length || stop < range[0])
            return false;
        size_t start = piece->wildcard == PATH_REST && stop < end ? stop + 1 : stop;
        captures[i] = (struct path_capture){piece->name, {path.at + start, end - start}, false};
        end = stop - text.length;
    }
    return end == 0;
}

unsigned path_set_find(const struct path_set *set, struct span path, unsigned from,
                       struct path_capture captures[LIMIT_RULES_WILDCARDS])
{
    char bytes[POSITIONS] = "";
    if (set->style != PATH_BYTES && path.length > 0 && path.at[path.length - 1] == '/')
        path.length--;
    probe(path, bytes);
    const uint64_t *second = row_of(set, 0, bytes[0]), *third = row_of(set, 1, bytes[1]),
                   *last = row_of(set, 2, bytes[2]);
    for (unsigned word = from / 64; word * 64 < set->count; word++) {
        uint64_t left = second[word] & third[word] & last[word];
        if (word == from / 64)
            left &= UINT64_MAX << (from % 64);
        for (; left != 0; left &= left - 1) {
            unsigned index = word * 64 + (unsigned)__builtin_ctzll(left);
            if (matches(set->style, &set->patterns[index], path, captures))
                return index;
        }
    }
    return set->count;
}

/* _redirects and _headers. The input: a line with a dialect's initial, "p", "n" or "c"; a line with a target; the file,
   which is read as both. A second matcher, which tries again as regular expressions do, must agree on which lines
   match. */
#include "http/header_rules.h"
#include "http/path_pattern.h"
#include "http/redirects.h"
#include "http/target.h"
#include "lib/fuzz.h"

#include <stdlib.h>
#include <string.h>

/* ---- the second matcher ---- */

enum { TOKENS = 4096, STEPS = 200000 };

enum token_kind { BYTE, NAME, STAR, REST, MAY_SLASH };

/* A pattern as the hosts' documents describe it; captures as far as it was matched. */
static struct {
    enum token_kind kind[TOKENS];
    char byte[TOKENS];
    struct span name[TOKENS];
    struct span value[TOKENS];
    size_t count, steps;
    bool ignores_case;
} pattern;

static void add(enum token_kind kind, char byte, struct span name)
{
    CHECK(pattern.count < TOKENS);
    pattern.kind[pattern.count] = kind;
    pattern.byte[pattern.count] = byte;
    pattern.name[pattern.count++] = name;
}

static bool is_word(char byte)
{
    return text_is_letter(byte) || text_is_digit(byte) || byte == '_';
}

/* Adds the text's bytes and wildcards; names only where the dialect has them. */
static void add_text(struct span text, bool cloudflare)
{
    for (size_t i = 0; i < text.length; i++) {
        size_t end = i + 1;
        char byte = text.at[i];
        while (cloudflare && byte == ':' && end < text.length && is_word(text.at[end]) &&
               (end > i + 1 || text_is_letter(text.at[end])))
            end++;
        if (end > i + 1) {
            add(NAME, 0, (struct span){text.at + i + 1, end - i - 1});
            i = end - 1;
        } else if (byte == '*') {
            add(STAR, 0, SPAN("splat"));
        } else if (byte == '%') {
            byte = (char)(text_hex_value(text.at[i + 1]) * 16 + text_hex_value(text.at[i + 2]));
            add(BYTE, byte, SPAN_NONE);
            i += 2;
        } else {
            add(BYTE, byte, SPAN_NONE);
        }
    }
}

/* Requests have no repeated slashes, so neither have patterns. */
static void merge_slashes(void)
{
    size_t kept = 0;
    for (size_t i = 0; i < pattern.count; i++) {
        bool slash = pattern.kind[i] == BYTE && pattern.byte[i] == '/';
        if (slash && kept > 0 && pattern.kind[kept - 1] == BYTE && pattern.byte[kept - 1] == '/')
            continue;
        pattern.kind[kept] = pattern.kind[i];
        pattern.byte[kept] = pattern.byte[i];
        pattern.name[kept++] = pattern.name[i];
    }
    pattern.count = kept;
}

/* Segments: Netlify's getForRegExp for globs; else whole placeholders, and the rest of the path at the end. */
static void compile_segments(struct span text, bool glob)
{
    while (text.length > 0) {
        struct span part = span_take_until(&text, '/');
        if (part.length == 0)
            continue;
        while (glob && span_ends(part, SPAN("**")) && span_equal((struct span){part.at, 1}, SPAN("*")))
            part.length--; /* Netlify's expression for a segment of "**" needs the slash before it */
        bool star = span_equal(part, SPAN("*"));
        if (star && !glob) {
            add(REST, 0, SPAN("splat"));
            continue;
        }
        if (star)
            add(MAY_SLASH, '/', SPAN_NONE);
        else
            add(BYTE, '/', SPAN_NONE);
        if (part.length > 1 && part.at[0] == ':')
            add(NAME, 0, (struct span){part.at + 1, part.length - 1});
        else
            add_text(part, false);
    }
    merge_slashes();
    if (pattern.count > 0 && pattern.kind[pattern.count - 1] == BYTE && pattern.byte[pattern.count - 1] == '/')
        pattern.count--; /* an escaped one */
    add(MAY_SLASH, '/', SPAN_NONE);
}

/* An escaped slash beside a real one, or in a name, is nothing that the hosts describe. */
static bool is_described(enum path_style style, struct span text)
{
    return style == PATH_BYTES || (!fuzz_holds(text, SPAN("%2f")) && !fuzz_holds(text, SPAN("%2F")));
}

static void compile(enum path_style style, struct span text)
{
    pattern.count = 0;
    pattern.steps = 0;
    pattern.ignores_case = style == PATH_GLOB;
    if (style != PATH_BYTES) {
        compile_segments(text, style == PATH_GLOB);
        return;
    }
    if (text.length == 0 || text.at[0] != '/')
        add(BYTE, '/', SPAN_NONE);
    add_text(text, true);
    merge_slashes();
}

static bool accepts(size_t token, char byte)
{
    char want = pattern.byte[token];
    return byte == want || (pattern.ignores_case && text_lower(byte) == text_lower(want));
}

/* Matches from a token on, wildcards with the longest text first. */
static bool match_from(size_t token, struct span path)
{
    if (++pattern.steps > STEPS)
        return false;
    if (token == pattern.count)
        return path.length == 0;
    struct span after = {path.at + 1, path.length - 1};
    switch (pattern.kind[token]) {
    case BYTE:
        return path.length > 0 && accepts(token, path.at[0]) && match_from(token + 1, after);
    case MAY_SLASH:
        return (path.length > 0 && path.at[0] == '/' && match_from(token + 1, after)) || match_from(token + 1, path);
    case REST:
        if (path.length > 0 && path.at[0] != '/')
            return false;
        pattern.value[token] = path.length > 0 ? after : path;
        if (pattern.value[token].length > 0 && span_ends(path, SPAN("/")))
            pattern.value[token].length--;
        return true;
    default: {
        size_t least = pattern.kind[token] == NAME, most = least ? span_find(path, '/') : path.length;
        for (size_t length = most + 1; length-- > least;) {
            pattern.value[token] = (struct span){path.at, length};
            if (match_from(token + 1, (struct span){path.at + length, path.length - length}))
                return true;
        }
        return false;
    }
    }
}

/* ---- lines ---- */

/* The lines that were reported, and the one from which on all are ignored. */
enum { LINES = 70000 };
static bool bad[LINES];
static unsigned ignored_from;

static void note(void *context, unsigned line, const char *message)
{
    (void)context;
    CHECK(line > 0 && line < LINES && message[0] == '\'');
    for (const char *at = message; *at != '\0'; at++)
        CHECK((unsigned char)*at >= ' ' && *at != 0x7F);
    bad[line] = true;
    const char *advice = strrchr(message, '\''); /* these have no quotes in it */
    if (strncmp(advice, "' and all after it is ignored: ", 31) == 0 && line < ignored_from)
        ignored_from = line;
}

/* Takes the next good line, trimmed; "" for others. False at the end. */
static bool take_line(struct span *text, unsigned *number, struct span *line)
{
    if (text->length == 0 || ++*number >= ignored_from)
        return false;
    *line = span_take_until(text, '\n');
    if (*number == 1 && span_begins(*line, SPAN("\xEF\xBB\xBF")))
        *line = (struct span){line->at + 3, line->length - 3};
    if (span_ends(*line, SPAN("\r")))
        line->length--;
    *line = span_trim(*line);
    if (bad[*number] || span_begins(*line, SPAN("#")))
        line->length = 0;
    return true;
}

static struct span take_word(struct span *line)
{
    *line = span_trim(*line);
    size_t space = span_find(*line, ' '), tab = span_find(*line, '\t'), end = space < tab ? space : tab;
    struct span word = {line->at, end};
    *line = (struct span){line->at + end, line->length - end};
    return word;
}

static bool is_target(struct span word)
{
    return span_begins(word, SPAN("/")) || span_begins(word, SPAN("http://")) || span_begins(word, SPAN("https://"));
}

/* ---- _redirects ---- */

static bool has_parameter(struct span query, struct span pair)
{
    struct span wanted = span_take_until(&pair, '=');
    if (query.length > 0)
        span_take_until(&query, '?');
    while (query.length > 0) {
        struct span value = span_take_until(&query, '&');
        struct span name = span_take_until(&value, '=');
        if (span_equal(name, wanted))
            return (pair.length > 1 && pair.at[0] == ':') || span_equal(value, pair);
    }
    return false;
}

/* True if the line, which is good, is a rule for the request in this pass. */
static bool is_meant(struct span line, enum rules_choice dialect, struct span path, struct span query,
                     enum redirects_pass pass)
{
    struct span from = take_word(&line), word;
    bool forced = false, paired = true, targeted = dialect != RULES_NETLIFY;
    if (dialect == RULES_CLOUDFLARE) {
        from.length = span_find(from, '?');
        from.length = span_find(from, '#');
    }
    while ((word = take_word(&line)).length > 0 && !(dialect == RULES_NETLIFY && word.at[0] == '#')) {
        targeted |= is_target(word);
        bool pair = !targeted && span_find(word, '=') < word.length;
        forced |= !pair && text_is_digit(word.at[0]) && span_ends(word, SPAN("!"));
        paired &= !pair || has_parameter(query, word);
    }
    compile(dialect == RULES_CLOUDFLARE ? PATH_BYTES : PATH_SEGMENTS, from);
    if (!paired || (pass == REDIRECTS_FORCED && dialect != RULES_CLOUDFLARE && !forced))
        return false;
    return match_from(0, path);
}

/* A Location is a URI, and its host is in the file. */
static void check_location(struct span location, struct span text)
{
    for (size_t i = 0; i < location.length; i++)
        CHECK(location.at[i] > ' ' && location.at[i] < 0x7F && strchr("\"<>\\^`{|}", location.at[i]) == NULL);
    CHECK(is_target(location));
    if (location.at[0] == '/') {
        CHECK(location.length == 1 || location.at[1] != '/');
    } else {
        struct span rest = location;
        span_take_until(&rest, '/');
        span_take_until(&rest, '/');
        size_t end = 0;
        while (end < rest.length && strchr("/?#", rest.at[end]) == NULL)
            end++;
        CHECK(end > 0 && fuzz_holds(text, (struct span){location.at, (size_t)(rest.at - location.at) + end}));
    }
}

static void check_path(struct span path)
{
    CHECK(span_find(path, '\0') == path.length);
    CHECK(path.length == 0 || path.at[path.length - 1] != '/');
    while (path.length > 0) {
        struct span name = span_take_until(&path, '/');
        CHECK(name.length > 0 && !span_equal(name, SPAN(".")) && !span_equal(name, SPAN("..")));
    }
}

static void check_target(const struct redirect *match, struct span text)
{
    static char room[65536];
    struct buffer target = BUFFER(room);
    bool slash;
    if (!redirect_write_target(match, &target, &slash))
        return;
    if (match->rewrite)
        check_path(buffer_span(&target));
    else
        check_location(buffer_span(&target), text);
}

static void check_redirects(struct span text, enum rules_choice dialect, struct span path, struct span query)
{
    memset(bad, 0, text.length < LINES - 2 ? text.length + 2 : LINES);
    ignored_from = LINES;
    struct redirects *redirects = redirects_parse(text, dialect, note, NULL);
    CHECK(redirects != NULL);
    enum path_style style = dialect == RULES_CLOUDFLARE ? PATH_BYTES : PATH_SEGMENTS;
    for (int pass = REDIRECTS_FORCED; pass <= REDIRECTS_MISSING; pass++) {
        struct redirect match;
        struct span rest = text, line;
        unsigned number = 0;
        bool found = redirects_match(redirects, path, query, (enum redirects_pass)pass, &match), meant = false;
        bool idle = pass == REDIRECTS_FORCED ? dialect == RULES_PLAIN : dialect == RULES_CLOUDFLARE;
        CHECK(!found || !idle);
        pattern.steps = 0;
        while (!idle && !meant && pattern.steps <= STEPS && take_line(&rest, &number, &line))
            meant = line.length > 0 && is_meant(line, dialect, path, query, (enum redirects_pass)pass);
        if (pattern.steps > STEPS || !is_described(style, text))
            break;
        CHECK(found == meant && (!found || match.line == number));
        if (found)
            check_target(&match, text);
    }
    redirects_free(redirects);
}

/* ---- patterns ---- */

static void check_pattern(struct span text, enum path_style style, struct span path)
{
    struct path_set set;
    struct path_capture captures[LIMIT_RULES_WILDCARDS];
    char *copy = fuzz_copy(path);
    void *memory = malloc(path_set_bytes(text, 1));
    CHECK(memory != NULL);
    path_set_init(&set, style, memory, text, 1);
    if (text.length <= LIMIT_RULES_LINE && path_set_add(&set, text) == NULL) {
        bool found = path_set_find(&set, (struct span){copy, path.length}, 0, captures) == 0;
        compile(style, text);
        bool meant = match_from(0, (struct span){copy, path.length});
        bool described = pattern.steps <= STEPS && is_described(style, text);
        CHECK(!described || found == meant);
        unsigned next = 0;
        for (size_t i = 0; described && found && meant && style != PATH_GLOB && i < pattern.count; i++) {
            if (pattern.kind[i] == BYTE || pattern.kind[i] == MAY_SLASH)
                continue;
            struct span value = pattern.value[i];
            if (style == PATH_SEGMENTS && pattern.kind[i] == STAR && value.length > 0 && span_ends(value, SPAN("/")))
                value.length--;
            CHECK(span_equal(captures[next].name, pattern.name[i]));
            CHECK(span_equal(captures[next++].value, value));
        }
    }
    free(memory);
    free(copy);
}

/* ---- _headers ---- */

/* True if a block of the file matches, and its line of a field was good. */
static bool has_block(struct span text, enum rules_choice dialect, struct span path)
{
    struct span line;
    bool matches = false, has = false;
    unsigned number = 0;
    pattern.steps = 0;
    while (!has && take_line(&text, &number, &line)) {
        bool is_path = line.length > 0 && line.at[0] == '/';
        if (bad[number])
            continue;
        if (is_path) {
            compile(dialect == RULES_NETLIFY ? PATH_GLOB : PATH_BYTES, line);
            matches = match_from(0, path);
        } else {
            has = line.length > 0 && matches;
        }
        if (pattern.steps > STEPS)
            return false;
    }
    return has;
}

static void check_fields(struct span text, enum rules_choice dialect, struct span path)
{
    static struct header_fields fields;
    memset(bad, 0, text.length < LINES - 2 ? text.length + 2 : LINES);
    ignored_from = LINES;
    struct header_rules *rules = header_rules_parse(text, dialect, note, NULL);
    CHECK(rules != NULL);
    enum path_style style = dialect == RULES_NETLIFY ? PATH_GLOB : PATH_BYTES;
    header_rules_match(rules, path, &fields);
    size_t bytes = 0;
    for (unsigned i = 0; i < fields.count; i++) {
        const struct header_field *field = &fields.fields[i];
        CHECK(field->line > 0 && field->line < ignored_from && !bad[field->line]);
        bytes += field->value.at == NULL ? 0 : field->name.length + field->value.length + 4;
        for (size_t k = 0; k < field->name.length; k++)
            CHECK(text_is_tchar((unsigned char)field->name.at[k]));
        for (size_t k = 0; k < field->value.length; k++)
            CHECK((field->value.at[k] >= ' ' && field->value.at[k] < 0x7F) || field->value.at[k] == '\t');
        for (unsigned k = 0; k < i; k++)
            CHECK(!span_equal_nocase(fields.fields[k].name, field->name) ||
                  span_equal_nocase(field->name, SPAN("Set-Cookie")));
    }
    CHECK(bytes <= LIMIT_HEADER_BYTES);
    bool meant = has_block(text, dialect, path);
    CHECK(pattern.steps > STEPS || fields.overflow || (fields.count > 0) == meant || !is_described(style, text));
    header_rules_free(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct target target;
    static char path[LIMIT_TARGET + 2];
    struct span input = {(const char *)bytes, length};
    struct span first = fuzz_take_line(&input), raw = fuzz_take_line(&input);
    if (target_parse(raw, &target) != 0)
        return 0;
    struct buffer buffer = BUFFER(path);
    buffer_byte(&buffer, '/');
    buffer_append(&buffer, target.path);
    if (target.slash && target.path.length > 0)
        buffer_byte(&buffer, '/');
    enum rules_choice dialect = span_begins(first, SPAN("n"))   ? RULES_NETLIFY
                                : span_begins(first, SPAN("c")) ? RULES_CLOUDFLARE
                                                                : RULES_PLAIN;
    struct span line = {input.at, span_find(input, '\n')};
    for (int style = PATH_SEGMENTS; style <= PATH_GLOB; style++)
        check_pattern(line, (enum path_style)style, buffer_span(&buffer));
    char *copy = fuzz_copy(input);
    check_redirects((struct span){copy, input.length}, dialect, buffer_span(&buffer), target.query);
    check_fields((struct span){copy, input.length}, dialect, buffer_span(&buffer));
    free(copy);
    return 0;
}

/* _redirects and _headers. The input: a line with a dialect's initial, "p", "n" or "c"; a line with a target; the file,
   which is read as both. A second matcher, which tries again as regular expressions do, must agree on which lines
   match. */
#include "base/buffer.h"
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
static bool replaced; /* a block of Cloudflare's by a later one of that path */

static void note(void *context, unsigned line, const char *message)
{
    (void)context;
    CHECK(line > 0 && line < LINES && message[0] == '\'');
    for (const char *at = message; *at != '\0'; at++)
        CHECK((unsigned char)*at >= ' ' && *at != 0x7F);
    bad[line] = true;
    replaced |= strstr(message, "' is replaced by ") != NULL;
    const char *advice = strrchr(message, '\''); /* these have no quotes in it */
    if (strncmp(advice, "' and all after it is ignored: ", 31) == 0 && line < ignored_from)
        ignored_from = line;
}

/* Takes the next line, trimmed; "" for a comment. False at the end. */
static bool take_raw_line(struct span *text, unsigned *number, struct span *line)
{
    if (text->length == 0 || ++*number >= ignored_from)
        return false;
    *line = span_take_until(text, '\n');
    if (*number == 1 && span_begins(*line, SPAN("\xEF\xBB\xBF")))
        *line = (struct span){line->at + 3, line->length - 3};
    if (span_ends(*line, SPAN("\r")))
        line->length--;
    *line = span_trim(*line);
    if (span_begins(*line, SPAN("#")))
        line->length = 0;
    return true;
}

/* As above; "" for a bad one, too. */
static bool take_line(struct span *text, unsigned *number, struct span *line)
{
    bool taken = take_raw_line(text, number, line);
    if (taken && bad[*number])
        line->length = 0;
    return taken;
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

/* The rest of a line without comment, divided: a source, Netlify's pairs, a target and a status. */
struct meant_rule {
    struct span from, pairs[64], to, status;
    unsigned pair_count, words;
};

static void divide(struct span line, enum rules_choice dialect, struct meant_rule *rule)
{
    struct span word;
    *rule = (struct meant_rule){.from = take_word(&line), .words = 1};
    while ((word = take_word(&line)).length > 0) {
        if (word.at[0] == '#' && dialect != RULES_PLAIN && (dialect == RULES_NETLIFY || rule->words > 1))
            break;
        rule->words++;
        bool is_to = dialect != RULES_NETLIFY || is_target(word);
        bool is_pair = !is_to && span_find(word, '=') < word.length;
        if (rule->to.at != NULL || (!is_to && !is_pair))
            rule->status = word;
        else if (is_to)
            rule->to = word;
        else if (rule->pair_count < 64)
            rule->pairs[rule->pair_count++] = word;
    }
}

/* The statuses that a host takes, and the one of a rule without any. */
static int meant_status(struct span word, enum rules_choice dialect)
{
    static const int both[] = {200, 301, 302, 303, 307, 308}, others[] = {404, 410, 451};
    int64_t status;
    if (word.length == 0)
        return dialect == RULES_CLOUDFLARE ? 302 : 301;
    if (dialect == RULES_NETLIFY && span_ends(word, SPAN("!")))
        word.length--;
    status = fuzz_number(word, 0);
    for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
        if (status == both[i])
            return both[i];
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (status == others[i] && dialect != RULES_CLOUDFLARE)
            return others[i];
    }
    return 0;
}

/* "/" and letters, digits or single slashes */
static bool is_simple(struct span word)
{
    bool simple = span_begins(word, SPAN("/"));
    for (size_t i = 1; i < word.length; i++)
        simple &= is_word(word.at[i]) || (word.at[i] == '/' && word.at[i - 1] != '/');
    return simple;
}

static bool is_printable(struct span line)
{
    for (size_t i = 0; i < line.length; i++) {
        if ((line.at[i] < ' ' && line.at[i] != '\t') || line.at[i] > '~')
            return false;
    }
    return true;
}

/* A line of FROM, TO and STATUS, without wildcards, is a rule if the host knows the status. Some of Cloudflare's are
   loops or doubled; a comment behind may have bytes that no line may have. */
static void check_grammar(struct span line, unsigned number, enum rules_choice dialect)
{
    static struct meant_rule rule;
    divide(line, dialect, &rule);
    if (!is_simple(rule.from) || !is_simple(rule.to) || rule.pair_count > 0)
        return;
    bool in_order = rule.status.at == NULL || rule.status.at > rule.to.at;
    bool good = in_order && rule.words <= 3 && meant_status(rule.status, dialect) != 0;
    bool may_be_bad = dialect == RULES_CLOUDFLARE || line.length > LIMIT_RULES_LINE || !is_printable(line);
    CHECK(good ? may_be_bad || !bad[number] : bad[number]);
}

/* Where a simple target leads: with the request's query if it is a Location. */
static void check_destination(const struct redirect *match, struct span line, enum rules_choice dialect)
{
    static char found_room[1 << 16], room[1 << 16];
    static struct meant_rule rule;
    struct buffer found = BUFFER(found_room), location = BUFFER(room);
    bool slash = false;
    divide(line, dialect, &rule);
    int status = meant_status(rule.status, dialect);
    CHECK(match->status == status && match->rewrite == (status == 200 || status >= 400));
    if (!is_simple(rule.to) || !redirect_write_target(match, &found, &slash))
        return;
    buffer_append(&location, rule.to);
    if (match->rewrite && slash && found.length > 0)
        buffer_byte(&found, '/');
    for (size_t i = 0; !match->rewrite && match->query.length > 1 && i < match->query.length; i++) {
        char byte = match->query.at[i];
        if (byte != '?' && byte != '=' && byte != '&' && !is_word(byte))
            return;
        buffer_byte(&location, byte);
    }
    CHECK(span_equal(buffer_span(&found), span_from(buffer_span(&location), match->rewrite)));
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
    struct span lines = text, each;
    for (unsigned at = 0; take_raw_line(&lines, &at, &each);)
        check_grammar(each, at, dialect);
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
        if (found) {
            check_target(&match, text);
            check_destination(&match, line, dialect);
        }
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

/* The fields that the blocks which match give, by the hosts' documents. A value of NULL removes the host's own. */
struct meant_field {
    struct span name;
    struct span value;
    unsigned block;
};
static struct {
    unsigned count, block;
    bool full; /* too many or too large */
    struct meant_field fields[LIMIT_RULES_FIELDS];
    struct buffer values;
    char room[1 << 16];
} meant;

static void drop(struct span name, unsigned before_block)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < meant.count; i++) {
        if (!span_equal_nocase(meant.fields[i].name, name) || meant.fields[i].block >= before_block)
            meant.fields[kept++] = meant.fields[i];
    }
    meant.count = kept;
}

static void append(struct span name, struct span value)
{
    meant.full |= meant.count == LIMIT_RULES_FIELDS;
    if (!meant.full)
        meant.fields[meant.count++] = (struct meant_field){name, value, meant.block};
}

/* Appends the value with what the pattern's names matched, encoded as in the request. */
static void write_value(struct span value, bool has_names)
{
    for (size_t i = 0, length; i < value.length; i += length) {
        size_t token = pattern.count;
        for (length = 1; value.at[i] == ':' && i + length < value.length && is_word(value.at[i + length]); length++)
            continue;
        struct span name = {value.at + i + 1, length - 1};
        for (token = 0; token < pattern.count; token++) {
            bool named = pattern.kind[token] == NAME || pattern.kind[token] == STAR;
            if (has_names && length > 1 && named && span_equal(pattern.name[token], name))
                break;
        }
        if (token < pattern.count)
            buffer_uri_path(&meant.values, pattern.value[token]);
        else
            buffer_append(&meant.values, (struct span){value.at + i, length});
    }
}

/* One value for each name, with all that a block gives, after those of earlier blocks or at Netlify in place of them.
   RFC 6265 3: a line for each cookie. */
static void set(struct span name, struct span value, enum rules_choice dialect)
{
    struct buffer *values = &meant.values;
    if (dialect == RULES_NETLIFY)
        drop(name, meant.block);
    size_t start = values->length;
    for (unsigned i = 0; i < meant.count; i++) {
        struct meant_field *field = &meant.fields[i];
        if (!span_equal_nocase(field->name, name) ||
            (field->value.at != NULL && span_equal_nocase(name, SPAN("Set-Cookie"))))
            continue;
        if (field->value.at != NULL) {
            buffer_append(values, field->value);
            buffer_append(values, SPAN(", "));
        }
        write_value(value, dialect != RULES_NETLIFY);
        field->value = span_from(buffer_span(values), start);
        return;
    }
    write_value(value, dialect != RULES_NETLIFY);
    append(name, span_from(buffer_span(values), start));
}

/* A slash; or "://" before a blank, as Cloudflare tells paths; at Netlify with the first colon. */
static bool begins_block(struct span line, enum rules_choice dialect)
{
    struct span word = take_word(&line), scheme = word;
    span_take_until(&scheme, ':');
    return span_begins(word, SPAN("/")) ||
           (dialect == RULES_NETLIFY ? word.at[0] != ':' && span_begins(scheme, SPAN("//"))
                                     : fuzz_holds(span_from(word, word.length > 0), SPAN("://")));
}

/* The lines of a block that matches: Cloudflare removes fields first, then sets others. */
static void apply_lines(struct span text, unsigned number, enum rules_choice dialect, bool removes)
{
    struct span line;
    while (take_raw_line(&text, &number, &line) && !(line.length > 0 && begins_block(line, dialect))) {
        if (line.length == 0 || bad[number])
            continue;
        if (span_find(line, ':') == line.length && removes) {
            struct span name = span_trim(span_from(line, 1));
            drop(name, (unsigned)-1);
            append(name, SPAN_NONE);
        } else if (span_find(line, ':') < line.length && !removes) {
            struct span name = span_trim(span_take_until(&line, ':'));
            set(name, span_trim(line), dialect);
        }
    }
}

/* False if the second matcher gave up. */
static bool read_meant_fields(struct span text, enum rules_choice dialect, struct span path)
{
    struct span line;
    unsigned number = 0;
    pattern.steps = 0;
    meant.count = meant.block = 0;
    meant.full = false;
    meant.values = (struct buffer){meant.room, 0, sizeof meant.room, false};
    while (take_raw_line(&text, &number, &line)) {
        if (line.length == 0 || !begins_block(line, dialect) || bad[number])
            continue;
        if (dialect == RULES_CLOUDFLARE) {
            line.length = span_find(line, '?');
            line.length = span_find(line, '#');
        }
        compile(dialect == RULES_NETLIFY ? PATH_GLOB : PATH_BYTES, line);
        meant.block = number;
        if (match_from(0, path)) {
            apply_lines(text, number, dialect, true);
            apply_lines(text, number, dialect, false);
        }
        if (pattern.steps > STEPS)
            return false;
    }
    return !meant.full && !meant.values.overflow;
}

/* The same fields, in any order. */
static void compare_fields(const struct header_fields *fields)
{
    CHECK(fields->count == meant.count);
    for (unsigned i = 0; i < meant.count; i++) {
        bool found = false;
        for (unsigned k = 0; k < fields->count && !found; k++)
            found = span_equal_nocase(fields->fields[k].name, meant.fields[i].name) &&
                    (fields->fields[k].value.at == NULL) == (meant.fields[i].value.at == NULL) &&
                    span_equal(fields->fields[k].value, meant.fields[i].value);
        CHECK(found);
    }
}

static void check_fields(struct span text, enum rules_choice dialect, struct span path)
{
    static struct header_fields fields;
    memset(bad, 0, text.length < LINES - 2 ? text.length + 2 : LINES);
    ignored_from = LINES;
    replaced = false;
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
    if (!fields.overflow && !replaced && is_described(style, text) && read_meant_fields(text, dialect, path))
        compare_fields(&fields);
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

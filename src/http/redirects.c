#include "http/redirects.h"

#include "http/target.h"

#include <stdlib.h>
#include <string.h>

/* A target, in parts that are all as written. */
struct destination {
    struct span origin; /* "https://host:port", or empty: a path here */
    struct span path;
    struct span query;    /* with its "?", or empty */
    struct span fragment; /* with its "#", or empty */
    bool splat;           /* ":splat" follows the path, as the rule has no target of its own */
};

struct redirects_rule {
    struct span from;
    struct destination to;
    struct span pairs; /* Netlify's "name=value" */
    int status;
    unsigned line;
    bool forced;
};

struct redirects {
    enum rules_choice dialect;
    bool any_forced;
    struct path_set set;
    struct redirects_rule rules[]; /* one for each pattern, then the set's memory */
};

/* ---- parsing ---- */

enum { WORDS_MAX = LIMIT_RULES_WILDCARDS + 8 };

/* The words of a line; more than these are not counted. */
struct words {
    unsigned count;
    struct span at[WORDS_MAX];
};

/* What reads a line. */
struct parser {
    struct rules_reader reader;
    struct redirects *redirects;
    struct words words;
    unsigned dynamic; /* Cloudflare: rules from the first one with a wildcard on */
    bool static_full;
};

static bool refuse(const struct parser *parser, struct span value, const char *advice)
{
    return rules_refuse(&parser->reader, value, advice);
}

static struct span take_word(struct span *line)
{
    size_t length = 0;
    *line = span_trim(*line);
    if (line->length == 0)
        return SPAN_NONE;
    while (length < line->length && !text_is_blank(line->at[length]))
        length++;
    struct span word = {line->at, length};
    *line = span_from(*line, length);
    return word;
}

/* A comment after a rule begins with a word at Netlify, and at Cloudflare with the third or a later one. */
static struct words split(struct span line, enum rules_choice dialect)
{
    struct words words = {0};
    unsigned first = dialect == RULES_NETLIFY ? 0 : dialect == RULES_CLOUDFLARE ? 2 : WORDS_MAX;
    for (struct span word; words.count < WORDS_MAX && (word = take_word(&line)).length > 0; words.count++) {
        if (words.count >= first && word.at[0] == '#')
            break;
        words.at[words.count] = word;
    }
    return words;
}

static bool is_url(struct span word)
{
    return span_begins(word, SPAN("http://")) || span_begins(word, SPAN("https://"));
}

/* Reads digits, and at Netlify a "!" after them. Returns 0 for anything else. */
static int read_status(struct span word, enum rules_choice dialect, bool *forced)
{
    uint64_t number;
    *forced = dialect == RULES_NETLIFY && span_ends(word, SPAN("!"));
    word.length -= *forced;
    return span_to_number(word, &number) && number >= 100 && number <= 999 ? (int)number : 0;
}

static bool is_rewrite(int status)
{
    return status == 200 || status == 404 || status == 410 || status == 451;
}

static bool is_known_status(int status, enum rules_choice dialect)
{
    if (status == 404 || status == 410 || status == 451)
        return dialect != RULES_CLOUDFLARE;
    return status == 200 || status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool check_from(const struct parser *parser, struct span *from)
{
    enum rules_choice dialect = parser->redirects->dialect;
    bool forced;
    if (read_status(*from, RULES_PLAIN, &forced) != 0)
        return refuse(parser, *from, "comes first, as in surge's ROUTER; write 'FROM TO STATUS'");
    if (is_url(*from))
        return refuse(parser, *from, "is a rule for a host, which is not supported; give the path only");
    size_t path = 0;
    while (path < from->length && from->at[path] != '?' && from->at[path] != '#')
        path++;
    if (dialect == RULES_CLOUDFLARE) /* its parser drops them */
        from->length = path;
    else if (!span_begins(*from, SPAN("/")))
        return refuse(parser, *from, "does not begin with '/'; give a path");
    else if (path < from->length)
        return refuse(parser, *from, "has a query or fragment, but rules match the path; remove it");
    if (dialect == RULES_NETLIFY && span_begins(*from, SPAN("/.netlify")))
        return refuse(parser, *from, "is reserved by Netlify; use another path");
    return true;
}

static struct span take_until_any(struct span *text, char first, char second)
{
    size_t length = 0;
    while (length < text->length && text->at[length] != first && text->at[length] != second)
        length++;
    struct span part = {text->at, length};
    *text = span_from(*text, length);
    return part;
}

/* A host from a placeholder would let a link to this site lead anywhere. */
static bool check_origin(const struct parser *parser, struct span origin)
{
    struct span host = origin;
    span_take_until(&host, '/');
    span_take_until(&host, '/');
    size_t colon = span_find(host, ':');
    if (colon + 1 < host.length && text_is_letter(host.at[colon + 1]))
        return refuse(parser, origin, "has a placeholder in its host; write the host out");
    if (host.length == 0 || colon == 0 || !target_host_is_valid(host))
        return refuse(parser, origin, "has no valid host; write 'https://HOST/PATH'");
    if (parser->redirects->dialect == RULES_CLOUDFLARE && !span_begins(origin, SPAN("https:")))
        return refuse(parser, origin, "is refused by Cloudflare; use 'https://'");
    return true;
}

static bool read_destination(const struct parser *parser, struct span word, struct destination *to)
{
    *to = (struct destination){.origin = SPAN_NONE};
    if (is_url(word)) {
        size_t scheme = span_find(word, '/') + 2;
        struct span rest = span_from(word, scheme);
        while (rest.length > 0 && strchr("/?#", rest.at[0]) == NULL)
            rest = span_from(rest, 1);
        to->origin = (struct span){word.at, word.length - rest.length};
        word = rest;
        if (!check_origin(parser, to->origin))
            return false;
    } else if (word.at[0] != '/') {
        return refuse(parser, word, "is no target; give a path that begins with '/', or a URL");
    }
    to->path = take_until_any(&word, '?', '#');
    to->query = take_until_any(&word, '#', '#');
    to->fragment = word;
    return true;
}

/* Cloudflare refuses what its own redirects to and from "index.html" would make a loop. */
static bool check_loop(const struct parser *parser, struct span from, const struct destination *to)
{
    bool to_index = span_ends(to->path, SPAN("/index.html")) || span_ends(to->path, SPAN("/index"));
    if (parser->redirects->dialect != RULES_CLOUDFLARE || to->origin.length > 0 || !to_index)
        return true;
    struct span rule = {from.at, (size_t)(to->path.at + to->path.length - from.at)};
    if (span_ends(from, SPAN("/*")))
        return refuse(parser, rule,
                      "is refused by Cloudflare as a loop; remove it: without a 404.html, Pages serves "
                      "/index.html for unknown paths, as '--spa' does");
    if (span_ends(from, SPAN("/")))
        return refuse(parser, rule, "is refused by Cloudflare as a loop; remove it");
    return true;
}

/* Cloudflare ignores a rule for the path of another one. A pattern matches its own text. */
static bool check_duplicate(const struct parser *parser, struct span from)
{
    struct path_capture captures[LIMIT_RULES_WILDCARDS];
    const struct redirects *redirects = parser->redirects;
    const struct path_set *set = &redirects->set;
    if (redirects->dialect != RULES_CLOUDFLARE || from.length == 0)
        return true;
    unsigned at = 0;
    while ((at = path_set_find(set, from, at, captures)) < set->count) {
        if (span_equal(redirects->rules[at++].from, from))
            return refuse(parser, from, "has a rule above; remove one of them");
    }
    return true;
}

/* Finds the target among the words; those before it are Netlify's query parameters. 0: there is none. */
static unsigned find_target(const struct parser *parser)
{
    const struct words *words = &parser->words;
    if (parser->redirects->dialect != RULES_NETLIFY)
        return words->count > 1;
    unsigned at = 1;
    while (at < words->count && words->at[at].at[0] != '/' && !is_url(words->at[at]))
        at++;
    return at < words->count ? at : 0;
}

static bool read_pairs(const struct parser *parser, unsigned target, struct redirects_rule *rule)
{
    const struct words *words = &parser->words;
    for (unsigned i = 1; i < target; i++) {
        if (span_find(words->at[i], '=') == words->at[i].length)
            return refuse(parser, words->at[i], "is no target; give a path that begins with '/', or a URL");
    }
    if (target > LIMIT_RULES_WILDCARDS)
        return refuse(parser, words->at[1], "begins more than 15 query parameters; leave some out");
    struct span last = words->at[target - 1];
    if (target > 1)
        rule->pairs = (struct span){words->at[1].at, (size_t)(last.at + last.length - words->at[1].at)};
    return true;
}

/* Reads the status, the last word. */
static bool read_end(const struct parser *parser, unsigned at, struct redirects_rule *rule)
{
    const struct words *words = &parser->words;
    enum rules_choice dialect = parser->redirects->dialect;
    rule->status = dialect == RULES_CLOUDFLARE ? 302 : 301;
    rule->forced = dialect == RULES_CLOUDFLARE;
    if (at < words->count) {
        struct span word = words->at[at];
        bool forced;
        rule->status = read_status(word, dialect, &forced);
        rule->forced |= forced;
        if (rule->status == 0 && dialect == RULES_NETLIFY && span_find(word, '=') < word.length)
            return refuse(parser, word, "is a condition, which is not supported; remove it or the rule");
        if (dialect == RULES_PLAIN && word.at[0] == '#')
            return refuse(parser, word, "is no status; write the comment on a line of its own");
        if (!is_known_status(rule->status, dialect))
            return refuse(parser, word,
                          dialect == RULES_CLOUDFLARE
                              ? "is no status; use 200, 301, 302, 303, 307 or 308"
                              : "is no status; use 200, 301, 302, 303, 307, 308, 404, 410 or 451");
    }
    if (at + 1 < words->count)
        return refuse(parser, words->at[at + 1],
                      dialect == RULES_NETLIFY ? "is a condition, which is not supported; remove it or the rule"
                                               : "is one word too many; write 'FROM TO [STATUS]'");
    return true;
}

static bool read_rule(const struct parser *parser, struct redirects_rule *rule)
{
    const struct words *words = &parser->words;
    bool forced;
    *rule = (struct redirects_rule){.from = words->at[0], .line = parser->reader.line};
    if (!check_from(parser, &rule->from))
        return false;
    unsigned target = find_target(parser);
    int forward = words->count > 1 ? read_status(words->at[1], RULES_NETLIFY, &forced) : 0;
    if (target == 0 && parser->redirects->dialect == RULES_NETLIFY && forward >= 200 && forward < 300 &&
        span_ends(rule->from, SPAN("/*"))) {
        rule->to = (struct destination){.path = {rule->from.at, rule->from.length - 1}, .splat = true};
        return read_end(parser, 1, rule);
    }
    if (target == 0)
        return refuse(parser, rule->from, "has no target; write 'FROM TO [STATUS]'");
    if (!read_pairs(parser, target, rule) || !read_destination(parser, words->at[target], &rule->to) ||
        !read_end(parser, target + 1, rule))
        return false;
    if (is_rewrite(rule->status) && rule->to.origin.length > 0)
        return refuse(parser, rule->to.origin, "can't be fetched for a client; use 301 or 302, or run a reverse proxy");
    return check_loop(parser, rule->from, &rule->to) && check_duplicate(parser, rule->from);
}

static unsigned count_pairs(struct span pairs)
{
    unsigned count = 0;
    while (take_word(&pairs).length > 0)
        count++;
    return count;
}

/* Why the newest rule, whose pattern is in the set, is beyond a limit; NULL if it is not. */
static const char *check_limits(struct parser *parser)
{
    const struct path_set *set = &parser->redirects->set;
    if (parser->redirects->dialect != RULES_CLOUDFLARE)
        return set->count > LIMIT_RULES ? "and all after it is ignored: there are more than 1000 rules" : NULL;
    if (parser->dynamic > 0 || set->patterns[set->count - 1].wildcards > 0)
        return ++parser->dynamic > LIMIT_RULES_DYNAMIC ? "and all after it is ignored: Cloudflare takes 100 "
                                                         "rules from the first with a wildcard on"
                                                       : NULL;
    return set->count > LIMIT_RULES_STATIC
               ? "and others are ignored: Cloudflare takes 2000 rules above the first with a wildcard"
               : NULL;
}

/* False at a limit, after which no rule can follow. */
static bool add_rule(struct parser *parser, const struct redirects_rule *rule)
{
    struct redirects *redirects = parser->redirects;
    struct path_set *set = &redirects->set;
    const char *wrong = path_set_add(set, rule->from);
    if (wrong != NULL) {
        refuse(parser, rule->from, wrong);
        return true;
    }
    if (set->patterns[set->count - 1].wildcards + count_pairs(rule->pairs) > LIMIT_RULES_WILDCARDS) {
        path_set_drop(set);
        refuse(parser, rule->from, "has more than 16 wildcards and query parameters; leave some out");
        return true;
    }
    wrong = check_limits(parser);
    if (wrong != NULL) {
        path_set_drop(set);
        bool full = redirects->dialect != RULES_CLOUDFLARE || parser->dynamic > 0;
        if (full || !parser->static_full)
            refuse(parser, rule->from, wrong);
        parser->static_full = true;
        return !full;
    }
    redirects->rules[set->count - 1] = *rule;
    redirects->any_forced |= rule->forced;
    return true;
}

/* One more rule than a file may have is parsed, and reported. */
static unsigned max_rules(enum rules_choice dialect)
{
    return (dialect == RULES_CLOUDFLARE ? LIMIT_RULES_STATIC + LIMIT_RULES_DYNAMIC : LIMIT_RULES) + 1;
}

struct redirects *redirects_parse(struct span text, enum rules_choice dialect, rules_report *report, void *context)
{
    text = rules_clip(text, dialect);
    unsigned max = rules_count_lines(text, max_rules(dialect));
    size_t before = sizeof(struct redirects) + max * sizeof(struct redirects_rule);
    size_t set_bytes = path_set_bytes(text, max);
    struct redirects *redirects = malloc(before + set_bytes + text.length);
    if (redirects == NULL)
        return NULL;
    char *copy = (char *)redirects + before + set_bytes;
    if (text.length > 0)
        memcpy(copy, text.at, text.length);
    text.at = copy;
    *redirects = (struct redirects){.dialect = dialect};
    enum path_style style = dialect == RULES_CLOUDFLARE ? PATH_BYTES : PATH_SEGMENTS;
    path_set_init(&redirects->set, style, (char *)redirects + before, text, max);
    redirects->set.refuses_prefixes = dialect == RULES_CLOUDFLARE;
    struct parser parser = {.reader = {text, 0, dialect, 0, false, report, context}, .redirects = redirects};
    struct redirects_rule rule;
    for (struct span line; rules_next(&parser.reader, &line);) {
        if (parser.reader.bad)
            continue;
        parser.words = split(line, dialect);
        if (read_rule(&parser, &rule) && !add_rule(&parser, &rule))
            break;
    }
    return redirects;
}

void redirects_free(struct redirects *redirects)
{
    free(redirects);
}

/* ---- matching ---- */

/* Finds a parameter of the query. */
static bool find_parameter(struct span query, struct span name, struct span *value)
{
    if (query.length > 0)
        query = span_from(query, 1);
    while (query.length > 0) {
        *value = span_take_until(&query, '&');
        if (span_equal(span_take_until(value, '='), name))
            return true;
    }
    return false;
}

/* True if the query has all parameters of the rule. Those with a placeholder are captured. */
static bool match_pairs(struct span pairs, struct span query, struct redirect *match)
{
    for (struct span value, found; (value = take_word(&pairs)).length > 0;) {
        struct span name = span_take_until(&value, '=');
        if (!find_parameter(query, name, &found))
            return false;
        bool placeholder = value.length > 1 && value.at[0] == ':';
        if (!placeholder && !span_equal(value, found))
            return false;
        if (placeholder)
            match->captures[match->capture_count++] =
                (struct path_capture){{value.at + 1, value.length - 1}, found, true};
    }
    return true;
}

bool redirects_match(const struct redirects *redirects, struct span path, struct span query, enum redirects_pass pass,
                     struct redirect *match)
{
    if (pass == REDIRECTS_FORCED ? !redirects->any_forced : redirects->dialect == RULES_CLOUDFLARE)
        return false;
    const struct path_set *set = &redirects->set;
    for (unsigned at = 0; (at = path_set_find(set, path, at, match->captures)) < set->count; at++) {
        const struct redirects_rule *rule = &redirects->rules[at];
        match->capture_count = set->patterns[at].wildcards;
        if ((pass == REDIRECTS_FORCED && !rule->forced) || !match_pairs(rule->pairs, query, match))
            continue;
        match->status = rule->status;
        match->line = rule->line;
        match->rewrite = is_rewrite(rule->status);
        match->rule = rule;
        match->query = query;
        return true;
    }
    return false;
}

/* ---- targets ---- */

/* The capture that a template's text names after its ":"; the longest, if several do. NULL: none, so the text stays. */
static const struct path_capture *find_capture(const struct redirect *match, struct span text)
{
    const struct path_capture *found = NULL;
    for (unsigned i = 0; i < match->capture_count; i++) {
        const struct path_capture *capture = &match->captures[i];
        size_t length = capture->name.length;
        bool ends = length == text.length || (length < text.length && !path_is_word(text.at[length]));
        if (ends && span_begins(text, capture->name) && (found == NULL || length > found->name.length))
            found = capture;
    }
    return found;
}

/* Where a target goes, byte by byte. */
struct writer {
    const struct redirect *match;
    struct buffer *out;
    size_t start;   /* of the target in it */
    bool decoded;   /* a path for the store, not a Location */
    bool one_slash; /* repeated slashes become one */
    bool failed;
};

static void write_byte(struct writer *writer, char byte)
{
    const struct buffer *out = writer->out;
    if (byte == '/' && writer->one_slash && out->length > writer->start && out->at[out->length - 1] == '/')
        return;
    writer->failed |= byte == '\0';
    buffer_byte(writer->out, byte);
}

static void write_escaped(struct writer *writer, char byte)
{
    if (writer->decoded || byte == '/')
        write_byte(writer, byte);
    else
        buffer_uri_path(writer->out, (struct span){&byte, 1});
}

/* The byte at `*at`, or the escape there, decoded; moves past it. */
static char take_byte(struct span text, size_t *at)
{
    int escaped = text_escape(span_from(text, *at));
    char byte = escaped < 0 ? text.at[*at] : (char)escaped;
    *at += escaped < 0 ? 1 : 3;
    return byte;
}

static void write_capture(struct writer *writer, const struct path_capture *capture)
{
    for (size_t at = 0; at < capture->value.length && !writer->out->overflow;) {
        char byte = capture->value.at[at];
        bool plus = capture->encoded && byte == '+'; /* a space, as in forms */
        if (capture->encoded && !plus)
            byte = take_byte(capture->value, &at);
        else
            at++;
        write_escaped(writer, plus ? ' ' : byte);
    }
}

/* Bytes that no URI has (RFC 3986 2), and "%" without an escape. */
static bool is_illegal(struct span text, size_t at)
{
    unsigned char byte = (unsigned char)text.at[at];
    if (byte == '%')
        return text_escape(span_from(text, at)) < 0;
    return byte <= ' ' || byte >= 0x7F || strchr("\"<>\\^`{|}", byte) != NULL;
}

/* Writes the byte at `*at`, or the escape there, and moves past it. */
static void write_literal(struct writer *writer, struct span text, size_t *at)
{
    if (writer->decoded) {
        write_byte(writer, take_byte(text, at));
    } else {
        if (is_illegal(text, *at))
            write_escaped(writer, text.at[*at]);
        else
            write_byte(writer, text.at[*at]);
        ++*at;
    }
}

static void write_template(struct writer *writer, struct span text)
{
    for (size_t at = 0; at < text.length && !writer->out->overflow;) {
        const struct path_capture *capture = NULL;
        if (text.at[at] == ':')
            capture = find_capture(writer->match, span_from(text, at + 1));
        if (capture != NULL) {
            write_capture(writer, capture);
            at += 1 + capture->name.length;
        } else {
            write_literal(writer, text, &at);
        }
    }
}

/* As sent, but for bytes that no URI has. */
static void write_query(struct writer *writer, struct span query)
{
    for (size_t at = 0; at < query.length;) {
        if (query.at[at] == '%')
            buffer_byte(writer->out, query.at[at++]);
        else
            write_literal(writer, query, &at);
    }
}

/* The dots of a dot segment, else 0. Browsers take "%2e" for a dot in a Location. */
static unsigned count_dots(struct span segment, bool decoded)
{
    unsigned dots = 0;
    while (segment.length > 0) {
        bool escaped = !decoded && text_escape(segment) == '.';
        if (segment.at[0] != '.' && !escaped)
            return 0;
        segment = span_from(segment, escaped ? 3 : 1);
        dots++;
    }
    return dots > 2 ? 0 : dots;
}

/* Removes dot segments from the path behind `start`, in place (RFC 3986 5.2.4). It begins with a slash, or is empty. */
static void remove_dot_segments(struct buffer *out, size_t start, bool decoded)
{
    struct span rest = {out->at + start, out->length - start};
    out->length = start;
    while (rest.length > 0) {
        struct span segment = span_from(rest, 1);
        segment.length = span_find(segment, '/');
        rest = span_from(rest, 1 + segment.length);
        unsigned dots = count_dots(segment, decoded);
        while (dots == 2 && out->length > start && out->at[--out->length] != '/')
            ;
        if (dots == 0 || rest.length == 0)
            out->at[out->length++] = '/';
        if (dots == 0) {
            memmove(out->at + out->length, segment.at, segment.length);
            out->length += segment.length;
        }
    }
}

/* Takes the slashes at the ends away. Returns true if there was one at the end. */
static bool trim_slashes(struct buffer *path, size_t start)
{
    bool slash = path->length > start && path->at[path->length - 1] == '/';
    path->length -= slash;
    if (path->length > start)
        memmove(path->at + start, path->at + start + 1, --path->length - start);
    return slash;
}

bool redirect_write_target(const struct redirect *match, struct buffer *target, bool *slash)
{
    const struct destination *to = &match->rule->to;
    struct writer writer = {.match = match, .out = target, .decoded = match->rewrite};
    buffer_append(target, to->origin);
    writer.start = target->length;
    writer.one_slash = to->origin.length == 0;
    write_template(&writer, to->path);
    if (to->splat)
        write_template(&writer, SPAN(":splat"));
    if (!target->overflow)
        remove_dot_segments(target, writer.start, writer.decoded);
    *slash = false;
    writer.one_slash = false;
    if (match->rewrite) {
        *slash = trim_slashes(target, writer.start);
        if (writer.failed)
            target->length = writer.start;
        return !target->overflow && !writer.failed;
    }
    if (to->query.length > 1)
        write_template(&writer, to->query);
    else if (match->query.length > 1)
        write_query(&writer, match->query);
    write_template(&writer, to->fragment);
    return !target->overflow;
}

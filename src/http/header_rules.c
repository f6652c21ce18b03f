#include "http/header_rules.h"

#include "base/reserved_fields.h"
#include "http/path_pattern.h"

#include <stdlib.h>
#include <string.h>

/* A line of a block. */
struct header_line {
    struct span name;
    struct span value; /* `at` is NULL: removes the field */
    unsigned line;
};

struct header_block {
    const struct header_line *lines;
    unsigned count;
    struct span path;
    unsigned line;  /* of its path */
    bool templates; /* a value has a placeholder */
};

struct header_rules {
    enum rules_choice dialect;
    struct path_set set;
    struct header_block *blocks; /* one for each pattern */
};

/* ---- parsing ---- */

struct parser {
    struct rules_reader reader;
    struct header_rules *rules;
    struct header_line *next;   /* the next free one */
    struct header_block *block; /* NULL: none, or its path was bad */
    bool skips;                 /* its path was bad, and reported */
};

static bool refuse(const struct parser *parser, struct span value, const char *advice)
{
    return rules_refuse(&parser->reader, value, advice);
}

/* True for a line that names a path, not a field: it begins with a slash, or has a scheme before "://". Cloudflare
   takes any "://" before the first blank, Netlify only the one at the first colon. */
static bool is_path(struct span line, enum rules_choice dialect)
{
    struct span word = line;
    word.length = 0;
    while (word.length < line.length && !text_is_blank(line.at[word.length]))
        word.length++;
    struct span behind = span_from(word, word.length > 0);
    const char *scheme_end = memmem(behind.at, behind.length, "://", 3);
    bool has_scheme = scheme_end != NULL && (dialect != RULES_NETLIFY || scheme_end == line.at + span_find(line, ':'));
    return line.at[0] == '/' || has_scheme;
}

/* Cloudflare keeps the blocks in an object by path, as the URL standard writes it: a later block replaces an earlier
   one, in its place. The emptied block counts as a path there, too. */
static void replace_earlier(const struct parser *parser)
{
    char room[64];
    struct buffer advice = BUFFER(room);
    struct rules_reader at = parser->reader;
    struct header_block *blocks = parser->rules->blocks, *earlier = blocks, *block = parser->block;
    const struct path_pattern *patterns = parser->rules->set.patterns;
    while (!path_pattern_equal(&patterns[earlier - blocks], &patterns[block - blocks]))
        earlier++;
    if (earlier == block)
        return;
    at.line = earlier->line;
    buffer_string(&advice, "is replaced by the block of line ");
    buffer_number(&advice, block->line);
    buffer_string(&advice, "; join them");
    buffer_byte(&advice, '\0');
    rules_refuse(&at, earlier->path, buffer_filled(&advice).at);
    *earlier = *block;
    block->count = 0;
}

static void end_block(const struct parser *parser)
{
    struct rules_reader at = parser->reader;
    if (parser->block == NULL)
        return;
    at.line = parser->block->line;
    if (parser->block->count == 0) {
        rules_refuse(&at, parser->block->path, "has no field below it; add 'NAME: VALUE', or remove the path");
        path_set_drop(&parser->rules->set);
    } else if (parser->rules->dialect == RULES_CLOUDFLARE) {
        replace_earlier(parser);
    }
}

/* False at the limit, after which no block can follow. */
static bool begin_block(struct parser *parser, struct span path)
{
    struct header_rules *rules = parser->rules;
    bool netlify = rules->dialect == RULES_NETLIFY;
    end_block(parser);
    parser->block = NULL;
    parser->skips = true;
    if (parser->reader.bad) /* reported; the path still ends the block before it, and its own fields are ignored */
        return true;
    if (path.at[0] != '/') {
        bool scheme = span_begins(span_from(path, span_find(path, ':')), SPAN("://"));
        refuse(parser, path,
               scheme ? "is for a host, which is not supported; give the path only"
                      : "is a path to Cloudflare, not a field; write a space after ':'");
        return true;
    }
    if (rules->set.count == (netlify ? LIMIT_RULES : LIMIT_RULES_BLOCKS)) {
        refuse(parser, path,
               netlify ? "and all after it is ignored: there are more than 1000 paths"
                       : "and all after it is ignored: Cloudflare takes 100 paths");
        return false;
    }
    if (rules->dialect == RULES_CLOUDFLARE) { /* its parser drops a query and a fragment */
        struct span no_query = {path.at, span_find(path, '?')};
        path = (struct span){path.at, span_find(no_query, '#')};
    }
    const char *wrong = path_set_add(&rules->set, path);
    if (wrong != NULL) {
        refuse(parser, path, wrong);
        return true;
    }
    parser->block = &rules->blocks[rules->set.count - 1];
    *parser->block = (struct header_block){.lines = parser->next, .path = path, .line = parser->reader.line};
    return true;
}

static bool is_token(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        if (!text_is_tchar((unsigned char)name.at[i]))
            return false;
    }
    return name.length > 0;
}

static bool check_name(const struct parser *parser, struct span name)
{
    static const struct span netlifys[] = {SPAN_INIT("Age"), SPAN_INIT("Alt-Svc"), SPAN_INIT("Server")};
    if (!is_token(name))
        return refuse(parser, name, "is no field name; use letters, digits and hyphens");
    if (span_equal_nocase(name, SPAN("Basic-Auth")))
        return refuse(parser, name, "is not supported; protect the site by a proxy");
    for (size_t i = 0; i < sizeof netlifys / sizeof *netlifys; i++) {
        if (parser->rules->dialect == RULES_NETLIFY && span_equal_nocase(name, netlifys[i]))
            return refuse(parser, name, "is set by Netlify itself; leave it out");
    }
    const char *advice = reserved_field_advice(name);
    if (advice == NULL)
        return true;
    char room[128];
    struct buffer why = BUFFER(room);
    buffer_string(&why, "can't be set: ");
    buffer_string(&why, advice);
    buffer_byte(&why, '\0');
    return refuse(parser, name, buffer_filled(&why).at);
}

static bool check_value(const struct parser *parser, struct span name, struct span value)
{
    if (value.length == 0)
        return refuse(parser, name, "has no value; write 'NAME: VALUE'");
    for (size_t i = 0; i < value.length; i++) {
        if ((unsigned char)value.at[i] >= 0x80)
            return refuse(parser, value, "has bytes beyond ASCII; remove them");
    }
    return true;
}

/* Reads "Name: value", or Cloudflare's "! Name". */
static bool read_field(const struct parser *parser, struct span text, struct header_line *line)
{
    struct span value = text;
    bool removes =
        parser->rules->dialect != RULES_NETLIFY && span_begins(text, SPAN("! ")) && span_find(text, ':') == text.length;
    *line = (struct header_line){.line = parser->reader.line};
    if (removes) {
        line->name = span_trim(span_from(text, 1));
        return check_name(parser, line->name);
    }
    if (span_find(text, ':') == text.length)
        return refuse(parser, text, "is neither a path nor a field; write 'NAME: VALUE'");
    line->name = span_trim(span_take_until(&value, ':'));
    line->value = span_trim(value);
    return check_name(parser, line->name) && check_value(parser, line->name, line->value);
}

/* Moves past the next ":" and the name behind it, which it returns; it may be empty or no placeholder's. */
static struct span take_name(struct span *text)
{
    span_take_until(text, ':');
    size_t length = 0;
    while (length < text->length && path_is_word(text->at[length]))
        length++;
    struct span name = {text->at, length};
    *text = span_from(*text, length);
    return name;
}

/* True if the value names a wildcard of the pattern. */
static bool has_placeholder(const struct path_pattern *pattern, struct span value)
{
    while (value.length > 0) {
        struct span name = take_name(&value);
        for (unsigned i = 0; i < pattern->wildcards && name.length > 0; i++) {
            if (span_equal(pattern->pieces[i].name, name))
                return true;
        }
    }
    return false;
}

static void add_field(struct parser *parser, struct span text)
{
    struct header_line line;
    struct header_block *block = parser->block;
    if (block == NULL) {
        if (!parser->skips)
            refuse(parser, text, "has no path above it; write the path first, '/*' for all");
        return;
    }
    if (!read_field(parser, text, &line))
        return;
    *parser->next++ = line;
    block->count++;
    const struct path_set *set = &parser->rules->set;
    block->templates |=
        parser->rules->dialect != RULES_NETLIFY && has_placeholder(&set->patterns[set->count - 1], line.value);
}

struct header_rules *header_rules_parse(struct span text, enum rules_choice dialect, rules_report *report,
                                        void *context)
{
    text = rules_clip(text, dialect);
    unsigned lines = rules_count_lines(text, UINT32_MAX);
    unsigned most = dialect == RULES_NETLIFY ? LIMIT_RULES : LIMIT_RULES_BLOCKS;
    unsigned max = lines < most ? lines : most;
    size_t blocks = sizeof(struct header_rules), fields = blocks + max * sizeof(struct header_block);
    size_t set = fields + lines * sizeof(struct header_line), copy = set + path_set_bytes(text, max);
    char *memory = malloc(copy + text.length);
    if (memory == NULL)
        return NULL;
    if (text.length > 0)
        memcpy(memory + copy, text.at, text.length);
    text.at = memory + copy;
    struct header_rules *rules = (void *)memory;
    *rules = (struct header_rules){.dialect = dialect, .blocks = (void *)(memory + blocks)};
    path_set_init(&rules->set, dialect == RULES_NETLIFY ? PATH_GLOB : PATH_BYTES, memory + set, text, max);
    rules->set.refuses_prefixes = dialect == RULES_CLOUDFLARE;
    struct parser parser = {.reader = {text, 0, dialect, 0, false, report, context}, .rules = rules};
    parser.next = (void *)(memory + fields);
    for (struct span line; rules_next(&parser.reader, &line);) {
        if (is_path(line, dialect)) {
            if (!begin_block(&parser, line))
                break;
        } else if (!parser.reader.bad) {
            add_field(&parser, line);
        }
    }
    end_block(&parser);
    return rules;
}

void header_rules_free(struct header_rules *rules)
{
    free(rules);
}

/* ---- matching ---- */

/* A block that matches a path. */
struct matched {
    const struct header_rules *rules;
    const struct header_block *block;
    const struct path_capture *captures;
    unsigned capture_count;
};

static const struct path_capture *find_capture(const struct matched *matched, struct span name)
{
    for (unsigned i = 0; i < matched->capture_count; i++) {
        if (span_equal(matched->captures[i].name, name))
            return &matched->captures[i];
    }
    return NULL;
}

/* Appends a value. What its placeholders matched is percent-encoded: at Cloudflare the path was never decoded. */
static void write_value(const struct matched *matched, struct span text, struct buffer *out)
{
    while (text.length > 0) {
        struct span before = {text.at, span_find(text, ':')};
        struct span name = take_name(&text);
        const struct path_capture *capture = find_capture(matched, name);
        buffer_append(out, before);
        if (capture != NULL)
            buffer_uri_path(out, capture->value);
        else
            buffer_append(out, (struct span){before.at + before.length, (size_t)(text.at - before.at) - before.length});
    }
}

static struct header_field *find_field(struct header_fields *fields, struct span name)
{
    for (unsigned i = 0; i < fields->count; i++) {
        if (span_equal_nocase(fields->fields[i].name, name))
            return &fields->fields[i];
    }
    return NULL;
}

/* Writes the value into the room, behind `before` and a comma unless that is absent. Absent if it does not fit. */
static struct span keep_value(struct header_fields *fields, const struct matched *matched, struct span before,
                              struct span value)
{
    struct buffer room = {fields->room, fields->used, sizeof fields->room, false};
    if (before.at != NULL) {
        buffer_append(&room, before);
        buffer_append(&room, SPAN(", "));
    }
    if (matched->block->templates)
        write_value(matched, value, &room);
    else
        buffer_append(&room, value);
    fields->overflow |= room.overflow;
    if (room.overflow)
        return SPAN_NONE;
    struct span kept = {fields->room + fields->used, room.length - fields->used};
    fields->used = room.length;
    return kept;
}

static void add_new(struct header_fields *fields, struct span name, struct span value, unsigned line)
{
    if (fields->count < LIMIT_RULES_FIELDS)
        fields->fields[fields->count++] = (struct header_field){name, value, line};
    else
        fields->overflow = true;
}

static void drop_fields(struct header_fields *fields, struct span name)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < fields->count; i++) {
        if (!span_equal_nocase(fields->fields[i].name, name))
            fields->fields[kept++] = fields->fields[i];
    }
    fields->count = kept;
}

/* Sets a field: joins it with a value that an earlier line gave it, or at Netlify replaces one of an earlier block.
   Cookies are never joined, as their attributes may have commas (RFC 6265 3). */
static void set_field(struct header_fields *fields, const struct matched *matched, const struct header_line *line)
{
    struct header_field *field = find_field(fields, line->name);
    bool cookie = span_equal_nocase(line->name, SPAN("Set-Cookie"));
    bool has_value = field != NULL && field->value.at != NULL;
    bool replaces = has_value && matched->rules->dialect == RULES_NETLIFY && field->line < matched->block->line;
    struct span before = has_value && !replaces && !cookie ? field->value : SPAN_NONE, value = line->value;
    if (before.at != NULL || matched->block->templates)
        value = keep_value(fields, matched, before, line->value);
    if (value.at == NULL) /* it does not fit */
        return;
    if (cookie && replaces) /* all of them */
        drop_fields(fields, line->name);
    if (field == NULL || (cookie && has_value)) {
        add_new(fields, line->name, value, line->line);
        return;
    }
    field->value = value;
    field->line = line->line;
}

static void remove_field(struct header_fields *fields, const struct header_line *line)
{
    drop_fields(fields, line->name);
    add_new(fields, line->name, SPAN_NONE, line->line);
}

/* Cloudflare removes fields first, wherever in the block it is told to. */
static void apply(struct header_fields *fields, const struct matched *matched)
{
    const struct header_block *block = matched->block;
    for (unsigned i = 0; i < block->count; i++) {
        if (block->lines[i].value.at == NULL)
            remove_field(fields, &block->lines[i]);
    }
    for (unsigned i = 0; i < block->count; i++) {
        if (block->lines[i].value.at != NULL)
            set_field(fields, matched, &block->lines[i]);
    }
}

/* Moves fields that are too long together behind the others. */
static void bound(struct header_fields *fields)
{
    size_t bytes = 0;
    unsigned kept = 0;
    for (unsigned i = 0; i < fields->count; i++) {
        struct header_field field = fields->fields[i];
        size_t length = field.value.at == NULL ? 0 : field.name.length + field.value.length + 4;
        if (bytes + length > LIMIT_HEADER_BYTES)
            continue;
        bytes += length;
        fields->fields[i] = fields->fields[kept];
        fields->fields[kept++] = field;
    }
    fields->dropped = fields->count - kept;
    fields->overflow |= fields->dropped > 0;
    fields->count = kept;
}

void header_rules_match(const struct header_rules *rules, struct span path, struct header_fields *fields)
{
    struct path_capture captures[LIMIT_RULES_WILDCARDS];
    const struct path_set *set = &rules->set;
    fields->count = 0;
    fields->overflow = false;
    fields->used = 0;
    for (unsigned at = 0; (at = path_set_find(set, path, at, captures)) < set->count; at++) {
        struct matched matched = {rules, &rules->blocks[at], captures, set->patterns[at].wildcards};
        apply(fields, &matched);
    }
    bound(fields);
}

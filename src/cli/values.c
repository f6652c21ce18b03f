#include "cli/values.h"

#include "base/buffer.h"
#include "base/reserved_fields.h"
#include "base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* An option's value, and the settings that receive it. */
struct value {
    const struct option_row *row;
    struct settings *settings;
    struct values_arena *arena;
    struct failure *failure;
    const char *named;
    const char *typed; /* NULL only if the value is optional and left out */
};

/* Reports an invalid value with advice. Cuts a long value, so that the message has room for the advice. */
static int refuse(const struct value *value, const char *advice)
{
    enum { SHOWN = 100 };
    assert(value->typed != NULL); /* a value that was left out is valid */
    bool cut = strlen(value->typed) > SHOWN;
    return fail(value->failure, EX_USAGE, "%s '%.*s%s': %s", value->named, SHOWN, value->typed, cut ? "..." : "",
                advice);
}

static int refuse_length(const struct value *value, size_t length, size_t most)
{
    return fail(value->failure, EX_USAGE, "%s '%.20s...' has %zu bytes; give at most %zu", value->named, value->typed,
                length, most);
}

char *values_keep(struct values_arena *arena, const char *bytes, size_t length)
{
    if (length >= sizeof arena->text - arena->used)
        return NULL;
    char *kept = memcpy(arena->text + arena->used, bytes, length);
    kept[length] = '\0';
    arena->used += length + 1;
    return kept;
}

static char *keep(const struct value *value, const char *bytes, size_t length)
{
    char *kept = values_keep(value->arena, bytes, length);
    if (kept == NULL)
        fail(value->failure, EX_USAGE, "%s: all values together are too long; shorten them", value->named);
    return kept;
}

/* ---- words and numbers ---- */

/* `what`: "a number", or with its unit. */
static int read_number(const struct value *value, const char *what, uint64_t least, uint64_t most, uint64_t *number)
{
    if (span_to_number(span_of(value->typed), number) && *number >= least && *number <= most)
        return 0;
    char advice[80];
    snprintf(advice, sizeof advice, "give %s from %" PRIu64 " to %" PRIu64, what, least, most);
    return refuse(value, advice);
}

/* Returns the index of the word in a list that is separated by spaces, or -1. */
static int find_word(const char *typed, const char *words)
{
    struct span rest = span_of(words);
    for (int i = 0; rest.length > 0; i++) {
        if (span_equal(span_take_until(&rest, ' '), span_of(typed)))
            return i;
    }
    return -1;
}

static bool is_graphic(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~')
            return false;
    }
    return true;
}

static bool is_token(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!text_is_tchar((unsigned char)text[i]))
            return false;
    }
    return length > 0;
}

/* ---- root and addresses ---- */

bool values_is_port(const char *typed)
{
    size_t digits = strspn(typed, "0123456789");
    return digits > 0 && digits <= 5 && typed[digits] == '\0' && strtol(typed, NULL, 10) <= UINT16_MAX;
}

int values_set_root(struct settings *settings, struct failure *failure, const char *typed)
{
    if (*typed == '\0')
        return fail(failure, EX_USAGE, "root '' is empty; give a directory, such as '.'");
    if (settings->root == NULL || strcmp(settings->root, typed) == 0) {
        settings->root = typed;
        return 0;
    }
    if (values_is_port(typed))
        return fail(failure, EX_USAGE, "two roots, '%s' and '%s'; for a port, type '-p %s'", settings->root, typed,
                    typed);
    return fail(failure, EX_USAGE, "two roots, '%s' and '%s'; give only one", settings->root, typed);
}

static int set_root(const struct value *value)
{
    return values_set_root(value->settings, value->failure, value->typed);
}

static int set_port(const struct value *value)
{
    uint64_t number = 0;
    int status = read_number(value, "a number", 0, UINT16_MAX, &number);
    value->settings->port = (uint16_t)number;
    value->settings->port_chosen = status == 0;
    return status;
}

/* Explains how an address differs from a URL, or returns NULL. */
static const char *advice_for_address(const char *typed)
{
    const char *colon = strchr(typed, ':');
    if (strncmp(typed, "unix:", 5) == 0)
        return typed[5] == '\0' || strcmp(typed + 5, "@") == 0
                   ? "give the socket's path, such as unix:/run/tinyhttpd.sock"
               : strlen(typed + 5) > 107 ? "the path of a Unix socket has at most 107 bytes; give a shorter one"
                                         : NULL;
    if (strchr(typed, '/') != NULL)
        return "give an address without 'http://' or a path, such as 127.0.0.1";
    if (*typed == '[')
        return "give an IPv6 address without brackets, such as ::1, and the port with '--port'";
    if (colon != NULL && strchr(colon + 1, ':') == NULL)
        return "give only the address here, and the port with '--port'";
    return NULL;
}

static bool is_mode(const char *text)
{
    size_t length = strspn(text, "01234567");
    return length >= 3 && length <= 4 && text[length] == '\0' && strtoul(text, NULL, 8) - 1 < 0777;
}

/* Reads "mode=660" or "group=NAME". It follows the path, or is a value of its own, as lists in the environment are
   split at commas. */
static int set_socket_access(const struct value *value, const char *part)
{
    struct settings *settings = value->settings;
    unsigned last = settings->bind_count - 1;
    bool is_file =
        settings->bind_count > 0 && strncmp(settings->binds[last], "unix:", 5) == 0 && settings->binds[last][5] != '@';
    if (!is_file)
        return refuse(value, "mode and group need a socket with a path before them, such as unix:/run/t.sock");
    if (strncmp(part, "mode=", 5) == 0 && is_mode(part + 5))
        settings->socket_access[last].mode = (unsigned)strtoul(part + 5, NULL, 8);
    else if (strncmp(part, "group=", 6) == 0 && part[6] != '\0')
        settings->socket_access[last].group = part + 6;
    else
        return refuse(value, "give unix:PATH,mode=660,group=NAME, the mode in octal");
    return 0;
}

static bool is_socket_access(const char *part)
{
    return strncmp(part, "mode=", 5) == 0 || strncmp(part, "group=", 6) == 0;
}

/* True for a word and "=", which may be a misspelt part. */
static bool is_like_socket_access(const char *part)
{
    size_t length = 0;
    while (text_is_letter(part[length]))
        length++;
    return length > 0 && part[length] == '=';
}

/* Cuts the parts off a path, from the first one on that is a word and "=": ",mode=..." and ",group=...". */
static int add_unix(const struct value *value)
{
    struct settings *settings = value->settings;
    char *rest = keep(value, value->typed, strlen(value->typed)), *path = rest;
    if (rest == NULL)
        return value->failure->status;
    while ((rest = strchr(rest, ',')) != NULL && !is_like_socket_access(rest + 1))
        rest++;
    settings->binds[settings->bind_count++] = rest != NULL ? path : value->typed;
    while (rest != NULL) {
        char *part = rest + 1;
        *rest = '\0';
        rest = strchr(part, ',');
        if (rest != NULL)
            *rest = '\0';
        if (set_socket_access(value, part) != 0)
            return value->failure->status;
    }
    const char *advice = advice_for_address(settings->binds[settings->bind_count - 1]);
    return advice != NULL ? refuse(value, advice) : 0;
}

static int add_bind(const struct value *value)
{
    struct settings *settings = value->settings;
    if (is_socket_access(value->typed))
        return set_socket_access(value, value->typed);
    if (*value->typed == '\0')
        return fail(value->failure, EX_USAGE, "--bind '' is empty; give an address, such as 127.0.0.1");
    if (settings->bind_count == LIMIT_LISTENERS)
        return refuse(value, "too many addresses; leave some out");
    if (strncmp(value->typed, "unix:", 5) == 0)
        return add_unix(value);
    const char *advice = advice_for_address(value->typed);
    if (advice != NULL)
        return refuse(value, advice);
    settings->binds[settings->bind_count++] = value->typed;
    return 0;
}

/* Percent-encodes bytes beyond ASCII, as browsers do (RFC 3987 3.1). Escapes that are there stay. */
static void append_url_path(struct buffer *url, const char *path)
{
    for (; *path != '\0'; path++) {
        if ((unsigned char)*path < 0x80)
            buffer_byte(url, *path);
        else
            buffer_uri_path(url, (struct span){path, 1});
    }
}

/* True if a path can begin so: no name is empty, "." or "..". */
static bool is_beginning_of_path(struct span prefix)
{
    while (prefix.length > 0) {
        struct span name = span_take_until(&prefix, '/');
        if (name.length == 0 || span_equal(name, SPAN(".")) || span_equal(name, SPAN("..")))
            return false;
    }
    return true;
}

/* Decodes escapes in place. False for a bad one, and for NUL. */
static bool decode(char *text)
{
    char *end = text;
    for (const char *at = text; *at != '\0'; end++) {
        if (*at != '%') {
            *end = *at++;
            continue;
        }
        int escaped = text_escape(span_of(at));
        if (escaped <= 0)
            return false;
        *end = (char)escaped;
        at += 3;
    }
    *end = '\0';
    return true;
}

static int set_base(const struct value *value)
{
    const char *typed = value->typed;
    char *base = keep(value, typed, strlen(typed));
    if (base == NULL)
        return value->failure->status;
    if (strpbrk(typed, "?#") != NULL || !decode(base))
        return refuse(value, "give the path of a URL, such as /repo/; write '?', '#' and '%' as %3F, %23 and %25");
    base += strspn(base, "/");
    size_t length = strlen(base);
    while (length > 0 && base[length - 1] == '/')
        base[--length] = '\0';
    if (!is_beginning_of_path((struct span){base, length}))
        return refuse(value, "give a path without empty names, '.' and '..', such as /repo/");
    if (length > LIMIT_BASE)
        return refuse_length(value, length, LIMIT_BASE);
    value->settings->base = length > 0 ? base : NULL;
    return 0;
}

static int set_open(const struct value *value)
{
    char room[3 * LIMIT_OPEN_PATH]; /* for a path that is escaped whole */
    struct buffer url = BUFFER(room);
    const char *path = value->typed != NULL ? value->typed : "/";
    append_url_path(&url, path);
    if (url.overflow || url.length > LIMIT_OPEN_PATH)
        return refuse_length(value, url.overflow ? strlen(path) : url.length, LIMIT_OPEN_PATH);
    path = keep(value, room, url.length);
    if (path == NULL)
        return value->failure->status;
    if (*path != '/' || !is_graphic(path))
        return refuse(value, "give a URL path of this site, such as /docs/");
    value->settings->open = path;
    return 0;
}

static bool is_host_byte(char byte)
{
    return text_is_letter(byte) || text_is_digit(byte) || strchr("-._:[]", byte) != NULL;
}

static int add_allowed_host(const struct value *value)
{
    struct settings *settings = value->settings;
    bool every = strcmp(value->typed, "*") == 0, right = *value->typed != '\0';
    for (const char *at = value->typed; *at != '\0'; at++)
        right = right && (every || is_host_byte(*at));
    const char *colon = strchr(value->typed, ':');
    if (!right || (colon != NULL && strchr(colon + 1, ':') == NULL))
        return refuse(value, "give a host name without scheme, port or path, such as dev.example.org");
    if (settings->allowed_host_count == LIMIT_ALLOWED_HOSTS)
        return refuse(value, "too many host names; give '.NAME' for all names below NAME, or '*'");
    settings->allowed_hosts[settings->allowed_host_count++] = value->typed;
    return 0;
}

/* ---- files ---- */

static int set_index(const struct value *value)
{
    const char *name = value->typed;
    if (*name == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return refuse(value, "give a file name without a directory, such as index.html");
    if (strlen(name) > LIMIT_INDEX_NAME)
        return refuse_length(value, strlen(name), LIMIT_INDEX_NAME);
    if (value->settings->index_count == LIMIT_INDEX_NAMES)
        return refuse(value, "too many index files; leave some out");
    value->settings->index[value->settings->index_count++] = name;
    return 0;
}

static int set_spa(const struct value *value)
{
    const char *file = value->typed != NULL ? value->typed : "index.html";
    file += *file == '/';
    if (*file == '\0' || span_ends(span_of(file), SPAN("/")) || !is_beginning_of_path(span_of(file)))
        return refuse(value, "give a file's path inside the root, such as index.html");
    if (strlen(file) >= PATH_MAX)
        return refuse_length(value, strlen(file), PATH_MAX - 1);
    value->settings->spa = file;
    return 0;
}

static int set_symlinks(const struct value *value)
{
    int word = find_word(value->typed, value->row->words);
    if (word < 0)
        return refuse(value, "give inside, all or none");
    value->settings->symlinks = (enum symlink_choice)word;
    return 0;
}

static int set_rules(const struct value *value)
{
    int word = value->typed != NULL ? find_word(value->typed, value->row->words) : -1;
    if (value->typed != NULL && word < 0)
        return refuse(value, "give netlify or cloudflare, or no value");
    value->settings->rules = word < 0 ? RULES_PLAIN : (enum rules_choice)(RULES_NETLIFY + word);
    return 0;
}

/* ---- response headers ---- */

static bool read_cache(const char *how, enum cache_choice *cache, uint32_t *seconds)
{
    uint64_t number;
    *seconds = 0;
    if (strcmp(how, "off") == 0) {
        *cache = CACHE_OFF;
    } else if (span_to_number(span_of(how), &number) && number <= INT32_MAX) { /* RFC 9111 1.2.2 */
        *cache = CACHE_SECONDS;
        *seconds = (uint32_t)number;
    } else {
        return false;
    }
    return true;
}

/* A prefix means all files beneath it; an asterisk would only match a name that has one. */
static int refuse_pattern(const struct value *value, const char *prefix, const char *asterisk, const char *how)
{
    enum { SHOWN = 50 };
    char advice[160];
    while (asterisk > prefix && asterisk[-1] != '/')
        asterisk--;
    snprintf(advice, sizeof advice, "a prefix has no '*' and means all files beneath it; give '/%.*s%.*s'",
             (int)(asterisk - prefix), prefix, SHOWN, how);
    return refuse(value, asterisk - prefix <= SHOWN ? advice : "a prefix has no '*'; leave it out");
}

/* Reads /PREFIX=HOW. */
static int add_cache_rule(const struct value *value)
{
    struct settings *settings = value->settings;
    const char *typed = value->typed + strspn(value->typed, "/"), *how = strrchr(typed, '=');
    struct cache_rule rule = {.cache = CACHE_IMMUTABLE};
    bool known = how != NULL && (strcmp(how + 1, "immutable") == 0 || read_cache(how + 1, &rule.cache, &rule.seconds));
    if (!known)
        return refuse(value, "give /PREFIX=immutable, =off or =SECONDS, such as /assets/=immutable");
    size_t length = (size_t)(how - typed);
    const char *asterisk = memchr(typed, '*', length);
    if (asterisk != NULL)
        return refuse_pattern(value, typed, asterisk, how);
    while (length > 0 && typed[length - 1] == '/')
        length--;
    if (!is_beginning_of_path((struct span){typed, length}))
        return refuse(value, "no file has such a path; give /PREFIX=HOW, such as /assets/=immutable");
    if (settings->cache_rule_count == LIMIT_CACHE_RULES)
        return refuse(value, "too many prefixes; leave some out");
    rule.prefix = keep(value, typed, length);
    if (rule.prefix == NULL)
        return value->failure->status;
    settings->cache_rules[settings->cache_rule_count++] = rule;
    return 0;
}

static int set_cache(const struct value *value)
{
    struct settings *settings = value->settings;
    if (*value->typed == '/')
        return add_cache_rule(value);
    if (strcmp(value->typed, "auto") == 0) {
        settings->cache = CACHE_AUTO;
        settings->cache_seconds = 0;
        return 0;
    }
    if (!read_cache(value->typed, &settings->cache, &settings->cache_seconds))
        return refuse(value, "give off, auto, /PREFIX=immutable, or a number of seconds up to 2147483647");
    return 0;
}

/* Returns the length of the prefix of digits, lower-case letters and `others`. */
static size_t count_bytes(const char *text, const char *others)
{
    size_t count = 0;
    while (text_is_digit(text[count]) || (text[count] >= 'a' && text[count] <= 'z') ||
           (text[count] != '\0' && strchr(others, text[count]) != NULL))
        count++;
    return count;
}

/* True for "" and for a colon with a port from 1 to 65535. */
static bool is_origin_port(const char *text)
{
    uint64_t port;
    return *text == '\0' || (*text == ':' && span_to_number(span_of(text + 1), &port) && port > 0 &&
                             port <= UINT16_MAX && text[1] != '0');
}

/* True for an origin as browsers write it (RFC 6454 6.2). They compare bytes, so capitals would never match. */
static bool is_origin(const char *text)
{
    size_t scheme = count_bytes(text, "+-.");
    if (scheme == 0 || text_is_digit(*text) || strncmp(text + scheme, "://", 3) != 0)
        return false;
    const char *host = text + scheme + 3;
    bool bracketed = *host == '['; /* IPv6 */
    size_t length = bracketed ? 1 + count_bytes(host + 1, ":.") : count_bytes(host, "-._~%");
    if (length == (bracketed ? 1 : 0) || (bracketed && host[length] != ']'))
        return false;
    return is_origin_port(host + length + bracketed);
}

/* True if the port is the scheme's default: browsers leave it out (RFC 6454 6.2), so it would never match. */
static bool has_default_port(const char *origin)
{
    return (span_begins(span_of(origin), SPAN("https://")) && span_ends(span_of(origin), SPAN(":443"))) ||
           (span_begins(span_of(origin), SPAN("http://")) && span_ends(span_of(origin), SPAN(":80")));
}

static int set_cors(const struct value *value)
{
    const char *origin = value->typed != NULL ? value->typed : "*";
    if (strlen(origin) > LIMIT_ORIGIN)
        return refuse_length(value, strlen(origin), LIMIT_ORIGIN);
    if (strcmp(origin, "*") != 0 && !is_origin(origin))
        return refuse(value, "give a lower-case origin without a path, such as https://example.org, or *");
    if (has_default_port(origin))
        return refuse(value, "leave out the port: browsers do if it is the scheme's default");
    value->settings->cors = origin;
    return 0;
}

static int add_header(const struct value *value)
{
    struct settings *settings = value->settings;
    size_t length = strcspn(value->typed, ":");
    const char *content = value->typed + length + (value->typed[length] == ':');
    if (value->typed[length] != ':' || !is_token(value->typed, length))
        return refuse(value, "give 'Name: value'; a name has letters, digits and hyphens");
    for (const char *at = content; *at != '\0'; at++) {
        if ((*at < ' ' && *at != '\t') || *at > '~')
            return refuse(value, "remove line ends, controls and bytes beyond ASCII");
    }
    const char *advice = reserved_field_advice((struct span){value->typed, length});
    if (advice != NULL)
        return refuse(value, advice);
    if (settings->header_count == LIMIT_HEADERS)
        return refuse(value, "too many header fields; leave some out");
    size_t bytes = 0;
    for (unsigned i = 0; i < settings->header_count; i++)
        bytes += strlen(settings->headers[i]) + sizeof ": \r\n";
    if (bytes + strlen(value->typed) + sizeof ": \r\n" > LIMIT_HEADER_BYTES)
        return refuse(value, "all header fields are too long together; give at most 4 KiB");
    settings->headers[settings->header_count++] = value->typed;
    return 0;
}

/* type "/" subtype, with optional parameters (RFC 9110 8.3.1). */
static bool is_media_type(const char *type)
{
    size_t main = strcspn(type, "/");
    size_t sub = type[main] == '/' ? strcspn(type + main + 1, "; ") : 0;
    const char *rest = type + main + 1 + sub;
    if (sub == 0 || !is_token(type, main) || !is_token(type + main + 1, sub))
        return false;
    for (const char *at = rest; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~' || *at == ',')
            return false;
    }
    return *rest == '\0' || strchr(rest, '=') != NULL;
}

/* True if a file's name may end so. A blank at either end is a slip of the keyboard, and so is "*.md". */
static bool is_end_of_name(const char *text, size_t length)
{
    return length > 0 && length <= NAME_MAX && memchr(text, '/', length) == NULL && memchr(text, '*', length) == NULL &&
           text[0] != ' ' && text[length - 1] != ' ' && !(length == 2 && memcmp(text, "..", 2) == 0);
}

static int add_type(const struct value *value)
{
    struct settings *settings = value->settings;
    const char *typed = value->typed;
    size_t length = strcspn(typed, "=");
    if (!is_end_of_name(typed, length) || typed[length] != '=' || !is_media_type(typed + length + 1))
        return refuse(value, "give EXT=TYPE or NAME=TYPE, such as md=text/markdown");
    if (strlen(typed + length + 1) > LIMIT_MEDIA_TYPE)
        return refuse_length(value, strlen(typed + length + 1), LIMIT_MEDIA_TYPE);
    if (settings->type_count == LIMIT_TYPE_OVERRIDES)
        return refuse(value, "too many types; leave some out");
    char *name = keep(value, typed, length);
    if (name == NULL)
        return value->failure->status;
    settings->types[settings->type_count++] = (struct type_override){name, typed + length + 1};
    return 0;
}

static int add_encoded(const struct value *value)
{
    struct settings *settings = value->settings;
    const char *typed = value->typed;
    size_t length = strcspn(typed, "=");
    const char *coding = typed + length + (typed[length] == '=');
    if (find_word(coding, "gzip br zstd") < 0 || typed[length] != '=' || !is_end_of_name(typed, length) ||
        strncmp(typed, ".=", 2) == 0)
        return refuse(value, "give EXT=gzip, EXT=br or EXT=zstd, such as js.gz=gzip");
    if (settings->encoded_count == LIMIT_ENCODED_NAMES)
        return refuse(value, "too many extensions; leave some out");
    char *name = keep(value, typed, length);
    if (name == NULL)
        return value->failure->status;
    settings->encoded[settings->encoded_count++] = (struct encoded_name){name, coding};
    return 0;
}

static int set_charset(const struct value *value)
{
    if (!is_token(value->typed, strlen(value->typed)))
        return refuse(value, "give a charset, such as utf-8 or iso-8859-1, or none");
    if (strlen(value->typed) > LIMIT_CHARSET_NAME)
        return refuse_length(value, strlen(value->typed), LIMIT_CHARSET_NAME);
    value->settings->charset = value->typed;
    return 0;
}

/* ---- process and logs ---- */

static int set_workers(const struct value *value)
{
    uint64_t number = 0;
    int status = read_number(value, "a number", 1, LIMIT_WORKERS, &number);
    value->settings->workers = (unsigned)number;
    return status;
}

/* A number of bytes, with k for 1024 or M for 1048576, as of curl's --limit-rate and nginx's limit_rate. */
static bool read_rate(struct span typed, uint32_t *rate)
{
    uint64_t number, unit = 1;
    char last = typed.length > 0 ? typed.at[typed.length - 1] : '\0';
    if (last == 'k' || last == 'K')
        unit = 1024;
    else if (last == 'm' || last == 'M')
        unit = 1048576;
    typed.length -= unit > 1;
    if (!span_to_number(typed, &number) || number > LIMIT_SLOW_RATE / unit || number * unit < LIMIT_SLOW_RATE_LEAST)
        return false;
    *rate = (uint32_t)(number * unit);
    return true;
}

/* Lighthouse's mobileSlow4G, its default, and mobileRegular3G (core/config/constants.js: throughputKbps, rttMs). It has
   no slower one; 2g is "Mobile Edge" of WebPageTest, whose presets it follows
   (www/settings/connectivity.ini.sample). */
static const struct slow_choice slow_presets[] = {
    {"4g", 204800, 150}, /* 1.6 * 1024 kbit/s */
    {"3g", 87500, 300},  /* 700 kbit/s */
    {"2g", 30000, 840},  /* 240 kbit/s */
};

static int set_slow(const struct value *value)
{
    struct slow_choice *slow = &value->settings->slow;
    const char *typed = value->typed != NULL ? value->typed : slow_presets[0].preset;
    for (size_t i = 0; i < sizeof slow_presets / sizeof *slow_presets; i++) {
        if (strcmp(typed, slow_presets[i].preset) == 0) {
            *slow = slow_presets[i];
            return 0;
        }
    }
    struct span delay = span_of(typed), rate = span_take_until(&delay, ',');
    uint64_t number = 0;
    bool has_delay = strchr(typed, ',') != NULL;
    *slow = (struct slow_choice){0};
    if (!read_rate(rate, &slow->rate) ||
        (has_delay && (!span_to_number(delay, &number) || number > LIMIT_SLOW_DELAY_MS)))
        return refuse(value, "give 4g, 3g, 2g, or bytes per second from 1000 to 100M, and milliseconds up to "
                             "60000, such as 100k,300");
    slow->delay = (uint32_t)number;
    return 0;
}

static int set_user(const struct value *value)
{
    if (*value->typed == '\0' || *value->typed == ':')
        return refuse(value, "give USER or USER:GROUP, by name or number");
    value->settings->user = value->typed;
    return 0;
}

static int set_log(const struct value *value)
{
    int word = find_word(value->typed, value->row->words);
    if (word < 0)
        return refuse(value, "give text, combined, json, errors or off");
    value->settings->log = (enum log_choice)(LOG_CHOICE_TEXT + word);
    return 0;
}

static int set_log_file(const struct value *value)
{
    struct settings *settings = value->settings;
    if (*value->typed == '\0')
        return refuse(value, "give the name of a file");
    /* The option puts the file in the stream's place, so that such a name would lead to the file itself. */
    struct span name = span_of(value->typed);
    if (span_equal(name, SPAN("-")) || span_begins(name, SPAN("/dev/std")) || span_begins(name, SPAN("/dev/fd/")) ||
        span_begins(name, SPAN("/proc/")))
        return refuse(value, "give a file; a shell's '>' and '2>&1' lead to standard streams");
    *(value->row->key == KEY_ACCESS_LOG ? &settings->access_log : &settings->error_log) = value->typed;
    return 0;
}

static int add_trusted_proxy(const struct value *value)
{
    struct settings *settings = value->settings;
    struct network network;
    if (strcmp(value->typed, "unix") == 0) {
        settings->trusts_unix = true;
        return 0;
    }
    if (!address_parse_network(span_of(value->typed), &network))
        return refuse(value, "give a network such as 10.0.0.0/8 or fd00::/8, an address, or unix");
    if (settings->trusted_proxy_count == LIMIT_TRUSTED_PROXIES)
        return refuse(value, "too many networks; leave some out");
    settings->trusted_proxies[settings->trusted_proxy_count++] = network;
    return 0;
}

/* 0 of --keep-alive is its default. */
static int set_seconds(const struct value *value)
{
    struct settings *settings = value->settings;
    int key = value->row->key;
    uint32_t *seconds = key == KEY_KEEP_ALIVE ? &settings->keep_alive
                        : key == KEY_DRAIN    ? &settings->drain
                                              : &settings->shutdown_delay;
    uint64_t number = 0, least = key == KEY_KEEP_ALIVE ? 1 : 0;
    int status = read_number(value, "a number of seconds", least, LIMIT_OPTION_S, &number);
    *seconds = (uint32_t)number;
    return status;
}

static int set_metrics(const struct value *value)
{
    static const char own[] = "/.well-known/tinyhttpd/";
    const char *path = value->typed;
    if (path[0] != '/' || path[1] == '\0' || !is_graphic(path) || strpbrk(path, "?#") != NULL)
        return refuse(value, "give a URL path of this site, such as /metrics");
    if (strncmp(path, own, sizeof own - 1) == 0) /* the health path, for one, is matched first */
        return refuse(value, "this path is reserved for the server; give another, such as /metrics");
    value->settings->metrics = path;
    return 0;
}

/* ---- by option ---- */

/* Options without a value. */
static int set_flag(const struct value *value)
{
    struct settings *settings = value->settings;
    int key = value->row->key;
    settings->lan |= key == 'L';
    settings->watch |= key == 'w';
    settings->strict |= key == KEY_STRICT;
    settings->dotfiles |= key == KEY_DOTFILES;
    settings->proxy_protocol |= key == KEY_PROXY_PROTOCOL;
    if (key == KEY_LIST || key == KEY_NO_LIST)
        settings->listing = key == KEY_LIST ? LISTING_ON : LISTING_OFF;
    if (key == 'q' || key == 'v')
        settings->verbosity = key == 'q' ? VERBOSITY_QUIET : VERBOSITY_VERBOSE;
    return 0;
}

int values_apply(struct settings *settings, struct values_arena *arena, struct failure *failure,
                 const struct option_row *row, const char *named, const char *typed)
{
    static const struct {
        int key;
        int (*apply)(const struct value *value);
    } rows[] = {
        {'r', set_root},
        {'p', set_port},
        {'b', add_bind},
        {KEY_BASE, set_base},
        {'o', set_open},
        {KEY_ALLOW_HOST, add_allowed_host},
        {KEY_INDEX, set_index},
        {'s', set_spa},
        {KEY_SYMLINKS, set_symlinks},
        {KEY_RULES, set_rules},
        {'c', set_cache},
        {'C', set_cors},
        {'H', add_header},
        {KEY_MIME, add_type},
        {KEY_ENCODED, add_encoded},
        {KEY_CHARSET, set_charset},
        {'j', set_workers},
        {KEY_SLOW, set_slow},
        {'u', set_user},
        {KEY_LOG, set_log},
        {KEY_ACCESS_LOG, set_log_file},
        {KEY_ERROR_LOG, set_log_file},
        {KEY_TRUST_PROXY, add_trusted_proxy},
        {KEY_KEEP_ALIVE, set_seconds},
        {KEY_SHUTDOWN_DELAY, set_seconds},
        {KEY_DRAIN, set_seconds},
        {KEY_METRICS, set_metrics},
    };
    struct value value = {row, settings, arena, failure, named, typed};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].key == row->key)
            return rows[i].apply(&value);
    }
    return set_flag(&value);
}

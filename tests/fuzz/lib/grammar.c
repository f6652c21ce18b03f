#include "grammar.h"

#include "fuzz.h"

#include <string.h>

/* ---- bytes (RFC 5234 B.1, RFC 9110 5.6.2, RFC 3986 2) ---- */

static bool is_among(char byte, const char *set)
{
    return byte != '\0' && strchr(set, byte) != NULL;
}

static bool is_digit(char byte)
{
    return is_among(byte, "0123456789");
}

static bool is_hexdig(char byte)
{
    return is_among(byte, "0123456789ABCDEFabcdef");
}

static bool is_alpha(char byte)
{
    return is_among(byte, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
}

static bool is_vchar(char byte)
{
    return byte >= 0x21 && byte <= 0x7E;
}

static bool is_obs_text(char byte)
{
    return (unsigned char)byte >= 0x80;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* tchar */
static bool is_tchar(char byte)
{
    return is_alpha(byte) || is_digit(byte) || is_among(byte, "!#$%&'*+-.^_`|~");
}

/* The bytes of a field-value: field-vchar, and SP and HTAB between them */
static bool is_field_byte(char byte)
{
    return is_vchar(byte) || is_obs_text(byte) || is_blank(byte);
}

/* UTF-8 beside VCHAR, as tools send what their users type (share/doc/guarantees.md) */
static bool is_target_byte(char byte)
{
    return is_vchar(byte) || is_obs_text(byte);
}

/* qdtext */
static bool is_qdtext(char byte)
{
    return is_field_byte(byte) && byte != '"' && byte != '\\';
}

/* ---- rules: each takes its text from the beginning of `*rest` ---- */

#define TAKE(rule) \
    do { \
        enum match match_ = (rule); \
        if (match_ != FITS) \
            return match_; \
    } while (0)

static enum match take_text(struct span *rest, const char *text)
{
    for (; *text != '\0'; text++) {
        if (rest->length == 0)
            return PARTIAL;
        if (rest->at[0] != *text)
            return BROKEN;
        *rest = span_from(*rest, 1);
    }
    return FITS;
}

/* *byte: all that there are. The next byte may be another, so the end is not known before it. */
static enum match take_any(struct span *rest, bool (*is)(char), struct span *taken)
{
    *taken = (struct span){rest->at, 0};
    while (taken->length < rest->length && is(rest->at[taken->length]))
        taken->length++;
    *rest = span_from(*rest, taken->length);
    return rest->length == 0 ? PARTIAL : FITS;
}

/* 1*byte */
static enum match take_some(struct span *rest, bool (*is)(char), struct span *taken)
{
    TAKE(take_any(rest, is, taken));
    return taken->length > 0 ? FITS : BROKEN;
}

static bool begins(struct span rest, char byte)
{
    return rest.length > 0 && rest.at[0] == byte;
}

/* The next element of a list; empty ones do not count (RFC 9110 5.6.1.2). */
static bool next_element(struct span *list, struct span *element)
{
    while (list->length > 0) {
        *element = span_trim(fuzz_take_until(list, ','));
        if (element->length > 0)
            return true;
    }
    return false;
}

/* ---- the request line ---- */

/* pchar and "/" (RFC 3986 3.3) */
static bool is_path(struct span text, const char *more)
{
    for (size_t i = 0; i < text.length; i++) {
        bool escape =
            text.at[i] == '%' && text.length - i > 2 && is_hexdig(text.at[i + 1]) && is_hexdig(text.at[i + 2]);
        if (!escape && !is_alpha(text.at[i]) && !is_digit(text.at[i]) && !is_among(text.at[i], "-._~!$&'()*+,;=:@/") &&
            !is_among(text.at[i], more))
            return false;
    }
    return true;
}

/* RFC 9112 3.2: origin-form, absolute-form of "http" with a name and no port, asterisk-form, or authority-form */
static bool is_request_target(const struct grammar *grammar)
{
    struct span path = grammar->target, name;
    size_t at = 0;
    bool has_port = false;
    if (span_equal(path, SPAN("*")))
        return span_equal(grammar->method, SPAN("OPTIONS"));
    if (span_equal(grammar->method, SPAN("CONNECT"))) {
        for (name = fuzz_take_until(&path, ':'); at < name.length && (is_alpha(name.at[at]) || is_digit(name.at[at]));)
            at++;
        for (size_t i = 0; i < path.length; i++)
            has_port = is_digit(path.at[i]) && (i == 0 || has_port);
        return name.length > 0 && at == name.length && has_port;
    }
    if (span_begins(path, SPAN("http://"))) {
        path = span_from(path, 7);
        while (at < path.length && (is_alpha(path.at[at]) || is_digit(path.at[at]) || path.at[at] == '.'))
            at++;
        if (at == 0)
            return false;
        path = span_from(path, at);
        if (path.length == 0)
            return true;
    }
    if (!begins(path, '/'))
        return begins(path, '?') && path.length < grammar->target.length && is_path(path, "?");
    return is_path(path, "?");
}

/* 501 for a method that is not recognized or not implemented (RFC 9110 9.1) */
static bool is_known_method(struct span method)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (span_equal(method, span_of(known[i])))
            return true;
    }
    return false;
}

/* request-line = method SP request-target SP HTTP-version (RFC 9112 3), which CRLF follows */
static enum match take_request_line(struct span *rest, struct grammar *grammar)
{
    struct span line = *rest, major, minor;
    enum match match = take_some(rest, is_tchar, &grammar->method);
    if (grammar->method.length > LIMIT_METHOD || (match == FITS && !is_known_method(grammar->method)))
        grammar->faults |= BIT_501;
    TAKE(match);
    TAKE(take_text(rest, " "));
    match = take_some(rest, is_target_byte, &grammar->target);
    if (grammar->target.length > LIMIT_TARGET)
        grammar->faults |= BIT_414;
    if (grammar->target.length > 0 && !is_request_target(grammar)) /* target.h decides on the others */
        grammar->choices |= BIT_400;
    TAKE(match);
    if (!text_is_utf8(grammar->target, false))
        grammar->faults |= BIT_400;
    TAKE(take_text(rest, " HTTP/"));
    major = *rest;
    TAKE(rest->length == 0 ? PARTIAL : is_digit(rest->at[0]) ? FITS : BROKEN);
    *rest = span_from(*rest, 1);
    TAKE(take_text(rest, "."));
    minor = *rest;
    TAKE(rest->length == 0 ? PARTIAL : is_digit(rest->at[0]) ? FITS : BROKEN);
    *rest = span_from(*rest, 1);
    if (major.at[0] != '1' || (minor.at[0] != '0' && minor.at[0] != '1')) /* documented: 505 for HTTP/1.2, too */
        grammar->faults |= BIT_505;
    grammar->minor_version = minor.at[0] == '0' ? 0 : 1;
    grammar->first_line = (struct span){line.at, line.length - rest->length};
    return take_text(rest, "\r\n");
}

/* ---- fields ---- */

/* field-line = field-name ":" OWS field-value OWS, which CRLF follows (RFC 9112 5, 5.2: no obs-fold) */
static enum match take_field_line(struct span *rest, struct grammar_line *line)
{
    TAKE(take_some(rest, is_tchar, &line->name));
    TAKE(take_text(rest, ":"));
    TAKE(take_any(rest, is_field_byte, &line->value));
    struct span sent = line->value;
    line->value = span_trim(sent);
    for (size_t i = sent.length; i > 0 && is_blank(sent.at[i - 1]); i--)
        line->tab_behind |= sent.at[i - 1] == '\t';
    return take_text(rest, "\r\n");
}

static const char *const kept[FIELD_OTHER] = {
    [FIELD_ACCEPT] = "Accept",
    [FIELD_ACCEPT_ENCODING] = "Accept-Encoding",
    [FIELD_ACCESS_CONTROL_REQUEST_HEADERS] = "Access-Control-Request-Headers",
    [FIELD_ACCESS_CONTROL_REQUEST_METHOD] = "Access-Control-Request-Method",
    [FIELD_CONNECTION] = "Connection",
    [FIELD_EXPECT] = "Expect",
    [FIELD_FORWARDED] = "Forwarded",
    [FIELD_HOST] = "Host",
    [FIELD_IF_MATCH] = "If-Match",
    [FIELD_IF_MODIFIED_SINCE] = "If-Modified-Since",
    [FIELD_IF_NONE_MATCH] = "If-None-Match",
    [FIELD_IF_RANGE] = "If-Range",
    [FIELD_IF_UNMODIFIED_SINCE] = "If-Unmodified-Since",
    [FIELD_ORIGIN] = "Origin",
    [FIELD_RANGE] = "Range",
    [FIELD_REFERER] = "Referer",
    [FIELD_SEC_FETCH_DEST] = "Sec-Fetch-Dest",
    [FIELD_SEC_FETCH_MODE] = "Sec-Fetch-Mode",
    [FIELD_SEC_FETCH_SITE] = "Sec-Fetch-Site",
    [FIELD_SERVICE_WORKER] = "Service-Worker",
    [FIELD_TINYHTTPD_EXPLAIN] = "Tinyhttpd-Explain",
    [FIELD_TINYHTTPD_LIVE] = "Tinyhttpd-Live",
    [FIELD_TRANSFER_ENCODING] = "Transfer-Encoding",
    [FIELD_USER_AGENT] = "User-Agent",
    [FIELD_VIA] = "Via",
    [FIELD_X_FORWARDED_FOR] = "X-Forwarded-For",
    [FIELD_X_REQUESTED_WITH] = "X-Requested-With",
};

struct span grammar_field_name(enum request_field field)
{
    return span_of(kept[field]);
}

static bool is_kept(struct span name)
{
    for (unsigned field = 0; field < FIELD_OTHER; field++) {
        if (span_equal_nocase(name, span_of(kept[field])))
            return true;
    }
    return false;
}

/* *( field-line CRLF ) CRLF */
static enum match take_fields(struct span *rest, struct grammar *grammar)
{
    unsigned kept_lines = 0;
    while (!begins(*rest, '\r')) {
        struct grammar_line line = {0};
        enum match match = take_field_line(rest, &line);
        kept_lines += is_kept(line.name);
        if (grammar->count == LIMIT_FIELDS || kept_lines > LIMIT_FIELD_LINES) {
            grammar->faults |= BIT_431;
            grammar->choices |= BIT_400; /* for a framing that is no longer read here */
        } else if (line.value.at != NULL) {
            grammar->lines[grammar->count++] = line;
        }
        TAKE(match);
    }
    return take_text(rest, "\r\n");
}

/* The number of a field's lines. */
static unsigned count_lines(const struct grammar *grammar, struct span name, struct span *first)
{
    unsigned count = 0;
    for (unsigned i = 0; i < grammar->count; i++) {
        if (span_equal_nocase(grammar->lines[i].name, name) && count++ == 0)
            *first = grammar->lines[i].value;
    }
    return count;
}

/* True if an element of the field is the token, in any case. */
static bool has_element(const struct grammar *grammar, struct span name, struct span token)
{
    for (unsigned i = 0; i < grammar->count; i++) {
        struct span list = grammar->lines[i].value, element;
        while (span_equal_nocase(grammar->lines[i].name, name) && next_element(&list, &element)) {
            if (span_equal_nocase(element, token))
                return true;
        }
    }
    return false;
}

/* RFC 9112 3.2, 9.3; RFC 9110 10.1.1 */
static void read_fields(struct grammar *grammar)
{
    struct span value;
    unsigned hosts = count_lines(grammar, SPAN("Host"), &value);
    if (hosts > 1 || (hosts == 0 && grammar->minor_version == 1))
        grammar->faults |= BIT_400;
    grammar->keep_alive = !has_element(grammar, SPAN("Connection"), SPAN("close")) &&
                          (grammar->minor_version == 1 || has_element(grammar, SPAN("Connection"), SPAN("keep-alive")));
    grammar->expects_continue =
        grammar->minor_version == 1 && has_element(grammar, SPAN("Expect"), SPAN("100-continue"));
}

/* ---- content ---- */

/* The number, in the digits of its base. Refused: no digits, more than 64 bits (RFC 9112 6.2, 7.1; documented), and too
   large a body. */
static uint64_t read_size(struct span text, const char *digits, unsigned *faults)
{
    uint64_t size = 0, base = strlen(digits);
    for (size_t i = 0; i < text.length; i++) {
        const char *digit = memchr(digits, text_lower(text.at[i]), base);
        if (digit == NULL || size > (UINT64_MAX - (uint64_t)(digit - digits)) / base) {
            *faults |= BIT_400;
            return 0;
        }
        size = size * base + (uint64_t)(digit - digits);
    }
    *faults |= text.length == 0 ? BIT_400 : size > LIMIT_BODY ? BIT_413 : 0;
    return size;
}

/* How long the body is (RFC 9112 6.3), and what is wrong with that. */
struct framing {
    unsigned faults, choices;
    bool is_chunked;
    uint64_t length;
};

static bool is_framing(struct span name)
{
    return span_equal_nocase(name, SPAN("Content-Length")) || span_equal_nocase(name, SPAN("Transfer-Encoding"));
}

static bool has_empty_element(struct span list)
{
    struct span rest = list;
    if (span_ends(list, SPAN(",")))
        return true;
    do {
        if (span_trim(fuzz_take_until(&rest, ',')).length == 0)
            return true;
    } while (rest.length > 0);
    return false;
}

/* llhttp refuses a tab behind the values, and some empty elements (documented). */
static void read_choices(const struct grammar *grammar, struct framing *framing)
{
    for (unsigned i = 0; i < grammar->count; i++) {
        const struct grammar_line *line = &grammar->lines[i];
        bool is_coding = span_equal_nocase(line->name, SPAN("Transfer-Encoding"));
        if (is_framing(line->name) && (line->tab_behind || (is_coding && has_empty_element(line->value))))
            framing->choices |= BIT_400;
    }
}

/* RFC 9112 6.1: "chunked" once and last, and not on HTTP/1.0 */
static void read_codings(const struct grammar *grammar, struct framing *framing)
{
    unsigned codings = 0, chunked = 0;
    struct span list, coding, last = SPAN_NONE;
    framing->is_chunked = count_lines(grammar, SPAN("Transfer-Encoding"), &list) > 0;
    if (!framing->is_chunked)
        return;
    for (unsigned i = 0; i < grammar->count; i++) {
        list = grammar->lines[i].value;
        while (span_equal_nocase(grammar->lines[i].name, SPAN("Transfer-Encoding")) && next_element(&list, &coding)) {
            last = coding;
            codings++;
            chunked += span_equal_nocase(coding, SPAN("chunked"));
        }
    }
    if (!span_equal_nocase(last, SPAN("chunked")) || chunked > 1 || grammar->minor_version == 0)
        framing->faults |= BIT_400;
    else if (codings > 1)
        framing->faults |= BIT_501;
}

/* RFC 9112 6.2: one number */
static void read_length(const struct grammar *grammar, struct framing *framing)
{
    struct span value;
    unsigned lines = count_lines(grammar, SPAN("Content-Length"), &value);
    if (lines == 0)
        return;
    if (lines > 1 || framing->is_chunked)
        framing->faults |= BIT_400;
    framing->length = read_size(value, "0123456789", &framing->faults);
}

static struct framing read_framing(const struct grammar *grammar)
{
    struct framing framing = {0};
    read_codings(grammar, &framing);
    read_length(grammar, &framing);
    read_choices(grammar, &framing);
    return framing;
}

static bool is_qdtext_or_del(char byte)
{
    return is_qdtext(byte) || byte == 0x7F;
}

static enum match take_qdtext(struct span *rest, unsigned *choices)
{
    struct span text;
    enum match match = take_any(rest, is_qdtext_or_del, &text);
    *choices |= memchr(text.at, 0x7F, text.length) != NULL ? BIT_400 : 0;
    return match;
}

/* quoted-string (RFC 9110 5.6.4); llhttp takes DEL in it (documented). */
static enum match take_quoted_string(struct span *rest, unsigned *choices)
{
    TAKE(take_text(rest, "\""));
    TAKE(take_qdtext(rest, choices));
    while (begins(*rest, '\\')) {
        *rest = span_from(*rest, 1);
        TAKE(rest->length == 0 ? PARTIAL : is_field_byte(rest->at[0]) ? FITS : BROKEN);
        *rest = span_from(*rest, 1);
        TAKE(take_qdtext(rest, choices));
    }
    return take_text(rest, "\"");
}

/* chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ) (RFC 9112 7.1.1). llhttp refuses BWS, which
   a recipient must take, and takes some empty tokens, and a quoted string behind a token (documented). */
static enum match take_chunk_ext(struct span *rest, unsigned *choices)
{
    struct span text;
    while (begins(*rest, ';')) {
        TAKE(take_text(rest, ";"));
        TAKE(take_any(rest, is_tchar, &text));
        *choices |= text.length == 0 ? BIT_400 : 0;
        if (!begins(*rest, '='))
            continue;
        TAKE(take_text(rest, "="));
        if (!begins(*rest, '"')) {
            TAKE(take_any(rest, is_tchar, &text));
            *choices |= text.length == 0 || begins(*rest, '"') ? BIT_400 : 0;
        }
        if (begins(*rest, '"')) {
            TAKE(take_quoted_string(rest, choices));
            TAKE(rest->length == 0 ? PARTIAL : FITS);
        }
    }
    return FITS;
}

/* chunk-size [ chunk-ext ] CRLF (RFC 9112 7.1) */
static enum match take_chunk_line(struct span *rest, struct span *digits, unsigned *choices)
{
    TAKE(take_some(rest, is_hexdig, digits));
    TAKE(take_chunk_ext(rest, choices));
    return take_text(rest, "\r\n");
}

/* chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF, without the last CRLF. `*sum` counts data. */
static enum match take_chunk(struct span *rest, struct grammar *grammar, uint64_t *size, uint64_t *sum)
{
    struct span digits;
    enum match match = take_chunk_line(rest, &digits, &grammar->choices);
    *size = read_size(digits, "0123456789abcdef", match == FITS ? &grammar->faults : &grammar->choices);
    *sum += *size;
    TAKE(match);
    TAKE(grammar->faults != 0 || *size > rest->length ? PARTIAL : FITS);
    *rest = span_from(*rest, (size_t)*size);
    return FITS;
}

/* chunked-body = *chunk last-chunk trailer-section CRLF */
static enum match take_chunked_body(struct span *rest, struct grammar *grammar)
{
    struct grammar_line trailer = {0};
    uint64_t size, sum = 0;
    size_t before = rest->length;
    do {
        enum match match = take_chunk(rest, grammar, &size, &sum);
        if (sum + before > LIMIT_BODY) /* the framing counts, too */
            grammar->choices |= BIT_413;
        TAKE(match);
        if (size > 0)
            TAKE(take_text(rest, "\r\n"));
    } while (size > 0);
    while (!begins(*rest, '\r')) {
        enum match match = take_field_line(rest, &trailer);
        if (is_framing(trailer.name)) /* RFC 9110 6.5.1: no such trailer may be sent (documented: 400) */
            grammar->choices |= BIT_400;
        TAKE(match);
    }
    return take_text(rest, "\r\n");
}

static enum match take_body(struct span *rest, struct grammar *grammar, struct framing framing)
{
    if (framing.is_chunked)
        return take_chunked_body(rest, grammar);
    TAKE(framing.length > rest->length ? PARTIAL : FITS);
    *rest = span_from(*rest, (size_t)framing.length);
    return FITS;
}

/* ---- the request ---- */

/* RFC 9112 2.1, after empty lines (2.2) */
static enum match take_request(struct span *rest, struct grammar *grammar)
{
    struct span all = *rest;
    while (begins(*rest, '\r'))
        TAKE(take_text(rest, "\r\n"));
    TAKE(take_request_line(rest, grammar));
    enum match match = take_fields(rest, grammar);
    struct framing framing = read_framing(grammar);
    grammar->choices |= framing.choices;
    if (match != FITS)
        grammar->choices |= framing.faults; /* may be seen before the head's end */
    TAKE(match);
    grammar->head_whole = true;
    grammar->faults |= framing.faults | (all.length - rest->length > LIMIT_HEAD ? BIT_431 : 0);
    read_fields(grammar);
    if (grammar->faults != 0 || span_equal(grammar->method, SPAN("CONNECT"))) /* RFC 9110 9.3.6: no content */
        return FITS;
    return take_body(rest, grammar, framing);
}

void grammar_read(struct grammar *grammar, struct span bytes)
{
    struct span rest = bytes;
    *grammar = (struct grammar){.minor_version = 1};
    grammar->match = take_request(&rest, grammar);
    grammar->used = bytes.length - rest.length;
    if (grammar->match == BROKEN) { /* another fault, behind the first, may be seen first */
        grammar->faults |= BIT_400;
        grammar->choices |= BIT_413 | BIT_431 | (grammar->first_line.length > 0 ? 0 : BIT_414 | BIT_501 | BIT_505);
    }
    if (!grammar->head_whole && bytes.length >= LIMIT_HEAD)
        grammar->faults |= BIT_431;
}

unsigned grammar_bit(int status)
{
    static const int statuses[] = {400, 413, 414, 431, 501, 505};
    for (unsigned i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (statuses[i] == status)
            return 1U << i;
    }
    return 0;
}

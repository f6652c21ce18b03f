/* Request targets, compared with a second reading by RFC 3986, and the same bytes as a Host. The input: the target. */
#include "http/target.h"

#include "base/buffer.h"
#include "lib/fuzz.h"

#include <string.h>

/* ---- a second reading, by RFC 3986 and target.h ---- */

static int hex_value(char digit)
{
    const char *digits = "0123456789abcdef", *at = digit == '\0' ? NULL : strchr(digits, text_lower(digit));
    return at == NULL ? -1 : (int)(at - digits);
}

/* Controls, spaces and "#" are none of its bytes. Others that RFC 3986 does not allow are taken as they are. */
static bool is_target_byte(char byte)
{
    return (unsigned char)byte > ' ' && byte != 0x7F && byte != '#';
}

/* Decodes each escape once (2.1), "%2F" too. False for a bad one, and for NUL. */
static bool decode(struct span raw, struct buffer *path)
{
    for (size_t i = 0; i < raw.length; i++) {
        char byte = raw.at[i];
        if (!is_target_byte(byte))
            return false;
        if (byte == '%') {
            int high = i + 1 < raw.length ? hex_value(raw.at[i + 1]) : -1;
            int low = i + 2 < raw.length ? hex_value(raw.at[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0)
                return false;
            byte = (char)(high * 16 + low);
            i += 2;
        }
        buffer_byte(path, byte);
    }
    return true;
}

/* Several slashes are one, as in a file system, also for a ".." behind them. */
static void merge_slashes(struct span path, struct buffer *merged)
{
    for (size_t i = 0; i < path.length; i++) {
        if (path.at[i] != '/' || i == 0 || path.at[i - 1] != '/')
            buffer_byte(merged, path.at[i]);
    }
}

/* The steps of 5.2.4 for an input that begins with a slash. */
static void remove_dot_segments(struct span input, struct buffer *output)
{
    while (input.length > 0) {
        bool last = span_equal(input, SPAN("/."));
        bool last_up = span_equal(input, SPAN("/.."));
        if (last || last_up)
            input = SPAN("/"); /* with the step for the segment */
        else if (span_begins(input, SPAN("/./")))
            input = span_from(input, 2), last = true;
        else if (span_begins(input, SPAN("/../")))
            input = span_from(input, 3), last_up = true;
        if (last_up) {
            while (output->length > 0 && output->at[--output->length] != '/')
                continue;
        } else if (!last) {
            size_t length = 1 + span_find(span_from(input, 1), '/');
            buffer_append(output, (struct span){input.at, length});
            input = span_from(input, length);
        }
    }
}

/* The path of origin-form or absolute-form (RFC 9112 3.2) and the query with its "?". False: 400 */
static bool split(struct span raw, struct span *path, struct span *query)
{
    struct span rest = raw, scheme = SPAN("http://");
    bool absolute = raw.length >= scheme.length && span_equal_nocase((struct span){raw.at, scheme.length}, scheme);
    if (absolute) {
        size_t end = scheme.length;
        while (end < raw.length && raw.at[end] != '/' && raw.at[end] != '?')
            end++;
        struct span authority = {raw.at + scheme.length, end - scheme.length};
        if (authority.length == 0 || authority.at[0] == ':' || !target_host_is_valid(authority)) /* host.c tests that */
            return false;
        rest = span_from(raw, end);
    }
    *path = (struct span){rest.at, span_find(rest, '?')};
    *query = span_from(rest, path->length);
    for (size_t i = 0; i < query->length; i++) {
        if (!is_target_byte(query->at[i]))
            return false;
    }
    if (path->length == 0 && absolute)
        *path = SPAN("/"); /* RFC 9110 4.2.3 */
    return path->length > 0 && path->at[0] == '/' && rest.length <= LIMIT_TARGET;
}

static void compare(struct span raw, int status, const struct target *target)
{
    static char rooms[4][LIMIT_TARGET + 2];
    struct buffer decoded = BUFFER(rooms[0]), merged = BUFFER(rooms[1]), path = BUFFER(rooms[2]);
    struct buffer found = BUFFER(rooms[3]);
    struct span sent, query;
    if (!split(raw, &sent, &query) || !decode(sent, &decoded)) {
        CHECK(status == 400);
        return;
    }
    merge_slashes(buffer_span(&decoded), &merged);
    remove_dot_segments(buffer_span(&merged), &path);
    CHECK(status == 0 && span_equal(target->query, query));
    buffer_byte(&found, '/');
    buffer_append(&found, target->path);
    if (target->slash && target->path.length > 0)
        buffer_byte(&found, '/');
    CHECK(span_equal(buffer_span(&found), buffer_span(&path)));
}

/* ---- the other checks ---- */

/* Any accepted target names something beneath the root, in its only normal form. */
static void check_path(const struct target *target)
{
    bool hidden = false;
    const char *at = target->path.at;
    CHECK(target->path.length <= LIMIT_TARGET);
    CHECK(strlen(at) == target->path.length);
    while (*at != '\0') {
        size_t length = strcspn(at, "/");
        CHECK(length > 0);
        CHECK(!(length == 1 && at[0] == '.') && !(length == 2 && at[0] == '.' && at[1] == '.'));
        hidden |= at[0] == '.' && !(length == 11 && memcmp(at, ".well-known", 11) == 0);
        at += length;
        CHECK(*at == '\0' || at[1] != '\0');
        at += *at == '/';
    }
    CHECK(hidden == target->hidden);
    CHECK(target->path.length > 0 || target->slash);
}

/* A redirect to the path, escaped again, finds the same file. */
static void check_round_trip(const struct target *target)
{
    static struct target again;
    char room[3 * LIMIT_TARGET + 2];
    struct buffer escaped = BUFFER(room);
    buffer_byte(&escaped, '/');
    buffer_uri_path(&escaped, target->path);
    if (target->slash && target->path.length > 0)
        buffer_byte(&escaped, '/');
    CHECK(!escaped.overflow);
    if (escaped.length > LIMIT_TARGET)
        return;
    CHECK(target_parse(buffer_span(&escaped), &again) == 0);
    CHECK(span_equal(again.path, target->path));
    CHECK(again.slash == target->slash && again.hidden == target->hidden && again.query.length == 0);
}

static void check_child(struct target *target)
{
    struct span name = SPAN("index.html");
    size_t length = target->path.length;
    struct span child = target_child(target, name);
    CHECK(child.length == length + (length > 0) + name.length);
    CHECK(strlen(child.at) == child.length);
    CHECK(memcmp(child.at + child.length - name.length, name.at, name.length) == 0);
}

/* A path is inside its own first segment, and the rest of it is relative to that. */
static void check_base(struct target *target)
{
    char room[LIMIT_TARGET], before[LIMIT_TARGET];
    struct span path = target->path;
    size_t length = span_find(path, '/');
    memcpy(room, path.at, length);
    memcpy(before, path.at, path.length);
    struct span base = {room, length};
    if (length == 0 || text_is_dotfile(base)) /* needs --dotfiles, and then `hidden` decides nothing */
        return;
    enum target_place place = target_take_base(target, base);
    CHECK(place == (length == path.length && !target->slash ? TARGET_ABOVE : TARGET_INSIDE));
    size_t taken = place == TARGET_ABOVE ? 0 : length == path.length ? length : length + 1;
    CHECK(span_equal(target->path, (struct span){before + taken, path.length - taken}));
    check_path(target);
}

/* RFC 3986 3.2.2: a valid host contains no byte that ends an authority or begins another component. */
static void check_host(struct span host)
{
    if (!target_host_is_valid(host))
        return;
    for (size_t i = 0; i < host.length; i++) {
        CHECK(host.at[i] > ' ' && host.at[i] < 0x7F);
        CHECK(strchr("/?#@\\\"<>{}|^`", host.at[i]) == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct target target;
    struct span raw = {(const char *)bytes, length};
    check_host(raw);
    int status = target_parse(raw, &target);
    compare(raw, status, &target);
    if (status != 0)
        return 0;
    check_path(&target);
    check_round_trip(&target);
    check_child(&target);
    CHECK(target_parse(raw, &target) == 0); /* the child overwrote the NUL */
    check_base(&target);
    return 0;
}

#include "http/target.h"

#include "base/buffer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

/* RFC 9112 3.2.2: a server must accept absolute-form, and its authority replaces Host. False for other forms. */
static bool find_authority(struct span raw, struct span *authority)
{
    static const struct span scheme = SPAN_INIT("http://");
    if (raw.length < scheme.length || raw.at[0] == '/' ||
        !span_equal_nocase((struct span){raw.at, scheme.length}, scheme))
        return false;
    struct span rest = {raw.at + scheme.length, raw.length - scheme.length};
    size_t end = 0;
    while (end < rest.length && rest.at[end] != '/' && rest.at[end] != '?')
        end++;
    *authority = (struct span){rest.at, end};
    return true;
}

struct span target_authority(struct span raw)
{
    struct span authority = SPAN_NONE;
    find_authority(raw, &authority);
    return authority;
}

static struct span strip_authority(struct span raw, bool *valid)
{
    struct span authority;
    *valid = true;
    if (!find_authority(raw, &authority))
        return raw;
    /* The host of an "http" URI may not be empty (RFC 9110 4.2.1). */
    *valid = authority.length > 0 && authority.at[0] != ':' && target_host_is_valid(authority);
    size_t before = (size_t)(authority.at - raw.at) + authority.length;
    return (struct span){raw.at + before, raw.length - before};
}

struct span target_sent_path(struct span raw)
{
    bool valid;
    struct span rest = strip_authority(raw, &valid);
    return (struct span){rest.at, span_find(rest, '?')};
}

/* Controls, spaces and non-ASCII bytes must be escaped; a target has no fragment (RFC 9112 3.2). */
static bool is_target_byte(unsigned char byte)
{
    return byte > ' ' && byte < 0x7f && byte != '#';
}

static bool is_query(struct span query)
{
    for (size_t i = 0; i < query.length; i++) {
        if (!is_target_byte((unsigned char)query.at[i]))
            return false;
    }
    return true;
}

/* Decodes once. False for a bad escape, and for NUL, escaped or not. */
static bool decode(struct span raw, char *out, size_t *length)
{
    size_t n = 0;
    for (size_t i = 0; i < raw.length; i++) {
        unsigned char byte = (unsigned char)raw.at[i];
        if (byte == '%') {
            if (raw.length - i < 3)
                return false;
            int high = text_hex_value(raw.at[i + 1]), low = text_hex_value(raw.at[i + 2]);
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return false;
            byte = (unsigned char)(high * 16 + low);
            i += 2;
        } else if (!is_target_byte(byte)) {
            return false;
        }
        out[n++] = (char)byte;
    }
    *length = n;
    return true;
}

/* The length of `path` without its last segment. */
static size_t drop_segment(const char *path, size_t length)
{
    while (length > 0 && path[length - 1] != '/')
        length--;
    return length > 0 ? length - 1 : 0;
}

/*
 * Removes dot segments (RFC 3986 5.2.4) and repeated slashes in place: the result is never longer than the input.
 * ".." at the root stays at the root.
 */
static void normalise(struct target *target, size_t length)
{
    char *path = target->room;
    size_t kept = 0;
    target->slash = true;
    for (size_t at = 0; at < length;) {
        size_t end = at + span_find((struct span){path + at, length - at}, '/');
        struct span segment = {path + at, end - at};
        bool up = span_equal(segment, SPAN(".."));
        bool named = segment.length > 0 && !up && !span_equal(segment, SPAN("."));
        if (up)
            kept = drop_segment(path, kept);
        if (named) {
            if (kept > 0)
                path[kept++] = '/';
            memmove(path + kept, segment.at, segment.length);
            kept += segment.length;
        }
        target->slash = !named || end < length;
        at = end + 1;
    }
    path[kept] = '\0';
    target->path = (struct span){path, kept};
}

static bool has_hidden_segment(struct span path)
{
    for (size_t at = 0; at < path.length;) {
        size_t end = at + span_find((struct span){path.at + at, path.length - at}, '/');
        if (text_is_dotfile((struct span){path.at + at, end - at}))
            return true;
        at = end + 1;
    }
    return false;
}

int target_parse(struct span raw, struct target *target)
{
    bool valid;
    struct span rest = strip_authority(raw, &valid);
    if (!valid || rest.length > LIMIT_TARGET)
        return 400;
    size_t end = span_find(rest, '?');
    target->query = (struct span){rest.at + end, rest.length - end};
    struct span path = {rest.at, end};
    bool absolute_form = rest.at != raw.at;
    if (path.length == 0 ? !absolute_form : path.at[0] != '/')
        return 400;
    if (!is_query(target->query))
        return 400;
    size_t length;
    if (!decode(path, target->room, &length))
        return 400;
    normalise(target, length);
    target->hidden = has_hidden_segment(target->path);
    return 0;
}

struct span target_child(struct target *target, struct span name)
{
    struct buffer child = {target->room, target->path.length, sizeof target->room, false};
    assert(name.length <= TARGET_NAME_MAX);
    if (child.length > 0)
        buffer_byte(&child, '/');
    buffer_append(&child, name);
    buffer_byte(&child, '\0');
    return (struct span){child.at, child.length - 1};
}

struct span target_suffixed(struct target *target, struct span suffix)
{
    struct buffer path = {target->room, target->path.length, sizeof target->room, false};
    assert(suffix.length <= TARGET_NAME_MAX);
    buffer_append(&path, suffix);
    buffer_byte(&path, '\0');
    return (struct span){path.at, path.length - 1};
}

/* IPv6address of RFC 3986 3.2.2. Without a zone, and not IPvFuture, by which no client can connect. */
static bool is_ipv6_address(struct span host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (host.length >= sizeof text)
        return false;
    memcpy(text, host.at, host.length);
    text[host.length] = '\0';
    return strlen(text) == host.length && inet_pton(AF_INET6, text, &address) == 1;
}

/* reg-name of RFC 3986 3.2.2: unreserved, sub-delims and escapes. Includes IPv4 addresses. */
static bool is_reg_name(struct span host)
{
    for (size_t i = 0; i < host.length; i++) {
        char byte = host.at[i];
        if (byte == '%') {
            if (host.length - i < 3 || text_hex_value(host.at[i + 1]) < 0 ||
                text_hex_value(host.at[i + 2]) < 0)
                return false;
        } else if (!text_is_letter(byte) && !text_is_digit(byte) &&
                   (byte == '\0' || strchr("-._~!$&'()*+,;=", byte) == NULL)) {
            return false;
        }
    }
    return true;
}

bool target_host_is_valid(struct span host)
{
    struct span port;
    bool valid;
    if (host.length == 0)
        return true;
    if (host.at[0] == '[') {
        size_t end = span_find(host, ']');
        if (end == host.length)
            return false;
        valid = is_ipv6_address((struct span){host.at + 1, end - 1});
        port = (struct span){host.at + end + 1, host.length - end - 1};
    } else {
        size_t end = span_find(host, ':');
        valid = is_reg_name((struct span){host.at, end});
        port = (struct span){host.at + end, host.length - end};
    }
    for (size_t i = 0; i < port.length; i++) {
        bool fits = i == 0 ? port.at[i] == ':' : text_is_digit(port.at[i]);
        if (!fits)
            return false;
    }
    return valid;
}

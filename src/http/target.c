#include "http/target.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

/* Classes of bytes. */
enum {
    IN_TARGET = 1,  /* not to be escaped in a target: no control, space or "#" (RFC 9112 3.2), or a byte of UTF-8 */
    IN_SEGMENT = 2, /* these without "%" and "/": they stand for themselves in a path */
    IN_NAME = 4,    /* unreserved and sub-delims of RFC 3986 2: they stand for themselves in a reg-name */
};

/* clang-format off */
static const unsigned char classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 7, 3, 0, 7, 1, 7, 7, 7, 7, 7, 7, 7, 7, 7, 1,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 3, 7, 3, 7, 3, 3,
    3, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 3, 3, 3, 3, 7,
    3, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 3, 3, 3, 7, 0,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
};
/* clang-format on */

/*@ assigns \nothing; */
static bool is_of_class(char byte, unsigned char class)
{
    return (classes[(unsigned char)byte] & class) != 0;
}

/* RFC 9112 3.2.2: a server must accept absolute-form, and its authority replaces Host. SPAN_NONE in other forms. */
/*@ requires readable(raw); assigns \nothing;
    ensures readable(\result) && (\result.at != \null ==>
            \result.at == raw.at + 7 && 7 + \result.length <= raw.length); */
static struct span find_authority(struct span raw)
{
    static const struct span scheme = SPAN_INIT("http://");
    if (raw.length < scheme.length || raw.at[0] == '/' ||
        !span_equal_nocase((struct span){raw.at, scheme.length}, scheme))
        return SPAN_NONE;
    struct span rest = {raw.at + scheme.length, raw.length - scheme.length};
    size_t end = 0;
    /*@ loop invariant end <= rest.length; loop assigns end; loop variant rest.length - end; */
    while (end < rest.length && rest.at[end] != '/' && rest.at[end] != '?')
        end++;
    return (struct span){rest.at, end};
}

/* Splits a target, valid or not, into authority, path and query. */
/*@ requires readable(raw) && \valid(target) && \separated(target, raw.at + (0 .. raw.length - 1));
    assigns target->authority, target->sent_path, target->query;
    ensures readable(target->authority) && readable(target->sent_path) && readable(target->query);
    ensures target->sent_path.length + target->query.length <= raw.length;
    ensures \separated(target, target->sent_path.at + (0 .. target->sent_path.length - 1)); */
static void split(struct span raw, struct target *target)
{
    struct span rest = raw, authority = find_authority(raw);
    if (authority.at != NULL) {
        size_t before = (size_t)(authority.at - raw.at) + authority.length;
        rest = (struct span){raw.at + before, raw.length - before};
    }
    size_t end = span_find(rest, '?');
    target->authority = authority;
    target->sent_path = (struct span){rest.at, end};
    target->query = (struct span){rest.at + end, rest.length - end};
}

/* The host of an "http" URI may not be empty (RFC 9110 4.2.1). */
/*@ requires readable(authority); assigns \nothing; */
static bool is_authority(struct span authority)
{
    return authority.length > 0 && authority.at[0] != ':' && target_host_is_valid(authority);
}

/*@ requires readable(query); assigns \nothing; */
static bool is_query(struct span query)
{
    /*@ loop assigns i; loop variant query.length - i; */
    for (size_t i = 0; i < query.length; i++) {
        if (!is_of_class(query.at[i], IN_TARGET))
            return false;
    }
    return true;
}

/* Decodes the byte at `*at`, and moves past it or its escape. Returns -1 for a bad escape and for NUL, escaped or
   not. */
/*@ requires readable(raw) && \valid(at) && *at < raw.length <= LIMIT_TARGET; assigns *at;
    ensures -1 <= \result < 256 && (\result >= 0 ==> \old(*at) < *at <= raw.length); */
static int decode_byte(struct span raw, size_t *at)
{
    char byte = raw.at[*at];
    if (byte != '%') {
        (*at)++;
        return is_of_class(byte, IN_TARGET) ? (unsigned char)byte : -1;
    }
    int escaped = text_escape(span_from(raw, *at));
    *at += 3;
    return escaped == 0 ? -1 : escaped;
}

/* The length of `path`, which is empty or ends with a slash, without its last segment. */
/*@ requires \valid_read(path + (0 .. length - 1)); assigns \nothing; ensures \result <= length; */
static size_t drop_segment(const char *path, size_t length)
{
    if (length > 0)
        length--;
    /*@ loop invariant length <= \at(length, Pre); loop assigns length; loop variant length; */
    while (length > 0 && path[length - 1] != '/')
        length--;
    return length;
}

/* As end_segment, for one that begins with a dot. */
/*@ requires start < end <= LIMIT_TARGET && \valid(target);
    assigns target->room[end], target->hidden; ensures \result <= end + 1; */
static size_t end_dot_segment(struct target *target, size_t start, size_t end)
{
    struct span segment = {target->room + start, end - start};
    if (span_equal(segment, SPAN(".")))
        return start;
    if (span_equal(segment, SPAN("..")))
        return drop_segment(target->room, start);
    target->hidden |= text_is_dotfile(segment);
    target->room[end] = '/';
    return end + 1;
}

/* Ends the last segment of a path, which begins at `start`. Returns the length of the path, which is empty or ends with
   a slash. */
/*@ requires start <= end <= LIMIT_TARGET && \valid(target);
    assigns target->room[end], target->hidden; ensures \result <= end + 1; */
static size_t end_segment(struct target *target, size_t start, size_t end)
{
    if (end == start)
        return start;
    if (target->room[start] == '.')
        return end_dot_segment(target, start, end);
    target->room[end] = '/';
    return end + 1;
}

/* Decodes the path once, without dot segments (RFC 3986 5.2.4) and repeated slashes. ".." at the root stays at the
   root. False if the path can't be decoded. */
/*@ requires \valid(target) && readable(target->sent_path) && target->sent_path.length <= LIMIT_TARGET;
    requires \separated(target, target->sent_path.at + (0 .. target->sent_path.length - 1));
    assigns target->room[0 .. LIMIT_TARGET + 1], target->slash, target->hidden, target->path;
    ensures \result ==> has_path(target); */
static bool read_path(struct target *target)
{
    char *path = target->room;
    size_t start = 0, end = 0; /* of the last segment */
    struct span raw = target->sent_path;
    target->hidden = false;
    /*@ loop invariant start <= end <= at <= raw.length;
        loop assigns at, start, end, target->hidden, target->room[0 .. LIMIT_TARGET + 1];
        loop variant raw.length - at; */
    for (size_t at = 0; at < raw.length;) {
        size_t next = at; /* decode_byte() has at's address, so next alone can stay in a register */
        /*@ loop invariant start <= end <= next <= raw.length && at <= next;
            loop assigns next, end, target->room[0 .. LIMIT_TARGET + 1]; loop variant raw.length - next; */
        while (next < raw.length && is_of_class(raw.at[next], IN_SEGMENT))
            path[end++] = raw.at[next++];
        at = next;
        if (at == raw.length)
            break;
        int byte = decode_byte(raw, &at);
        if (byte < 0)
            return false;
        if (byte == '/')
            start = end = end_segment(target, start, end);
        else
            path[end++] = (char)byte;
    }
    size_t length = end_segment(target, start, end);
    target->slash = length <= start;
    if (length > 0)
        length--;
    path[length] = '\0';
    target->path = (struct span){path, length};
    target->hidden = target->hidden && text_dotfile_in(target->path).length > 0; /* ".." may have removed it */
    return true;
}

int target_parse(struct span raw, struct target *target)
{
    split(raw, target);
    struct span path = target->sent_path;
    bool absolute_form = target->authority.at != NULL;
    if (absolute_form && !is_authority(target->authority))
        return 400;
    if (path.length + target->query.length > LIMIT_TARGET)
        return 400;
    if (path.length == 0 ? !absolute_form : path.at[0] != '/')
        return 400;
    return is_query(target->query) && read_path(target) ? 0 : 400;
}

void target_append_query(struct buffer *line, struct span query)
{
    /*@ loop invariant is_buffer(line);
        loop assigns i, line->length, line->overflow, line->at[0 .. line->room - 1]; loop variant query.length - i; */
    for (size_t i = 0; i < query.length; i++) {
        if ((unsigned char)query.at[i] >= 0x80)
            buffer_uri_path(line, (struct span){query.at + i, 1});
        else
            buffer_byte(line, query.at[i]);
    }
}

void target_replace(struct target *target, struct span path, bool slash)
{
    assert(path.length <= LIMIT_TARGET);
    memmove(target->room, path.at, path.length);
    target->room[path.length] = '\0';
    target->path = (struct span){target->room, path.length};
    target->slash = slash || path.length == 0;
    target->hidden = text_dotfile_in(target->path).length > 0;
}

enum target_place target_take_base(struct target *target, struct span base)
{
    struct span path = target->path;
    bool is_base = span_equal(path, base);
    if (path.length == 0 || (is_base && !target->slash))
        return TARGET_ABOVE;
    if (!is_base && !(span_begins(path, base) && path.at[base.length] == '/')) /* or the NUL after the path */
        return TARGET_OUTSIDE;
    size_t taken = base.length + !is_base;
    target->path.length -= taken;
    memmove(target->room, target->room + taken, target->path.length + 1);
    return TARGET_INSIDE;
}

void target_append_start(struct buffer *address, const struct target *target, struct span base)
{
    unsigned depth = 0;
    /*@ loop assigns i, depth; loop variant target->sent_path.length - i; */
    for (size_t i = 1; i < target->sent_path.length; i++)
        depth += target->sent_path.at[i] == '/';
    buffer_append(address, depth > TARGET_START_DEPTH_MAX ? SPAN("/") : SPAN("./"));
    /*@ loop invariant is_buffer(address);
        loop assigns depth, address->length, address->overflow, address->at[0 .. address->room - 1];
        loop variant depth; */
    for (; depth > 0 && depth <= TARGET_START_DEPTH_MAX; depth--)
        buffer_append(address, SPAN("../"));
    buffer_uri_path(address, base);
    if (base.length > 0)
        buffer_byte(address, '/');
}

struct span target_bad_escape(struct span raw)
{
    size_t path = span_find(raw, '?'); /* a query has no escapes that the server decodes */
    /*@ loop assigns at; loop variant path - at; */
    for (size_t at = 0; at < path; at++) {
        size_t left = path - at;
        if (raw.at[at] != '%' || text_escape((struct span){raw.at + at, left}) >= 0)
            continue;
        size_t length = left < 3 ? left : 3;
        /*@ loop invariant length <= left; loop assigns length; loop variant left - length; */
        while (length < left && ((unsigned char)raw.at[at + length] & 0xC0) == 0x80)
            length++;
        return (struct span){raw.at + at, length};
    }
    return SPAN_NONE;
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

/* IPv6address of RFC 3986 3.2.2. Without a zone, and not IPvFuture, by which no client can connect. Not inlined, as
   other hosts need no such stack frame. */
/*@ requires readable(host) && host.at != \null; assigns \nothing; */
__attribute__((noinline)) static bool is_ipv6_address(struct span host)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char address[16];
    if (host.length >= sizeof text)
        return false;
    memcpy(text, host.at, host.length);
    text[host.length] = '\0';
    /*@ assert text[host.length] == 0; */
    return strlen(text) == host.length && inet_pton(AF_INET6, text, address) == 1;
}

/* The length of the reg-name (RFC 3986 3.2.2) that the host begins with: unreserved, sub-delims and escapes. Includes
   IPv4 addresses. */
/*@ requires readable(host); assigns \nothing; ensures \result <= host.length; */
static size_t reg_name_length(struct span host)
{
    size_t length = 0;
    /*@ loop invariant length <= host.length; loop assigns length; loop variant host.length - length; */
    while (length < host.length && (is_of_class(host.at[length], IN_NAME) || text_escape(span_from(host, length)) >= 0))
        length++;
    return length;
}

/* [ ":" port ] of RFC 3986 3.2. */
/*@ requires readable(port); assigns \nothing; */
static bool is_port(struct span port)
{
    /*@ loop assigns i; loop variant port.length - i; */
    for (size_t i = 0; i < port.length; i++) {
        bool fits = i == 0 ? port.at[i] == ':' : text_is_digit(port.at[i]);
        if (!fits)
            return false;
    }
    return true;
}

bool target_host_is_valid(struct span host)
{
    if (host.length == 0)
        return true;
    if (host.at[0] != '[')
        return is_port(span_from(host, reg_name_length(host)));
    size_t end = span_find(host, ']');
    return end < host.length && is_ipv6_address((struct span){host.at + 1, end - 1}) &&
           is_port(span_from(host, end + 1));
}

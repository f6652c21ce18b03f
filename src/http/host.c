#include "http/host.h"

#include "base/address.h"

#include <string.h>

struct span host_of(const struct request *request, const struct target *target)
{
    return target->authority.at != NULL ? target->authority : request_field(request, FIELD_HOST);
}

struct span host_name(struct span authority)
{
    if (span_begins(authority, SPAN("["))) {
        size_t end = span_find(authority, ']');
        return (struct span){authority.at, end < authority.length ? end + 1 : end};
    }
    size_t length = span_find(authority, ':');
    if (length > 1 && authority.at[length - 1] == '.')
        length--;
    return (struct span){authority.at, length};
}

/*@ requires readable(name) && readable(end); assigns \nothing; */
static bool ends_with(struct span name, struct span end)
{
    return name.length > end.length &&
           span_equal_nocase((struct span){name.at + name.length - end.length, end.length}, end);
}

/* "0.0.0.0" and "::": connections to them end on this machine (ip(7), INADDR_ANY). */
/*@ requires \valid_read(address); assigns \nothing; */
static bool is_unspecified(const struct address *address)
{
    static const struct address any = {{0}};
    struct address v4;
    return memcmp(address, &any, sizeof any) == 0 ||
           (address_parse(SPAN("0.0.0.0"), &v4) && memcmp(address, &v4, sizeof v4) == 0);
}

/* IPv4 addresses only as four decimal numbers: browsers send no other form (WHATWG URL, host serializing). Not inlined,
   as "localhost" needs no such stack frame. */
/*@ requires readable(name); assigns \nothing; */
__attribute__((noinline)) static bool is_loopback_address(struct span name)
{
    struct address address;
    bool bracketed = name.length >= 2 && name.at[0] == '[' && name.at[name.length - 1] == ']';
    struct span bare = bracketed ? (struct span){name.at + 1, name.length - 2} : name;
    bool colon = span_find(bare, ':') < bare.length; /* IPv6 needs brackets in a host (RFC 3986 3.2.2) */
    return colon == bracketed && address_parse(bare, &address) &&
           (address_is_loopback(&address) || is_unspecified(&address));
}

bool host_is_loopback(struct span name)
{
    return span_equal_nocase(name, SPAN("localhost")) || ends_with(name, SPAN(".localhost")) ||
           is_loopback_address(name) || span_equal_nocase(name, SPAN("ip6-localhost")) ||
           span_equal_nocase(name, SPAN("ip6-loopback"));
}

bool host_is_allowed(struct span name, struct span allowed)
{
    if (span_equal(allowed, SPAN("*")))
        return true;
    struct span asked = host_name(allowed); /* it may have been typed with a port */
    if (asked.length > 1 && asked.at[0] == '.')
        return ends_with(name, asked) || span_equal_nocase(name, (struct span){asked.at + 1, asked.length - 1});
    return asked.length > 0 && span_equal_nocase(name, asked);
}

/* X-Forwarded-For. The input is a line with the networks of trusted proxies, separated by spaces, then lines of the
   field. The second reading goes from the right end to the left. */
#include "http/forwarded.h"

#include "lib/fuzz.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { TRUSTED_MAX = 8, MEMBERS_MAX = 512 };

/* ---- addresses and networks, bit by bit ---- */

/* 32 or 128 bits. */
struct bits {
    unsigned count;
    unsigned char at[16];
};

struct prefix {
    struct bits address;
    unsigned length;
};

/* An IPv4-mapped IPv6 address is an IPv4 address (RFC 4291 2.5.5.2). */
static bool read_bits(struct span text, struct bits *bits, bool *as_v6)
{
    static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    char string[64];
    if (text.length >= sizeof string || (text.length > 0 && memchr(text.at, '\0', text.length) != NULL))
        return false;
    if (text.length > 0)
        memcpy(string, text.at, text.length);
    string[text.length] = '\0';
    *as_v6 = inet_pton(AF_INET6, string, bits->at) == 1;
    bits->count = 128;
    if (*as_v6 && memcmp(bits->at, mapped, sizeof mapped) == 0) {
        memmove(bits->at, bits->at + 12, 4);
        bits->count = 32;
    }
    if (!*as_v6)
        bits->count = 32;
    return *as_v6 || inet_pton(AF_INET, string, bits->at) == 1;
}

static bool read_prefix(struct span text, struct prefix *prefix)
{
    size_t slash = span_find(text, '/');
    bool as_v6;
    uint64_t length;
    if (!read_bits((struct span){text.at, slash}, &prefix->address, &as_v6))
        return false;
    prefix->length = prefix->address.count;
    if (slash == text.length)
        return true;
    if (!span_to_number((struct span){text.at + slash + 1, text.length - slash - 1}, &length))
        return false;
    unsigned before = as_v6 && prefix->address.count == 32 ? 96 : 0;
    if (length < before || length - before > prefix->address.count)
        return false;
    prefix->length = (unsigned)length - before;
    return true;
}

static bool is_in(const struct bits *address, const struct prefix *prefix)
{
    bool same = address->count == prefix->address.count;
    for (unsigned i = 0; i < prefix->length && same; i++)
        same = ((address->at[i / 8] ^ prefix->address.at[i / 8]) >> (7 - i % 8) & 1) == 0;
    return same;
}

/* ---- the field ---- */

struct proxies {
    unsigned count;
    struct prefix prefixes[TRUSTED_MAX];
    struct network networks[TRUSTED_MAX];
};

static void read_proxies(struct span text, struct proxies *proxies)
{
    while (text.length > 0 && proxies->count < TRUSTED_MAX) {
        struct span word = fuzz_take_until(&text, ' ');
        bool known = read_prefix(word, &proxies->prefixes[proxies->count]);
        CHECK(address_parse_network(word, &proxies->networks[proxies->count]) == known);
        proxies->count += known;
    }
}

static bool is_trusted(const struct proxies *proxies, const struct bits *address)
{
    bool trusted = false;
    for (unsigned i = 0; i < proxies->count; i++)
        trusted |= is_in(address, &proxies->prefixes[i]);
    return trusted;
}

static bool is_port(struct span text)
{
    uint64_t number;
    return span_to_number(text, &number) && number <= 65535;
}

/* "ADDRESS", "[V6]", "V4:PORT" or "[V6]:PORT" */
static bool read_member(struct span member, struct bits *bits)
{
    bool as_v6, bracketed = member.at[0] == '[';
    size_t end = span_find(member, bracketed ? ']' : ':');
    if (!bracketed && read_bits(member, bits, &as_v6))
        return true;
    if (end == member.length)
        return false;
    struct span bare = {member.at + bracketed, end - bracketed};
    struct span after = {member.at + end + bracketed, member.length - end - bracketed};
    bool has_port = after.length > 0 && after.at[0] == ':' && is_port((struct span){after.at + 1, after.length - 1});
    return (has_port || (bracketed && after.length == 0)) && read_bits(bare, bits, &as_v6) && as_v6 == bracketed;
}

static enum forwarded_state read_backwards(struct span field, const struct proxies *proxies, struct bits *client)
{
    static struct span members[MEMBERS_MAX];
    unsigned count = 0;
    for (size_t at = 0, end; at < field.length; at = end + 1) {
        for (end = at; end < field.length && field.at[end] != ',' && field.at[end] != '\n';)
            end++;
        struct span member = span_trim((struct span){field.at + at, end - at});
        if (member.length > 0 && count < MEMBERS_MAX)
            members[count++] = member;
    }
    for (unsigned i = count; i > 0; i--) {
        if (!read_member(members[i - 1], client))
            return FORWARDED_BAD;
        if (!is_trusted(proxies, client))
            return FORWARDED_CLIENT;
    }
    return count > 0 ? FORWARDED_TRUSTED : FORWARDED_NOTHING;
}

static bool is_same(const struct address *address, const struct bits *bits)
{
    struct bits own = {.count = address_is_v4(address) ? 32 : 128};
    memcpy(own.at, address->bytes + (own.count == 32 ? 12 : 0), own.count / 8);
    return own.count == bits->count && memcmp(own.at, bits->at, own.count / 8) == 0;
}

static bool has_few_members(struct span field)
{
    unsigned ends = 1;
    for (size_t i = 0; i < field.length; i++)
        ends += field.at[i] == ',' || field.at[i] == '\n';
    return ends <= MEMBERS_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct span input = {(const char *)bytes, length};
    struct proxies proxies = {0};
    struct forwarded forwarded = {0};
    struct bits client = {0};
    read_proxies(fuzz_take_line(&input), &proxies);
    if (!has_few_members(input))
        return 0;
    char *copy = fuzz_copy(input);
    struct span field = {copy, input.length}, rest = field;
    while (rest.length > 0)
        forwarded_read(&forwarded, fuzz_take_line(&rest), proxies.networks, proxies.count);
    enum forwarded_state state = read_backwards(field, &proxies, &client);
    CHECK(forwarded.state == state);
    CHECK(forwarded_is_known(&forwarded) == (state == FORWARDED_CLIENT || state == FORWARDED_TRUSTED));
    CHECK(!forwarded_is_known(&forwarded) || is_same(&forwarded.client, &client));
    CHECK(!forwarded_is_known(&forwarded) ||
          forwarded_is_trusted(&forwarded.client, proxies.networks, proxies.count) == is_trusted(&proxies, &client));
    free(copy);
    return 0;
}

#include "http/forwarded.h"

#include <string.h>

bool forwarded_is_trusted(const struct address *address, const struct network *trusted, unsigned trusted_count)
{
    /*@ loop assigns i; loop variant trusted_count - i; */
    for (unsigned i = 0; i < trusted_count; i++) {
        if (address_is_in(address, &trusted[i]))
            return true;
    }
    return false;
}

/*@ requires readable(text); assigns \nothing; */
static bool is_port(struct span text)
{
    uint64_t number;
    return span_begins(text, SPAN(":")) && span_to_number(span_from(text, 1), &number) && number <= UINT16_MAX;
}

/* A bare address, "192.0.2.1:80", "[2001:db8::1]" or "[2001:db8::1]:80". */
/*@ requires readable(member) && member.length > 0 && \valid(address); assigns *address; */
static bool parse_member(struct span member, struct address *address)
{
    bool bracketed = member.at[0] == '[';
    if (address_parse(member, address))
        return true;
    size_t end = span_find(member, bracketed ? ']' : ':');
    if (end == member.length)
        return false;
    struct span bare = {member.at + bracketed, end - bracketed};
    struct span port = {member.at + end + bracketed, member.length - end - bracketed};
    bool right = is_port(port) || (bracketed && port.length == 0);
    return right && address_parse(bare, address) && (memchr(bare.at, ':', bare.length) != NULL) == bracketed;
}

/* Read from left to right, the last untrusted address wins: the same as searching from the right end. */
/*@ requires \valid(forwarded) && readable(member) && member.length > 0 && are_networks(trusted, trusted_count);
    assigns *forwarded; */
static void read_member(struct forwarded *forwarded, struct span member, const struct network *trusted,
                        unsigned trusted_count)
{
    struct address address;
    if (!parse_member(member, &address)) {
        forwarded->state = FORWARDED_BAD;
    } else if (!forwarded_is_trusted(&address, trusted, trusted_count)) {
        *forwarded = (struct forwarded){FORWARDED_CLIENT, address};
    } else if (forwarded->state == FORWARDED_NOTHING) {
        *forwarded = (struct forwarded){FORWARDED_TRUSTED, address};
    }
}

void forwarded_read(struct forwarded *forwarded, struct span line, const struct network *trusted,
                    unsigned trusted_count)
{
    struct span member;
    /*@ loop invariant readable(line) && are_networks(trusted, trusted_count);
        loop assigns line, member, *forwarded; loop variant line.length; */
    while (span_next_member(&line, &member))
        read_member(forwarded, member, trusted, trusted_count);
}

bool forwarded_is_known(const struct forwarded *forwarded)
{
    return forwarded->state == FORWARDED_TRUSTED || forwarded->state == FORWARDED_CLIENT;
}

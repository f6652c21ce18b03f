#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { MAPPED_BITS = 96, ADDRESS_BITS = 128 };

static const unsigned char mapped[MAPPED_BITS / 8] = {[10] = 0xFF, [11] = 0xFF};

struct address address_of_v4(const void *bytes)
{
    struct address address;
    memcpy(address.bytes, mapped, sizeof mapped);
    memcpy(address.bytes + sizeof mapped, bytes, 4);
    return address;
}

bool address_of_socket(const struct sockaddr *socket, struct address *address)
{
    if (socket->sa_family == AF_INET)
        *address = address_of_v4(&((const struct sockaddr_in *)(const void *)socket)->sin_addr);
    else if (socket->sa_family == AF_INET6)
        memcpy(address->bytes, &((const struct sockaddr_in6 *)(const void *)socket)->sin6_addr, sizeof address->bytes);
    else
        return false;
    return true;
}

bool address_is_v4(const struct address *address)
{
    return memcmp(address->bytes, mapped, sizeof mapped) == 0;
}

bool address_is_loopback(const struct address *address)
{
    if (address_is_v4(address))
        return address->bytes[sizeof mapped] == IN_LOOPBACKNET;
    return memcmp(address->bytes, &in6addr_loopback, sizeof address->bytes) == 0;
}

bool address_socket_is_loopback(const struct sockaddr *socket)
{
    struct address address;
    return address_of_socket(socket, &address) && address_is_loopback(&address);
}

uint16_t address_port(const struct sockaddr_storage *socket)
{
    if (socket->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)socket)->sin6_port);
    return socket->ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)(const void *)socket)->sin_port) : 0;
}

bool address_parse(struct span text, struct address *address)
{
    char string[INET6_ADDRSTRLEN];
    unsigned char v4[4];
    if (text.length == 0 || text.length >= sizeof string || memchr(text.at, '\0', text.length) != NULL)
        return false;
    memcpy(string, text.at, text.length);
    string[text.length] = '\0';
    /*@ assert string[text.length] == 0; */
    if (inet_pton(AF_INET6, string, address->bytes) == 1)
        return true;
    if (inet_pton(AF_INET, string, v4) != 1)
        return false;
    *address = address_of_v4(v4);
    return true;
}

bool address_parse_network(struct span text, struct network *network)
{
    size_t slash = span_find(text, '/');
    uint64_t bits;
    if (!address_parse((struct span){text.at, slash}, &network->address))
        return false;
    unsigned before = memchr(text.at, ':', slash) != NULL ? 0 : MAPPED_BITS;
    network->bits = ADDRESS_BITS;
    if (slash == text.length)
        return true;
    if (!span_to_number((struct span){text.at + slash + 1, text.length - slash - 1}, &bits) ||
        bits > ADDRESS_BITS - before)
        return false;
    network->bits = before + (unsigned)bits;
    return network->bits >= MAPPED_BITS ||
           !address_is_v4(&network->address); /* "::ffff:192.0.2.1/8" would mix both families */
}

bool address_is_in(const struct address *address, const struct network *network)
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (address_is_v4(address) != address_is_v4(&network->address) ||
        memcmp(address->bytes, network->address.bytes, whole) != 0)
        return false;
    return rest == 0 || (address->bytes[whole] ^ network->address.bytes[whole]) >> (8 - rest) == 0;
}

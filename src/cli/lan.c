#include "cli/lan.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool is_reachable(const struct ifaddrs *interface, sa_family_t family)
{
    if (interface->ifa_addr == NULL || interface->ifa_addr->sa_family != family ||
        (interface->ifa_flags & IFF_UP) == 0 || (interface->ifa_flags & IFF_LOOPBACK) != 0)
        return false;
    if (family == AF_INET6)
        return !IN6_IS_ADDR_LINKLOCAL(
            &((const struct sockaddr_in6 *)(const void *)interface->ifa_addr)->sin6_addr);
    uint32_t address =
        ntohl(((const struct sockaddr_in *)(const void *)interface->ifa_addr)->sin_addr.s_addr);
    return address >> 16 != 0xA9FE; /* 169.254.0.0/16, RFC 3927 */
}

unsigned lan_addresses(struct sockaddr_storage *addresses, unsigned most)
{
    static const struct {
        sa_family_t family;
        size_t size;
    } kinds[] = {{AF_INET, sizeof(struct sockaddr_in)}, {AF_INET6, sizeof(struct sockaddr_in6)}};
    struct ifaddrs *interfaces;
    unsigned count = 0;
    if (getifaddrs(&interfaces) != 0)
        return 0;
    for (unsigned kind = 0; kind < 2; kind++) {
        for (const struct ifaddrs *at = interfaces; at != NULL && count < most; at = at->ifa_next) {
            if (!is_reachable(at, kinds[kind].family))
                continue;
            addresses[count] = (struct sockaddr_storage){0};
            memcpy(&addresses[count++], at->ifa_addr, kinds[kind].size);
        }
    }
    freeifaddrs(interfaces);
    return count;
}

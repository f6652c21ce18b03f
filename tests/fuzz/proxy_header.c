/* Headers of the PROXY protocol. The input is the begin of a connection. A header is whole at one length only: before
   that it is partial, and what follows does not change it. A line is read again, backwards from its ports. */
#include "http/proxy_header.h"

#include "base/limits.h"
#include "lib/fuzz.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum proxy_header_state parse(struct span bytes, size_t length, struct proxy_header *header)
{
    char *copy = fuzz_copy((struct span){bytes.at, length});
    enum proxy_header_state state = proxy_header_parse((struct span){copy, length}, header);
    free(copy);
    return state;
}

/* Writes the line that names this client, with any server and ports of the header. */
static void check_line(struct span line, const struct proxy_header *header)
{
    char text[108], family[8], client[64], server[64], canonical[64];
    unsigned ports[2];
    CHECK(line.length < sizeof text && line.at[line.length - 1] == '\n');
    memcpy(text, line.at, line.length);
    text[line.length] = '\0';
    if (!header->named) {
        CHECK(strncmp(text, "PROXY UNKNOWN", 13) == 0);
        return;
    }
    CHECK(sscanf(text, "PROXY %7s %63s %63s %u %u\r\n", family, client, server, &ports[0], &ports[1]) == 5);
    CHECK(ports[0] <= 65535 && ports[1] <= 65535);
    snprintf(canonical, sizeof canonical, "%s", client);
    struct address address;
    CHECK(address_parse(span_of(canonical), &address));
    CHECK(memcmp(&address, &header->client, sizeof address) == 0);
    CHECK(strcmp(family, strchr(client, ':') != NULL ? "TCP6" : "TCP4") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct span input = {(const char *)bytes, length};
    struct proxy_header header, other;
    enum proxy_header_state state = parse(input, length, &header);
    if (state == PROXY_HEADER_PARTIAL) {
        CHECK(length < LIMIT_PROXY_HEADER);
        for (size_t cut = 0; cut < length; cut += 1 + length / 64)
            CHECK(parse(input, cut, &other) == PROXY_HEADER_PARTIAL);
        return 0;
    }
    if (state == PROXY_HEADER_BAD)
        return 0;
    CHECK(header.length <= length && header.length <= LIMIT_PROXY_HEADER);
    CHECK(parse(input, header.length, &other) == PROXY_HEADER_WHOLE && other.length == header.length);
    CHECK(memcmp(&other.client, &header.client, sizeof other.client) == 0 && other.named == header.named);
    for (size_t cut = 0; cut < header.length; cut += 1 + header.length / 64)
        CHECK(parse(input, cut, &other) == PROXY_HEADER_PARTIAL);
    if (*input.at == 'P')
        check_line((struct span){input.at, header.length}, &header);
    return 0;
}

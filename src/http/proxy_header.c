#include "http/proxy_header.h"

#include "base/limits.h"

#include <string.h>

/* The sections cited are those of the specification. */

/* ---- version 1, a line (2.1) ---- */

enum { V1_MAX = 107 }; /* with CRLF */

/* Leading zeros are invalid. */
static bool is_port(struct span text)
{
    uint64_t number;
    return span_to_number(text, &number) && number <= UINT16_MAX && (text.at[0] != '0' || text.length == 1);
}

static bool is_address(struct span text, bool v6, struct address *address)
{
    return address_parse(text, address) && (memchr(text.at, ':', text.length) != NULL) == v6;
}

/* "TCP4 192.0.2.1 192.0.2.2 1234 80"; after "UNKNOWN" anything may follow. */
static bool read_line(struct span line, struct proxy_header *header)
{
    struct address own;
    struct span family = span_take_until(&line, ' '), client = span_take_until(&line, ' '),
                server = span_take_until(&line, ' '), client_port = span_take_until(&line, ' ');
    bool v6 = span_equal(family, SPAN("TCP6"));
    if (span_equal(family, SPAN("UNKNOWN")))
        return true;
    header->named = true;
    return (v6 || span_equal(family, SPAN("TCP4"))) && is_address(client, v6, &header->client) &&
           is_address(server, v6, &own) && is_port(client_port) && is_port(line);
}

static enum proxy_header_state parse_line(struct span bytes, struct proxy_header *header)
{
    static const size_t begin = sizeof "PROXY " - 1;
    size_t most = bytes.length < V1_MAX ? bytes.length : V1_MAX;
    const char *end = memchr(bytes.at, '\n', most);
    if (end == NULL)
        return bytes.length < V1_MAX ? PROXY_HEADER_PARTIAL : PROXY_HEADER_BAD;
    size_t length = (size_t)(end - bytes.at);
    if (length <= begin || end[-1] != '\r' || !read_line((struct span){bytes.at + begin, length - 1 - begin}, header))
        return PROXY_HEADER_BAD;
    header->length = length + 1;
    return PROXY_HEADER_WHOLE;
}

/* ---- version 2, binary (2.2) ---- */

/*
 *      0         12        13        14       16
 *     +----~----+---------+---------+--------+----~-----+----~----+-------+-------+----~----
 *     |signature|ver |cmd |fam |prot| length | client's | server's | ports 2 * 2   | TLVs
 *     +----~----+---------+---------+--------+----~-----+----~----+-------+-------+----~----
 */
enum { VERSION_AT = 12, FAMILY_AT, LENGTH_AT, ADDRESSES_AT = 16 };
enum { LOCAL = 0x20, PROXY = 0x21 };
enum { TCP4 = 0x11, TCP6 = 0x21, FAMILY_MAX = 3, PROTOCOL_MAX = 2 };

/* Checksums and other TLVs are optional for a receiver (2.2.3). Datagrams and Unix sockets have no client that the log
   or a guard could use: the peer stays the client, as for UNSPEC. */
static bool read_addresses(unsigned char family, const char *bytes, size_t length, struct proxy_header *header)
{
    header->named = family == TCP4 || family == TCP6;
    if (family == TCP4 && length >= 12)
        header->client = address_of_v4(bytes);
    else if (family == TCP6 && length >= 36)
        memcpy(header->client.bytes, bytes, sizeof header->client.bytes);
    else
        return !header->named && family >> 4 <= FAMILY_MAX && (family & 0xF) <= PROTOCOL_MAX;
    return true;
}

static enum proxy_header_state parse_binary(struct span bytes, struct proxy_header *header)
{
    const unsigned char *at = (const unsigned char *)bytes.at;
    if (bytes.length > VERSION_AT && at[VERSION_AT] != LOCAL && at[VERSION_AT] != PROXY)
        return PROXY_HEADER_BAD;
    if (bytes.length < ADDRESSES_AT)
        return PROXY_HEADER_PARTIAL;
    size_t length = (size_t)at[LENGTH_AT] << 8 | at[LENGTH_AT + 1];
    if (length > LIMIT_PROXY_HEADER - ADDRESSES_AT)
        return PROXY_HEADER_BAD;
    if (bytes.length < ADDRESSES_AT + length)
        return PROXY_HEADER_PARTIAL;
    if (at[VERSION_AT] == PROXY && !read_addresses(at[FAMILY_AT], bytes.at + ADDRESSES_AT, length, header))
        return PROXY_HEADER_BAD;
    header->length = ADDRESSES_AT + length;
    return PROXY_HEADER_WHOLE;
}

/* ---- either ---- */

/* True if the bytes, at least one, begin like the signature, as far as they go. */
static bool begins(struct span bytes, struct span signature)
{
    size_t length = bytes.length < signature.length ? bytes.length : signature.length;
    return memcmp(bytes.at, signature.at, length) == 0;
}

enum proxy_header_state proxy_header_parse(struct span bytes, struct proxy_header *header)
{
    *header = (struct proxy_header){0};
    if (bytes.length == 0)
        return PROXY_HEADER_PARTIAL;
    if (begins(bytes, SPAN("PROXY ")))
        return parse_line(bytes, header);
    if (begins(bytes, SPAN("\r\n\r\n\0\r\nQUIT\n")))
        return parse_binary(bytes, header);
    return PROXY_HEADER_BAD;
}

/* Headers of the PROXY protocol: the client that they name, at every cut, and what is no header. */
#include "http/proxy_header.h"

#include "../guard.h"
#include "base/limits.h"

#include <arpa/inet.h>
#include <stdbool.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xC0\x00\x02\x01\x0A\x00\x00\x01\x04\xD2\x00\x50" /* 192.0.2.1, 10.0.0.1, 1234, 80 */
#define V6 \
    "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01" \
    "\xFD\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\x01" \
    "\x04\xD2\x00\x50"

/* The header; the client, or NULL: the peer stays it. */
static const struct {
    struct span header;
    const char *client;
} valid[] = {
    {TEXT("PROXY TCP4 192.0.2.1 10.0.0.1 1234 80\r\n"), "192.0.2.1"},
    {TEXT("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255"},
    {TEXT("PROXY TCP4 192.0.2.1 10.0.0.1 0 80\r\n"), "192.0.2.1"},
    {TEXT("PROXY TCP6 2001:db8::1 fd00::1 1234 80\r\n"), "2001:db8::1"},
    {TEXT("PROXY UNKNOWN\r\n"), NULL},
    {TEXT("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
          "65535 65535\r\n"),
     NULL}, /* 107 bytes (2.1) */
    {TEXT(SIGNATURE "\x21\x11\0\x0C" V4), "192.0.2.1"},
    {TEXT(SIGNATURE "\x21\x11\0\x10" V4 "\x04\0\x01x"), "192.0.2.1"}, /* a TLV */
    {TEXT(SIGNATURE "\x21\x21\0\x24" V6), "2001:db8::1"},
    {TEXT(SIGNATURE "\x21\x12\0\x0C" V4), NULL}, /* UDP */
    {TEXT(SIGNATURE "\x21\x00\0\0"), NULL},      /* UNSPEC */
    {TEXT(SIGNATURE "\x21\x00\0\x0C" V4), NULL},
    {TEXT(SIGNATURE "\x21\x31\0\0"), NULL}, /* a Unix socket */
    {TEXT(SIGNATURE "\x20\x00\0\0"), NULL}, /* LOCAL */
    {TEXT(SIGNATURE "\x20\x11\0\x0C" V4), NULL},
    {TEXT(SIGNATURE "\x20\xFF\0\x02xx"), NULL}, /* its family is ignored (2.2) */
};

static const struct span invalid[] = {
    TEXT("G"),
    TEXT("GET / HTTP/1.1\r\n"),
    TEXT("proxy TCP4 192.0.2.1 10.0.0.1 1234 80\r\n"),
    TEXT("PROXY\r\n"),
    TEXT("PROXY \r\n"),
    TEXT("PROXY \n"),
    TEXT("PROXY TCP4\r\n"),
    TEXT("PROXY TCP4 192.0.2.1 10.0.0.1 1234\r\n"),
    TEXT("PROXY TCP4 192.0.2.1 10.0.0.1 1234 80 9\r\n"),
    TEXT("PROXY TCP4 192.0.2.1 10.0.0.1 1234 80 \r\n"),
    TEXT("PROXY TCP4  192.0.2.1 10.0.0.1 1234 80\r\n"),
    TEXT("PROXY TCP4 192.0.2.1 10.0.0.1 1234 80\n"),
    TEXT("PROXY TCP4 192.0.2.1 10.0.0.1 1234 65536\r\n"),
    TEXT("PROXY TCP4 192.0.2.1 10.0.0.1 01234 80\r\n"),
    TEXT("PROXY TCP4 192.0.2.1 10.0.0.1 -1 80\r\n"),
    TEXT("PROXY TCP4 2001:db8::1 fd00::1 1234 80\r\n"),
    TEXT("PROXY TCP6 192.0.2.1 10.0.0.1 1234 80\r\n"),
    TEXT("PROXY TCP4 192.0.2.256 10.0.0.1 1234 80\r\n"),
    TEXT("PROXY TCP4 192.0.2.1 example.org 1234 80\r\n"),
    TEXT("PROXY UDP4 192.0.2.1 10.0.0.1 1234 80\r\n"),
    TEXT("\r\nGET / HTTP/1.1\r\n"),
    TEXT("\x16\x03\x01"),
    TEXT(SIGNATURE "\x11\x11\0\x0C" V4), /* another version */
    TEXT(SIGNATURE "\x22\x11\0\x0C" V4), /* another command */
    TEXT(SIGNATURE "\x21\x11\0\x0B" V4), /* too short for its family */
    TEXT(SIGNATURE "\x21\x21\0\x0C" V4),
    TEXT(SIGNATURE "\x21\x21\0\x23" V4 V4 "the last 11"),
    TEXT(SIGNATURE "\x21\x13\0\x0C" V4), /* another protocol, another family */
    TEXT(SIGNATURE "\x21\x41\0\x0C" V4),
    TEXT(SIGNATURE "\x21\x11\xFF\xFF"), /* oversized: known before it has arrived */
    TEXT(SIGNATURE "\x20\x00\x0F\xF1"),
};

static void valid_headers_name_their_client_and_are_partial_at_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(valid); i++) {
        struct proxy_header header;
        struct address client;
        struct span whole = valid[i].header;
        for (size_t cut = 0; cut < whole.length; cut++)
            assert_int_equal(proxy_header_parse(guarded((struct span){whole.at, cut}), &header), PROXY_HEADER_PARTIAL);
        assert_int_equal(proxy_header_parse(guarded(whole), &header), PROXY_HEADER_WHOLE);
        assert_int_equal(header.length, whole.length);
        assert_int_equal(header.named, valid[i].client != NULL);
        if (valid[i].client == NULL)
            continue;
        assert_true(address_parse(span_of(valid[i].client), &client));
        assert_memory_equal(&header.client, &client, sizeof client);
    }
}

static void the_request_begins_after_the_header(void **state)
{
    static const char text[] = "PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n\r\n";
    struct proxy_header header;
    (void)state;
    assert_int_equal(proxy_header_parse(SPAN(text), &header), PROXY_HEADER_WHOLE);
    assert_int_equal(header.length, strlen("PROXY UNKNOWN\r\n"));
}

static void other_bytes_are_bad_and_never_whole_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(invalid); i++) {
        struct proxy_header header;
        for (size_t cut = 0; cut < invalid[i].length; cut++)
            assert_int_not_equal(proxy_header_parse(guarded((struct span){invalid[i].at, cut}), &header),
                                 PROXY_HEADER_WHOLE);
        if (proxy_header_parse(guarded(invalid[i]), &header) != PROXY_HEADER_BAD)
            fail_msg("row %zu", i);
    }
}

static void longest_headers_decide(void **state)
{
    static char bytes[LIMIT_PROXY_HEADER];
    struct proxy_header header;
    (void)state;
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, "PROXY ", 6);
    assert_int_equal(proxy_header_parse((struct span){bytes, 106}, &header), PROXY_HEADER_PARTIAL);
    assert_int_equal(proxy_header_parse((struct span){bytes, 107}, &header), PROXY_HEADER_BAD);
    memcpy(bytes, SIGNATURE "\x21\x11\x0F\xF0" V4, 16 + 12);
    assert_int_equal(proxy_header_parse((struct span){bytes, sizeof bytes - 1}, &header), PROXY_HEADER_PARTIAL);
    assert_int_equal(proxy_header_parse((struct span){bytes, sizeof bytes}, &header), PROXY_HEADER_WHOLE);
    assert_int_equal(header.length, sizeof bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_headers_name_their_client_and_are_partial_at_every_cut),
        cmocka_unit_test(the_request_begins_after_the_header),
        cmocka_unit_test(other_bytes_are_bad_and_never_whole_before),
        cmocka_unit_test(longest_headers_decide),
    };
    return cmocka_run_group_tests(tests, guard_open, NULL);
}

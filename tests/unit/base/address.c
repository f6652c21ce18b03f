/* Addresses and networks: RFC 4632 for IPv4, RFC 4291 for IPv6. */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void networks_contain_their_addresses(void **state)
{
    static const struct {
        const char *network, *address;
        bool in;
    } rows[] = {
        {"10.0.0.0/8", "10.0.0.0", true},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"10.1.2.3/8", "10.9.9.9", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.4/31", "192.0.2.5", true},
        {"192.0.2.4/31", "192.0.2.6", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.0", false},
        {"192.0.2.1/32", "192.0.2.1", true},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "192.0.2.1", false},
        {"fd00::/8", "fdff:ffff::1", true},
        {"fd00::/8", "fc00::1", false},
        {"2001:db8::/33", "2001:db8:7fff::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"::1", "::1", true},
        {"::1", "::2", false},
        {"::ffff:192.0.2.0/120", "192.0.2.9", true},
        {"192.0.2.0/24", "::ffff:192.0.2.9", true},
        /* The longest form, then one that is shorter. */
        {"0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255", true},
        {"::1", "::1", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct network network;
        struct address address;
        if (!address_parse_network(span_of(rows[i].network), &network) ||
            !address_parse(span_of(rows[i].address), &address))
            fail_msg("row %zu: can't be read", i);
        if (address_is_in(&address, &network) != rows[i].in)
            fail_msg("%s is%s in %s", rows[i].address, rows[i].in ? " not" : "", rows[i].network);
    }
}

static void invalid_addresses_and_networks_are_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/8 ",
        "10.0.0.0/8/8",
        "10.0.0/8",
        "10.0.0.256",
        "::/129",
        "::ffff:10.0.0.0/8",
        "[::1]",
        "fe80::1%eth0",
        "localhost",
        "10.0.0.1:80",
        "1111:1111:1111:1111:1111:1111:111.111.111.111111111",
        "0000:0000:0000:0000:0000:ffff:255.255.255.2555",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct network network;
        if (address_parse_network(span_of(rows[i]), &network))
            fail_msg("'%s' is taken", rows[i]);
    }
    struct network network;
    assert_false(address_parse_network(SPAN("::1\0"), &network));
    assert_false(address_parse_network(SPAN_NONE, &network));
}

static void sockets_have_addresses_and_ports(void **state)
{
    static const struct {
        const char *address;
        bool loopback;
    } rows[] = {
        {"127.0.0.1", true}, {"127.255.0.1", true}, {"128.0.0.1", false}, {"192.0.2.1", false},
        {"::1", true},       {"::2", false},        {"fe80::1", false},   {"::ffff:127.0.0.1", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sockaddr_storage socket = {0};
        struct sockaddr_in *v4 = (void *)&socket;
        struct sockaddr_in6 *v6 = (void *)&socket;
        struct address expected, address;
        assert_true(address_parse(span_of(rows[i].address), &expected));
        if (inet_pton(AF_INET, rows[i].address, &v4->sin_addr) == 1) {
            v4->sin_family = AF_INET;
            v4->sin_port = htons(80);
        } else {
            assert_int_equal(inet_pton(AF_INET6, rows[i].address, &v6->sin6_addr), 1);
            v6->sin6_family = AF_INET6;
            v6->sin6_port = htons(80);
        }
        assert_true(address_of_socket((const struct sockaddr *)&socket, &address));
        assert_memory_equal(&address, &expected, sizeof expected);
        assert_int_equal(address_is_loopback(&address), rows[i].loopback);
        assert_int_equal(address_socket_is_loopback((const struct sockaddr *)&socket), rows[i].loopback);
        assert_int_equal(address_port(&socket), 80);
    }
}

static void unix_sockets_have_neither(void **state)
{
    struct sockaddr_storage socket = {.ss_family = AF_UNIX};
    struct address address;
    (void)state;
    assert_false(address_of_socket((const struct sockaddr *)&socket, &address));
    assert_false(address_socket_is_loopback((const struct sockaddr *)&socket));
    assert_int_equal(address_port(&socket), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_contain_their_addresses),
        cmocka_unit_test(invalid_addresses_and_networks_are_refused),
        cmocka_unit_test(sockets_have_addresses_and_ports),
        cmocka_unit_test(unix_sockets_have_neither),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

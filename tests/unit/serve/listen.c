/* Addresses that only this machine reaches. */
#include "serve/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

static struct sockaddr_storage address_of(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&storage;
    bool is_v6 = strchr(text, ':') != NULL;
    storage.ss_family = is_v6 ? AF_INET6 : AF_INET;
    assert_int_equal(
        inet_pton(storage.ss_family, text, is_v6 ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr), 1);
    return storage;
}

static const struct {
    const char *text;
    bool loopback;
} cases[] = {
    {"127.0.0.1", true},        {"127.255.0.9", true},  {"126.0.0.1", false}, {"0.0.0.0", false},
    {"1.0.0.127", false},       {"::1", true},          {"::", false},        {"::ffff:127.0.0.1", true},
    {"::ffff:10.0.0.1", false}, {"::127.0.0.1", false}, {"fe80::1", false},
};
enum { CASES = sizeof cases / sizeof *cases };

static void loopback_addresses_are_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct sockaddr_storage storage = address_of(cases[i].text);
        assert_int_equal(listen_is_loopback((struct sockaddr *)&storage), cases[i].loopback);
    }
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    assert_true(listen_is_loopback((struct sockaddr *)&local));
}

static void one_other_address_is_enough(void **state)
{
    (void)state;
    struct listening listening = {.count = 2, .addresses = {address_of("127.0.0.1"), address_of("::1")}};
    assert_true(listen_is_local(&listening));
    listening.addresses[1] = address_of("192.168.1.7");
    assert_false(listen_is_local(&listening));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_addresses_are_known),
        cmocka_unit_test(one_other_address_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

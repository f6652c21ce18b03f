/* X-Forwarded-For: the rightmost untrusted address is the client. */
#include "http/forwarded.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct network trusted[3];

static int begin(void **state)
{
    (void)state;
    return address_parse_network(SPAN("10.0.0.0/8"), &trusted[0]) &&
                   address_parse_network(SPAN("fd00::/8"), &trusted[1]) &&
                   address_parse_network(SPAN("192.0.2.7"), &trusted[2])
               ? 0
               : -1;
}

/* The lines of the field, and the client; NULL: unknown. */
static const struct {
    const char *lines[3];
    const char *client;
} rows[] = {
    {{NULL}, NULL},
    {{""}, NULL},
    {{" , ,"}, NULL},
    {{"203.0.113.1"}, "203.0.113.1"},
    {{"2001:db8::1"}, "2001:db8::1"},
    {{"203.0.113.1, 203.0.113.2"}, "203.0.113.2"},
    {{"203.0.113.1, 10.0.0.1"}, "203.0.113.1"},
    {{"203.0.113.1,10.0.0.1 ,\tfd00::1, 192.0.2.7"}, "203.0.113.1"},
    {{"203.0.113.1, 203.0.113.2, 10.0.0.1"}, "203.0.113.2"},
    {{"203.0.113.1, , 10.0.0.1,"}, "203.0.113.1"},
    /* Proxies only: the leftmost. */
    {{"10.0.0.3"}, "10.0.0.3"},
    {{"10.0.0.3, 10.0.0.2, 10.0.0.1"}, "10.0.0.3"},
    /* Members that the client forged. */
    {{"junk, 203.0.113.2"}, "203.0.113.2"},
    {{"junk, 203.0.113.2, 10.0.0.1"}, "203.0.113.2"},
    {{"10.0.0.9, 203.0.113.2"}, "203.0.113.2"},
    /* Members that trusted proxies wrote. */
    {{"junk"}, NULL},
    {{"203.0.113.1, junk"}, NULL},
    {{"203.0.113.1, junk, 10.0.0.1"}, NULL},
    {{"junk, 10.0.0.1"}, NULL},
    {{"203.0.113.1, unknown"}, NULL},
    {{"203.0.113.1 203.0.113.2"}, NULL},
    {{"203.0.113.256"}, NULL},
    {{"\"203.0.113.1\""}, NULL},
    /* Several lines are one list (RFC 9110 5.3). */
    {{"203.0.113.1", "203.0.113.2"}, "203.0.113.2"},
    {{"203.0.113.1", "10.0.0.1", "fd00::2"}, "203.0.113.1"},
    {{"203.0.113.1", "junk"}, NULL},
    {{"junk", "203.0.113.1"}, "203.0.113.1"},
    /* Ports, as some load balancers add them. */
    {{"203.0.113.1:4711"}, "203.0.113.1"},
    {{"203.0.113.1, 10.0.0.1:80"}, "203.0.113.1"},
    {{"[2001:db8::1]:4711"}, "2001:db8::1"},
    {{"[2001:db8::1]"}, "2001:db8::1"},
    {{"[2001:db8::1]x"}, NULL},
    {{"[2001:db8::1"}, NULL},
    {{"[203.0.113.1]"}, NULL},
    {{"203.0.113.1:"}, NULL},
    {{"203.0.113.1:0"}, "203.0.113.1"},
    {{"203.0.113.1:65535"}, "203.0.113.1"},
    {{"203.0.113.1:65536"}, NULL},
    {{"203.0.113.1:x"}, NULL},
    {{"["}, NULL},
    {{":"}, NULL},
    /* An IPv4-mapped IPv6 address is the same client. */
    {{"203.0.113.1, ::ffff:10.0.0.1"}, "203.0.113.1"},
};

static void rightmost_untrusted_address_is_the_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct forwarded forwarded = {0};
        for (size_t line = 0; line < COUNT(rows[i].lines) && rows[i].lines[line] != NULL; line++)
            forwarded_read(&forwarded, span_of(rows[i].lines[line]), trusted, COUNT(trusted));
        if (forwarded_is_known(&forwarded) != (rows[i].client != NULL))
            fail_msg("row %zu, '%s': known %d", i, rows[i].lines[0], forwarded_is_known(&forwarded));
        struct address client;
        if (rows[i].client == NULL)
            continue;
        assert_true(address_parse(span_of(rows[i].client), &client));
        if (memcmp(&client, &forwarded.client, sizeof client) != 0)
            fail_msg("row %zu, '%s': not %s", i, rows[i].lines[0], rows[i].client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rightmost_untrusted_address_is_the_client),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}

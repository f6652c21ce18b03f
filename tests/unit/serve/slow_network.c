/* The slow network: exact sums of bytes and time, turns in the order of the asking. */
#include "serve/slow_network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SECOND = 1000000, START = 7 * SECOND };

static void a_turn_is_20_ms_of_the_rate(void **state)
{
    (void)state;
    struct slow_network network = {.rate = 87500};
    assert_int_equal(slow_network_turn(&network, 1000000), 1750);
    assert_int_equal(slow_network_turn(&network, 1750), 1750);
    assert_int_equal(slow_network_turn(&network, 1), 1);
    assert_int_equal(slow_network_turn(&network, 0), 0);
    network.rate = 1;
    assert_int_equal(slow_network_turn(&network, 1000), 1);
}

/* Sends so many bytes; each turn is given to the network when the last has ended, however late the loop wakes. */
static int64_t send(struct slow_network *network, int64_t ready, uint64_t bytes)
{
    int64_t end = ready;
    for (; bytes > 0; ready = 0) {
        uint64_t turn = slow_network_turn(network, bytes);
        end = slow_network_carry(network, ready, turn);
        bytes -= turn;
    }
    return end;
}

static void a_download_takes_its_bytes_by_the_rate(void **state)
{
    static const uint64_t rates[] = {1000, 30000, 87500, 204800, 104857600};
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct slow_network network = {.rate = rates[i]};
        int64_t exact = (int64_t)(UINT64_C(1000000) * SECOND / rates[i]);
        int64_t took = send(&network, START, 1000000) - START, turns = exact / 20000 + 1;
        assert_true(took >= exact);
        assert_true(took <= exact + turns); /* each is rounded up to a microsecond */
    }
}

static void turns_of_many_downloads_follow_each_other(void **state)
{
    (void)state;
    struct slow_network network = {.rate = 100000};
    for (int round = 0; round < 10; round++) {
        for (int connection = 0; connection < 6; connection++) {
            int64_t end = slow_network_carry(&network, round == 0 ? START + connection : 0, 2000);
            assert_int_equal(end, START + 20000 * (6 * round + connection + 1));
        }
    }
}

static void an_idle_network_saves_nothing_up(void **state)
{
    (void)state;
    struct slow_network network = {.rate = 1000};
    assert_int_equal(slow_network_carry(&network, START, 10), START + 10000);
    assert_int_equal(slow_network_carry(&network, START + 60 * SECOND, 10), START + 60 * SECOND + 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_is_20_ms_of_the_rate),
        cmocka_unit_test(a_download_takes_its_bytes_by_the_rate),
        cmocka_unit_test(turns_of_many_downloads_follow_each_other),
        cmocka_unit_test(an_idle_network_saves_nothing_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

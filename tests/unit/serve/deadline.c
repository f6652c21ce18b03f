/* Deadlines: when and in which order they are due, and that the queues stay intact. */
#include "serve/deadline.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { IDLE_MS = 620000 }; /* of --keep-alive, longer than a balancer's 600 s */

static struct deadlines deadlines;

static int begin(void **state)
{
    (void)state;
    deadlines_init(&deadlines, IDLE_MS);
    return 0;
}

static const struct {
    enum deadline_kind kind;
    int64_t duration;
} kinds[] = {
    {DEADLINE_IDLE, IDLE_MS},
    {DEADLINE_HEAD, LIMIT_HEAD_MS},
    {DEADLINE_BODY, LIMIT_BODY_MS},
    {DEADLINE_WRITE, LIMIT_WRITE_MS},
    {DEADLINE_LINGER, LIMIT_LINGER_MS},
    {DEADLINE_ROOT, LIMIT_ROOT_MS},
    {DEADLINE_LAST_REQUEST, LIMIT_LAST_REQUEST_MS},
    {DEADLINE_LAST_BYTES, LIMIT_LAST_BYTES_MS},
    {DEADLINE_DELAY, 0},
    {DEADLINE_TURN, 0},
};

static void without_armed_deadlines_none_is_due(void **state)
{
    (void)state;
    assert_int_equal(COUNT(kinds), DEADLINE_KINDS);
    assert_null(deadline_due(&deadlines, INT64_MAX));
    assert_int_equal(deadline_wait(&deadlines, 0), -1);
    for (size_t i = 0; i < COUNT(kinds); i++)
        assert_null(deadline_first(&deadlines, kinds[i].kind));
}

static void each_kind_has_its_time(void **state)
{
    static const int64_t now = 5000000000;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct deadline deadline;
        int64_t due = now + kinds[i].duration;
        begin(state);
        deadline_init(&deadline);
        deadline_arm(&deadlines, &deadline, kinds[i].kind, now);
        assert_int_equal(deadline.due, due);
        assert_ptr_equal(deadline_first(&deadlines, kinds[i].kind), &deadline);
        assert_int_equal(deadline_wait(&deadlines, now), kinds[i].duration);
        assert_int_equal(deadline_wait(&deadlines, due - 1), 1);
        assert_null(deadline_due(&deadlines, due - 1));
        assert_ptr_equal(deadline_due(&deadlines, due), &deadline);
        assert_int_equal(deadline_wait(&deadlines, due), 0);
        assert_int_equal(deadline_wait(&deadlines, due + 1000), 0);
        deadline_disarm(&deadline);
        assert_null(deadline_due(&deadlines, INT64_MAX));
    }
}

static void the_first_armed_is_the_first_due(void **state)
{
    struct deadline waiting[4];
    (void)state;
    for (int i = 0; i < 4; i++) {
        deadline_init(&waiting[i]);
        deadline_arm(&deadlines, &waiting[i], DEADLINE_IDLE, i * 10);
    }
    for (int i = 0; i < 4; i++) {
        assert_ptr_equal(deadline_due(&deadlines, IDLE_MS + 100), &waiting[i]);
        assert_null(deadline_due(&deadlines, IDLE_MS + i * 10 - 1));
        deadline_disarm(&waiting[i]);
    }
    assert_null(deadline_due(&deadlines, INT64_MAX));
    assert_int_equal(deadline_wait(&deadlines, 0), -1);
}

/* Also if others were armed before it. */
static void one_that_began_earlier_is_due_earlier(void **state)
{
    static const int64_t begun[] = {100, 300, 50, 200, 300}, sorted[] = {50, 100, 200, 300, 300};
    struct deadline all[COUNT(begun)];
    (void)state;
    for (size_t i = 0; i < COUNT(begun); i++) {
        deadline_init(&all[i]);
        deadline_arm(&deadlines, &all[i], DEADLINE_HEAD, begun[i]);
    }
    for (size_t i = 0; i < COUNT(sorted); i++) {
        struct deadline *due = deadline_due(&deadlines, sorted[i] + LIMIT_HEAD_MS);
        assert_non_null(due);
        assert_int_equal(due->due, sorted[i] + LIMIT_HEAD_MS);
        deadline_disarm(due);
    }
    assert_null(deadline_due(&deadlines, INT64_MAX));
    assert_int_equal(deadline_wait(&deadlines, 0), -1);
}

static void the_nearest_of_all_kinds_is_next(void **state)
{
    struct deadline idle, head, linger;
    (void)state;
    deadline_init(&idle);
    deadline_init(&head);
    deadline_init(&linger);
    deadline_arm(&deadlines, &idle, DEADLINE_IDLE, 0);
    deadline_arm(&deadlines, &head, DEADLINE_HEAD, 1);
    deadline_arm(&deadlines, &linger, DEADLINE_LINGER, 2);
    assert_int_equal(deadline_wait(&deadlines, 2), LIMIT_LINGER_MS);
    assert_ptr_equal(deadline_due(&deadlines, INT64_MAX), &linger);
    deadline_disarm(&linger);
    assert_ptr_equal(deadline_due(&deadlines, INT64_MAX), &head);
    deadline_disarm(&head);
    assert_ptr_equal(deadline_due(&deadlines, INT64_MAX), &idle);
    assert_null(deadline_due(&deadlines, IDLE_MS - 1));
}

static void rearming_moves_to_the_end(void **state)
{
    struct deadline a, b;
    (void)state;
    deadline_init(&a);
    deadline_init(&b);
    deadline_arm(&deadlines, &a, DEADLINE_WRITE, 0);
    deadline_arm(&deadlines, &b, DEADLINE_WRITE, 5);
    deadline_arm(&deadlines, &a, DEADLINE_WRITE, 10);
    assert_ptr_equal(deadline_first(&deadlines, DEADLINE_WRITE), &b);
    deadline_arm(&deadlines, &b, DEADLINE_HEAD, 10);
    assert_ptr_equal(deadline_first(&deadlines, DEADLINE_WRITE), &a);
    assert_ptr_equal(deadline_first(&deadlines, DEADLINE_HEAD), &b);
    assert_int_equal(a.due, 10 + LIMIT_WRITE_MS);
}

static void deadlines_have_a_next_and_an_age(void **state)
{
    struct deadline a, b, other;
    (void)state;
    deadline_init(&a);
    deadline_init(&b);
    deadline_init(&other);
    deadline_arm(&deadlines, &a, DEADLINE_HEAD, 100);
    deadline_arm(&deadlines, &other, DEADLINE_BODY, 150);
    deadline_arm(&deadlines, &b, DEADLINE_HEAD, 200);
    assert_ptr_equal(deadline_after(&deadlines, &a), &b);
    assert_null(deadline_after(&deadlines, &b));
    assert_null(deadline_after(&deadlines, &other));
    assert_int_equal(deadline_age(&deadlines, &a, 100), 0);
    assert_int_equal(deadline_age(&deadlines, &a, 1100), 1000);
    assert_int_equal(deadline_age(&deadlines, &other, 1100), 950);
}

static void renewed_deadlines_begin_anew_in_the_same_order(void **state)
{
    struct deadline a, b, other, unarmed;
    (void)state;
    deadline_init(&a);
    deadline_init(&b);
    deadline_init(&other);
    deadline_init(&unarmed);
    deadline_arm(&deadlines, &a, DEADLINE_HEAD, 100);
    deadline_arm(&deadlines, &b, DEADLINE_HEAD, 200);
    deadline_arm(&deadlines, &other, DEADLINE_ROOT, 150);
    deadlines_renew(&deadlines, 1000000);
    assert_null(deadline_due(&deadlines, 1000000 + LIMIT_ROOT_MS - 1));
    assert_ptr_equal(deadline_due(&deadlines, 1000000 + LIMIT_ROOT_MS), &other);
    assert_int_equal(deadline_age(&deadlines, &a, 1000000), 0);
    assert_ptr_equal(deadline_first(&deadlines, DEADLINE_HEAD), &a);
    assert_ptr_equal(deadline_after(&deadlines, &a), &b);
    assert_int_equal(b.due, a.due);
    assert_int_equal(unarmed.kind, DEADLINE_KINDS);
}

static void disarming_twice_is_harmless(void **state)
{
    struct deadline a, b;
    (void)state;
    deadline_init(&a);
    deadline_disarm(&a);
    deadline_init(&b);
    deadline_arm(&deadlines, &a, DEADLINE_BODY, 0);
    deadline_arm(&deadlines, &b, DEADLINE_BODY, 0);
    deadline_disarm(&a);
    deadline_disarm(&a);
    assert_ptr_equal(deadline_first(&deadlines, DEADLINE_BODY), &b);
    deadline_disarm(&b);
    assert_null(deadline_first(&deadlines, DEADLINE_BODY));
}

enum { WAITING = 40 };

/* The deadline that is due first, found by comparing all. */
static const struct deadline *first_of(const struct deadline *waiting)
{
    const struct deadline *first = NULL;
    for (size_t i = 0; i < WAITING; i++) {
        bool armed = waiting[i].kind != DEADLINE_KINDS;
        if (armed && (first == NULL || waiting[i].due < first->due))
            first = &waiting[i];
    }
    return first;
}

/* The next deadline is the same as first_of finds, after thousands of random changes. */
static void queues_stay_intact(void **state)
{
    static struct deadline waiting[WAITING];
    uint64_t seed = 88172645463325252;
    (void)state;
    for (size_t i = 0; i < WAITING; i++)
        deadline_init(&waiting[i]);
    for (int64_t now = 0; now < 50000; now++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        struct deadline *one = &waiting[seed % WAITING];
        unsigned kind = (unsigned)(seed >> 32) % (DEADLINE_KINDS + 2);
        if (kind < DEADLINE_KINDS)
            deadline_arm(&deadlines, one, (enum deadline_kind)kind, now);
        else
            deadline_disarm(one);
        const struct deadline *first = first_of(waiting);
        int64_t wait = first == NULL ? -1 : first->due > now ? first->due - now : 0;
        int64_t early = deadline_wait(&deadlines, now); /* may be that of a disarmed deadline */
        assert_true(first == NULL || (early >= 0 && early <= wait));
        const struct deadline *due = deadline_due(&deadlines, INT64_MAX);
        assert_true((first == NULL) == (due == NULL));
        assert_true(first == NULL || first->due == due->due);
        assert_int_equal(deadline_wait(&deadlines, now), wait);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_armed_deadlines_none_is_due, begin),
        cmocka_unit_test(each_kind_has_its_time),
        cmocka_unit_test_setup(the_first_armed_is_the_first_due, begin),
        cmocka_unit_test_setup(one_that_began_earlier_is_due_earlier, begin),
        cmocka_unit_test_setup(the_nearest_of_all_kinds_is_next, begin),
        cmocka_unit_test_setup(rearming_moves_to_the_end, begin),
        cmocka_unit_test_setup(deadlines_have_a_next_and_an_age, begin),
        cmocka_unit_test_setup(renewed_deadlines_begin_anew_in_the_same_order, begin),
        cmocka_unit_test_setup(disarming_twice_is_harmless, begin),
        cmocka_unit_test_setup(queues_stay_intact, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

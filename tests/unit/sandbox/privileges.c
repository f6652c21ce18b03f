/* Privileges: who the workers become, by capabilities(7), setresuid(2) and what --user promises. */
#include "sandbox/privileges.h"

#include "inside.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>

static struct privileges plan;
static struct failure failure;

static bool be_as_started(void)
{
    return true;
}

/* As in a container with every capability dropped. */
static bool be_without_capabilities(void)
{
    return privileges_drop(&(struct privileges){.change = PRIVILEGES_STAY, .user = 0, .group = 0}) == 0;
}

static bool be_nobody(void)
{
    return privileges_drop(&(struct privileges){.change = PRIVILEGES_CHANGE, .user = 65534, .group = 65534}) == 0;
}

static int do_nothing(void)
{
    return 0;
}

/* Root, and one that may become others. */
static bool is_root(void)
{
    return geteuid() == 0 && inside(be_nobody, do_nothing) == 0;
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static const struct {
    const char *typed;
    bool found;
    uid_t user;
    gid_t group;
} typed[] = {
    {"0", true, 0, 0},
    {"root", true, 0, 0},
    {"5", true, 5, 5}, /* whatever passwd(5) has: games has group 60 in Debian's */
    {"root:7", true, 0, 7},
    {"root:root", true, 0, 0},
    {"65534:65533", true, 65534, 65533},
    {"4000000000", true, 4000000000, 4000000000}, /* passwd(5) does not have it */
    {"4294967294:0", true, 4294967294, 0},
    {"4294967295", false, 0, 0}, /* setresuid(2): "leave it" */
    {"0:4294967295", false, 0, 0},
    {"4294967296", false, 0, 0},
    {"-1", false, 0, 0},
    {"no such user", false, 0, 0},
    {"root:no such group", false, 0, 0},
    {"root:", false, 0, 0},
    {"root:root:root", false, 0, 0},
    {"", false, 0, 0},
    {ZEROS ZEROS ZEROS ZEROS "7", false, 0, 0}, /* cut at its room it would be root */
};

/* Calls in this process, whose memory the workers inherit. */
static unsigned asked;

struct passwd *getpwnam(const char *name)
{
    struct passwd *entry;
    asked++;
    setpwent();
    while ((entry = getpwent()) != NULL && strcmp(entry->pw_name, name) != 0)
        ;
    return entry;
}

struct group *getgrnam(const char *name)
{
    struct group *entry;
    asked++;
    setgrent();
    while ((entry = getgrent()) != NULL && strcmp(entry->gr_name, name) != 0)
        ;
    return entry;
}

static void users_and_groups_are_found(void **state)
{
    (void)state;
    if (!is_root())
        skip();
    for (size_t i = 0; i < COUNT(typed); i++) {
        failure = (struct failure){0};
        int status = privileges_plan(&plan, typed[i].typed, &failure);
        if (status != (typed[i].found ? 0 : EX_USAGE) || failure.status != status)
            fail_msg("'%s': status %d", typed[i].typed, status);
        if (typed[i].found &&
            (plan.change != PRIVILEGES_CHANGE || plan.user != typed[i].user || plan.group != typed[i].group))
            fail_msg("'%s': %u:%u", typed[i].typed, plan.user, plan.group);
        if (!typed[i].found && strstr(failure.message, "unknown") == NULL)
            fail_msg("'%s': %s", typed[i].typed, failure.message);
    }
    gid_t group = 1;
    assert_true(privileges_find_group("root", &group));
    assert_int_equal(group, 0);
    assert_false(privileges_find_group("no such group", &group));
    assert_int_equal(asked, 0); /* children have asked the name services */
}

static int plan_default(void)
{
    int status = privileges_plan(&plan, NULL, &failure);
    return status != 0 ? status : (int)plan.change;
}

static int plan_nobody(void)
{
    int status = privileges_plan(&plan, "65534:65534", &failure);
    return status != 0 ? status : (int)plan.change;
}

static int plan_other(void)
{
    int status = privileges_plan(&plan, "65533:65533", &failure);
    return status != 0 ? status : (int)plan.change;
}

static void whether_to_change_depends_on_who_starts(void **state)
{
    (void)state;
    if (!is_root())
        skip();
    assert_int_equal(plan_default(), PRIVILEGES_TRY);
    assert_int_equal(plan.user, 65534);
    assert_int_equal(plan.group, 65534);
    assert_int_equal(inside(be_without_capabilities, plan_default), PRIVILEGES_STAY);
    assert_int_equal(inside(be_without_capabilities, plan_nobody), EX_NOPERM);
    assert_int_equal(inside(be_nobody, plan_default), PRIVILEGES_STAY);
    assert_int_equal(inside(be_nobody, plan_nobody), PRIVILEGES_STAY); /* it is that user */
    assert_int_equal(inside(be_nobody, plan_other), EX_USAGE);
}

/* ---- in a child that has dropped ---- */

static int be_root_again(void)
{
    return setresuid(0, 0, 0) < 0 && setresgid(0, 0, 0) < 0 && setgroups(1, &(gid_t){0}) < 0 ? 0 : 1;
}

static int look_at_identities(void)
{
    uid_t user, effective_user, saved_user;
    gid_t group, effective_group, saved_group;
    getresuid(&user, &effective_user, &saved_user);
    getresgid(&group, &effective_group, &saved_group);
    bool right = user == 65534 && effective_user == 65534 && saved_user == 65534 && group == 65534 &&
                 effective_group == 65534 && saved_group == 65534 && getgroups(0, NULL) == 0;
    return right ? 0 : 1;
}

/* In all five sets. */
static int look_at_capabilities(void)
{
    int left = privileges_are_gone() ? 0 : 1;
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0UL, 0UL, 0UL) >= 0; capability++) {
        left += prctl(PR_CAPBSET_READ, capability, 0UL, 0UL, 0UL) != 0;
        left += prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_IS_SET, capability, 0UL, 0UL) != 0;
    }
    return left;
}

static void what_is_dropped_is_gone(void **state)
{
    (void)state;
    if (!is_root())
        skip();
    assert_int_equal(inside(be_as_started, look_at_capabilities) != 0, true);
    assert_int_equal(inside(be_nobody, be_root_again), 0);
    assert_int_equal(inside(be_nobody, look_at_identities), 0);
    assert_int_equal(inside(be_nobody, look_at_capabilities), 0);
    assert_int_equal(inside(be_without_capabilities, look_at_capabilities), 0);
}

/* As root in a container that lacks CAP_SETUID only. */
static bool stay_with_groups(void)
{
    return setgroups(2, (gid_t[]){4, 24}) == 0 && be_without_capabilities();
}

static int count_groups(void)
{
    return getgroups(0, NULL);
}

static void a_user_that_stays_gives_up_its_groups(void **state)
{
    (void)state;
    if (!is_root())
        skip();
    assert_int_equal(inside(stay_with_groups, count_groups), 0);
}

static int become_another(void)
{
    return privileges_drop(&(struct privileges){.change = PRIVILEGES_CHANGE, .user = 65533, .group = 65533});
}

static void a_change_that_the_kernel_refuses_is_told(void **state)
{
    (void)state;
    if (!is_root())
        skip();
    assert_int_equal(inside(be_without_capabilities, become_another), EPERM);
}

/* As started by a program with the set-user-ID bit. */
static bool be_effectively_another(void)
{
    return setresgid(0, 65533, 0) == 0 && setresuid(0, 65533, 0) == 0;
}

static int give_up_the_other_ids(void)
{
    uid_t user, effective_user, saved_user;
    gid_t group, effective_group, saved_group;
    if (privileges_plan(&plan, NULL, &failure) != 0 || privileges_drop(&plan) != 0)
        return 2;
    getresuid(&user, &effective_user, &saved_user);
    getresgid(&group, &effective_group, &saved_group);
    bool same = user == 65533 && effective_user == 65533 && saved_user == 65533 && group == 65533 &&
                effective_group == 65533 && saved_group == 65533;
    return same ? 0 : 1;
}

static void real_and_saved_ids_become_the_effective_ones(void **state)
{
    (void)state;
    if (!is_root())
        skip();
    assert_int_equal(inside(be_effectively_another, give_up_the_other_ids), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_and_groups_are_found),
        cmocka_unit_test(whether_to_change_depends_on_who_starts),
        cmocka_unit_test(what_is_dropped_is_gone),
        cmocka_unit_test(a_user_that_stays_gives_up_its_groups),
        cmocka_unit_test(a_change_that_the_kernel_refuses_is_told),
        cmocka_unit_test(real_and_saved_ids_become_the_effective_ones),
    };
    return cmocka_run_group_tests_name("privileges", tests, NULL, NULL);
}

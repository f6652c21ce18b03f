#include "sandbox/privileges.h"

#include "base/child.h"
#include "base/text.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

/* The number of user and group nobody, Linux's default overflowuid (proc_sys_kernel(5)). A container may have no
   passwd(5). */
enum { NOBODY = 65534 };

/* For a user's name; useradd(8) takes 32 characters at most. */
enum { NAME_ROOM = 256 };

/* ---- capabilities ---- */

/* To change the workers' user and group, and to signal processes of that user (kill(2)). */
static const uint64_t needed = UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID | UINT64_C(1) << CAP_KILL;

/* The C libraries have no function for capget and capset (capget(2)): each set is in two words. */
enum { WORDS = _LINUX_CAPABILITY_U32S_3 };

static bool read_capabilities(struct __user_cap_data_struct words[WORDS])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    return syscall(SYS_capget, &header, words) == 0;
}

static uint64_t effective_capabilities(void)
{
    struct __user_cap_data_struct words[WORDS] = {{0}};
    return read_capabilities(words) ? words[0].effective | (uint64_t)words[1].effective << 32 : 0;
}

/* execve could give back a capability of this set (capabilities(7)). Needs CAP_SETPCAP; without it no_new_privs has
   to do. */
static void drop_bounding_set(void)
{
    unsigned long capability = 0;
    while (prctl(PR_CAPBSET_DROP, capability, 0UL, 0UL, 0UL) == 0)
        capability++; /* until the kernel knows no more */
}

static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[WORDS] = {{0}};
    prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL);
    syscall(SYS_capset, &header, none); /* dropping is always allowed */
}

/* ---- the workers' user ---- */

/* To setresuid(2), -1 means "no change". */
static bool read_id(const char *typed, uint32_t *id)
{
    uint64_t number;
    if (!span_to_number(span_of(typed), &number) || number >= UINT32_MAX)
        return false;
    *id = (uint32_t)number;
    return true;
}

/* Don't look numbers up: a container may have no passwd(5), and a static program can't load glibc's NSS. */
static bool find_user(struct privileges *plan, const char *typed)
{
    if (read_id(typed, &plan->user)) {
        plan->group = plan->user;
        return true;
    }
    /* cppcheck-suppress getpwnamCalled; there are no threads */
    const struct passwd *entry = getpwnam(typed);
    if (entry == NULL)
        return false;
    plan->user = entry->pw_uid;
    plan->group = entry->pw_gid;
    return true;
}

static bool find_group(const char *typed, gid_t *group)
{
    if (read_id(typed, group))
        return true;
    /* cppcheck-suppress getgrnamCalled; there are no threads */
    const struct group *entry = getgrnam(typed);
    if (entry != NULL)
        *group = entry->gr_gid;
    return entry != NULL;
}

/* Looks up the groups of a user that is given by name. initgroups(3) in each worker would ask a name service again. */
static bool find_others(struct privileges *plan, const char *user)
{
    uint32_t number;
    if (read_id(user, &number))
        return true;
    plan->other_count = LIMIT_GROUPS;
    return getgrouplist(user, plan->group, plan->others, &plan->other_count) >= 0;
}

/* What the child has found, see child_ask(). */
struct found_user {
    struct privileges plan;
    struct failure failure;
};

static int find_names(struct privileges *plan, const char *typed, struct failure *failure)
{
    char user[NAME_ROOM];
    const char *colon = strchr(typed, ':');
    size_t length = colon != NULL ? (size_t)(colon - typed) : strlen(typed);
    snprintf(user, sizeof user, "%.*s", (int)length, typed);
    if (length >= sizeof user || !find_user(plan, user))
        return fail(failure, EX_USAGE, "user '%s' is unknown; give a name of 'getent passwd', or a number", user);
    if (colon != NULL && !find_group(colon + 1, &plan->group))
        return fail(failure, EX_USAGE, "group '%s' is unknown; give a name of 'getent group', or a number", colon + 1);
    if (colon == NULL && !find_others(plan, user))
        return fail(failure, EX_USAGE, "user '%s' has more than %d groups; give '%s:GROUP'", user, LIMIT_GROUPS, user);
    return 0;
}

static void find_in_child(const void *typed, void *answer)
{
    struct found_user *found = answer;
    (void)find_names(&found->plan, typed, &found->failure);
}

static int find(struct privileges *plan, const char *typed, struct failure *failure)
{
    struct found_user found = {.plan = *plan};
    if (!child_ask(find_in_child, typed, &found, sizeof found, -1))
        return fail(failure, EX_OSERR, "can't look user '%s' up: %s", typed,
                    errno != 0 ? strerror(errno) : "the process that does has died");
    *plan = found.plan;
    *failure = found.failure;
    return failure->status;
}

struct found_group {
    gid_t group;
    bool is_known;
};

static void find_group_in_child(const void *typed, void *answer)
{
    struct found_group *found = answer;
    found->is_known = find_group(typed, &found->group);
}

bool privileges_find_group(const char *typed, gid_t *group)
{
    struct found_group found = {0};
    bool known = child_ask(find_group_in_child, typed, &found, sizeof found, -1) && found.is_known;
    if (known)
        *group = found.group;
    return known;
}

/* True if all user and group IDs of this process are the planned ones. */
static bool is_current(const struct privileges *plan)
{
    uid_t user, effective_user, saved_user;
    gid_t group, effective_group, saved_group;
    if (getresuid(&user, &effective_user, &saved_user) < 0 || getresgid(&group, &effective_group, &saved_group) < 0)
        return false;
    return user == plan->user && effective_user == plan->user && saved_user == plan->user && group == plan->group &&
           effective_group == plan->group && saved_group == plan->group;
}

static int fail_unable(struct failure *failure, const struct privileges *plan, const char *typed)
{
    if (geteuid() != 0)
        return fail(failure, EX_USAGE, "only root can become user '%s'; leave '--user' out, or start it by sudo",
                    typed);
    return fail(failure, EX_NOPERM,
                "can't become user '%s' without CAP_SETUID, CAP_SETGID and CAP_KILL; start the container as "
                "that user, with '--user %u:%u' before the image's name",
                typed, plan->user, plan->group);
}

int privileges_plan(struct privileges *plan, const char *typed, struct failure *failure)
{
    bool able = (effective_capabilities() & needed) == needed;
    *plan = (struct privileges){.change = PRIVILEGES_STAY, .user = geteuid(), .group = getegid()};
    if (typed == NULL) {
        if (able && geteuid() == 0)
            *plan = (struct privileges){.change = PRIVILEGES_TRY, .user = NOBODY, .group = NOBODY};
        return 0;
    }
    if (find(plan, typed, failure) != 0)
        return failure->status;
    if (!able && !is_current(plan))
        return fail_unable(failure, plan, typed);
    plan->change = able ? PRIVILEGES_CHANGE : PRIVILEGES_STAY;
    return 0;
}

/* ---- dropping ---- */

/* Groups first, as a user without CAP_SETGID can't. The default user may keep them where a user namespace refuses to
   change them (user_namespaces(7)). Returns 0 or an errno. */
static int change(const struct privileges *plan)
{
    if (setgroups((size_t)plan->other_count, plan->others) < 0 && (errno != EPERM || plan->change != PRIVILEGES_TRY))
        return errno;
    if (setresgid(plan->group, plan->group, plan->group) < 0 || setresuid(plan->user, plan->user, plan->user) < 0)
        return errno;
    return is_current(plan) ? 0 : EPERM;
}

/* Gives up real and saved IDs that differ from the effective ones, and supplementary groups if CAP_SETGID allows that.
   Returns 0 or an errno. */
static int stay(const struct privileges *plan)
{
    if (setgroups(0, NULL) < 0 && errno != EPERM && errno != ENOSYS)
        return errno;
    if (is_current(plan))
        return 0;
    bool done =
        setresgid(plan->group, plan->group, plan->group) == 0 && setresuid(plan->user, plan->user, plan->user) == 0;
    return done ? 0 : errno;
}

int privileges_drop(const struct privileges *plan)
{
    drop_bounding_set();
    int error = plan->change == PRIVILEGES_STAY ? stay(plan) : change(plan);
    drop_capabilities();
    return error;
}

bool privileges_are_gone(void)
{
    struct __user_cap_data_struct words[WORDS] = {{0}};
    uint32_t left = 0;
    if (!read_capabilities(words))
        return false;
    for (unsigned i = 0; i < WORDS; i++)
        left |= words[i].effective | words[i].permitted | words[i].inheritable;
    return left == 0;
}

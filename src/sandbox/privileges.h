/* The workers' user and groups; they hold no capability. */
#ifndef TINYHTTPD_SANDBOX_PRIVILEGES_H
#define TINYHTTPD_SANDBOX_PRIVILEGES_H

#include "base/failure.h"

#include <stdbool.h>
#include <sys/types.h>

enum privileges_change {
    PRIVILEGES_STAY,  /* the workers keep the master's user */
    PRIVILEGES_TRY,   /* root's default: where the kernel refuses the change they keep the master's user */
    PRIVILEGES_CHANGE /* --user: where the kernel refuses there are no workers */
};

struct privileges {
    enum privileges_change change;
    uid_t user;
    gid_t group;
};

/*
 * Finds the workers' user and group. `typed` is --user's value: USER or USER:GROUP, each a name or a number, or NULL where
 * it was not given; then root's workers become nobody (65534). A name without a group has the one of passwd(5), a number
 * has the same number. Returns 0, or the failure's status: 64 when the user is unknown or only root could become it, 77
 * when this is root without the capabilities for it.
 */
int privileges_plan(struct privileges *plan, const char *typed, struct failure *failure);

/*
 * In the child: gives up the bounding set, the supplementary groups, the group, the user, and every capability, for
 * good. Clears what PR_SET_PDEATHSIG has set. Returns 0, or the errno of the change of user, after which the process
 * must end if it was asked for.
 */
int privileges_drop(const struct privileges *plan);

/* True when this process holds no capability. */
bool privileges_are_gone(void);

#endif

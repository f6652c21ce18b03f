/* The workers' user and group, without capabilities. */
#pragma once

#include "base/failure.h"
#include "base/limits.h"

#include <stdbool.h>
#include <sys/types.h>

enum privileges_change {
    PRIVILEGES_STAY,  /* the workers keep the master's user */
    PRIVILEGES_TRY,   /* root's default: become nobody, or keep the master's user if the kernel refuses */
    PRIVILEGES_CHANGE /* --user: become it, or fail */
};

struct privileges {
    enum privileges_change change;
    uid_t user;
    gid_t group;
    int other_count; /* of supplementary groups */
    gid_t others[LIMIT_GROUPS];
};

/* Decides on the workers' user and group. `typed` is the value of --user: USER or USER:GROUP, each a name or a number.
   NULL: root's workers become nobody (65534). The default groups are all of the user's for a name, the same number for
   a number. Returns 0, or the failure's exit status: 64 if the user is unknown or only root could become it, 77 if root
   lacks the capabilities. */
int privileges_plan(struct privileges *plan, const char *typed, struct failure *failure);

/* In the child: drops the bounding set, other supplementary groups, group, user and all capabilities. Undoes
   PR_SET_PDEATHSIG. Returns 0, or the errno of the change of user or groups. */
int privileges_drop(const struct privileges *plan);

/* Finds a group by its name or number. */
bool privileges_find_group(const char *typed, gid_t *group);

/* True when this process holds no capability. */
bool privileges_are_gone(void);

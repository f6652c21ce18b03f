/* The directory that workers serve and the sandbox in which they do, opened at the start, and again when its name leads
   to another directory. */
#pragma once

#include "base/failure.h"
#include "base/settings.h"
#include "sandbox/sandbox.h"
#include "site/root.h"

#include <limits.h>
#include <stdbool.h>

struct served_root {
    const struct settings *settings;
    bool warns;                          /* a dry run leaves warnings to the program that will serve */
    bool may_be_missing;                 /* at the start: then an empty directory is served */
    struct root root;                    /* its descriptor is open */
    char name[PATH_MAX];                 /* its absolute path as typed; "" if that is unknown */
    char path[PATH_MAX];                 /* without links, for the banner */
    struct sandbox sandbox;              /* of the workers */
    struct sandbox_held held;            /* of it, in the rehearsal */
    char sandbox_line[SANDBOX_LINE_MAX]; /* its description, for the banner */
};

/* Opens the root, and checks that workers can serve it inside their sandbox (sandbox_choose_user). The caller has set
   the first three members, and keeps the struct where it is. Returns 0, or the failure's status with nothing left
   open. */
int served_root_open(struct served_root *served, struct failure *failure);

/* Opens the directory that the root's name leads to now, for workers that are forked later. Returns 0, or the failure's
   status (sandbox_rehearse) with the root unchanged. */
int served_root_replace(struct served_root *served, struct failure *failure);

/* Returns the root's absolute name; NULL if it is unknown, or if workers can't look it up. */
const char *served_root_name(const struct served_root *served);

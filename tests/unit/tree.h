/* What units share that work on files: a folder of their own, which is the current one while a test runs. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How long a change is distrusted here: some ticks of the clock that stamps files. */
enum { RACY_MS = 30 };

/* Longer than that. */
static inline void settle(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2 * RACY_MS * 1000000}, NULL);
}

static char tree_base[64];
static char tree_original[4096];

/* Makes the folder and goes there. 0, or -1 with errno. */
static inline int tree_enter(void)
{
    snprintf(tree_base, sizeof tree_base, "/tmp/tinyhttpd-unit-XXXXXX");
    return getcwd(tree_original, sizeof tree_original) == NULL || mkdtemp(tree_base) == NULL ||
                   chmod(tree_base, 0755) != 0 || chdir(tree_base) != 0
               ? -1
               : 0;
}

static inline int tree_remove_one(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status;
    (void)flag;
    (void)walk;
    return remove(path);
}

/* Descriptors for nftw(3): in musl it does not go deeper. */
enum { DEPTH_MAX = 100 };

/* Goes back, and removes the folder with all that is in it. */
static inline int tree_leave(void)
{
    return chdir(tree_original) != 0 ? -1 : nftw(tree_base, tree_remove_one, DEPTH_MAX, FTW_DEPTH | FTW_PHYS);
}

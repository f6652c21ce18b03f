/*
 * What libmagic is asked about, in memory that the master and the workers share: a file that ends its examiner, or keeps
 * it busy for LIMIT_EXAMINATION_MS of CPU time, costs one worker and is not examined again until it changes.
 *
 * The master believes nothing in this memory: it only takes from it which file a dead worker of its own was at.
 */
#ifndef TINYHTTPD_SITE_EXAMINATION_H
#define TINYHTTPD_SITE_EXAMINATION_H

#include <stdbool.h>
#include <sys/types.h>

/* Makes the memory, once, before the workers are forked. Where there is none for it, nothing is remembered. */
void examination_open(void);

void examination_close(void);

/* Called by a worker before libmagic sees the open file `fd`, whose name `path` is for the diagnostic. False where the
   file is known to have ended an examiner: it must not be examined, and no end is to be called. */
bool examination_begin(int fd, const char *path);

void examination_end(void);

/*
 * Called by the master when its child `pid` is dead. True when that died examining a file, which is remembered from now
 * on; `path` (EXAMINATION_PATH_MAX octets with its NUL) is then its name, cut where it is longer.
 */
enum { EXAMINATION_PATH_MAX = 240 };
bool examination_bury(pid_t pid, char path[EXAMINATION_PATH_MAX]);

#endif

/*
 * What libmagic is asked about, in memory that the master and the workers share: a file that ends its examiner, or keeps
 * it busy for LIMIT_EXAMINATION_MS of CPU time, costs one worker and is not examined again until it changes.
 *
 * A worker writes which file it examines, and can write nothing else there. The master takes from it only which file a
 * dead worker was at, and it alone writes which files are bad.
 */
#ifndef TINYHTTPD_SITE_EXAMINATION_H
#define TINYHTTPD_SITE_EXAMINATION_H

#include <stdbool.h>

/* Makes the memory for so many workers, before they are forked. Where there is none for it, nothing is remembered. */
void examination_open(unsigned workers);

void examination_close(void);

/* Called in a worker, whose number is counted from 0: what it examines is remembered as that one's, and it gives up writing
   anything else in this memory, for good. False where that fails. */
bool examination_keep(unsigned worker);

/* Called by a worker before libmagic sees the open file `fd`, whose name `path` is for the diagnostic. False where the
   file is known to have ended an examiner: it must not be examined, and no end is to be called. */
bool examination_begin(int fd, const char *path);

void examination_end(void);

/*
 * Called by the master when this worker is dead. True when it died examining a file, which is remembered from now on;
 * `path` (EXAMINATION_PATH_MAX bytes with its NUL) is then its name, cut where it is longer.
 */
enum { EXAMINATION_PATH_MAX = 240 };
bool examination_bury(unsigned worker, char path[EXAMINATION_PATH_MAX]);

#endif

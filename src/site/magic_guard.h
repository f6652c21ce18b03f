/*
 * Guards against files that crash libmagic, or keep it busy for LIMIT_MAGIC_MS of CPU time: each costs one
 * worker, and is not given to libmagic again until it changes.
 *
 * In shared memory each worker writes which file it gives to libmagic, and can write nothing else. When a worker
 * dies, the master adds its file to the list of bad files, which only the master can write.
 */
#pragma once

#include <stdbool.h>

/* Makes the shared memory, before the workers are forked. False with errno without memory: then don't use libmagic, as
   bad files would not be remembered. */
bool magic_guard_open(unsigned workers);

void magic_guard_close(void);

/* Call in a worker, numbered from 0: from now on it can write only its own part of the memory. False on failure. */
bool magic_guard_keep(unsigned worker);

/* Call in a worker that is none of these, and does not use libmagic: it can write none of the memory. */
bool magic_guard_drop(void);

/* Call in a worker before it gives the file `fd` to libmagic; `path` is for the log. False if the file is bad: then
   don't, and don't call magic_guard_end. */
bool magic_guard_begin(int fd, const char *path);

void magic_guard_end(void);

/* Call in the master when the worker has died. True if it died in libmagic: its file is bad from now on, and `path` is
   the file's name, cut to fit. */
enum { MAGIC_GUARD_PATH_MAX = 240 };
bool magic_guard_record_crash(unsigned worker, char path[MAGIC_GUARD_PATH_MAX]);

#include "base/descriptors.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { FIRST = STDERR_FILENO + 1 };

bool descriptors_is_null(int fd)
{
    struct stat attributes;
    return fstat(fd, &attributes) == 0 && S_ISCHR(attributes.st_mode) && attributes.st_rdev == makedev(1, 3);
}

void descriptors_close(int fd)
{
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
}

/* Returns the lowest kept descriptor that is `from` or higher; INT_MAX if there is none. */
static int next_kept(const int *kept, unsigned count, int from)
{
    int next = INT_MAX;
    for (unsigned i = 0; i < count; i++) {
        if (kept[i] >= from && kept[i] < next)
            next = kept[i];
    }
    return next;
}

/* False if there is no close_range(2): it needs Linux 5.9, and container runtimes may refuse it. */
static bool close_ranges(const int *kept, unsigned count)
{
#ifdef SYS_close_range
    for (int from = FIRST, next; from < INT_MAX; from = next < INT_MAX ? next + 1 : INT_MAX) {
        next = next_kept(kept, count, from);
        if (from < next && syscall(SYS_close_range, (unsigned)from, (unsigned)next - 1, 0U) < 0)
            return false;
    }
    return true;
#else
    (void)kept;
    (void)count;
    return false;
#endif
}

/* False if there is no proc(5). */
static bool close_listed(const int *kept, unsigned count)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return false;
    const struct dirent *entry;
    uint64_t number;
    /* cppcheck-suppress readdirCalled ; the process has one thread */
    while ((entry = readdir(folder)) != NULL) {
        if (!span_to_number(span_of(entry->d_name), &number) || number < FIRST || number >= INT_MAX)
            continue;
        int fd = (int)number;
        if (fd != dirfd(folder) && next_kept(kept, count, fd) != fd)
            close(fd);
    }
    closedir(folder);
    return true;
}

/* Tries each number that the kernel may have given (getrlimit(2)): up to a second for a million. */
static void close_each(const int *kept, unsigned count)
{
    struct rlimit limit;
    int end = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < INT_MAX ? (int)limit.rlim_max : INT_MAX;
    for (int fd = FIRST; fd < end; fd++) {
        if (next_kept(kept, count, fd) != fd)
            close(fd);
    }
}

void descriptors_close_others(const int *kept, unsigned count)
{
    if (!close_ranges(kept, count) && !close_listed(kept, count))
        close_each(kept, count);
}

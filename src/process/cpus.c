#include "process/cpus.h"

#include "base/text.h"

#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CGROUP_FILE_MAX = 4096 };

/* Reads the first line of a file. Returns an empty span if it can't be read. */
static struct span read_file(const char *path, char room[CGROUP_FILE_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, room, CGROUP_FILE_MAX) : -1;
    if (fd >= 0)
        close(fd);
    return span_trim(
        (struct span){room, length > 0 ? span_find((struct span){room, (size_t)length}, '\n') : 0});
}

/* Rounds up, so that the workers can use the whole quota. Returns at least 1. */
static unsigned cpus_of(uint64_t quota, uint64_t period)
{
    return quota == 0 ? 1 : (unsigned)((quota + period - 1) / period);
}

/* Reads "QUOTA PERIOD", in microseconds, from cpu.max of cgroup v2. Returns 0 without a quota: QUOTA is "max". */
static unsigned quota_of(const char *directory)
{
    char path[CGROUP_FILE_MAX + 32], room[CGROUP_FILE_MAX];
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", directory);
    struct span text = read_file(path, room);
    size_t blank = span_find(text, ' ');
    uint64_t quota, period;
    if (blank == text.length || !span_to_number((struct span){text.at, blank}, &quota) ||
        !span_to_number((struct span){text.at + blank + 1, text.length - blank - 1}, &period) || period == 0)
        return 0;
    return cpus_of(quota, period);
}

/* Reads the quota of cgroup v1, if the controller is at its usual mount point (cgroups(7)). */
static unsigned quota_of_v1(void)
{
    char room[CGROUP_FILE_MAX];
    uint64_t quota, period;
    /* "-1", for no quota, fails span_to_number */
    if (!span_to_number(read_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", room), &quota) ||
        !span_to_number(read_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", room), &period) || period == 0)
        return 0;
    return cpus_of(quota, period);
}

/* Returns the least quota of this process's cgroup, "0::/PATH" in /proc/self/cgroup, and its ancestors. In a container
   the path is usually "/". */
static unsigned cgroup_cpus(void)
{
    char path[CGROUP_FILE_MAX];
    struct span line = read_file("/proc/self/cgroup", path);
    unsigned least = quota_of_v1();
    size_t length = 0;
    if (line.length > 3 && line.length < sizeof path && memcmp(line.at, "0::", 3) == 0) {
        length = line.length - 3;
        memmove(path, line.at + 3, length);
    }
    for (;;) {
        path[length] = '\0';
        unsigned quota = quota_of(path);
        if (quota > 0 && (least == 0 || quota < least))
            least = quota;
        if (length == 0)
            return least;
        do
            length--;
        while (length > 0 && path[length] != '/');
    }
}

unsigned cpus_usable(void)
{
    cpu_set_t set;
    unsigned cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
    unsigned quota = cgroup_cpus();
    return quota > 0 && quota < cpus ? quota : cpus;
}

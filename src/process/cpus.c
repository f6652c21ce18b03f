#include "process/cpus.h"

#include "base/text.h"

#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CGROUP_FILE_MAX = 4096 };

/* Reads a small file whole. Its bytes without the last line's end; empty when it can't be read. */
static struct span read_file(const char *path, char room[CGROUP_FILE_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, room, CGROUP_FILE_MAX) : -1;
    if (fd >= 0)
        close(fd);
    return span_trim(
        (struct span){room, length > 0 ? span_find((struct span){room, (size_t)length}, '\n') : 0});
}

/* Rounded up, so that no CPU is left idle, and at least one. */
static unsigned cpus_of(uint64_t quota, uint64_t period)
{
    return quota == 0 ? 1 : (unsigned)((quota + period - 1) / period);
}

/* "QUOTA PERIOD" of cgroup v2's cpu.max, in microseconds; QUOTA may be "max". Returns 0 where there is no quota. */
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

/* The quota of cgroup v1, where the controller is mounted in its usual place (cgroups(7)). */
static unsigned quota_of_v1(void)
{
    char room[CGROUP_FILE_MAX];
    uint64_t quota, period;
    /* "-1" means none, and is no number here */
    if (!span_to_number(read_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", room), &quota) ||
        !span_to_number(read_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", room), &period) || period == 0)
        return 0;
    return cpus_of(quota, period);
}

/* The least quota of this process's cgroup and those above it. "0::/PATH" in /proc/self/cgroup names it; inside a
   container it is the root of what can be seen. */
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

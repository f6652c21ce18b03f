#include "process/cgroup.h"

#include "base/descriptors.h"
#include "base/text.h"

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* /proc/self/cgroup has a line for each hierarchy, about a dozen in v1; in Kubernetes, one has 200 bytes. */
enum { CGROUP_FILE_MAX = 16384, CGROUP_NAME_MAX = 32 };

/* Returns the limit that the cgroup's directory sets; UINT64_MAX without one. */
typedef uint64_t limit_reader(const char *directory);

/* Returns an empty span if the file can't be read. */
static struct span read_file(const char *path, char room[CGROUP_FILE_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, room, CGROUP_FILE_MAX) : -1;
    descriptors_close(fd);
    return (struct span){room, length > 0 ? (size_t)length : 0};
}

/* Reads the first line of a file of the cgroup's directory. */
static struct span read_line(const char *directory, const char *name, char room[CGROUP_FILE_MAX])
{
    char path[CGROUP_FILE_MAX + CGROUP_NAME_MAX];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return (struct span){room, 0};
    struct span text = read_file(path, room);
    return span_trim(span_take_until(&text, '\n'));
}

/* Returns UINT64_MAX for what is no number: "max" in v2, "-1" in v1. */
static uint64_t read_number(const char *directory, const char *name)
{
    char room[CGROUP_FILE_MAX];
    uint64_t number;
    return span_to_number(read_line(directory, name, room), &number) ? number : UINT64_MAX;
}

/* ---- the walk ---- */

static bool list_has(struct span list, struct span name)
{
    do {
        if (span_equal(span_take_until(&list, ','), name))
            return true;
    } while (list.length > 0);
    return false;
}

/* The path of this process's cgroup in the hierarchy of a controller, "" for that of v2. Lines of /proc/self/cgroup are
   ID:CONTROLLERS:PATH. Returns an empty span if there is none. */
static struct span path_of(const char *controller, char room[CGROUP_FILE_MAX])
{
    struct span text = read_file("/proc/self/cgroup", room);
    while (text.length > 0) {
        struct span line = span_take_until(&text, '\n');
        span_take_until(&line, ':');
        if (list_has(span_take_until(&line, ':'), span_of(controller)))
            return line;
    }
    return text;
}

/* Returns the least limit from the cgroup of this process up to the hierarchy's usual mount point. A container may see
   its own cgroup there, and the host's path in /proc: directories that don't exist set no limit. */
static uint64_t least(const char *mount, const char *controller, limit_reader *limit_of)
{
    char room[CGROUP_FILE_MAX], directory[CGROUP_FILE_MAX + CGROUP_NAME_MAX];
    struct span path = path_of(controller, room);
    size_t top = strlen(mount), length = top + path.length;
    memcpy(directory, mount, top);
    memcpy(directory + top, path.at, path.length);
    for (uint64_t found = UINT64_MAX;;) {
        directory[length] = '\0';
        uint64_t limit = limit_of(directory);
        if (limit < found)
            found = limit;
        if (length == top)
            return found;
        do
            length--;
        while (length > top && directory[length] != '/');
    }
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- CPUs ---- */

/* Rounds up, so that the workers can use the whole quota. */
static uint64_t cpus_of(uint64_t quota, uint64_t period)
{
    if (quota == UINT64_MAX || period == UINT64_MAX || period == 0)
        return UINT64_MAX;
    return quota == 0 ? 1 : quota / period + (quota % period > 0);
}

/* "QUOTA PERIOD", in microseconds; QUOTA may be "max". */
static uint64_t cpus_of_v2(const char *directory)
{
    char room[CGROUP_FILE_MAX];
    struct span period_text = read_line(directory, "cpu.max", room);
    struct span quota_text = span_take_until(&period_text, ' ');
    uint64_t quota, period;
    if (!span_to_number(quota_text, &quota) || !span_to_number(period_text, &period))
        return UINT64_MAX;
    return cpus_of(quota, period);
}

static uint64_t cpus_of_v1(const char *directory)
{
    return cpus_of(read_number(directory, "cpu.cfs_quota_us"), read_number(directory, "cpu.cfs_period_us"));
}

unsigned cgroup_cpus(void)
{
    cpu_set_t set;
    unsigned cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
    uint64_t quota = lesser(least("/sys/fs/cgroup", "", cpus_of_v2), least("/sys/fs/cgroup/cpu", "cpu", cpus_of_v1));
    return quota < cpus ? (unsigned)quota : cpus;
}

/* ---- memory ---- */

static uint64_t memory_of_v2(const char *directory)
{
    return read_number(directory, "memory.max");
}

/* Without a limit it is about 2^63. */
static uint64_t memory_of_v1(const char *directory)
{
    return read_number(directory, "memory.limit_in_bytes");
}

uint64_t cgroup_memory(void)
{
    return lesser(least("/sys/fs/cgroup", "", memory_of_v2), least("/sys/fs/cgroup/memory", "memory", memory_of_v1));
}

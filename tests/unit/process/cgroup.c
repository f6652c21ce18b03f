/* What the cgroups of v1 and v2 allow, read from made-up files. */
#include "process/cgroup.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define V2 "/sys/fs/cgroup"
#define V1 "/sys/fs/cgroup/memory"
#define SELF "/proc/self/cgroup"

/* ---- made-up files ---- */

struct file {
    const char *path;
    const char *text;
};

enum { FILES_MAX = 5 };

static struct file files[FILES_MAX];

static int open_made_up(const char *path, int flags)
{
    char plain[256];
    size_t length = 0;
    for (size_t i = 0; path[i] != '\0' && length < sizeof plain - 1; i++)
        if (path[i] != '/' || path[i + 1] != '/')
            plain[length++] = path[i];
    plain[length] = '\0';
    for (unsigned i = 0; i < FILES_MAX && files[i].path != NULL; i++) {
        if (strcmp(files[i].path, plain) != 0)
            continue;
        int fd = memfd_create("made up", MFD_CLOEXEC);
        assert_int_equal(write(fd, files[i].text, strlen(files[i].text)), strlen(files[i].text));
        lseek(fd, 0, SEEK_SET);
        return fd;
    }
    if (strstr(path, "cgroup") != NULL)
        return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
}

/* Replaces open(2), and the function that _FORTIFY_SOURCE makes of it. */
int open_any(const char *path, int flags, ...) __asm__("open");
int open_without_mode(const char *path, int flags) __asm__("__open_2");

int open_any(const char *path, int flags, ...)
{
    return open_made_up(path, flags);
}

int open_without_mode(const char *path, int flags)
{
    return open_made_up(path, flags);
}

static void make(const struct file made[FILES_MAX])
{
    memcpy(files, made, sizeof files);
}

static void assert_memory(uint64_t expected, const struct file made[FILES_MAX])
{
    make(made);
    if (cgroup_memory() != expected)
        fail_msg("%llu, not %llu", (unsigned long long)cgroup_memory(), (unsigned long long)expected);
}

#define ASSERT_MEMORY(expected, ...) assert_memory(expected, (const struct file[FILES_MAX]){__VA_ARGS__})

/* ---- memory ---- */

static void without_files_there_is_no_limit(void **state)
{
    (void)state;
    ASSERT_MEMORY(UINT64_MAX, {0});
    ASSERT_MEMORY(UINT64_MAX, {SELF, "0::/a\n"});
    ASSERT_MEMORY(UINT64_MAX, {SELF, "0::/a\n"}, {V2 "/a/memory.max", "max\n"}, {V2 "/memory.max", "max\n"});
}

static void limit_of_v2_is_read(void **state)
{
    (void)state;
    ASSERT_MEMORY(67108864, {SELF, "0::/\n"}, {V2 "/memory.max", "67108864\n"});
    ASSERT_MEMORY(67108864, {SELF, "0::/a\n"}, {V2 "/a/memory.max", "67108864\n"});
    ASSERT_MEMORY(0, {SELF, "0::/a\n"}, {V2 "/a/memory.max", "0\n"});
    ASSERT_MEMORY(67108864, {V2 "/memory.max", "67108864\n"}); /* without /proc */
    ASSERT_MEMORY(67108864, {SELF, "4:memory:/x\n0::/a\n"}, {V2 "/a/memory.max", "67108864"});
}

static void limit_of_v1_is_read(void **state)
{
    (void)state;
    ASSERT_MEMORY(1000, {SELF, "4:memory:/a\n0::/\n"}, {V1 "/a/memory.limit_in_bytes", "1000\n"});
    ASSERT_MEMORY(1000, {SELF, "4:cpuset,memory,pids:/a\n"}, {V1 "/a/memory.limit_in_bytes", "1000\n"});
    ASSERT_MEMORY(1000, {SELF, "9:name=systemd:/b\n4:memory:/a"}, {V1 "/a/memory.limit_in_bytes", "1000\n"});
    /* no limit */
    ASSERT_MEMORY(9223372036854771712ULL, {SELF, "4:memory:/\n"},
                  {V1 "/memory.limit_in_bytes", "9223372036854771712\n"});
    ASSERT_MEMORY(UINT64_MAX, {SELF, "4:memory:/\n"}, {V1 "/memory.limit_in_bytes", "-1\n"});
}

/* A container sees its own cgroup at the mount point, and the path of the host in /proc. */
static void limit_of_a_container_is_read(void **state)
{
    (void)state;
    ASSERT_MEMORY(1000, {SELF, "4:memory:/docker/0123\n"}, {V1 "/memory.limit_in_bytes", "1000\n"});
    ASSERT_MEMORY(1000, {SELF, "0::/../..\n"}, {V2 "/memory.max", "1000\n"});
}

static void least_limit_of_the_ancestors_counts(void **state)
{
    (void)state;
    ASSERT_MEMORY(10, {SELF, "0::/a/b\n"}, {V2 "/a/b/memory.max", "30\n"}, {V2 "/a/memory.max", "10\n"},
                  {V2 "/memory.max", "20\n"});
    ASSERT_MEMORY(10, {SELF, "0::/a/b\n"}, {V2 "/a/b/memory.max", "10\n"}, {V2 "/a/memory.max", "max\n"},
                  {V2 "/memory.max", "20\n"});
    ASSERT_MEMORY(10, {SELF, "3:memory:/a/b\n"}, {V1 "/a/b/memory.limit_in_bytes", "30\n"},
                  {V1 "/memory.limit_in_bytes", "10\n"});
    ASSERT_MEMORY(20, {SELF, "3:memory:/a\n0::/b\n"}, {V1 "/a/memory.limit_in_bytes", "30\n"},
                  {V2 "/b/memory.max", "20\n"});
}

static void limits_of_other_cgroups_do_not_count(void **state)
{
    (void)state;
    ASSERT_MEMORY(30, {SELF, "5:pids:/b\n4:memory:/a\n0::/a\n"}, {V1 "/a/memory.limit_in_bytes", "30\n"},
                  {V1 "/b/memory.limit_in_bytes", "10\n"}, {V2 "/b/memory.max", "10\n"});
    ASSERT_MEMORY(UINT64_MAX, {SELF, "5:memory_x,xmemory:/b\n"}, {V1 "/b/memory.limit_in_bytes", "10\n"});
}

static void nonsense_is_no_limit(void **state)
{
    static const char *const words[] = {"", "\n", "many\n", "-5\n", "10 MB\n", "99999999999999999999999\n", "0x10\n"};
    (void)state;
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        ASSERT_MEMORY(UINT64_MAX, {SELF, "0::/\n"}, {V2 "/memory.max", words[i]});
        ASSERT_MEMORY(7, {SELF, words[i]}, {V2 "/memory.max", "7\n"});
    }
    ASSERT_MEMORY(7, {SELF, "::\n:\n\n0:\n0::\n"}, {V2 "/memory.max", "7\n"});
}

/* As long as the kernel's longest, and without an end. */
static void long_paths_are_followed(void **state)
{
    static char self[40000];
    (void)state;
    memset(self, 'x', sizeof self - 1);
    memcpy(self, "0::/a/", 6);
    ASSERT_MEMORY(7, {SELF, self}, {V2 "/a/memory.max", "7\n"});
}

/* ---- CPUs ---- */

static void assert_cpus(unsigned expected, const struct file made[FILES_MAX])
{
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    unsigned usable = (unsigned)CPU_COUNT(&set);
    make(made);
    assert_int_equal(cgroup_cpus(), expected < usable ? expected : usable);
}

#define ASSERT_CPUS(expected, ...) assert_cpus(expected, (const struct file[FILES_MAX]){__VA_ARGS__})

static void quota_is_rounded_up_to_cpus(void **state)
{
    (void)state;
    ASSERT_CPUS(1, {SELF, "0::/\n"}, {V2 "/cpu.max", "50000 100000\n"});
    ASSERT_CPUS(1, {SELF, "0::/\n"}, {V2 "/cpu.max", "100000 100000\n"});
    ASSERT_CPUS(2, {SELF, "0::/\n"}, {V2 "/cpu.max", "100001 100000\n"});
    ASSERT_CPUS(1, {SELF, "0::/\n"}, {V2 "/cpu.max", "0 100000\n"});
    ASSERT_CPUS(1, {SELF, "0::/a/b\n"}, {V2 "/a/cpu.max", "1000 100000\n"}, {V2 "/a/b/cpu.max", "max 100000\n"});
    ASSERT_CPUS(1, {SELF, "2:cpu,cpuacct:/a\n"}, {V2 "/cpu/a/cpu.cfs_quota_us", "1000\n"},
                {V2 "/cpu/a/cpu.cfs_period_us", "100000\n"});
}

static void without_a_quota_the_affinity_counts(void **state)
{
    (void)state;
    ASSERT_CPUS(UINT32_MAX, {0});
    ASSERT_CPUS(UINT32_MAX, {SELF, "0::/\n"}, {V2 "/cpu.max", "max 100000\n"});
    ASSERT_CPUS(UINT32_MAX, {SELF, "0::/\n"}, {V2 "/cpu.max", "1000 0\n"});
    ASSERT_CPUS(UINT32_MAX, {SELF, "0::/\n"}, {V2 "/cpu.max", "1000\n"});
    ASSERT_CPUS(UINT32_MAX, {SELF, "0::/\n"}, {V2 "/cpu.max", "18446744073709551614 2\n"});
    ASSERT_CPUS(UINT32_MAX, {SELF, "2:cpu:/\n"}, {V2 "/cpu/cpu.cfs_quota_us", "-1\n"},
                {V2 "/cpu/cpu.cfs_period_us", "100000\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_files_there_is_no_limit),
        cmocka_unit_test(limit_of_v2_is_read),
        cmocka_unit_test(limit_of_v1_is_read),
        cmocka_unit_test(limit_of_a_container_is_read),
        cmocka_unit_test(least_limit_of_the_ancestors_counts),
        cmocka_unit_test(limits_of_other_cgroups_do_not_count),
        cmocka_unit_test(nonsense_is_no_limit),
        cmocka_unit_test(long_paths_are_followed),
        cmocka_unit_test(quota_is_rounded_up_to_cpus),
        cmocka_unit_test(without_a_quota_the_affinity_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

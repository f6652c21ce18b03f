/* Shared memory in parts: a process can write only its own, whatever it tries. */
#include "base/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The error of memfd_create(2) with MFD_NOEXEC_SEAL; 0: as the kernel does. */
static int seal_error;

int memfd_create(const char *name, unsigned flags)
{
    if (seal_error != 0 && (flags & 0x8U) != 0) {
        errno = seal_error;
        return -1;
    }
    return (int)syscall(SYS_memfd_create, name, flags);
}

static struct shared shared;

static int begin(void **state)
{
    (void)state;
    return shared_open(&shared, 3, 10) ? 0 : -1;
}

static bool is_mapped(const void *at)
{
    unsigned char resident;
    return mincore((void *)(uintptr_t)at, 1, &resident) == 0;
}

static int end(void **state)
{
    const struct shared before = shared;
    (void)state;
    shared_close(&shared);
    for (unsigned part = 0; part < before.count; part++) {
        if (is_mapped(shared_write(&before, part)) || is_mapped(shared_read(&before, part)))
            return -1;
    }
    return shared.count == 0 && shared_write(&shared, 7) == NULL && shared_read(&shared, 7) == NULL ? 0 : -1;
}

/* Returns the exit status of a child that keeps part 1 and calls act(). */
static int status_of(int (*act)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(shared_keep(&shared, 1) ? act() : 99);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int write_own_part(void)
{
    memcpy(shared_write(&shared, 1), "own", 4);
    return 0;
}

static void all_processes_see_a_written_part(void **state)
{
    (void)state;
    assert_string_equal(shared_read(&shared, 1), "");
    assert_int_equal(status_of(write_own_part), 0);
    assert_string_equal(shared_read(&shared, 1), "own");
    assert_string_equal(shared_read(&shared, 0), "");
    memcpy(shared_write(&shared, 2), "master", 7);
    assert_string_equal(shared_read(&shared, 2), "master");
}

/* True if this process can write there. Asks the kernel, as a write could crash. */
static bool can_write(const void *at)
{
    char byte = 'x';
    struct iovec from = {&byte, 1}, to = {(void *)(uintptr_t)at, 1};
    return process_vm_writev(getpid(), &from, 1, &to, 1, 0) == 1;
}

static int write_other_parts(void)
{
    if (!can_write((char *)shared_write(&shared, 1) + 5))
        return 77; /* container runtimes may refuse the call */
    if (can_write(shared_write(&shared, 0)) || can_write(shared_write(&shared, 2)))
        return 1;
    for (unsigned part = 0; part < shared.count; part++) {
        if (can_write(shared_read(&shared, part)))
            return 2;
    }
    return 0;
}

static void other_parts_cannot_be_written(void **state)
{
    (void)state;
    int status = status_of(write_other_parts);
    if (status == 77)
        skip();
    assert_int_equal(status, 0);
    for (unsigned part = 0; part < shared.count; part++)
        assert_string_equal(shared_read(&shared, part), "");
}

static int drop_all_parts(void)
{
    for (unsigned part = 0; part < shared.count; part++) {
        if (is_mapped(shared_write(&shared, part)) != (part == 1))
            return 1;
    }
    if (!shared_drop(&shared))
        return 2;
    for (unsigned part = 0; part < shared.count; part++) {
        if (is_mapped(shared_write(&shared, part)) || !is_mapped(shared_read(&shared, part)))
            return 3;
    }
    return 0;
}

/* In a process of its own. */
static bool keeps_only(unsigned own)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        bool well = shared_keep(&shared, own);
        for (unsigned part = 0; part < shared.count; part++)
            well = well && is_mapped(shared_write(&shared, part)) == (part == own);
        _exit(well ? 0 : 1);
    }
    return waitpid(pid, &status, 0) == pid && status == 0;
}

static void each_part_can_be_kept(void **state)
{
    (void)state;
    for (unsigned part = 0; part < shared.count; part++)
        assert_true(keeps_only(part));
}

static void process_without_a_part_only_reads(void **state)
{
    (void)state;
    assert_int_equal(status_of(drop_all_parts), 0);
}

/* Grows its mapping into the next part: the file ends before it. */
static int grow_own_part(void)
{
    char *grown = mremap(shared_write(&shared, 1), shared.size, 2 * shared.size, MREMAP_MAYMOVE);
    return grown != MAP_FAILED && can_write(grown + shared.size) ? 1 : 0;
}

static int make_views_writable(void)
{
    for (unsigned part = 0; part < shared.count; part++) {
        void *view = (void *)(uintptr_t)shared_read(&shared, part);
        void *copy = mremap(view, 0, shared.size, MREMAP_MAYMOVE);
        if (mprotect(view, shared.size, PROT_READ | PROT_WRITE) == 0 || errno != EACCES)
            return 1;
        if (copy != MAP_FAILED && mprotect(copy, shared.size, PROT_WRITE) == 0)
            return 2;
    }
    return 0;
}

static void write_access_cannot_be_extended(void **state)
{
    (void)state;
    assert_int_equal(status_of(grow_own_part), 0);
    assert_int_equal(status_of(make_views_writable), 0);
}

static void memory_is_allocated_and_sealed_at_creation(void **state)
{
    (void)state;
    for (unsigned part = 0; part < shared.count; part++) {
        struct stat file;
        char name[80];
        uintptr_t from = (uintptr_t)shared_read(&shared, part);
        snprintf(name, sizeof name, "/proc/self/map_files/%lx-%lx", (unsigned long)from,
                 (unsigned long)(from + shared.size));
        if (stat(name, &file) < 0)
            skip(); /* only root may follow these links (proc_pid_map_files(5)) */
        assert_int_equal(file.st_blocks * 512, shared.size);
        int fd = open(name, O_RDONLY | O_CLOEXEC);
        assert_int_equal(fcntl(fd, F_GET_SEALS) & 0x17, 0x17); /* all but F_SEAL_WRITE (fcntl(2)) */
        close(fd);
    }
}

static void without_memory_there_are_no_parts(void **state)
{
    (void)state;
    struct shared none = {.count = 7};
    assert_false(shared_open(&none, 2, SIZE_MAX / 8));
    assert_int_equal(none.count, 0);
    assert_null(shared_write(&none, 0));
    assert_null(shared_read(&none, 0));
    assert_true(shared_keep(&none, 0));
    assert_true(shared_drop(&none));
    shared_close(&none);
}

static int lowest_descriptor(void)
{
    int fd = open("/", O_PATH | O_CLOEXEC);
    close(fd);
    return fd;
}

static void parts_take_no_descriptors(void **state)
{
    struct shared parts;
    int saved = dup(STDIN_FILENO);
    (void)state;
    close(STDIN_FILENO); /* so that a descriptor may be 0 */
    errno = EINVAL;      /* of an earlier call */
    bool is_open = shared_open(&parts, 2, 10);
    int lowest = lowest_descriptor();
    dup2(saved, STDIN_FILENO);
    close(saved);
    assert_true(is_open);
    assert_int_equal(lowest, STDIN_FILENO);
    shared_close(&parts);
}

static void parts_have_whole_pages_and_no_more(void **state)
{
    struct shared parts;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    (void)state;
    for (size_t pages = 1; pages < 4; pages++) {
        assert_true(shared_open(&parts, 1, pages * page));
        assert_int_equal(parts.size, pages * page);
        assert_true(shared_read(&parts, 0) != NULL && shared_write(&parts, 0) != NULL);
        shared_close(&parts);
        assert_true(shared_open(&parts, 2, pages * page + 1));
        assert_int_equal(parts.size, (pages + 1) * page);
        shared_close(&parts);
    }
}

static void kernels_before_linux_6_3_have_parts(void **state)
{
    struct shared parts;
    (void)state;
    seal_error = EINVAL; /* an unknown flag */
    bool is_open = shared_open(&parts, 2, 10);
    seal_error = EMFILE;
    bool is_open_at_an_error = shared_open(&shared, 2, 10);
    seal_error = 0;
    assert_true(is_open);
    assert_false(is_open_at_an_error);
    shared_close(&parts);
}

static void without_descriptors_there_are_no_parts(void **state)
{
    struct shared none;
    struct rlimit before;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, before.rlim_max}), 0);
    bool is_open = shared_open(&none, 2, 10);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_false(is_open);
    assert_int_equal(none.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_processes_see_a_written_part, begin, end),
        cmocka_unit_test_setup_teardown(other_parts_cannot_be_written, begin, end),
        cmocka_unit_test_setup_teardown(each_part_can_be_kept, begin, end),
        cmocka_unit_test_setup_teardown(process_without_a_part_only_reads, begin, end),
        cmocka_unit_test_setup_teardown(write_access_cannot_be_extended, begin, end),
        cmocka_unit_test_setup_teardown(memory_is_allocated_and_sealed_at_creation, begin, end),
        cmocka_unit_test(parts_take_no_descriptors),
        cmocka_unit_test(parts_have_whole_pages_and_no_more),
        cmocka_unit_test(without_memory_there_are_no_parts),
        cmocka_unit_test(kernels_before_linux_6_3_have_parts),
        cmocka_unit_test(without_descriptors_there_are_no_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/shared.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE /* Linux 5.1; the C library may be older */
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#ifndef MFD_NOEXEC_SEAL /* Linux 6.3 */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* Creates a memory file that can be sealed. Some systems allow only non-executable ones (vm.memfd_noexec). */
static int create(void)
{
    int fd = memfd_create("tinyhttpd", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("tinyhttpd", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd;
}

static bool map(char *at, size_t size, int protection, int fd)
{
    const void *mapped = mmap(at, size, protection, MAP_SHARED | MAP_FIXED, fd, 0);
    /* cppcheck-suppress memleak ; shared_close() unmaps it */
    return mapped == at;
}

/* Each part has its own file, or mremap(2) could grow a mapping into the next part. Allocates it now: without memory a
   later access would end the process (SIGBUS). After the seal, new mappings are read-only and stay so. */
static bool map_part(const struct shared *shared, unsigned part)
{
    enum { SEALS = F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };
    size_t at = part * shared->size;
    int fd = create();
    bool mapped = fd >= 0 && fallocate(fd, 0, 0, (off_t)shared->size) == 0 &&
                  map(shared->written + at, shared->size, PROT_READ | PROT_WRITE, fd) &&
                  fcntl(fd, F_ADD_SEALS, SEALS) == 0 && map(shared->seen + at, shared->size, PROT_READ, fd);
    if (fd >= 0)
        close(fd);
    return mapped;
}

bool shared_open(struct shared *shared, unsigned count, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;
    assert(count > 0 && size > 0);
    *shared = (struct shared){0};
    /* Contiguous addresses, so that a part is found by its number. */
    char *rows = mmap(NULL, 2 * count * whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (rows == MAP_FAILED)
        return false;
    *shared = (struct shared){count, whole, rows, rows + count * whole};
    for (unsigned part = 0; part < count; part++) {
        if (!map_part(shared, part)) {
            shared_close(shared);
            return false;
        }
    }
    return true;
}

void *shared_write(const struct shared *shared, unsigned part)
{
    assert(shared->count == 0 || part < shared->count);
    return shared->count > 0 ? shared->written + part * shared->size : NULL;
}

const void *shared_read(const struct shared *shared, unsigned part)
{
    assert(shared->count == 0 || part < shared->count);
    return shared->count > 0 ? shared->seen + part * shared->size : NULL;
}

bool shared_keep(const struct shared *shared, unsigned part)
{
    if (shared->count == 0)
        return true;
    assert(part < shared->count);
    size_t before = part * shared->size, after = (shared->count - part - 1) * shared->size;
    return (before == 0 || munmap(shared->written, before) == 0) &&
           (after == 0 || munmap(shared->written + before + shared->size, after) == 0);
}

bool shared_drop(const struct shared *shared)
{
    return shared->count == 0 || munmap(shared->written, shared->count * shared->size) == 0;
}

void shared_close(struct shared *shared)
{
    munmap(shared->written, 2 * shared->count * shared->size); /* fails harmlessly if nothing is mapped */
    *shared = (struct shared){0};
}

#include "sandbox/landlock.h"

#include "base/descriptors.h"
#include "sandbox/instrumented.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's interface, as <linux/landlock.h> has it since version 6. That header may be older than the kernel which
   runs the program, or missing, and the C libraries have no functions for these calls. Their numbers are the same on
   every architecture but Alpha. */
enum { CALL_CREATE_RULESET = 444, CALL_ADD_RULE = 445, CALL_RESTRICT_SELF = 446 };
enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

struct ruleset {
    uint64_t files;
    uint64_t network;
    uint64_t scopes;
};

struct path_beneath {
    uint64_t allowed;
    int32_t directory;
} __attribute__((packed));

#define FILES_READ (UINT64_C(1) << 2)
#define FILES_LIST (UINT64_C(1) << 3)

/* All rights of each ABI version; a kernel refuses those of later ones (EINVAL). */
static const struct ruleset known[] = {
    {0},
    {.files = 0x1FFF},                                /* 1: execute, write, read, list, remove, make */
    {.files = 0x3FFF},                                /* 2: link or rename to another directory */
    {.files = 0x7FFF},                                /* 3: truncate */
    {.files = 0x7FFF, .network = 0x3},                /* 4: TCP bind, connect */
    {.files = 0xFFFF, .network = 0x3},                /* 5: ioctl on devices */
    {.files = 0xFFFF, .network = 0x3, .scopes = 0x3}, /* 6: abstract Unix sockets, signals */
};
enum { KNOWN_MAX = sizeof known / sizeof *known - 1 };

/* Returns 0, or -1 with errno. */
static int allow(int rules, int directory, uint64_t files)
{
    struct path_beneath rule = {.allowed = files, .directory = directory};
    return (int)syscall(CALL_ADD_RULE, rules, RULE_PATH_BENEATH, &rule, 0U);
}

#if TINYHTTPD_INSTRUMENTED

static void allow_path(int rules, const char *path, uint64_t files)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return;
    allow(rules, fd, files);
    close(fd);
}

/* LeakSanitizer reads /proc; reports name functions from the libraries and the program itself. */
static void allow_instruments(int rules)
{
    allow_path(rules, "/proc", FILES_READ | FILES_LIST);
    allow_path(rules, "/usr", FILES_READ | FILES_LIST);
    allow_path(rules, "/lib", FILES_READ | FILES_LIST);
    allow_path(rules, "/proc/self/exe", FILES_READ);
#ifdef TINYHTTPD_COVERAGE
    allow_path(rules, TINYHTTPD_COVERAGE, known[1].files);
#endif
}

#else

static void allow_instruments(int rules)
{
    (void)rules;
}

#endif

int landlock_restrict(int root)
{
    int version = (int)syscall(CALL_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);
    if (version < 1)
        return -1;
    const struct ruleset *handled = &known[version < KNOWN_MAX ? version : KNOWN_MAX];
    int rules = (int)syscall(CALL_CREATE_RULESET, handled, sizeof *handled, 0U);
    if (rules < 0)
        return -1;
    int failed = root >= 0 ? allow(rules, root, FILES_READ | FILES_LIST) : 0;
    allow_instruments(rules);
    if (failed == 0)
        failed = (int)syscall(CALL_RESTRICT_SELF, rules, 0U);
    descriptors_close(rules);
    return failed == 0 ? version : -1;
}

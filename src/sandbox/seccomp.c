#include "sandbox/seccomp.h"

#include "base/descriptors.h"
#include "sandbox/instrumented.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#if defined __x86_64__ && defined __LP64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__ && defined __LP64__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0
#endif

/* A condition on one argument. */
struct check {
    enum { ANYTHING, EQUAL, ABOVE } relation; /* to the value, as unsigned numbers */
    unsigned argument;                        /* from 0 on */
    unsigned offset;                          /* of the 32-bit half to compare, in bytes */
    uint32_t mask;                            /* of the bits to compare */
    uint32_t value;
};
enum { CHECKS_MAX = 4 };

/* Allows a system call, always or if its arguments pass all checks. A call may have several rules: any of them is
   enough. */
struct rule {
    int call;
    struct check checks[CHECKS_MAX];
};

/* Stands for the process ID, known only when the filter is made. No argument has this value. */
#define ITSELF UINT32_MAX
#define WHOLE UINT32_MAX

/* Both architectures are little-endian: the low half comes first. It holds all of an int; a pointer has two halves. */
#define IS(argument, value) EQUAL, argument, 0, WHOLE, value
#define HIGH_IS(argument, value) EQUAL, argument, sizeof(uint32_t), WHOLE, value
#define ONLY(argument, flags) EQUAL, argument, 0, ~(uint32_t)(flags), 0
#define WITHOUT(argument, flags) EQUAL, argument, 0, flags, 0
#define HAS(argument, flags) EQUAL, argument, 0, flags, flags
/* Excludes the standard streams. They may be the user's terminal, or another process's file or socket: workers only
   write to them. */
#define NO_STREAM(argument) ABOVE, argument, 0, WHOLE, STDERR_FILENO
/* Excludes the fixed descriptors, too. */
#define NOT_FIXED(argument) ABOVE, argument, 0, WHOLE, DESCRIPTOR_FIXED_LAST
#define NO_FILE(argument) ABOVE, argument, 0, WHOLE, UINT32_MAX - 1 /* -1, mmap(2) */

/* The flags of open(2) that change no file. An allow-list: O_ACCMODE differs between C libraries, and kernels add
   flags. */
#define READING (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_LARGEFILE)

/* The flags of mmap(2) with which the C libraries allocate. */
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED)

/*
 * Includes every call that glibc and musl may use for a function, but not openat2(2): its flags are in memory, which
 * a filter can't read, and with the access mode 3 of open(2) Landlock lets it open devices and create unnamed files
 * everywhere. Kernels from 5.11 on keep a bitmap of the calls that are allowed whatever their arguments are, and run
 * the filter only for the others: the most frequent of these comes first.
 *
 * sendmsg(2) and recvmsg(2) pass descriptors to other processes (SCM_RIGHTS, unix(7)), and the filter can't see into
 * the struct that they are given: only to and from other workers, at descriptors that a worker can't close, else
 * another socket could get their number.
 */
static const struct rule worker_rules[] = {
    /* requests and answers */
    {SYS_sendto,
     {{ONLY(3, MSG_NOSIGNAL | MSG_MORE | MSG_DONTWAIT)}, {IS(4, 0)}, {HIGH_IS(4, 0)}}}, /* MSG_FASTOPEN connects */
    {.call = SYS_write}, /* to a stream as well, a pipe with O_NONBLOCK */
    {.call = SYS_recvfrom},
    {.call = SYS_epoll_pwait},
    {.call = SYS_newfstatat},
#ifdef SYS_stat
    {.call = SYS_stat}, /* musl's stat and fstatat of an absolute path, and stat of glibc below 2.33 */
    {.call = SYS_lstat},
#endif
    {SYS_close, {{NOT_FIXED(0)}}},
    /* Nothing that could block, see accept4(2); a terminal, not as the controlling one, which the kernel hangs up for
       all processes when the worker ends (tty(4)). O_PATH only for directories: Landlock does not check it, and a file
       that is held so could be opened later through /proc/self/fd, if its directory is then in the root. */
    {SYS_openat, {{ONLY(2, READING | O_PATH)}, {HAS(2, O_DIRECTORY)}}},
    {SYS_openat, {{ONLY(2, READING)}, {HAS(2, O_NONBLOCK | O_NOCTTY)}}},
    {.call = SYS_writev}, /* also the message of a failed assertion */
    {SYS_sendfile, {{NOT_FIXED(0)}, {NO_STREAM(1)}}},
    {.call = SYS_fstat},
    {.call = SYS_statx},
    {SYS_pread64, {{NO_STREAM(0)}}},
    /* sendfile(2) from a blocking socket into a pipe, such as the log's under another number, would keep all from the
       pipe. */
    {SYS_accept4, {{IS(3, SOCK_NONBLOCK | SOCK_CLOEXEC)}}},
    /* A watched log pipe would wake the worker instead of the pipe's other writers. */
    {SYS_epoll_ctl, {{NO_STREAM(2)}}},
    {SYS_shutdown, {{NOT_FIXED(0)}, {IS(1, SHUT_WR)}}}, /* SHUT_RD ends a listening socket for all workers */
    {SYS_ioctl, {{IS(1, SIOCOUTQ)}}},
    {.call = SYS_getpeername},
    {SYS_sendmsg, {{IS(0, DESCRIPTOR_HANDOFF_OUT)}, {ONLY(2, MSG_DONTWAIT | MSG_NOSIGNAL)}}},
    {SYS_sendmsg, {{IS(0, DESCRIPTOR_HANDOFF_NEXT)}, {ONLY(2, MSG_DONTWAIT | MSG_NOSIGNAL)}}},
    {SYS_recvmsg, {{IS(0, DESCRIPTOR_HANDOFF_BEFORE)}, {ONLY(2, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)}}},
    {SYS_recvmsg, {{IS(0, DESCRIPTOR_HANDOFF_IN)}, {ONLY(2, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)}}},

    /* files: libmagic, the walk, listings */
    {SYS_read, {{NO_STREAM(0)}}},
    {SYS_lseek, {{NO_STREAM(0)}}},
    {.call = SYS_readlinkat},
    {.call = SYS_getdents64},
    {SYS_fcntl, {{IS(1, F_GETFD)}}}, /* musl's fstat of a descriptor that it doubts */
    {SYS_fcntl, {{IS(1, F_GETFL)}}},
    {SYS_setitimer, {{IS(0, ITIMER_PROF)}}}, /* bounds libmagic's CPU time */
    {SYS_fcntl, {{IS(1, F_SETFD)}}},         /* fdopendir(3) */

    /* memory: not executable, not shared, of no reserved huge pages, and of no file, whose page may never come while a
       call holds a lock */
    {.call = SYS_brk},
    {SYS_mmap, {{WITHOUT(2, PROT_EXEC)}, {ONLY(3, PRIVATE)}, {NO_FILE(4)}}},
    {SYS_mprotect, {{WITHOUT(2, PROT_EXEC)}}},
    {.call = SYS_munmap},
    {SYS_mremap, {{ONLY(3, MREMAP_MAYMOVE)}}},
    /* The allocators' advice. Other advice tells about the memory of other processes (MADV_MERGEABLE). */
    {SYS_madvise, {{IS(2, MADV_DONTNEED)}}},
    {SYS_madvise, {{IS(2, MADV_FREE)}}},
    {SYS_madvise, {{IS(2, MADV_HUGEPAGE)}}},

    /* the clock, without vDSO */
    {.call = SYS_clock_gettime},

    /* signals, and the C library's own calls */
    {.call = SYS_rt_sigreturn},
    {.call = SYS_rt_sigaction},
    {.call = SYS_rt_sigprocmask},
    {.call = SYS_restart_syscall},                              /* after SIGSTOP and SIGCONT */
    {SYS_futex, {{ONLY(1, FUTEX_WAKE | FUTEX_PRIVATE_FLAG)}}},  /* FUTEX_LOCK_PI changes priorities of others */
    {SYS_prlimit64, {{IS(0, 0)}, {IS(2, 0)}, {HIGH_IS(2, 0)}}}, /* reads its own limit of descriptors */

    /* exit(3), and abort(3) of glibc and musl */
    {.call = SYS_exit_group},
    {.call = SYS_exit},
    {.call = SYS_getpid},
    {.call = SYS_gettid},
    {SYS_tgkill, {{IS(0, ITSELF)}, {IS(2, SIGABRT)}}}, /* SIGSTOP would orphan a stopped process group (SIGHUP) */
    {SYS_tkill, {{IS(0, ITSELF)}, {IS(1, SIGABRT)}}},

#if TINYHTTPD_INSTRUMENTED
    /* LeakSanitizer stops and reads the process from a clone that shares its memory. */
    {.call = SYS_clone},
    {.call = SYS_ptrace},
    {.call = SYS_wait4},
    {.call = SYS_prctl},
    {.call = SYS_getppid},
    {.call = SYS_kill},
    {.call = SYS_pipe2},
    {.call = SYS_ppoll},
    {SYS_ioctl, {{IS(1, TCGETS)}}}, /* isatty(3), for reports in colour */
    {.call = SYS_sched_yield},
    {.call = SYS_sigaltstack},
    {.call = SYS_getrandom},
    {.call = SYS_process_vm_readv},
    {.call = SYS_dup},
#ifdef SYS_open
    {.call = SYS_open},
    {.call = SYS_readlink},
    {.call = SYS_getdents},
    {.call = SYS_access},
    {.call = SYS_pipe},
    {.call = SYS_mkdir},
#endif
    {.call = SYS_futex},
    {.call = SYS_madvise},
    {SYS_mmap, {{WITHOUT(2, PROT_EXEC)}, {WITHOUT(3, MAP_SHARED)}, {NO_STREAM(4)}}},
    /* coverage */
    {.call = SYS_openat},
    {.call = SYS_mkdirat},
    {.call = SYS_fcntl},
    {.call = SYS_ftruncate},
    {.call = SYS_umask},
#endif
};
enum { RULES = sizeof worker_rules / sizeof *worker_rules };

static const struct rule log_writer_rules[] = {
    {SYS_read, {{IS(0, STDIN_FILENO)}}},
    {SYS_write, {{IS(0, STDOUT_FILENO)}}},
    {SYS_write, {{IS(0, STDERR_FILENO)}}},
#ifdef SYS_poll
    {.call = SYS_poll},
#endif
    {.call = SYS_ppoll},
    {SYS_fcntl, {{IS(0, STDIN_FILENO)}, {IS(1, F_SETFL)}}},
    {SYS_setitimer, {{IS(0, ITIMER_REAL)}}},
    {.call = SYS_rt_sigprocmask},
    {.call = SYS_clock_gettime}, /* where the vDSO has no clock (vdso(7)) */
    {.call = SYS_rt_sigreturn},
    {.call = SYS_restart_syscall},
    {.call = SYS_exit_group},
#if TINYHTTPD_INSTRUMENTED
    {.call = SYS_sigaltstack}, /* AddressSanitizer, in _exit(2) */
    {.call = SYS_mmap},
    {.call = SYS_munmap},
#endif
};
enum { LOG_WRITER_RULES = sizeof log_writer_rules / sizeof *log_writer_rules };
_Static_assert((int)LOG_WRITER_RULES <= (int)RULES, "a program has room for either");

/* A rule: compare the number, three instructions for each check, allow, reload the number. */
enum { RULE_MAX = 1 + 3 * CHECKS_MAX + 2 };
/* The architecture and x32's bit, the rules, the final denial. */
enum { PROGRAM_MAX = 6 + RULE_MAX * RULES + 1 };
_Static_assert(PROGRAM_MAX <= BPF_MAXINSNS, "the kernel takes the filter");

struct program {
    struct sock_filter at[PROGRAM_MAX];
    unsigned short length;
};

static void add(struct program *program, uint16_t code, uint32_t value, uint8_t if_true, uint8_t if_false)
{
    program->at[program->length++] = (struct sock_filter){code, if_true, if_false, value};
}

static void add_load(struct program *program, size_t offset)
{
    add(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void add_return(struct program *program, uint32_t action)
{
    add(program, BPF_RET | BPF_K, action, 0, 0);
}

/* A process on x86-64 can also make calls of i386, and of x32 with bit 30 set in the number (seccomp(2)). */
static void add_architecture(struct program *program)
{
    add_load(program, offsetof(struct seccomp_data, arch));
    add(program, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    add_return(program, SECCOMP_RET_ERRNO | EPERM);
    add_load(program, offsetof(struct seccomp_data, nr));
    add(program, BPF_JMP | BPF_JGE | BPF_K, UINT32_C(1) << 30, 0, 1);
    add_return(program, SECCOMP_RET_ERRNO | EPERM);
}

static unsigned count_checks(const struct rule *rule)
{
    unsigned count = 0;
    while (count < CHECKS_MAX && rule->checks[count].relation != ANYTHING)
        count++;
    return count;
}

/* If the check fails, the next `skipped` instructions are skipped. */
static void add_check(struct program *program, const struct check *check, unsigned skipped)
{
    uint32_t value = check->value == ITSELF ? (uint32_t)getpid() : check->value;
    uint16_t compare = check->relation == EQUAL ? BPF_JEQ : BPF_JGT;
    add_load(program, offsetof(struct seccomp_data, args) + check->argument * sizeof(uint64_t) + check->offset);
    add(program, BPF_ALU | BPF_AND | BPF_K, check->mask, 0, 0);
    add(program, BPF_JMP | compare | BPF_K, value, 0, (uint8_t)skipped);
}

/* The accumulator holds the call's number before and after. */
static void add_rule(struct program *program, const struct rule *rule)
{
    unsigned checks = count_checks(rule);
    if (checks == 0) {
        add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rule->call, 0, 1);
        add_return(program, SECCOMP_RET_ALLOW);
        return;
    }
    add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rule->call, 0, (uint8_t)(3 * checks + 2));
    for (unsigned i = 0; i < checks; i++)
        add_check(program, &rule->checks[i], 3 * (checks - i - 1) + 1);
    add_return(program, SECCOMP_RET_ALLOW);
    add_load(program, offsetof(struct seccomp_data, nr));
}

/* A call with several rules counts once. */
static int count_calls(const struct rule *rules, unsigned rule_count)
{
    int count = 0;
    for (unsigned i = 0; i < rule_count; i++) {
        unsigned same = 0;
        while (rules[same].call != rules[i].call)
            same++;
        count += same == i;
    }
    return count;
}

static int restrict_to(const struct rule *rules, unsigned rule_count)
{
    if (ARCHITECTURE == 0) {
        errno = ENOSYS;
        return -1;
    }
    struct program program;
    program.length = 0;
    add_architecture(&program);
    for (unsigned i = 0; i < rule_count; i++)
        add_rule(&program, &rules[i]);
    add_return(&program, SECCOMP_RET_ERRNO | EPERM);
    struct sock_fprog filter = {program.length, program.at};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &filter) != 0)
        return -1;
    return count_calls(rules, rule_count);
}

int seccomp_restrict(void)
{
    return restrict_to(worker_rules, RULES);
}

int seccomp_restrict_log_writer(void)
{
    return restrict_to(log_writer_rules, LOG_WRITER_RULES);
}

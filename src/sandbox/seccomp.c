#include "sandbox/seccomp.h"

#include "sandbox/instrumented.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
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

/* A system call that is allowed: always, or when one argument, masked, has a value. Arguments are int or unsigned int
   where one is looked at, or their flags stand in the low half, so that half is enough. */
struct rule {
    int call;
    unsigned argument; /* from 0 on */
    uint32_t mask;     /* 0: whatever the arguments are */
    uint32_t value;
};

/* Stands for the process's number, which is known only when the filter is made. No argument has this value. */
#define ITSELF UINT32_MAX
#define WHOLE UINT32_MAX

/* Flags of open(2) that change a file. Not O_ACCMODE, which is more than that with musl. */
#define WRITING (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

/* <asm/termbits.h> has it, and can't be included beside the C library's <termios.h>. The same on x86-64 and arm64. */
#define TCGETS2_NUMBER 0x802C542A

/* Each with its reason. Where there is more than one way for a C library to make a call, all are here; those that an
   architecture lacks are left out. The most frequent come first, for kernels before 5.11: later ones keep a bitmap of
   the calls that are allowed whatever their arguments are, and run no filter for them. */
static const struct rule rules[] = {
    /* requests and answers */
    {.call = SYS_recvfrom},
    {.call = SYS_epoll_pwait},
    {.call = SYS_openat2},
    {.call = SYS_newfstatat},
    {.call = SYS_close},
    {.call = SYS_sendmsg},
    {.call = SYS_sendto},
    {.call = SYS_sendfile},
    {.call = SYS_fstat},
    {.call = SYS_statx},
    {.call = SYS_pread64},
    {.call = SYS_accept4},
    {.call = SYS_epoll_ctl},
    {.call = SYS_recvmsg},
    {.call = SYS_shutdown},
    {SYS_ioctl, 1, WHOLE, SIOCOUTQ},
    {.call = SYS_getsockopt},
#ifdef SYS_epoll_wait
    {.call = SYS_epoll_wait},
#endif
    {.call = SYS_epoll_create1},

    /* the log */
    {.call = SYS_writev},
    {.call = SYS_write},
    {.call = SYS_ppoll},
#ifdef SYS_poll
    {.call = SYS_poll},
#endif
    {SYS_ioctl, 1, WHOLE, TCGETS}, /* isatty(3): of glibc, of glibc from 2.42 on, of musl */
    {SYS_ioctl, 1, WHOLE, TCGETS2_NUMBER},
    {SYS_ioctl, 1, WHOLE, TIOCGWINSZ},

    /* files: libmagic, the walk where there is no openat2, listings */
    {.call = SYS_read},
    {.call = SYS_lseek},
    {SYS_openat, 2, WRITING, 0},
    {.call = SYS_getdents64},
    {SYS_fcntl, 1, WHOLE, F_GETFD}, /* musl's fstat of a descriptor that it doubts */
    {SYS_fcntl, 1, WHOLE, F_GETFL},
    {SYS_setitimer, 0, WHOLE, ITIMER_PROF}, /* an end to libmagic's time */
    {SYS_fcntl, 1, WHOLE, F_SETFD},         /* fdopendir(3) */

    /* memory, none of it executable */
    {.call = SYS_brk},
    {SYS_mmap, 2, PROT_EXEC, 0},
    {SYS_mprotect, 2, PROT_EXEC, 0},
    {.call = SYS_munmap},
    {.call = SYS_mremap},
    {.call = SYS_madvise},

    /* the clock, where the vDSO can't tell it */
    {.call = SYS_clock_gettime},

    /* signals; the C library's own */
    {.call = SYS_rt_sigreturn},
    {.call = SYS_rt_sigaction},
    {.call = SYS_rt_sigprocmask},
    {.call = SYS_restart_syscall}, /* after SIGSTOP and SIGCONT */
    {.call = SYS_sigaltstack},
    {.call = SYS_getrandom},
    {.call = SYS_futex},
    {.call = SYS_sched_yield},
    {SYS_prlimit64, 0, WHOLE, 0}, /* of itself: how many descriptors there may be */
    {SYS_prlimit64, 0, WHOLE, ITSELF},
#ifdef SYS_getrlimit
    {.call = SYS_getrlimit},
#endif

    /* the end: exit(3), and abort(3) of glibc and musl */
    {.call = SYS_exit_group},
    {.call = SYS_exit},
    {.call = SYS_getpid},
    {.call = SYS_gettid},
    {SYS_tgkill, 0, WHOLE, ITSELF},
    {SYS_tkill, 0, WHOLE, ITSELF},

#if TINYHTTPD_INSTRUMENTED
    /* LeakSanitizer stops the process, and reads it, from a process that shares its memory. */
    {.call = SYS_clone},
    {.call = SYS_ptrace},
    {.call = SYS_wait4},
    {.call = SYS_prctl},
    {.call = SYS_getppid},
    {.call = SYS_kill},
    {.call = SYS_readlinkat},
    {.call = SYS_pipe2},
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
    /* coverage */
    {.call = SYS_openat},
    {.call = SYS_mkdirat},
    {.call = SYS_fcntl},
    {.call = SYS_ftruncate},
    {.call = SYS_umask},
#endif
};
enum { RULES = sizeof rules / sizeof *rules };

/* A look at the architecture, one at x32's bit, at most six instructions a rule, the end. */
enum { PROGRAM_MAX = 6 + 6 * RULES + 1 };
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

/* Numbers mean something only together with an architecture: the same process can make the calls of i386, and of x32
   with the bit 30 (seccomp(2)). */
static void add_architecture(struct program *program)
{
    add_load(program, offsetof(struct seccomp_data, arch));
    add(program, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    add_return(program, SECCOMP_RET_ERRNO | EPERM);
    add_load(program, offsetof(struct seccomp_data, nr));
    add(program, BPF_JMP | BPF_JGE | BPF_K, UINT32_C(1) << 30, 0, 1);
    add_return(program, SECCOMP_RET_ERRNO | EPERM);
}

/* With the call's number loaded before and after it. */
static void add_rule(struct program *program, const struct rule *rule)
{
    if (rule->mask == 0) {
        add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rule->call, 0, 1);
        add_return(program, SECCOMP_RET_ALLOW);
        return;
    }
    uint32_t value = rule->value == ITSELF ? (uint32_t)getpid() : rule->value;
    add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rule->call, 0, 5);
    /* The low half comes first on both architectures. */
    add_load(program, offsetof(struct seccomp_data, args) + rule->argument * sizeof(uint64_t));
    add(program, BPF_ALU | BPF_AND | BPF_K, rule->mask, 0, 0);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    add_return(program, SECCOMP_RET_ALLOW);
    add_load(program, offsetof(struct seccomp_data, nr));
}

/* A call with several rules counts once. */
static int count_calls(void)
{
    int count = 0;
    for (unsigned i = 0; i < RULES; i++) {
        unsigned same = 0;
        while (rules[same].call != rules[i].call)
            same++;
        count += same == i;
    }
    return count;
}

int seccomp_restrict(void)
{
    if (ARCHITECTURE == 0) {
        errno = ENOSYS;
        return -1;
    }
    struct program program;
    program.length = 0;
    add_architecture(&program);
    for (unsigned i = 0; i < RULES; i++)
        add_rule(&program, &rules[i]);
    add_return(&program, SECCOMP_RET_ERRNO | EPERM);
    struct sock_fprog filter = {program.length, program.at};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &filter) != 0)
        return -1;
    return count_calls();
}

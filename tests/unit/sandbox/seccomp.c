/* seccomp: what a compromised worker would try fails with EPERM, what serving needs goes on. Numbers of calls, flags
   and what they do are from their man pages; the way of each attempt is the kernel's interface, not a C library's. */
#include "sandbox/seccomp.h"

#include "base/descriptors.h"
#include "inside.h"
#include "sandbox/instrumented.h"
#include "sandbox/privileges.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <termios.h>
#include <time.h>

/* Made before the filter. */
static int tcp = -1, listener = -1, null = -1, pair[2] = {-1, -1}, ends[2] = {-1, -1}, file = -1, epoll = -1;
static pid_t parent;

static bool enter(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && seccomp_restrict() > 0;
}

static bool is_missing(void)
{
    pid_t pid = fork();
    int status = 0;
    if (pid == 0)
        _exit(enter() ? 0 : 1);
    waitpid(pid, &status, 0);
    return status != 0;
}

static int open_all(void **state)
{
    (void)state;
    parent = getpid();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    bool made = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0 && pipe(ends) == 0;
    return made && tcp >= 0 && null >= 0 && file >= 0 && listen(listener, 1) == 0 ? 0 : -1;
}

/* ---- what is refused ---- */

static const struct sockaddr_in loopback = {.sin_family = AF_INET};

static int poll_stream(void)
{
    struct pollfd polled = {.fd = null, .events = POLLOUT};
    return error_of(poll(&polled, 1, 0));
}

/* As isatty(3); ENOTTY would be the device's own answer. */
static int ask_for_terminal(void)
{
    struct termios attributes;
    return error_of(ioctl(null, TCGETS, &attributes));
}

static int make_socket(void)
{
    return error_of(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
}

static int make_unix_socket(void)
{
    return error_of(syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
}

static int bind_socket(void)
{
    return error_of(bind(tcp, (const struct sockaddr *)&loopback, sizeof loopback));
}

static int connect_socket(void)
{
    return error_of(connect(tcp, (const struct sockaddr *)&loopback, sizeof loopback));
}

static int listen_on_socket(void)
{
    return error_of(listen(tcp, 1));
}

static int set_option(void)
{
    int on = 1;
    return error_of(setsockopt(tcp, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on));
}

static int execute(void)
{
    char *arguments[] = {"true", NULL}, *none[] = {NULL};
    execve("/bin/true", arguments, none);
    return errno;
}

static int execute_descriptor(void)
{
    char *none[] = {NULL};
    return error_of(syscall(SYS_execveat, file, "", none, none, AT_EMPTY_PATH));
}

/* Ends the child of a fork that should have failed. */
static int only_parent(long pid)
{
    if (pid == 0)
        _exit(0);
    return error_of(pid);
}

static int make_process(void)
{
    return only_parent(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int make_process_anew(void)
{
    struct {
        uint64_t words[8]; /* struct clone_args: no flags, no signal */
    } arguments = {{0}};
    return only_parent(syscall(SYS_clone3, &arguments, sizeof arguments));
}

static int trace_itself(void)
{
    return error_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int trace_parent(void)
{
    return error_of(ptrace(PTRACE_SEIZE, parent, NULL, NULL));
}

static int read_memory(void)
{
    struct iovec mine = {&parent, sizeof parent}, theirs = {&parent, sizeof parent};
    return error_of(process_vm_readv(parent, &mine, 1, &theirs, 1, 0));
}

static int write_memory(void)
{
    struct iovec mine = {&parent, sizeof parent}, theirs = {&parent, sizeof parent};
    return error_of(process_vm_writev(parent, &mine, 1, &theirs, 1, 0));
}

static int signal_parent(void)
{
    return error_of(kill(parent, 0));
}

static int signal_group(void)
{
    return error_of(kill(0, 0));
}

static int signal_thread_of_parent(void)
{
    return error_of(syscall(SYS_tgkill, parent, parent, 0));
}

static int signal_by_thread(void)
{
    return error_of(syscall(SYS_tkill, parent, 0));
}

static int signal_by_queue(void)
{
    return error_of(syscall(SYS_rt_sigqueueinfo, parent, 0, NULL));
}

static int open_process(void)
{
    return error_of(syscall(SYS_pidfd_open, parent, 0));
}

static int limit_parent(void)
{
    struct rlimit limit;
    return error_of(syscall(SYS_prlimit64, parent, RLIMIT_NOFILE, NULL, &limit));
}

static int open_to_write(void)
{
    return error_of(openat(AT_FDCWD, "/dev/null", O_WRONLY));
}

static int open_to_read_and_write(void)
{
    return error_of(openat(AT_FDCWD, "/dev/null", O_RDWR));
}

static int create_file(void)
{
    return error_of(openat(AT_FDCWD, "/tmp/created", O_RDONLY | O_CREAT, 0600));
}

static int empty_file(void)
{
    return error_of(openat(AT_FDCWD, "/dev/null", O_RDONLY | O_TRUNC));
}

static int make_unnamed_file(void)
{
    return error_of(openat(AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR, 0600));
}

static int remove_file(void)
{
    return error_of(unlinkat(AT_FDCWD, "/nowhere/at/all", 0));
}

static int make_directory(void)
{
    return error_of(mkdirat(AT_FDCWD, "/nowhere/at/all", 0700));
}

static int rename_file(void)
{
    return error_of(renameat(AT_FDCWD, "/nowhere/a", AT_FDCWD, "/nowhere/b"));
}

static int make_link(void)
{
    return error_of(symlinkat("a", AT_FDCWD, "/nowhere/at/all"));
}

static int append_to_file(void)
{
    return error_of(openat(AT_FDCWD, "/dev/null", O_RDONLY | O_APPEND));
}

static int offer_to_merge(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return error_of(madvise(page, 4096, MADV_MERGEABLE));
}

static int open_blocking(void)
{
    return error_of(openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC));
}

/* A session leader without a terminal would get one by it (tty(4)). */
static int open_terminal(void)
{
    return error_of(openat(AT_FDCWD, "/dev/null", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

static int open_by_openat2(void)
{
    struct open_how how = {.flags = O_RDONLY};
    return error_of(syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how));
}

static int read_standard_input(void)
{
    char byte;
    return error_of(syscall(SYS_read, STDIN_FILENO, &byte, 0));
}

static int read_standard_error(void)
{
    char byte;
    return error_of(syscall(SYS_read, STDERR_FILENO, &byte, 0));
}

static int rewind_log(void)
{
    return error_of(lseek(STDOUT_FILENO, 0, SEEK_CUR));
}

static int shut_reading(void)
{
    return error_of(shutdown(pair[0], SHUT_RD));
}

static int shut_both(void)
{
    return error_of(shutdown(pair[0], SHUT_RDWR));
}

static int shut_log(void)
{
    return error_of(shutdown(STDOUT_FILENO, SHUT_WR));
}

static int accept_blocking(void)
{
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC) < 0 && errno == EAGAIN ? 0 : errno;
}

static int send_file_to_log(void)
{
    return error_of(sendfile(STDOUT_FILENO, file, NULL, 1));
}

static int send_file_to_master(void)
{
    return error_of(sendfile(DESCRIPTOR_MASTER, file, NULL, 1));
}

static int send_with_fastopen(void)
{
    return error_of(send(pair[0], "a", 1, MSG_FASTOPEN | MSG_NOSIGNAL));
}

static int send_urgently(void)
{
    return error_of(send(pair[0], "a", 1, MSG_OOB));
}

static int send_to_address(void)
{
    const struct sockaddr *address = (const struct sockaddr *)&loopback;
    return error_of(sendto(pair[0], "a", 1, MSG_NOSIGNAL, address, sizeof loopback));
}

/* An address whose low half alone is that of NULL. */
static int send_to_high_address(void)
{
    return error_of(syscall(SYS_sendto, pair[0], "a", 1, MSG_NOSIGNAL, UINT64_C(1) << 32, sizeof loopback));
}

/* sendmsg(2) and recvmsg(2) pass descriptors. */
static int send_message(void)
{
    struct iovec piece = {"c", 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    return error_of(sendmsg(pair[0], &message, MSG_NOSIGNAL));
}

static int receive_message(void)
{
    char byte;
    struct iovec piece = {&byte, 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    return error_of(recvmsg(pair[0], &message, MSG_DONTWAIT));
}

static int send_messages(void)
{
    return error_of(syscall(SYS_sendmmsg, pair[0], NULL, 0, 0));
}

static int receive_messages(void)
{
    return error_of(syscall(SYS_recvmmsg, pair[0], NULL, 0, 0, NULL));
}

static int limit_itself(void)
{
    struct rlimit limit = {16, 16};
    return error_of(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, NULL));
}

static int limit_itself_by_high_address(void)
{
    return error_of(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, UINT64_C(1) << 32, NULL));
}

static int map_shared(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, null, 0);
    return at == MAP_FAILED ? errno : 0;
}

static int map_shared_and_validated(void)
{
    void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE, file, 0);
    return at == MAP_FAILED ? errno : 0;
}

/* By syscall(2), as musl's mmap(2) turns EPERM into ENOMEM. */
static int map_with(int flags)
{
    int protection = PROT_READ | PROT_WRITE;
    return error_of(syscall(SYS_mmap, NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0));
}

/* Of those that the administrator has reserved (proc_sys_vm(5)). */
static int map_huge_pages(void)
{
    return map_with(MAP_HUGETLB);
}

static int map_locked(void)
{
    return map_with(MAP_LOCKED);
}

static int map_populated(void)
{
    return map_with(MAP_POPULATE);
}

static int map_growing(void)
{
    return map_with(MAP_GROWSDOWN);
}

static int move_to_address(void)
{
    void *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *moved = mremap(at, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, (char *)at + 4096);
    return moved == MAP_FAILED ? errno : 0;
}

static int ask_for_option(void)
{
    int value;
    socklen_t size = sizeof value;
    return error_of(getsockopt(tcp, SOL_SOCKET, SO_TYPE, &value, &size));
}

static int change_mode(void)
{
    return error_of(fchmod(file, 0777));
}

static int cut_file(void)
{
    return error_of(ftruncate(null, 0));
}

static int map_executable(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    return error_of(syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, flags, -1, 0));
}

static int make_executable(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? 0 : error_of(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

static int type_into_terminal(void)
{
    return error_of(ioctl(null, TIOCSTI, "x"));
}

static int become_owner(void)
{
    return error_of(fcntl(pair[0], F_SETOWN, parent));
}

static int double_descriptor(void)
{
    return error_of(dup3(null, 99, 0));
}

static int change_process(void)
{
    return error_of(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int change_user(void)
{
    return error_of(syscall(SYS_setresuid, -1, -1, -1));
}

static int leave_namespace(void)
{
    return error_of(syscall(SYS_unshare, 0x10000000)); /* CLONE_NEWUSER */
}

static int mount_something(void)
{
    return error_of(syscall(SYS_mount, "none", "/nowhere", "tmpfs", 0, NULL));
}

static int change_root(void)
{
    return error_of(chroot("/"));
}

static int ask_for_ring(void)
{
    return error_of(syscall(SYS_io_uring_setup, 1, NULL));
}

static int load_program(void)
{
    return error_of(syscall(SYS_bpf, 0, NULL, 0));
}

static int handle_faults(void)
{
    return error_of(syscall(SYS_userfaultfd, 0));
}

static int make_memory_file(void)
{
    return error_of(syscall(SYS_memfd_create, "", 0));
}

static int measure_events(void)
{
    return error_of(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static int read_keys(void)
{
    return error_of(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
}

static int call_unknown(void)
{
    return error_of(syscall(100000));
}

#ifdef __x86_64__
static int call_x32(void)
{
    return error_of(syscall(0x40000000 + SYS_getpid));
}

/* The numbers of i386: 20 is getpid there and writev, which is allowed, here. EFAULT where the kernel has no i386. */
static int call_i386(void)
{
    long result = 20;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result < 0 ? (int)-result : 0;
}
#endif

static const struct {
    const char *name;
    attempt_function *attempt;
    bool by_instruments; /* what a build that observes itself needs */
} refused[] = {
    {"poll", poll_stream, true},
    {"ioctl TCGETS", ask_for_terminal, true},
    {"socket", make_socket, false},
    {"socket of Unix", make_unix_socket, false},
    {"bind", bind_socket, false},
    {"connect", connect_socket, false},
    {"listen", listen_on_socket, false},
    {"setsockopt", set_option, false},
    {"execve", execute, false},
    {"execveat", execute_descriptor, false},
    {"clone", make_process, true},
    {"clone3", make_process_anew, false},
    {"ptrace, itself", trace_itself, true},
    {"ptrace, the parent", trace_parent, true},
    {"process_vm_readv", read_memory, true},
    {"process_vm_writev", write_memory, false},
    {"kill the parent", signal_parent, true},
    {"kill the group", signal_group, true},
    {"tgkill the parent", signal_thread_of_parent, false},
    {"tkill the parent", signal_by_thread, false},
    {"rt_sigqueueinfo", signal_by_queue, false},
    {"pidfd_open", open_process, false},
    {"prlimit64 of the parent", limit_parent, false},
    {"openat to write", open_to_write, true},
    {"openat to read and write", open_to_read_and_write, true},
    {"openat to create", create_file, true},
    {"openat to empty", empty_file, true},
    {"openat of an unnamed file", make_unnamed_file, true},
    {"unlinkat", remove_file, false},
    {"mkdirat", make_directory, true},
    {"renameat", rename_file, false},
    {"symlinkat", make_link, false},
    {"openat to append", append_to_file, true},
    {"openat that may block", open_blocking, true},
    {"openat that may take a terminal", open_terminal, true},
    {"openat2, whose flags no filter sees", open_by_openat2, false},
    {"madvise(MADV_MERGEABLE)", offer_to_merge, true},
    {"read of standard input", read_standard_input, false},
    {"read of standard error", read_standard_error, false},
    {"lseek of standard output", rewind_log, false},
    {"accept4 of a blocking socket", accept_blocking, false},
    {"sendfile to standard output", send_file_to_log, false},
    {"sendfile to a fixed descriptor", send_file_to_master, false},
    {"shutdown for reading", shut_reading, false},
    {"shutdown for both", shut_both, false},
    {"shutdown of standard output", shut_log, false},
    {"sendto with MSG_FASTOPEN", send_with_fastopen, false},
    {"sendto with MSG_OOB", send_urgently, false},
    {"sendto an address", send_to_address, false},
    {"sendto a high address", send_to_high_address, false},
    {"sendmsg", send_message, false},
    {"recvmsg", receive_message, false},
    {"sendmmsg", send_messages, false},
    {"recvmmsg", receive_messages, false},
    {"prlimit64 to limit itself", limit_itself, false},
    {"prlimit64 with a high address", limit_itself_by_high_address, false},
    {"mmap to share", map_shared, false},
    {"mmap to share, validated", map_shared_and_validated, false},
    {"mmap of huge pages", map_huge_pages, true},
    {"mmap, locked", map_locked, true},
    {"mmap, populated", map_populated, true},
    {"mmap of a stack", map_growing, true},
    {"mremap to an address", move_to_address, true},
    {"getsockopt", ask_for_option, false},
    {"fchmod", change_mode, false},
    {"ftruncate", cut_file, true},
    {"mmap to execute", map_executable, false},
    {"mprotect to execute", make_executable, false},
    {"ioctl TIOCSTI", type_into_terminal, false},
    {"fcntl F_SETOWN", become_owner, true},
    {"dup3", double_descriptor, false},
    {"prctl", change_process, true},
    {"setresuid", change_user, false},
    {"unshare", leave_namespace, false},
    {"mount", mount_something, false},
    {"chroot", change_root, false},
    {"io_uring_setup", ask_for_ring, false},
    {"bpf", load_program, false},
    {"userfaultfd", handle_faults, false},
    {"memfd_create", make_memory_file, false},
    {"perf_event_open", measure_events, false},
    {"keyctl", read_keys, false},
    {"a number that no call has", call_unknown, false},
#ifdef __x86_64__
    {"getpid of x32", call_x32, false},
#endif
};

static void forbidden_calls_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        if (TINYHTTPD_INSTRUMENTED && refused[i].by_instruments)
            continue;
        int result = inside(enter, refused[i].attempt);
        if (result != EPERM)
            fail_msg("%s: %d, not EPERM", refused[i].name, result);
    }
}

#ifdef __aarch64__
/* A program for 32-bit ARM, which alone can make its calls. It enters the filter, then expects that getpid (20) and
   getppid fail with EPERM: the latter has the number 64, as write, which is allowed, on arm64. As it can't exit, it
   reads from address 0 (SIGSEGV) if both do, else it has an undefined instruction (SIGILL). */
enum { ARM_ADDRESS = 0x10000, ARM_FILTER = 256 };
static const uint32_t arm_code[] = {
    0xE300717F, 0xE3A00001, 0xE3A01000, /* movw r7, #383 (seccomp); mov r0, #1; mov r1, #0 */
    0xE3002100, 0xE3402001, 0xEF000000, /* movw r2, #0x100; movt r2, #1; svc #0 */
    0xE3500000, 0x1A000008,             /* cmp r0, #0; bne to the last instruction */
    0xE3A07014, 0xEF000000, 0xE3700001, /* mov r7, #20; svc #0; cmn r0, #1 */
    0x03A07040, 0x0F000000, 0x03700001, /* moveq r7, #64; svceq #0; cmneq r0, #1 */
    0x1A000001, 0xE3A00000, 0xE5900000, /* bne to the last instruction; mov r0, #0; ldr r0, [r0] */
    0xE7F000F0,                         /* udf #0 */
};

struct arm_program {
    Elf32_Ehdr header;
    Elf32_Phdr segment;
    uint32_t code[COUNT(arm_code)];
    _Alignas(ARM_FILTER) struct {
        uint32_t length, address; /* struct sock_fprog there */
        struct sock_filter at[BPF_MAXINSNS];
    } filter;
};

/* Copies the filter of a child that is in the sandbox. False without CONFIG_CHECKPOINT_RESTORE or the right. */
static bool take_filter(struct arm_program *program)
{
    enum { PTRACE_GET_FILTER = 0x420C };
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 && enter())
            abort(); /* stops for the tracer */
        _exit(1);
    }
    bool stopped = waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
    long length = stopped ? syscall(SYS_ptrace, PTRACE_GET_FILTER, pid, 0, program->filter.at) : -1;
    program->filter.length = length > 0 ? (uint32_t)length : 0;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return length > 0;
}

static bool refuse_new_privileges(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static int arm_fd = -1;
static int run_arm(void)
{
    char *none[] = {NULL};
    return error_of(syscall(SYS_execveat, arm_fd, "", none, none, AT_EMPTY_PATH));
}

static void calls_of_32_bit_arm_fail(void)
{
    static struct arm_program program = {
        .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_EXEC,
                   .e_machine = EM_ARM,
                   .e_version = EV_CURRENT,
                   .e_entry = ARM_ADDRESS + offsetof(struct arm_program, code),
                   .e_phoff = offsetof(struct arm_program, segment),
                   .e_flags = EF_ARM_EABI_VER5,
                   .e_ehsize = sizeof(Elf32_Ehdr),
                   .e_phentsize = sizeof(Elf32_Phdr),
                   .e_phnum = 1},
        .segment = {.p_type = PT_LOAD,
                    .p_vaddr = ARM_ADDRESS,
                    .p_filesz = sizeof program,
                    .p_memsz = sizeof program,
                    .p_flags = PF_R | PF_X,
                    .p_align = ARM_ADDRESS},
        .filter = {.address = ARM_ADDRESS + offsetof(struct arm_program, filter.at)},
    };
    _Static_assert(offsetof(struct arm_program, filter) == ARM_FILTER, "where the code expects it");
    memcpy(program.code, arm_code, sizeof arm_code);
    if (!take_filter(&program))
        skip();
    arm_fd = (int)syscall(SYS_memfd_create, "arm", 0U);
    assert_int_equal(write(arm_fd, &program, sizeof program), sizeof program);
    int result = inside(refuse_new_privileges, run_arm);
    close(arm_fd);
    if (result == ENOEXEC) /* a kernel without them, so that there is nothing to refuse */
        skip();
    assert_int_equal(result, ENDED_BY_SIGNAL + SIGSEGV);
}
#endif

static void calls_of_another_architecture_fail(void **state)
{
    (void)state;
#ifdef __x86_64__
    int result = inside(enter, call_i386);
    if (result == ENDED_BY_SIGNAL + SIGSEGV) /* a kernel without i386, so that there is nothing to refuse */
        return;
    assert_int_equal(result, EPERM);
#elif defined __aarch64__
    calls_of_32_bit_arm_fail();
#else
    skip();
#endif
}

/* ---- what is allowed ---- */

static int use_memory(void)
{
    size_t size = 1 << 20;
    char *at = malloc(size);
    for (unsigned round = 0; round < 4 && at != NULL; round++) {
        memset(at, 1, size);
        size *= 2;
        char *larger = realloc(at, size);
        if (larger == NULL)
            break;
        at = larger;
    }
    bool right = at != NULL && size == 1 << 24;
    free(at);
    return right ? 0 : ENOMEM;
}

static int read_file(void)
{
    char room[4];
    struct stat attributes;
    bool right = fstat(file, &attributes) == 0 && lseek(file, 0, SEEK_SET) == 0 && read(file, room, sizeof room) == 4 &&
                 pread(file, room, sizeof room, 0) == 4 && memcmp(room, "\177ELF", 4) == 0;
    return right ? 0 : errno;
}

static int open_to_read(void)
{
    return error_of(openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int open_file(void)
{
    return error_of(openat(AT_FDCWD, "/dev/null", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

static int open_path(void)
{
    return error_of(openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
}

static int read_link(void)
{
    char room[16];
    return error_of(readlinkat(AT_FDCWD, "/proc/self/exe", room, sizeof room));
}

static int list_directory(void)
{
    char room[4096];
    int root = openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return error_of(syscall(SYS_getdents64, root, room, sizeof room));
}

static int exchange(void)
{
    char room[64];
    struct iovec pieces[] = {{"c", 1}};
    off_t offset = 0;
    bool right = send(pair[0], "a", 1, MSG_NOSIGNAL | MSG_MORE) == 1 && writev(pair[0], pieces, 1) == 1 &&
                 sendfile(pair[0], file, &offset, 8) == 8 && recv(pair[1], room, sizeof room, 0) == 10 &&
                 shutdown(pair[0], SHUT_WR) == 0 && recv(pair[1], room, sizeof room, 0) == 0;
    return right ? 0 : errno;
}

static int accept_nobody(void)
{
    return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) < 0 && errno == EAGAIN ? 0 : errno;
}

static int ask_sockets(void)
{
    int bytes;
    return error_of(ioctl(pair[0], SIOCOUTQ, &bytes));
}

static int wait_for_events(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    sigset_t none;
    sigemptyset(&none);
    bool right = epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event) == 0 &&
                 epoll_pwait(epoll, &event, 1, 1, &none) == 0;
    return right ? 0 : errno;
}

static int write_log(void)
{
    struct iovec piece = {"x", 1};
    return writev(null, &piece, 1) == 1 && write(null, "x", 1) == 1 ? 0 : errno;
}

static int ask_for_limit(void)
{
    struct rlimit limit;
    return error_of(getrlimit(RLIMIT_NOFILE, &limit));
}

static int ask_for_time(void)
{
    struct timespec time;
    return error_of(syscall(SYS_clock_gettime, CLOCK_REALTIME, &time));
}

static volatile sig_atomic_t caught;

static void catch (int signal)
{
    caught = signal;
}

/* SIGABRT, the only signal that a worker can send, to itself. */
static int handle_signal(void)
{
    struct sigaction action = {.sa_handler = catch};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGABRT);
    bool right = sigaction(SIGABRT, &action, NULL) == 0 && sigprocmask(SIG_BLOCK, &set, NULL) == 0 &&
                 raise(SIGABRT) == 0 && sigprocmask(SIG_UNBLOCK, &set, NULL) == 0;
    return right && caught == SIGABRT ? 0 : errno;
}

static int advise_as_the_allocator(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return error_of(madvise(page, 4096, MADV_DONTNEED));
}

static const struct {
    const char *name;
    attempt_function *attempt;
} allowed[] = {
    {"madvise(MADV_DONTNEED)", advise_as_the_allocator},
    {"memory", use_memory},
    {"reading an open file", read_file},
    {"opening to read", open_to_read},
    {"opening a file to read", open_file},
    {"opening a path", open_path},
    {"reading a link", read_link},
    {"listing a directory", list_directory},
    {"sending and receiving", exchange},
    {"accepting", accept_nobody},
    {"asking what is unsent", ask_sockets},
    {"waiting", wait_for_events},
    {"writing", write_log},
    {"asking for a limit", ask_for_limit},
    {"asking for the time", ask_for_time},
    {"handling a signal", handle_signal},
};

static void needed_calls_work(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(allowed); i++) {
        int result = inside(enter, allowed[i].attempt);
        if (result != 0)
            fail_msg("%s: %d", allowed[i].name, result);
    }
}

static int fail_an_assertion(void)
{
    abort();
}

static int exit_in_order(void)
{
    exit(42);
}

/* An assertion that fails must end the worker, and an exit be one. */
static void the_end_is_the_end(void **state)
{
    (void)state;
    assert_int_equal(inside(enter, fail_an_assertion), ENDED_BY_SIGNAL + SIGABRT);
    assert_int_equal(inside(enter, exit_in_order), 42);
}

/* CAP_SYS_ADMIN would do instead (seccomp(2)). */
static bool drop(void)
{
    return privileges_drop(&(struct privileges){.user = geteuid(), .group = getegid()}) == 0;
}

static int restrict_calls(void)
{
    return seccomp_restrict() < 0 ? errno : 0;
}

static void without_no_new_privs_it_is_refused(void **state)
{
    (void)state;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0) /* whoever started this has seen to it */
        skip();
    assert_int_equal(inside(drop, restrict_calls), EACCES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbidden_calls_fail),
        cmocka_unit_test(calls_of_another_architecture_fail),
        cmocka_unit_test(needed_calls_work),
        cmocka_unit_test(the_end_is_the_end),
        cmocka_unit_test(without_no_new_privs_it_is_refused),
    };
    if (is_missing()) {
        print_message("1..0 # SKIP no seccomp here\n");
        return 0;
    }
    return cmocka_run_group_tests_name("seccomp", tests, open_all, NULL);
}

/*
 * A server with hostile workers, which make any system call on request: linked from the program's objects, so that
 * the calls are made inside its sandbox. tests/http/hostile.t has the table of expected results.
 *
 *   GET /__hostile?CALL,ARGUMENT,...
 *
 * makes a system call, named or by number. An argument is a number, @TEXT and $HEX for a pointer to such bytes, or a
 * word: room (4096 bytes of memory), rights (a struct msghdr that passes a descriptor), counters and guard (shared
 * memory that another process writes to), root, tcp, unix, peer (descriptors). HOSTILE_LANDLOCK_ABI in the environment
 * simulates a kernel with this version of Landlock; 0 one without Landlock.
 *
 *   GET /__hostile?hide
 *
 * hides a listening socket in a channel, see hide(). While the file HOSTILE_SLOW exists, what is dropped from a channel
 * takes that long to close, as an epoll instance with millions of entries does, or a file of a hung file system. With
 * HOSTILE_VERSION, a reload looks to the next program as if one of another HANDOFF_VERSION were replaced.
 */
#include "serve/worker.h"

#include "answer/answer.h"
#include "base/buffer.h"
#include "base/descriptors.h"
#include "base/shared.h"
#include "sandbox/instrumented.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const struct span prefix = SPAN_INIT("/__hostile?");

/* The arguments of the calls. */
static const struct worker_setup *worker;
static int peer = -1; /* the connection that was accepted last */
static char room[4096] __attribute__((aligned(4096)));

/* ---- a kernel with an older Landlock ---- */

enum { CALL_LANDLOCK_CREATE_RULESET = 444, CREATE_RULESET_VERSION = 1 };

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* None of the program's calls has more than four arguments. */
long __wrap_syscall(long number, ...)
{
    long at[4];
    va_list arguments;
    va_start(arguments, number);
    for (unsigned i = 0; i < 4; i++)
        at[i] = va_arg(arguments, long);
    va_end(arguments);
    long result = __real_syscall(number, at[0], at[1], at[2], at[3]);
    const char *limit = getenv("HOSTILE_LANDLOCK_ABI");
    if (number != CALL_LANDLOCK_CREATE_RULESET || at[0] != 0 || limit == NULL)
        return result;
    if (strcmp(limit, "0") == 0) {
        errno = ENOSYS;
        return -1;
    }
    return result < atol(limit) ? result : atol(limit);
}

/* ---- descriptors and memory of the worker ---- */

/* A worker keeps its part of the counters, then that of the magic guard. */
enum { COUNTERS, GUARD, SHARED };
static const char *others[SHARED]; /* the view of the last part, the master's */
static unsigned kept;

bool __real_shared_keep(const struct shared *shared, unsigned part);
bool __wrap_shared_keep(const struct shared *shared, unsigned part);

bool __wrap_shared_keep(const struct shared *shared, unsigned part)
{
    if (shared->count > 0 && kept < SHARED)
        others[kept++] = shared_read(shared, shared->count - 1);
    return __real_shared_keep(shared, part);
}

int __real_worker_run(const struct worker_setup *setup);
int __wrap_worker_run(const struct worker_setup *setup);

int __wrap_worker_run(const struct worker_setup *setup)
{
    worker = setup;
    return __real_worker_run(setup);
}

int __real_accept4(int listener, struct sockaddr *address, socklen_t *length, int flags);
int __wrap_accept4(int listener, struct sockaddr *address, socklen_t *length, int flags);

int __wrap_accept4(int listener, struct sockaddr *address, socklen_t *length, int flags)
{
    int fd = __real_accept4(listener, address, length, flags);
    peer = fd >= 0 ? fd : peer;
    return fd;
}

/* A message that passes a descriptor (unix(7)), or receives one. */
static struct msghdr *make_rights(int fd)
{
    static char byte = 'x';
    static char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(sizeof(size_t))));
    static struct iovec piece = {&byte, 1};
    static struct msghdr message;
    message =
        (struct msghdr){.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return &message;
}

/* ---- a listening socket in a channel ---- */

ssize_t __real_recvmsg(int socket, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int socket, struct msghdr *message, int flags);

/* Without room for its descriptors, a message is dropped. */
ssize_t __wrap_recvmsg(int socket, struct msghdr *message, int flags)
{
    ssize_t length = __real_recvmsg(socket, message, flags);
    const char *slow = getenv("HOSTILE_SLOW");
    while (length > 0 && message->msg_control == NULL && slow != NULL && access(slow, F_OK) == 0)
        usleep(100000);
    return length;
}

int __real_execv(const char *path, char *const *arguments);
int __wrap_execv(const char *path, char *const *arguments);

int __wrap_execv(const char *path, char *const *arguments)
{
    char note[16384];
    const char *name = "TINYHTTPD_HANDOVER", *given = getenv(name), *version = "handoff";
    const char *at = given != NULL && getenv("HOSTILE_VERSION") != NULL ? strstr(given, version) : NULL;
    if (at != NULL) {
        at += strlen(version);
        snprintf(note, sizeof note, "%.*s9%s", (int)(at - given), given, at);
        setenv(name, note, 1);
    }
    return __real_execv(path, arguments);
}

static void tell_peer(const char *text)
{
    __real_syscall(SYS_sendto, peer, text, strlen(text), MSG_NOSIGNAL, NULL, 0);
}

/* Leaves the listening socket only in the channel among the program's workers, behind what is dropped first. Takes it
   out when the client has sent a byte. Needs a program with one worker, as the others would receive it. */
static _Noreturn void hide(void)
{
    enum { DESCRIPTORS = 1024 };
    char byte, control[256];
    struct iovec piece = {&byte, 1};
    struct msghdr taken = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control};
    for (unsigned i = 0; i < 2; i++) /* for two processes that drop */
        sendmsg(DESCRIPTOR_HANDOFF_OUT, make_rights(worker->root), MSG_DONTWAIT);
    sendmsg(DESCRIPTOR_HANDOFF_OUT, make_rights(worker->listeners[0]), MSG_DONTWAIT);
    for (int fd = DESCRIPTOR_FIXED_LAST + 1; fd < DESCRIPTORS; fd++) {
        if (fd != peer)
            close(fd);
    }
    tell_peer("hidden");
    while (recv(peer, &byte, 1, 0) < 0)
        ;
    do {
        taken.msg_controllen = sizeof control;
    } while (__real_recvmsg(DESCRIPTOR_HANDOFF_IN, &taken, MSG_DONTWAIT) > 0); /* 0: the channel has ended */
    tell_peer("taken");
    for (;;)
        ;
}

/* ---- the calls ---- */

#define CALL(name) \
    { \
#name, SYS_##name \
    }
static const struct {
    const char *name;
    long number;
} calls[] = {
    CALL(close),
    CALL(shutdown),
    CALL(sendto),
    CALL(sendmsg),
    CALL(sendmmsg),
    CALL(recvmsg),
    CALL(recvmmsg),
    CALL(socket),
    CALL(socketpair),
    CALL(bind),
    CALL(connect),
    CALL(listen),
    CALL(setsockopt),
    CALL(getsockopt),
    CALL(openat2),
    CALL(openat),
    CALL(epoll_ctl),
    CALL(epoll_create1),
    CALL(write),
    CALL(writev),
    CALL(sendfile),
    CALL(pread64),
    CALL(futex),
    CALL(newfstatat),
    CALL(readlinkat),
    CALL(truncate),
    CALL(ftruncate),
    CALL(fallocate),
    CALL(copy_file_range),
    CALL(splice),
    CALL(tee),
    CALL(vmsplice),
    CALL(unlinkat),
    CALL(renameat2),
    CALL(linkat),
    CALL(symlinkat),
    CALL(mkdirat),
    CALL(mknodat),
    CALL(fchmod),
    CALL(fchmodat),
    CALL(fchownat),
    CALL(setxattr),
    CALL(fsetxattr),
    CALL(utimensat),
    CALL(read),
    CALL(readv),
    CALL(lseek),
    CALL(pwrite64),
    CALL(pwritev),
    CALL(mmap),
    CALL(mprotect),
    CALL(mremap),
    CALL(clock_gettime),
    CALL(fstat),
    CALL(capset),
    CALL(pkey_mprotect),
    CALL(flock),
    CALL(fcntl),
    CALL(ioctl),
    CALL(dup),
    CALL(dup3),
    CALL(kill),
    CALL(tgkill),
    CALL(tkill),
    CALL(rt_sigqueueinfo),
    CALL(pidfd_open),
    CALL(pidfd_getfd),
    CALL(pidfd_send_signal),
    CALL(ptrace),
    CALL(kcmp),
    CALL(process_vm_readv),
    CALL(prctl),
    CALL(personality),
    CALL(process_vm_writev),
    CALL(seccomp),
    CALL(clone),
    CALL(clone3),
    CALL(execve),
    CALL(execveat),
    CALL(prlimit64),
    CALL(setrlimit),
    CALL(setpriority),
    CALL(sched_setaffinity),
    CALL(setpgid),
    CALL(setsid),
    CALL(setresuid),
    CALL(setgroups),
    CALL(memfd_create),
    CALL(io_uring_setup),
    CALL(io_uring_enter),
    CALL(bpf),
    CALL(io_uring_register),
    CALL(perf_event_open),
    CALL(userfaultfd),
    CALL(unshare),
    CALL(setns),
    CALL(mount),
    CALL(umount2),
    CALL(pivot_root),
    CALL(chroot),
    CALL(chdir),
    CALL(keyctl),
    CALL(add_key),
    CALL(inotify_init1),
    CALL(fanotify_init),
    CALL(eventfd2),
    CALL(timerfd_create),
    CALL(pipe2),
    CALL(shmget),
    CALL(msgget),
    CALL(semget),
    CALL(mq_open),
    CALL(acct),
    CALL(reboot),
    CALL(sethostname),
    CALL(swapon),
    CALL(init_module),
    CALL(kexec_load),
    CALL(open_by_handle_at),
    CALL(syslog),
    CALL(setitimer),
    CALL(name_to_handle_at),
    CALL(getdents64),
    CALL(getrandom),
    CALL(sched_yield),
    CALL(getpid),
#ifdef SYS_fork /* calls that arm64 lacks */
    CALL(fork),
    CALL(vfork),
    CALL(open),
    CALL(creat),
    CALL(unlink),
    CALL(rename),
    CALL(link),
    CALL(symlink),
    CALL(mkdir),
    CALL(rmdir),
    CALL(chmod),
    CALL(modify_ldt),
    CALL(arch_prctl),
    CALL(iopl),
    CALL(ioperm),
#endif
};

static bool find_call(const char *name, long *number)
{
    char *end;
    *number = strtol(name, &end, 10);
    if (end != name && *end == '\0')
        return true;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (strcmp(calls[i].name, name) == 0) {
            *number = calls[i].number;
            return true;
        }
    }
    return false;
}

/* Writes the bytes over their own digits. */
static char *decode_hex(char *digits)
{
    char *byte = digits;
    for (const char *at = digits; at[0] != '\0' && at[1] != '\0'; at += 2) {
        unsigned value;
        sscanf(at, "%2x", &value);
        *byte++ = (char)value;
    }
    return digits;
}

static long find_word(const char *word)
{
    if (strcmp(word, "room") == 0)
        return (long)(intptr_t)room;
    if (strcmp(word, "rights") == 0)
        return (long)(intptr_t)make_rights(worker->root);
    if (strcmp(word, "counters") == 0)
        return (long)(intptr_t)others[COUNTERS];
    if (strcmp(word, "guard") == 0)
        return (long)(intptr_t)others[GUARD];
    if (strcmp(word, "root") == 0)
        return worker->root;
    if (strcmp(word, "tcp") == 0)
        return worker->listeners[0];
    if (strcmp(word, "unix") == 0)
        return worker->listeners[worker->listener_count - 1];
    if (strcmp(word, "peer") == 0)
        return peer;
    return strtol(word, NULL, 0);
}

static long argument_of(char *text)
{
    if (*text == '@')
        return (long)(intptr_t)(text + 1);
    if (*text == '$')
        return (long)(intptr_t)decode_hex(text + 1);
    return find_word(text);
}

/* ---- calls of i386 ---- */

#ifdef __x86_64__
static sigjmp_buf back;

static void on_fault(int signal)
{
    (void)signal;
    siglongjmp(back, 1);
}

/* Number 20 is getpid on i386 and writev, which is allowed, on x86-64. A kernel without i386 calls faults. */
static long call_i386(void)
{
    long result = 20;
    signal(SIGSEGV, on_fault);
    if (sigsetjmp(back, 1) != 0)
        return -ENOSYS;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result;
}
#else
static long call_i386(void)
{
    return -ENOSYS;
}
#endif

/* ---- responses ---- */

/* The call's result, or its errno as a negative number. Kills a process and closes a descriptor that the call made. */
static long attempt(long number, const long at[6])
{
    long result = __real_syscall(number, at[0], at[1], at[2], at[3], at[4], at[5]);
    if (result < 0)
        return -errno;
#ifdef SYS_fork
    if (result == 0 && (number == SYS_fork || number == SYS_vfork))
        _exit(0);
#endif
    if (result == 0 && (number == SYS_clone || number == SYS_clone3))
        _exit(0);
    if (number == SYS_openat || number == SYS_openat2)
        close((int)result);
    return result;
}

static long obey(char *words)
{
    long number, at[6] = {0};
    char *rest = NULL, *name = strtok_r(words, ",", &rest);
    if (name != NULL && strcmp(name, "instrumented") == 0)
        return TINYHTTPD_INSTRUMENTED;
    if (name != NULL && strcmp(name, "i386") == 0)
        return call_i386();
    if (name != NULL && strcmp(name, "hide") == 0)
        hide();
    if (name == NULL || !find_call(name, &number))
        return -ENOTSUP;
    char *word = strtok_r(NULL, ",", &rest);
    for (unsigned i = 0; i < 6 && word != NULL; i++, word = strtok_r(NULL, ",", &rest))
        at[i] = argument_of(word);
    return attempt(number, at);
}

void __real_answer(struct exchange *exchange);
void __wrap_answer(struct exchange *exchange);

void __wrap_answer(struct exchange *exchange)
{
    char words[2048], result[32];
    struct response *response = exchange->response;
    struct span target = request_target(exchange->request);
    if (target.length < prefix.length || target.length - prefix.length >= sizeof words ||
        memcmp(target.at, prefix.at, prefix.length) != 0) {
        __real_answer(exchange);
        return;
    }
    memcpy(words, target.at + prefix.length, target.length - prefix.length);
    words[target.length - prefix.length] = '\0';
    snprintf(result, sizeof result, "%ld\n", obey(words));
    size_t start = response->text.length;
    buffer_string(&response->text, result);
    response_add_text(response, start);
    response->status = 200;
    exchange_finish(exchange, SPAN_NONE);
}

/* Preloaded (LD_PRELOAD): makes one call fail or do less than requested. The file in the environment variable FAULTS is
   a struct control, which a test writes while the server runs. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* faults.t knows the order of the members. */
struct control {
    char function[24];    /* the function that fails; "" for none */
    atomic_int countdown; /* the call that brings it from 1 to 0 fails */
    int32_t error;        /* its errno; 0: no error, but... */
    int32_t bytes;        /* ... at most this many are sent, received or read */
    int32_t in_master;    /* in the master, not in the workers */
    atomic_int fired;
    int32_t repeats; /* how many calls after that one fail as well */
};

static struct control *control;
static pid_t master;

__attribute__((constructor)) static void open_control(void)
{
    const char *path = getenv("FAULTS");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *memory = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    master = getpid();
    if (memory != MAP_FAILED)
        control = memory;
}

static bool fires(const char *function)
{
    if (control == NULL || strcmp(control->function, function) != 0 ||
        (getpid() == master) != (control->in_master != 0) || atomic_load(&control->countdown) <= -control->repeats)
        return false;
    int before = atomic_fetch_sub(&control->countdown, 1);
    if (before > 1 || before <= -control->repeats)
        return false;
    atomic_fetch_add(&control->fired, 1);
    return true;
}

/* As fires(), for a call that has no other way to fail. */
static bool fails(const char *function)
{
    if (!fires(function))
        return false;
    errno = control->error;
    return true;
}

/* For a call that moves bytes: true if it fails, with errno; otherwise reduces `size` to the bytes that it may move. */
static bool fails_or_shrinks(const char *function, size_t *size)
{
    if (!fires(function))
        return false;
    errno = control->error;
    if (control->error != 0)
        return true;
    if ((size_t)control->bytes < *size)
        *size = (size_t)control->bytes;
    return false;
}

/* The function behind ours. ISO C has no cast from an object's address to a function's. */
#define NEXT(name, type) \
    static type next; \
    if (next == NULL) { \
        void *found = dlsym(RTLD_NEXT, name); \
        memcpy(&next, &found, sizeof next); \
    }

/* ---- memory ---- */

/* dlsym itself asks for memory: it gets this, which is never freed. */
static char early[4096];
static size_t early_used;
static bool looking;

static void *early_memory(size_t size)
{
    void *memory = early + early_used;
    early_used += (size + 15) & ~(size_t)15;
    return early_used <= sizeof early ? memory : NULL;
}

static bool is_early(const void *memory)
{
    return (const char *)memory >= early && (const char *)memory < early + sizeof early;
}

#define NEXT_MEMORY(name, type, size) \
    static type next; \
    if (looking) \
        return early_memory(size); \
    if (next == NULL) { \
        looking = true; \
        void *found = dlsym(RTLD_NEXT, name); \
        memcpy(&next, &found, sizeof next); \
        looking = false; \
    }

void *malloc(size_t size)
{
    typedef void *function(size_t size);
    NEXT_MEMORY("malloc", function *, size)
    return fails("malloc") ? NULL : next(size);
}

void *calloc(size_t count, size_t size)
{
    typedef void *function(size_t count, size_t size);
    NEXT_MEMORY("calloc", function *, count * size)
    return fails("calloc") ? NULL : next(count, size);
}

void *realloc(void *memory, size_t size)
{
    typedef void *function(void *memory, size_t size);
    NEXT_MEMORY("realloc", function *, size)
    return fails("realloc") ? NULL : next(memory, size);
}

void free(void *memory)
{
    typedef void function(void *memory);
    NEXT("free", function *)
    if (!is_early(memory))
        next(memory);
}

/* ---- files ---- */

enum { CALL_LANDLOCK_CREATE_RULESET = 444 };

/* The C library has no function for Landlock. Four arguments are passed on: no call of the program has more. */
long syscall(long number, ...)
{
    typedef long function(long number, ...);
    NEXT("syscall", function *)
    va_list list;
    va_start(list, number);
    long at[4];
    for (unsigned i = 0; i < 4; i++)
        at[i] = va_arg(list, long);
    va_end(list);
    if (number == CALL_LANDLOCK_CREATE_RULESET && fails("landlock"))
        return -1;
    return next(number, at[0], at[1], at[2], at[3]);
}

int openat(int directory, const char *path, int flags, ...)
{
    typedef int function(int directory, const char *path, int flags, ...);
    NEXT("openat", function *)
    va_list list;
    va_start(list, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
    va_end(list);
    return fails("openat") ? -1 : next(directory, path, flags, mode);
}

/* The root's directory, a terminal, a log's file. */
int open(const char *path, int flags, ...)
{
    typedef int function(const char *path, int flags, ...);
    NEXT("open", function *)
    va_list list;
    va_start(list, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
    va_end(list);
    return fails("open") ? -1 : next(path, flags, mode);
}

/* openat of a build with _FORTIFY_SOURCE, where the flags are not constant. */
int __openat_2(int directory, const char *path, int flags);
int __openat_2(int directory, const char *path, int flags)
{
    return openat(directory, path, flags);
}

int fstat(int fd, struct stat *attributes)
{
    typedef int function(int fd, struct stat *attributes);
    NEXT("fstat", function *)
    return fails("fstat") ? -1 : next(fd, attributes);
}

/* Of the root's name alone. Without an error, the file system does not respond. */
int stat(const char *path, struct stat *attributes)
{
    typedef int function(const char *path, struct stat *attributes);
    NEXT("stat", function *)
    if (!fires("stat"))
        return next(path, attributes);
    while (control->error == 0)
        sleep(1);
    errno = control->error;
    return -1;
}

int fstatat(int directory, const char *path, struct stat *attributes, int flags)
{
    typedef int function(int directory, const char *path, struct stat *attributes, int flags);
    NEXT("fstatat", function *)
    return fails("fstatat") ? -1 : next(directory, path, attributes, flags);
}

/* Takes the C library's place, whose declaration may be an inline function. */
ssize_t read_link(int directory, const char *path, char *room, size_t size) __asm__("readlinkat");

ssize_t read_link(int directory, const char *path, char *room, size_t size)
{
    typedef ssize_t function(int directory, const char *path, char *room, size_t size);
    NEXT("readlinkat", function *)
    return fails("readlinkat") ? -1 : next(directory, path, room, size);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
    typedef int function(int fd, int mode, off_t offset, off_t length);
    NEXT("fallocate", function *)
    return fails("fallocate") ? -1 : next(fd, mode, offset, length);
}

ssize_t pread(int fd, void *room, size_t size, off_t offset)
{
    typedef ssize_t function(int fd, void *room, size_t size, off_t offset);
    NEXT("pread", function *)
    return fails_or_shrinks("pread", &size) ? -1 : next(fd, room, size, offset);
}

/* It closes whatever it returns: an error tells of what was written before (close(2)). */
int close(int fd)
{
    typedef int function(int fd);
    NEXT("close", function *)
    int result = next(fd);
    return fails("close") ? -1 : result;
}

int fcntl(int fd, int operation, ...)
{
    typedef int function(int fd, int operation, ...);
    NEXT("fcntl", function *)
    va_list list;
    va_start(list, operation);
    void *argument = va_arg(list, void *);
    va_end(list);
    return fails("fcntl") ? -1 : next(fd, operation, argument);
}

int dup2(int fd, int number)
{
    typedef int function(int fd, int number);
    NEXT("dup2", function *)
    return fails("dup2") ? -1 : next(fd, number);
}

/* ---- sockets ---- */

/* glibc declares accept4 with a union of all kinds of addresses, and ioctl not as POSIX has it. */
#ifdef __GLIBC__
#define PEER __SOCKADDR_ARG
#define REQUEST unsigned long
#else
#define PEER struct sockaddr *
#define REQUEST int
#endif

int accept4(int socket, PEER peer, socklen_t *length, int flags)
{
    typedef int function(int socket, PEER peer, socklen_t *length, int flags);
    NEXT("accept4", function *)
    return fails("accept4") ? -1 : next(socket, peer, length, flags);
}

ssize_t recv(int socket, void *room, size_t size, int flags)
{
    typedef ssize_t function(int socket, void *room, size_t size, int flags);
    NEXT("recv", function *)
    return fails_or_shrinks("recv", &size) ? -1 : next(socket, room, size, flags);
}

ssize_t send(int socket, const void *bytes, size_t size, int flags)
{
    typedef ssize_t function(int socket, const void *bytes, size_t size, int flags);
    NEXT("send", function *)
    return fails_or_shrinks("send", &size) ? -1 : next(socket, bytes, size, flags);
}

ssize_t sendmsg(int socket, const struct msghdr *message, int flags)
{
    typedef ssize_t function(int socket, const struct msghdr *message, int flags);
    NEXT("sendmsg", function *)
    return fails("sendmsg") ? -1 : next(socket, message, flags);
}

ssize_t recvmsg(int socket, struct msghdr *message, int flags)
{
    typedef ssize_t function(int socket, struct msghdr *message, int flags);
    NEXT("recvmsg", function *)
    return fails("recvmsg") ? -1 : next(socket, message, flags);
}

int getpeername(int socket, PEER peer, socklen_t *length)
{
    typedef int function(int socket, PEER peer, socklen_t *length);
    NEXT("getpeername", function *)
    return fails("getpeername") ? -1 : next(socket, peer, length);
}

int socketpair(int domain, int type, int protocol, int ends[2])
{
    typedef int function(int domain, int type, int protocol, int ends[2]);
    NEXT("socketpair", function *)
    return fails("socketpair") ? -1 : next(domain, type, protocol, ends);
}

ssize_t sendfile(int socket, int fd, off_t *offset, size_t size)
{
    typedef ssize_t function(int socket, int fd, off_t *offset, size_t size);
    NEXT("sendfile", function *)
    return fails_or_shrinks("sendfile", &size) ? -1 : next(socket, fd, offset, size);
}

int shutdown(int socket, int how)
{
    typedef int function(int socket, int how);
    NEXT("shutdown", function *)
    return fails("shutdown") ? -1 : next(socket, how);
}

int ioctl(int fd, REQUEST request, ...)
{
    typedef int function(int fd, REQUEST request, ...);
    NEXT("ioctl", function *)
    va_list list;
    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    return fails("ioctl") ? -1 : next(fd, request, argument);
}

/* ---- epoll ---- */

int epoll_create1(int flags)
{
    typedef int function(int flags);
    NEXT("epoll_create1", function *)
    return fails("epoll_create1") ? -1 : next(flags);
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    typedef int function(int epoll, int operation, int fd, struct epoll_event *event);
    NEXT("epoll_ctl", function *)
    return fails("epoll_ctl") ? -1 : next(epoll, operation, fd, event);
}

int epoll_pwait(int epoll, struct epoll_event *events, int room, int milliseconds, const sigset_t *mask)
{
    typedef int function(int epoll, struct epoll_event *events, int room, int milliseconds, const sigset_t *mask);
    NEXT("epoll_pwait", function *)
    return fails("epoll_pwait") ? -1 : next(epoll, events, room, milliseconds, mask);
}

/* ---- the log, and answers of several pieces ---- */

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    typedef ssize_t function(int fd, const struct iovec *pieces, int count);
    NEXT("writev", function *)
    struct iovec first = pieces[0];
    if (fails_or_shrinks("writev", &first.iov_len))
        return -1;
    return first.iov_len < pieces[0].iov_len ? next(fd, &first, 1) : next(fd, pieces, count);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    typedef ssize_t function(int fd, const void *bytes, size_t size);
    NEXT("write", function *)
    const char *fault = fd > STDERR_FILENO ? "send" : "write"; /* a response, or the log */
    return fails_or_shrinks(fault, &size) ? -1 : next(fd, bytes, size);
}

int poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
    typedef int function(struct pollfd * fds, nfds_t count, int milliseconds);
    NEXT("poll", function *)
    return fails("poll") ? -1 : next(fds, count, milliseconds);
}

/* ---- processes ---- */

pid_t fork(void)
{
    typedef pid_t function(void);
    NEXT("fork", function *)
    return fails("fork") ? -1 : next();
}

int pipe2(int ends[2], int flags)
{
    typedef int function(int ends[2], int flags);
    NEXT("pipe2", function *)
    return fails("pipe2") ? -1 : next(ends, flags);
}

pid_t waitpid(pid_t pid, int *status, int options)
{
    typedef pid_t function(pid_t pid, int *status, int options);
    NEXT("waitpid", function *)
    if (!fires("waitpid"))
        return next(pid, status, options);
    while (control->error == 0 && (options & WNOHANG) == 0)
        sleep(1); /* the child does not end */
    errno = control->error;
    return control->error == 0 ? 0 : -1;
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *time, const sigset_t *mask)
{
    typedef int function(struct pollfd * fds, nfds_t count, const struct timespec *time, const sigset_t *mask);
    NEXT("ppoll", function *)
    return fails("ppoll") ? -1 : next(fds, count, time, mask);
}

int kill(pid_t pid, int signal)
{
    typedef int function(pid_t pid, int signal);
    NEXT("kill", function *)
    return fails("kill") ? -1 : next(pid, signal);
}

int sigaction(int signal, const struct sigaction *new, struct sigaction *old)
{
    typedef int function(int signal, const struct sigaction *new, struct sigaction *old);
    NEXT("sigaction", function *)
    return fails("sigaction") ? -1 : next(signal, new, old);
}

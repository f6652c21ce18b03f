#include "process/channels.h"

#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SENDER, RECEIVER, ENDS };

/* Messages are received whole, and an end shows when the last other one is closed. */
static int open_pair(int ends[ENDS])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
}

static void close_pair(const int ends[ENDS])
{
    int error = errno;
    close(ends[SENDER]);
    close(ends[RECEIVER]);
    errno = error;
}

/* No worker sends here: the receiver is at its end. */
static int open_without_sender(void)
{
    int ends[ENDS];
    if (open_pair(ends) < 0)
        return -1;
    close(ends[SENDER]);
    return ends[RECEIVER];
}

/* The kernel tells the senders of the notices (SO_PASSCRED, unix(7)). */
static int open_notices(int ends[ENDS])
{
    const int on = 1;
    if (open_pair(ends) < 0)
        return -1;
    if (setsockopt(ends[RECEIVER], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0)
        return 0;
    close_pair(ends);
    return -1;
}

/* What the program that this one replaces has passed, by way of the environment. */
static bool is_receiver(int fd)
{
    int type;
    socklen_t length = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

int channels_open(struct channels *channels, int predecessors)
{
    int next[ENDS], notices[ENDS];
    if (predecessors >= 0 && !is_receiver(predecessors))
        predecessors = -1;
    if (predecessors < 0)
        predecessors = open_without_sender();
    if (predecessors < 0)
        return -1;
    if (open_pair(next) < 0) {
        close(predecessors);
        return -1;
    }
    if (open_notices(notices) < 0) {
        close_pair(next);
        close(predecessors);
        return -1;
    }
    *channels =
        (struct channels){predecessors, next[SENDER], next[RECEIVER], notices[SENDER], notices[RECEIVER]};
    return 0;
}

int channels_advance(struct channels *channels)
{
    int next[ENDS];
    if (open_pair(next) < 0)
        return -1;
    close(channels->predecessors);
    close(channels->successors);
    channels->predecessors = channels->next;
    channels->successors = next[SENDER];
    channels->next = next[RECEIVER];
    return 0;
}

bool channels_enter_worker(const struct channels *channels)
{
    return dup2(channels->successors, DESCRIPTOR_SUCCESSORS) >= 0 &&
           dup2(channels->predecessors, DESCRIPTOR_PREDECESSORS) >= 0 &&
           dup2(channels->notices, DESCRIPTOR_MASTER) >= 0;
}

static pid_t sender_of(struct msghdr *message)
{
    struct ucred credentials;
    const struct cmsghdr *control = CMSG_FIRSTHDR(message);
    if (control == NULL || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_CREDENTIALS)
        return 0;
    memcpy(&credentials, CMSG_DATA(control), sizeof credentials);
    return credentials.pid;
}

bool channels_read_notice(const struct channels *channels, pid_t *sender, enum worker_notice *notice)
{
    union {
        struct cmsghdr aligned;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    char byte = 0;
    struct iovec piece = {&byte, sizeof byte};
    struct msghdr message = {
        .msg_iov = &piece,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    if (recvmsg(channels->master, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
        return false;
    *sender = sender_of(&message);
    *notice = (enum worker_notice)byte;
    return true;
}

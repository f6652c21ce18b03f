#include "process/channels.h"

#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Messages are received whole, and a sender sees when the last receiver is closed. */
static int open_channel(struct channel *channel)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    *channel = (struct channel){ends[0], ends[1]};
    return 0;
}

static void close_channel(const struct channel *channel)
{
    int error = errno;
    close(channel->sender);
    close(channel->receiver);
    errno = error;
}

/* The kernel tells the senders of the notices (SO_PASSCRED, unix(7)). */
static int open_notices(struct channel *notices)
{
    const int on = 1;
    if (open_channel(notices) < 0)
        return -1;
    if (setsockopt(notices->receiver, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0)
        return 0;
    close_channel(notices);
    return -1;
}

/* The environment says which descriptors the program before has passed. */
static bool is_passed(int fd)
{
    int type;
    socklen_t length = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static int open_own(struct channel *own, const struct channel *passed)
{
    if (passed == NULL || !is_passed(passed->sender) || !is_passed(passed->receiver))
        return open_channel(own);
    *own = *passed;
    return 0;
}

int channels_open(struct channels *channels, const struct channel *own)
{
    if (open_own(&channels->own, own) < 0)
        return -1;
    if (open_channel(&channels->next) < 0) {
        close_channel(&channels->own);
        return -1;
    }
    if (open_notices(&channels->notices) < 0) {
        close_channel(&channels->next);
        close_channel(&channels->own);
        return -1;
    }
    return 0;
}

bool channels_make_room(int *fd)
{
    if (*fd > DESCRIPTOR_FIXED_LAST)
        return true;
    *fd = fcntl(*fd, F_DUPFD_CLOEXEC, DESCRIPTOR_FIXED_LAST + 1);
    if (*fd < 0 && errno == EINVAL) /* the limit is lower than that number */
        errno = EMFILE;
    return *fd >= 0;
}

bool channels_enter_worker(const struct channels *channels)
{
    int ends[] = {channels->own.sender, channels->own.receiver, channels->next.sender,
                  channels->notices.sender};
    enum { ENDS = sizeof ends / sizeof *ends };
    for (int i = 0; i < ENDS; i++) {
        if (!channels_make_room(&ends[i]))
            return false;
    }
    for (int i = 0; i < ENDS; i++) {
        if (dup2(ends[i], DESCRIPTOR_HANDOFF_OUT + i) < 0)
            return false;
    }
    return true;
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
    if (recvmsg(channels->notices.receiver, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
        return false;
    *sender = sender_of(&message);
    *notice = (enum worker_notice)byte;
    return true;
}

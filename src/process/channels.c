#include "process/channels.h"

#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Not datagrams: those could be sent to other sockets as well (unix(7)). */
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

/* The environment says which descriptors the program before has passed. */
static bool is_passed(int fd)
{
    int type;
    socklen_t length = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* From nowhere: without a sender, it is at its end. */
static int open_ended(void)
{
    struct channel channel;
    if (open_channel(&channel) < 0)
        return -1;
    close(channel.sender);
    return channel.receiver;
}

int channels_open(struct channels *channels, const struct passed_channels *passed)
{
    bool receives = passed != NULL && is_passed(passed->next);
    channels->before_own = passed != NULL && is_passed(passed->own) ? passed->own : -1;
    channels->before = receives ? passed->next : open_ended();
    if (channels->before < 0)
        return -1;
    if (open_channel(&channels->own) == 0) {
        if (open_channel(&channels->next) == 0)
            return 0;
        close_channel(&channels->own);
    }
    int error = errno;
    close(channels->before);
    errno = error;
    return -1;
}

void channels_end_before(struct channels *channels)
{
    char byte;
    if (channels->before_own < 0)
        return;
    shutdown(channels->before_own, SHUT_RDWR);
    /* Without room for descriptors they are dropped: closing a file of a hung file system would not return. */
    while (recv(channels->before_own, &byte, sizeof byte, MSG_DONTWAIT) > 0)
        ;
    close(channels->before_own);
    channels->before_own = -1;
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

bool channels_enter_worker(const struct channels *channels, int notices)
{
    int ends[] = {channels->own.sender, channels->own.receiver, channels->next.sender, channels->before,
                  notices};
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

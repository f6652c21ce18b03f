#include "process/channels.h"

#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* More messages than fit into a channel. Other workers may send further ones meanwhile. */
enum { EARLY_MAX = 1024 };

/* Not datagrams: those could be sent to other sockets as well (unix(7)). */
static int open_channel(struct channel *channel)
{
    static const int on = 1;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    /* With credentials on each message (unix(7)), an empty one differs from the end. */
    setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    *channel = (struct channel){ends[0], ends[1]};
    return 0;
}

/* Returns the descriptor, or -1 if it is no channel: the environment says what the program before has passed. */
static int take_passed(int fd)
{
    int type;
    socklen_t length = sizeof type;
    bool taken = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET &&
                 fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
    return taken ? fd : -1;
}

/* Returns a receiver whose sender is closed: recvmsg(2) returns 0. */
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
    static const struct passed_channels none = {-1, -1, -1, false};
    passed = passed != NULL ? passed : &none;
    channels->old[0] = take_passed(passed->own);
    channels->old[1] = take_passed(passed->before);
    int next = passed->are_of_this_version ? take_passed(passed->next) : -1;
    channels->before = next >= 0 ? next : open_ended();
    if (channels->before < 0)
        return -1;
    if (open_channel(&channels->own) == 0) {
        if (open_channel(&channels->next) == 0) {
            if (next < 0)
                descriptors_close(take_passed(passed->next)); /* old workers see that none takes over */
            return 0;
        }
        descriptors_close(channels->own.sender);
        descriptors_close(channels->own.receiver);
    }
    if (next < 0) /* else the caller's, for its next attempt */
        descriptors_close(channels->before);
    return -1;
}

/* Returns false if there was none. Without room for them, the message's descriptors are dropped. Of a sender that was
   closed with bytes in its own queue, the kernel first reports ECONNRESET, once, and then the messages. */
static bool drop_message(int receiver)
{
    char byte;
    struct iovec piece = {&byte, sizeof byte};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    ssize_t length = recvmsg(receiver, &message, MSG_DONTWAIT);
    if (length < 0)
        return errno == ECONNRESET;
    return length > 0 || (message.msg_flags & MSG_CTRUNC) != 0; /* no room for credentials */
}

void channels_drop_early(const struct channels *channels)
{
    for (unsigned i = 0; i < EARLY_MAX && drop_message(channels->next.receiver); i++)
        ;
}

void channels_end_old(const struct channels *channels)
{
    for (unsigned i = 0; i < CHANNELS_OLD; i++)
        shutdown(channels->old[i], SHUT_RDWR);
}

bool channels_are_empty(const struct channels *channels)
{
    const int receivers[] = {channels->own.receiver, channels->before, channels->old[0], channels->old[1]};
    for (size_t i = 0; i < sizeof receivers / sizeof *receivers; i++) {
        int bytes;
        if (ioctl(receivers[i], FIONREAD, &bytes) == 0 && bytes > 0)
            return false;
    }
    return true;
}

bool channels_have_old(const struct channels *channels)
{
    return channels->old[0] >= 0 || channels->old[1] >= 0;
}

void channels_end_oldest(const struct channels *channels)
{
    shutdown(channels->old[1], SHUT_RDWR);
}

void channels_drop_old(const struct channels *channels)
{
    for (unsigned i = 0; i < CHANNELS_OLD; i++) {
        while (drop_message(channels->old[i]))
            ;
    }
}

void channels_close_old(struct channels *channels)
{
    for (unsigned i = 0; i < CHANNELS_OLD; i++) {
        descriptors_close(channels->old[i]);
        channels->old[i] = -1;
    }
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
    int ends[] = {channels->own.sender, channels->own.receiver, channels->next.sender, channels->before, notices};
    enum { ENDS = sizeof ends / sizeof *ends };
    _Static_assert(ENDS == DESCRIPTOR_FIXED_LAST - DESCRIPTOR_HANDOFF_OUT + 1, "each fixed number has an end");
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

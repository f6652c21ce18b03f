#include "serve/handoff.h"

#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The beginning of a message, before the bytes. Another layout needs another HANDOFF_VERSION, even if its size is the
   same. */
struct header {
    uint32_t version;
    uint32_t size; /* of this struct */
    uint32_t age;
    struct address client;
    unsigned char named, header_read, unnamed; /* 0 or 1 */
    unsigned char unused;                      /* in place of padding, which would be a byte of the stack */
};
_Static_assert(offsetof(struct header, client) == 12 && offsetof(struct header, named) == 28 &&
                   offsetof(struct header, header_read) == 29 && offsetof(struct header, unnamed) == 30 &&
                   offsetof(struct header, unused) == 31 && sizeof(struct header) == 32 && HANDOFF_VERSION == 3,
               "the layout of version 3");

/* Room for one descriptor. CMSG_SPACE would have room for two. */
union control {
    struct cmsghdr aligned;
    char bytes[CMSG_LEN(sizeof(int))];
};

/* The kernel adds credentials, which come first. */
union received_control {
    struct cmsghdr aligned;
    char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_LEN(sizeof(int))];
};

enum handoff_result handoff_send(int socket, const struct handoff *handoff)
{
    struct header header = {
        .version = HANDOFF_VERSION,
        .size = sizeof header,
        .age = handoff->age,
        .client = handoff->origin.client,
        .named = handoff->origin.named,
        .unnamed = handoff->origin.unnamed,
        .header_read = handoff->header_read,
    };
    struct iovec pieces[] = {
        {&header, sizeof header},
        {(void *)(uintptr_t)handoff->bytes.at, handoff->bytes.length}, // NOLINT(performance-no-int-to-ptr)
    };
    union control control = {
        .aligned = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS},
    };
    memcpy(CMSG_DATA(&control.aligned), &handoff->fd, sizeof handoff->fd);
    const struct msghdr message = {
        .msg_iov = pieces,
        .msg_iovlen = 2,
        .msg_control = &control,
        .msg_controllen = sizeof control.bytes,
    };
    if (sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return HANDOFF_DONE;
    /* ETOOMANYREFS: as many descriptors are on their way as this user may have open (unix(7)). */
    bool again = errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS;
    return again ? HANDOFF_AGAIN : HANDOFF_FAILED;
}

/* Returns the descriptor of the message, -1 if it has none. */
static int descriptor_of(struct msghdr *message)
{
    int fd = -1;
    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL; control = CMSG_NXTHDR(message, control)) {
        if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS &&
            control->cmsg_len == CMSG_LEN(sizeof fd))
            memcpy(&fd, CMSG_DATA(control), sizeof fd);
    }
    return fd;
}

static bool is_same_file(const struct stat *attributes, int fd)
{
    struct stat other;
    return fstat(fd, &other) == 0 && other.st_dev == attributes->st_dev && other.st_ino == attributes->st_ino;
}

/* Refuses a blocking socket, which would stop the worker, and this worker's own channels. find_peer() has refused
   listening sockets. */
static bool is_connection(int fd)
{
    struct stat attributes;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_NONBLOCK) == 0 || fstat(fd, &attributes) < 0 || !S_ISSOCK(attributes.st_mode))
        return false;
    for (int own = DESCRIPTOR_HANDOFF_OUT; own <= DESCRIPTOR_FIXED_LAST; own++) {
        if (is_same_file(&attributes, own))
            return false;
    }
    return true;
}

/* Asks the kernel; the message may come from a compromised worker, which could make a client trusted. */
static bool find_peer(struct handoff *handoff)
{
    union peer *peer = &handoff->origin.peer;
    socklen_t length = sizeof *peer;
    return getpeername(handoff->fd, &peer->any, &length) == 0;
}

enum handoff_result handoff_receive(int socket, char *room, struct handoff *handoff)
{
    struct header header;
    struct iovec pieces[] = {{&header, sizeof header}, {room, HANDOFF_BYTES_MAX}};
    union received_control control;
    struct msghdr message = {
        .msg_iov = pieces,
        .msg_iovlen = 2,
        .msg_control = &control,
        .msg_controllen = sizeof control.bytes,
    };
    ssize_t length = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0)
        return errno == EINTR ? HANDOFF_FAILED : HANDOFF_AGAIN;
    int fd = descriptor_of(&message);
    if (length == 0 && message.msg_controllen == 0) /* each message has credentials, also an empty one */
        return HANDOFF_END;
    bool whole = (size_t)length >= sizeof header && header.version == HANDOFF_VERSION && header.size == sizeof header &&
                 (message.msg_flags & MSG_TRUNC) == 0;
    *handoff = (struct handoff){.fd = fd};
    if (fd >= 0 && whole && find_peer(handoff) && is_connection(fd)) {
        handoff->age = header.age;
        handoff->origin.named = header.named == 1;
        handoff->origin.unnamed = header.unnamed == 1;
        handoff->origin.client = header.client;
        handoff->header_read = header.header_read == 1;
        handoff->bytes = (struct span){room, (size_t)length - sizeof header};
        return HANDOFF_DONE;
    }
    descriptors_close(fd);
    return HANDOFF_FAILED;
}

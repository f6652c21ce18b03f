#include "serve/transmit.h"

#include "base/limits.h"

#include <assert.h>
#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Takes sent octets off the front of the response. */
static void advance(struct response *response, uint64_t octets)
{
    while (response->first < response->count) {
        struct part *part = &response->parts[response->first];
        uint64_t taken = octets < part->length ? octets : part->length;
        part->offset += taken;
        part->length -= taken;
        octets -= taken;
        if (part->length > 0)
            return;
        response->first++;
    }
    assert(octets == 0);
}

/* Sends the octets up to the next slice of a file in one call. With a slice to follow, MSG_MORE lets both share
   their packets (send(2)). */
static ssize_t send_octets(int socket, const struct response *response)
{
    const struct part *first = &response->parts[response->first];
    if (response->first + 1 == response->count) /* the usual case, at two thirds of the cost */
        return send(socket, first->bytes + first->offset, first->length, MSG_NOSIGNAL);
    struct iovec pieces[LIMIT_PARTS];
    struct msghdr message = {.msg_iov = pieces};
    unsigned next = response->first;
    for (; next < response->count && response->parts[next].bytes != NULL; next++) {
        const struct part *part = &response->parts[next];
        /* iovec has no const, though sendmsg only reads. */
        pieces[message.msg_iovlen++] = (struct iovec){(char *)part->bytes + part->offset, part->length};
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL | (next < response->count ? MSG_MORE : 0));
}

static ssize_t send_file(int socket, const struct part *part, uint64_t octets_max)
{
    off_t offset = (off_t)part->offset;
    return sendfile(socket, part->fd, &offset, part->length < octets_max ? part->length : octets_max);
}

enum transmit_result transmit(int socket, struct response *response, uint64_t octets_max)
{
    uint64_t sent = 0;
    while (response->first < response->count) {
        if (sent >= octets_max)
            return TRANSMIT_TURN;
        const struct part *part = &response->parts[response->first];
        ssize_t octets =
            part->bytes != NULL ? send_octets(socket, response) : send_file(socket, part, octets_max - sent);
        if (octets < 0 && errno == EINTR)
            continue;
        if (octets < 0)
            return errno == EAGAIN ? TRANSMIT_AGAIN : TRANSMIT_GONE;
        if (octets == 0) /* the file ended before its length was sent */
            return TRANSMIT_GONE;
        advance(response, (uint64_t)octets);
        sent += (uint64_t)octets;
    }
    return TRANSMIT_DONE;
}

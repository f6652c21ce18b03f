#include "serve/transmit.h"

#include "base/limits.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Removes sent bytes from the response's front. */
static inline void advance(struct response *response, uint64_t bytes)
{
    response->sent += bytes;
    while (response->first < response->count) {
        struct part *part = &response->parts[response->first];
        uint64_t done = bytes < part->length ? bytes : part->length;
        part->offset += done;
        part->length -= done;
        bytes -= done;
        if (part->length > 0)
            return;
        response->first++;
    }
    assert(bytes == 0);
}

/* Room for the head of a response and the head of its first part. */
enum { JOINED_MAX = 4096 };

/* Finds the parts in memory before the next slice of a file, or the end. Returns their number. */
static unsigned find_pieces(const struct response *response, struct iovec pieces[LIMIT_PARTS])
{
    unsigned count = 0;
    for (unsigned i = response->first; i < response->count && response->parts[i].bytes != NULL; i++) {
        const struct part *part = &response->parts[i];
        /* iovec has no const, though writev only reads. */
        pieces[count++] = (struct iovec){(void *)(uintptr_t)(part->bytes + part->offset), part->length};
    }
    return count;
}

/* Sends the pieces before a slice, or as many as can be joined. MSG_MORE lets them share packets with the slice
   (send(2)). sendmsg(2) would need no copy, but the sandbox can't allow it, as it also passes descriptors
   (SCM_RIGHTS). */
static ssize_t send_before_slice(int socket, const struct iovec *pieces, unsigned count)
{
    char joined[JOINED_MAX];
    size_t length = 0;
    unsigned next = 0;
    assert(count > 0);
    for (; count > 1 && next < count && pieces[next].iov_len <= sizeof joined - length; next++) {
        memcpy(joined + length, pieces[next].iov_base, pieces[next].iov_len);
        length += pieces[next].iov_len;
    }
    if (next <= 1) /* nothing to join */
        return send(socket, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL | MSG_MORE);
    return send(socket, joined, length, MSG_NOSIGNAL | MSG_MORE);
}

_Static_assert(LIMIT_PARTS <= 1024, "writev(2) takes at most IOV_MAX pieces");

/* Not inlined, as responses of one piece need no such stack frame. */
__attribute__((noinline)) static ssize_t send_pieces(int socket, const struct response *response)
{
    struct iovec pieces[LIMIT_PARTS];
    unsigned count = find_pieces(response, pieces);
    if (response->first + count == response->count)
        return writev(socket, pieces, (int)count);
    return send_before_slice(socket, pieces, count);
}

/* Sends the bytes up to the next slice of a file in one call. */
static ssize_t send_bytes(int socket, const struct response *response)
{
    const struct part *first = &response->parts[response->first];
    if (response->first + 1 == response->count) /* the usual case, which costs less than writev and write */
        return send(socket, first->bytes + first->offset, first->length, MSG_NOSIGNAL);
    return send_pieces(socket, response);
}

static ssize_t send_file(int socket, const struct part *part, uint64_t bytes_max)
{
    off_t offset = (off_t)part->offset;
    return sendfile(socket, part->fd, &offset, part->length < bytes_max ? part->length : bytes_max);
}

enum transmit_result transmit_at_most(int socket, struct response *response, uint64_t bytes_max)
{
    while (bytes_max > 0 && response->first < response->count) {
        const struct part *part = &response->parts[response->first];
        uint64_t length = part->length < bytes_max ? part->length : bytes_max;
        ssize_t bytes =
            part->bytes != NULL ? write(socket, part->bytes + part->offset, length) : send_file(socket, part, length);
        if (bytes < 0 && errno == EINTR)
            continue;
        if (bytes <= 0)
            return bytes < 0 && errno == EAGAIN ? TRANSMIT_AGAIN : TRANSMIT_GONE;
        advance(response, (uint64_t)bytes);
        bytes_max -= (uint64_t)bytes;
    }
    return response->first < response->count ? TRANSMIT_TURN : TRANSMIT_DONE;
}

enum transmit_result transmit(int socket, struct response *response, uint64_t bytes_max)
{
    uint64_t sent = 0;
    while (response->first < response->count) {
        if (sent >= bytes_max)
            return TRANSMIT_TURN;
        const struct part *part = &response->parts[response->first];
        ssize_t bytes = part->bytes != NULL ? send_bytes(socket, response) : send_file(socket, part, bytes_max - sent);
        if (bytes < 0 && errno == EINTR)
            continue;
        if (bytes < 0)
            return errno == EAGAIN ? TRANSMIT_AGAIN : TRANSMIT_GONE;
        if (bytes == 0) /* the file is shorter than Content-Length */
            return TRANSMIT_GONE;
        advance(response, (uint64_t)bytes);
        sent += (uint64_t)bytes;
    }
    return TRANSMIT_DONE;
}

#include "process/notify.h"

#include "base/limits.h"
#include "base/now.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Reads NOTIFY_SOCKET: a path, or "@NAME" for an abstract socket, whose first byte is NUL (unix(7)). Returns the length
   of the address, or 0. */
static socklen_t find_socket(struct sockaddr_un *address)
{
    const char *name = getenv("NOTIFY_SOCKET");
    if (name == NULL || (name[0] != '/' && name[0] != '@'))
        return 0;
    size_t length = strlen(name);
    if (length < 2 || length > sizeof address->sun_path)
        return 0;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, name, length);
    if (name[0] == '@')
        address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

bool notify_is_expected(void)
{
    struct sockaddr_un address;
    return find_socket(&address) > 0;
}

/* Waits a while if the manager is busy and its queue of datagrams is full (unix(7)): it would stop a service that is
   never ready. Ignores errors: the manager need not listen. */
static void notify(const char *state)
{
    static const struct timeval patience = {LIMIT_NOTIFY_MS / 1000, LIMIT_NOTIFY_MS % 1000 * 1000};
    struct sockaddr_un address;
    socklen_t length = find_socket(&address);
    int fd = length > 0 ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, length);
    close(fd);
}

void notify_ready(void)
{
    char state[64];
    snprintf(state, sizeof state, "READY=1\nMAINPID=%d\n", (int)getpid());
    notify(state);
}

/* systemd ignores an older notification than its signal, so it needs the time (systemd.service(5),
   Type=notify-reload). */
void notify_reloading(void)
{
    char state[64];
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n", now_us());
    notify(state);
}

void notify_stopping(int64_t milliseconds)
{
    char state[64];
    snprintf(state, sizeof state, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRId64 "\n", milliseconds * 1000);
    notify(state);
}

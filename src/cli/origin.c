#include "cli/origin.h"

#include "base/address.h"
#include "base/limits.h"

#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LABEL_MAX = 63 }; /* RFC 1035 2.3.4 */

/* Appends the folder's name in lower case, as browsers would ask for it. */
static bool write_name(const char *path, char *name)
{
    const char *slash = strrchr(path, '/'), *folder = slash != NULL ? slash + 1 : path;
    size_t length = strlen(folder);
    if (length == 0 || length > LABEL_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool inside = i > 0 && i + 1 < length;
        name[i] = text_lower(folder[i]);
        if (!text_is_letter(name[i]) && !text_is_digit(name[i]) && !(inside && name[i] == '-'))
            return false;
    }
    snprintf(name + length, ORIGIN_NAME_MAX - length, ".localhost");
    return true;
}

static bool resolves_to_loopback(const char *name)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(name, NULL, &hints, &found) != 0)
        return false;
    for (const struct addrinfo *next = found; next != NULL; next = next->ai_next) {
        if (!address_socket_is_loopback(next->ai_addr))
            return false;
    }
    return found != NULL;
}

bool origin_find(const char *path, char name[static ORIGIN_NAME_MAX])
{
    int ends[2];
    char answer;
    if (!write_name(path, name) || pipe(ends) < 0)
        return false;
    pid_t child = fork();
    if (child == 0) {
        if (resolves_to_loopback(name))
            (void)!write(ends[1], "", 1);
        _exit(0);
    }
    close(ends[1]);
    struct pollfd ready = {.fd = ends[0], .events = POLLIN};
    bool found = child > 0 && poll(&ready, 1, LIMIT_RESOLVE_MS) > 0 && read(ends[0], &answer, 1) == 1;
    close(ends[0]);
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    return found;
}

#include "cli/origin.h"

#include "base/address.h"
#include "base/child.h"
#include "base/limits.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

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

static void find_loopback(const void *name, void *is_loopback)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    bool all = getaddrinfo(name, NULL, &hints, &found) == 0;
    for (const struct addrinfo *next = found; next != NULL; next = next->ai_next)
        all &= address_socket_is_loopback(next->ai_addr);
    *(bool *)is_loopback = all;
}

bool origin_find(const char *path, char name[static ORIGIN_NAME_MAX])
{
    bool is_loopback = false;
    return write_name(path, name) &&
           child_ask(find_loopback, name, &is_loopback, sizeof is_loopback, LIMIT_RESOLVE_MS) && is_loopback;
}

#include "process/port_owner.h"

#include "base/descriptors.h"
#include "base/limits.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ADDRESS_MAX = 33, LISTENING = 0x0A };

/* Writes an address as in /proc/net/tcp and tcp6: words of 32 bits in hexadecimal, in host byte order. */
static void write_address(char *text, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i += 4) {
        uint32_t word;
        memcpy(&word, (const char *)bytes + i, 4);
        snprintf(text + 2 * i, 9, "%08" PRIX32, word);
    }
}

static bool is_wildcard(const char *address)
{
    return strspn(address, "0") == strlen(address);
}

/* Returns the inode of a socket that listens on this port, at this address or the wildcard; 0 if there is none. The
   address "X" matches only the wildcard. */
static unsigned long find_inode(const char *table, const char *address, unsigned port)
{
    char line[512], local[ADDRESS_MAX];
    unsigned local_port, state;
    unsigned long inode, found = 0;
    FILE *file = fopen(table, "re");
    if (file == NULL)
        return 0;
    while (found == 0 && fgets(line, sizeof line, file) != NULL) {
        /* The kernel's numbers do not overflow. NOLINTNEXTLINE(cert-err34-c) */
        if (sscanf(line, " %*d: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*s %*s %lu", local, &local_port, &state,
                   &inode) != 4)
            continue;
        bool same = is_wildcard(local) || is_wildcard(address) || strcmp(local, address) == 0;
        if (state == LISTENING && local_port == port && same)
            found = inode;
    }
    fclose(file);
    return found;
}

static unsigned long find_socket(const struct sockaddr_storage *address)
{
    char text[ADDRESS_MAX] = "";
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        write_address(text, &v6->sin6_addr, sizeof v6->sin6_addr);
        return find_inode("/proc/net/tcp6", text, ntohs(v6->sin6_port));
    }
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
    write_address(text, &v4->sin_addr, sizeof v4->sin_addr);
    unsigned long inode = find_inode("/proc/net/tcp", text, ntohs(v4->sin_port));
    /* A socket at "::" also has the IPv4 port, unless it has IPV6_V6ONLY (ipv6(7)). */
    return inode != 0 ? inode : find_inode("/proc/net/tcp6", "X", ntohs(v4->sin_port));
}

static bool is_among(const char *target, const unsigned long *inodes, unsigned count)
{
    char socket[64];
    for (unsigned i = 0; i < count; i++) {
        snprintf(socket, sizeof socket, "socket:[%lu]", inodes[i]);
        if (strcmp(target, socket) == 0)
            return true;
    }
    return false;
}

/* Returns 1 if an epoll instance watches one of the sockets, which it does even after the process has closed them, or
   more files than a worker has connections; 0 if not; -1 with errno if that can't be read. */
static int watches(const char *pid, const char *fd, const unsigned long *inodes, unsigned count)
{
    char path[64], line[256];
    unsigned long inode, watched = 0;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%.20s/fdinfo/%.20s", pid, fd);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return errno == ENOENT ? 0 : -1;
    while (!found && fgets(line, sizeof line, file) != NULL) {
        const char *at = strncmp(line, "tfd:", 4) == 0 ? strstr(line, "ino:") : NULL; /* proc_pid_fdinfo(5) */
        if (at == NULL || sscanf(at, "ino:%lx", &inode) != 1) /* NOLINT(cert-err34-c) the kernel's numbers */
            continue;
        for (unsigned i = 0; i < count; i++)
            found |= inodes[i] == inode;
        found |= ++watched > LIMIT_CONNECTIONS + LIMIT_LISTENERS;
    }
    int result = !found && ferror(file) ? -1 : found, error = errno;
    fclose(file);
    errno = error;
    return result < 0 && error == ENOENT ? 0 : result; /* the descriptor was closed */
}

/* What a descriptor leads to: 1 if it is one of the sockets, 0 if not, -1 with errno if this user may not see it. */
static int is_socket(int folder, const char *fd, const unsigned long *inodes, unsigned count, char target[64])
{
    ssize_t length = readlinkat(folder, fd, target, 63);
    target[length > 0 ? length : 0] = '\0';
    /* EINVAL: "." and ".."; ENAMETOOLONG: a file in deep directories, so no socket. */
    if (length < 0)
        return errno == ENOENT || errno == EINVAL || errno == ENAMETOOLONG ? 0 : -1;
    return is_among(target, inodes, count);
}

enum pass { PASS_SOCKETS, PASS_EPOLL };

/* port_owner_has() for inodes, by one pass. A worker has exactly one epoll instance. */
static int scan(DIR *folder, const char *pid, const unsigned long *inodes, unsigned count, enum pass pass)
{
    char target[64];
    unsigned instances = 0;
    rewinddir(folder);
    for (;;) {
        errno = 0;
        /* cppcheck-suppress readdirCalled ; the process has one thread */
        const struct dirent *entry = readdir(folder);
        if (entry == NULL)
            return errno == 0 ? 0 : -1;
        int found = is_socket(dirfd(folder), entry->d_name, inodes, count, target);
        if (found != 0 && pass == PASS_SOCKETS)
            return found;
        if (pass == PASS_EPOLL && strcmp(target, "anon_inode:[eventpoll]") == 0)
            found = ++instances > 1 ? 1 : watches(pid, entry->d_name, inodes, count);
        if (found != 0)
            return found;
    }
}

/* port_owner_has() for inodes. The descriptors of another user's process can be listed, but not read. `with_epoll`
   looks for epoll instances as well, after the sockets: one that is closed by then can't be added to an instance any
   more. */
static int has_socket(const char *pid, const unsigned long *inodes, unsigned count, bool with_epoll)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return -1;
    int found = scan(folder, pid, inodes, count, PASS_SOCKETS);
    if (found == 0 && with_epoll)
        found = scan(folder, pid, inodes, count, PASS_EPOLL);
    int error = errno;
    closedir(folder);
    errno = error;
    return found;
}

int port_owner_has(pid_t pid, const int *sockets, unsigned count)
{
    unsigned long inodes[LIMIT_LISTENERS];
    char name[16];
    struct stat attributes;
    assert(count <= LIMIT_LISTENERS);
    for (unsigned i = 0; i < count; i++) {
        if (fstat(sockets[i], &attributes) < 0)
            return -1;
        inodes[i] = attributes.st_ino;
    }
    snprintf(name, sizeof name, "%d", (int)pid);
    return has_socket(name, inodes, count, true);
}

static void read_name(const char *pid, struct port_owner *owner)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, owner->name, sizeof owner->name - 1) : 0;
    descriptors_close(fd);
    owner->name[length > 0 ? length : 0] = '\0';
    owner->name[strcspn(owner->name, "\n")] = '\0';
}

bool port_owner_find(const struct sockaddr_storage *address, struct port_owner *owner)
{
    bool found = false;
    unsigned long inode = find_socket(address);
    DIR *processes = inode != 0 ? opendir("/proc") : NULL;
    if (processes == NULL)
        return false;
    const struct dirent *entry;
    /* cppcheck-suppress readdirCalled ; the process has one thread */
    while (!found && (entry = readdir(processes)) != NULL) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (pid <= 0 || *end != '\0' || has_socket(entry->d_name, &inode, 1, false) != 1)
            continue;
        owner->pid = (pid_t)pid;
        read_name(entry->d_name, owner);
        found = true;
    }
    closedir(processes);
    return found;
}

/* Listening sockets: bound once by the master, shared by all workers. */
#ifndef TINYHTTPD_PROCESS_LISTEN_H
#define TINYHTTPD_PROCESS_LISTEN_H

#include "base/failure.h"
#include "base/limits.h"
#include "base/settings.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* The name of a Unix socket that is owned, by which it is known from another's of the same path. While a socket is open
   there is no other with its numbers. */
struct listen_name {
    uint64_t device, inode; /* as lstat(2) has them; 0 where there is none, or it is not known */
};

struct listening {
    unsigned count;
    bool owned; /* made by this server, or by the program that was this process before it */
    int fds[LIMIT_LISTENERS];
    struct sockaddr_storage addresses[LIMIT_LISTENERS]; /* as bound, with the port that port 0 became */
    struct listen_name names[LIMIT_LISTENERS];
};

/*
 * Binds every address of the settings: all for --lan and "*", a Unix socket for "unix:PATH", the two loopback
 * addresses where they name none (of both pairs, one may be missing on this machine). With port 0 all get the same free
 * port; a default port that is in use gives way to one of the next LIMIT_NEXT_PORTS, which is said on
 * standard error. Returns 0, or the failure's status with nothing left open: 69 for a port in use, named with its owner,
 * or an address of another machine, 77 for a port that needs privilege.
 */
int listen_open(struct listening *listening, const struct settings *settings, struct failure *failure);

/*
 * Takes `count` listening sockets that were handed over, from descriptor `first` on, in place of binding any. Returns 0, or
 * the failure's status with all of them closed: 64 for one that is no listening stream socket of TCP or of a path. They
 * are not owned.
 */
int listen_take(struct listening *listening, int first, unsigned count, struct failure *failure);

/* True where only this network namespace reaches all of them: false with a Unix socket, whose path other namespaces may
   have. */
bool listen_is_loopback_only(const struct listening *listening);

/* True if there are TCP sockets and all are bound to loopback addresses. Then only browsers on this machine reach the
   server, and the check of Host protects them from DNS rebinding. */
bool listen_must_check_host(const struct listening *listening);

/*
 * The addresses that reach them, as people know them; returns how many. A socket for both IPv4 and IPv6 (ipv6(7),
 * IPV6_V6ONLY), which others may hand over, has two; one that is bound to a mapped address is one of IPv4.
 */
unsigned listen_addresses(const struct listening *listening,
                          struct sockaddr_storage addresses[static 2 * LIMIT_LISTENERS]);

/* Closes the sockets, and removes the names of Unix ones that are owned, unless they are those of other sockets by now: the
   workers have theirs open still. Those that were handed over stay, as their maker goes on listening (systemd.socket(5),
   RemoveOnStop=). */
void listen_close(struct listening *listening);

#endif

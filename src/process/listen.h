/* Listening sockets: the master binds them, all workers share them. */
#pragma once

#include "base/failure.h"
#include "base/limits.h"
#include "base/settings.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Identifies the file of a Unix socket, whose path may be another socket's by now. No other file has these numbers
   while the socket is open. */
struct listen_name {
    uint64_t device, inode; /* of lstat(2); 0 for other sockets, or if unknown */
};

struct listening {
    unsigned count;
    bool owned; /* opened by this program or an earlier one in this process, not by a service manager */
    int fds[LIMIT_LISTENERS];
    struct sockaddr_storage addresses[LIMIT_LISTENERS]; /* as bound, with the port chosen for 0 */
    struct listen_name names[LIMIT_LISTENERS];
};

/* Binds the addresses of the settings: both wildcards for --lan and "*", both loopback addresses by default (this
   machine may lack IPv4 or IPv6), a Unix socket for "unix:PATH". With port 0, all get the same free port. If the
   default port is in use, takes one of the next LIMIT_NEXT_PORTS and logs it. Returns 0, or the failure's status with
   nothing left open: 69 for a port in use, with its owner in the message, or another machine's address; 77 for a port
   that needs a privilege. */
int listen_open(struct listening *listening, const struct settings *settings, struct failure *failure);

/* Takes `count` passed sockets, from descriptor `first` on, as not owned. Returns 0; or 64 as the failure's status,
   with all of them closed, if one is not a listening TCP or Unix stream socket. */
int listen_take(struct listening *listening, int first, unsigned count, struct failure *failure);

/* True if only this network namespace can connect. False with a Unix socket: other namespaces may share its path. */
bool listen_is_loopback_only(const struct listening *listening);

/* True if there are TCP sockets and all are bound to loopback addresses. Then only browsers on this machine reach the
   server, and the check of Host protects them from DNS rebinding. */
bool listen_must_check_host(const struct listening *listening);

/* Writes the addresses for the banner and returns their number. A passed socket without IPV6_V6ONLY (ipv6(7)) has two:
   IPv4 and IPv6. One that is bound to an IPv4-mapped address has that IPv4 address. */
unsigned listen_addresses(const struct listening *listening,
                          struct sockaddr_storage addresses[static 2 * LIMIT_LISTENERS]);

/* Closes the sockets, and removes the files of owned Unix sockets unless another socket has the path by now. Passed
   ones stay, as the service manager still listens (systemd.socket(5), RemoveOnStop=). */
void listen_close(struct listening *listening);

/* Closes them as listen_close() does, but a child is the last to close. The last close(2) of a socket waits for the
   epoll instances that watch it (epoll(7)), and a compromised worker can keep one busy with a file system that does not
   respond. Returns the child's process ID, which ends when the sockets are closed; 0 if there is none to close, or no
   process for it: then they are closed here. */
pid_t listen_close_in_child(struct listening *listening);

/* Finds the process that has a port or a socket, in /proc. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

struct port_owner {
    pid_t pid;
    char name[32]; /* of its program (proc_pid_comm(5)) */
};

/* Finds the process whose listening socket keeps this address and port from being bound. Returns false if there is
   none, or if this user may not inspect it. */
bool port_owner_find(const struct sockaddr_storage *address, struct port_owner *owner);

/* Returns 1 if the process has one of these sockets of this process, at most LIMIT_LISTENERS, open or watches it by
   epoll; 0 if not; -1 with errno if this user may not inspect it. */
int port_owner_has(pid_t pid, const int *sockets, unsigned count);

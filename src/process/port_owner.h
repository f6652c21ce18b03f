/* Which process has a port or a socket, as /proc tells. */
#ifndef TINYHTTPD_PROCESS_PORT_OWNER_H
#define TINYHTTPD_PROCESS_PORT_OWNER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

struct holder {
    pid_t pid;
    char name[32]; /* of its program, as proc_pid_comm(5) has it */
};

/* Finds a process that listens where this address, with its port, can't be bound for it. False where there is none, or
   none that this user may look into. */
bool holder_find(const struct sockaddr_storage *address, struct holder *holder);

/* 1 where the process has one of these sockets open, at most LIMIT_LISTENERS of this process's own; 0 where it has none; -1 with
   errno where this user may not look. */
int holder_has(pid_t pid, const int *sockets, unsigned count);

#endif

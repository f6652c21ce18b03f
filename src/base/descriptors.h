/* Descriptors at fixed numbers, and closing those that a process does not need. */
#pragma once

#include <stdbool.h>

/* A worker's descriptors at fixed numbers, besides the standard streams. A system call filter can only compare numbers.
   They stay open. */
enum {
    DESCRIPTOR_HANDOFF_OUT = 3,    /* sends connections to the other workers of this program (serve/handoff.h) */
    DESCRIPTOR_HANDOFF_IN = 4,     /* receives them */
    DESCRIPTOR_HANDOFF_NEXT = 5,   /* sends them to the workers of the program that replaces this one */
    DESCRIPTOR_HANDOFF_BEFORE = 6, /* receives those of the program that this one replaces */
    DESCRIPTOR_MASTER = 7,         /* takes notices for the master */
    DESCRIPTOR_FIXED_LAST = DESCRIPTOR_MASTER,
};

/* True for /dev/null itself (null(4)). A name without the device may be a file, which a worker could read. */
bool descriptors_is_null(int fd);

/* Closes the descriptor, unless it is negative. Keeps errno. */
void descriptors_close(int fd);

/* Closes all descriptors above 2 but the `count` of `kept`, which may be in any order and include -1. */
void descriptors_close_others(const int *kept, unsigned count);

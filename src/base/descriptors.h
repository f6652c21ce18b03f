/* Descriptors at fixed numbers, and closing those that a process does not need. */
#ifndef TINYHTTPD_BASE_DESCRIPTORS_H
#define TINYHTTPD_BASE_DESCRIPTORS_H

/* A worker's descriptors besides the standard streams that the sandbox knows by their numbers: all that a system call
   filter can compare. They stay open. */
enum {
    DESCRIPTOR_SUCCESSORS = 3, /* hands connections to the workers that replace this one (serve/handoff.h) */
    DESCRIPTOR_PREDECESSORS = 4, /* receives those of the workers that this one replaces */
    DESCRIPTOR_MASTER = 5,       /* takes notices for the master (process/notice.h) */
    DESCRIPTOR_FIXED_LAST = DESCRIPTOR_MASTER,
};

/* Closes all descriptors above 2 but the `count` of `kept`, which may be in any order and include -1. */
void descriptors_close_others(const int *kept, unsigned count);

#endif

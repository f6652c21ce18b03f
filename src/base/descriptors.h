/* Closes the descriptors that a process does not need. */
#ifndef TINYHTTPD_BASE_DESCRIPTORS_H
#define TINYHTTPD_BASE_DESCRIPTORS_H

/* Closes all descriptors above 2 but the `count` of `kept`, which may be in any order and include -1. */
void descriptors_close_others(const int *kept, unsigned count);

#endif

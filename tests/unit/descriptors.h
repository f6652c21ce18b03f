/* Counts the open descriptors, for units that look for a leak. */
#pragma once

#include <fcntl.h>

static inline unsigned open_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* What the cgroups of this process, v1 and v2, and their ancestors allow it (cgroups(7)). */
#pragma once

#include <stdint.h>

/* Returns the CPUs of the affinity mask, or of the least CPU quota, rounded up, if it is less; at least 1. */
unsigned cgroup_cpus(void);

/* Returns the least limit of memory, in bytes; UINT64_MAX without one. */
uint64_t cgroup_memory(void);

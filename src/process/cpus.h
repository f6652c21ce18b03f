/* How many CPUs this process may use. */
#ifndef TINYHTTPD_PROCESS_CPUS_H
#define TINYHTTPD_PROCESS_CPUS_H

/* The CPUs of the affinity mask, or the cgroup's quota rounded up where that is less; at least 1. */
unsigned cpus_usable(void);

#endif

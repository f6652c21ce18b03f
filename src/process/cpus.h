/* The number of CPUs that this process may use. */
#ifndef TINYHTTPD_PROCESS_CPUS_H
#define TINYHTTPD_PROCESS_CPUS_H

/* Returns the CPUs of the affinity mask, or the cgroup's quota, rounded up, if it is less; at least 1. */
unsigned cpus_usable(void);

#endif

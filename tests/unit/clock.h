/* Stops the monotonic clocks of units whose verdict must not depend on the machine's speed. CLOCK_REALTIME_COARSE,
   which file_stamp_is_settled reads, goes on. */
#pragma once

#include "base/now.h"

#include <sys/syscall.h>
#include <unistd.h>

static int64_t stopped_at_ms; /* 0: they run */

/* Takes the place of the C library's function. */
int clock_gettime(clockid_t clock, struct timespec *time)
{
    if (stopped_at_ms == 0 || (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE))
        return (int)syscall(SYS_clock_gettime, clock, time);
    *time = timespec_of(stopped_at_ms);
    return 0;
}

static inline void stop_clock(void)
{
    stopped_at_ms = now_ms();
}

static inline void start_clock(void)
{
    stopped_at_ms = 0;
}

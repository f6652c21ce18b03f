/* Preloaded (LD_PRELOAD): a clock that is CLOCK_AHEAD seconds (an environment variable) ahead of the file system's, as
   that of a file server may be slow; and monotonic clocks that are CLOCK_SLOWER times as slow as usual, so that each
   deadline of the server is so much later. Not together with faults.c, whose syscall needs dlsym(3). */
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static time_t ahead;
static int64_t slower = 1;

__attribute__((constructor)) static void read_environment(void)
{
    const char *typed = getenv("CLOCK_AHEAD");
    ahead = typed != NULL ? atoi(typed) : 0;
    typed = getenv("CLOCK_SLOWER");
    slower = typed != NULL && atoi(typed) > 0 ? atoi(typed) : 1;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = (int)syscall(SYS_clock_gettime, clock, time); /* a sanitizer calls this before dlsym(3) works */
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        time->tv_sec += ahead;
    if (result == 0 && (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE)) {
        int64_t slow = (time->tv_sec * INT64_C(1000000000) + time->tv_nsec) / slower;
        *time = (struct timespec){slow / 1000000000, slow % 1000000000};
    }
    return result;
}

/* An error as a value: what went wrong, in words for the person at the terminal, and the exit status it asks for. */
#ifndef TINYHTTPD_BASE_FAILURE_H
#define TINYHTTPD_BASE_FAILURE_H

struct failure {
    int status; /* of sysexits.h; 0 while nothing has failed */
    char message[512];
};

/* Fills in the failure and returns its status, so that a caller can `return fail(...)`. */
int fail(struct failure *failure, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif

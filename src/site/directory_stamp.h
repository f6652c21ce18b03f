/* A directory stamp: a number that changes when a listing of the directory would. */
#ifndef TINYHTTPD_SITE_DIRECTORY_STAMP_H
#define TINYHTTPD_SITE_DIRECTORY_STAMP_H

#include <stdint.h>

/* Reads the directory, and closes `fd`. 0 if it can't be read. */
uint64_t directory_stamp(int fd);

#endif

/* A directory stamp: a number that changes when a listing of the directory would. */
#pragma once

#include <stdint.h>

/* Reads the directory, and closes `fd`. 0 if it can't be read. */
uint64_t directory_stamp(int fd);

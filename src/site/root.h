/* The document root is a name. The directory that it leads to may be removed, created again, swapped or mounted over at
   any time. */
#pragma once

#include <sys/types.h>

struct root {
    const char *name; /* absolute; NULL: this process can't look it up */
    int fd;           /* the directory that it led to when it was opened */
    dev_t device;
    ino_t inode;
    const char *file; /* the only file served: without it the root is missing; NULL: the whole directory */
};

enum root_state {
    ROOT_CURRENT,  /* the name leads to the open directory */
    ROOT_REPLACED, /* it leads to another directory */
    ROOT_MISSING,  /* it leads to none, or to one that may not be entered */
};

/* Describes an open directory; the caller may set `file`. `name` is borrowed. Returns 0, or -1 with errno. */
int root_describe(struct root *root, const char *name, int fd);

/* Looks the name up. Without a name, notices only that the open directory was removed. With ROOT_MISSING, `*error` is
   an errno: ENOENT, ENOTDIR, ELOOP, EACCES... */
enum root_state root_look(const struct root *root, int *error);

/* As root_look(), and notices that the open directory may not be entered any more, at the cost of a call. */
enum root_state root_look_inside(const struct root *root, int *error);

#include "site/root.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>

int root_describe(struct root *root, const char *name, int fd)
{
    struct stat attributes;
    if (fstat(fd, &attributes) < 0)
        return -1;
    *root = (struct root){name, fd, attributes.st_dev, attributes.st_ino};
    return 0;
}

static enum root_state look_at_directory(int fd, int *error)
{
    struct stat attributes;
    *error = ENOENT;
    return fstat(fd, &attributes) < 0 || attributes.st_nlink > 0 ? ROOT_CURRENT : ROOT_MISSING;
}

enum root_state root_look(const struct root *root, int *error)
{
    struct stat attributes;
    if (root->name == NULL)
        return look_at_directory(root->fd, error);
    if (stat(root->name, &attributes) < 0) {
        *error = errno;
        return ROOT_MISSING;
    }
    if (attributes.st_dev == root->device && attributes.st_ino == root->inode)
        return ROOT_CURRENT;
    *error = ENOTDIR;
    return S_ISDIR(attributes.st_mode) ? ROOT_REPLACED : ROOT_MISSING;
}

#include "site/root.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>

int root_describe(struct root *root, const char *name, int fd)
{
    struct stat attributes;
    if (fstat(fd, &attributes) < 0)
        return -1;
    *root = (struct root){name, fd, attributes.st_dev, attributes.st_ino, NULL};
    return 0;
}

/* With the name leading to the open directory. */
static enum root_state look_at_file(const struct root *root, int *error)
{
    struct stat attributes;
    if (root->file == NULL || fstatat(root->fd, root->file, &attributes, 0) == 0)
        return ROOT_CURRENT;
    *error = errno;
    return ROOT_MISSING;
}

static enum root_state look_at_directory(const struct root *root, int *error)
{
    struct stat attributes;
    if (fstat(root->fd, &attributes) < 0 || attributes.st_nlink > 0)
        return look_at_file(root, error);
    *error = ENOENT;
    return ROOT_MISSING;
}

enum root_state root_look(const struct root *root, int *error)
{
    struct stat attributes;
    if (root->name == NULL)
        return look_at_directory(root, error);
    if (stat(root->name, &attributes) < 0) {
        *error = errno;
        return ROOT_MISSING;
    }
    if (attributes.st_dev == root->device && attributes.st_ino == root->inode)
        return look_at_file(root, error);
    *error = ENOTDIR;
    return S_ISDIR(attributes.st_mode) ? ROOT_REPLACED : ROOT_MISSING;
}

enum root_state root_look_inside(const struct root *root, int *error)
{
    struct root entered = *root;
    if (entered.file == NULL)
        entered.file = ".";
    return root_look(&entered, error);
}

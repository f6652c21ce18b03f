#include "process/served_root.h"

#include "base/descriptors.h"
#include "base/limits.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static int fail_root(struct failure *failure, const char *typed, int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return fail(failure, EX_NOINPUT, "root '%s' can't be read: %s; 'namei -l' shows the permissions along the path",
                    typed, strerror(error));
    case ENOENT:
        return fail(failure, EX_NOINPUT, "root '%s' does not exist; give an existing directory, such as '.'", typed);
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return fail(failure, EX_OSERR, "root '%s' can't be opened: %s; 'ulimit -a' shows the limits", typed,
                    strerror(error));
    default:
        return fail(failure, EX_NOINPUT, "root '%s': %s; give a directory, such as '.'", typed, strerror(error));
    }
}

/* True if paths in the directory can be resolved; else sets errno. Not by faccessat(2): old container runtimes refuse
   its system call (faccessat2, Linux 5.8) with EPERM. */
static bool can_search(int directory)
{
    int fd = openat(directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    descriptors_close(fd);
    return fd >= 0;
}

/* Opens what `typed` leads to now. Returns 0, or the failure's status with nothing left open. */
static int open_directory(const struct served_root *served, const char *typed, struct root *root,
                          struct failure *failure)
{
    struct stat attributes;
    const char *name = served->name[0] != '\0' ? served->name : NULL;
    if (stat(typed, &attributes) < 0)
        return fail_root(failure, typed, errno);
    if (!S_ISDIR(attributes.st_mode))
        return fail(failure, EX_NOINPUT, "root '%s' is not a directory; give the directory that holds it", typed);
    int fd = open(typed, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && can_search(fd) && root_describe(root, name, fd) == 0) {
        root->file = served->settings->file;
        return 0;
    }
    fail_root(failure, typed, errno);
    descriptors_close(fd);
    return failure->status;
}

/* The name stays as typed, whatever its links lead to. Workers stand in another directory, so it must be absolute. */
static void name_root(struct served_root *served)
{
    char here[PATH_MAX];
    const char *typed = served->settings->root;
    int length = -1;
    if (*typed == '/')
        length = snprintf(served->name, sizeof served->name, "%s", typed);
    else if (getcwd(here, sizeof here) != NULL && *here == '/')
        length = snprintf(served->name, sizeof served->name, "%s/%s", here, typed);
    if (length < 0 || (size_t)length >= sizeof served->name)
        served->name[0] = '\0';
}

/* Opens an empty directory without a name: no file can be made in it. Returns a descriptor, or -1. */
static int open_empty_directory(void)
{
    char name[] = P_tmpdir "/tinyhttpd-XXXXXX";
    if (mkdtemp(name) == NULL)
        return -1;
    int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        fchmod(fd, 0755); /* the workers' user may be another */
    rmdir(name);
    return fd;
}

/* Serves from an empty directory, as if the root had been removed, until the root is found. */
static int open_placeholder(struct served_root *served)
{
    served->root.fd = served->name[0] != '\0' ? open_empty_directory() : -1;
    snprintf(served->path, sizeof served->path, "%s", served->settings->root);
    return served->root.fd < 0 ? -1 : root_describe(&served->root, served->name, served->root.fd);
}

/* Checks before the start that workers can serve inside their sandbox. Returns 0, or the failure's status with the root
   closed. */
static int rehearse(struct served_root *served, struct failure *failure)
{
    struct sandbox *sandbox = &served->sandbox;
    struct sandbox_held *held = &served->held;
    const struct settings *settings = served->settings;
    sandbox->root = served->root.fd;
    sandbox->root_path = settings->root;
    sandbox->root_name = served->root.name;
    sandbox->reads_all = settings->symlinks == SYMLINKS_ALL;
    if (privileges_plan(&sandbox->privileges, settings->user, failure) != 0 ||
        sandbox_choose_user(sandbox, held, failure) != 0) {
        close(served->root.fd);
        return failure->status;
    }
    sandbox_describe(held, served->sandbox_line);
    if (settings->user == NULL && sandbox->privileges.change == PRIVILEGES_CHANGE && held->user == 0 && served->warns)
        log_error("user nobody can't read root '%s', which root owns; the workers stay root, without capabilities "
                  "and inside the sandbox; '--user' chooses another user",
                  settings->root);
    if (!held->root_is_visible && settings->verbosity == VERBOSITY_VERBOSE && served->warns)
        log_error("the workers' user can't look up the root's name; the master looks every %d ms", LIMIT_ROOT_LOOK_MS);
    if (sandbox_reads_others(held))
        sandbox_hide_memory();
    if (held->landlock_version == 0 && held->calls == 0 && served->warns)
        log_error("no Landlock and no seccomp: only the permissions of user %u limit the workers", held->user);
    return 0;
}

int served_root_open(struct served_root *served, struct failure *failure)
{
    const char *typed = served->settings->root;
    name_root(served);
    if (open_directory(served, typed, &served->root, failure) == 0) {
        if (realpath(typed, served->path) == NULL)
            snprintf(served->path, sizeof served->path, "%s", typed);
        if (rehearse(served, failure) == 0)
            return 0;
    }
    if (failure->status != EX_NOINPUT || !served->may_be_missing || open_placeholder(served) < 0)
        return failure->status;
    return rehearse(served, failure);
}

int served_root_replace(struct served_root *served, struct failure *failure)
{
    struct root root = {.fd = -1};
    struct sandbox_held held;
    struct sandbox sandbox = served->sandbox;
    if (open_directory(served, served->name, &root, failure) != 0)
        return failure->status;
    sandbox.root = root.fd;
    if (sandbox_rehearse(&sandbox, &held, failure) != 0) {
        close(root.fd);
        return failure->status;
    }
    close(served->root.fd);
    served->root = root;
    served->sandbox = sandbox;
    served->held = held;
    return 0;
}

const char *served_root_name(const struct served_root *served)
{
    return served->held.root_is_visible ? served->root.name : NULL;
}

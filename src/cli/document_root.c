#include "cli/document_root.h"

#include "base/text.h"
#include "cli/suggest.h"
#include "cli/table.h"
#include "cli/values.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

/* The output directories of site generators and bundlers. */
static const char *const output_directories[] = {"dist", "build", "public", "_site", "www", "site"};
enum { OUTPUT_DIRECTORIES = sizeof output_directories / sizeof *output_directories, SIBLINGS_MAX = 256 };

static bool is_directory(const char *path)
{
    struct stat attributes;
    return stat(path, &attributes) == 0 && S_ISDIR(attributes.st_mode);
}

static bool is_file(const char *path)
{
    struct stat attributes;
    return stat(path, &attributes) == 0 && S_ISREG(attributes.st_mode);
}

/* The offset of the last component of a path. */
static size_t last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? (size_t)(slash + 1 - path) : 0;
}

/* Writes the sibling directory of `path` with the most similar name. */
static bool find_similar(const char *path, char *similar, size_t size)
{
    size_t at = last_component(path);
    char *names[SIBLINGS_MAX] = {NULL};
    size_t count = 0;
    if (snprintf(similar, size, "%.*s", (int)at, path) >= (int)size)
        return false;
    DIR *folder = opendir(at > 0 ? similar : ".");
    const struct dirent *entry;
    /* cppcheck-suppress readdirCalled ; the process has one thread */
    while (folder != NULL && count < SIBLINGS_MAX && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.' || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
            continue;
        names[count] = strdup(entry->d_name);
        count += names[count] != NULL;
    }
    if (folder != NULL)
        closedir(folder);
    const char *nearest = suggest_nearest(path + at, (const char *const *)names, count);
    bool found =
        nearest != NULL && snprintf(similar + at, size - at, "%s", nearest) < (int)(size - at) && is_directory(similar);
    while (count > 0)
        free(names[--count]);
    return found;
}

/* Writes the output directory in `folder` that has the index file. */
static bool find_output(const char *folder, const char *index, char *output, size_t size)
{
    size_t length = strlen(folder);
    bool slash = length > 0 && folder[length - 1] == '/';
    for (size_t i = 0; i < OUTPUT_DIRECTORIES; i++) {
        int written = snprintf(output, size, "%s%s%s/%s", folder, slash ? "" : "/", output_directories[i], index);
        if (written >= (int)size || !is_file(output))
            continue;
        output[(size_t)written - strlen(index) - 1] = '\0';
        return true;
    }
    return false;
}

static int fail_missing(const struct settings *settings, struct failure *failure)
{
    const char *typed = settings->root;
    char path[PATH_MAX], other[PATH_MAX];
    size_t length = strlen(typed);
    while (length > 1 && typed[length - 1] == '/')
        length--;
    if (length < sizeof path) {
        memcpy(path, typed, length);
        path[length] = '\0';
        if (find_similar(path, other, sizeof other))
            return fail(failure, EX_NOINPUT, "root '%s' does not exist; did you mean '%s%s'?", typed,
                        strchr(other, '/') == NULL ? "./" : "", other);
    }
    if (values_is_port(typed)) /* as for Python's http.server */
        return fail(failure, EX_NOINPUT, "root '%s' does not exist; for a port, type '-p %s'", typed, typed);
    for (size_t i = 0; i < table_count; i++) {
        if (strcmp(typed, table_rows[i].name) == 0)
            return fail(failure, EX_NOINPUT, "root '%s' does not exist; for the option, type '--%s'", typed, typed);
    }
    /* An absolute path is not a slip for a directory of the current one. */
    if (*typed != '/' && find_output(".", settings->index[0], other, sizeof other))
        return fail(failure, EX_NOINPUT, "root '%s' does not exist; did you mean '%s'?", typed, other);
    return fail(failure, EX_NOINPUT, "root '%s' does not exist; give an existing directory, such as '.'", typed);
}

/* True if `--symlinks` lets a file in `folder` be served. `target` gets its path without links. */
static bool may_follow(const struct settings *settings, const char *folder, char target[PATH_MAX])
{
    char real[PATH_MAX];
    struct stat attributes;
    if (settings->symlinks == SYMLINKS_ALL || realpath(settings->root, target) == NULL)
        return true; /* a file that can't be read is another matter */
    if (settings->symlinks == SYMLINKS_NONE)
        return lstat(settings->root, &attributes) == 0 && !S_ISLNK(attributes.st_mode);
    if (realpath(folder, real) == NULL)
        return true;
    size_t length = strcmp(real, "/") == 0 ? 0 : strlen(real);
    return strncmp(target, real, length) == 0 && target[length] == '/';
}

/* Makes the directory of the file the root. */
static int take_file(struct settings *settings, struct failure *failure)
{
    static char folder[PATH_MAX];
    char target[PATH_MAX];
    const char *typed = settings->root;
    size_t at = last_component(typed);
    if (at >= sizeof folder)
        return fail(failure, EX_NOINPUT, "root '%s': the path is too long; give a shorter one", typed);
    memcpy(folder, at > 0 ? typed : ".", at > 0 ? at : 1);
    folder[at > 0 ? at : 1] = '\0';
    if (text_is_rules_file(span_of(typed + at)))
        return fail(failure, EX_NOINPUT, "root '%s' is a file of rules, which is never served; give it another name",
                    typed);
    if (!may_follow(settings, folder, target))
        return fail(failure, EX_NOINPUT, "root '%s' is a symbolic link; type '%s', or add '--symlinks all'", typed,
                    target);
    settings->root = folder;
    settings->file = typed + at;
    return 0;
}

int document_root_read(struct settings *settings, struct failure *failure)
{
    struct stat attributes;
    const char *typed = settings->root;
    if (stat(typed, &attributes) < 0) {
        settings->file = NULL;
        return errno == ENOENT ? fail_missing(settings, failure) : 0; /* master_open() reports other errors */
    }
    if (settings->file != NULL && S_ISREG(attributes.st_mode))
        return take_file(settings, failure);
    settings->file = NULL;
    if (S_ISREG(attributes.st_mode))
        return fail(failure, EX_NOINPUT, "root '%s' is not a directory; type 'tinyhttpd %s' to serve only this file",
                    typed, typed);
    return 0;
}

/* True if the root has such a file, or if the path is too long to check. */
static bool has_file(const struct settings *settings, const char *name)
{
    char path[PATH_MAX];
    return snprintf(path, sizeof path, "%s/%s", settings->root, name) >= (int)sizeof path || is_file(path);
}

static bool has_index(const struct settings *settings)
{
    for (unsigned i = 0; i < settings->index_count; i++) {
        if (has_file(settings, settings->index[i]))
            return true;
    }
    return false;
}

/* Writes a hint if an output directory in the root has the index that the root lacks. */
static bool hint_at_output(const struct settings *settings, char *hint, size_t size)
{
    char path[PATH_MAX];
    if (!find_output(settings->root, settings->index[0], path, sizeof path))
        return false;
    snprintf(hint, size, "the root has no '%s', but '%s' has one; did you mean 'tinyhttpd %s'?", settings->index[0],
             path, path);
    return true;
}

bool document_root_hint(const struct settings *settings, char *hint, size_t size)
{
    if (settings->file != NULL)
        return false;
    if (!has_index(settings) && hint_at_output(settings, hint, size))
        return true;
    if (settings->spa == NULL || has_file(settings, settings->spa))
        return false;
    snprintf(hint, size, "--spa: the root has no '%s', so unknown page URLs are 404", settings->spa);
    return true;
}

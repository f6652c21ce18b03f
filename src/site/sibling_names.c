#include "site/sibling_names.h"

#include "base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

const struct span sibling_suffixes[SIBLINGS] = {
    [SIBLING_GZ] = SPAN_INIT(".gz"),
    [SIBLING_ZST] = SPAN_INIT(".zst"),
    [SIBLING_BR] = SPAN_INIT(".br"),
};

/* Reading this much of a directory, about a hundred names, costs about as much as one search for a file's siblings. */
enum { BYTES_PER_SEARCH = 4096 };

/* Directories with the same hash share a place. */
static size_t place_of(const struct file_stamp *stamp)
{
    uint64_t identity[] = {stamp->device, stamp->inode};
    return hash_bytes((struct span){(const char *)identity, sizeof identity}) % LIMIT_STORE_DIRECTORIES;
}

/* Ignores case, as some file systems do. */
static bool has_suffix(struct span name)
{
    for (unsigned sibling = 0; sibling < SIBLINGS; sibling++) {
        struct span suffix = sibling_suffixes[sibling];
        if (name.length > suffix.length && span_equal_nocase(span_from(name, name.length - suffix.length), suffix))
            return true;
    }
    return false;
}

static bool has_none(int directory)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    if (stream == NULL) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    unsigned count = 0;
    errno = 0;
    /* cppcheck-suppress readdirCalled ; the process has one thread */
    while ((entry = readdir(stream)) != NULL && count < LIMIT_SIBLING_NAMES && !has_suffix(span_of(entry->d_name)))
        count++;
    bool none = entry == NULL && errno == 0;
    closedir(stream);
    return none;
}

/* Returns what is remembered of the directory; forgets another one in its place. */
static struct directory_names *remember(struct sibling_names *names, const struct file_stamp *stamp)
{
    struct directory_names *directory = &names->directories[place_of(stamp)];
    if (directory->first_seen == 0 || !file_stamp_equal(&directory->stamp, stamp))
        *directory = (struct directory_names){.stamp = *stamp, .first_seen = file_stamp_clock()};
    return directory;
}

int64_t sibling_names_first_seen(struct sibling_names *names, const struct file_stamp *stamp)
{
    return remember(names, stamp)->first_seen;
}

bool sibling_names_has_none(const struct sibling_names *names, const struct file_stamp *stamp)
{
    const struct directory_names *directory = &names->directories[place_of(stamp)];
    return directory->none && file_stamp_equal(&directory->stamp, stamp);
}

bool sibling_names_note_search(struct sibling_names *names, const struct file_stamp *stamp, int directory)
{
    struct directory_names *known = remember(names, stamp);
    off_t searches = known->searches++;
    if (!known->are_read && searches > 0 && searches * BYTES_PER_SEARCH >= stamp->size) {
        known->none = has_none(directory);
        known->are_read = true;
    }
    return known->none;
}

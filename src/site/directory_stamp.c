#include "site/directory_stamp.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t stamp_of_entry(int fd, const struct dirent *entry, bool attributes)
{
    uint64_t words[6] = {hash_bytes(span_of(entry->d_name)), entry->d_type};
    struct stat found;
    if (attributes && fstatat(fd, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0) {
        words[2] = (uint64_t)found.st_size;
        words[3] = (uint64_t)found.st_mtim.tv_sec;
        words[4] = (uint64_t)found.st_mtim.tv_nsec;
        words[5] = found.st_ino;
    }
    return hash_bytes((struct span){(const char *)words, sizeof words});
}

/* The directory's own times have only the clock's resolution, so two changes can have the same: they tell of the names
   that are not read. */
uint64_t directory_stamp(int fd)
{
    struct stat attributes = {0};
    fstat(fd, &attributes);
    const uint64_t times[] = {(uint64_t)attributes.st_mtim.tv_sec, (uint64_t)attributes.st_mtim.tv_nsec};
    uint64_t stamp = hash_bytes((struct span){(const char *)times, sizeof times}) | 1;
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return 0;
    }
    const struct dirent *entry;
    /* cppcheck-suppress readdirCalled ; the process has one thread */
    for (unsigned count = 0; count < LIMIT_WATCHED_NAMES && (entry = readdir(directory)) != NULL; count++)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) /* the parent's own changes */
            stamp += stamp_of_entry(fd, entry, count < LIMIT_WATCHED_ENTRIES);
    closedir(directory);
    return stamp;
}

#include "names.h"

#include "fuzz.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[64];

static void remove_base(void)
{
    rmdir(base);
}

int names_open(void)
{
    const char *folder = getenv("TMPDIR");
    snprintf(base, sizeof base, "%.30s/tinyhttpd-names-XXXXXX", folder != NULL ? folder : "/tmp");
    CHECK(mkdtemp(base) != NULL);
    int directory = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(directory >= 0);
    atexit(remove_base);
    return directory;
}

bool names_is_directory(struct span name)
{
    return name.at[0] == 'd';
}

static const char *terminated(struct span name)
{
    static char room[NAME_MAX + 1];
    memcpy(room, name.at, name.length);
    room[name.length] = '\0';
    return room;
}

static bool is_name(struct span name, bool hidden)
{
    return name.length > 0 && name.length <= NAME_MAX && span_find(name, '\0') == name.length &&
           (hidden || (name.at[0] != '.' && !text_is_rules_file(name)));
}

static bool make(int directory, struct span name)
{
    if (names_is_directory(name))
        return mkdirat(directory, terminated(name), 0755) == 0;
    int fd = openat(directory, terminated(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

struct names names_make(int directory, struct span parted, bool hidden)
{
    struct names names = {0};
    while (parted.length > 0 && names.count < NAMES_MAX) {
        struct span name = fuzz_take_until(&parted, '/');
        if (is_name(name, hidden) && make(directory, name))
            names.at[names.count++] = name;
    }
    return names;
}

void names_remove(int directory, const struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        int flags = names_is_directory(names->at[i]) ? AT_REMOVEDIR : 0;
        CHECK(unlinkat(directory, terminated(names->at[i]), flags) == 0);
    }
}

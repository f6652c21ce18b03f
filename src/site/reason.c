#include "site/reason.h"

#include "base/descriptors.h"
#include "base/distance.h"
#include "base/limits.h"
#include "base/unicode.h"
#include "site/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a similar name in the directory ---- */

/* The largest edit distance of a similar name. */
enum { NEAR_MAX = 2 };

/* A longer target of a link is left out of its reason. */
enum { LINK_SHOWN = 255 };

enum likeness { LIKENESS_NONE, LIKENESS_NEAR, LIKENESS_EXTENSION, LIKENESS_HTML, LIKENESS_CASE, LIKENESS_FORM };

/* The first name of the path that can't be opened, and the directory that should have it. */
struct stop {
    struct span directory;
    struct span name;
    int error; /* 0: it is neither a file nor a directory */
};

struct suggestion {
    enum likeness likeness;
    unsigned distance;
    char name[REASON_MAX];
};

/* True if the name is the one asked for, in any Unicode form, and an extension, which begins with its dot. */
static bool is_with_extension(struct span name, struct span asked, struct span *extension, size_t *work)
{
    size_t stem = asked.length;
    bool same = span_begins(name, asked) && name.at[stem] == '.';
    if (!same) {
        size_t last = span_after_last(name, '.').length + 1;
        stem = last <= name.length ? name.length - last : 0;
        same = stem > 0 && unicode_is_equivalent((struct span){name.at, stem}, asked, work);
    }
    *extension = (struct span){name.at + stem, name.length - stem};
    return same;
}

static enum likeness likeness_of(struct span name, struct span asked, unsigned *distance, size_t *work)
{
    unsigned bound = asked.length < 3 ? 0 : asked.length < 6 ? 1 : NEAR_MAX;
    struct span extension;
    *distance = 0;
    *work += name.length / 4; /* in cells of the distance's matrix; a byte costs a quarter of one */
    if (span_equal_nocase(name, asked))
        return LIKENESS_CASE;
    if (unicode_is_equivalent(name, asked, work))
        return LIKENESS_FORM;
    if (is_with_extension(name, asked, &extension, work))
        return span_equal(extension, SPAN(".html")) ? LIKENESS_HTML : LIKENESS_EXTENSION;
    *distance = distance_between(name, asked, bound, work);
    return *distance <= bound ? LIKENESS_NEAR : LIKENESS_NONE;
}

/* Keeps the most similar name; of equally similar ones the first in byte order, as readdir's order varies. */
static void consider(struct suggestion *suggestion, struct span name, struct span asked, size_t *work)
{
    unsigned distance;
    if (name.length >= sizeof suggestion->name) /* too long for a reason */
        return;
    enum likeness likeness = likeness_of(name, asked, &distance, work);
    if (likeness == LIKENESS_NONE || likeness < suggestion->likeness)
        return;
    if (likeness == suggestion->likeness &&
        (distance > suggestion->distance ||
         (distance == suggestion->distance && strcmp(name.at, suggestion->name) > 0)))
        return;
    suggestion->likeness = likeness;
    suggestion->distance = distance;
    memcpy(suggestion->name, name.at, name.length + 1);
}

/* Closes the descriptor. */
static void scan(int fd, const struct stop *stop, bool dotfiles, struct suggestion *suggestion)
{
    const struct dirent *entry;
    size_t work = 0;
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return;
    }
    for (unsigned i = 0; i < LIMIT_REASON_NAMES && work < LIMIT_REASON_WORK; i++) {
        /* cppcheck-suppress readdirCalled ; there is one thread, and readdir_r is deprecated (readdir_r(3)) */
        if ((entry = readdir(directory)) == NULL)
            break;
        struct span name = span_of(entry->d_name);
        if (listing_shows(name, stop->directory.length == 0, dotfiles))
            consider(suggestion, name, stop->name, &work);
    }
    closedir(directory);
}

/* ---- sentences ---- */

static void append_quoted(struct buffer *out, struct span name)
{
    buffer_byte(out, '\'');
    buffer_append(out, name);
    buffer_byte(out, '\'');
}

static void append_directory(struct buffer *out, const struct stop *stop)
{
    if (stop->directory.length > 0)
        append_quoted(out, stop->directory);
    else
        buffer_append(out, SPAN("the root"));
}

static void append_missing(struct buffer *out, const struct stop *stop)
{
    buffer_append(out, SPAN("There is no "));
    append_quoted(out, stop->name);
    buffer_append(out, SPAN(" in "));
    append_directory(out, stop);
    buffer_byte(out, '.');
}

static void append_denied(struct buffer *out, const char *verb, const struct stop *stop)
{
    buffer_append(out, SPAN("The server's user may not "));
    buffer_string(out, verb);
    append_directory(out, stop);
    buffer_byte(out, '.');
}

/* Both names look the same. */
static void append_form(struct buffer *out, struct span asked, struct span name)
{
    buffer_append(out, SPAN(" It is the same name in another Unicode form"));
    if (unicode_is_decomposed(name))
        buffer_append(out, SPAN(": the one on disk is decomposed (NFD)"));
    else if (unicode_is_decomposed(asked))
        buffer_append(out, SPAN(": the requested one is decomposed (NFD)"));
    buffer_byte(out, '.');
}

static void append_suggestion(struct buffer *out, struct span asked, const struct suggestion *suggestion)
{
    if (suggestion->likeness == LIKENESS_NONE)
        return;
    buffer_append(out, SPAN(" Did you mean "));
    append_quoted(out, span_of(suggestion->name));
    buffer_byte(out, '?');
    if (suggestion->likeness == LIKENESS_CASE)
        buffer_append(out, SPAN(" Names are case-sensitive."));
    else if (suggestion->likeness == LIKENESS_FORM)
        append_form(out, asked, span_of(suggestion->name));
    else if (suggestion->likeness != LIKENESS_NEAR)
        buffer_append(out, SPAN(" The address lacks the extension."));
}

/* Says where a symbolic link leads, also through other links. */
static const char *destination_of(const struct stop *stop, enum symlink_choice symlinks, bool absolute)
{
    switch (stop->error) {
    case 0:
        return ", which leads to neither a file nor a directory.";
    case EXDEV:
        return absolute ? ", whose path leads outside the root; a relative link inside the root works, and "
                          "--symlinks all follows every link."
                        : ", whose path leads outside the root; --symlinks all follows every link.";
    case ELOOP:
        return symlinks == SYMLINKS_NONE ? "; the server follows none, as it was started with --symlinks none."
                                         : ", which leads back to itself or through too many links.";
    case EACCES:
    case EPERM:
        return ", which leads to something that the server's user may not read.";
    case ENOTDIR:
        return ", which leads to a file where a directory is needed.";
    default:
        return ", which leads to nothing.";
    }
}

static void append_link(struct buffer *out, const struct stop *stop, enum symlink_choice symlinks, int fd,
                        const char *name)
{
    char target[LINK_SHOWN + 1];
    ssize_t length = readlinkat(fd, name, target, sizeof target);
    bool absolute = length > 0 && target[0] == '/';
    buffer_append(out, SPAN(" is a symbolic link"));
    if (length > 0 && length <= LINK_SHOWN) {
        buffer_append(out, SPAN(" to "));
        append_quoted(out, (struct span){target, (size_t)length});
    }
    buffer_string(out, destination_of(stop, symlinks, absolute));
}

/* Says why an existing name that is no link can't be opened, or NULL. */
static const char *obstacle_of(const struct stop *stop, mode_t mode)
{
    if (stop->error == EACCES || stop->error == EPERM)
        return S_ISDIR(mode) ? " is a directory that the server's user may not read."
                             : " is a file that the server's user may not read.";
    if (S_ISREG(mode) && stop->error == ENOTDIR)
        return " is a file, not a directory.";
    return S_ISREG(mode) || S_ISDIR(mode) ? NULL : " is neither a file nor a directory.";
}

/* ---- the name at which the path stops ---- */

/* Opens files for one reason, in a bounded number of steps. */
struct opener {
    const struct beneath *beneath;
    unsigned steps; /* left */
};

static int open_path(struct opener *opener, struct span path, int flags, struct span *name)
{
    return beneath_walk(opener->beneath, path, flags, NULL, &opener->steps, name);
}

static bool examine(struct opener *opener, struct span path, struct stat *attributes, struct span *name)
{
    return beneath_walk(opener->beneath, path, 0, attributes, &opener->steps, name) == 0;
}

static bool can_open(struct opener *opener, struct span path, int flags, struct span *name)
{
    int fd = open_path(opener, path, flags, name);
    descriptors_close(fd);
    return fd >= 0;
}

/* True if the path leads to a readable file or directory. Nothing else is opened: opening a FIFO releases a waiting
   writer, and opening a device may have any effect. False with errno, which is 0 for these. */
static bool can_read(struct opener *opener, struct span path, struct span *name)
{
    struct stat attributes;
    if (!examine(opener, path, &attributes, name))
        return false;
    if (S_ISREG(attributes.st_mode)) /* O_NONBLOCK in case a FIFO has replaced it */
        return can_open(opener, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, name);
    if (S_ISDIR(attributes.st_mode))
        return can_open(opener, path, O_RDONLY | O_DIRECTORY, name);
    errno = 0;
    return false;
}

/* Returns the longest beginning of a path, in whole names, that the kernel accepts. */
static struct span shorten(struct span path)
{
    while (path.length >= PATH_MAX) {
        while (path.length > 0 && path.at[path.length - 1] != '/')
            path.length--;
        path.length -= path.length > 0;
    }
    return path;
}

/* Returns false if the path can be opened. If no steps are left, explain_stop() can't open the directory: no reason. */
static bool find_stop(struct opener *opener, struct span path, struct stop *stop)
{
    if (can_read(opener, shorten(path), &stop->name))
        return false;
    stop->error = errno;
    size_t start = (size_t)(stop->name.at - path.at);
    stop->directory = (struct span){path.at, start > 0 ? start - 1 : 0};
    return true;
}

/* ---- dot names ---- */

/* Says that a name is hidden, whether or not it exists. */
static bool append_hidden(struct buffer *out, struct opener *opener, struct span path)
{
    struct span hidden = text_dotfile_in(path), name;
    struct stat attributes;
    if (hidden.length == 0)
        return false;
    path.length = (size_t)(hidden.at - path.at) + hidden.length;
    if (!examine(opener, path, &attributes, &name))
        return false;
    append_quoted(out, hidden);
    buffer_append(out, SPAN(" begins with a dot; start the server with --dotfiles to serve such names."));
    return true;
}

/* ---- the interface ---- */

/* False after LIMIT_REASONS in a second: requests for many missing files must not slow down others. */
static bool count_reason(int64_t now)
{
    static int64_t second;
    static unsigned count;
    if (now != second)
        count = 0;
    second = now;
    return count++ < LIMIT_REASONS;
}

/* Leaves the path empty if it is too long. */
static void write_path(struct buffer *path, const struct stop *stop, const char *name)
{
    buffer_append(path, stop->directory);
    if (stop->directory.length > 0)
        buffer_byte(path, '/');
    buffer_string(path, name);
    if (path->overflow)
        path->length = 0;
}

static void explain_missing(struct reason *reason, int directory, const struct stop *stop, bool dotfiles)
{
    struct buffer *out = &reason->text;
    struct suggestion suggestion = {0};
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool unreadable = fd < 0 && errno == EACCES;
    append_missing(out, stop);
    if (unreadable) {
        buffer_byte(out, ' ');
        append_denied(out, "list ", stop);
    }
    if (fd < 0)
        return;
    scan(fd, stop, dotfiles, &suggestion);
    struct buffer without = *out;
    append_suggestion(out, stop->name, &suggestion);
    if (out->overflow)
        *out = without;
    if (suggestion.likeness != LIKENESS_NONE)
        write_path(&reason->suggestion, stop, suggestion.name);
}

static void explain_name(struct reason *reason, const struct opener *opener, int directory, const struct stop *stop,
                         bool dotfiles)
{
    struct buffer *out = &reason->text;
    char name[REASON_MAX];
    struct stat attributes;
    if (stop->name.length >= sizeof name) /* too long for a reason */
        return;
    memcpy(name, stop->name.at, stop->name.length);
    name[stop->name.length] = '\0';
    if (fstatat(directory, name, &attributes, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != EACCES) {
            explain_missing(reason, directory, stop, dotfiles);
            return;
        }
        append_denied(out, "enter ", stop);
        return;
    }
    const char *obstacle = obstacle_of(stop, attributes.st_mode);
    if (!S_ISLNK(attributes.st_mode) && obstacle == NULL)
        return;
    append_quoted(out, stop->name);
    if (S_ISLNK(attributes.st_mode))
        append_link(out, stop, opener->beneath->symlinks, directory, name);
    else
        buffer_string(out, obstacle);
}

static void explain_stop(struct reason *reason, struct opener *opener, const struct stop *stop, bool dotfiles)
{
    struct span last;
    int fd = open_path(opener, stop->directory, O_PATH | O_DIRECTORY, &last);
    if (fd < 0)
        return;
    explain_name(reason, opener, fd, stop, dotfiles);
    close(fd);
}

void reason_find(struct reason *reason, const struct beneath *beneath, struct span path, bool dotfiles, int64_t now)
{
    struct opener opener = {beneath, LIMIT_REASON_STEPS};
    struct stop stop;
    if (!count_reason(now))
        return;
    if ((dotfiles || !append_hidden(&reason->text, &opener, path)) && find_stop(&opener, path, &stop))
        explain_stop(reason, &opener, &stop, dotfiles);
    if (reason->text.overflow) /* by a long path of the directory */
        reason->text.length = 0;
}

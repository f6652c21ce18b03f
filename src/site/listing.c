#include "site/listing.h"

#include "base/date.h"
#include "base/descriptors.h"
#include "base/limits.h"
#include "base/now.h"
#include "site/assets.h"
#include "site/file_error.h"
#include "site/page.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An entry of the directory. */
struct item {
    uint64_t size;
    int64_t modified; /* seconds since 1970 */
    bool folder;
    uint16_t name_length; /* at most NAME_ROOM */
    uint16_t key_length;  /* at most KEY_ROOM */
    char text[];          /* the sort key, then the name */
};

enum {
    /* Names may be longer than NAME_MAX: 765 bytes on vfat and CIFS, 1,024 and more on FUSE. No path can open one of
       PATH_MAX. */
    NAME_ROOM = PATH_MAX - 1,
    KEY_ROOM = 3 * NAME_ROOM, /* listing_append_key adds two bytes to each number */
};
_Static_assert(KEY_ROOM <= UINT16_MAX, "key_length holds it");

/* Items are allocated in blocks, and never move. Blocks are a little smaller than 64 KiB: for one of 64 KiB musl's
   malloc takes 73. */
struct block {
    struct block *next;
    _Alignas(8) char room[65536 - 48];
};
_Static_assert(sizeof(struct item) + KEY_ROOM + NAME_ROOM + 7 <= sizeof((struct block *)0)->room,
               "a block holds the longest item");

/* The part to write next. There is a crumb for each directory of the path, and a row for each entry. */
enum listing_part { PART_HEAD, PART_CRUMB, PART_TABLE, PART_ROW, PART_END, PART_NONE };

/* The entries are a binary heap with the next row at its root, so that sorting is spread over reading and writing
   instead of delaying other connections. */
struct listing {
    struct body_producer producer;
    const struct beneath *beneath;
    DIR *directory; /* NULL after its end */
    struct listing_form form;
    struct block *blocks;
    size_t block_used;
    struct item **heap;
    size_t count;
    size_t room;            /* of the heap, in items */
    size_t bytes;           /* of memory for this listing */
    size_t directory_bytes; /* of these, for `directory` */
    uint64_t step;          /* number of its last step */
    size_t entries_read;    /* shown or not */
    size_t files;
    size_t folders;
    bool cut; /* entries are missing */
    enum listing_part part;
    size_t crumb; /* offset of the next crumb in the path */
    bool rows;    /* a row was written */
    size_t path_length;
    char path[];
};

static struct span path_of(const struct listing *listing)
{
    return (struct span){listing->path, listing->path_length};
}

/* ---- time ---- */

/* The time of all listings of this worker. Each takes a step at a time. Listings that had to wait in the previous
   iteration go first, so that none starves. */
static struct {
    int64_t left;       /* microseconds left in this iteration */
    uint64_t steps;     /* counts steps, to number them */
    uint64_t waits_now; /* lowest last step of listings that had to wait; UINT64_MAX: none had to */
    uint64_t waited;    /* waits_now of the previous iteration */
} pace = {LIMIT_LISTING_US, 0, UINT64_MAX, UINT64_MAX};

void listing_begin_iteration(void)
{
    pace.left = LIMIT_LISTING_US;
    pace.waited = pace.waits_now;
    pace.waits_now = UINT64_MAX;
}

/* False if other listings go first, or time is used up. */
static bool may_step(struct listing *listing)
{
    if (pace.left > 0 && listing->step <= pace.waited) {
        listing->step = ++pace.steps;
        return true;
    }
    if (listing->step < pace.waits_now)
        pace.waits_now = listing->step;
    return false;
}

/* ---- memory ---- */

/* Memory of all listings of this worker. */
static size_t bytes_in_use, bytes_max = LIMIT_LISTING_BYTES;

void listing_bound(size_t bytes)
{
    bytes_max = bytes;
}

/* The bytes that a listing may use: a quarter of what others leave, but always LIMIT_LISTING_SMALL. */
static size_t share_of(const struct listing *listing)
{
    size_t others = bytes_in_use - listing->bytes, shared = bytes_max - bytes_max / LIMIT_LISTING_RESERVE;
    size_t quarter = others < shared ? (shared - others) / 4 : 0;
    return quarter > LIMIT_LISTING_SMALL ? quarter : LIMIT_LISTING_SMALL;
}

static bool reserve(struct listing *listing, size_t bytes)
{
    if (bytes > bytes_max - bytes_in_use || listing->bytes + bytes > share_of(listing))
        return false;
    bytes_in_use += bytes;
    listing->bytes += bytes;
    return true;
}

static void release(struct listing *listing, size_t bytes)
{
    bytes_in_use -= bytes;
    listing->bytes -= bytes;
}

static bool add_block(struct listing *listing)
{
    if (!reserve(listing, sizeof(struct block)))
        return false;
    struct block *block = malloc(sizeof *block);
    if (block == NULL)
        return false;
    block->next = listing->blocks;
    listing->blocks = block;
    listing->block_used = 0;
    return true;
}

static void *allocate(struct listing *listing, size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if (size > sizeof listing->blocks->room - listing->block_used && !add_block(listing))
        return NULL;
    char *at = listing->blocks->room + listing->block_used;
    listing->block_used += size;
    return at;
}

static bool grow_heap(struct listing *listing)
{
    size_t room = listing->room > 0 ? 2 * listing->room : 64;
    if (!reserve(listing, (room - listing->room) * sizeof(struct item *)))
        return false;
    struct item **heap = realloc(listing->heap, room * sizeof(struct item *));
    if (heap == NULL)
        return false;
    listing->heap = heap;
    listing->room = room;
    return true;
}

static void close_directory(struct listing *listing)
{
    if (listing->directory != NULL)
        closedir(listing->directory);
    listing->directory = NULL;
    release(listing, listing->directory_bytes);
    listing->directory_bytes = 0;
}

static void drop(struct body_producer *producer)
{
    struct listing *listing = (struct listing *)(void *)producer; /* its first member */
    while (listing->blocks != NULL) {
        struct block *next = listing->blocks->next;
        free(listing->blocks);
        listing->blocks = next;
    }
    close_directory(listing);
    release(listing, listing->bytes);
    free(listing->heap);
    free(listing);
}

/* ---- order ---- */

/* In one byte, or from 255 on in three that begin with 255, so that keys still compare byte by byte. */
static void append_digit_count(struct buffer *key, size_t count)
{
    if (count >= UINT8_MAX) {
        buffer_byte(key, (char)UINT8_MAX);
        buffer_byte(key, (char)(count >> 8));
    }
    buffer_byte(key, (char)count);
}

void listing_append_key(struct buffer *key, struct span name)
{
    for (size_t at = 0; at < name.length;) {
        if (!text_is_digit(name.at[at])) {
            buffer_byte(key, text_lower(name.at[at++]));
            continue;
        }
        while (at < name.length && name.at[at] == '0')
            at++;
        size_t start = at;
        while (at < name.length && text_is_digit(name.at[at]))
            at++;
        buffer_byte(key, '0'); /* numbers sort where digits do */
        append_digit_count(key, at - start);
        buffer_append(key, (struct span){name.at + start, at - start});
    }
}

static struct span key_of(const struct item *item)
{
    return (struct span){item->text, item->key_length};
}

static struct span name_of(const struct item *item)
{
    return (struct span){item->text + item->key_length, item->name_length};
}

static int compare_bytes(struct span a, struct span b)
{
    int order = memcmp(a.at, b.at, a.length < b.length ? a.length : b.length);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_names(const struct item *a, const struct item *b)
{
    int order = compare_bytes(key_of(a), key_of(b));
    return order != 0 ? order : compare_bytes(name_of(a), name_of(b));
}

/* Folders go first. Equal sizes or times are ordered by name, always ascending. */
static bool comes_before(const struct listing_form *form, const struct item *a, const struct item *b)
{
    int order = 0;
    if (a->folder != b->folder)
        return a->folder;
    if (form->order == LISTING_BY_SIZE)
        order = (a->size > b->size) - (a->size < b->size);
    else if (form->order == LISTING_BY_TIME)
        order = (a->modified > b->modified) - (a->modified < b->modified);
    else
        order = compare_names(a, b);
    if (order == 0)
        return compare_names(a, b) < 0;
    return form->descending ? order > 0 : order < 0;
}

/* Inserts `item` at or above the empty position `at`. */
static void sift_up(struct listing *listing, size_t at, struct item *item)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!comes_before(&listing->form, item, listing->heap[parent]))
            break;
        listing->heap[at] = listing->heap[parent];
        at = parent;
    }
    listing->heap[at] = item;
}

/* Removes the root: the empty position moves down to a leaf, where the last item takes it. That item was a leaf and
   rarely moves up again, which halves the comparisons of sifting it down from the root. */
static void remove_first(struct listing *listing)
{
    size_t at = 0;
    listing->count--;
    for (size_t child = 1; child < listing->count; child = 2 * at + 1) {
        if (child + 1 < listing->count && comes_before(&listing->form, listing->heap[child + 1], listing->heap[child]))
            child++;
        listing->heap[at] = listing->heap[child];
        at = child;
    }
    sift_up(listing, at, listing->heap[listing->count]);
}

/* ---- reading ---- */

/* Leaves out an entry that a request might find. Returns true, to go on. */
static bool leave_out(struct listing *listing)
{
    listing->cut = true;
    return true;
}

/* False without memory for it. */
static bool add_item(struct listing *listing, struct span name, const struct stat *attributes)
{
    char room[KEY_ROOM];
    struct buffer key = BUFFER(room);
    listing_append_key(&key, name);
    if (name.length > NAME_ROOM || key.overflow)
        return leave_out(listing);
    if (listing->count == LIMIT_LISTING_ENTRIES || (listing->count == listing->room && !grow_heap(listing)))
        return false;
    struct item *item = allocate(listing, sizeof *item + key.length + name.length);
    if (item == NULL)
        return false;
    *item = (struct item){
        .size = S_ISREG(attributes->st_mode) ? (uint64_t)attributes->st_size : 0,
        .modified = attributes->st_mtime,
        .folder = S_ISDIR(attributes->st_mode),
        .name_length = (uint16_t)name.length,
        .key_length = (uint16_t)key.length,
    };
    memcpy(item->text, key.at, key.length);
    memcpy(item->text + key.length, name.at, name.length);
    *(item->folder ? &listing->folders : &listing->files) += 1;
    sift_up(listing, listing->count++, item);
    return true;
}

/* True if a request can name the entry: the kernel refuses paths from PATH_MAX on (ENAMETOOLONG), the server targets
   longer than LIMIT_TARGET (414). This bounds a row's length, too. */
static bool has_link(const struct listing *listing, struct span name, bool folder)
{
    char room[LIMIT_TARGET];
    struct buffer target = BUFFER(room);
    struct span path = path_of(listing), base = listing->form.base;
    size_t length = path.length + (path.length > 0) + name.length;
    if (length >= PATH_MAX)
        return false;
    if (3 * (base.length + length) + 3 <= sizeof room) /* even if every byte is percent-encoded */
        return true;
    buffer_byte(&target, '/');
    buffer_uri_path(&target, base);
    if (base.length > 0)
        buffer_byte(&target, '/');
    buffer_uri_path(&target, path);
    if (path.length > 0)
        buffer_byte(&target, '/');
    buffer_uri_path(&target, name);
    if (folder)
        buffer_byte(&target, '/');
    return !target.overflow;
}

/* Opens an entry as a request for it would; examines it if `attributes` is not NULL. -1 with errno, also if it is a
   link that leads nowhere or outside. */
static int open_entry(const struct listing *listing, struct span name, int flags, struct stat *attributes)
{
    char room[PATH_MAX];
    struct buffer path = BUFFER(room);
    buffer_append(&path, path_of(listing));
    if (path.length > 0)
        buffer_byte(&path, '/');
    buffer_append(&path, name);
    buffer_byte(&path, '\0');
    if (path.overflow) { /* not after has_link */
        errno = ENAMETOOLONG;
        return -1;
    }
    bool linked;
    struct span entry = {path.at, path.length - 1};
    return attributes != NULL ? beneath_stat(listing->beneath, entry, attributes, &linked)
                              : beneath_open(listing->beneath, entry, flags);
}

/* True if every user may read the file, or enter the directory. An ACL may still refuse a user. */
static bool is_open_to_all(mode_t mode)
{
    mode_t all = S_ISDIR(mode) ? S_IXUSR | S_IXGRP | S_IXOTH : S_IRUSR | S_IRGRP | S_IROTH;
    return (mode & all) == all;
}

/* False with errno if a request for the file or for any name in the directory would fail. Opens only entries whose mode
   does not decide, the smaller part; the sandbox denies access(2). */
static bool is_served(const struct listing *listing, struct span name, mode_t mode, bool *opened)
{
    struct stat attributes;
    if (is_open_to_all(mode))
        return true;
    *opened = true;
    int flags = S_ISDIR(mode) ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK | O_NOCTTY;
    int fd = open_entry(listing, name, flags, NULL);
    bool served = fd >= 0 && (!S_ISDIR(mode) || fstatat(fd, ".", &attributes, 0) == 0);
    descriptors_close(fd);
    return served;
}

bool listing_shows(struct span name, bool in_root, bool dotfiles)
{
    if (in_root && text_is_rules_file(name))
        return false;
    return name.at[0] != '.' || (dotfiles && !span_equal(name, SPAN(".")) && !span_equal(name, SPAN("..")));
}

/* Adds an entry if it is served. False without memory for it. */
static bool consider(struct listing *listing, struct span name, bool *opened)
{
    struct stat attributes;
    if (!listing_shows(name, listing->path_length == 0, listing->form.dotfiles))
        return true;
    if (fstatat(dirfd(listing->directory), name.at, &attributes, AT_SYMLINK_NOFOLLOW) < 0)
        return file_error_is_404(errno) || leave_out(listing);
    if (!has_link(listing, name, S_ISDIR(attributes.st_mode)))
        return leave_out(listing);
    *opened = S_ISLNK(attributes.st_mode);
    if (*opened && open_entry(listing, name, 0, &attributes) < 0)
        return file_error_is_404(errno) || leave_out(listing);
    if (*opened && S_ISDIR(attributes.st_mode) && !has_link(listing, name, true))
        return leave_out(listing);
    if (!S_ISREG(attributes.st_mode) && !S_ISDIR(attributes.st_mode))
        return true;
    if (!is_served(listing, name, attributes.st_mode, opened) && file_error_is_404(errno))
        return true;
    return add_item(listing, name, &attributes);
}

/* False at the end, or after an error: errno tells them apart (readdir(3)). */
static bool read_entry(struct listing *listing, bool *opened)
{
    errno = 0;
    /* cppcheck-suppress readdirCalled ; there is one thread, and readdir_r is deprecated (readdir_r(3)) */
    const struct dirent *entry = readdir(listing->directory);
    if (entry == NULL) {
        listing->cut |= errno != 0;
        return false;
    }
    if (listing->entries_read++ < LIMIT_LISTING_READ && consider(listing, span_of(entry->d_name), opened))
        return true;
    listing->cut = true;
    return false;
}

/* Reads entries while this iteration has time left. True when all are read. */
static bool read_entries(struct listing *listing, int64_t began)
{
    for (unsigned i = 1;; i++) {
        bool opened = false;
        if (!read_entry(listing, &opened)) {
            close_directory(listing);
            return true;
        }
        if ((opened || i % LIMIT_LISTING_BATCH == 0) && now_us() - began >= pace.left)
            return false;
    }
}

/* ---- pieces of a row ---- */

/* The encoding of colons keeps "javascript:" a file name (RFC 3986 4.2). */
static void append_href(struct buffer *out, const struct item *item)
{
    buffer_uri_path(out, name_of(item));
    if (item->folder)
        buffer_byte(out, '/');
}

/* ---- HTML ---- */

static bool has_links_up(const struct listing *listing)
{
    return listing->path_length > 0 && !listing->form.no_links_up;
}

/* Begins a link to the directory that has the first `end` bytes of the path. Relative, so that it holds behind a proxy
   that removes a prefix. */
static void write_link_up(struct buffer *out, const struct listing *listing, size_t end, struct span rest)
{
    buffer_append(out, SPAN("<a href=\""));
    for (size_t at = end; at < listing->path_length; at++) {
        if (at == 0 || listing->path[at] == '/')
            buffer_append(out, SPAN("../"));
    }
    buffer_byte(out, '"');
    buffer_append(out, rest);
}

static void write_head(const struct listing *listing, struct buffer *out)
{
    page_begin(out);
    buffer_html_name(out, span_after_last(listing->path_length > 0 ? path_of(listing) : listing->form.base, '/'));
    buffer_append(out, SPAN("/</title>\n<style>"));
    buffer_append(out, assets_page_style());
    buffer_append(out, SPAN("</style>\n<style>"));
    buffer_append(out, assets_listing_style());
    buffer_append(out, SPAN("</style>\n<header>\n<h1>"));
    if (has_links_up(listing))
        write_link_up(out, listing, 0, SPAN(" aria-label=\"Start\">"));
    buffer_byte(out, '/');
    page_append_base(out, listing->form.base);
    if (has_links_up(listing))
        buffer_append(out, SPAN("</a>"));
    if (listing->crumb > 0)
        buffer_append(out, SPAN("<i>\xE2\x80\xA6</i>/"));
}

static size_t crumb_end(const struct listing *listing)
{
    size_t at = listing->crumb;
    return at + span_find((struct span){listing->path + at, listing->path_length - at}, '/');
}

/* A link to a directory of the path, or, without a link, the last one. */
static void write_crumb(const struct listing *listing, struct buffer *out)
{
    size_t end = crumb_end(listing);
    bool linked = end < listing->path_length && has_links_up(listing);
    if (linked)
        write_link_up(out, listing, end, SPAN(">"));
    buffer_append(out, SPAN("<bdi>"));
    buffer_html_name(out, (struct span){listing->path + listing->crumb, end - listing->crumb});
    buffer_append(out, linked ? SPAN("</bdi></a>") : SPAN("</bdi>"));
    if (end < listing->path_length)
        buffer_append(out, SPAN("<i>/</i>"));
}

/* Deep paths show only their last LIMIT_LISTING_CRUMBS directories. */
static size_t first_crumb(struct span path)
{
    size_t at = path.length;
    for (unsigned crumbs = 0; at > 0 && crumbs < LIMIT_LISTING_CRUMBS; crumbs++) {
        if (at < path.length)
            at--;
        while (at > 0 && path.at[at - 1] != '/')
            at--;
    }
    return at;
}

static void write_count(const struct listing *listing, struct buffer *out)
{
    if (listing->cut)
        buffer_append(out, SPAN("Only a part, there are more: "));
    if (listing->folders > 0)
        buffer_count(out, listing->folders, "folder", "folders");
    if (listing->folders > 0 && listing->files > 0)
        buffer_append(out, SPAN(", "));
    if (listing->files > 0 || listing->folders == 0)
        buffer_count(out, listing->files, "file", "files");
}

/* A column's heading asks for its order, or, if that is the current one, for the reverse order. It is a button of a
   form, as programs that mirror a site (wget -r) follow links, and would fetch the directory in each order. */
static void write_heading(const struct listing *listing, struct buffer *out, enum listing_order order, const char *name,
                          const char *title)
{
    bool sorted = listing->form.order == order, down = sorted && listing->form.descending;
    buffer_append(out, SPAN("<th scope=\"col\""));
    if (sorted)
        buffer_append(out, down ? SPAN(" aria-sort=\"descending\"") : SPAN(" aria-sort=\"ascending\""));
    buffer_append(out, SPAN("><form><button name=\"sort\" value=\""));
    buffer_string(out, name);
    buffer_append(out, SPAN("\">"));
    buffer_string(out, title);
    buffer_append(out, SPAN("</button><input type=\"hidden\" name=\"order\" value=\""));
    buffer_append(out, sorted && !down ? SPAN("desc\"></form>\n") : SPAN("asc\"></form>\n"));
}

static void write_table(const struct listing *listing, struct buffer *out)
{
    buffer_append(out, SPAN("</h1>\n<p aria-live=\"polite\">"));
    write_count(listing, out);
    buffer_append(out, SPAN("</p>\n<input type=\"search\" placeholder=\"Filter\" aria-label=\"Filter by name\" "
                            "title=\"Press / to come here\" spellcheck=\"false\" hidden>\n</header>\n"
                            "<table>\n<thead><tr>"));
    write_heading(listing, out, LISTING_BY_NAME, "name", "Name");
    write_heading(listing, out, LISTING_BY_SIZE, "size", "Size");
    write_heading(listing, out, LISTING_BY_TIME, "time", "Modified<span> (UTC)</span>");
    if (has_links_up(listing))
        buffer_append(out, SPAN("<tbody><tr class=\"u\"><td><a href=\"../\">Up</a><td><td>\n"));
    buffer_append(out, SPAN("<tbody>\n"));
}

/* The link's text is the name and no markup, as programs (Kodi) take a link for an entry only if both are equal. */
static void write_row(const struct listing *listing, struct buffer *out)
{
    const struct item *item = listing->heap[0];
    char time[DATE_RFC3339_LENGTH]; /* "1994-11-06T08:49:37Z" */
    date_write_rfc3339(time, item->modified);
    buffer_append(out, item->folder ? SPAN("<tr class=\"d\"><td><a href=\"") : SPAN("<tr><td><a href=\""));
    append_href(out, item);
    buffer_append(out, SPAN("\">"));
    buffer_html_name(out, name_of(item));
    buffer_append(out, item->folder ? SPAN("/</a><td>") : SPAN("</a><td><data value=\""));
    if (!item->folder) {
        buffer_number(out, item->size);
        buffer_append(out, SPAN("\">"));
        buffer_size(out, item->size);
        buffer_append(out, SPAN("</data>"));
    }
    buffer_append(out, SPAN("<td><time datetime=\""));
    buffer_append(out, (struct span){time, sizeof time});
    buffer_append(out, SPAN("\">"));
    buffer_append(out, (struct span){time, strlen("1994-11-06")});
    buffer_append(out, SPAN("<span> "));
    buffer_append(out, (struct span){time + strlen("1994-11-06T"), strlen("08:49")});
    buffer_append(out, SPAN("</span></time>\n"));
}

static void write_end(const struct listing *listing, struct buffer *out)
{
    buffer_append(out, SPAN("</table>\n"));
    if (listing->files + listing->folders == 0 && !listing->cut)
        buffer_append(out, SPAN("<footer>This folder is empty.</footer>\n"));
    buffer_append(out, SPAN("<script>"));
    buffer_append(out, assets_listing_script());
    buffer_append(out, SPAN("</script>\n</html>\n"));
}

static void (*const write_html[])(const struct listing *listing, struct buffer *out) = {
    [PART_HEAD] = write_head, [PART_CRUMB] = write_crumb, [PART_TABLE] = write_table,
    [PART_ROW] = write_row,   [PART_END] = write_end,
};

/* ---- JSON (RFC 8259) ---- */

/* JSON text is UTF-8: invalid bytes become U+FFFD. "href" has the exact bytes. */
static void append_json_text(struct buffer *out, struct span text)
{
    while (text.length > 0) {
        char byte = text.at[0];
        size_t length = text_character(text);
        if (length == 0) {
            buffer_append(out, SPAN("\xEF\xBF\xBD"));
            length = 1;
        } else if (byte == '"' || byte == '\\' || (unsigned char)byte < 0x20) {
            buffer_json(out, (struct span){text.at, 1});
        } else {
            buffer_append(out, (struct span){text.at, length});
        }
        text = (struct span){text.at + length, text.length - length};
    }
}

static void write_member(const struct item *item, struct buffer *out)
{
    char time[DATE_RFC3339_LENGTH];
    date_write_rfc3339(time, item->modified);
    buffer_append(out, SPAN("{\"name\":\""));
    append_json_text(out, name_of(item));
    buffer_append(out, item->folder ? SPAN("\",\"type\":\"directory\"") : SPAN("\",\"type\":\"file\",\"size\":"));
    if (!item->folder)
        buffer_number(out, item->size);
    buffer_append(out, SPAN(",\"mtime\":\""));
    buffer_append(out, (struct span){time, sizeof time});
    buffer_append(out, SPAN("\",\"href\":\"./"));
    append_href(out, item);
    buffer_append(out, SPAN("\"}"));
}

static void write_json(const struct listing *listing, struct buffer *out)
{
    if (listing->part == PART_HEAD)
        buffer_byte(out, '[');
    else if (listing->part == PART_END)
        buffer_append(out, SPAN("\n]\n"));
    else if (listing->part == PART_ROW) {
        buffer_append(out, listing->rows ? SPAN(",\n") : SPAN("\n"));
        write_member(listing->heap[0], out);
    }
}

/* ---- pieces ---- */

static enum listing_part next_part(struct listing *listing)
{
    if (listing->part == PART_CRUMB) {
        listing->crumb = crumb_end(listing);
        listing->crumb += listing->crumb < listing->path_length;
    } else if (listing->part == PART_ROW) {
        listing->rows = true;
        remove_first(listing);
    }
    if (listing->part == PART_HEAD || listing->part == PART_CRUMB)
        return listing->crumb < listing->path_length ? PART_CRUMB : PART_TABLE;
    if (listing->part == PART_TABLE || listing->part == PART_ROW)
        return listing->count > 0 ? PART_ROW : PART_END;
    return PART_NONE;
}

/* Reads the rest of the directory, then writes a piece. */
static enum body_state do_step(struct listing *listing, struct buffer *piece, int64_t began)
{
    if (listing->directory != NULL && !read_entries(listing, began))
        return BODY_MORE;
    if (listing->cut && listing->form.json) /* JSON can't say that entries are missing */
        return BODY_BROKEN;
    while (listing->part != PART_NONE) {
        struct buffer draft = *piece;
        if (listing->form.json)
            write_json(listing, &draft);
        else
            write_html[listing->part](listing, &draft);
        if (draft.overflow) {
            assert(piece->length > 0); /* has_link bounds each part: it fits into an empty piece */
            return BODY_MORE;
        }
        *piece = draft;
        listing->part = next_part(listing);
    }
    return BODY_END;
}

static enum body_state fill(struct body_producer *producer, struct buffer *piece)
{
    struct listing *listing = (struct listing *)(void *)producer; /* its first member */
    if (!may_step(listing))
        return BODY_MORE;
    int64_t began = now_us();
    enum body_state state = do_step(listing, piece, began);
    pace.left -= now_us() - began;
    return state;
}

/* ---- the interface ---- */

struct listing_form listing_form_of(struct span query)
{
    struct listing_form form = {0};
    while (query.length > 0) {
        query = (struct span){query.at + 1, query.length - 1}; /* skip "?" or "&" */
        size_t end = span_find(query, '&');
        struct span member = {query.at, end};
        if (span_equal(member, SPAN("sort=name")))
            form.order = LISTING_BY_NAME;
        else if (span_equal(member, SPAN("sort=size")))
            form.order = LISTING_BY_SIZE;
        else if (span_equal(member, SPAN("sort=time")))
            form.order = LISTING_BY_TIME;
        else if (span_equal(member, SPAN("order=desc")))
            form.descending = true;
        else if (span_equal(member, SPAN("order=asc")))
            form.descending = false;
        query = (struct span){query.at + end, query.length - end};
    }
    return form;
}

/* glibc allocates a block of the file system for a DIR, at least 32 KiB and at most 1 MiB. */
static size_t directory_bytes(int fd)
{
    struct stat attributes;
    size_t block = fstat(fd, &attributes) == 0 ? (size_t)attributes.st_blksize : 0;
    return block < 32768 ? 32768 : block < 1048576 ? block : 1048576;
}

/* Reserves memory for the first entry, of any length. */
static bool reserve_first(struct listing *listing, int fd)
{
    size_t directory = directory_bytes(fd);
    if (!reserve(listing, sizeof *listing + listing->path_length + directory))
        return false;
    listing->directory_bytes = directory;
    return grow_heap(listing) && add_block(listing);
}

struct body_producer *listing_open(const struct beneath *beneath, struct span path, int fd,
                                   const struct listing_form *form)
{
    struct listing *listing = malloc(sizeof *listing + path.length);
    if (listing == NULL) {
        close(fd);
        return NULL;
    }
    *listing = (struct listing){
        .producer = {fill, drop},
        .beneath = beneath,
        .form = *form,
        .step = ++pace.steps,
        .crumb = first_crumb(path),
        .path_length = path.length,
    };
    if (path.length > 0)
        memcpy(listing->path, path.at, path.length);
    /* The path's own slash is counted: no other follows. */
    int error = !has_link(listing, SPAN(""), false) ? ENAMETOOLONG : !reserve_first(listing, fd) ? ENOMEM : 0;
    if (error == 0 && (listing->directory = fdopendir(fd)) != NULL)
        return (struct body_producer *)(void *)listing; /* see drop */
    close(fd);
    drop(&listing->producer);
    errno = error != 0 ? error : ENOMEM;
    return NULL;
}

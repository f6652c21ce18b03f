#include "site/listing.h"

#include "base/date.h"
#include "base/limits.h"
#include "site/assets.h"
#include "site/page.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One entry, with the key that it is ordered by. */
struct item {
    uint64_t size;
    int64_t modified; /* seconds since 1970 */
    bool folder;
    uint8_t name_length;
    uint16_t key_length;
    char text[]; /* the key, then the name */
};

/* Where each octet of a name stands for a number of one digit, two come before it. */
enum { KEY_MAX = 3 * NAME_MAX };

/* Memory in pieces, so that what stands in them never moves. */
struct block {
    struct block *next;
    _Alignas(8) char room[65536 - 16];
};

/* What is written next; all but the rows are written once, and a crumb for each directory on the way. */
enum listing_part { PART_HEAD, PART_CRUMB, PART_TABLE, PART_ROW, PART_END, PART_NONE };

/* The entries are a binary heap, whose root is the next one: ordering them takes no time of its own, but a little with
   each that is read and each that is written. */
struct listing {
    struct body_producer producer;
    const struct beneath *beneath;
    DIR *directory; /* NULL once it is read to its end */
    struct listing_form form;
    struct block *blocks;
    size_t block_used;
    struct item **heap;
    size_t count;
    size_t room;   /* items that the heap has place for */
    size_t octets; /* of memory that this listing has */
    size_t files;
    size_t folders;
    bool cut; /* there are more entries than these */
    enum listing_part part;
    size_t crumb; /* where in the path the next one begins */
    bool rows;    /* one was written */
    size_t path_length;
    char path[]; /* with room for a name and a NUL after it */
};

/* Memory that all listings of this process have. */
static size_t octets_in_use;

/* ---- memory ---- */

static bool take(struct listing *listing, size_t octets)
{
    if (octets > LIMIT_LISTING_OCTETS - octets_in_use)
        return false;
    octets_in_use += octets;
    listing->octets += octets;
    return true;
}

static void *take_room(struct listing *listing, size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if (listing->blocks == NULL || size > sizeof listing->blocks->room - listing->block_used) {
        if (!take(listing, sizeof(struct block)))
            return NULL;
        struct block *block = malloc(sizeof *block);
        if (block == NULL)
            return NULL;
        block->next = listing->blocks;
        listing->blocks = block;
        listing->block_used = 0;
    }
    char *at = listing->blocks->room + listing->block_used;
    listing->block_used += size;
    return at;
}

static bool grow_heap(struct listing *listing)
{
    size_t room = listing->room > 0 ? 2 * listing->room : 64;
    if (!take(listing, (room - listing->room) * sizeof(struct item *)))
        return false;
    struct item **heap = realloc(listing->heap, room * sizeof(struct item *));
    if (heap == NULL)
        return false;
    listing->heap = heap;
    listing->room = room;
    return true;
}

static void give_back(struct listing *listing)
{
    while (listing->blocks != NULL) {
        struct block *next = listing->blocks->next;
        free(listing->blocks);
        listing->blocks = next;
    }
    octets_in_use -= listing->octets;
    if (listing->directory != NULL)
        closedir(listing->directory);
    free(listing->heap);
    free(listing);
}

static void drop(struct body_producer *producer)
{
    give_back((struct listing *)(void *)producer); /* its first member */
}

/* ---- order ---- */

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
        buffer_byte(key, '0'); /* so that a number stands where a digit would */
        buffer_byte(key, (char)(at - start));
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

static int compare_octets(struct span a, struct span b)
{
    int order = memcmp(a.at, b.at, a.length < b.length ? a.length : b.length);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_names(const struct item *a, const struct item *b)
{
    int order = compare_octets(key_of(a), key_of(b));
    return order != 0 ? order : compare_octets(name_of(a), name_of(b));
}

/* What is equal is ordered by name, upwards in any case. */
static bool comes_before(const struct listing_form *form, const struct item *a, const struct item *b)
{
    int order = 0;
    if (a->folder != b->folder)
        return a->folder;
    if (form->order == LISTING_BY_SIZE)
        order = (a->size > b->size) - (a->size < b->size);
    else if (form->order == LISTING_BY_TIME)
        order = (a->modified > b->modified) - (a->modified < b->modified);
    if (order == 0 && form->order != LISTING_BY_NAME)
        return compare_names(a, b) < 0;
    if (order == 0)
        order = compare_names(a, b);
    return form->descending ? order > 0 : order < 0;
}

/* Moves `item` up from the place `at`, which is empty. */
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

/* Takes the first one out. The empty place goes down to a leaf, where the last one moves in: as it comes from a leaf
   itself it hardly ever moves up again, which makes half the comparisons of the usual way. */
static void remove_first(struct listing *listing)
{
    size_t at = 0;
    listing->count--;
    for (size_t child = 1; child < listing->count; child = 2 * at + 1) {
        if (child + 1 < listing->count &&
            comes_before(&listing->form, listing->heap[child + 1], listing->heap[child]))
            child++;
        listing->heap[at] = listing->heap[child];
        at = child;
    }
    sift_up(listing, at, listing->heap[listing->count]);
}

/* ---- reading ---- */

/* False where there is no room for it. */
static bool add_item(struct listing *listing, struct span name, const struct stat *attributes)
{
    char room[KEY_MAX];
    struct buffer key = BUFFER(room);
    listing_append_key(&key, name);
    assert(!key.overflow);
    if (listing->count == LIMIT_LISTING_ENTRIES || (listing->count == listing->room && !grow_heap(listing)))
        return false;
    struct item *item = take_room(listing, sizeof *item + key.length + name.length);
    if (item == NULL)
        return false;
    *item = (struct item){
        .size = S_ISREG(attributes->st_mode) ? (uint64_t)attributes->st_size : 0,
        .modified = attributes->st_mtime,
        .folder = S_ISDIR(attributes->st_mode),
        .name_length = (uint8_t)name.length,
        .key_length = (uint16_t)key.length,
    };
    memcpy(item->text, key.at, key.length);
    memcpy(item->text + key.length, name.at, name.length);
    *(item->folder ? &listing->folders : &listing->files) += 1;
    sift_up(listing, listing->count++, item);
    return true;
}

/* Where a link leads, by the same way that a request for it would go. False where that is nowhere, or outside. */
static bool follow(struct listing *listing, const char *name, struct stat *attributes)
{
    size_t length = listing->path_length;
    if (length > 0)
        listing->path[length++] = '/';
    memcpy(listing->path + length, name, strlen(name) + 1);
    int fd = beneath_open(listing->beneath, (struct span){listing->path, length + strlen(name)}, O_PATH);
    bool found = fd >= 0 && fstat(fd, attributes) == 0;
    if (fd >= 0)
        close(fd);
    return found;
}

static bool is_listed(const struct listing *listing, const char *name)
{
    if (name[0] != '.')
        return true;
    return listing->form.dotfiles && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* One more entry. False at the end. */
static bool read_entry(struct listing *listing)
{
    struct stat attributes;
    /* cppcheck-suppress readdirCalled ; there is one thread, and readdir_r is deprecated (readdir_r(3)) */
    const struct dirent *entry = readdir(listing->directory);
    if (entry == NULL)
        return false;
    const char *name = entry->d_name;
    /* What is gone since it was read is left out. */
    if (!is_listed(listing, name) ||
        fstatat(dirfd(listing->directory), name, &attributes, AT_SYMLINK_NOFOLLOW) < 0)
        return true;
    if (S_ISLNK(attributes.st_mode) && !follow(listing, name, &attributes))
        return true;
    if (!S_ISREG(attributes.st_mode) && !S_ISDIR(attributes.st_mode))
        return true;
    listing->cut = !add_item(listing, span_of(name), &attributes);
    return !listing->cut;
}

/* Reads as many entries as may be read in a turn. True when it is done. */
static bool read_entries(struct listing *listing)
{
    for (unsigned i = 0; i < LIMIT_LISTING_STEP; i++) {
        if (!read_entry(listing)) {
            closedir(listing->directory);
            listing->directory = NULL;
            return true;
        }
    }
    return false;
}

/* ---- pieces of a row ---- */

void listing_append_size(struct buffer *out, uint64_t octets)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    while (octets >> 10 * unit >= 1024)
        unit++;
    if (unit == 0) {
        buffer_number(out, octets);
    } else {
        uint64_t tenths = ((octets >> 10 * (unit - 1)) * 10 + 512) / 1024;
        if (tenths >= 10235) { /* "1024 KiB" */
            tenths = 10;
            unit++;
        }
        buffer_number(out, tenths < 100 ? tenths / 10 : (tenths + 5) / 10);
        if (tenths < 100) {
            buffer_byte(out, '.');
            buffer_number(out, tenths % 10);
        }
    }
    buffer_byte(out, ' ');
    buffer_string(out, units[unit]);
}

static void append_digits(struct buffer *out, int number, char after)
{
    buffer_byte(out, (char)('0' + number / 10 % 10));
    buffer_byte(out, (char)('0' + number % 10));
    if (after != '\0')
        buffer_byte(out, after);
}

static void append_day(struct buffer *out, const struct date *date)
{
    append_digits(out, date->year / 100, '\0');
    append_digits(out, date->year % 100, '-');
    append_digits(out, date->month, '-');
    append_digits(out, date->day, '\0');
}

/* RFC 3339 */
static void append_time(struct buffer *out, const struct date *date)
{
    append_day(out, date);
    buffer_byte(out, 'T');
    append_digits(out, date->hour, ':');
    append_digits(out, date->minute, ':');
    append_digits(out, date->second, 'Z');
}

/* "./" keeps a name from being taken for anything but a path, and its octets for anything but a name. */
static void append_href(struct buffer *out, const struct item *item)
{
    buffer_append(out, SPAN("./"));
    buffer_uri_path(out, name_of(item));
    if (item->folder)
        buffer_byte(out, '/');
}

/* ---- HTML ---- */

static struct span path_of(const struct listing *listing)
{
    return (struct span){listing->path, listing->path_length};
}

static struct span last_segment(struct span path)
{
    size_t start = path.length;
    while (start > 0 && path.at[start - 1] != '/')
        start--;
    return (struct span){path.at + start, path.length - start};
}

static void write_head(const struct listing *listing, struct buffer *out)
{
    page_begin(out);
    buffer_html_name(out, last_segment(path_of(listing)));
    buffer_append(out, SPAN("/</title>\n<style>"));
    buffer_append(out, assets_page_style());
    buffer_append(out, SPAN("</style>\n<style>"));
    buffer_append(out, assets_listing_style());
    buffer_append(out, SPAN("</style>\n<header>\n<h1>"));
    if (listing->path_length > 0)
        buffer_append(out, SPAN("<a href=\"/\" aria-label=\"Start\">/</a>"));
    else
        buffer_byte(out, '/');
    if (listing->crumb > 0)
        buffer_append(out, SPAN("<i>\xE2\x80\xA6</i>/"));
}

static size_t crumb_end(const struct listing *listing)
{
    size_t at = listing->crumb;
    return at + span_find((struct span){listing->path + at, listing->path_length - at}, '/');
}

/* Each directory above as a link; the last one is here. */
static void write_crumb(const struct listing *listing, struct buffer *out)
{
    size_t end = crumb_end(listing);
    bool here = end == listing->path_length;
    if (!here) {
        buffer_append(out, SPAN("<a href=\"/"));
        buffer_uri_path(out, (struct span){listing->path, end});
        buffer_append(out, SPAN("/\">"));
    }
    buffer_append(out, SPAN("<bdi>"));
    buffer_html_name(out, (struct span){listing->path + listing->crumb, end - listing->crumb});
    buffer_append(out, here ? SPAN("</bdi>") : SPAN("</bdi></a><i>/</i>"));
}

/* The path from here on is that of the last few directories. */
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

static void append_count(struct buffer *out, size_t count, const char *one, const char *several)
{
    buffer_number(out, count);
    buffer_byte(out, ' ');
    buffer_string(out, count == 1 ? one : several);
}

static void write_count(const struct listing *listing, struct buffer *out)
{
    if (listing->cut)
        buffer_append(out, SPAN("Only a part, there are more: "));
    if (listing->folders > 0)
        append_count(out, listing->folders, "folder", "folders");
    if (listing->folders > 0 && listing->files > 0)
        buffer_append(out, SPAN(", "));
    if (listing->files > 0 || listing->folders == 0)
        append_count(out, listing->files, "file", "files");
}

/* The heading of a column, which leads to its order, and from there to the reverse one. */
static void write_heading(const struct listing *listing, struct buffer *out, enum listing_order order,
                          const char *name, const char *title)
{
    bool sorted = listing->form.order == order, down = sorted && listing->form.descending;
    buffer_append(out, SPAN("<th scope=\"col\""));
    if (sorted)
        buffer_append(out, down ? SPAN(" aria-sort=\"descending\"") : SPAN(" aria-sort=\"ascending\""));
    buffer_append(out, SPAN("><a href=\"?sort="));
    buffer_string(out, name);
    buffer_append(out, sorted && !down ? SPAN("&amp;order=desc\">") : SPAN("&amp;order=asc\">"));
    buffer_string(out, title);
    buffer_append(out, SPAN("</a>\n"));
}

static void write_table(const struct listing *listing, struct buffer *out)
{
    buffer_append(out, SPAN("</h1>\n<p aria-live=\"polite\">"));
    write_count(listing, out);
    buffer_append(out,
                  SPAN("</p>\n<input type=\"search\" placeholder=\"Filter\" aria-label=\"Filter by name\" "
                       "title=\"Press / to come here\" spellcheck=\"false\" hidden>\n</header>\n"
                       "<table>\n<thead><tr>"));
    write_heading(listing, out, LISTING_BY_NAME, "name", "Name");
    write_heading(listing, out, LISTING_BY_SIZE, "size", "Size");
    write_heading(listing, out, LISTING_BY_TIME, "time", "Modified<span> (UTC)</span>");
    buffer_append(out, SPAN("</thead>\n"));
    if (listing->path_length > 0)
        buffer_append(out, SPAN("<tbody><tr class=\"u\"><td><a href=\"../\">Up</a><td><td>\n"));
    buffer_append(out, SPAN("<tbody>\n"));
}

static void write_row(const struct item *item, struct buffer *out)
{
    struct date date = date_from_seconds(item->modified);
    buffer_append(out, item->folder ? SPAN("<tr class=\"d\"><td><a href=\"") : SPAN("<tr><td><a href=\""));
    append_href(out, item);
    buffer_append(out, SPAN("\"><bdi>"));
    buffer_html_name(out, name_of(item));
    buffer_append(out, item->folder ? SPAN("</bdi>/</a><td>") : SPAN("</bdi></a><td><data value=\""));
    if (!item->folder) {
        buffer_number(out, item->size);
        buffer_append(out, SPAN("\">"));
        listing_append_size(out, item->size);
        buffer_append(out, SPAN("</data>"));
    }
    buffer_append(out, SPAN("<td><time datetime=\""));
    append_time(out, &date);
    buffer_append(out, SPAN("\">"));
    append_day(out, &date);
    buffer_append(out, SPAN("<span> "));
    append_digits(out, date.hour, ':');
    append_digits(out, date.minute, '\0');
    buffer_append(out, SPAN("</span></time>\n"));
}

static void write_end(const struct listing *listing, struct buffer *out)
{
    buffer_append(out, SPAN("</table>\n"));
    if (listing->files + listing->folders == 0)
        buffer_append(out, SPAN("<footer>This folder is empty.</footer>\n"));
    buffer_append(out, SPAN("<script>"));
    buffer_append(out, assets_listing_script());
    buffer_append(out, SPAN("</script>\n</html>\n"));
}

static void write_html(const struct listing *listing, struct buffer *out)
{
    switch (listing->part) {
    case PART_HEAD:
        write_head(listing, out);
        break;
    case PART_CRUMB:
        write_crumb(listing, out);
        break;
    case PART_TABLE:
        write_table(listing, out);
        break;
    case PART_ROW:
        write_row(listing->heap[0], out);
        break;
    case PART_END:
        write_end(listing, out);
        break;
    case PART_NONE:
        break;
    }
}

/* ---- JSON (RFC 8259) ---- */

/* What is no UTF-8 becomes U+FFFD, as JSON has no other text; "href" has the very octets. */
static void append_json_text(struct buffer *out, struct span text)
{
    while (text.length > 0) {
        size_t length = text_character(text);
        char octet = text.at[0];
        if (length == 0) {
            buffer_append(out, SPAN("\xEF\xBF\xBD"));
            length = 1;
        } else if (octet == '"' || octet == '\\') {
            buffer_byte(out, '\\');
            buffer_byte(out, octet);
        } else if (octet >= 0 && octet < 0x20) {
            buffer_append(out, octet < 0x10 ? SPAN("\\u000") : SPAN("\\u001"));
            buffer_hex(out, (uint64_t)octet & 15);
        } else {
            buffer_append(out, (struct span){text.at, length});
        }
        text = (struct span){text.at + length, text.length - length};
    }
}

static void write_member(const struct item *item, struct buffer *out)
{
    struct date date = date_from_seconds(item->modified);
    buffer_append(out, SPAN("{\"name\":\""));
    append_json_text(out, name_of(item));
    buffer_append(out,
                  item->folder ? SPAN("\",\"type\":\"directory\"") : SPAN("\",\"type\":\"file\",\"size\":"));
    if (!item->folder)
        buffer_number(out, item->size);
    buffer_append(out, SPAN(",\"mtime\":\""));
    append_time(out, &date);
    buffer_append(out, SPAN("\",\"href\":\""));
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

/* ---- one part after the other ---- */

static enum listing_part after_crumbs(const struct listing *listing)
{
    return listing->crumb < listing->path_length ? PART_CRUMB : PART_TABLE;
}

static enum listing_part after_rows(const struct listing *listing)
{
    return listing->count > 0 ? PART_ROW : PART_END;
}

/* What comes after the part that was written. */
static enum listing_part next_part(struct listing *listing)
{
    switch (listing->part) {
    case PART_HEAD:
        return after_crumbs(listing);
    case PART_CRUMB:
        listing->crumb = crumb_end(listing);
        listing->crumb += listing->crumb < listing->path_length;
        return after_crumbs(listing);
    case PART_ROW:
        listing->rows = true;
        remove_first(listing);
        return after_rows(listing);
    case PART_TABLE:
        return after_rows(listing);
    case PART_END:
    case PART_NONE:
        break;
    }
    return PART_NONE;
}

static enum body_state fill(struct body_producer *producer, struct buffer *piece)
{
    struct listing *listing = (struct listing *)(void *)producer; /* its first member */
    if (listing->directory != NULL && !read_entries(listing))
        return BODY_MORE;
    if (listing->cut && listing->form.json) /* JSON has no place to say so */
        return BODY_BROKEN;
    while (listing->part != PART_NONE) {
        struct buffer trial = *piece;
        if (listing->form.json)
            write_json(listing, &trial);
        else
            write_html(listing, &trial);
        if (trial.overflow) {
            assert(piece->length > 0); /* each part fits into an empty piece */
            return BODY_MORE;
        }
        *piece = trial;
        listing->part = next_part(listing);
    }
    return BODY_END;
}

/* ---- the interface ---- */

struct listing_form listing_form_of(struct span query)
{
    struct listing_form form = {0};
    while (query.length > 0) {
        query = (struct span){query.at + 1, query.length - 1}; /* without its "?" or "&" */
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

struct body_producer *listing_open(const struct beneath *beneath, struct span path, int fd,
                                   const struct listing_form *form)
{
    /* Longer ones than the kernel takes could only be had by the walk without openat2, and each must fit into a piece. */
    DIR *directory = path.length < PATH_MAX ? fdopendir(fd) : NULL;
    if (directory == NULL) {
        close(fd);
        return NULL;
    }
    struct listing *listing = malloc(sizeof *listing + path.length + NAME_MAX + 2);
    if (listing == NULL) {
        closedir(directory);
        return NULL;
    }
    *listing = (struct listing){
        .producer = {fill, drop},
        .beneath = beneath,
        .directory = directory,
        .form = *form,
        .crumb = first_crumb(path),
        .path_length = path.length,
    };
    if (path.length > 0)
        memcpy(listing->path, path.at, path.length);
    if (take(listing, sizeof *listing + path.length))
        return (struct body_producer *)(void *)listing; /* as drop gets it back */
    give_back(listing);
    return NULL;
}

/*
 * Listings of directories whose names are any octets. The input is the order, as a query, then a line's end, then names
 * parted by slashes, the one octet besides NUL that no name has. Those that begin with "d" are directories.
 */
#include "site/listing.h"

#include "base/limits.h"
#include "lib/fuzz.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_MAX = 32, OUTPUT_MAX = 1 << 18 };

struct names {
    size_t count;
    struct span at[NAMES_MAX];
};

static char base[64];
static int root = -1;
static struct beneath beneath;
static char output[OUTPUT_MAX];

static void remove_base(void)
{
    rmdir(base);
}

static void open_root(void)
{
    const char *folder = getenv("TMPDIR");
    snprintf(base, sizeof base, "%.30s/tinyhttpd-listing-XXXXXX", folder != NULL ? folder : "/tmp");
    CHECK(mkdtemp(base) != NULL);
    root = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(root >= 0);
    beneath = beneath_root(root, false);
    atexit(remove_base);
}

static const char *terminated(struct span name)
{
    static char room[NAME_MAX + 1];
    memcpy(room, name.at, name.length);
    room[name.length] = '\0';
    return room;
}

static bool is_folder(struct span name)
{
    return name.at[0] == 'd';
}

static bool is_name(struct span name)
{
    return name.length > 0 && name.length <= NAME_MAX && name.at[0] != '.' &&
           span_find(name, '\0') == name.length;
}

/* False where the file system has it already, or can't have it. */
static bool make(struct span name)
{
    if (is_folder(name))
        return mkdirat(root, terminated(name), 0755) == 0;
    int fd = openat(root, terminated(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void make_names(struct span rest, struct names *names)
{
    while (rest.length > 0 && names->count < NAMES_MAX) {
        size_t length = span_find(rest, '/'), taken = length + (length < rest.length);
        struct span name = {rest.at, length};
        if (is_name(name) && make(name))
            names->at[names->count++] = name;
        rest = (struct span){rest.at + taken, rest.length - taken};
    }
}

static struct span listed(const struct listing_form *form)
{
    static char room[LIMIT_PIECE];
    size_t length = 0;
    enum source_state state;
    int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    struct source *source = listing_open(&beneath, (struct span){"", 0}, fd, form);
    CHECK(source != NULL);
    do {
        struct buffer piece = BUFFER(room);
        listing_begin_iteration();
        state = source->fill(source, &piece);
        CHECK(state != SOURCE_BROKEN && !piece.overflow && length + piece.length <= sizeof output);
        memcpy(output + length, piece.at, piece.length);
        length += piece.length;
    } while (state == SOURCE_MORE);
    source->drop(source);
    return (struct span){output, length};
}

/* The text after `before`, up to the octet `end`; `*text` moves behind it. False where there is no more. */
static bool next_between(struct span *text, struct span before, char end, struct span *found)
{
    const char *at = text->length > 0 ? memmem(text->at, text->length, before.at, before.length) : NULL;
    if (at == NULL)
        return false;
    at += before.length;
    struct span rest = {at, (size_t)(text->at + text->length - at)};
    *found = (struct span){at, span_find(rest, end)};
    CHECK(found->length < rest.length);
    *text = (struct span){at + found->length, rest.length - found->length};
    return true;
}

/* Takes the name that a link leads to off those that are awaited. */
static void check_href(struct span href, struct names *awaited)
{
    char decoded[NAME_MAX + 2];
    size_t length = 0;
    for (size_t i = 0; i < href.length; i++) {
        unsigned char octet = (unsigned char)href.at[i];
        CHECK(octet > ' ' && octet < 0x7F && strchr("\"'<>&:?#\\`", octet) == NULL);
        if (octet == '%') {
            CHECK(href.length - i > 2);
            octet = (unsigned char)(text_hex_value(href.at[i + 1]) * 16 + text_hex_value(href.at[i + 2]));
            i += 2;
        }
        CHECK(length < sizeof decoded);
        decoded[length++] = (char)octet;
    }
    CHECK(length > 0 && is_folder((struct span){decoded, 1}) == (decoded[length - 1] == '/'));
    struct span name = {decoded, length - (decoded[length - 1] == '/')};
    size_t i = 0;
    while (i < awaited->count && !span_equal(awaited->at[i], name))
        i++;
    CHECK(i < awaited->count);
    awaited->at[i] = awaited->at[--awaited->count];
}

/* What is shown of a name: no mark-up, and references only to what had to be escaped. */
static void check_shown(struct span shown)
{
    static const char *const references[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < shown.length; i++) {
        bool known = shown.at[i] != '&';
        CHECK((unsigned char)shown.at[i] >= ' ' && strchr(">\"'\x7F", shown.at[i]) == NULL);
        for (size_t k = 0; k < sizeof references / sizeof *references && !known; k++)
            known = shown.length - i >= strlen(references[k]) &&
                    memcmp(shown.at + i, references[k], strlen(references[k])) == 0;
        CHECK(known);
    }
}

static void check_html(const struct listing_form *form, struct names awaited)
{
    struct span page = listed(form), rest = page, found;
    CHECK(text_is_utf8(page, false));
    while (next_between(&rest, SPAN("<td><a href=\"./"), '"', &found)) {
        check_href(found, &awaited);
        CHECK(next_between(&rest, SPAN("<bdi>"), '<', &found));
        CHECK(rest.length > 6 && memcmp(rest.at, "</bdi>", 6) == 0);
        check_shown(found);
    }
    CHECK(awaited.count == 0);
}

static void check_json(struct listing_form form, struct names awaited)
{
    struct span found;
    form.json = true;
    struct span text = listed(&form), rest = text;
    CHECK(text_is_utf8(text, false));
    for (size_t i = 0; i < text.length; i++)
        CHECK((unsigned char)text.at[i] >= ' ' || text.at[i] == '\n');
    /* A quote in a name is escaped, so that this can be nothing but the member. */
    while (next_between(&rest, SPAN("Z\",\"href\":\"./"), '"', &found))
        check_href(found, &awaited);
    CHECK(awaited.count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    struct span input = {(const char *)octets, length};
    struct listing_form form = listing_form_of(fuzz_take_line(&input));
    struct names names = {0};
    if (root < 0)
        open_root();
    make_names(input, &names);
    check_html(&form, names);
    check_json(form, names);
    for (size_t i = 0; i < names.count; i++)
        CHECK(unlinkat(root, terminated(names.at[i]), is_folder(names.at[i]) ? AT_REMOVEDIR : 0) == 0);
    return 0;
}

/* Listings of directories with names of any bytes. The input is a line with the query for the order, then names
   separated by slashes, the only byte besides NUL that no name has. Names that begin with "d" are directories. */
#include "site/listing.h"

#include "base/limits.h"
#include "lib/fuzz.h"
#include "lib/names.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

enum { OUTPUT_MAX = 1 << 18 };

static int root = -1;
static struct beneath beneath;
static char output[OUTPUT_MAX];

static struct span listed(const struct listing_form *form)
{
    static char room[LIMIT_PIECE];
    size_t length = 0;
    enum body_state state;
    int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    struct body_producer *producer = listing_open(&beneath, (struct span){"", 0}, fd, form);
    CHECK(producer != NULL);
    do {
        struct buffer piece = BUFFER(room);
        listing_begin_iteration();
        state = producer->fill(producer, &piece);
        CHECK(state != BODY_BROKEN && !piece.overflow && length + piece.length <= sizeof output);
        memcpy(output + length, piece.at, piece.length);
        length += piece.length;
    } while (state == BODY_MORE);
    producer->drop(producer);
    return (struct span){output, length};
}

/* The text after `before`, up to the byte `end`; `*text` moves behind it. Returns false if there is none. */
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

/* Removes the name of a link's target from the expected ones. */
static void check_href(struct span href, struct names *awaited)
{
    char decoded[NAME_MAX + 2];
    size_t length = 0;
    for (size_t i = 0; i < href.length; i++) {
        unsigned char byte = (unsigned char)href.at[i];
        CHECK(byte > ' ' && byte < 0x7F && strchr("\"'<>&:?#\\`", byte) == NULL);
        if (byte == '%') {
            CHECK(href.length - i > 2);
            byte = (unsigned char)(text_hex_value(href.at[i + 1]) * 16 + text_hex_value(href.at[i + 2]));
            i += 2;
        }
        CHECK(length < sizeof decoded);
        decoded[length++] = (char)byte;
    }
    CHECK(length > 0 && names_is_directory((struct span){decoded, 1}) == (decoded[length - 1] == '/'));
    struct span name = {decoded, length - (decoded[length - 1] == '/')};
    size_t i = 0;
    while (i < awaited->count && !span_equal(awaited->at[i], name))
        i++;
    CHECK(i < awaited->count);
    awaited->at[i] = awaited->at[--awaited->count];
}

/* A displayed name has no markup, and character references only for characters that need them. */
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
    while (next_between(&rest, SPAN("<td><a href=\""), '"', &found)) {
        check_href(found, &awaited);
        CHECK(next_between(&rest, SPAN(">"), '<', &found));
        CHECK(rest.length > 4 && memcmp(rest.at, "</a>", 4) == 0);
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
    /* Quotes in names are escaped, so this text can only be the member. */
    while (next_between(&rest, SPAN("Z\",\"href\":\"./"), '"', &found))
        check_href(found, &awaited);
    CHECK(awaited.count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct span input = {(const char *)bytes, length};
    struct listing_form form = listing_form_of(fuzz_take_line(&input));
    if (root < 0)
        beneath = (struct beneath){.root = root = names_open(), .symlinks = SYMLINKS_INSIDE};
    struct names names = names_make(root, input, false);
    check_html(&form, names);
    check_json(form, names);
    names_remove(root, &names);
    return 0;
}

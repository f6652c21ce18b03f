/*
 * Reasons of a 404, in a directory with names of any bytes. The input is a line with the requested path after "." (with
 * --dotfiles) or "-"; then names separated by slashes, as for listings. There are links out of the root, to themselves,
 * and to nothing.
 */
#include "site/reason.h"

#include "base/limits.h"
#include "http/target.h"
#include "lib/fuzz.h"
#include "lib/names.h"
#include "site/page.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int root = -1;
static struct beneath beneath;

/* ---- the site ---- */

static const char *const links[][2] = {{"out", "/etc/passwd"}, {"loop", "loop"}, {"nowhere", "missing"}};
enum { LINKS = sizeof links / sizeof *links };

static void remove_links(void)
{
    for (size_t i = 0; i < LINKS; i++)
        unlinkat(root, links[i][0], 0);
}

/* The links stay for all inputs. */
static void open_site(void)
{
    root = names_open();
    for (size_t i = 0; i < LINKS; i++)
        CHECK(symlinkat(links[i][1], root, links[i][0]) == 0);
    atexit(remove_links);
    beneath = (struct beneath){.root = root, .symlinks = SYMLINKS_INSIDE};
}

/* ---- the checks ---- */

static bool is_hidden(struct span path)
{
    for (size_t i = 0; i < path.length; i++) {
        struct span rest = {path.at + i, path.length - i};
        bool begins = (i == 0 || path.at[i - 1] == '/') && path.at[i] == '.';
        if (begins && !span_equal((struct span){rest.at, span_find(rest, '/')}, SPAN(".well-known")))
            return true;
    }
    return false;
}

/* The suggested path exists, may be served, and is not the missing one. */
static void check_suggestion(struct span suggestion, struct span path, bool dotfiles)
{
    char *name = strndup(suggestion.at, suggestion.length);
    struct stat attributes;
    CHECK(strlen(name) == suggestion.length && suggestion.at[0] != '/' && !span_equal(suggestion, path));
    CHECK(fstatat(root, name, &attributes, AT_SYMLINK_NOFOLLOW) == 0);
    CHECK(dotfiles || !is_hidden(suggestion));
    free(name);
}

static unsigned count(struct span text, const char *set)
{
    unsigned found = 0;
    for (size_t i = 0; i < text.length; i++)
        found += text.at[i] != '\0' && strchr(set, text.at[i]) != NULL;
    return found;
}

/* Writes the page in one form. The caller frees the text. */
static struct span write_page(struct span reason, struct span suggestion,
                              void (*write)(struct buffer *, const struct page *))
{
    struct buffer out = {malloc(LIMIT_RESPONSE_TEXT), 0, LIMIT_RESPONSE_TEXT, false};
    const struct page page = {SPAN("404"),     SPAN("Not Found"), SPAN("There is nothing."), reason, suggestion,
                              SPAN("./repo/"), SPAN("repo")};
    CHECK(out.at != NULL);
    write(&out, &page);
    CHECK(!out.overflow && out.length < LIMIT_RESPONSE_TEXT / 2);
    CHECK(text_is_utf8(buffer_span(&out), false));
    return buffer_span(&out);
}

/* No name becomes markup: the page has as much of it as with harmless names. */
static void check_html(struct span reason, struct span suggestion)
{
    struct span harmless = {"x", 1}, none = {"", 0};
    struct span page = write_page(reason, suggestion, page_write);
    struct span plain =
        write_page(reason.length > 0 ? harmless : none, suggestion.length > 0 ? harmless : none, page_write);
    CHECK(count(page, "<") == count(plain, "<") && count(page, ">") == count(plain, ">"));
    CHECK(count(page, "\"") == count(plain, "\"") && count(page, "'") == count(plain, "'"));
    free((char *)page.at);
    free((char *)plain.at);
}

static void check_plain(struct span reason, struct span suggestion)
{
    struct span text = write_page(reason, suggestion, page_write_text);
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        CHECK(byte == '\n' || (byte >= ' ' && byte != 0x7F));
        CHECK(byte != 0xC2 || (unsigned char)text.at[i + 1] >= 0xA0);
    }
    CHECK(count(text, "\n") <= 3);
    free((char *)text.at);
}

/* True if the path leads to a readable file. */
static bool can_be_read(struct span path)
{
    int fd = beneath_open(&beneath, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void check_reason(struct span path, bool dotfiles)
{
    static int64_t second; /* another one each time, as the number of reasons in a second is limited */
    char *rooms[] = {malloc(REASON_MAX), malloc(REASON_MAX)};
    struct reason reason = {{rooms[0], 0, REASON_MAX, false}, {rooms[1], 0, REASON_MAX, false}};
    reason_find(&reason, &beneath, path, dotfiles, ++second);
    struct span text = buffer_span(&reason.text), suggestion = buffer_span(&reason.suggestion);
    CHECK(text.length <= REASON_MAX && suggestion.length <= REASON_MAX);
    if (can_be_read(path))
        CHECK(suggestion.length == 0 && (text.length == 0 || (!dotfiles && is_hidden(path))));
    if (suggestion.length > 0)
        check_suggestion(suggestion, path, dotfiles);
    check_html(text, suggestion);
    check_plain(text, suggestion);
    free(rooms[0]);
    free(rooms[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct span input = {(const char *)bytes, length}, asked = fuzz_take_line(&input);
    bool dotfiles = asked.length > 0 && asked.at[0] == '.';
    if (root < 0)
        open_site();
    if (asked.length < 2 || asked.length > LIMIT_TARGET)
        return 0;
    struct target *target = malloc(sizeof *target);
    CHECK(target != NULL);
    struct names names = names_make(root, input, true);
    if (target_parse((struct span){asked.at + 1, asked.length - 1}, target) == 0)
        check_reason(target->slash ? target_child(target, SPAN("index.html")) : target->path, dotfiles);
    names_remove(root, &names);
    free(target);
    return 0;
}

/* Media types of files by their names and contents. The input is a line with the path, then the content. The name and
   the extension "data" have a type of their own. */
#include "site/mime.h"

#include "lib/fuzz.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct type_override overrides[] = {{"data", "x-fuzz/unused"}, {"data", "x-fuzz/data"}};

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* type "/" subtype, both tokens (RFC 9110 8.3.1), in lower case. */
static void check_syntax(const char *type)
{
    unsigned slashes = 0;
    size_t length = strlen(type);
    CHECK(length > 2 && length <= LIMIT_MEDIA_TYPE && type[0] != '/' && type[length - 1] != '/');
    for (const char *at = type; *at != '\0'; at++) {
        slashes += *at == '/';
        CHECK(*at == '/' || text_is_digit(*at) || (text_is_letter(*at) && text_lower(*at) == *at) ||
              strchr("!#$%&'*+-.^_`|~", *at) != NULL);
    }
    CHECK(slashes == 1);
}

/* Types that a browser executes with the site's origin: content alone must never give a file one of them. */
static bool is_run(const char *type)
{
    return strstr(type, "html") != NULL || strstr(type, "javascript") != NULL || strstr(type, "ecmascript") != NULL ||
           ends_with(type, "/xml") || ends_with(type, "+xml") || strcmp(type, "text/css") == 0;
}

/* The extension of the last name; the first dot of a hidden name begins none. "" if there is none. */
static const char *extension_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path, *dot = strrchr(name, '.');
    return dot != NULL && dot > name ? dot + 1 : "";
}

static void check_guess(const char *path, const char *type, struct span content)
{
    struct span probe = {content.at, content.length < LIMIT_MIME_PROBE ? content.length : LIMIT_MIME_PROBE};
    bool pdf = content.length >= 5 && memcmp(content.at, "%PDF-", 5) == 0;
    const char *slash = strrchr(path, '/');
    bool html = strcmp(type, "text/html") == 0 && strchr(slash != NULL ? slash : path, '.') == NULL &&
                memchr(probe.at, '<', probe.length) != NULL;
    CHECK(!is_run(type) || html);
    if (!html && text_is_utf8(probe, probe.length == LIMIT_MIME_PROBE) && !pdf)
        CHECK(strcmp(type, "text/plain") == 0);
}

static void check_type(const char *path, int fd, struct span content)
{
    char *scratch = malloc(MIME_MAX), *again = malloc(MIME_MAX);
    CHECK(scratch != NULL && again != NULL);
    const char *type = mime_of(path, fd, scratch), *extension = extension_of(path);
    const char *slash = strrchr(path, '/');
    bool overridden = strcasecmp(extension, "data") == 0 || strcasecmp(slash != NULL ? slash + 1 : path, "data") == 0;
    check_syntax(type);
    CHECK(mime_is_text(type) == (strncmp(type, "text/", 5) == 0));
    CHECK(overridden == (strcmp(type, overrides[1].type) == 0));
    CHECK(!overridden || mime_knows(span_of(path)));
    CHECK(*extension != '\0' || overridden || !mime_knows(span_of(path)));
    if (!mime_knows(span_of(path)))
        check_guess(path, type, content);
    CHECK(strcmp(type, mime_of(path, fd, again)) == 0); /* at any offset of the file */
    free(scratch);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static int fd = -1;
    struct span content = {(const char *)bytes, length}, name = fuzz_take_line(&content);
    if (fd < 0) {
        fd = memfd_create("content", MFD_CLOEXEC);
        CHECK(fd >= 0 && mime_open());
        mime_override(overrides, sizeof overrides / sizeof *overrides);
    }
    if (name.length >= PATH_MAX)
        return 0;
    char *path = strndup(name.at, name.length);
    CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, content.at, content.length, 0) == (ssize_t)content.length);
    check_type(path, fd, content);
    free(path);
    return 0;
}

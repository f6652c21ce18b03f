/* Names with a hash of their content: a name that a person gave must not count as one, as browsers would keep the
   file for a year. The input is a path. */
#include "site/hashed_name.h"

#include "base/hash.h"
#include "lib/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_MIN = 16 };

static bool has_hash(struct span path)
{
    char *copy = fuzz_copy(path);
    bool has = hashed_name_matches((struct span){copy, path.length});
    free(copy);
    return has;
}

/* The same name with text before and after it. */
static bool has_hash_between(const char *before, struct span path, const char *after)
{
    char *joined;
    int length = asprintf(&joined, "%s%.*s%s", before, (int)path.length, path.at, after);
    CHECK(length >= 0);
    bool has = hashed_name_matches((struct span){joined, (size_t)length});
    free(joined);
    return has;
}

static struct span last_name(struct span path)
{
    size_t start = path.length;
    while (start > 0 && path.at[start - 1] != '/')
        start--;
    return (struct span){path.at + start, path.length - start};
}

static struct span without_extension(struct span name)
{
    size_t end = name.length;
    while (end > 0 && name.at[end - 1] != '.')
        end--;
    return (struct span){name.at, end > 0 ? end - 1 : 0};
}

/* Sixteen or more characters of a hash in a row, with a letter and a digit among them. */
static bool holds_hash(struct span stem)
{
    size_t run = 0, letters = 0, digits = 0;
    bool found = false;
    for (size_t i = 0; i < stem.length; i++) {
        char byte = stem.at[i];
        bool fits = text_is_letter(byte) || text_is_digit(byte) || byte == '-' || byte == '_';
        run = fits ? run + 1 : 0;
        letters = fits ? letters + text_is_letter(byte) : 0;
        digits = fits ? digits + text_is_digit(byte) : 0;
        found |= run >= HASH_MIN && letters > 0 && digits > 0;
    }
    return found;
}

/* Not a document or an archive, which people number. */
static void check_extensions(struct span stem)
{
    static const char *const others[] = {".html", ".htm", ".xhtml", ".pdf", ".zip", ".txt", ".csv", "."};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK(!has_hash_between("a/", stem, others[i]));
}

/* A hash of the input, in the forms of bundlers' names, must be found. */
static void check_bundled(struct span path)
{
    char digits[17], joined[64];
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)hash_bytes(path));
    snprintf(joined, sizeof joined, "assets/app.%s.js", digits);
    bool mixed = strpbrk(digits, "abcdef") != NULL && strpbrk(digits, "0123456789") != NULL;
    CHECK(has_hash(span_of(joined)) == mixed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct span path = {(const char *)bytes, length}, name = last_name(path), stem = without_extension(name);
    bool has = has_hash(path);
    if (span_find(path, '\0') < path.length)
        return 0;
    bool by_name = has_hash(name);
    CHECK(!by_name || has);
    CHECK(has_hash_between("c0ffee12/", name, "") == by_name);
    CHECK(!by_name || holds_hash(stem));
    if (has && !by_name)
        CHECK(memmem(path.at, path.length, "_next/static/", 13) != NULL ||
              memmem(path.at, path.length, "_app/immutable/", 15) != NULL ||
              memmem(path.at, path.length, "_astro/", 7) != NULL);
    CHECK(!has_hash_between("", path, "/"));
    check_extensions(stem);
    check_bundled(path);
    return 0;
}

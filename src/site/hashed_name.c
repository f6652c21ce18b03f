#include "site/hashed_name.h"

#include <stddef.h>

/* Extensions that bundlers give hashed names. No images or JSON: a long number may be that of a user or an object,
   whose content changes. */
static const char code[] = "js mjs cjs css map wasm woff2 woff";

/* Directories that these frameworks reserve for files which never change: Next, SvelteKit, Astro. */
static const struct span reserved[] = {
    SPAN_INIT("_next/static/"),
    SPAN_INIT("_app/immutable/"),
    SPAN_INIT("_astro/"),
};
/* Files of Next's development server do change. */
static const struct span development = SPAN_INIT("_next/static/development/");

static bool is_reserved(struct span path)
{
    for (; path.length > 0; span_take_until(&path, '/')) {
        if (span_begins(path, development))
            return false;
        for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
            if (span_begins(path, reserved[i]))
                return true;
        }
    }
    return false;
}

/* A hash in lower-case hexadecimal, of a length that one of the tools uses: at least 16, as no word has, and not a
   number alone, such as a time. */
static bool is_hash(struct span word)
{
    static const unsigned char lengths[] = {16, 20, 32, 40, 64};
    bool fits = false, digits = false, letters = false;
    for (size_t i = 0; i < sizeof lengths && !fits; i++)
        fits = word.length == lengths[i];
    for (size_t i = 0; i < word.length && fits; i++) {
        bool digit = text_is_digit(word.at[i]);
        fits = digit || (word.at[i] >= 'a' && word.at[i] <= 'f');
        digits |= digit;
        letters |= !digit;
    }
    return fits && digits && letters;
}

static bool is_separator(char byte)
{
    return byte == '.' || byte == '-' || byte == '_';
}

static bool holds_hash(struct span name)
{
    for (size_t at = 0; at <= name.length;) {
        size_t end = at;
        while (end < name.length && !is_separator(name.at[end]))
            end++;
        if (is_hash((struct span){name.at + at, end - at}))
            return true;
        at = end + 1;
    }
    return false;
}

bool hashed_name_matches(struct span path)
{
    struct span name = span_after_last(path, '/'), extension = span_after_last(name, '.');
    if (extension.length == name.length)
        return false;
    return is_reserved(path) || (span_is_among(extension, code) && holds_hash(name));
}

#include "site/hashed_name.h"

#include <stddef.h>

/* Extensions that bundlers give hashed names. No HTML, documents or archives: people number those. */
static const struct span code[] = {
    SPAN_INIT("js"),  SPAN_INIT("mjs"), SPAN_INIT("cjs"),
    SPAN_INIT("css"), SPAN_INIT("map"), SPAN_INIT("wasm"),
};
static const struct span media[] = {
    SPAN_INIT("woff2"), SPAN_INIT("woff"), SPAN_INIT("ttf"),  SPAN_INIT("otf"),         SPAN_INIT("eot"),
    SPAN_INIT("svg"),   SPAN_INIT("png"),  SPAN_INIT("jpg"),  SPAN_INIT("jpeg"),        SPAN_INIT("gif"),
    SPAN_INIT("webp"),  SPAN_INIT("avif"), SPAN_INIT("ico"),  SPAN_INIT("mp4"),         SPAN_INIT("webm"),
    SPAN_INIT("mp3"),   SPAN_INIT("ogg"),  SPAN_INIT("json"), SPAN_INIT("webmanifest"),
};

static bool is_among(const struct span *list, size_t count, struct span word)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equal_nocase(list[i], word))
            return true;
    }
    return false;
}

/* Removes the extension and its dot from the name and returns it, SPAN_NONE if there is none. */
static struct span split_extension(struct span *name)
{
    struct span extension = span_after_last(*name, '.');
    if (extension.length == name->length)
        return SPAN_NONE;
    name->length -= extension.length + 1;
    return extension;
}

enum kind { KIND_UPPER, KIND_LOWER, KIND_DIGIT, KIND_OTHER };

static enum kind kind_of(char byte)
{
    if (text_is_digit(byte))
        return KIND_DIGIT;
    if (!text_is_letter(byte))
        return KIND_OTHER;
    return text_lower(byte) == byte ? KIND_LOWER : KIND_UPPER;
}

/* The letters, digits and other bytes of a word. */
struct shape {
    unsigned count[KIND_OTHER + 1];
    unsigned changes; /* of kind between neighbours */
    unsigned word;    /* length of the longest run of small letters, with a capital before it */
    unsigned digits;  /* leading ones */
};

static struct shape shape_of(struct span word)
{
    struct shape shape = {.count = {0}};
    unsigned run = 0;
    for (size_t i = 0; i < word.length; i++) {
        enum kind kind = kind_of(word.at[i]);
        shape.count[kind]++;
        shape.changes += i > 0 && kind != kind_of(word.at[i - 1]);
        shape.digits += kind == KIND_DIGIT && shape.digits == i;
        run = kind == KIND_LOWER ? run + 1 : kind == KIND_UPPER;
        shape.word = run > shape.word ? run : shape.word;
    }
    return shape;
}

/* A hash in lower-case hexadecimal, of a length that one of the tools uses. It needs digits and letters, to be neither
   a date or serial number nor a word such as "defaced". `alone`: no other word is before it, so it must be longer. */
static bool is_hexadecimal(struct span word, bool alone)
{
    static const unsigned char lengths[] = {8, 10, 12, 16, 20, 32, 40, 64};
    bool fits = false;
    for (size_t i = 0; i < sizeof lengths && !fits; i++)
        fits = word.length == lengths[i] && (!alone || word.length >= 16);
    for (size_t i = 0; i < word.length && fits; i++)
        fits = text_hex_value(word.at[i]) >= 0;
    struct shape shape = shape_of(word);
    return fits && shape.count[KIND_DIGIT] > 0 && shape.count[KIND_LOWER] > 0 &&
           shape.count[KIND_UPPER] == 0 && (shape.digits < 8 || word.length >= 16);
}

/* UUIDs are random or made from the time, not from the content. */
static bool holds_uuid(struct span stem)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    enum { LENGTH = sizeof form - 1 };
    for (size_t start = 0; start + LENGTH <= stem.length; start++) {
        size_t i = 0;
        while (i < LENGTH &&
               (form[i] == '-' ? stem.at[start + i] == '-' : text_hex_value(stem.at[start + i]) >= 0))
            i++;
        if (i == LENGTH)
            return true;
    }
    return false;
}

static bool is_separator(char byte)
{
    return byte == '.' || byte == '-' || byte == '_';
}

static bool has_hexadecimal(struct span stem)
{
    for (size_t at = 0; at <= stem.length;) {
        size_t end = at;
        while (end < stem.length && !is_separator(stem.at[end]))
            end++;
        if (is_hexadecimal((struct span){stem.at + at, end - at}, at == 0))
            return !holds_uuid(stem);
        at = end + 1;
    }
    return false;
}

/* Eight characters of base64url, mixed as no person writes: not "Version2", "iPhone14", "Web-App2". */
static bool is_base64(struct shape shape)
{
    return shape.count[KIND_UPPER] > 0 && shape.count[KIND_LOWER] > 0 && shape.count[KIND_DIGIT] > 0 &&
           shape.changes >= 3 && shape.word < (shape.count[KIND_OTHER] > 0 ? 3U : 4U);
}

/* Eight capitals and digits: esbuild's base32. Not "CHAPTER1", nor "2024JAN1". */
static bool is_base32(struct span word, struct shape shape)
{
    bool numbered = shape.count[KIND_DIGIT] == 1 && text_is_digit(word.at[word.length - 1]);
    return shape.count[KIND_UPPER] > 0 && shape.count[KIND_DIGIT] > 0 && !numbered &&
           shape.count[KIND_UPPER] + shape.count[KIND_DIGIT] == word.length && shape.digits < 4;
}

/* True if the stem's last eight bytes, after a separator, are a hash. base32 only for code: cameras name photos so. */
static bool ends_in_hash(struct span stem, bool is_code)
{
    enum { LENGTH = 8 };
    if (stem.length < LENGTH + 2)
        return false;
    struct span last = {stem.at + stem.length - LENGTH, LENGTH};
    if (last.at[-1] != '-' && last.at[-1] != '.')
        return false;
    for (size_t i = 0; i < last.length; i++) {
        if (kind_of(last.at[i]) == KIND_OTHER && last.at[i] != '-' && last.at[i] != '_')
            return false;
    }
    struct shape shape = shape_of(last);
    return is_base64(shape) || (is_code && last.at[-1] == '-' && is_base32(last, shape));
}

bool hashed_name_matches(struct span path)
{
    struct span name = span_after_last(path, '/'), extension = split_extension(&name);
    bool is_code = is_among(code, sizeof code / sizeof *code, extension);
    if (!is_code && !is_among(media, sizeof media / sizeof *media, extension))
        return false;
    if (span_equal_nocase(extension, SPAN("map"))) { /* "app-DgT4x8Qz.js.map" */
        struct span rest = name, inner = split_extension(&rest);
        if (is_among(code, sizeof code / sizeof *code, inner))
            name = rest;
    }
    return has_hexadecimal(name) || ends_in_hash(name, is_code);
}

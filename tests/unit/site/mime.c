/* Media types. The expected types are IANA's and those that WHATWG MIME Sniffing and browsers need. Guesses are tested
   on real files, and the list of allowed guesses with a database of its own. */
#include "site/mime.h"

#include "base/text.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* For static tables: SPAN is no constant expression. */
#define TEXT(literal) SPAN_INIT(literal)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char folder[] = "/tmp/tinyhttpd-mime-XXXXXX";

static int folder_open(void **state)
{
    (void)state;
    unsetenv("MAGIC");
    return mkdtemp(folder) ? 0 : -1;
}

static int folder_close(void **state)
{
    (void)state;
    return rmdir(folder);
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, struct span content)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.at, content.length), content.length);
    close(fd);
}

static const char *type_of(const char *name, struct span content)
{
    static char scratch[MIME_MAX];
    write_file(name, content);
    int fd = open(path_of(name), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    const char *type = mime_of(path_of(name), fd, scratch);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    close(fd);
    unlink(path_of(name));
    return type;
}

static const char *type_of_name(const char *path)
{
    static char scratch[MIME_MAX];
    return mime_of(path, -1, scratch);
}

/* ---- the table ---- */

static const struct {
    const char *type, *extensions;
} TYPES[] = {
    {"text/html", "htm html"},
    {"text/css", "css"},
    {"text/javascript", "cjs js mjs"},
    {"text/plain", "c cc conf cpp diff go h ini java jsx log patch py rs scss sh sql srt tsx txt"},
    {"text/markdown", "markdown md"},
    {"text/csv", "csv"},
    {"text/tab-separated-values", "tsv"},
    {"text/calendar", "ics"},
    {"text/vcard", "vcf"},
    {"text/vtt", "vtt"},
    {"application/json", "json map"},
    {"application/ld+json", "jsonld"},
    {"application/geo+json", "geojson"},
    {"application/manifest+json", "webmanifest"},
    {"application/wasm", "wasm"},
    {"application/xml", "xml"},
    {"application/xhtml+xml", "xhtml"},
    {"application/xslt+xml", "xsl"},
    {"application/rss+xml", "rss"},
    {"application/atom+xml", "atom"},
    {"application/gpx+xml", "gpx"},
    {"application/vnd.google-earth.kml+xml", "kml"},
    {"application/yaml", "yaml yml"},
    {"application/toml", "toml"},
    {"application/pdf", "pdf"},
    {"application/epub+zip", "epub"},
    {"application/msword", "doc"},
    {"application/vnd.ms-excel", "xls"},
    {"application/vnd.ms-powerpoint", "ppt"},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"},
    {"application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"},
    {"application/vnd.oasis.opendocument.text", "odt"},
    {"application/vnd.oasis.opendocument.spreadsheet", "ods"},
    {"application/vnd.oasis.opendocument.presentation", "odp"},
    {"application/zip", "zip"},
    {"application/gzip", "gz tgz"},
    {"application/zstd", "zst"},
    {"application/x-bzip2", "bz2"},
    {"application/x-xz", "xz"},
    {"application/x-7z-compressed", "7z"},
    {"application/x-tar", "tar"},
    {"application/vnd.rar", "rar"},
    {"application/vnd.debian.binary-package", "deb"},
    {"application/vnd.microsoft.portable-executable", "exe"},
    {"application/octet-stream", "bin br dmg iso"},
    {"application/vnd.apple.mpegurl", "m3u8"},
    {"application/dash+xml", "mpd"},
    {"application/vnd.ms-fontobject", "eot"},
    {"font/otf", "otf"},
    {"font/ttf", "ttf"},
    {"font/woff", "woff"},
    {"font/woff2", "woff2"},
    {"image/apng", "apng"},
    {"image/avif", "avif"},
    {"image/bmp", "bmp"},
    {"image/gif", "gif"},
    {"image/heic", "heic"},
    {"image/heif", "heif"},
    {"image/jpeg", "jpeg jpg"},
    {"image/jxl", "jxl"},
    {"image/png", "png"},
    {"image/svg+xml", "svg"},
    {"image/tiff", "tif tiff"},
    {"image/vnd.microsoft.icon", "ico"},
    {"image/webp", "webp"},
    {"audio/aac", "aac"},
    {"audio/flac", "flac"},
    {"audio/mp4", "m4a"},
    {"audio/mpeg", "mp3"},
    {"audio/ogg", "oga ogg opus"},
    {"audio/wav", "wav"},
    {"audio/webm", "weba"},
    {"video/3gpp", "3gp"},
    {"video/matroska", "mkv"},
    {"video/mp2t", "m2ts"},
    {"video/mp4", "m4v mp4"},
    {"video/mpeg", "mpeg mpg"},
    {"video/ogg", "ogv"},
    {"video/quicktime", "mov"},
    {"video/webm", "webm"},
    {"video/x-msvideo", "avi"},
    {"model/gltf+json", "gltf"},
    {"model/gltf-binary", "glb"},
    {"model/stl", "stl"},
    {"model/vnd.usdz+zip", "usdz"},
};

static void extensions_have_types(void **state)
{
    (void)state;
    assert_true(mime_open()); /* asserts that the table is sorted */
    for (size_t i = 0; i < COUNT(TYPES); i++) {
        char extensions[128];
        snprintf(extensions, sizeof extensions, "%s", TYPES[i].extensions);
        char *rest = extensions;
        for (char *word; (word = strsep(&rest, " "));) {
            char path[64];
            snprintf(path, sizeof path, "a/file.%s", word);
            assert_string_equal(type_of_name(path), TYPES[i].type);
        }
        assert_true(strlen(TYPES[i].type) < MIME_MAX);
    }
    mime_close();
}

static void names_have_extensions(void **state)
{
    static const struct {
        const char *path, *type;
    } cases[] = {
        {"index.html", "text/html"},
        {"INDEX.HTML", "text/html"},
        {"a/b.c/index.HtMl", "text/html"},
        {"/a.css/x.js", "text/javascript"},
        {"jquery.min.js", "text/javascript"},
        {"app.js.map", "application/json"},
        {"backup.tar.gz", "application/gzip"},
        {"a b.png", "image/png"},
        {"x..css", "text/css"},
        {"..css", "text/css"},
        {".hidden.css", "text/css"},
        /* No or an unknown extension, and no file. */
        {"html", "application/octet-stream"},
        {".html", "application/octet-stream"},
        {"a/.html", "application/octet-stream"},
        {"a.html/b", "application/octet-stream"},
        {"a.html/", "application/octet-stream"},
        {"a.", "application/octet-stream"},
        {"a.html.", "application/octet-stream"},
        {"a.html~", "application/octet-stream"},
        {"a.html ", "application/octet-stream"},
        {"a.\xE9html", "application/octet-stream"},
        {"a.webmanifestwebmanifest", "application/octet-stream"},
        {".", "application/octet-stream"},
        {"", "application/octet-stream"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(type_of_name(cases[i].path), cases[i].type);
    }
}

static void names_win_over_content(void **state)
{
    (void)state;
    assert_true(mime_open());
    assert_string_equal(type_of("a.css", SPAN("<html>")), "text/css");
    assert_string_equal(type_of("a.txt", SPAN("\x89PNG\r\n\x1A\n")), "text/plain");
    assert_string_equal(type_of("a.png", SPAN("<html>")), "image/png");
    assert_string_equal(type_of("a.js", SPAN("")), "text/javascript");
    mime_close();
}

static void ts_has_two_meanings(void **state)
{
    (void)state;
    /* The first packet as ffmpeg writes it: the service description table. */
    struct span stream = SPAN("\x47\x40\x11\x10\x00\x42\xF0\x25\x00\x01\xC1\x00\x00\xFF\x01\xFF");
    assert_string_equal(type_of("a.ts", stream), "video/mp2t");
    assert_string_equal(type_of("a.mts", stream), "video/mp2t");
    assert_string_equal(type_of("a.TS", SPAN("Good: number = 1;\n")), "text/plain");
    assert_string_equal(type_of("a.mts", SPAN("export const gr\xC3\xBC\xC3\x9F = 1;\n")), "text/plain");
}

/* ---- the guess ---- */

static const struct {
    struct span content;
    const char *type;
} GUESSES[] = {
    {TEXT("\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1F\x15\xC4\x89"), "image/png"},
    {TEXT("GIF89a\x01\0\x01\0\x80\0\0\xFF\xFF\xFF\0\0\0!\xF9\x04\x01"), "image/gif"},
    {TEXT("\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"), "image/jpeg"},
    {TEXT("\x1F\x8B\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0"), "application/gzip"},
    {TEXT("PK\x03\x04\x0A\0\0\0\0\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0a"
          "PK\x01\x02\x14\0\x0A\0\0\0\0\0\0\0!"
          "\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a"
          "PK\x05\x06\0\0\0\0\x01\0\x01\0/\0\0\0\x1F\0\0\0\0\0"),
     "application/zip"},
    {TEXT("%PDF-1.4\n%\xE2\xE3\xCF\xD3\n1 0 obj\n"), "application/pdf"},
    {TEXT("%PDF-1.4\n1 0 obj\n"), "application/pdf"},

    {TEXT("Just a few words.\n"), "text/plain"},
    {TEXT("gr\xC3\xBC\xC3\x9F dich\n"), "text/plain"},
    {TEXT("gr\xFC\xDF dich, und noch ein Wort\n"), "text/plain"},
    {TEXT("\xFF\xFEh\0e\0l\0l\0o\0 \0y\0o\0u\0\n\0"), "text/plain"},
    {TEXT(""), "text/plain"},
    {TEXT("\n"), "text/plain"},

    /* Types that browsers run are never guessed. */
    {TEXT("<!DOCTYPE html><html><script>alert(1)</script></html>\n"), "text/plain"},
    {TEXT("<!DOCTYPE html><html><body>gr\xFC\xDF dich</body></html>\n"), "text/plain"},
    {TEXT("<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>\n"), "text/plain"},
    {TEXT("<svg xmlns=\"http://www.w3.org/2000/svg\"><!-- \xFC --></svg>\n"), NULL},
    {TEXT("<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\"/>\n"), "text/plain"},
    {TEXT("#!/usr/bin/env node\nconsole.log(1)\n"), "text/plain"},
    {TEXT("#!/bin/sh\necho\n"), "text/plain"},
    {TEXT("<?php phpinfo();\n"), "text/plain"},
    {TEXT("{\"a\": 1}\n"), "text/plain"},
    {TEXT("# Notes\n\n<p>with HTML</p>\n"), "text/plain"},

    {TEXT("\x01\x02\x03\x04\x00\xFE\xFD\x99"), "application/octet-stream"},
};

static void content_is_guessed(void **state)
{
    static const char *const names[] = {"file", "file.unknown", ".file", "file.html~"};
    (void)state;
    assert_true(mime_open());
    for (size_t i = 0; i < COUNT(GUESSES); i++) {
        for (size_t k = 0; k < COUNT(names); k++) {
            const char *type = type_of(names[k], GUESSES[i].content);
            if (GUESSES[i].type)
                assert_string_equal(type, GUESSES[i].type);
            /* Releases of libmagic differ, but none of the types runs scripts. */
            else
                assert_true(strcmp(type, "text/plain") == 0 || strcmp(type, "application/octet-stream") == 0);
        }
    }
    mime_close();
}

/* CPU seconds to find the type of a file with one byte of Latin-1, then newlines. */
static double seconds_for(size_t length)
{
    static char content[65536];
    assert_true(length <= sizeof content);
    memset(content, '\n', sizeof content);
    content[0] = '\xFC';
    struct timespec start, end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    assert_string_equal(type_of("file", (struct span){content, length}), "text/plain");
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    return (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
}

/* Newlines are libmagic's worst case: without bounds, 64 KiB of them take thirty times as long as 4 KiB. */
static void guesses_are_bounded(void **state)
{
    (void)state;
    assert_true(mime_open());
    seconds_for(4096);
    double little = seconds_for(4096);
    double much = seconds_for(65536);
    assert_true(much < little * 4 + 0.01);
    mime_close();
}

/* ---- the database ---- */

/* Opens with $MAGIC at a file of this content, and asserts that nothing is written to stderr. */
static bool open_with(struct span database)
{
    write_file("magic", database);
    setenv("MAGIC", path_of("magic"), 1);

    int kept = dup(STDERR_FILENO);
    int caught = open(path_of("stderr"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(kept >= 0 && caught >= 0);
    dup2(caught, STDERR_FILENO);
    bool opened = mime_open();
    dup2(kept, STDERR_FILENO);
    assert_int_equal(lseek(caught, 0, SEEK_END), 0);
    close(kept);
    close(caught);

    unlink(path_of("stderr"));
    unlink(path_of("magic"));
    unsetenv("MAGIC");
    return opened;
}

static void only_listed_guesses_are_sent(void **state)
{
    static const struct {
        const char *guess, *type;
    } cases[] = {
        {"application/x-tiny", "application/x-tiny"},
        {"image/x-tiny", "image/x-tiny"},
        {"audio/x-tiny", "audio/x-tiny"},
        {"video/x-tiny", "video/x-tiny"},
        {"font/x-tiny", "font/x-tiny"},
        {"application/vnd.tiny+zip", "application/vnd.tiny+zip"},
        {"video/TINY", "video/tiny"},

        {"text/x-tiny", "text/plain"},
        {"text/html", "text/plain"},
        {"text/javascript", "text/plain"},
        {"text/xml", "text/plain"},

        {"image/svg+xml", "application/octet-stream"},
        {"application/xhtml+xml", "application/octet-stream"},
        {"application/xml", "application/octet-stream"},
        {"application/javascript", "application/octet-stream"},
        {"application/x-javascript", "application/octet-stream"},
        {"application/ecmascript", "application/octet-stream"},
        {"APPLICATION/JAVASCRIPT", "application/octet-stream"},

        {"multipart/mixed", "application/octet-stream"},
        {"message/rfc822", "application/octet-stream"},
        {"inode/x-tiny", "application/octet-stream"},
        {"chemical/x-pdb", "application/octet-stream"},
        {"application/", "application/octet-stream"},
        {"application/a/b", "application/octet-stream"},
        {"applicationx", "application/octet-stream"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char rule[160];
        snprintf(rule, sizeof rule, "0\tstring\tTINY\ttiny\n!:mime\t%s\n", cases[i].guess);
        assert_true(open_with(span_of(rule)));
        assert_string_equal(type_of("file", SPAN("TINY\0\xFF\xFE")), cases[i].type);
        assert_string_equal(type_of("file", SPAN("TINY text")), "text/plain");
        assert_string_equal(type_of("file.zip", SPAN("TINY\0\xFF\xFE")), "application/zip");
        mime_close();
    }
}

static void database_may_be_missing(void **state)
{
    (void)state;
    assert_false(open_with(SPAN("0 nonsense x\n\xFF\x80\n1 string\n")));
    setenv("MAGIC", "/nonexistent/magic", 1);
    assert_false(mime_open());
    unsetenv("MAGIC");

    assert_string_equal(type_of("file", SPAN("\x89PNG\r\n\x1A\n\0\0\0\rIHDR")), "application/octet-stream");
    assert_string_equal(type_of("file", SPAN("words\n")), "text/plain");
    assert_string_equal(type_of("file.png", SPAN("")), "image/png");
    mime_close();
}

/* $HOME/.magic is not read. An empty $MAGIC counts as unset. */
static void home_does_not_matter(void **state)
{
    (void)state;
    write_file(".magic", SPAN("0\tstring\tTINY\ttiny\n!:mime\tapplication/x-tiny\n"));
    const char *home = getenv("HOME");
    char *kept = home ? strdup(home) : NULL;
    setenv("HOME", folder, 1);
    setenv("MAGIC", "", 1);
    assert_true(mime_open());
    assert_string_equal(type_of("file", SPAN("TINY\0\xFF\xFE")), "application/octet-stream");
    mime_close();
    unsetenv("MAGIC");
    if (kept)
        setenv("HOME", kept, 1);
    free(kept);
    unlink(path_of(".magic"));
}

static void only_text_types_take_a_charset(void **state)
{
    static const char *const text[] = {"text/html", "text/css", "text/javascript", "text/plain",
                                       "text/markdown"};
    static const char *const others[] = {
        "application/json",
        "application/manifest+json",
        "application/wasm",
        "application/xml",
        "image/svg+xml",
        "application/xhtml+xml",
        "application/octet-stream",
        "image/png",
        "textile/x",
        "text",
        "",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(text); i++) {
        assert_true(mime_is_text(text[i]));
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_false(mime_is_text(others[i]));
    }
}

static void overrides_win_over_the_table(void **state)
{
    static const struct type_override types[] = {{"css", "text/x-first"},
                                                 {"strange", "application/x-strange"},
                                                 {"css", "text/x-css"},
                                                 {"longer-than-any-other", "a/b"}};
    static const char *const rows[][2] = {
        {"a.css", "text/x-css"},
        {"a.CSS", "text/x-css"},
        {"a.strange", "application/x-strange"},
        {"a.longer-than-any-other", "a/b"},
        {"a.js", "text/javascript"},
        {"css", NULL},
        {".css", NULL},
        {"a.css/b", NULL},
        {"a.cs", NULL},
        {"a.csss", NULL},
        {"a.", NULL},
        {"", NULL},
        {"b/.css", NULL},
        {"b/a.css", "text/x-css"},
    };
    char scratch[MIME_MAX];
    (void)state;
    mime_override(types, COUNT(types));
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(mime_knows(span_of(rows[i][0])) == (rows[i][1] != NULL));
        if (rows[i][1] != NULL)
            assert_string_equal(mime_of(rows[i][0], -1, scratch), rows[i][1]);
    }
    mime_override(NULL, 0);
    assert_string_equal(mime_of("a.css", -1, scratch), "text/css");
    assert_false(mime_knows(SPAN("a.strange")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extensions_have_types),        cmocka_unit_test(names_have_extensions),
        cmocka_unit_test(names_win_over_content),       cmocka_unit_test(ts_has_two_meanings),
        cmocka_unit_test(content_is_guessed),           cmocka_unit_test(guesses_are_bounded),
        cmocka_unit_test(only_listed_guesses_are_sent), cmocka_unit_test(database_may_be_missing),
        cmocka_unit_test(home_does_not_matter),         cmocka_unit_test(only_text_types_take_a_charset),
        cmocka_unit_test(overrides_win_over_the_table),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}

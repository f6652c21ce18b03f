/* Media types. The expected types are IANA's and those that WHATWG MIME Sniffing and browsers need. Guesses are tested
   on real files, and the list of allowed guesses with a database of its own. */
#include "site/mime.h"

#include "base/limits.h"
#include "base/text.h"
#include "site/encoded_name.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* For static tables: SPAN is no constant expression. */
#define TEXT(literal) SPAN_INIT(literal)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool no_database; /* none of a distribution is found */

/* Takes the place of the C library's function. */
int access(const char *path, int mode)
{
    if (no_database) {
        errno = ENOENT;
        return -1;
    }
    return (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}

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
    {"text/html", "htm html shtml"},
    {"text/css", "css"},
    {"text/javascript", "cjs js mjs"},
    {"text/plain", "c cc conf cpp diff go h ini java jsx log markdown md patch py rs scss sh sql srt toml "
                   "tsx txt yaml yml"},
    {"text/csv", "csv"},
    {"text/tab-separated-values", "tsv"},
    {"text/calendar", "ics"},
    {"text/vcard", "vcard vcf"},
    {"text/vtt", "vtt"},
    {"application/json", "czml json map topojson"},
    {"application/ld+json", "jsonld"},
    {"application/geo+json", "geojson"},
    {"application/manifest+json", "webmanifest"},
    {"application/wasm", "wasm"},
    {"application/xml", "opml xml xsd"},
    {"application/xhtml+xml", "xht xhtml"},
    {"application/xslt+xml", "xsl xslt"},
    {"application/rss+xml", "rss"},
    {"application/atom+xml", "atom"},
    {"application/gpx+xml", "gpx"},
    {"application/vnd.google-earth.kml+xml", "kml"},
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
    {"application/zstd", "tzst zst"},
    {"application/x-bzip2", "bz2 tbz2"},
    {"application/x-xz", "txz xz"},
    {"application/x-7z-compressed", "7z"},
    {"application/x-tar", "tar"},
    {"application/vnd.rar", "rar"},
    {"application/vnd.debian.binary-package", "deb"},
    {"application/vnd.microsoft.portable-executable", "exe"},
    {"application/octet-stream", "bin br dmg img ipa iso pkg"},
    {"application/vnd.apple.mpegurl", "m3u8"},
    {"application/dash+xml", "mpd"},
    {"application/vnd.ms-fontobject", "eot"},
    {"font/otf", "otf"},
    {"font/ttf", "ttf"},
    {"font/woff", "woff"},
    {"font/woff2", "woff2"},
    {"image/apng", "apng"},
    {"image/avif", "avif avifs"},
    {"image/bmp", "bmp"},
    {"image/gif", "gif"},
    {"image/heic", "heic"},
    {"image/heif", "heif"},
    {"image/jpeg", "jfif jpe jpeg jpg"},
    {"image/jxl", "jxl"},
    {"image/png", "png"},
    {"image/svg+xml", "svg"},
    {"image/tiff", "tif tiff"},
    {"image/vnd.microsoft.icon", "cur ico"},
    {"image/webp", "webp"},
    {"audio/aac", "aac"},
    {"audio/flac", "flac"},
    {"audio/mp4", "m4a m4b"},
    {"audio/mpeg", "mp2 mp3"},
    {"audio/ogg", "oga ogg opus spx"},
    {"audio/wav", "wav"},
    {"audio/webm", "weba"},
    {"video/3gpp", "3gp"},
    {"video/matroska", "mkv"},
    {"video/mp2t", "m2ts"},
    {"video/mp4", "m4v mp4"},
    {"video/mpeg", "mpeg mpg"},
    {"video/ogg", "ogv"},
    {"video/quicktime", "mov qt"},
    {"video/webm", "webm"},
    {"video/x-msvideo", "avi"},
    {"model/gltf+json", "gltf"},
    {"model/gltf-binary", "glb vrm"},
    {"model/stl", "stl"},
    {"model/vnd.usdz+zip", "usdz"},
    {"video/3gpp2", "3g2"},
    {"model/3mf", "3mf"},
    {"audio/ac3", "ac3"},
    {"audio/aiff", "aif aiff"},
    {"audio/amr", "amr"},
    {"application/vnd.android.package-archive", "apk"},
    {"application/appinstaller", "appinstaller"},
    {"application/appx", "appx"},
    {"application/appxbundle", "appxbundle"},
    {"application/vnd.apache.arrow.file", "arrow"},
    {"video/x-ms-asf", "asf"},
    {"audio/basic", "au"},
    {"application/vnd.amazon.mobi8-ebook", "azw3"},
    {"application/vnd.ms-cab-compressed", "cab"},
    {"audio/x-caf", "caf"},
    {"application/vnd.comicbook-rar", "cbr"},
    {"application/vnd.comicbook+zip", "cbz"},
    {"application/pkix-cert", "cer"},
    {"application/pkix-crl", "crl"},
    {"application/x-x509-ca-cert", "crt der"},
    {"application/x-chrome-extension", "crx"},
    {"model/vnd.collada+xml", "dae"},
    {"image/vnd.ms-dds", "dds"},
    {"image/vnd.djvu", "djvu"},
    {"application/vnd.ms-word.document.macroenabled.12", "docm"},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.template", "dotx"},
    {"image/vnd.dwg", "dwg"},
    {"application/java-archive", "ear jar war"},
    {"audio/eac3", "ec3"},
    {"image/emf", "emf"},
    {"application/postscript", "eps ps"},
    {"image/aces", "exr"},
    {"application/flatgeobuf", "fgb"},
    {"application/fits", "fits"},
    {"application/vnd.flatpak.ref", "flatpakref"},
    {"application/vnd.flatpak.repo", "flatpakrepo"},
    {"video/x-flv", "flv"},
    {"application/gml+xml", "gml"},
    {"application/geopackage+sqlite3", "gpkg"},
    {"application/x-java-jnlp-file", "jnlp"},
    {"image/jp2", "jp2"},
    {"application/vnd.google-earth.kmz", "kmz"},
    {"image/ktx", "ktx"},
    {"image/ktx2", "ktx2"},
    {"application/vnd.laszip", "laz"},
    {"audio/mpegurl", "m3u"},
    {"video/iso.segment", "m4s"},
    {"application/mathml+xml", "mathml mml"},
    {"application/metalink4+xml", "meta4"},
    {"application/metalink+xml", "metalink"},
    {"audio/midi", "mid midi"},
    {"audio/matroska", "mka"},
    {"application/x-mobipocket-ebook", "mobi"},
    {"application/x-apple-aspen-config", "mobileconfig"},
    {"application/x-msi", "msi"},
    {"application/msix", "msix"},
    {"application/msixbundle", "msixbundle"},
    {"application/vnd.ms-outlook", "msg"},
    {"application/vnd.recordare.musicxml+xml", "musicxml"},
    {"application/vnd.mapbox-vector-tile", "mvt"},
    {"application/vnd.recordare.musicxml", "mxl"},
    {"application/x-dtbncx+xml", "ncx"},
    {"application/n-quads", "nq"},
    {"application/n-triples", "nt"},
    {"application/vnd.apple.numbers", "numbers"},
    {"application/vnd.oasis.opendocument.graphics", "odg"},
    {"application/ogg", "ogx"},
    {"application/oebps-package+xml", "opf"},
    {"application/vnd.openstreetmap.data+xml", "osm"},
    {"application/vnd.oasis.opendocument.spreadsheet-template", "ots"},
    {"application/vnd.oasis.opendocument.text-template", "ott"},
    {"application/oxps", "oxps"},
    {"application/vnd.openofficeorg.extension", "oxt"},
    {"application/x-pkcs12", "p12 pfx"},
    {"application/x-pkcs7-certificates", "p7b"},
    {"application/pkcs7-mime", "p7c p7m"},
    {"application/pkcs7-signature", "p7s"},
    {"application/vnd.apple.pages", "pages"},
    {"application/vnd.apache.parquet", "parquet"},
    {"application/x-protobuf", "pbf"},
    {"image/x-portable-bitmap", "pbm"},
    {"image/x-portable-graymap", "pgm"},
    {"application/vnd.apple.pkpass", "pkpass"},
    {"application/vnd.apple.pkpasses", "pkpasses"},
    {"audio/x-scpls", "pls"},
    {"application/vnd.pmtiles", "pmtiles"},
    {"image/x-portable-anymap", "pnm"},
    {"image/x-portable-pixmap", "ppm"},
    {"application/vnd.openxmlformats-officedocument.presentationml.slideshow", "ppsx"},
    {"application/vnd.ms-powerpoint.presentation.macroenabled.12", "pptm"},
    {"image/vnd.adobe.photoshop", "psd"},
    {"application/rdf+xml", "owl rdf"},
    {"application/x-rpm", "rpm"},
    {"application/rtf", "rtf"},
    {"application/vnd.sqlite3", "sqlite sqlite3"},
    {"model/step", "step stp"},
    {"application/x-shockwave-flash", "swf"},
    {"image/x-tga", "tga"},
    {"application/x-bittorrent", "torrent"},
    {"application/trig", "trig"},
    {"font/collection", "ttc"},
    {"text/turtle", "ttl"},
    {"application/ttml+xml", "ttml"},
    {"application/vnd.ms-visio.drawing", "vsdx"},
    {"application/warc", "warc"},
    {"audio/x-ms-wma", "wma"},
    {"image/wmf", "wmf"},
    {"video/x-ms-wmv", "wmv"},
    {"model/vrml", "wrl"},
    {"application/wsdl+xml", "wsdl"},
    {"model/x3d+xml", "x3d"},
    {"application/vnd.ms-excel.sheet.binary.macroenabled.12", "xlsb"},
    {"application/vnd.ms-excel.sheet.macroenabled.12", "xlsm"},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.template", "xltx"},
    {"application/x-xpinstall", "xpi"},
    {"application/vnd.ms-xpsdocument", "xps"},
    {"application/xspf+xml", "xspf"},
    {"application/cbor", "cbor"},
    {"application/dicom", "dcm"},
    {"application/x-ipynb+json", "ipynb"},
    {"text/n3", "n3"},
    {"application/x-ns-proxy-autoconfig", "pac"},
};

static void extensions_have_types(void **state)
{
    (void)state;
    assert_true(mime_open());
    for (size_t i = 0; i < COUNT(TYPES); i++) {
        char extensions[256];
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
    /* libmagic judges by the first entry: these are a Java archive, a document and an EPUB for it. */
    {TEXT("PK\x03\x04\x14\0\x08\x08\x08\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0\x09\0\x04\0META-INF/\xFE\xCA\0\0"),
     "application/zip"},
    {TEXT("PK\x03\x04\x14\0\0\0\0\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0\x13\0\0\0[Content_Types].xml"
          "PK\x03\x04\x14\0\0\0\0\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0_rels"
          "PK\x03\x04\x14\0\0\0\0\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0word/"),
     "application/zip"},
    {TEXT("PK\x03\x04\x14\0\0\0\0\0\0\0!\0\0\0\0\0\x14\0\0\0\x14\0\0\0\x08\0\0\0mimetypeapplication/epub+zip"),
     "application/zip"},
    {TEXT("PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "application/zip"},
    {TEXT("%PDF-1.4\n%\xE2\xE3\xCF\xD3\n1 0 obj\n"), "application/pdf"},
    {TEXT("%PDF-1.4\n1 0 obj\n"), "application/pdf"},

    {TEXT("Just a few words.\n"), "text/plain"},
    {TEXT("gr\xC3\xBC\xC3\x9F dich\n"), "text/plain"},
    {TEXT("gr\xFC\xDF dich, und noch ein Wort\n"), "text/plain"},
    {TEXT("\xFF\xFEh\0e\0l\0l\0o\0 \0y\0o\0u\0\n\0"), "text/plain"},
    {TEXT(""), "text/plain"},
    {TEXT("\n"), "text/plain"},

    /* Types that browsers run are never guessed by libmagic. */
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

/* WHATWG MIME Sniffing 7.1, first table */
static void html_needs_no_extension(void **state)
{
    static const struct span pages[] = {
        TEXT("<!doctype html>"),
        TEXT("<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\">"),
        TEXT("\t\n\f\r <html>"),
        TEXT("<HTML lang=en>"),
        TEXT("<head>"),
        TEXT("<script >"),
        TEXT("<iframe src=x>"),
        TEXT("<h1>caf\xE9"),
        TEXT("<div>"),
        TEXT("<font >"),
        TEXT("<table>"),
        TEXT("<a href=x>"),
        TEXT("<style>"),
        TEXT("<title>\0"),
        TEXT("<b>"),
        TEXT("<body>"),
        TEXT("<br>"),
        TEXT("<p>"),
        TEXT("<!-- x -->"),
        TEXT("<!DOCTYPE html><html><body>gr\xFC\xDF dich</body></html>\n"),
    };
    static const struct span others[] = {
        TEXT("<!doctype html"), TEXT("<!doctype>"), TEXT("<html"),    TEXT("<html\n>"),       TEXT("<pre>"),
        TEXT("<article>"),      TEXT("< p>"),       TEXT("x <p>"),    TEXT("<?php\n<p>"),     TEXT("<svg>"),
        TEXT("# <p>"),          TEXT(" \n"),        TEXT("<!--x-->"), TEXT("<!doctype svg>"),
    };
    static const char *const plain[] = {"about", "About-us", "a b", "html"};
    static const char *const named[] = {"about.unknown", "about.", ".about", "a.b.c", "about.html~"};
    (void)state;
    for (size_t i = 0; i < COUNT(pages); i++) {
        for (size_t k = 0; k < COUNT(plain); k++)
            assert_string_equal(type_of(plain[k], pages[i]), "text/html");
        for (size_t k = 0; k < COUNT(named); k++)
            assert_string_not_equal(type_of(named[k], pages[i]), "text/html");
    }
    for (size_t i = 0; i < COUNT(others); i++)
        assert_string_equal(type_of("about", others[i]), "text/plain");
}

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

/* The library finds these without a rule, by its parsers in C, which have had most of its defects. */
static void parsers_of_the_library_are_not_used(void **state)
{
    char tar[512] = "name", compound[4096] = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
    unsigned sum = 8 * ' '; /* of the bytes, the sum's own as blanks */
    (void)state;
    for (size_t i = 0; i < sizeof tar; i++)
        sum += (unsigned char)tar[i];
    snprintf(tar + 148, 8, "%06o", sum);
    assert_true(open_with(SPAN("0\tstring\tTINY\ttiny\n!:mime\timage/x-tiny\n")));
    assert_string_equal(type_of("file", SPAN("TINY\0\xFF\xFE")), "image/x-tiny");
    assert_string_equal(type_of("file", (struct span){tar, sizeof tar}), "application/octet-stream");
    assert_string_equal(type_of("file", (struct span){compound, sizeof compound}), "application/octet-stream");
    mime_close();
}

static void guesses_come_from_the_start_of_a_file(void **state)
{
    static char content[LIMIT_MIME_PROBE + 4] = "\xFF";
    (void)state;
    for (size_t beyond = 0; beyond <= 4; beyond += 4) {
        size_t at = LIMIT_MIME_PROBE - 4 + beyond;
        char rule[80];
        snprintf(rule, sizeof rule, "%zu\tstring\tTINY\ttiny\n!:mime\timage/x-tiny\n", at);
        memset(content + 1, 0, sizeof content - 1);
        memcpy(content + at, "TINY", 4);
        assert_true(open_with(span_of(rule)));
        const char *type = type_of("file", (struct span){content, sizeof content});
        mime_close();
        assert_string_equal(type, beyond > 0 ? "application/octet-stream" : "image/x-tiny");
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

/* $HOME/.magic is not read, also where only the library knows its database. An empty $MAGIC counts as unset. */
static void home_does_not_matter(void **state)
{
    (void)state;
    write_file(".magic", SPAN("0\tstring\tTINY\ttiny\n!:mime\tapplication/x-tiny\n"));
    const char *home = getenv("HOME");
    char *kept = home ? strdup(home) : NULL;
    setenv("HOME", folder, 1);
    setenv("MAGIC", "", 1);
    for (unsigned i = 0; i < 2; i++) {
        no_database = i > 0;
        bool opened = mime_open();
        no_database = false;
        assert_true(opened);
        assert_string_equal(type_of("file", SPAN("TINY\0\xFF\xFE")), "application/octet-stream");
        assert_string_equal(type_of("file", SPAN("\x89PNG\r\n\x1A\n\0\0\0\rIHDR")), "image/png");
        mime_close();
    }
    unsetenv("MAGIC");
    if (kept)
        setenv("HOME", kept, 1);
    free(kept);
    unlink(path_of(".magic"));
}

static void only_text_types_take_a_charset(void **state)
{
    static const char *const text[] = {"text/html", "text/css", "text/javascript", "text/plain", "text/markdown"};
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

static void pages_and_styles_may_name_their_charset(void **state)
{
    char late[2048];
    (void)state;
    memset(late, ' ', sizeof late);
    memcpy(late + 1100, "<meta charset=koi8-r>", 21);
    assert_true(mime_declares_charset("text/html", SPAN("<!doctype html><META CharSet=iso-8859-1>")));
    assert_true(
        mime_declares_charset("text/html", SPAN("<meta http-equiv=content-type content='text/html; charset=koi8-r'>")));
    assert_false(mime_declares_charset("text/html", SPAN("<meta name=viewport>")));
    assert_false(mime_declares_charset("text/html", (struct span){late, sizeof late})); /* browsers look no further */
    memcpy(late + 1024 - 13, "<meta charset", 13);
    assert_true(mime_declares_charset("text/html", (struct span){late, sizeof late}));
    memcpy(late + 1024 - 13, " <meta charse", 13);
    late[1024] = 't';
    assert_false(mime_declares_charset("text/html", (struct span){late, sizeof late}));
    assert_false(mime_declares_charset("text/plain", SPAN("<meta charset=koi8-r>")));
    assert_true(mime_declares_charset("text/css", SPAN("@charset \"koi8-r\";")));
    assert_false(mime_declares_charset("text/css", SPAN("p {} @charset \"koi8-r\";")));
    assert_false(mime_declares_charset("text/css", SPAN("")));
}

static void overrides_win_over_the_table(void **state)
{
    static const struct type_override types[] = {{"css", "text/x-first"},
                                                 {"strange", "application/x-strange"},
                                                 {"css", "text/x-css"},
                                                 {"longer-than-any-other", "a/b"},
                                                 {"manifest.json", "a/manifest"},
                                                 {"json", "a/json"},
                                                 {"user.js", "a/user"},
                                                 {".htaccess", "a/hidden"},
                                                 {".", "a/never"},
                                                 {".", "a/plain"}};
    static const char *const rows[][2] = {
        {"a.css", "text/x-css"},
        {"a.CSS", "text/x-css"},
        {"a.strange", "application/x-strange"},
        {"a.longer-than-any-other", "a/b"},
        {"a.js", "text/javascript"},
        {".css", NULL},
        {"a.css/b", NULL},
        {"a.cs", NULL},
        {"a.csss", NULL},
        {"a.", NULL},
        {"", NULL},
        {"b/.css", NULL},
        {"b/a.css", "text/x-css"},
    };
    static const char *const named[][2] = {
        {"css", "text/x-css"}, /* the whole name */
        {"b/CSS", "text/x-css"},
        {"manifest.json", "a/manifest"},
        {"b/Manifest.JSON", "a/manifest"},
        {"web.manifest.json", "a/manifest"},
        {"webmanifest.json", "a/json"},
        {".manifest.json", "a/json"},
        {"a.json", "a/json"},
        {"a.user.js", "a/user"},
        {"user.js", "a/user"},
        {".htaccess", "a/hidden"},
        {"b/.htaccess", "a/hidden"},
        {"a.htaccess", "a/hidden"},
        {"htaccess", "a/plain"},
        {"about", "a/plain"},
        {"b.c/about", "a/plain"},
        {"about.", "a/plain"},
        {".profile", "a/plain"},
        {"about.css", "text/x-css"},
    };
    char scratch[MIME_MAX];
    (void)state;
    mime_override(types, COUNT(types));
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(mime_knows(span_of(rows[i][0])) == (rows[i][1] != NULL));
        if (rows[i][1] != NULL)
            assert_string_equal(mime_of(rows[i][0], -1, scratch), rows[i][1]);
    }
    for (size_t i = 0; i < COUNT(named); i++)
        assert_string_equal(mime_of(named[i][0], -1, scratch), named[i][1]);
    assert_false(mime_knows(SPAN("about"))); /* may be the page about.html */
    mime_override(NULL, 0);
    assert_string_equal(mime_of("a.css", -1, scratch), "text/css");
    assert_false(mime_knows(SPAN("a.strange")));
}

/* As of the name without the coding (RFC 9110 8.4): the content is not text. */
static void encoded_files_have_the_type_of_their_name(void **state)
{
    static const struct encoded_name names[] = {{"gz", "gzip"}};
    static const struct type_override types[] = {{".", "a/plain"}};
    char room[128];
    struct buffer why = BUFFER(room);
    (void)state;
    encoded_name_set(names, COUNT(names));
    assert_string_equal(type_of("app.js.gz", SPAN("x")), "text/javascript");
    assert_string_equal(type_of("about.gz", SPAN("x")), "application/octet-stream");
    mime_override(types, COUNT(types));
    assert_string_equal(type_of("app.js.gz", SPAN("x")), "text/javascript");
    assert_string_equal(type_of("about.gz", SPAN("x")), "a/plain");
    mime_append_reason(&why, SPAN("about.gz"), SPAN("x"));
    assert_true(
        span_equal(buffer_span(&why), SPAN("encoded; the name without the coding: --mime .=TYPE; no extension")));
    mime_override(NULL, 0);
    encoded_name_set(NULL, 0);
}

static void reasons_name_what_decided(void **state)
{
    static const struct type_override types[] = {{"conf", "text/x-conf"}};
    static const struct {
        const char *path;
        struct span start;
        const char *reason;
    } rows[] = {
        {"a/b.CSS", SPAN_INIT(""), "extension .CSS"},
        {"my.conf", SPAN_INIT(""), "--mime"},
        {"page", SPAN_INIT("<!DOCTYPE html>"), "no extension; the content begins as HTML"},
        {"docs.d/page", SPAN_INIT("<!DOCTYPE html>"), "no extension; the content begins as HTML"},
        {"page", {"\n\n<p>", 4}, "no known extension; the content is UTF-8 text"}, /* ends in the tag */
        {"notes.v1", SPAN_INIT("<!DOCTYPE html>"), "no known extension; the content is UTF-8 text"},
        {"archive", SPAN_INIT("PK\3\4\0"), "no known extension; the content is a ZIP archive"},
        {"data", SPAN_INIT("\0\1"), "no known extension; libmagic's guess"},
        {"a.ts", SPAN_INIT("let a"), "extension .ts; the content is text"},
        {"pic.svgz", SPAN_INIT(""), "encoded; the name without the coding: extension .svgz"},
    };
    (void)state;
    mime_override(types, COUNT(types));
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[128];
        struct buffer why = BUFFER(room);
        mime_append_reason(&why, span_of(rows[i].path), rows[i].start);
        buffer_byte(&why, '\0');
        assert_string_equal(buffer_filled(&why).at, rows[i].reason);
    }
    mime_override(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extensions_have_types),
        cmocka_unit_test(names_have_extensions),
        cmocka_unit_test(names_win_over_content),
        cmocka_unit_test(ts_has_two_meanings),
        cmocka_unit_test(content_is_guessed),
        cmocka_unit_test(guesses_are_bounded),
        cmocka_unit_test(only_listed_guesses_are_sent),
        cmocka_unit_test(database_may_be_missing),
        cmocka_unit_test(parsers_of_the_library_are_not_used),
        cmocka_unit_test(guesses_come_from_the_start_of_a_file),
        cmocka_unit_test(home_does_not_matter),
        cmocka_unit_test(only_text_types_take_a_charset),
        cmocka_unit_test(encoded_files_have_the_type_of_their_name),
        cmocka_unit_test(overrides_win_over_the_table),
        cmocka_unit_test(reasons_name_what_decided),
        cmocka_unit_test(html_needs_no_extension),
        cmocka_unit_test(pages_and_styles_may_name_their_charset),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}

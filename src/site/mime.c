#include "site/mime.h"

#include "base/limits.h"
#include "base/text.h"
#include "site/magic_guard.h"

#include <assert.h>
#include <fcntl.h>
#include <magic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char UNKNOWN[] = "application/octet-stream";
static const char TEXT[] = "text/plain";
static const char TRANSPORT_STREAM[] = "video/mp2t";

static magic_t magic;

static const struct type_override *overrides;
static unsigned override_count;

/*
 * Sorted by extension. IANA's registrations, unless browsers need another type; source code and notes are text/plain,
 * so that browsers show instead of save them.
 *
 * Left out on purpose: "svgz", which needs a Content-Encoding, and "php" and other programs, which users might expect
 * a server to run.
 */
enum { EXTENSION_MAX = 12 };
static const struct known {
    char extension[EXTENSION_MAX];
    const char *type;
} table[] = {
    {"3gp", "video/3gpp"},
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"apng", "image/apng"},
    {"atom", "application/atom+xml"},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"bin", "application/octet-stream"},
    {"bmp", "image/bmp"},
    {"br", "application/octet-stream"}, /* RFC 7932 registers a coding, not a type */
    {"bz2", "application/x-bzip2"},
    {"c", "text/plain"},
    {"cc", "text/plain"},
    {"cjs", "text/javascript"},
    {"conf", "text/plain"},
    {"cpp", "text/plain"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"deb", "application/vnd.debian.binary-package"},
    {"diff", "text/plain"},
    {"dmg", "application/octet-stream"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"eot", "application/vnd.ms-fontobject"},
    {"epub", "application/epub+zip"},
    {"exe", "application/vnd.microsoft.portable-executable"},
    {"flac", "audio/flac"},
    {"geojson", "application/geo+json"},
    {"gif", "image/gif"},
    {"glb", "model/gltf-binary"},
    {"gltf", "model/gltf+json"},
    {"go", "text/plain"},
    {"gpx", "application/gpx+xml"},
    {"gz", "application/gzip"},
    {"h", "text/plain"},
    {"heic", "image/heic"},
    {"heif", "image/heif"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/vnd.microsoft.icon"},
    {"ics", "text/calendar"},
    {"ini", "text/plain"},
    {"iso", "application/octet-stream"},
    {"java", "text/plain"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"}, /* RFC 9239 */
    {"json", "application/json"},
    {"jsonld", "application/ld+json"},
    {"jsx", "text/plain"}, /* no browser runs it */
    {"jxl", "image/jxl"},
    {"kml", "application/vnd.google-earth.kml+xml"},
    {"log", "text/plain"},
    {"m2ts", TRANSPORT_STREAM},
    {"m3u8", "application/vnd.apple.mpegurl"},
    {"m4a", "audio/mp4"},
    {"m4v", "video/mp4"},
    {"map", "application/json"}, /* source maps, ECMA-426 */
    {"markdown", "text/markdown"},
    {"md", "text/markdown"},
    {"mjs", "text/javascript"},
    {"mkv", "video/matroska"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpd", "application/dash+xml"},
    {"mpeg", "video/mpeg"},
    {"mpg", "video/mpeg"},
    {"mts", TRANSPORT_STREAM},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"opus", "audio/ogg"}, /* RFC 7845 9 */
    {"otf", "font/otf"},
    {"patch", "text/plain"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"py", "text/plain"},
    {"rar", "application/vnd.rar"},
    {"rs", "text/plain"},
    {"rss", "application/rss+xml"},
    {"scss", "text/plain"},
    {"sh", "text/plain"},
    {"sql", "text/plain"},
    {"srt", "text/plain"},
    {"stl", "model/stl"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"toml", "application/toml"},
    {"ts", TRANSPORT_STREAM},
    {"tsv", "text/tab-separated-values"},
    {"tsx", "text/plain"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain"},
    {"usdz", "model/vnd.usdz+zip"},
    {"vcf", "text/vcard"},
    {"vtt", "text/vtt"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"xsl", "application/xslt+xml"},
    {"xz", "application/x-xz"},
    {"yaml", "application/yaml"}, /* RFC 9512 */
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"}, /* RFC 8878 */
};

static const size_t TABLE_COUNT = sizeof table / sizeof *table;

/* libmagic writes warnings about a database to stderr, where they would look like the server's. */
static bool load_quietly(const char *path)
{
    int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    bool quiet = kept >= 0 && nowhere >= 0 && dup2(nowhere, STDERR_FILENO) >= 0;
    bool loaded = magic_load(magic, path) == 0;
    if (quiet)
        dup2(kept, STDERR_FILENO);
    if (nowhere >= 0)
        close(nowhere);
    if (kept >= 0)
        close(kept);
    return loaded;
}

/* Loads $MAGIC if it is set, else a distribution's compiled database, else the library's default. magic_load(NULL)
   would also read ~/.magic, and responses must not depend on the user that starts the server. */
static bool load_database(void)
{
    static const char *const paths[] = {
        "/usr/share/misc/magic.mgc", /* Debian, Ubuntu, Alpine, Fedora */
        "/usr/lib/file/magic.mgc",   /* the target of Debian's link */
        "/usr/share/file/magic.mgc", /* Arch */
    };
    enum { WITHOUT_HOME = 1 }; /* magic_getpath leaves out ~/.magic for any action but loading (0) */

    const char *chosen = getenv("MAGIC");
    if (chosen && *chosen)
        return load_quietly(chosen);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (access(paths[i], R_OK) == 0 && load_quietly(paths[i]))
            return true;
    }
    const char *built_in = magic_getpath(NULL, WITHOUT_HOME);
    return built_in && load_quietly(built_in);
}

/* Bounds the cost of one file. Older releases of libmagic refuse parameters that they lack, and keep their default. */
static void set_bounds(void)
{
    static const struct {
        int parameter;
        size_t value;
    } bounds[] = {
        {MAGIC_PARAM_BYTES_MAX, LIMIT_MIME_PROBE},     {MAGIC_PARAM_REGEX_MAX, LIMIT_MAGIC_REGEX},
        {MAGIC_PARAM_INDIR_MAX, LIMIT_MAGIC_INDIRECT}, {MAGIC_PARAM_NAME_MAX, LIMIT_MAGIC_NAMES},
#ifdef MAGIC_PARAM_ENCODING_MAX
        {MAGIC_PARAM_ENCODING_MAX, LIMIT_MIME_PROBE},
#endif
    };
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        magic_setparam(magic, bounds[i].parameter, &bounds[i].value);
    }
}

bool mime_open(void)
{
    /* bsearch needs a sorted table. */
    for (size_t i = 1; i < TABLE_COUNT; i++) {
        assert(strcmp(table[i - 1].extension, table[i].extension) < 0);
    }

    /* Switch off the checks that parse a format in C: most of libmagic's past defects were there, and a media type does
       not need the details that they find. */
    int flags = MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_ELF |
                MAGIC_NO_CHECK_CDF | MAGIC_NO_CHECK_TOKENS | MAGIC_NO_CHECK_APPTYPE;
#ifdef MAGIC_NO_CHECK_CSV
    flags |= MAGIC_NO_CHECK_CSV;
#endif
#ifdef MAGIC_NO_CHECK_JSON
    flags |= MAGIC_NO_CHECK_JSON;
#endif
#ifdef MAGIC_NO_CHECK_SIMH
    flags |= MAGIC_NO_CHECK_SIMH;
#endif

    assert(magic == NULL);
    magic = magic_open(flags);
    if (!magic)
        return false;
    set_bounds();
    if (load_database())
        return true;
    mime_close();
    return false;
}

void mime_close(void)
{
    if (magic)
        magic_close(magic);
    magic = NULL;
}

static int compare_extension(const void *key, const void *entry)
{
    const struct known *known = entry;
    return strcmp(key, known->extension);
}

/* The extension of the path's last name; empty if it has none. The dot of ".profile" begins no extension. */
static struct span extension_of(struct span path)
{
    struct span name = span_after_last(path, '/'), extension = span_after_last(name, '.');
    return extension.length + 1 < name.length ? extension : SPAN_NONE;
}

void mime_override(const struct type_override *types, unsigned count)
{
    overrides = types;
    override_count = count;
}

/* Returns NULL if neither an override nor the table has the extension. */
static const char *type_of_name(struct span path)
{
    struct span typed = extension_of(path);
    for (unsigned i = override_count; i > 0; i--) {
        if (typed.length > 0 && span_equal_nocase(span_of(overrides[i - 1].extension), typed))
            return overrides[i - 1].type;
    }

    char extension[EXTENSION_MAX];
    if (typed.length == 0 || typed.length >= sizeof extension)
        return NULL;
    for (size_t i = 0; i < typed.length; i++) {
        extension[i] = text_lower(typed.at[i]);
    }
    extension[typed.length] = '\0';

    const struct known *known = bsearch(extension, table, TABLE_COUNT, sizeof *table, compare_extension);
    return known ? known->type : NULL;
}

bool mime_knows(struct span path)
{
    return type_of_name(path) != NULL;
}

static bool begins(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static bool ends(const char *text, const char *end)
{
    size_t length = strlen(text);
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

/* True if the file begins with UTF-8 text, or is empty. A PDF may be all ASCII, and is no text. */
static bool holds_text(int fd)
{
    static const char pdf[] = "%PDF-";
    char content[LIMIT_MIME_PROBE];
    ssize_t length = pread(fd, content, sizeof content, 0);
    if (length < 0)
        return false;
    if (length >= 5 && memcmp(content, pdf, 5) == 0)
        return false;
    return text_is_utf8((struct span){content, (size_t)length}, length == LIMIT_MIME_PROBE);
}

/* type "/" subtype, each a token (RFC 9110 8.3.1). libmagic has been seen to return two types in one string. */
static bool is_media_type(const char *type)
{
    size_t slashes = 0;
    for (const char *at = type; *at; at++) {
        if (*at == '/')
            slashes++;
        else if (!text_is_tchar((unsigned char)*at))
            return false;
    }
    return slashes == 1 && !begins(type, "/") && !ends(type, "/");
}

/* True if a guess may be sent. Never a type that lets a browser run the content with the site's origin: only an
   extension gives a file such a type. */
static bool is_allowed(const char *guess)
{
    if (!is_media_type(guess))
        return false;
    if (strstr(guess, "javascript") || strstr(guess, "ecmascript"))
        return false;
    if (ends(guess, "/xml") || ends(guess, "+xml"))
        return false;
    static const char *const trees[] = {"application/", "audio/", "font/", "image/", "video/"};
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
        if (begins(guess, trees[i]))
            return true;
    }
    return false;
}

/* Returns libmagic's guess in lower case in `scratch`, or a static string. */
static const char *guess_type(const char *path, int fd, char scratch[MIME_MAX])
{
    if (!magic || !magic_guard_begin(fd, path))
        return UNKNOWN;
    lseek(fd, 0, SEEK_SET);
    const char *guess = magic_descriptor(magic, fd);
    magic_guard_end();
    lseek(fd, 0, SEEK_SET);
    if (!guess)
        return UNKNOWN;

    size_t length = strlen(guess);
    if (length >= MIME_MAX)
        return UNKNOWN;
    for (size_t i = 0; i <= length; i++) {
        scratch[i] = text_lower(guess[i]);
    }
    if (begins(scratch, "text/"))
        return TEXT; /* in an encoding other than UTF-8 */
    return is_allowed(scratch) ? scratch : UNKNOWN;
}

/* libmagic is not asked about UTF-8 text: it is slow with it, mistakes notes for HTML, and all its types for text would
   become text/plain anyway. An empty file is text too (as in WHATWG MIME Sniffing 7.1), so that browsers show an empty
   page instead of saving it. */
const char *mime_of(const char *path, int fd, char scratch[MIME_MAX])
{
    const char *type = type_of_name(span_of(path));
    if (!type)
        return holds_text(fd) ? TEXT : guess_type(path, fd, scratch);

    /* ".ts" and ".mts" are MPEG transport streams, as in HLS, or TypeScript. A stream has NULs in its first packet, and
       libmagic recognises only some streams. Browsers show TypeScript as text/plain and never run it. */
    if (type == TRANSPORT_STREAM && holds_text(fd))
        return TEXT;
    return type;
}

/* This includes text/javascript (RFC 9239 4). JSON is always UTF-8 and has no charset parameter (RFC 8259 11). XML,
   such as image/svg+xml, declares its encoding itself, and a charset parameter would overrule it (RFC 7303 3.2). */
bool mime_is_text(const char *type)
{
    return begins(type, "text/");
}

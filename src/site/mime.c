#include "site/mime.h"

#include "base/limits.h"
#include "base/text.h"
#include "site/encoded_name.h"
#include "site/magic_guard.h"

#include <assert.h>
#include <fcntl.h>
#include <magic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char UNKNOWN[] = "application/octet-stream";
static const char TEXT[] = "text/plain";
static const char HTML[] = "text/html";
static const char ZIP[] = "application/zip";
static const char TRANSPORT_STREAM[] = "video/mp2t";

static magic_t magic;

static const struct type_override *overrides;
static unsigned override_count;

/*
 * Sorted by extension. IANA's registrations, unless browsers need another type. Source code and notes are text/plain,
 * so that browsers show instead of save them: Chromium saves application/yaml and application/toml, Firefox also
 * text/markdown.
 *
 * Left out on purpose: text formats whose registered type browsers save (eml, pem, obj, tex: their content makes them
 * text/plain), names with two meanings (key, db), and "php" and other programs, which users might expect a server to
 * run.
 */
enum { EXTENSION_MAX = 16 };
static const struct known {
    char extension[EXTENSION_MAX];
    const char *type;
} table[] = {
    {"3g2", "video/3gpp2"},
    {"3gp", "video/3gpp"},
    {"3mf", "model/3mf"},
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"ac3", "audio/ac3"},
    {"aif", "audio/aiff"},
    {"aiff", "audio/aiff"}, /* WHATWG MIME Sniffing 6.2 */
    {"amr", "audio/amr"},
    {"apk", "application/vnd.android.package-archive"},
    {"apng", "image/apng"},
    {"appinstaller", "application/appinstaller"},
    {"appx", "application/appx"},
    {"appxbundle", "application/appxbundle"},
    {"arrow", "application/vnd.apache.arrow.file"},
    {"asf", "video/x-ms-asf"},
    {"atom", "application/atom+xml"},
    {"au", "audio/basic"},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"avifs", "image/avif"},
    {"azw3", "application/vnd.amazon.mobi8-ebook"},
    {"bin", "application/octet-stream"},
    {"bmp", "image/bmp"},
    {"br", "application/octet-stream"}, /* RFC 7932 registers a coding, not a type */
    {"bz2", "application/x-bzip2"},
    {"c", "text/plain"},
    {"cab", "application/vnd.ms-cab-compressed"},
    {"caf", "audio/x-caf"},
    {"cbor", "application/cbor"},
    {"cbr", "application/vnd.comicbook-rar"},
    {"cbz", "application/vnd.comicbook+zip"},
    {"cc", "text/plain"},
    {"cer", "application/pkix-cert"},
    {"cjs", "text/javascript"},
    {"conf", "text/plain"},
    {"cpp", "text/plain"},
    {"crl", "application/pkix-crl"},
    {"crt", "application/x-x509-ca-cert"}, /* else phones offer no installation */
    {"crx", "application/x-chrome-extension"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"cur", "image/vnd.microsoft.icon"},
    {"czml", "application/json"},
    {"dae", "model/vnd.collada+xml"},
    {"dcm", "application/dicom"},
    {"dds", "image/vnd.ms-dds"},
    {"deb", "application/vnd.debian.binary-package"},
    {"der", "application/x-x509-ca-cert"},
    {"diff", "text/plain"},
    {"djvu", "image/vnd.djvu"},
    {"dmg", "application/octet-stream"},
    {"doc", "application/msword"},
    {"docm", "application/vnd.ms-word.document.macroenabled.12"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"dotx", "application/vnd.openxmlformats-officedocument.wordprocessingml.template"},
    {"dwg", "image/vnd.dwg"},
    {"ear", "application/java-archive"},
    {"ec3", "audio/eac3"},
    {"emf", "image/emf"},
    {"eot", "application/vnd.ms-fontobject"},
    {"eps", "application/postscript"},
    {"epub", "application/epub+zip"},
    {"exe", "application/vnd.microsoft.portable-executable"},
    {"exr", "image/aces"},
    {"fgb", "application/flatgeobuf"},
    {"fits", "application/fits"},
    {"flac", "audio/flac"},
    {"flatpakref", "application/vnd.flatpak.ref"},
    {"flatpakrepo", "application/vnd.flatpak.repo"},
    {"flv", "video/x-flv"},
    {"geojson", "application/geo+json"},
    {"gif", "image/gif"},
    {"glb", "model/gltf-binary"},
    {"gltf", "model/gltf+json"},
    {"gml", "application/gml+xml"},
    {"go", "text/plain"},
    {"gpkg", "application/geopackage+sqlite3"},
    {"gpx", "application/gpx+xml"},
    {"gz", "application/gzip"},
    {"h", "text/plain"},
    {"heic", "image/heic"},
    {"heif", "image/heif"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/vnd.microsoft.icon"},
    {"ics", "text/calendar"},
    {"img", "application/octet-stream"},
    {"ini", "text/plain"},
    {"ipa", "application/octet-stream"}, /* what iOS installs from */
    {"ipynb", "application/x-ipynb+json"},
    {"iso", "application/octet-stream"},
    {"jar", "application/java-archive"},
    {"java", "text/plain"},
    {"jfif", "image/jpeg"},
    {"jnlp", "application/x-java-jnlp-file"},
    {"jp2", "image/jp2"},
    {"jpe", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"}, /* RFC 9239 */
    {"json", "application/json"},
    {"jsonld", "application/ld+json"},
    {"jsx", "text/plain"}, /* no browser runs it */
    {"jxl", "image/jxl"},
    {"kml", "application/vnd.google-earth.kml+xml"},
    {"kmz", "application/vnd.google-earth.kmz"},
    {"ktx", "image/ktx"},
    {"ktx2", "image/ktx2"},
    {"laz", "application/vnd.laszip"},
    {"log", "text/plain"},
    {"m2ts", TRANSPORT_STREAM},
    {"m3u", "audio/mpegurl"}, /* RFC 8216 4 */
    {"m3u8", "application/vnd.apple.mpegurl"},
    {"m4a", "audio/mp4"},
    {"m4b", "audio/mp4"},
    {"m4s", "video/iso.segment"},
    {"m4v", "video/mp4"},
    {"map", "application/json"}, /* source maps, ECMA-426 */
    {"markdown", "text/plain"},
    {"mathml", "application/mathml+xml"},
    {"md", "text/plain"},
    {"meta4", "application/metalink4+xml"},
    {"metalink", "application/metalink+xml"},
    {"mid", "audio/midi"},
    {"midi", "audio/midi"},
    {"mjs", "text/javascript"},
    {"mka", "audio/matroska"},
    {"mkv", "video/matroska"},
    {"mml", "application/mathml+xml"},
    {"mobi", "application/x-mobipocket-ebook"},
    {"mobileconfig", "application/x-apple-aspen-config"}, /* else iOS offers no installation */
    {"mov", "video/quicktime"},
    {"mp2", "audio/mpeg"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpd", "application/dash+xml"},
    {"mpeg", "video/mpeg"},
    {"mpg", "video/mpeg"},
    {"msg", "application/vnd.ms-outlook"},
    {"msi", "application/x-msi"},
    {"msix", "application/msix"},
    {"msixbundle", "application/msixbundle"},
    {"mts", TRANSPORT_STREAM},
    {"musicxml", "application/vnd.recordare.musicxml+xml"},
    {"mvt", "application/vnd.mapbox-vector-tile"},
    {"mxl", "application/vnd.recordare.musicxml"},
    {"n3", "text/n3"},
    {"ncx", "application/x-dtbncx+xml"},
    {"nq", "application/n-quads"},
    {"nt", "application/n-triples"},
    {"numbers", "application/vnd.apple.numbers"},
    {"odg", "application/vnd.oasis.opendocument.graphics"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"ogx", "application/ogg"},
    {"opf", "application/oebps-package+xml"},
    {"opml", "application/xml"}, /* OPML names text/xml */
    {"opus", "audio/ogg"},       /* RFC 7845 9 */
    {"osm", "application/vnd.openstreetmap.data+xml"},
    {"otf", "font/otf"},
    {"ots", "application/vnd.oasis.opendocument.spreadsheet-template"},
    {"ott", "application/vnd.oasis.opendocument.text-template"},
    {"owl", "application/rdf+xml"},
    {"oxps", "application/oxps"},
    {"oxt", "application/vnd.openofficeorg.extension"},
    {"p12", "application/x-pkcs12"},
    {"p7b", "application/x-pkcs7-certificates"},
    {"p7c", "application/pkcs7-mime"},
    {"p7m", "application/pkcs7-mime"},
    {"p7s", "application/pkcs7-signature"},
    {"pac", "application/x-ns-proxy-autoconfig"},
    {"pages", "application/vnd.apple.pages"},
    {"parquet", "application/vnd.apache.parquet"},
    {"patch", "text/plain"},
    {"pbf", "application/x-protobuf"},
    {"pbm", "image/x-portable-bitmap"},
    {"pdf", "application/pdf"},
    {"pfx", "application/x-pkcs12"},
    {"pgm", "image/x-portable-graymap"},
    {"pkg", "application/octet-stream"},
    {"pkpass", "application/vnd.apple.pkpass"},
    {"pkpasses", "application/vnd.apple.pkpasses"},
    {"pls", "audio/x-scpls"},
    {"pmtiles", "application/vnd.pmtiles"},
    {"png", "image/png"},
    {"pnm", "image/x-portable-anymap"},
    {"ppm", "image/x-portable-pixmap"},
    {"ppsx", "application/vnd.openxmlformats-officedocument.presentationml.slideshow"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptm", "application/vnd.ms-powerpoint.presentation.macroenabled.12"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"ps", "application/postscript"},
    {"psd", "image/vnd.adobe.photoshop"},
    {"py", "text/plain"},
    {"qt", "video/quicktime"},
    {"rar", "application/vnd.rar"},
    {"rdf", "application/rdf+xml"},
    {"rpm", "application/x-rpm"},
    {"rs", "text/plain"},
    {"rss", "application/rss+xml"},
    {"rtf", "application/rtf"},
    {"scss", "text/plain"},
    {"sh", "text/plain"},
    {"shtml", "text/html"},
    {"spx", "audio/ogg"},
    {"sql", "text/plain"},
    {"sqlite", "application/vnd.sqlite3"},
    {"sqlite3", "application/vnd.sqlite3"},
    {"srt", "text/plain"},
    {"step", "model/step"},
    {"stl", "model/stl"},
    {"stp", "model/step"},
    {"svg", "image/svg+xml"},
    {"svgz", "image/svg+xml"}, /* with a Content-Encoding */
    {"swf", "application/x-shockwave-flash"},
    {"tar", "application/x-tar"},
    {"tbz2", "application/x-bzip2"},
    {"tga", "image/x-tga"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"toml", "text/plain"},
    {"topojson", "application/json"},
    {"torrent", "application/x-bittorrent"},
    {"trig", "application/trig"},
    {"ts", TRANSPORT_STREAM},
    {"tsv", "text/tab-separated-values"},
    {"tsx", "text/plain"},
    {"ttc", "font/collection"},
    {"ttf", "font/ttf"},
    {"ttl", "text/turtle"},
    {"ttml", "application/ttml+xml"},
    {"txt", "text/plain"},
    {"txz", "application/x-xz"},
    {"tzst", "application/zstd"},
    {"usdz", "model/vnd.usdz+zip"},
    {"vcard", "text/vcard"},
    {"vcf", "text/vcard"},
    {"vrm", "model/gltf-binary"},
    {"vsdx", "application/vnd.ms-visio.drawing"},
    {"vtt", "text/vtt"},
    {"war", "application/java-archive"},
    {"warc", "application/warc"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"wma", "audio/x-ms-wma"},
    {"wmf", "image/wmf"},
    {"wmv", "video/x-ms-wmv"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"wrl", "model/vrml"},
    {"wsdl", "application/wsdl+xml"},
    {"x3d", "model/x3d+xml"},
    {"xht", "application/xhtml+xml"},
    {"xhtml", "application/xhtml+xml"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsb", "application/vnd.ms-excel.sheet.binary.macroenabled.12"},
    {"xlsm", "application/vnd.ms-excel.sheet.macroenabled.12"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xltx", "application/vnd.openxmlformats-officedocument.spreadsheetml.template"},
    {"xml", "application/xml"},
    {"xpi", "application/x-xpinstall"},
    {"xps", "application/vnd.ms-xpsdocument"},
    {"xsd", "application/xml"},
    {"xsl", "application/xslt+xml"},
    {"xslt", "application/xslt+xml"},
    {"xspf", "application/xspf+xml"},
    {"xz", "application/x-xz"},
    {"yaml", "text/plain"},
    {"yml", "text/plain"},
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

/* The longest name of --mime that fits wins, the last one of equal length. Returns NULL if none fits. */
static const char *overriding_type(struct span name)
{
    const char *best = NULL;
    size_t length = 0;
    for (unsigned i = 0; i < override_count; i++) {
        size_t own = strlen(overrides[i].name);
        if (own < length || strcmp(overrides[i].name, ".") == 0 ||
            !text_is_called(name, span_of(overrides[i].name)))
            continue;
        best = overrides[i].type;
        length = own;
    }
    return best;
}

/* The type of `--mime .=TYPE`, for names without an extension; NULL without it. */
static const char *type_without_extension(struct span path)
{
    const char *type = NULL;
    for (unsigned i = 0; i < override_count && extension_of(path).length == 0; i++) {
        if (strcmp(overrides[i].name, ".") == 0)
            type = overrides[i].type;
    }
    return type;
}

/* Returns NULL if neither an override nor the table has the name. */
static const char *type_of_name(struct span path)
{
    const char *overriding = overriding_type(span_after_last(path, '/'));
    if (overriding != NULL)
        return overriding;

    char extension[EXTENSION_MAX];
    struct span typed = extension_of(path);
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
    return span_ends(span_of(text), span_of(end));
}

/* True for UTF-8 text and for an empty file. A PDF may be all ASCII, and is no text. */
static bool is_text(struct span start)
{
    static const char pdf[] = "%PDF-";
    if (start.length >= 5 && memcmp(start.at, pdf, 5) == 0)
        return false;
    return text_is_utf8(start, start.length == LIMIT_MIME_PROBE);
}

/* libmagic judges an archive by its first entry, which differs between builds. So an archive is only a ZIP unless its
   name says more. An archive without entries begins with its end record. */
static bool is_zip(struct span start)
{
    return start.length >= 4 && (memcmp(start.at, "PK\3\4", 4) == 0 || memcmp(start.at, "PK\5\6", 4) == 0);
}

/* Blanks as in "identifying a resource with an unknown MIME type". */
static struct span skip_blanks(struct span text)
{
    while (text.length > 0 && text.at[0] != '\0' && strchr("\t\n\f\r ", text.at[0]) != NULL) {
        text.at++;
        text.length--;
    }
    return text;
}

/* WHATWG MIME Sniffing 7.1: after blanks one of these tags in any case, then a blank or ">". */
static bool is_html(struct span start)
{
    static const struct span tags[] = {
        SPAN_INIT("<!DOCTYPE HTML"),
        SPAN_INIT("<HTML"),
        SPAN_INIT("<HEAD"),
        SPAN_INIT("<SCRIPT"),
        SPAN_INIT("<IFRAME"),
        SPAN_INIT("<H1"),
        SPAN_INIT("<DIV"),
        SPAN_INIT("<FONT"),
        SPAN_INIT("<TABLE"),
        SPAN_INIT("<A"),
        SPAN_INIT("<STYLE"),
        SPAN_INIT("<TITLE"),
        SPAN_INIT("<B"),
        SPAN_INIT("<BODY"),
        SPAN_INIT("<BR"),
        SPAN_INIT("<P"),
        SPAN_INIT("<!--"),
    };
    start = skip_blanks(start);
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        size_t length = tags[i].length;
        if (start.length > length && (start.at[length] == ' ' || start.at[length] == '>') &&
            span_equal_nocase((struct span){start.at, length}, tags[i]))
            return true;
    }
    return false;
}

/* Reads the start of the file into `room`; false if it can't be read. */
static bool read_start(int fd, char room[LIMIT_MIME_PROBE], struct span *start)
{
    ssize_t length = pread(fd, room, LIMIT_MIME_PROBE, 0);
    *start = (struct span){room, length > 0 ? (size_t)length : 0};
    return length >= 0;
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

/*
 * Only a name without any dot may be HTML by its content, as pages of site generators and mirrors are; a site's users
 * may choose the other names of what they upload. libmagic is not asked about UTF-8 text: it is slow with it, mistakes
 * notes for HTML, and all its types for text would become text/plain anyway. An empty file is text too (as in WHATWG
 * MIME Sniffing 7.1), so that browsers show an empty page instead of saving it.
 */
static const char *type_of_content(const char *path, int fd, char scratch[MIME_MAX])
{
    char room[LIMIT_MIME_PROBE];
    struct span start, name = span_after_last(span_of(path), '/');
    if (!read_start(fd, room, &start))
        return guess_type(path, fd, scratch);
    if (span_find(name, '.') == name.length && is_html(start))
        return HTML;
    if (is_text(start))
        return TEXT;
    return is_zip(start) ? ZIP : guess_type(path, fd, scratch);
}

/* ".ts" and ".mts" are MPEG transport streams, as in HLS, or TypeScript. A stream has NULs in its first packet, and
   libmagic recognises only some streams. Browsers show TypeScript as text/plain and never run it. */
static const char *type_of_ts(int fd)
{
    char room[LIMIT_MIME_PROBE];
    struct span start;
    return read_start(fd, room, &start) && is_text(start) ? TEXT : TRANSPORT_STREAM;
}

const char *mime_of_name(struct span path)
{
    const char *type = type_of_name(path);
    if (type == NULL)
        type = type_without_extension(path);
    return type != NULL ? type : UNKNOWN;
}

/* The content of an encoded file says nothing of its type. */
const char *mime_of(const char *path, int fd, char scratch[MIME_MAX])
{
    if (encoded_name_coding(span_of(path)) != NULL)
        return mime_of_name(encoded_name_decoded(span_of(path)));
    const char *type = type_of_name(span_of(path));
    if (type == TRANSPORT_STREAM)
        return type_of_ts(fd);
    if (type == NULL)
        type = type_without_extension(span_of(path));
    return type != NULL ? type : type_of_content(path, fd, scratch);
}

static const char *reason_of_content(struct span path, struct span start)
{
    struct span name = span_after_last(path, '/');
    if (span_find(name, '.') == name.length && is_html(start))
        return "no extension; the content begins as HTML";
    if (is_text(start))
        return "no known extension; the content is UTF-8 text";
    return is_zip(start) ? "no known extension; the content is a ZIP archive"
                         : "no known extension; libmagic's guess";
}

void mime_append_reason(struct buffer *why, struct span path, struct span start)
{
    bool is_encoded = encoded_name_coding(path) != NULL;
    struct span named = is_encoded ? encoded_name_decoded(path) : path;
    if (is_encoded)
        buffer_string(why, "encoded; the name without the coding: ");
    if (overriding_type(span_after_last(named, '/')) != NULL) {
        buffer_string(why, "--mime");
    } else if (type_of_name(named) != NULL) {
        buffer_string(why, "extension .");
        buffer_append(why, extension_of(named));
        if (!is_encoded && type_of_name(named) == TRANSPORT_STREAM)
            buffer_string(why, is_text(start) ? "; the content is text" : "; the content is no text");
    } else if (type_without_extension(named) != NULL) {
        buffer_string(why, "--mime .=TYPE; no extension");
    } else {
        buffer_string(why, is_encoded ? "no known extension" : reason_of_content(named, start));
    }
}

/* This includes text/javascript (RFC 9239 4). JSON is always UTF-8 and has no charset parameter (RFC 8259 11). XML,
   such as image/svg+xml, declares its encoding itself, and a charset parameter would overrule it (RFC 7303 3.2). */
bool mime_is_text(const char *type)
{
    return begins(type, "text/");
}

static bool holds(struct span text, struct span wanted)
{
    for (size_t at = 0; at + wanted.length <= text.length; at++) {
        if (span_equal_nocase((struct span){text.at + at, wanted.length}, wanted))
            return true;
    }
    return false;
}

bool mime_declares_charset(const char *type, struct span start)
{
    enum { PRESCAN = 1024 }; /* WHATWG HTML 13.2.3.2, CSS Syntax 3.2 */
    if (start.length > PRESCAN)
        start.length = PRESCAN;
    if (begins(type, HTML))
        return holds(start, SPAN("<meta")) && holds(start, SPAN("charset"));
    return begins(type, "text/css") && start.length > 0 && start.at[0] == '@' &&
           holds(start, SPAN("@charset"));
}

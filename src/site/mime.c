#include "site/mime.h"

#include "base/descriptors.h"
#include "base/limits.h"
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
 * IANA's registrations, unless browsers need another type. Source code and notes are text/plain, so that browsers show
 * instead of save them: Chromium saves application/yaml and application/toml, Firefox also text/markdown, and no
 * browser runs JSX.
 *
 * Left out on purpose: text formats whose registered type browsers save (eml, pem, obj, tex: their content makes them
 * text/plain), names with two meanings (key, db), and "php" and other programs, which users might expect a server to
 * run.
 */
static const struct {
    const char *type;
    const char *extensions; /* separated by spaces */
} table[] = {
    {"application/appinstaller", "appinstaller"},
    {"application/appx", "appx"},
    {"application/appxbundle", "appxbundle"},
    {"application/atom+xml", "atom"},
    {"application/cbor", "cbor"},
    {"application/dash+xml", "mpd"},
    {"application/dicom", "dcm"},
    {"application/epub+zip", "epub"},
    {"application/fits", "fits"},
    {"application/flatgeobuf", "fgb"},
    {"application/geo+json", "geojson"},
    {"application/geopackage+sqlite3", "gpkg"},
    {"application/gml+xml", "gml"},
    {"application/gpx+xml", "gpx"},
    {"application/gzip", "gz tgz"},
    {"application/java-archive", "ear jar war"},
    {"application/json", "czml json map topojson"}, /* map: source maps, ECMA-426 */
    {"application/ld+json", "jsonld"},
    {"application/manifest+json", "webmanifest"},
    {"application/mathml+xml", "mathml mml"},
    {"application/metalink+xml", "metalink"},
    {"application/metalink4+xml", "meta4"},
    {"application/msix", "msix"},
    {"application/msixbundle", "msixbundle"},
    {"application/msword", "doc"},
    {"application/n-quads", "nq"},
    {"application/n-triples", "nt"},
    {"application/octet-stream",
     "bin br dmg img ipa iso pkg"}, /* RFC 7932 registers br as a coding only; iOS installs from ipa */
    {"application/oebps-package+xml", "opf"},
    {"application/ogg", "ogx"},
    {"application/oxps", "oxps"},
    {"application/pdf", "pdf"},
    {"application/pkcs7-mime", "p7c p7m"},
    {"application/pkcs7-signature", "p7s"},
    {"application/pkix-cert", "cer"},
    {"application/pkix-crl", "crl"},
    {"application/postscript", "eps ps"},
    {"application/rdf+xml", "owl rdf"},
    {"application/rss+xml", "rss"},
    {"application/rtf", "rtf"},
    {"application/trig", "trig"},
    {"application/ttml+xml", "ttml"},
    {"application/vnd.amazon.mobi8-ebook", "azw3"},
    {"application/vnd.android.package-archive", "apk"},
    {"application/vnd.apache.arrow.file", "arrow"},
    {"application/vnd.apache.parquet", "parquet"},
    {"application/vnd.apple.mpegurl", "m3u8"},
    {"application/vnd.apple.numbers", "numbers"},
    {"application/vnd.apple.pages", "pages"},
    {"application/vnd.apple.pkpass", "pkpass"},
    {"application/vnd.apple.pkpasses", "pkpasses"},
    {"application/vnd.comicbook+zip", "cbz"},
    {"application/vnd.comicbook-rar", "cbr"},
    {"application/vnd.debian.binary-package", "deb"},
    {"application/vnd.flatpak.ref", "flatpakref"},
    {"application/vnd.flatpak.repo", "flatpakrepo"},
    {"application/vnd.google-earth.kml+xml", "kml"},
    {"application/vnd.google-earth.kmz", "kmz"},
    {"application/vnd.laszip", "laz"},
    {"application/vnd.mapbox-vector-tile", "mvt"},
    {"application/vnd.microsoft.portable-executable", "exe"},
    {"application/vnd.ms-cab-compressed", "cab"},
    {"application/vnd.ms-excel", "xls"},
    {"application/vnd.ms-excel.sheet.binary.macroenabled.12", "xlsb"},
    {"application/vnd.ms-excel.sheet.macroenabled.12", "xlsm"},
    {"application/vnd.ms-fontobject", "eot"},
    {"application/vnd.ms-outlook", "msg"},
    {"application/vnd.ms-powerpoint", "ppt"},
    {"application/vnd.ms-powerpoint.presentation.macroenabled.12", "pptm"},
    {"application/vnd.ms-visio.drawing", "vsdx"},
    {"application/vnd.ms-word.document.macroenabled.12", "docm"},
    {"application/vnd.ms-xpsdocument", "xps"},
    {"application/vnd.oasis.opendocument.graphics", "odg"},
    {"application/vnd.oasis.opendocument.presentation", "odp"},
    {"application/vnd.oasis.opendocument.spreadsheet", "ods"},
    {"application/vnd.oasis.opendocument.spreadsheet-template", "ots"},
    {"application/vnd.oasis.opendocument.text", "odt"},
    {"application/vnd.oasis.opendocument.text-template", "ott"},
    {"application/vnd.openofficeorg.extension", "oxt"},
    {"application/vnd.openstreetmap.data+xml", "osm"},
    {"application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"},
    {"application/vnd.openxmlformats-officedocument.presentationml.slideshow", "ppsx"},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.template", "xltx"},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.template", "dotx"},
    {"application/vnd.pmtiles", "pmtiles"},
    {"application/vnd.rar", "rar"},
    {"application/vnd.recordare.musicxml", "mxl"},
    {"application/vnd.recordare.musicxml+xml", "musicxml"},
    {"application/vnd.sqlite3", "sqlite sqlite3"},
    {"application/warc", "warc"},
    {"application/wasm", "wasm"},
    {"application/wsdl+xml", "wsdl"},
    {"application/x-7z-compressed", "7z"},
    {"application/x-apple-aspen-config", "mobileconfig"}, /* else iOS offers no installation */
    {"application/x-bittorrent", "torrent"},
    {"application/x-bzip2", "bz2 tbz2"},
    {"application/x-chrome-extension", "crx"},
    {"application/x-dtbncx+xml", "ncx"},
    {"application/x-ipynb+json", "ipynb"},
    {"application/x-java-jnlp-file", "jnlp"},
    {"application/x-mobipocket-ebook", "mobi"},
    {"application/x-msi", "msi"},
    {"application/x-ns-proxy-autoconfig", "pac"},
    {"application/x-pkcs12", "p12 pfx"},
    {"application/x-pkcs7-certificates", "p7b"},
    {"application/x-protobuf", "pbf"},
    {"application/x-rpm", "rpm"},
    {"application/x-shockwave-flash", "swf"},
    {"application/x-tar", "tar"},
    {"application/x-x509-ca-cert", "crt der"}, /* else phones offer no installation */
    {"application/x-xpinstall", "xpi"},
    {"application/x-xz", "txz xz"},
    {"application/xhtml+xml", "xht xhtml"},
    {"application/xml", "opml xml xsd"}, /* OPML names text/xml */
    {"application/xslt+xml", "xsl xslt"},
    {"application/xspf+xml", "xspf"},
    {"application/zip", "zip"},
    {"application/zstd", "tzst zst"}, /* RFC 8878 */
    {"audio/aac", "aac"},
    {"audio/ac3", "ac3"},
    {"audio/aiff", "aif aiff"}, /* WHATWG MIME Sniffing 6.2 */
    {"audio/amr", "amr"},
    {"audio/basic", "au"},
    {"audio/eac3", "ec3"},
    {"audio/flac", "flac"},
    {"audio/matroska", "mka"},
    {"audio/midi", "mid midi"},
    {"audio/mp4", "m4a m4b"},
    {"audio/mpeg", "mp2 mp3"},
    {"audio/mpegurl", "m3u"},          /* RFC 8216 4 */
    {"audio/ogg", "oga ogg opus spx"}, /* RFC 7845 9 */
    {"audio/wav", "wav"},
    {"audio/webm", "weba"},
    {"audio/x-caf", "caf"},
    {"audio/x-ms-wma", "wma"},
    {"audio/x-scpls", "pls"},
    {"font/collection", "ttc"},
    {"font/otf", "otf"},
    {"font/ttf", "ttf"},
    {"font/woff", "woff"},
    {"font/woff2", "woff2"},
    {"image/aces", "exr"},
    {"image/apng", "apng"},
    {"image/avif", "avif avifs"},
    {"image/bmp", "bmp"},
    {"image/emf", "emf"},
    {"image/gif", "gif"},
    {"image/heic", "heic"},
    {"image/heif", "heif"},
    {"image/jp2", "jp2"},
    {"image/jpeg", "jfif jpe jpeg jpg"},
    {"image/jxl", "jxl"},
    {"image/ktx", "ktx"},
    {"image/ktx2", "ktx2"},
    {"image/png", "png"},
    {"image/svg+xml", "svg svgz"}, /* svgz with a Content-Encoding */
    {"image/tiff", "tif tiff"},
    {"image/vnd.adobe.photoshop", "psd"},
    {"image/vnd.djvu", "djvu"},
    {"image/vnd.dwg", "dwg"},
    {"image/vnd.microsoft.icon", "cur ico"},
    {"image/vnd.ms-dds", "dds"},
    {"image/webp", "webp"},
    {"image/wmf", "wmf"},
    {"image/x-portable-anymap", "pnm"},
    {"image/x-portable-bitmap", "pbm"},
    {"image/x-portable-graymap", "pgm"},
    {"image/x-portable-pixmap", "ppm"},
    {"image/x-tga", "tga"},
    {"model/3mf", "3mf"},
    {"model/gltf+json", "gltf"},
    {"model/gltf-binary", "glb vrm"},
    {"model/step", "step stp"},
    {"model/stl", "stl"},
    {"model/vnd.collada+xml", "dae"},
    {"model/vnd.usdz+zip", "usdz"},
    {"model/vrml", "wrl"},
    {"model/x3d+xml", "x3d"},
    {"text/calendar", "ics"},
    {"text/css", "css"},
    {"text/csv", "csv"},
    {"text/html", "htm html shtml"},
    {"text/javascript", "cjs js mjs"}, /* RFC 9239 */
    {"text/n3", "n3"},
    {"text/plain", "c cc conf cpp diff go h ini java jsx log markdown md patch py rs scss sh sql srt toml "
                   "tsx txt yaml yml"},
    {"text/tab-separated-values", "tsv"},
    {"text/turtle", "ttl"},
    {"text/vcard", "vcard vcf"},
    {"text/vtt", "vtt"},
    {"video/3gpp", "3gp"},
    {"video/3gpp2", "3g2"},
    {"video/iso.segment", "m4s"},
    {"video/matroska", "mkv"},
    {TRANSPORT_STREAM, "m2ts mts ts"},
    {"video/mp4", "m4v mp4"},
    {"video/mpeg", "mpeg mpg"},
    {"video/ogg", "ogv"},
    {"video/quicktime", "mov qt"},
    {"video/webm", "webm"},
    {"video/x-flv", "flv"},
    {"video/x-ms-asf", "asf"},
    {"video/x-ms-wmv", "wmv"},
    {"video/x-msvideo", "avi"},
};

enum { EXTENSION_MAX = 12, KNOWN_MAX = 320 };

/* The extensions of the table, sorted. */
static struct known {
    struct span extension;
    const char *type;
} known[KNOWN_MAX];
static size_t known_count;

static int compare_known(const void *a, const void *b)
{
    const struct span left = ((const struct known *)a)->extension, right = ((const struct known *)b)->extension;
    if (left.length != right.length)
        return (int)left.length - (int)right.length;
    return memcmp(left.at, right.at, left.length);
}

static void sort_known(void)
{
    if (known_count > 0)
        return;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (struct span rest = span_of(table[i].extensions); rest.length > 0; known_count++) {
            assert(known_count < KNOWN_MAX);
            known[known_count] = (struct known){span_take_until(&rest, ' '), table[i].type};
            assert(known[known_count].extension.length <= EXTENSION_MAX);
        }
    }
    qsort(known, known_count, sizeof *known, compare_known);
}

/* libmagic writes warnings about a database to stderr, where they would look like the server's. Standard input takes
   them: it is /dev/null, or where that is a file, a pipe that can't be written to. */
static bool load_quietly(const char *path)
{
    int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    bool quiet = kept >= 0 && dup2(STDIN_FILENO, STDERR_FILENO) >= 0;
    bool loaded = magic_load(magic, path) == 0;
    if (quiet)
        dup2(kept, STDERR_FILENO);
    descriptors_close(kept);
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
    unsetenv("MAGIC"); /* magic_getpath would return an empty one */
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
    sort_known(); /* in the master: qsort(3) may make system calls that a worker may not */
    /* Switch off the checks that parse a format in C: most of libmagic's past defects were there, and a media type does
       not need the details that they find. */
    int flags =
        MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_CDF;
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
        if (own < length || strcmp(overrides[i].name, ".") == 0 || !text_is_called(name, span_of(overrides[i].name)))
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

    char lower[EXTENSION_MAX];
    struct span typed = extension_of(path);
    const struct known wanted = {{lower, typed.length}, NULL};
    if (typed.length == 0 || typed.length > sizeof lower)
        return NULL;
    for (size_t i = 0; i < typed.length; i++)
        lower[i] = text_lower(typed.at[i]);
    sort_known();
    const struct known *found = bsearch(&wanted, known, known_count, sizeof *known, compare_known);
    return found != NULL ? found->type : NULL;
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
    return !span_begins(start, SPAN("%PDF-")) && text_is_utf8(start, start.length == LIMIT_MIME_PROBE);
}

/* libmagic judges an archive by its first entry, which differs between builds. So an archive is only a ZIP unless its
   name says more. An archive without entries begins with its end record. */
static bool is_zip(struct span start)
{
    return span_begins(start, SPAN("PK\3\4")) || span_begins(start, SPAN("PK\5\6"));
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
    struct span tags =
        SPAN("<!DOCTYPE HTML|<HTML|<HEAD|<SCRIPT|<IFRAME|<H1|<DIV|<FONT|<TABLE|<A|<STYLE|<TITLE|<B|<BODY|"
             "<BR|<P|<!--");
    start = skip_blanks(start);
    while (tags.length > 0) {
        struct span tag = span_take_until(&tags, '|');
        if (start.length > tag.length && (start.at[tag.length] == ' ' || start.at[tag.length] == '>') &&
            span_equal_nocase((struct span){start.at, tag.length}, tag))
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

/* Only a name without any dot may be HTML by its content, as pages of site generators and mirrors are; a site's users
   may choose the other names of what they upload. libmagic is not asked about UTF-8 text: it is slow with it, mistakes
   notes for HTML, and all its types for text would become text/plain anyway. An empty file is text too (as in WHATWG
   MIME Sniffing 7.1), so that browsers show an empty page instead of saving it. */
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
    return is_zip(start) ? "no known extension; the content is a ZIP archive" : "no known extension; libmagic's guess";
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
    return begins(type, "text/css") && start.length > 0 && start.at[0] == '@' && holds(start, SPAN("@charset"));
}

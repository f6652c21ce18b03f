/* Explanations: which requests get one, and what replaces the response. */
#include "answer/live_reload.h"
#include "asked.h"
#include "capture.h"

#include <unistd.h>

#define EXPLAIN "Tinyhttpd-Explain: 1\r\n"

/* A line of the explanation: its label, padded, and its text. */
static void assert_line(const char *response, const char *line)
{
    char whole[256];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    assert_has(response, whole);
}

struct row {
    const char *request, *line;
};

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_line(ask(rows[i].request), rows[i].line);
}

#define ASSERT_ROWS(...) \
    assert_rows((const struct row[]){__VA_ARGS__}, sizeof((const struct row[]){__VA_ARGS__}) / sizeof(struct row))

static void request_is_explained(void **state)
{
    (void)state;
    ASSERT_ROWS(
        {GET("/", EXPLAIN), "target      / -> the root"}, {GET("/dir/", EXPLAIN), "target      /dir/ -> dir/"},
        {GET("/%64ir/", EXPLAIN), "target      /%64ir/ -> dir/"}, {GET("/50%.txt", EXPLAIN), "target      /50%.txt"},
        {"GET http://localhost/ HTTP/1.1\r\nHost: x\r\n" EXPLAIN "\r\n", "host        localhost: allowed (loopback)"},
        {"GET / HTTP/1.1\r\nHost: localhost:x\r\n" EXPLAIN "\r\n", "host        localhost:x: invalid (RFC 9110 7.2)"},
        {GET("/", EXPLAIN), "method      GET"},
        {"POST / HTTP/1.1\r\nHost: localhost\r\n" EXPLAIN "\r\n",
         "method      POST: refused, only GET, HEAD and OPTIONS are allowed"},
        {GET("/", EXPLAIN "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n"),
         "site        same-origin, mode 'cors': allowed"});
    asked.check_host = true;
    const char *response = ask(GET("/file.txt", EXPLAIN "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"));
    assert_line(response, "site        cross-site, mode 'no-cors': refused, pages of other sites can't load files "
                          "without --cors");
    assert_lacks(response, "\nmethod");
    assert_lacks(response, "\nname");
}

static void own_paths_are_explained(void **state)
{
    (void)state;
    asked.settings.metrics = "/metrics";
    asked.settings.watch = true;
    ASSERT_ROWS({GET(SETTINGS_HEALTH_PATH, EXPLAIN), "own path    " SETTINGS_HEALTH_PATH ": the health of the server"},
                {GET("/metrics", EXPLAIN), "own path    /metrics: --metrics"},
                {GET("/" LIVE_RELOAD_SCRIPT, EXPLAIN), "own path    /" LIVE_RELOAD_SCRIPT ": the script of --watch"});
    assert_lacks(ask(GET("/metrics", EXPLAIN)), "\nname");
    asked.settings.watch = false;
    asked.settings.metrics = NULL;
    assert_lacks(ask(GET("/metrics", EXPLAIN)), "own path");
    assert_lacks(ask(GET("/" LIVE_RELOAD_SCRIPT, EXPLAIN)), "own path");
}

static void base_is_explained(void **state)
{
    (void)state;
    assert_lacks(ask(GET("/file.txt", EXPLAIN)), "\nbase");
    asked.settings.base = "docs";
    ASSERT_ROWS({GET("/docs/file.txt", EXPLAIN), "base        /docs/: the target is below it, and relative to it"},
                {GET("/docs/none", EXPLAIN), "name        none: not found"},
                {GET("/", EXPLAIN), "base        /docs/: the target is above it, and leads to it"},
                {GET("/", EXPLAIN), "content     a redirect to the site"},
                {GET("/other", EXPLAIN), "base        /docs/: the target is outside"});
    asked.settings.file = "file.txt";
    assert_line(ask(GET("/docs/file.txt", EXPLAIN)), "root        only file.txt");
}

static void rules_are_explained_only_where_they_apply(void **state)
{
    (void)state;
    asked.settings.rules = RULES_PLAIN;
    asked.settings.metrics = "/metrics";
    asked.settings.base = "docs";
    static const char *const requests[] = {GET(SETTINGS_HEALTH_PATH, EXPLAIN), GET("/metrics", EXPLAIN),
                                           GET("/", EXPLAIN), GET("/other", EXPLAIN)};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        assert_lacks(ask(requests[i]), "\nrule");
    assert_line(ask(GET("/docs/", EXPLAIN)), "rule        no _redirects");
}

static void hidden_names_are_explained_only_of_paths_that_are_looked_up(void **state)
{
    (void)state;
    assert_lacks(ask("POST /.hidden HTTP/1.1\r\nHost: localhost\r\n" EXPLAIN "\r\n"), "\nhidden");
    assert_lacks(ask(GET("/file.txt", EXPLAIN)), "\nhidden");
    asked.settings.rules = RULES_PLAIN;
    make_file("_redirects", "/re /.hidden 200\n");
    const char *response = ask(GET("/re", EXPLAIN));
    assert_line(response, "target      /re -> /re");
    assert_lacks(response, "\nhidden");
}

static void rules_are_explained(void **state)
{
    (void)state;
    asked.settings.rules = RULES_NETLIFY;
    ASSERT_ROWS({GET("/file.txt", EXPLAIN), "rule        no _redirects"},
                {GET("/file.txt", EXPLAIN), "rule        _headers: no path matches"});
    make_file("_redirects", "/old /new 301\n/home / 200\n/re /file.txt 200\n/style.css /file.txt 200!\n");
    make_file("_headers", "/about*\n  X-One: 1\n");
    ASSERT_ROWS(
        {GET("/old", EXPLAIN), "rule        _redirects:1: redirect to /new (301), as no file was found"},
        {GET("/old", EXPLAIN), "content     a redirect to another address"},
        {GET("/home", EXPLAIN), "rule        _redirects:2: rewrite to the root (200), as no file was found"},
        {GET("/re", EXPLAIN), "rule        _redirects:3: rewrite to file.txt (200), as no file was found"},
        {GET("/re", EXPLAIN), "target      /re -> /re"},
        {GET("/style.css", EXPLAIN), "rule        _redirects:4: rewrite to file.txt (200), before files are looked up"},
        {GET("/file.txt", EXPLAIN), "rule        _redirects: no rule matches"},
        {GET("/about.html", EXPLAIN), "rule        _headers:2: X-One"});
    assert_lacks(ask(GET("/old", EXPLAIN)), "\naddress");
    assert_lacks(ask(GET("/file.txt", EXPLAIN)), "\naddress");
    asked.settings.rules = RULES_CLOUDFLARE;
    make_file("_redirects", "");
    make_file("_headers", "/about*\n  X-One: 1\n  ! X-Two\n");
    assert_line(ask(GET("/about.html", EXPLAIN)), "address     the host has another one: redirect to /about");
    assert_line(ask(GET("/about", EXPLAIN)), "rule        _headers:3: X-Two is left out");
}

static void rules_of_a_known_path_are_explained(void **state)
{
    (void)state;
    asked.keeps_store = true;
    asked.settings.rules = RULES_PLAIN;
    make_file("_headers", "/file.txt\n  X-One: 1\n/about.html\n  X-Two: 2\n");
    for (unsigned i = 0; i < 2; i++) {
        ASSERT_ROWS({GET("/file.txt", EXPLAIN), "rule        _headers:2: X-One"},
                    {GET("/about.html", EXPLAIN), "rule        _headers:4: X-Two"});
    }
}

static void fields_of_rules_that_do_not_fit_are_explained(void **state)
{
    static char rules[2 * LIMIT_HEADER_BYTES];
    (void)state;
    size_t length = (size_t)snprintf(rules, sizeof rules, "/file.txt\n");
    for (unsigned i = 0; i < 5; i++)
        length += (size_t)snprintf(rules + length, sizeof rules - length, "  X-%u: %01000u\n", i, i);
    make_file("_headers", rules);
    asked.settings.rules = RULES_PLAIN;
    struct capture errors = capture_begin(STDERR_FILENO);
    ASSERT_ROWS({GET("/file.txt", EXPLAIN), "rule        _headers:5: X-3"},
                {GET("/file.txt", EXPLAIN), "rule        _headers:6: X-4 is left out, too long"});
    capture_end(&errors);
}

static void file_is_explained(void **state)
{
    (void)state;
    assert_int_equal(symlink("file.txt", "link.txt"), 0);
    ASSERT_ROWS({GET("/file.txt", EXPLAIN), "links       none"},
                {GET("/link.txt", EXPLAIN), "links       one or more lead to it, inside the root"},
                {GET("/file.txt", EXPLAIN), "content     the file"});
    asked.settings.symlinks = SYMLINKS_ALL;
    assert_line(ask(GET("/link.txt", EXPLAIN)), "links       any are followed (--symlinks all)");
    make_file("404.html", "lost");
    ASSERT_ROWS({GET("/none", EXPLAIN), "file        404.html: found, 4 bytes (nothing else was found)"});
    asked.settings.spa = "index.html";
    ASSERT_ROWS(
        {GET("/none", EXPLAIN "Accept: text/html\r\n"), "file        index.html: found, 12 bytes (--spa)"},
        {GET("/none", EXPLAIN), "spa         not used, as the request is no navigation, or as the page is missing"});
}

static void make_large(const char *path, off_t size)
{
    make_file(path, "");
    assert_int_equal(truncate(path, size), 0);
    assert_int_equal(utime(path, &(struct utimbuf){1000000000, 1000000000}), 0);
}

static void numbers_have_commas(void **state)
{
    (void)state;
    make_large("large.bin", 1234567);
    make_large("small.bin", 999);
    ASSERT_ROWS({GET("/large.bin", EXPLAIN), "file        large.bin: found, 1,234,567 bytes"},
                {GET("/small.bin", EXPLAIN), "file        small.bin: found, 999 bytes"},
                {GET("/large.bin", EXPLAIN "Range: bytes=999-1000\r\n"), "range       bytes 999 to 1,000"});
}

static void type_and_charset_are_explained(void **state)
{
    (void)state;
    make_file("latin.txt", "caf\xE9");
    make_file("p.png", "image");
    make_file("notes", "text");
    make_file("only.txt.gz", "compressed");
    make_large("large.bin", LIMIT_STORE_FILE + 1);
    ASSERT_ROWS(
        {GET("/file.txt", EXPLAIN), "type        text/plain: extension .txt"},
        {GET("/file.txt", EXPLAIN), "charset     the content is UTF-8"},
        {GET("/latin.txt", EXPLAIN), "charset     none, as the content is not UTF-8"},
        {GET("/p.png", EXPLAIN), "charset     none, as the type is no text"},
        {GET("/notes", EXPLAIN), "type        text/plain: no known extension; the content is UTF-8 text"},
        {GET("/only.txt", EXPLAIN "Accept-Encoding: gzip\r\n"), "type        text/plain: extension .txt"},
        {GET("/only.txt", EXPLAIN "Accept-Encoding: gzip\r\n"), "charset     none, as encoded content is not examined"},
        {GET("/only.txt", EXPLAIN "Accept-Encoding: gzip\r\n"), "file        only.txt: exists only encoded"});
    asked.settings.charset = "none";
    assert_line(ask(GET("/file.txt", EXPLAIN)), "charset     none, by --charset");
    asked.settings.charset = "utf-16";
    assert_line(ask(GET("/file.txt", EXPLAIN)), "charset     --charset");
}

static void codings_and_validators_are_explained(void **state)
{
    (void)state;
    make_large("large.bin", LIMIT_STORE_FILE + 1);
    make_file("old.txt", "old");
    assert_int_equal(utime("old.txt", &(struct utimbuf){0, 0}), 0);
    ASSERT_ROWS(
        {GET("/style.css", EXPLAIN "Accept-Encoding: *;q=0\r\n"),
         "coding      none is acceptable (forms: identity refused, gzip refused)"},
        {GET("/style.css", EXPLAIN "Accept-Encoding: gzip\r\n"), "coding      gzip (forms: identity last, gzip q=1)"},
        {GET("/file.txt", EXPLAIN), "etag        \"84d89877f0d4041efb6bf91a16f0248f\": a hash of the content"},
        {GET("/file.txt", EXPLAIN), "modified    Sun, 09 Sep 2001 01:46:40 GMT"},
        {GET("/old.txt", EXPLAIN), "modified    none: the date is one of a reproducible build"});
    assert_has(ask(GET("/large.bin", EXPLAIN)), "\": the time and size of the file\n");
    assert_has(ask(GET("/style.css", EXPLAIN "Accept-Encoding: gzip\r\n")),
               "-gzip\": a hash of the content; each form");
    asked.racy_ms = 3600000;
    assert_line(ask(GET("/large.bin", EXPLAIN)),
                "etag        none: the file changed so recently that a later change could go unnoticed");
    asked.now = 1000000000;
    assert_line(ask(GET("/file.txt", EXPLAIN)),
                "modified    none: the file changed so recently that a later change could get the same time");
    asked.settings.watch = true;
    assert_line(ask(GET("/about.html", EXPLAIN "Accept: text/html\r\n")),
                "coding      none, as it is a page or a check of --watch");
}

#define DATE "Sun, 09 Sep 2001 01:46:40 GMT"

static void each_condition_is_explained(void **state)
{
    (void)state;
    ASSERT_ROWS(
        {GET("/file.txt", EXPLAIN "If-Unmodified-Since: Sun, 09 Sep 2001 01:46:39 GMT\r\n"),
         "condition   If-Unmodified-Since: Sun, 09 Sep 2001 01:46:39 GMT: false, 412"},
        {GET("/file.txt", EXPLAIN "If-Unmodified-Since: " DATE "\r\n"),
         "condition   If-Unmodified-Since: " DATE ": true"},
        {GET("/file.txt", EXPLAIN "If-Modified-Since: " DATE "\r\n"),
         "condition   If-Modified-Since: " DATE ": false, 304"},
        {GET("/file.txt", EXPLAIN "If-Modified-Since: " DATE "\r\n"), "content     nothing"},
        {GET("/file.txt", EXPLAIN "If-None-Match: \"84d89877f0d4041efb6bf91a16f0248f\"\r\n"),
         "condition   If-None-Match: \"84d89877f0d4041efb6bf91a16f0248f\": false, 304"},
        {GET("/file.txt", EXPLAIN "If-Match: \"x\"\r\n"), "content     an error page, or text, as Accept decides"},
        {GET("/file.txt", EXPLAIN "If-Modified-Since: junk\r\n"),
         "condition   If-Modified-Since: junk: ignored, as it is not one valid date"},
        {GET("/file.txt", EXPLAIN "If-None-Match: \"x\"\r\nIf-Modified-Since: " DATE "\r\n"),
         "condition   If-Modified-Since: " DATE ": ignored, as If-Match or If-None-Match takes precedence"},
        {GET("/file.txt", EXPLAIN "Range: bytes=0-0\r\nIf-Range: " DATE "\r\n"),
         "condition   If-Range: " DATE ": true"},
        {GET("/file.txt", EXPLAIN "Range: bytes=0-0\r\nIf-Range: \"x\"\r\n"),
         "condition   If-Range: \"x\": false, the whole file"},
        {GET("/file.txt", EXPLAIN "Range: bytes=99-\r\n"),
         "range       bytes=99-: the file has none of these bytes, 416"},
        {GET("/file.txt", EXPLAIN "Range: bytes=0-1,1-2\r\n"), "range       bytes=0-1,1-2: joined where they touch"},
        {GET("/file.txt", EXPLAIN "Range: lines=1-2\r\n"),
         "range       lines=1-2: ignored (malformed, another unit, an empty file, or too many)"});
    asked.now = 1000000000;
    assert_line(ask(GET("/file.txt", EXPLAIN "If-Modified-Since: " DATE "\r\n")),
                "condition   If-Modified-Since: " DATE ": ignored, as the response has no Last-Modified");
    assert_lacks(ask(GET("/missing", EXPLAIN "If-None-Match: *\r\n")), "\ncondition"); /* RFC 9110 13.2.1 */
}

/* The values of a request, of which 1024 bytes are shown; not a part of a character. */
static void long_values_are_cut_between_characters(void **state)
{
    static char request[2048], line[2048], value[1100];
    static const char *const ends[][2] = {
        {"ab", "ab"}, {"abc", "ab..."}, {"a\xC3\xA9", "a..."}, {"\xC3\xA9", "\xC3\xA9"}};
    (void)state;
    memset(value, 'v', 1024 - 3); /* after the quotation mark, with the two bytes of an end */
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(request, sizeof request,
                 "GET /file.txt HTTP/1.1\r\nHost: localhost\r\n" EXPLAIN "If-None-Match: \"%s%s\r\n\r\n", value,
                 ends[i][0]);
        snprintf(line, sizeof line, "\ncondition   If-None-Match: \"%s%s: true\n", value, ends[i][1]);
        assert_has(ask(request), line);
    }
}

static void the_response_is_replaced(void **state)
{
    (void)state;
    const char *response = ask(GET("/file.txt", EXPLAIN));
    assert_status(response, 200);
    assert_has(response, "\r\nCache-Control: no-store\r\nContent-Type: text/plain; charset=utf-8\r\n");
    assert_has(response, "\r\n\r\n200 OK\n\ntarget      /file.txt -> file.txt\n");
    assert_line(response, "file        file.txt: found, 10 bytes");
    assert_line(response, "field       Content-Length: 10   (of the file)");
    response = ask(GET("/file.txt", EXPLAIN "If-None-Match: \"x\"\r\n"));
    assert_line(response, "condition   If-None-Match: \"x\": true");
    response = ask(GET("/file.txt", EXPLAIN));
    assert_lacks(response, "0123456789");
    assert_lacks(response, "\ncut ");
    assert_null(asked.exchange.entry);
}

static void head_gets_only_the_head(void **state)
{
    (void)state;
    const char *response = ask("HEAD /file.txt HTTP/1.1\r\nHost: localhost\r\n" EXPLAIN "\r\n");
    assert_status(response, 200);
    assert_body(response, "");
}

static void errors_are_explained_and_not_logged_as_such(void **state)
{
    (void)state;
    const char *response = ask(GET("/missing", EXPLAIN "Accept: */*\r\n"));
    assert_status(response, 200);
    assert_has(response, "\r\n\r\n404 Not Found\n");
    assert_line(response, "name        missing: not found");
    assert_line(response, "name        404.html: not found");
    assert_line(response, "reason      There is no 'missing' in the root.");
    assert_int_equal(asked.exchange.reason.text.length, 0);
    asked.stopping = true;
    response = ask(GET(SETTINGS_HEALTH_PATH, EXPLAIN));
    assert_status(response, 200);
    assert_has(response, "\r\n\r\n503 Service Unavailable\n");
    assert_true(asked.response.unlogged);
}

static void client_is_explained(void **state)
{
    (void)state;
    make_file("one", "1");
    const char *response = ask(GET("/one", EXPLAIN));
    assert_line(response, "client      local");
    assert_line(response, "file        one: found, 1 byte");
    struct network *proxy = &asked.settings.trusted_proxies[asked.settings.trusted_proxy_count++];
    assert_true(address_parse_network(SPAN("127.0.0.1"), proxy));
    response = ask(GET("/one", EXPLAIN "X-Forwarded-For: 127.0.0.2\r\n"));
    assert_line(response, "client      local, as a trusted proxy's X-Forwarded-For says");
    asked.origin.named = true;
    assert_true(address_parse(SPAN("127.0.0.1"), &asked.origin.client));
    assert_line(ask(GET("/one", EXPLAIN)), "client      local, as a trusted proxy's PROXY header says");
}

static void listings_are_not_produced(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    assert_line(ask(GET("/empty/", EXPLAIN "If-Match: \"x\"\r\n")), "condition   If-Match: \"x\": false, 412");
    const char *response = ask(GET("/empty/", EXPLAIN));
    assert_line(response, "listing     allowed by --list");
    assert_lacks(response, "note.txt");
    assert_null(asked.response.producer);
}

static void a_listing_or_its_absence_is_explained(void **state)
{
    (void)state;
    assert_line(ask(GET("/empty/", EXPLAIN)), "listing     not for this request");
    asked.check_host = true;
    assert_line(ask(GET("/empty/", EXPLAIN)), "listing     allowed to this client");
    const char *response = ask(GET("/none/", EXPLAIN));
    assert_line(response, "listing     there is no such directory");
    assert_lacks(response, "\nrange");
    asked.settings.listing = LISTING_OFF;
    assert_line(ask(GET("/empty/", EXPLAIN)), "listing     none, by --no-list");
    assert_line(ask(GET("/empty", EXPLAIN)), "directory   empty: its address has a slash");
}

static void siblings_are_explained_with_their_original(void **state)
{
    (void)state;
    const char *response = ask(GET("/style.css", EXPLAIN "Accept-Encoding: gzip;q=0.125, *;q=0\r\n"));
    assert_line(response, "file        style.css: found, 4 bytes");
    assert_line(response, "coding      gzip (forms: identity refused, gzip q=0.125)");
    assert_line(response, "type        text/css: extension .css");
    response = ask(GET("/style.css", EXPLAIN "Accept-Encoding: identity;q=1, gzip;q=0.05\r\n"));
    assert_line(response, "coding      identity (forms: identity q=1, gzip q=0.05)");
}

static void conditions_and_ranges_are_explained(void **state)
{
    (void)state;
    const char *response = ask(GET("/file.txt", EXPLAIN "If-Match: *\r\nIf-None-Match: \"x\"\r\nRange: bytes=2-3\r\n"));
    assert_has(response, "\r\n\r\n206 Partial Content\n");
    assert_line(response, "condition   If-Match: *: true");
    assert_line(response, "condition   If-None-Match: \"x\": true");
    assert_has(response, "\nrange       bytes 2 to 3\ncontent ");
    response = ask(GET("/file.txt", EXPLAIN "If-Match: \"x\"\r\nIf-None-Match: \"x\"\r\n"));
    assert_line(response, "condition   If-Match: \"x\": false, 412");
    assert_lacks(response, "condition   If-None-Match");
    response = ask(GET("/file.txt", EXPLAIN "If-None-Match: *\r\nRange: bytes=2-3\r\n"));
    assert_has(response, "\r\n\r\n304 Not Modified\n");
    assert_lacks(response, "\nrange");
    response = ask(GET("/file.txt", EXPLAIN "If-Match: \"x\"\r\nRange: bytes=2-3\r\n"));
    assert_lacks(response, "\nrange");
    response = ask(GET("/file.txt", EXPLAIN));
    assert_lacks(response, "\nrange");
    assert_line(response, "coding      identity (the only form)");
}

static void hidden_and_encoded_files_are_explained(void **state)
{
    (void)state;
    assert_line(ask(GET("/.hidden", EXPLAIN)), "hidden      .hidden: needs --dotfiles");
    make_file("p.svgz", "compressed");
    const char *response = ask(GET("/p.svgz", EXPLAIN "Accept-Encoding: gzip\r\n"));
    assert_line(response, "coding      gzip: that of the file's name");
    response = ask(GET("/p.svgz", EXPLAIN "Accept-Encoding: identity\r\n"));
    assert_line(response, "coding      gzip: not accepted, so the file is sent to be saved");
    response = ask(GET("/p.svgz", EXPLAIN "Accept-Encoding: *;q=0\r\n"));
    assert_line(response, "coding      gzip: that of the file's name, and not accepted");
    make_file("alone.css.gz", "compressed");
    response = ask(GET("/alone.css", EXPLAIN "Accept-Encoding: gzip\r\n"));
    assert_has(response, "\ncoding      gzip: the best of those that exist (gzip");
}

static void first_ranges_of_many_are_explained(void **state)
{
    (void)state;
    make_file("long.txt", "0123456789012345678901234567890123456789");
    const char *response = ask(GET("/long.txt", EXPLAIN "Range: bytes=0-0,4-4,8-8,12-12,16-16,20-20,24-24,28-28\r\n"));
    assert_line(response, "range       bytes 28 to 28");
    assert_lacks(response, " more\n");
    response = ask(GET("/long.txt", EXPLAIN "Range: bytes=0-0,4-4,8-8,12-12,16-16,20-20,24-24,28-28,32-32\r\n"));
    assert_line(response, "range       bytes 28 to 28");
    assert_lacks(response, "bytes 32 to 32");
    assert_line(response, "range       1 more");
}

static void refused_hosts_are_explained_without_files(void **state)
{
    (void)state;
    asked.check_host = true;
    const char *response = ask("GET /file.txt HTTP/1.1\r\nHost: evil.example\r\n" EXPLAIN "\r\n");
    assert_has(response, "\r\n\r\n403 Forbidden\n\ntarget      /file.txt\n");
    assert_line(response, "host        evil.example: refused, no name of this server (DNS rebinding)");
    assert_lacks(response, "\nfile ");
}

static void other_hosts_get_the_ordinary_response(void **state)
{
    (void)state;
    static const char request[] = "GET /file.txt HTTP/1.1\r\nHost: site.example\r\n" EXPLAIN "\r\n";
    assert_body(ask(request), "0123456789"); /* another machine may have sent it through a tunnel */
    asked.check_host = true;
    asked.settings.allowed_hosts[asked.settings.allowed_host_count++] = "site.example";
    assert_body(ask(request), "0123456789");
}

static void clients_that_are_not_local_get_the_ordinary_response(void **state)
{
    (void)state;
    assert_body(ask(GET("/file.txt", EXPLAIN "Via: 1.1 proxy\r\n")), "0123456789");
    assert_body(ask(GET("/file.txt", EXPLAIN "X-Forwarded-For: 127.0.0.1\r\n")), "0123456789");
    assert_body(ask("GET /file.txt HTTP/1.0\r\nHost: localhost\r\n" EXPLAIN "\r\n"), "0123456789");
    asked.origin.peer.v4.sin_addr.s_addr = htonl(0xC0000207);
    assert_body(ask(GET("/file.txt", EXPLAIN)), "0123456789");
}

/* --cors lets scripts of any site read responses. */
static void scripts_of_other_sites_get_the_ordinary_response(void **state)
{
    (void)state;
    static const char request[] = GET("/file.txt", EXPLAIN "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\n");
    assert_has(ask(request), "\n\n");
    asked.settings.cors = "*";
    assert_body(ask(request), "0123456789");
}

static void only_the_value_1_asks(void **state)
{
    (void)state;
    static const char *const requests[] = {
        GET("/file.txt", "Tinyhttpd-Explain: 0\r\n"),
        GET("/file.txt", "Tinyhttpd-Explain:\r\n"),
        GET("/file.txt", "Tinyhttpd-Explain: 11\r\n"),
        GET("/file.txt", EXPLAIN EXPLAIN),
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        assert_body(ask(requests[i]), "0123456789");
}

static void bad_requests_are_not_explained(void **state)
{
    (void)state;
    assert_status(ask("GET /file.txt HTTP/1.1\r\n" EXPLAIN "\r\n"), 400);
    assert_status(ask(GET("/file.txt", EXPLAIN "bad field\r\n")), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(the_response_is_replaced),
        ASKED_TEST(head_gets_only_the_head),
        ASKED_TEST(errors_are_explained_and_not_logged_as_such),
        ASKED_TEST(client_is_explained),
        ASKED_TEST(listings_are_not_produced),
        ASKED_TEST(a_listing_or_its_absence_is_explained),
        ASKED_TEST(first_ranges_of_many_are_explained),
        ASKED_TEST(hidden_and_encoded_files_are_explained),
        ASKED_TEST(siblings_are_explained_with_their_original),
        ASKED_TEST(conditions_and_ranges_are_explained),
        ASKED_TEST(refused_hosts_are_explained_without_files),
        ASKED_TEST(other_hosts_get_the_ordinary_response),
        ASKED_TEST(clients_that_are_not_local_get_the_ordinary_response),
        ASKED_TEST(scripts_of_other_sites_get_the_ordinary_response),
        ASKED_TEST(only_the_value_1_asks),
        ASKED_TEST(bad_requests_are_not_explained),
        ASKED_TEST(request_is_explained),
        ASKED_TEST(own_paths_are_explained),
        ASKED_TEST(base_is_explained),
        ASKED_TEST(rules_are_explained_only_where_they_apply),
        ASKED_TEST(hidden_names_are_explained_only_of_paths_that_are_looked_up),
        ASKED_TEST(rules_are_explained),
        ASKED_TEST(rules_of_a_known_path_are_explained),
        ASKED_TEST(fields_of_rules_that_do_not_fit_are_explained),
        ASKED_TEST(file_is_explained),
        ASKED_TEST(numbers_have_commas),
        ASKED_TEST(type_and_charset_are_explained),
        ASKED_TEST(codings_and_validators_are_explained),
        ASKED_TEST(each_condition_is_explained),
        ASKED_TEST(long_values_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

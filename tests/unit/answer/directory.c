/* Directories: access to listings, their media types, and redirects to the address with a slash. */
#include "asked.h"
#include "capture.h"

static void listings_are_for_local_clients_if_host_is_checked(void **state)
{
    (void)state;
    assert_status(ask(GET("/empty/", "")), 404);
    asked.check_host = true;
    assert_has(ask(GET("/empty/", "Accept: text/html\r\n")), "note.txt");
    assert_status(ask(GET("/empty/", "Via: 1.1 proxy\r\n")), 404);
    asked.origin.peer.v4.sin_addr.s_addr = htonl(0xC0000201);
    assert_status(ask(GET("/empty/", "")), 404);
}

static void list_and_no_list_apply_to_every_client(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    asked.origin.peer.v4.sin_addr.s_addr = htonl(0xC0000201);
    assert_has(ask(GET("/empty/", "")), "note.txt");
    asked.settings.listing = LISTING_OFF;
    asked.check_host = true;
    asked.origin.peer.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_status(ask(GET("/empty/", "")), 404);
}

static void an_index_takes_precedence_over_a_listing(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    assert_body(ask(GET("/dir/", "")), "<p>dir</p>");
}

static void json_is_sent_on_request(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    const char *response = ask(GET("/empty/", "Accept: application/json\r\n"));
    assert_has(response, "\r\nContent-Type: application/json\r\n");
    assert_has(response, "\r\nVary: Accept\r\n");
    assert_has(response, "\"name\":\"note.txt\"");
    assert_has(response, "\r\nContent-Length: "); /* it is one piece */
    assert_lacks(response, "chunked");
}

static void listings_allow_only_their_own_script(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    const char *response = ask(GET("/empty/", ""));
    assert_has(response, "\r\nContent-Security-Policy: default-src 'none'; img-src data:; style-src 'sha256-");
    assert_has(response, "\r\nCache-Control: no-cache\r\n");
}

static void hidden_directories_are_not_listed(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    assert_int_equal(mkdir(".git", 0755), 0);
    assert_status(ask(GET("/.git/", "")), 404);
    make_file("empty/.secret", "secret");
    assert_lacks(ask(GET("/dir/../empty/", "")), ".secret");
    assert_status(ask(GET("/none/", "")), 404);
}

static void directory_with_only_an_encoded_index_is_not_listed(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    make_file("empty/index.html.gz", "compressed");
    assert_body(ask(GET("/empty/", "Accept-Encoding: gzip\r\n")), "compressed");
    const char *response = ask(GET("/empty/", "Accept: text/plain\r\n"));
    assert_status(response, 404);
    assert_lacks(response, "note.txt");
}

static void lan_shows_listings_to_every_client(void **state)
{
    (void)state;
    asked.settings.lan = true;
    asked.origin.peer.v4.sin_addr.s_addr = htonl(0xC0000201);
    assert_has(ask(GET("/empty/", "")), "note.txt");
}

static void a_single_file_has_no_listing(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    asked.settings.file = "file.txt";
    assert_status(ask(GET("/empty/", "")), 404);
}

static void dotfiles_lists_dot_names(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    make_file("empty/.secret", "secret");
    assert_lacks(ask(GET("/empty/", "")), ".secret");
    asked.settings.dotfiles = true;
    assert_has(ask(GET("/empty/", "")), ".secret");
}

/* A client takes ".." from the address, where each slash counts but those at its begin. */
static void listings_link_up_only_from_their_own_address(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    assert_int_equal(mkdir("empty/inner", 0755), 0);
    assert_has(ask(GET("/empty/inner/", "")), "<a href=\"../../\" aria-label=\"Start\">");
    assert_has(ask(GET("//empty/inner/", "")), "<a href=\"../../\" aria-label=\"Start\">");
    assert_lacks(ask(GET("/empty//inner/", "")), "aria-label=\"Start\"");
    assert_lacks(ask(GET("/empty/inner//", "")), "aria-label=\"Start\"");
}

static void an_index_that_may_not_be_read_is_403(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    make_file("empty/index.html", "private");
    assert_int_equal(chmod("empty/index.html", 0), 0);
    const char *response = ask_as_user(GET("/empty/", "Accept: text/html\r\n"));
    assert_status(response, 403);
    assert_has(response, "may not read the index");
    assert_lacks(response, "note.txt");
    asked.settings.listing = LISTING_OFF;
    assert_status(ask_as_user(GET("/empty/", "")), 404);
}

/* Makes nested directories below `path`, which begins and ends with a slash, and appends their names, `length` bytes in
   all, and a slash. The names are quotes, each of which has three bytes in a link. */
static void make_deep_directory(char *path, size_t length)
{
    char *at = path + strlen(path);
    for (size_t left = length; left > 0;) {
        size_t name = left > 256 ? 250 : left;
        memset(at, '"', name);
        at[name] = '\0';
        assert_int_equal(mkdir(path + 1, 0755), 0);
        at[name] = '/';
        at += name + 1;
        *at = '\0';
        left -= name;
        left -= left > 0;
    }
}

static const char *get(const char *path, const char *fields)
{
    static char request[LIMIT_TARGET + 512];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, fields);
    return request;
}

static void a_directory_that_no_link_can_name_is_not_listed(void **state)
{
    char path[4096] = "/";
    (void)state;
    asked.settings.listing = LISTING_ON;
    make_deep_directory(path, 2700);
    assert_has(ask(get(path, "")), "This folder is empty.");
    make_deep_directory(path, 100);
    assert_status(ask(get(path, "")), 404);
}

/* HTML tells of missing entries, JSON can't. */
static void a_listing_without_an_entry_is_an_error_in_json(void **state)
{
    char path[4096] = "/";
    (void)state;
    asked.settings.listing = LISTING_ON;
    make_deep_directory(path, 2700);
    size_t length = strlen(path);
    memset(path + length, '"', 100);
    path[length + 100] = '\0';
    make_file(path + 1, "");
    path[length] = '\0';
    assert_has(ask(get(path, "")), "Only a part");
    struct capture errors = capture_begin(STDERR_FILENO);
    const char *response = ask(get(path, "Accept: application/json\r\n"));
    capture_end(&errors);
    assert_status(response, 503);
    assert_has(captured, "File too large\n");
}

static void without_memory_a_listing_is_503(void **state)
{
    enum { MOST = 100 };
    struct body_producer *held[MOST];
    struct beneath beneath = {.root = open("empty", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    unsigned count = 0;
    (void)state;
    asked.settings.listing = LISTING_ON;
    listing_bound(LIMIT_LISTING_SMALL);
    while (count < MOST &&
           (held[count] = listing_open(&beneath, SPAN(""), dup(beneath.root), &(struct listing_form){0})))
        count++;
    const char *response = ask(GET("/empty/", ""));
    while (count > 0) {
        count--;
        held[count]->drop(held[count]);
    }
    listing_bound(LIMIT_LISTING_BYTES);
    close(beneath.root);
    assert_status(response, 503);
    assert_has(ask(GET("/empty/", "")), "note.txt");
}

/* Browsers read a backslash as a slash (WHATWG URL, "relative slash state"). */
static void a_redirect_escapes_backslashes_and_line_ends(void **state)
{
    (void)state;
    assert_int_equal(mkdir("\\evil.example", 0755), 0);
    assert_int_equal(mkdir("a\r\nX: y", 0755), 0);
    assert_has(ask(GET("/%5Cevil.example", "")), "\r\nLocation: %5Cevil.example/\r\n");
    assert_int_equal(mkdir("x", 0755), 0);
    assert_has(ask(GET("/x", "")), "\r\nLocation: x/\r\n");
    assert_lacks(ask(GET("/a%0D%0AX:%20y", "")), "\r\nX: y");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(listings_are_for_local_clients_if_host_is_checked),
        ASKED_TEST(list_and_no_list_apply_to_every_client),
        ASKED_TEST(an_index_takes_precedence_over_a_listing),
        ASKED_TEST(json_is_sent_on_request),
        ASKED_TEST(listings_allow_only_their_own_script),
        ASKED_TEST(hidden_directories_are_not_listed),
        ASKED_TEST(directory_with_only_an_encoded_index_is_not_listed),
        ASKED_TEST(lan_shows_listings_to_every_client),
        ASKED_TEST(a_single_file_has_no_listing),
        ASKED_TEST(dotfiles_lists_dot_names),
        ASKED_TEST(listings_link_up_only_from_their_own_address),
        ASKED_TEST(an_index_that_may_not_be_read_is_403),
        ASKED_TEST(a_directory_that_no_link_can_name_is_not_listed),
        ASKED_TEST(a_listing_without_an_entry_is_an_error_in_json),
        ASKED_TEST(without_memory_a_listing_is_503),
        ASKED_TEST(a_redirect_escapes_backslashes_and_line_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

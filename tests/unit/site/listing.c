/* Listings: what is in them, in which order, and how it is written. */
#include "site/listing.h"

#include "base/limits.h"
#include "base/sha256.h"
#include "site/assets.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- keys and sizes ---- */

static int compare(const char *a, const char *b)
{
    char rooms[2][3 * 255];
    struct buffer x = BUFFER(rooms[0]), y = BUFFER(rooms[1]);
    listing_append_key(&x, span_of(a));
    listing_append_key(&y, span_of(b));
    assert_false(x.overflow || y.overflow);
    int order = memcmp(x.at, y.at, x.length < y.length ? x.length : y.length);
    return order != 0 ? order : (int)x.length - (int)y.length;
}

static void names_are_in_natural_order(void **state)
{
    (void)state;
    static const char *const ordered[] = {"",
                                          "-",
                                          "1",
                                          "2",
                                          "10",
                                          "a",
                                          "a1",
                                          "A1b",
                                          "a2",
                                          "a10",
                                          "a10b2",
                                          "a10b10",
                                          "a123456789012345678901234567890",
                                          "a-b",
                                          "ab",
                                          "b",
                                          "b.1.9",
                                          "B.1.10",
                                          "\xC3\xA4"};
    enum { COUNT = sizeof ordered / sizeof *ordered };
    static const char *const moved[] = {"a-b"}; /* a hyphen comes before a digit */
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < COUNT; k++) {
            if (strcmp(ordered[i], moved[0]) == 0 || strcmp(ordered[k], moved[0]) == 0)
                continue;
            int order = compare(ordered[i], ordered[k]);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
    assert_true(compare("a-b", "a1") < 0);
    assert_true(compare("a-b", "a") > 0);
    /* Equal but for what is not looked at first. */
    assert_int_equal(compare("File01", "file1"), 0);
    assert_int_equal(compare("0", "000"), 0);
}

static void the_longest_key_fits(void **state)
{
    (void)state;
    char name[256] = {0};
    for (size_t i = 0; i < 255; i++)
        name[i] = i % 2 == 0 ? '1' : 'a';
    assert_int_equal(compare(name, name), 0);
    memset(name, '9', 255);
    assert_int_equal(compare(name, name), 0);
    memset(name, '0', 255);
    assert_int_equal(compare(name, "0"), 0);
}

static void sizes_are_short(void **state)
{
    (void)state;
    static const struct {
        uint64_t octets;
        const char *text;
    } cases[] = {
        {0, "0 B"},           {1023, "1023 B"},        {1024, "1.0 KiB"},         {1536, "1.5 KiB"},
        {10188, "9.9 KiB"},   {10240, "10 KiB"},       {1024 * 1000, "1000 KiB"}, {1048012, "1023 KiB"},
        {1048013, "1.0 MiB"}, /* would be rounded to 1024 KiB */
        {1048576, "1.0 MiB"}, {5000000000, "4.7 GiB"}, {UINT64_MAX, "16 EiB"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char room[16] = {0};
        struct buffer out = {room, 0, sizeof room - 1, false};
        listing_append_size(&out, cases[i].octets);
        assert_string_equal(room, cases[i].text);
    }
}

static void queries_give_an_order(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        enum listing_order order;
        bool descending;
    } cases[] = {
        {"", LISTING_BY_NAME, false},
        {"?", LISTING_BY_NAME, false},
        {"?sort=size", LISTING_BY_SIZE, false},
        {"?sort=time&order=desc", LISTING_BY_TIME, true},
        {"?order=desc&sort=name", LISTING_BY_NAME, true},
        {"?sort=size&order=desc&order=asc", LISTING_BY_SIZE, false},
        {"?sort=sizes&order=descending", LISTING_BY_NAME, false},
        {"?x&&sort=time&", LISTING_BY_TIME, false},
        {"?C=M;O=D", LISTING_BY_NAME, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct listing_form form = listing_form_of(span_of(cases[i].query));
        assert_int_equal(form.order, cases[i].order);
        assert_int_equal(form.descending, cases[i].descending);
        assert_false(form.json || form.dotfiles);
    }
}

/* ---- a directory ---- */

static char base[64];
static int root;
static struct beneath beneath;
static char output[1 << 18];

static void put(const char *name, size_t size, int64_t modified)
{
    struct timespec times[2] = {{.tv_sec = modified}, {.tv_sec = modified}};
    int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static int make(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/tinyhttpd-listing-XXXXXX");
    if (mkdtemp(base) == NULL)
        return -1;
    root = open(base, O_RDONLY | O_DIRECTORY);
    beneath = beneath_root(root, false);
    put("file10.txt", 1536, 0);
    put("file2.txt", 20, 1000000000);
    put(".hidden", 1, 0);
    put("\xFF\"<&>\n.c", 3, 86399);
    mkdirat(root, "Zoo", 0755);
    mkdirat(root, "apes", 0755);
    put("Zoo/inside.txt", 7, 5);
    mkfifoat(root, "fifo", 0644);
    assert_int_equal(symlinkat("file2.txt", root, "link.txt"), 0);
    assert_int_equal(symlinkat("apes", root, "linked"), 0);
    assert_int_equal(symlinkat("/etc/passwd", root, "out"), 0);
    assert_int_equal(symlinkat("nowhere", root, "dangling"), 0);
    struct timespec times[2] = {{.tv_sec = 60}, {.tv_sec = 60}};
    utimensat(root, "Zoo", times, 0);
    utimensat(root, "apes", times, 0);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    static const char *const files[] = {
        "file10.txt", "file2.txt", ".hidden", "\xFF\"<&>\n.c", "Zoo/inside.txt",
        "fifo",       "link.txt",  "linked",  "out",           "dangling"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlinkat(root, files[i], 0);
    unlinkat(root, "Zoo", AT_REMOVEDIR);
    unlinkat(root, "apes", AT_REMOVEDIR);
    close(root);
    return rmdir(base);
}

/* The whole listing, in pieces of `room` octets. */
static const char *listed(const char *path, struct listing_form form)
{
    static char room[LIMIT_PIECE];
    size_t length = 0;
    enum body_state state;
    struct body_producer *producer = listing_open(
        &beneath, span_of(path), openat(root, *path != '\0' ? path : ".", O_RDONLY | O_DIRECTORY), &form);
    assert_non_null(producer);
    do {
        struct buffer piece = BUFFER(room);
        state = producer->fill(producer, &piece);
        assert_true(state != BODY_BROKEN);
        assert_false(piece.overflow);
        assert_true(length + piece.length < sizeof output);
        memcpy(output + length, piece.at, piece.length);
        length += piece.length;
    } while (state == BODY_MORE);
    producer->drop(producer);
    output[length] = '\0';
    return output;
}

/* The links of the rows, each with a blank after it. */
static const char *links(const char *path, struct listing_form form)
{
    static char found[1024];
    const char *at = listed(path, form);
    found[0] = '\0';
    while ((at = strstr(at, "\"./")) != NULL) {
        at += 3;
        strncat(found, at, strcspn(at, "\""));
        strcat(found, " ");
    }
    return found;
}

static void all_that_is_served_is_listed_in_order(void **state)
{
    (void)state;
    struct listing_form form = {0};
#define EVIL "%FF%22%3C%26%3E%0A.c "
    assert_string_equal(links("", form), "apes/ linked/ Zoo/ file2.txt file10.txt link.txt " EVIL);
    form.descending = true;
    assert_string_equal(links("", form), "Zoo/ linked/ apes/ " EVIL "link.txt file10.txt file2.txt ");
    form.order = LISTING_BY_SIZE;
    assert_string_equal(links("", form), "apes/ linked/ Zoo/ file10.txt file2.txt link.txt " EVIL);
    form.descending = false;
    assert_string_equal(links("", form), "apes/ linked/ Zoo/ " EVIL "file2.txt link.txt file10.txt ");
    form.order = LISTING_BY_TIME;
    assert_string_equal(links("", form), "apes/ linked/ Zoo/ file10.txt " EVIL "file2.txt link.txt ");
    form.dotfiles = true;
    assert_non_null(strstr(links("", form), " .hidden "));
    form.json = true;
    assert_string_equal(links("Zoo", form), "inside.txt ");
}

static void rows_are_html(void **state)
{
    (void)state;
    const char *page = listed("", (struct listing_form){0});
    assert_non_null(strstr(page,
                           "<tr class=\"d\"><td><a href=\"./apes/\"><bdi>apes</bdi>/</a><td><td>"
                           "<time datetime=\"1970-01-01T00:01:00Z\">1970-01-01<span> 00:01</span></time>\n"));
    assert_non_null(strstr(page,
                           "<tr><td><a href=\"./file10.txt\"><bdi>file10.txt</bdi></a><td>"
                           "<data value=\"1536\">1.5 KiB</data><td>"
                           "<time datetime=\"1970-01-01T00:00:00Z\">1970-01-01<span> 00:00</span></time>\n"));
    assert_non_null(strstr(page, "<bdi>\xEF\xBF\xBD&quot;&lt;&amp;&gt;\xE2\x90\x8A.c</bdi>"));
    assert_non_null(strstr(page, "datetime=\"2001-09-09T01:46:40Z\">2001-09-09<span> 01:46</span>"));
    assert_non_null(strstr(page, ">3 folders, 4 files</p>"));
    assert_true(text_is_utf8(span_of(page), false));
}

static void members_are_json(void **state)
{
    (void)state;
    const char *text = listed("", (struct listing_form){.json = true});
    assert_memory_equal(text,
                        "[\n{\"name\":\"apes\",\"type\":\"directory\",\"mtime\":\"1970-01-01T00:01:00Z\","
                        "\"href\":\"./apes/\"},\n",
                        86);
    assert_non_null(strstr(
        text, "{\"name\":\"file10.txt\",\"type\":\"file\",\"size\":1536,\"mtime\":\"1970-01-01T00:00:00Z\","
              "\"href\":\"./file10.txt\"},\n"));
    assert_non_null(strstr(text, "{\"name\":\"\xEF\xBF\xBD\\\"<&>\\u000a.c\",\"type\":\"file\",\"size\":3,"));
    assert_string_equal(text + strlen(text) - 4, "}\n]\n");
    assert_string_equal(listed("apes", (struct listing_form){.json = true}), "[\n]\n");
}

static void headings_lead_to_orders(void **state)
{
    (void)state;
    const char *page = listed("", (struct listing_form){.order = LISTING_BY_SIZE});
    assert_non_null(strstr(page, "<th scope=\"col\"><a href=\"?sort=name&amp;order=asc\">Name</a>"));
    assert_non_null(strstr(
        page, "<th scope=\"col\" aria-sort=\"ascending\"><a href=\"?sort=size&amp;order=desc\">Size</a>"));
    page = listed("", (struct listing_form){.order = LISTING_BY_SIZE, .descending = true});
    assert_non_null(strstr(
        page, "<th scope=\"col\" aria-sort=\"descending\"><a href=\"?sort=size&amp;order=asc\">Size</a>"));
}

static void crumbs_lead_up(void **state)
{
    (void)state;
    const char *page = listed("", (struct listing_form){0});
    assert_non_null(strstr(page, "<title>/</title>"));
    assert_non_null(strstr(page, "<h1>/</h1>"));
    assert_null(strstr(page, "../"));
    page = listed("Zoo", (struct listing_form){0});
    assert_non_null(strstr(page, "<title>Zoo/</title>"));
    assert_non_null(strstr(page, "<h1><a href=\"/\" aria-label=\"Start\">/</a><bdi>Zoo</bdi></h1>"));
    assert_non_null(strstr(page, "<a href=\"../\">Up</a>"));
}

/* Only the path's text matters here: what is listed is another directory. */
static void deep_paths_lose_their_middle(void **state)
{
    (void)state;
    char path[4000] = "", room[LIMIT_PIECE];
    for (unsigned i = 0; i < 1900; i++)
        strcat(path, i % 2 == 0 ? "\xFF" : "/");
    strcat(path, "last");
    struct body_producer *producer = listing_open(
        &beneath, span_of(path), openat(root, "apes", O_RDONLY | O_DIRECTORY), &(struct listing_form){0});
    size_t links_seen = 0, total = 0;
    enum body_state state_now;
    do {
        struct buffer piece = {room, 0, sizeof room - 1, false};
        state_now = producer->fill(producer, &piece);
        assert_false(piece.overflow);
        room[piece.length] = '\0';
        for (const char *at = room; (at = strstr(at, "/\"><bdi>")) != NULL; at++)
            links_seen++;
        total += piece.length;
    } while (state_now == BODY_MORE);
    producer->drop(producer);
    assert_int_equal(links_seen, LIMIT_LISTING_CRUMBS - 1);
    assert_true(total < 200000);
    char longer[4200];
    memset(longer, 'a', sizeof longer);
    assert_null(listing_open(&beneath, (struct span){longer, sizeof longer},
                             openat(root, "apes", O_RDONLY | O_DIRECTORY), &(struct listing_form){0}));
}

/* A hash for each style and for the script, of what stands between the tags. */
static void the_policy_allows_its_own_only(void **state)
{
    (void)state;
    char room[512];
    struct buffer policy = BUFFER(room);
    const char *at = listed("", (struct listing_form){0});
    buffer_append(&policy, SPAN("default-src 'none'; style-src "));
    for (unsigned i = 0; i < 2; i++) {
        at = strstr(at, "<style>") + 7;
        if (i > 0)
            buffer_byte(&policy, ' ');
        sha256_append_source(&policy, (struct span){at, (size_t)(strstr(at, "</style>") - at)});
    }
    at = strstr(at, "<script>") + 8;
    buffer_append(&policy, SPAN("; script-src "));
    sha256_append_source(&policy, (struct span){at, (size_t)(strstr(at, "</script>") - at)});
    buffer_append(&policy, SPAN("; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"));
    assert_true(span_equal(assets_listing_policy(), buffer_span(&policy)));
}

/* Reading waits for its turn, nothing is lost between pieces, and no memory stays. */
static void many_entries_come_in_pieces(void **state)
{
    (void)state;
    enum { MANY = 3 * LIMIT_LISTING_STEP + 7 };
    char name[64], room[LIMIT_PIECE + 1];
    assert_int_equal(mkdirat(root, "many", 0755), 0);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "many/entry-%u", i * 7919 % MANY);
        put(name, 0, 0);
    }
    for (unsigned round = 0; round < 50; round++) { /* dropped at any time */
        struct body_producer *producer = listing_open(
            &beneath, SPAN("many"), openat(root, "many", O_RDONLY | O_DIRECTORY), &(struct listing_form){0});
        unsigned pieces = 0, silent = 0, next = 0;
        enum body_state now;
        do {
            struct buffer piece = {room, 0, LIMIT_PIECE, false};
            now = producer->fill(producer, &piece);
            room[piece.length] = '\0';
            silent += piece.length == 0;
            pieces++;
            for (const char *at = room; (at = strstr(at, "\"./entry-")) != NULL; at++)
                assert_int_equal(strtoul(at + 9, NULL, 10), next++);
        } while (now == BODY_MORE && (round == 0 || pieces < round));
        producer->drop(producer);
        assert_true(round > 0 || (next == MANY && silent == 3 && pieces > 8));
    }
    /* More than LIMIT_LISTING_OCTETS in all, if any stayed. */
    for (unsigned round = 0; round < LIMIT_LISTING_OCTETS / 65536 + 1; round++) {
        struct body_producer *producer = listing_open(
            &beneath, SPAN("many"), openat(root, "many", O_RDONLY | O_DIRECTORY), &(struct listing_form){0});
        struct buffer piece = {room, 0, LIMIT_PIECE, false};
        assert_non_null(producer);
        assert_int_equal(producer->fill(producer, &piece), BODY_MORE);
        producer->drop(producer);
    }
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "many/entry-%u", i);
        unlinkat(root, name, 0);
    }
    unlinkat(root, "many", AT_REMOVEDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_in_natural_order),
        cmocka_unit_test(the_longest_key_fits),
        cmocka_unit_test(sizes_are_short),
        cmocka_unit_test(queries_give_an_order),
        cmocka_unit_test(all_that_is_served_is_listed_in_order),
        cmocka_unit_test(rows_are_html),
        cmocka_unit_test(members_are_json),
        cmocka_unit_test(headings_lead_to_orders),
        cmocka_unit_test(crumbs_lead_up),
        cmocka_unit_test(deep_paths_lose_their_middle),
        cmocka_unit_test(the_policy_allows_its_own_only),
        cmocka_unit_test(many_entries_come_in_pieces),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}

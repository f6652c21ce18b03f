/* Shared by the tests of src/answer: a small site, and ask(), which answers a request as the members of `asked` say. */
#pragma once

#include "answer/answer.h"
#include "answer/rules.h"
#include "site/listing.h"
#include "tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <utime.h>

#include <cmocka.h>

static struct {
    struct settings settings;
    bool check_host;
    bool stopping;
    bool logs_reasons;
    bool keeps_store; /* the next request uses the same store, and the rules as they were read */
    uint64_t iteration;
    time_t now;
    int64_t racy_ms; /* store_open */
    struct origin origin;
    struct metrics *metrics;

    /* Filled by ask(). */
    struct exchange exchange;
    struct response response;
    struct config config;
    struct context context;
    struct store *store;
    struct rules *rules; /* NULL: settings.rules is RULES_OFF */
    int root;
} asked;

/* Makes a file that is old enough for a Last-Modified. */
static inline void make_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    assert_int_equal(utime(path, &(struct utimbuf){1000000000, 1000000000}), 0);
}

/* Gives each test a new site and the default settings. */
static inline int open_site(void **state)
{
    (void)state;
    memset(&asked, 0, sizeof asked);
    asked.settings = (struct settings){.index = {"index.html"}, .index_count = 1};
    asked.now = 4000000000;
    asked.iteration = 1;
    asked.racy_ms = -1000; /* no file is too new to be cached */
    asked.origin.peer = (union peer){.v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};
    if (tree_enter() != 0 || mkdir("dir", 0755) != 0 || mkdir("empty", 0755) != 0)
        return -1;
    make_file("index.html", "<p>start</p>");
    make_file("file.txt", "0123456789");
    make_file("about.html", "<p>about</p>");
    make_file("app.3f9c2a1b.js", "run()");
    make_file("style.css", "a {}");
    make_file("style.css.gz", "compressed");
    make_file("dir/index.html", "<p>dir</p>");
    make_file("empty/note.txt", "note");
    make_file(".hidden", "hidden");
    return 0;
}

static inline void close_store(void)
{
    if (asked.store == NULL)
        return;
    store_close(asked.store);
    rules_close(asked.rules);
    close(asked.root);
    asked.store = NULL;
    asked.rules = NULL;
}

static inline int close_site(void **state)
{
    (void)state;
    close_store();
    return tree_leave();
}

/* Copies the bytes of all parts. */
static inline size_t read_parts(char *room, size_t size)
{
    size_t length = 0;
    for (unsigned i = asked.response.first; i < asked.response.count; i++) {
        const struct part *part = &asked.response.parts[i];
        assert_true(part->length < size - length);
        if (part->bytes != NULL)
            memcpy(room + length, part->bytes + part->offset, part->length);
        else
            assert_int_equal(pread(part->fd, room + length, part->length, (off_t)part->offset), part->length);
        length += part->length;
    }
    return length;
}

static inline void open_store(void)
{
    config_open(&asked.config, &asked.settings, asked.check_host);
    if (asked.store != NULL)
        return;
    asked.root = open(".", O_RDONLY | O_DIRECTORY);
    asked.store = store_open(asked.root, asked.racy_ms);
    assert_non_null(asked.store);
    store_obey(asked.store, &asked.settings);
    store_reserve(asked.store, asked.config.extra_head_bytes);
    if (asked.settings.rules != RULES_OFF)
        asked.rules = rules_open(&asked.config);
}

/* Returns the response to a request as sent; valid until the next call. */
static inline const char *ask(const char *text)
{
    static struct request request;
    static struct target target;
    static struct part parts[LIMIT_PARTS];
    static char room[LIMIT_RESPONSE_TEXT], sentences[REASON_MAX], suggestion[REASON_MAX], sent[65536];
    struct context *context = &asked.context;
    open_store();
    *context = (struct context){
        .store = asked.store,
        .config = &asked.config,
        .rules = asked.rules,
        .metrics = asked.metrics,
        .iteration = asked.iteration,
        .now = asked.now,
        .stopping = asked.stopping,
        .logs_reasons = asked.logs_reasons,
    };
    date_write(context->date, context->now);
    request_init(&request);
    request_read_head(&request, text, strlen(text));
    response_init(&asked.response, parts, room);
    asked.exchange = (struct exchange){
        .context = context,
        .request = &request,
        .response = &asked.response,
        .client = {.origin = &asked.origin},
        .iteration = asked.iteration,
        .check_host = asked.check_host,
        .target = &target,
        .reason = {BUFFER(sentences), BUFFER(suggestion)},
    };
    client_find(&asked.exchange.client, &asked.settings, &request);
    listing_begin_iteration();
    answer(&asked.exchange);
    size_t length = read_parts(sent, sizeof sent);
    while (asked.response.producer != NULL) { /* a listing that has used up its time */
        listing_begin_iteration();
        assert_true(response_refill(&asked.response));
        length += read_parts(sent + length, sizeof sent - length);
    }
    sent[length] = '\0';
    if (asked.exchange.entry != NULL)
        store_release(context->store, asked.exchange.entry);
    if (!asked.keeps_store)
        close_store();
    return sent;
}

/* Asks as another user if root runs the tests, as root can read files of mode 0. */
static inline const char *ask_as_user(const char *text)
{
    uid_t user = geteuid();
    if (user == 0) {
        assert_int_equal(chmod(".", 0755), 0);
        if (seteuid(65534) != 0)
            skip(); /* a user namespace may have no other user */
    }
    const char *response = ask(text);
    assert_int_equal(seteuid(user), 0);
    return response;
}

#define GET(target, fields) "GET " target " HTTP/1.1\r\nHost: localhost\r\n" fields "\r\n"

/* The response while the process can't open files. */
static inline const char *ask_without_descriptors(const char *request)
{
    struct rlimit before, none;
    asked.keeps_store = true;
    ask(GET("/index.html", "")); /* opens the store */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const char *response = ask(request);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    return response;
}

static inline void assert_status(const char *response, int status)
{
    int found = 0;
    assert_int_equal(sscanf(response, "HTTP/1.1 %d ", &found), 1);
    if (found != status)
        fail_msg("%d, not %d:\n%s", found, status, response);
}

static inline void assert_has(const char *response, const char *text)
{
    if (strstr(response, text) == NULL)
        fail_msg("no '%s' in\n%s", text, response);
}

static inline void assert_lacks(const char *response, const char *text)
{
    if (strstr(response, text) != NULL)
        fail_msg("'%s' in\n%s", text, response);
}

static inline void assert_body(const char *response, const char *body)
{
    const char *end = strstr(response, "\r\n\r\n");
    assert_non_null(end);
    assert_string_equal(end + 4, body);
}

#define ASKED_TEST(name) cmocka_unit_test_setup_teardown(name, open_site, close_site)

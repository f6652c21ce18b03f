/* Authorities: a request's name, whether it is a loopback name, and whether the server answers to it. The input is a
   line with the name of --allow-host, one with the address of --bind, one with the request target, and Host. */
#include "http/host.h"

#include "answer/config.h"
#include "base/buffer.h"
#include "http/target.h"
#include "lib/fuzz.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a second reading, by RFC 3986 3.2.2 ---- */

static bool is_among(char byte, const char *set)
{
    return byte != '\0' && strchr(set, byte) != NULL;
}

static bool read_v6(struct span name, struct in6_addr *address)
{
    char text[64];
    if (name.length < 2 || name.length > sizeof text || name.at[0] != '[' || name.at[name.length - 1] != ']')
        return false;
    snprintf(text, sizeof text, "%.*s", (int)name.length - 2, name.at + 1);
    return strlen(text) == name.length - 2 && inet_pton(AF_INET6, text, address) == 1;
}

static bool is_name(struct span name)
{
    const char *rest = "-._~!$&'()*+,;=", *hexadecimal = "0123456789abcdefABCDEF";
    for (size_t i = 0; i < name.length; i++) {
        bool escape = name.at[i] == '%' && name.length - i > 2 && is_among(name.at[i + 1], hexadecimal) &&
                      is_among(name.at[i + 2], hexadecimal);
        if (!escape && !text_is_letter(name.at[i]) && !text_is_digit(name.at[i]) && !is_among(name.at[i], rest))
            return false;
    }
    return true;
}

/* Splits off the port after the last colon; a name has no colon, and an IPv6 address only inside its brackets. */
static bool is_authority(struct span authority, struct span *name)
{
    struct in6_addr address;
    size_t end = authority.length;
    while (end > 0 && text_is_digit(authority.at[end - 1]))
        end--;
    bool has_port = end > 0 && authority.at[end - 1] == ':';
    *name = (struct span){authority.at, has_port ? end - 1 : authority.length};
    if (authority.length > 0 && authority.at[0] == '[') {
        struct span whole = authority;
        return read_v6(*name, &address) || (*name = whole, read_v6(whole, &address));
    }
    return is_name(*name);
}

/* "127." and three more decimal numbers, each as inet_ntoa(3) writes it. */
static bool is_v4_loopback(struct span name)
{
    unsigned parts[4];
    char text[32], again[64];
    if (name.length >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", (int)name.length, name.at);
    if (sscanf(text, "%3u.%3u.%3u.%3u", &parts[0], &parts[1], &parts[2], &parts[3]) != 4)
        return false;
    snprintf(again, sizeof again, "%u.%u.%u.%u", parts[0], parts[1], parts[2], parts[3]);
    return strcmp(text, again) == 0 && parts[0] == 127 && parts[1] < 256 && parts[2] < 256 && parts[3] < 256;
}

static bool ends_with(struct span name, struct span end)
{
    return name.length > end.length &&
           span_equal_nocase((struct span){name.at + name.length - end.length, end.length}, end);
}

static bool is_loopback(struct span name)
{
    static const unsigned char none[16] = {0}, one[16] = {[15] = 1};
    static const unsigned char mapped[13] = {[10] = 0xFF, [11] = 0xFF, [12] = 127};
    struct in6_addr address;
    if (read_v6(name, &address))
        return memcmp(&address, none, 16) == 0 || memcmp(&address, one, 16) == 0 ||
               memcmp(&address, mapped, sizeof mapped) == 0;
    /* Connections to an unspecified address reach this machine. */
    return is_v4_loopback(name) || span_equal(name, SPAN("0.0.0.0")) ||
           span_equal_nocase(name, SPAN("ip6-localhost")) || span_equal_nocase(name, SPAN("ip6-loopback")) ||
           span_equal_nocase(name, SPAN("localhost")) || ends_with(name, SPAN(".localhost"));
}

/* ---- the checks ---- */

static void check_authority(struct span authority)
{
    struct span name, found = host_name(authority);
    bool valid = is_authority(authority, &name);
    CHECK(target_host_is_valid(authority) == valid);
    if (!valid)
        return;
    if (name.length > 1 && name.at[name.length - 1] == '.')
        name.length--;
    CHECK(span_equal(found, name));
    CHECK(host_is_loopback(found) == is_loopback(name));
}

/* The server answers only to loopback, bound and allowed names. */
static void check_guard(struct span name, const char *allowed, const char *bound)
{
    static struct config config;
    static struct settings settings;
    settings = (struct settings){.root = ".", .index = {"index.html"}, .index_count = 1};
    settings.binds[settings.bind_count++] = bound;
    settings.allowed_hosts[settings.allowed_host_count++] = allowed;
    config_open(&config, &settings, false);
    struct span bare = host_name(span_of(allowed));
    bool all = strcmp(allowed, "*") == 0, beneath = bare.length > 1 && bare.at[0] == '.';
    struct span parent = {bare.at + beneath, bare.length - beneath};
    bool permitted = all || (bare.length > 0 && span_equal_nocase(name, parent)) || (beneath && ends_with(name, bare));
    CHECK(host_is_allowed(name, span_of(allowed)) == permitted);
    CHECK(config_allows_host(&config, name) ==
          (permitted || host_is_loopback(name) || span_equal_nocase(name, span_of(bound))));
}

/* The authority of the target replaces Host, and both are parts of the request (RFC 9112 3.2.2). */
static void check_request(struct span target, struct span host)
{
    static char room[LIMIT_HEAD];
    static struct request request;
    struct buffer head = BUFFER(room);
    buffer_string(&head, "GET ");
    buffer_append(&head, target);
    buffer_string(&head, " HTTP/1.1\r\nHost: ");
    buffer_append(&head, host);
    buffer_string(&head, "\r\n\r\n");
    char *copy = fuzz_copy(buffer_span(&head));
    request_init(&request);
    if (!head.overflow && request_read_head(&request, copy, head.length) == REQUEST_WHOLE) {
        static struct target parsed;
        target_parse(request_target(&request), &parsed);
        struct span meant = host_of(&request, &parsed), sent = parsed.authority;
        CHECK(sent.at == NULL ? span_equal(meant, request_field(&request, FIELD_HOST)) : meant.at == sent.at);
        CHECK(sent.at == NULL || fuzz_holds(request_target(&request), SPAN("://")));
        CHECK(meant.length == 0 || (meant.at >= copy && meant.at + meant.length <= copy + head.length));
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct span input = {(const char *)bytes, length};
    struct span allowed = fuzz_take_line(&input), bound = fuzz_take_line(&input);
    struct span target = fuzz_take_line(&input);
    char *allowed_text = strndup(allowed.at, allowed.length), *bound_text = strndup(bound.at, bound.length);
    char *copy = fuzz_copy(input);
    struct span authority = {copy, input.length};
    check_authority(authority);
    if (target_host_is_valid(authority))
        check_guard(host_name(authority), allowed_text, bound_text);
    check_request(target, authority);
    free(copy);
    free(allowed_text);
    free(bound_text);
    return 0;
}

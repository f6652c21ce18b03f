#include "serve/policy.h"

#include "http/host.h"
#include "http/response.h"
#include "http/target.h"
#include "serve/listen.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>

#define IMMUTABLE "Cache-Control: public, max-age=31536000, immutable\r\n"

/* A field that the server has of its own. */
struct own_line {
    struct span name;
    struct span value;
};

/* ---- fields of the command line ---- */

static struct span name_of(const char *header)
{
    struct span whole = span_of(header);
    return (struct span){header, span_find(whole, ':')};
}

static struct span value_of(const char *header)
{
    size_t colon = name_of(header).length;
    struct span whole = span_of(header);
    size_t from = colon < whole.length ? colon + 1 : colon;
    return span_trim((struct span){header + from, whole.length - from});
}

static bool is_asked_for(const struct settings *settings, struct span name)
{
    for (unsigned i = 0; i < settings->header_count; i++) {
        if (span_equal_nocase(name_of(settings->headers[i]), name))
            return true;
    }
    return false;
}

/* ---- building lines ---- */

static void append_line(struct buffer *lines, struct span name, struct span value)
{
    buffer_append(lines, name);
    buffer_append(lines, SPAN(": "));
    buffer_append(lines, value);
    buffer_append(lines, SPAN("\r\n"));
}

/* Starts where the last ended. */
static struct buffer begin(struct policy *policy)
{
    return (struct buffer){policy->room + policy->used, 0, sizeof policy->room - policy->used, false};
}

static struct span end(struct policy *policy, const struct buffer *lines)
{
    assert(!lines->overflow); /* cli/values keeps the limits from which the room was made */
    policy->used += lines->length;
    return buffer_span(lines);
}

void policy_append_own(const struct policy *policy, struct buffer *lines, struct span name, struct span value)
{
    if (value.length > 0 && !is_asked_for(policy->settings, name))
        append_line(lines, name, value);
}

/* Who may embed what is served: with isolation nobody else, but for whoever may read it anyway (Fetch 3.7). */
static struct span resource_policy(const struct settings *settings)
{
    if (settings->cors != NULL && strcmp(settings->cors, "*") == 0)
        return SPAN("cross-origin");
    return settings->isolate ? SPAN("same-origin") : SPAN_NONE;
}

/*
 * Every answer has these, errors as well: a page that may read an answer should learn why there is none, and one that
 * is isolated stays so. As neither depends on who asks, no Vary is needed: one origin is told to all (Fetch 3.3.5).
 */
static struct span write_common(struct policy *policy)
{
    const struct settings *settings = policy->settings;
    struct buffer lines = begin(policy);
    struct span cors = settings->cors != NULL ? span_of(settings->cors) : SPAN_NONE;
    struct span exposed = SPAN("Accept-Ranges, Content-Encoding, Content-Length, Content-Range, Date, ETag");
    const struct own_line own[] = {
        {SPAN("Server"), SPAN("tinyhttpd")},
        {SPAN("X-Content-Type-Options"), SPAN("nosniff")},
        {SPAN("Access-Control-Allow-Origin"), cors},
        {SPAN("Access-Control-Expose-Headers"), cors.length > 0 ? exposed : cors},
        {SPAN("Timing-Allow-Origin"), cors},
        {SPAN("Cross-Origin-Resource-Policy"), resource_policy(settings)},
        {SPAN("Cross-Origin-Opener-Policy"), settings->isolate ? SPAN("same-origin") : SPAN("")},
        {SPAN("Cross-Origin-Embedder-Policy"), settings->isolate ? SPAN("require-corp") : SPAN("")},
    };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        policy_append_own(policy, &lines, own[i].name, own[i].value);
    for (unsigned i = 0; i < settings->header_count; i++) {
        struct span name = name_of(settings->headers[i]), value = value_of(settings->headers[i]);
        /* Without a value it only takes the server's own away. */
        if (value.length > 0 && !span_equal_nocase(name, SPAN("Cache-Control")))
            append_line(&lines, name, value);
    }
    return end(policy, &lines);
}

/* A Cache-Control of the command line is meant for files: an error must not be kept for as long. */
static struct span write_cache(struct policy *policy)
{
    const struct settings *settings = policy->settings;
    struct buffer lines = begin(policy);
    if (is_asked_for(settings, SPAN("Cache-Control"))) {
        for (unsigned i = 0; i < settings->header_count; i++) {
            struct span name = name_of(settings->headers[i]), value = value_of(settings->headers[i]);
            if (value.length > 0 && span_equal_nocase(name, SPAN("Cache-Control")))
                append_line(&lines, name, value);
        }
        return end(policy, &lines);
    }
    switch (settings->cache) {
    case CACHE_OFF:
        return policy->unkept;
    case CACHE_SECONDS:
        buffer_append(&lines, SPAN("Cache-Control: public, max-age="));
        buffer_number(&lines, settings->cache_seconds);
        buffer_append(&lines, SPAN("\r\n"));
        return end(policy, &lines);
    case CACHE_ASK:
    case CACHE_AUTO:
        break;
    }
    return SPAN(RESPONSE_NO_CACHE);
}

/* ---- who is asked ---- */

enum reach { REACH_NONE, REACH_LOOPBACK, REACH_OTHERS };

static enum reach reach_of(int listener)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    if (getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        return REACH_OTHERS;
    if (address.ss_family == AF_UNIX) /* no browser names one */
        return REACH_NONE;
    return listen_is_loopback((struct sockaddr *)&address) ? REACH_LOOPBACK : REACH_OTHERS;
}

/* Of what is bound, not of what was typed: a name may lead anywhere, and sockets may be handed over. */
static bool is_guarded(const int *listeners, unsigned count)
{
    bool loopback = false;
    for (unsigned i = 0; i < count; i++) {
        enum reach reach = reach_of(listeners[i]);
        if (reach == REACH_OTHERS)
            return false;
        loopback |= reach == REACH_LOOPBACK;
    }
    return loopback;
}

bool policy_answers_to(const struct policy *policy, struct span name)
{
    const struct settings *settings = policy->settings;
    if (host_is_loopback(name))
        return true;
    for (unsigned i = 0; i < settings->allowed_host_count; i++) {
        if (host_is_allowed(name, span_of(settings->allowed_hosts[i])))
            return true;
    }
    for (unsigned i = 0; i < settings->bind_count; i++) {
        if (span_equal_nocase(name, span_of(settings->binds[i])))
            return true;
    }
    return false;
}

bool policy_is_token_list(struct span list)
{
    struct span member;
    while (span_next_member(&list, &member)) {
        for (size_t i = 0; i < member.length; i++) {
            if (!text_is_token_octet((unsigned char)member.at[i]))
                return false;
        }
    }
    return true;
}

/* A path as the store wants it. */
static struct span path_of(const char *typed)
{
    while (typed != NULL && *typed == '/')
        typed++;
    return typed != NULL ? span_of(typed) : SPAN_NONE;
}

/* What ENTRY_HEAD_MAX has no room for. */
static size_t extra_octets(const struct policy *policy)
{
    size_t usual = sizeof RESPONSE_COMMON RESPONSE_NO_CACHE - 1;
    size_t cache = policy->cache.length, immutable = policy->immutable.length;
    size_t longest = policy->common.length + (cache > immutable ? cache : immutable);
    return longest > usual ? longest - usual : 0;
}

void policy_open(struct policy *policy, const struct settings *settings, const int *listeners, unsigned count)
{
    *policy = (struct policy){
        .settings = settings,
        .index = span_of(settings->index),
        .file = path_of(settings->file),
        .spa = path_of(settings->spa),
        .unkept =
            settings->cache == CACHE_OFF ? SPAN("Cache-Control: no-store\r\n") : SPAN(RESPONSE_NO_CACHE),
        .guarded = is_guarded(listeners, count),
    };
    assert(policy->index.length <= TARGET_NAME_MAX); /* cli/values sees to it */
    policy->common = write_common(policy);
    policy->cache = write_cache(policy);
    if (settings->cache == CACHE_AUTO && !is_asked_for(settings, SPAN("Cache-Control")))
        policy->immutable = SPAN(IMMUTABLE);
    policy->lines = extra_octets(policy);
}

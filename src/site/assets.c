#include "site/assets.h"

#include "base/buffer.h"
#include "base/sha256.h"

#include <stdint.h>

/* Includes a file with the assembler's .incbin, and defines a function that returns its bytes. */
#define ASSET(name, file) \
    __asm__(".pushsection .rodata\n" \
            "asset_" #name ":\n" \
            ".incbin \"src/site/assets/" file "\"\n" \
            "asset_" #name "_end:\n" \
            ".byte 0\n" \
            ".popsection\n"); \
    extern const char asset_##name[] __attribute__((visibility("hidden"))); \
    extern const char asset_##name##_end[] __attribute__((visibility("hidden"))); \
    struct span assets_##name(void) \
    { \
        return (struct span){asset_##name, (size_t)((uintptr_t)asset_##name##_end - (uintptr_t)asset_##name)}; \
    }

ASSET(page_style, "page.css")
ASSET(listing_style, "listing.css")
ASSET(listing_script, "listing.js")
ASSET(live_reload_script, "live_reload.js")
ASSET(unregister_script, "unregister.js")

static void append_hash(struct buffer *policy, const char *directive, struct span text)
{
    buffer_string(policy, directive);
    sha256_append_source(policy, text);
}

/* The pages name an empty icon, so that no browser asks for /favicon.ico. WebKit applies the policy to an icon and
   reports it, as do --watch and --strict then. */
#define BASE "default-src 'none'; img-src data:"

/* default-src does not cover these directives (CSP 3 6.1.3). */
#define REST(form_action) "; base-uri 'none'; form-action " form_action "; frame-ancestors 'none'"

struct span assets_page_policy(void)
{
    static char room[256];
    static struct buffer policy;
    if (policy.length == 0) {
        policy = BUFFER(room);
        buffer_append(&policy, SPAN(BASE));
        append_hash(&policy, "; style-src ", assets_page_style());
        buffer_append(&policy, SPAN(REST("'none'")));
    }
    return buffer_span(&policy);
}

struct span assets_listing_policy(bool reloads)
{
    static char rooms[2][384];
    static struct buffer policies[2];
    struct buffer *policy = &policies[reloads];
    if (policy->length == 0) {
        *policy = BUFFER(rooms[reloads]);
        buffer_append(policy, SPAN(BASE));
        append_hash(policy, "; style-src ", assets_page_style());
        append_hash(policy, " ", assets_listing_style());
        append_hash(policy, "; script-src ", assets_listing_script());
        if (reloads)
            buffer_append(policy, SPAN(" 'self'; connect-src 'self'"));
        buffer_append(policy, SPAN(REST("'self'")));
    }
    return buffer_span(policy);
}

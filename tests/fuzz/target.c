/* Request targets, and the same bytes as a Host. The input is the target. */
#include "http/target.h"

#include "base/buffer.h"
#include "lib/fuzz.h"

#include <string.h>

/* Any accepted target names something beneath the root, in its only normal form. */
static void check_path(const struct target *target)
{
    bool hidden = false;
    const char *at = target->path.at;
    CHECK(target->path.length <= LIMIT_TARGET);
    CHECK(strlen(at) == target->path.length);
    while (*at != '\0') {
        size_t length = strcspn(at, "/");
        CHECK(length > 0);
        CHECK(!(length == 1 && at[0] == '.') && !(length == 2 && at[0] == '.' && at[1] == '.'));
        hidden |= at[0] == '.' && !(length == 11 && memcmp(at, ".well-known", 11) == 0);
        at += length;
        CHECK(*at == '\0' || at[1] != '\0');
        at += *at == '/';
    }
    CHECK(hidden == target->hidden);
    CHECK(target->path.length > 0 || target->slash);
}

static void check_query(struct span raw, struct span query)
{
    size_t start = span_find(raw, '?');
    CHECK(query.length == raw.length - start);
    CHECK(query.length == 0 || query.at == raw.at + start);
}

/* A redirect to the path, escaped again, finds the same file. */
static void check_round_trip(const struct target *target)
{
    static struct target again;
    char room[3 * LIMIT_TARGET + 2];
    struct buffer escaped = BUFFER(room);
    buffer_byte(&escaped, '/');
    buffer_uri_path(&escaped, target->path);
    if (target->slash && target->path.length > 0)
        buffer_byte(&escaped, '/');
    CHECK(!escaped.overflow);
    if (escaped.length > LIMIT_TARGET)
        return;
    CHECK(target_parse(buffer_span(&escaped), &again) == 0);
    CHECK(span_equal(again.path, target->path));
    CHECK(again.slash == target->slash && again.hidden == target->hidden && again.query.length == 0);
}

static void check_child(struct target *target)
{
    struct span name = SPAN("index.html");
    size_t length = target->path.length;
    struct span child = target_child(target, name);
    CHECK(child.length == length + (length > 0) + name.length);
    CHECK(strlen(child.at) == child.length);
    CHECK(memcmp(child.at + child.length - name.length, name.at, name.length) == 0);
}

/* A path is inside its own first segment, and the rest of it is relative to that. */
static void check_base(struct target *target)
{
    char room[LIMIT_TARGET], before[LIMIT_TARGET];
    struct span path = target->path;
    size_t length = span_find(path, '/');
    memcpy(room, path.at, length);
    memcpy(before, path.at, path.length);
    struct span base = {room, length};
    if (length == 0 || text_is_dotfile(base)) /* needs --dotfiles, and then `hidden` decides nothing */
        return;
    enum target_place place = target_take_base(target, base);
    CHECK(place == (length == path.length && !target->slash ? TARGET_ABOVE : TARGET_INSIDE));
    size_t taken = place == TARGET_ABOVE ? 0 : length == path.length ? length : length + 1;
    CHECK(span_equal(target->path, (struct span){before + taken, path.length - taken}));
    check_path(target);
}

/* RFC 3986 3.2.2: a valid host contains no byte that ends an authority or begins another component. */
static void check_host(struct span host)
{
    if (!target_host_is_valid(host))
        return;
    for (size_t i = 0; i < host.length; i++) {
        CHECK(host.at[i] > ' ' && host.at[i] < 0x7F);
        CHECK(strchr("/?#@\\\"<>{}|^`", host.at[i]) == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct target target;
    struct span raw = {(const char *)bytes, length};
    check_host(raw);
    int status = target_parse(raw, &target);
    CHECK(status == 0 || status == 400);
    if (status != 0)
        return 0;
    for (size_t i = 0; i < length; i++)
        CHECK(bytes[i] > ' ' && bytes[i] != 0x7F && bytes[i] != '#'); /* request.c checks UTF-8 */
    check_path(&target);
    check_query(raw, target.query);
    check_round_trip(&target);
    check_child(&target);
    CHECK(target_parse(raw, &target) == 0); /* the child overwrote the NUL */
    check_base(&target);
    return 0;
}

/* Lines of the access log in each form, as written to standard output. The input is a line "FORM STATUS SECONDS BYTES
   MICROSECONDS PEER", where a PEER that is no IP address means a Unix socket; then, separated by "|", the method, the
   target, the request line, the Referer, the User-Agent, and the reason of a 404. */
#include "base/limits.h"
#include "base/log.h"
#include "lib/fuzz.h"
#include "lib/logged.h"
#include "serve/access_log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A line always has room for this many bytes of a reason. */
enum { REASON_MIN = 100 };

struct scene {
    enum access_form form;
    struct access access;
    int64_t bytes;
    int64_t duration;
    struct sockaddr_storage peer;
    char peer_text[INET6_ADDRSTRLEN];
};

/* ---- the input ---- */

static int64_t take_number(struct span *rest, int64_t max)
{
    int64_t number = fuzz_number(fuzz_take_until(rest, ' '), 0);
    return number < 0 || number > max ? max : number;
}

static void set_peer(struct scene *scene, struct span text)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&scene->peer;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&scene->peer;
    char *string = scene->peer_text;
    snprintf(string, sizeof scene->peer_text, "%.*s", (int)(text.length < 40 ? text.length : 40), text.at);
    scene->access.peer = (struct sockaddr *)&scene->peer;
    if (inet_pton(AF_INET, string, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
    } else if (inet_pton(AF_INET6, string, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        CHECK(inet_ntop(mapped ? AF_INET : AF_INET6, v6->sin6_addr.s6_addr + (mapped ? 12 : 0), string,
                        sizeof scene->peer_text) != NULL);
    } else {
        scene->peer.ss_family = AF_UNIX;
        memcpy(string, "-", 2);
    }
}

static void read_scene(struct span input, struct scene *scene)
{
    struct span line = fuzz_take_line(&input);
    *scene = (struct scene){.form = ACCESS_COMBINED + (enum access_form)(take_number(&line, INT32_MAX) % 4)};
    scene->access.status = 100 + (int)take_number(&line, 999) % 900;
    scene->access.time = fuzz_number(fuzz_take_until(&line, ' '), 0);
    scene->bytes = take_number(&line, INT64_MAX);
    scene->duration = take_number(&line, INT64_MAX);
    set_peer(scene, line);
    scene->access.method = fuzz_take_until(&input, '|');
    scene->access.target = fuzz_take_until(&input, '|');
    scene->access.request_line = fuzz_take_until(&input, '|');
    scene->access.referer = fuzz_take_until(&input, '|');
    scene->access.user_agent = fuzz_take_until(&input, '|');
    scene->access.why = input;
}

/* Reads the line from standard output, a file in memory. */
static struct span written(const struct scene *scene)
{
    static char room[LIMIT_LOG_LINE], output[LIMIT_LOG_LINE + 1];
    static int file = -1;
    if (file < 0) {
        file = memfd_create("access", MFD_CLOEXEC);
        CHECK(file >= 0 && dup2(file, STDOUT_FILENO) == STDOUT_FILENO);
    }
    CHECK(ftruncate(file, 0) == 0 && lseek(file, 0, SEEK_SET) == 0);
    struct access_line line = access_prepare(scene->form, &scene->access, room);
    access_write(&line, (uint64_t)scene->bytes, scene->duration);
    log_flush();
    ssize_t length = pread(file, output, sizeof output, 0);
    CHECK(length > 0 && length <= LIMIT_LOG_LINE);
    return (struct span){output, (size_t)length};
}

/* ---- the forms ---- */

static void check_combined(const struct scene *scene, struct span line)
{
    fuzz_expect(&line, span_of(scene->peer_text));
    fuzz_expect(&line, SPAN(" - - ["));
    logged_time(&line, "%d/%b/%Y:%H:%M:%S +0000", ']', scene->access.time);
    fuzz_expect(&line, SPAN(" \""));
    logged_text(&line, '"', scene->access.request_line, false);
    fuzz_expect(&line, SPAN("\" "));
    logged_number(&line, scene->access.status);
    fuzz_expect(&line, SPAN(" "));
    logged_number(&line, scene->bytes);
    fuzz_expect(&line, SPAN(" \""));
    logged_text(&line, '"', scene->access.referer, false);
    fuzz_expect(&line, SPAN("\" \""));
    logged_text(&line, '"', scene->access.user_agent, false);
    fuzz_expect(&line, SPAN("\"\n"));
    CHECK(line.length == 0);
}

static void expect_member(struct span *line, const char *name, struct span source)
{
    fuzz_expect(line, SPAN("\""));
    fuzz_expect(line, span_of(name));
    fuzz_expect(line, SPAN("\":\""));
    logged_text(line, '"', source, true);
    fuzz_expect(line, SPAN("\","));
}

static void check_json(const struct scene *scene, struct span line)
{
    const struct access *access = &scene->access;
    fuzz_expect(&line, SPAN("{\"time\":\""));
    logged_time(&line, "%Y-%m-%dT%H:%M:%SZ", '"', access->time);
    fuzz_expect(&line, SPAN(","));
    expect_member(&line, "client", span_of(scene->peer_text));
    expect_member(&line, "method", access->method);
    expect_member(&line, "target", access->target);
    if (access->target.length == 0)
        expect_member(&line, "request", access->request_line);
    expect_member(&line, "referer", access->referer);
    expect_member(&line, "user_agent", access->user_agent);
    fuzz_expect(&line, SPAN("\"status\":"));
    logged_number(&line, access->status);
    fuzz_expect(&line, SPAN(",\""));
    fuzz_take_until(&line, '"'); /* the name of the size */
    fuzz_expect(&line, SPAN(":"));
    logged_number(&line, scene->bytes);
    fuzz_expect(&line, SPAN(",\"duration_us\":"));
    logged_number(&line, scene->duration);
    fuzz_expect(&line, SPAN("}\n"));
    CHECK(line.length == 0);
}

/* No control sequences but a colour and its reset; the reason is on a line of its own. */
static void check_terminal(const struct scene *scene, struct span line)
{
    static char shown[LIMIT_LOG_LINE];
    size_t length = 0, lines = 0, colours = 0, reason = scene->access.why.length;
    while (line.length > 0) {
        unsigned char byte = (unsigned char)logged_byte(&line);
        if (byte == '\x1B') {
            colours++;
            fuzz_expect(&line, SPAN("["));
            CHECK(line.length > 0 && span_find(line, 'm') <= 2);
            for (struct span code = fuzz_take_until(&line, 'm'); code.length > 0; code.length--)
                CHECK(text_is_digit(code.at[code.length - 1]));
            continue;
        }
        lines += byte == '\n';
        CHECK(byte == '\n' || (byte >= ' ' && byte != 0x7F));
        CHECK(byte != 0xC2 || (line.length > 0 && (unsigned char)line.at[0] >= 0xA0));
        shown[length++] = (char)byte;
    }
    CHECK(text_is_utf8((struct span){shown, length}, false));
    CHECK(colours == (scene->form == ACCESS_COLOURED ? 2 : 0));
    CHECK(lines == 1 || (lines == 2 && reason > 0));
    CHECK(lines == 2 || reason == 0 || reason > REASON_MIN);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct scene scene;
    read_scene((struct span){(const char *)bytes, length}, &scene);
    struct span line = written(&scene);
    CHECK(line.at[line.length - 1] == '\n');
    if (scene.form == ACCESS_COMBINED)
        check_combined(&scene, line);
    else if (scene.form == ACCESS_JSON)
        check_json(&scene, line);
    else
        check_terminal(&scene, line);
    return 0;
}

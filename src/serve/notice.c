#include "serve/notice.h"

#include "base/limits.h"
#include "http/host.h"
#include "http/negotiate.h"
#include "serve/watch.h"
#include "site/live.h"
#include "site/look.h"
#include "site/page.h"

/* Where a machine asks whether this server takes requests (RFC 8615). */
static const struct span health_path = SPAN_INIT("/.well-known/tinyhttpd/health");

/* RFC 9110 15.5.6, 9.3.7 */
#define ALLOW "Allow: GET, HEAD, OPTIONS\r\n"

/* Why, in one sentence; and what to do where there is something. */
static const char *sentence_of(int status)
{
    switch (status) {
    case 302:
        return "This is a directory; its address ends with a slash.";
    case 400:
        return "The request is malformed.";
    case 404:
        return "There is nothing at this address.";
    case 405:
        return "This server only reads: GET, HEAD and OPTIONS are the methods that it knows.";
    case 406:
        return "There is no form of this file that the request accepts.";
    case 408:
        return "The request did not arrive in time.";
    case 412:
        return "The file is not the one that the request expects.";
    case 413:
        return "The request's body is too large; this server has no use for one.";
    case 414:
        return "The address is too long.";
    case 416:
        return "The file does not have what the request asks for; it is shorter.";
    case 431:
        return "The request's header fields are too long or too many; clearing this site's cookies may help.";
    case 501:
        return "The request asks for something that this server does not implement.";
    case 503:
        return "The server can't answer this just now; please try again.";
    case 505:
        return "This server speaks HTTP/1.1 and HTTP/1.0.";
    default:
        return "Something went wrong on this side.";
    }
}

static void answer_page(const struct view *view, const struct request *request, struct response *response,
                        int status, struct span sentence, struct span lines)
{
    char digits[4];
    struct buffer number = BUFFER(digits);
    size_t start = response->text.length;
    buffer_number(&number, (uint64_t)status);
    const struct reason *why = status == 404 && client_is_beside(view->client, request) ? view->why : NULL;
    struct page page = {
        .status = buffer_filled(&number),
        .title = span_of(response_reason(status)),
        .sentence = sentence,
        .reason = why != NULL ? buffer_span(&why->text) : SPAN_NONE,
        .meant = why != NULL ? buffer_span(&why->meant) : SPAN_NONE,
        .way_out = status == 404,
    };
    if (negotiate_media(request) == MEDIA_HTML)
        page_write(&response->text, &page);
    else
        page_write_text(&response->text, &page);
    response_add_text(response, start);
    if (watch_of(view, request) == WATCH_PAGE)
        watch_add_element(response, SPAN_NONE);
    response->status = status;
    response->varies |= RESPONSE_BY_ACCEPT; /* which form the page has (RFC 9110 12.5.5) */
    response_finish(response, view->date, request->minor_version, lines);
}

void notice_append_lines(const struct view *view, struct buffer *lines, struct span type, struct span policy)
{
    buffer_append(lines, SPAN("Content-Type: "));
    buffer_append(lines, type);
    buffer_append(lines, SPAN("\r\n"));
    policy_append_own(view->policy, lines, SPAN("Content-Security-Policy"), policy);
}

/* The policy of an error's page: where it is watched for, the script may run. */
static struct span error_policy(const struct view *view, const struct request *request, struct buffer *room)
{
    buffer_append(room, look_policy());
    if (watch_of(view, request) == WATCH_PAGE)
        buffer_append(room, SPAN(LIVE_POLICY));
    return buffer_filled(room);
}

static struct span page_type(const struct request *request)
{
    return negotiate_media(request) == MEDIA_HTML ? SPAN(PAGE_TYPE) : SPAN(PAGE_TEXT_TYPE);
}

void notice_error(const struct view *view, const struct request *request, struct response *response,
                  int status, struct span line)
{
    char room[768], allowed[512];
    struct buffer lines = BUFFER(room), policy = BUFFER(allowed);
    notice_append_lines(view, &lines, page_type(request), error_policy(view, request, &policy));
    buffer_append(&lines, line);
    if (status == 405)
        buffer_append(&lines, SPAN(ALLOW));
    if (status == 503)
        policy_append_own(view->policy, &lines, SPAN("Retry-After"), SPAN("1"));
    answer_page(view, request, response, status, span_of(sentence_of(status)), buffer_filled(&lines));
}

void notice_foreign_host(const struct view *view, const struct request *request, struct response *response)
{
    enum { HOST_NAME_MAX_OCTETS = 253 };
    char room[768], said[HOST_NAME_MAX_OCTETS + 256];
    struct buffer lines = BUFFER(room), sentence = BUFFER(said);
    struct span name = host_name(host_of(request));
    notice_append_lines(view, &lines, page_type(request), look_policy());
    buffer_append(&sentence,
                  SPAN("This server answers to the names of its own machine only, such as localhost. "
                       "To let it have this one as well, start it with --allow-host "));
    buffer_append(&sentence, name.length <= HOST_NAME_MAX_OCTETS ? name : SPAN("NAME"));
    answer_page(view, request, response, 403, buffer_filled(&sentence), buffer_filled(&lines));
}

void notice_redirect(const struct view *view, const struct request *request, struct response *response,
                     const struct target *target)
{
    char room[3 * LIMIT_TARGET + 512]; /* escaped, a path may be three times as long */
    struct buffer lines = BUFFER(room);
    notice_append_lines(view, &lines, page_type(request), look_policy());
    buffer_append(&lines, SPAN("Location: /"));
    buffer_uri_path(&lines, target->path);
    buffer_octet(&lines, '/');
    buffer_append(&lines, target->query);
    buffer_append(&lines, SPAN("\r\n"));
    answer_page(view, request, response, 302, span_of(sentence_of(302)), buffer_filled(&lines));
}

/* What answers a preflight (Fetch standard, "CORS-preflight fetch") besides the origin, which every answer names. The
   fields that a page wants to send are of no use here, and so none does harm. */
static void append_preflight(const struct view *view, const struct request *request, struct buffer *lines)
{
    struct span fields = request_single_field(request, FIELD_ACCESS_CONTROL_REQUEST_HEADERS);
    const struct policy *policy = view->policy;
    if (policy->settings->cors == NULL ||
        request_field(request, FIELD_ACCESS_CONTROL_REQUEST_METHOD).at == NULL)
        return;
    policy_append_own(policy, lines, SPAN("Access-Control-Allow-Methods"), SPAN("GET, HEAD, OPTIONS"));
    policy_append_own(policy, lines, SPAN("Access-Control-Max-Age"), SPAN("600"));
    if (fields.length <= POLICY_PREFLIGHT_MAX && policy_is_token_list(fields))
        policy_append_own(policy, lines, SPAN("Access-Control-Allow-Headers"), fields);
}

void notice_options(const struct view *view, const struct request *request, struct response *response)
{
    char room[POLICY_PREFLIGHT_MAX + 256];
    struct buffer lines = BUFFER(room);
    buffer_append(&lines, SPAN(ALLOW));
    append_preflight(view, request, &lines);
    response->status = 204;
    response_finish(response, view->date, request->minor_version, buffer_filled(&lines));
}

bool notice_asks_for_health(const struct request *request)
{
    return request_is_retrieval(request) &&
           span_equal(target_sent_path(request_target(request)), health_path);
}

void notice_health(const struct view *view, const struct request *request, struct response *response)
{
    response->status = view->draining ? 503 : 200;
    response->unlogged = true;
    response_add_octets(response, view->draining ? SPAN("draining\n") : SPAN("ok\n"));
    response_finish(response, view->date, request->minor_version,
                    SPAN("Content-Type: text/plain; charset=utf-8\r\n"));
}

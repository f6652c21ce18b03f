#include "serve/watch.h"

#include "http/navigation.h"
#include "http/target.h"
#include "site/live.h"

enum watch watch_of(const struct view *view, const struct request *request)
{
    if (!view->policy->settings->watch || !request_is_retrieval(request))
        return WATCH_NONE;
    if (request_field(request, FIELD_TINYHTTPD_LIVE).at != NULL)
        return WATCH_QUESTION;
    bool part = request_field(request, FIELD_RANGE).at != NULL;
    return navigation_is_asked(request) && !part ? WATCH_PAGE : WATCH_NONE;
}

bool watch_asks_for_script(const struct view *view, const struct request *request)
{
    return view->policy->settings->watch && request_is_retrieval(request) &&
           span_equal(target_sent_path(request_target(request)), SPAN(LIVE_TARGET));
}

void watch_answer_script(const struct view *view, const struct request *request, struct response *response)
{
    response->unlogged = true;
    response_add_octets(response, live_script());
    response_finish(response, view->date, request->minor_version, SPAN("Content-Type: " LIVE_TYPE "\r\n"));
}

void watch_answer_nothing(const struct view *view, const struct request *request, struct response *response)
{
    response->status = 204;
    response_finish(response, view->date, request->minor_version, SPAN_NONE);
}

void watch_add_element(struct response *response, struct span etag)
{
    size_t start = response->text.length;
    live_append_element(&response->text, etag);
    response_add_text(response, start);
}

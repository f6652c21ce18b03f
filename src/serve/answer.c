#include "serve/answer.h"

#include "http/host.h"
#include "http/target.h"
#include "serve/directory.h"
#include "serve/exposition.h"
#include "serve/file.h"
#include "serve/lookup.h"
#include "serve/notice.h"
#include "serve/watch.h"

#include <assert.h>

/* DNS rebinding gives a browser a foreign name for this machine, which it then sends. Who names none is no browser; what
   is no name is refused as such. */
static bool is_foreign(const struct view *view, const struct request *request)
{
    if (!view->guarded)
        return false;
    struct span authority = host_of(request);
    return authority.length > 0 && !policy_answers_to(view->policy, host_name(authority)) &&
           target_host_is_valid(authority);
}

/* What can be said without the disk. Returns 0, with the target read, or a status. */
static int accept_request(const struct view *view, const struct request *request, struct target *target)
{
    if (request->state == REQUEST_BAD) {
        assert(request->status != 0);
        return request->status;
    }
    if (!target_host_is_valid(request_field(request, FIELD_HOST)))
        return 400;
    if (is_foreign(view, request))
        return 403;
    if (request->method == METHOD_CONNECT || request->method == METHOD_OTHER)
        return 405;
    if (request->method == METHOD_OPTIONS && span_equal(request_target(request), SPAN("*")))
        return 204;
    int status = target_parse(request_target(request), target);
    return status == 0 && request->method == METHOD_OPTIONS ? 204 : status;
}

/* Finds, or answers with a listing; where there is neither, sees why. Returns 0, a status, or DIRECTORY_LISTED. */
static int find_or_list(const struct view *view, const struct request *request, struct response *response,
                        struct target *target, struct entry **entry, struct span *path)
{
    int status = lookup_find(view, request, response, target, entry, path);
    if (status == 404 && directory_may_list(view, request, target))
        status = directory_answer(view, request, response, target);
    if (status == 404)
        lookup_explain(view, request, target);
    return status;
}

/* What stands at addresses of the server's own, before any file of that name: its health, its counters, the script of
   --watch. False where the request is for none of them. */
static bool answer_own(const struct view *view, const struct request *request, struct response *response)
{
    if (notice_asks_for_health(request))
        notice_health(view, request, response);
    else if (exposition_is_asked_for(view, request))
        exposition_answer(view, request, response);
    else if (watch_asks_for_script(view, request))
        watch_answer_script(view, request, response);
    else
        return false;
    return true;
}

void answer(const struct view *view, const struct request *request, struct response *response,
            struct entry **held)
{
    struct target target;
    struct span path = SPAN_NONE;
    *held = NULL;
    response->common = view->policy->common;
    response->cache = view->policy->unkept;
    response->last |= !request->keep_alive || request_ends_stream(request);
    response->head_only = request->method == METHOD_HEAD;

    int status = accept_request(view, request, &target);
    if (status == 0 && answer_own(view, request, response))
        return;
    response->unlogged = watch_of(view, request) == WATCH_QUESTION;
    if (status == 0)
        status = find_or_list(view, request, response, &target, held, &path);
    if (status == DIRECTORY_LISTED)
        return;

    if (status == 204)
        notice_options(view, request, response);
    else if (status == 403)
        notice_foreign_host(view, request, response);
    else if (status == 404 && watch_of(view, request) == WATCH_QUESTION)
        watch_answer_nothing(view, request, response);
    else if (status == 404)
        file_answer_missing(view, request, response, held);
    else if (status != 0)
        notice_error(view, request, response, status, SPAN_NONE);
    else if ((*held)->kind == ENTRY_DIRECTORY)
        notice_redirect(view, request, response, &target);
    else
        file_answer(view, request, response, held, path);
}

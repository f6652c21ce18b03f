#include "serve/directory.h"

#include "base/limits.h"
#include "http/negotiate.h"
#include "serve/lookup.h"
#include "serve/notice.h"
#include "site/listing.h"
#include "site/look.h"

#include <errno.h>

static bool lists(const struct view *view, const struct request *request)
{
    const struct settings *settings = view->policy->settings;
    if (settings->listing != LISTING_LOCAL)
        return settings->listing == LISTING_ON;
    return settings->lan || (view->policy->guarded && client_is_local(view->client, request));
}

bool directory_may_list(const struct view *view, const struct request *request, const struct target *target)
{
    return target->slash && !lookup_is_hidden(view, target) && view->policy->file.length == 0 &&
           lists(view, request);
}

/* The first piece of a listing, which may be all of it, and is what a HEAD asks about as well. */
static void answer_listed(const struct view *view, const struct request *request, struct response *response,
                          struct source *source, bool json)
{
    char room[768];
    struct buffer lines = BUFFER(room);
    size_t start = response->text.length;
    struct buffer piece = {response->text.at + start, 0, LIMIT_PIECE, false};
    enum source_state state = source->fill(source, &piece);
    if (state == SOURCE_BROKEN) {
        source->drop(source);
        notice_error(view, request, response, 503, SPAN_NONE);
        return;
    }
    response->text.length += piece.length;
    response->varies |= RESPONSE_BY_ACCEPT; /* RFC 9110 12.5.5 */
    notice_append_lines(&lines, json ? SPAN(LISTING_JSON_TYPE) : SPAN(LISTING_TYPE), look_listing_policy());
    if (state == SOURCE_MORE) {
        response_stream(response, source, request->minor_version, buffer_span(&piece));
    } else {
        response_add_octets(response, buffer_span(&piece));
        source->drop(source);
    }
    response_finish(response, view->date, request->minor_version, buffer_filled(&lines));
}

int directory_answer(const struct view *view, const struct request *request, struct response *response,
                     struct target *target)
{
    int fd;
    target->room[target->path.length] = '\0'; /* target_child has put the index there */
    int status = store_open_directory(view->store, target->path, &fd);
    if (status != 0)
        return status;
    struct listing_form form = listing_form_of(target->query);
    form.json = negotiate_media(request) == MEDIA_JSON;
    form.dotfiles = view->policy->settings->dotfiles;
    struct source *source = listing_open(store_beneath(view->store), target->path, fd, &form);
    if (source == NULL)
        return errno == ENAMETOOLONG ? 404 : 503;
    answer_listed(view, request, response, source, form.json);
    return DIRECTORY_LISTED;
}

#include "serve/lookup.h"

#include "http/navigation.h"
#include "site/mime.h"
#include "site/reason.h"

static const struct span page_suffix = SPAN_INIT(".html");

/* Finds a file; a directory of that path is none. Returns 0 or a status. */
static int find_file(const struct view *view, struct span path, struct entry **entry)
{
    int status = store_find(view->store, path, view->turn, entry);
    if (status == 0 && (*entry)->kind == ENTRY_DIRECTORY) {
        store_release(view->store, *entry);
        *entry = NULL;
        return 404;
    }
    return status;
}

/*
 * "/about" is about.html where nothing has the name itself, or a directory has it that has no page of its own: exporters
 * make both. Not for names that are known to be something else, such as "/logo.png". By both addresses, relative links
 * mean the same. Returns 0 with the page and the `*path` that it was found by, or a status.
 */
static int find_page(const struct view *view, struct target *target, struct entry **entry, struct span *path)
{
    struct entry *index;
    if (mime_knows(target->path))
        return 404;
    int status = find_file(view, target_suffixed(target, page_suffix), entry);
    if (status != 0)
        return status;
    if (find_file(view, target_child(target, view->policy->index), &index) == 0) {
        store_release(view->store, index);
        store_release(view->store, *entry);
        return 404;
    }
    *path = target_suffixed(target, page_suffix);
    return 0;
}

/* Where one file is the whole site, it stands at the root and by its name. */
static int find_only(const struct view *view, const struct target *target, struct entry **entry,
                     struct span *path)
{
    *path = view->policy->file;
    if (target->path.length > 0 && (target->slash || !span_equal(target->path, *path)))
        return 404;
    return find_file(view, *path, entry);
}

bool lookup_is_hidden(const struct view *view, const struct target *target)
{
    return target->hidden && !view->policy->settings->dotfiles;
}

/* Finds the file, or the directory that lacks its slash; `*path` is what it was found by. Returns 0 or a status. */
static int find_there(const struct view *view, struct target *target, struct entry **entry, struct span *path)
{
    struct entry *page;
    if (view->policy->file.length > 0)
        return find_only(view, target, entry, path);
    if (lookup_is_hidden(view, target))
        return 404;
    *path = target->slash ? target_child(target, view->policy->index) : target->path;
    if (target->slash)
        return find_file(view, *path, entry);
    int status = store_find(view->store, *path, view->turn, entry);
    if (status != 404 && (status != 0 || (*entry)->kind == ENTRY_FILE))
        return status;
    int found = find_page(view, target, &page, path);
    if (found == 404) /* it is what it was */
        return status;
    if (status == 0)
        store_release(view->store, *entry);
    *entry = found == 0 ? page : NULL;
    return found;
}

/*
 * The page of an application that reads the address itself, for navigations which find nothing. What is missing of a
 * page's parts stays missing, and so does what is hidden, or known by its extension to be no page of the application.
 */
static int find_application(const struct view *view, const struct request *request, struct response *response,
                            const struct target *target, struct entry **entry, struct span *path)
{
    if (view->policy->spa.length == 0 || lookup_is_hidden(view, target) ||
        (!target->slash && mime_knows(target->path)))
        return 404;
    response->varies |= RESPONSE_BY_ACCEPT;
    if (!navigation_is_asked(request))
        return 404;
    *path = view->policy->spa;
    return find_file(view, *path, entry);
}

int lookup_find(const struct view *view, const struct request *request, struct response *response,
                struct target *target, struct entry **entry, struct span *path)
{
    int status = find_there(view, target, entry, path);
    return status == 404 ? find_application(view, request, response, target, entry, path) : status;
}

void lookup_explain(const struct view *view, const struct request *request, struct target *target)
{
    bool dotfiles = view->policy->settings->dotfiles;
    if (view->policy->file.length > 0 || (!view->logs_why && !client_is_beside(view->client, request)))
        return;
    struct span path = target->slash ? target_child(target, view->policy->index) : target->path;
    reason_find(view->why, store_beneath(view->store), path, dotfiles, view->now);
}

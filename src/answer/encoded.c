#include "answer/encoded.h"

#include "answer/representation.h"
#include "http/negotiate.h"

#include <limits.h>

static struct span suffix_of(enum coding coding)
{
    return sibling_suffixes[representation_forms[coding].sibling];
}

/* Finds the encoded form of the path in the buffer, behind which its suffix is written. Returns a status as store_find
   does; 404 also for a directory, and for a form that workers may not read, as the status of the original counts. */
static int find_form(const struct exchange *exchange, struct buffer encoded, enum coding coding, struct entry **entry)
{
    struct store *store = exchange->context->store;
    buffer_append(&encoded, suffix_of(coding));
    buffer_byte(&encoded, '\0');
    if (encoded.overflow)
        return 404;
    int status = store_find(store, (struct span){encoded.at, encoded.length - 1}, exchange->iteration, entry);
    if (status != 0 || (*entry)->kind == ENTRY_FILE)
        return status == 403 ? 404 : status;
    store_release(store, *entry);
    *entry = NULL;
    return 404;
}

/* Without Accept-Encoding the client may not be able to decode any form (negotiate.h). */
__attribute__((cold)) int encoded_find(struct exchange *exchange, struct span path)
{
    int status = 404;
    struct entry *found[CODINGS] = {NULL};
    char room[PATH_MAX];
    struct buffer encoded = BUFFER(room);
    unsigned available = 0;
    exchange_note(exchange, path, exchange->denied ? "the workers' user may not read it" : "not found");
    if (path.length == 0 || exchange->context->config->file.length > 0)
        return 404;
    buffer_append(&encoded, path);
    for (unsigned coding = CODING_IDENTITY + 1; coding < CODINGS; coding++) {
        int form_status = find_form(exchange, encoded, coding, &found[coding]);
        available |= form_status == 0 ? 1U << coding : 0;
        if (form_status != 0 && form_status != 404)
            status = form_status;
    }
    if (available == 0)
        return status;
    struct acceptance acceptance = negotiate_codings(exchange->request);
    enum coding choice = negotiate_choose(&acceptance, available);
    for (unsigned coding = CODING_IDENTITY + 1; coding < CODINGS; coding++) {
        if (found[coding] != NULL && coding != choice)
            store_release(exchange->context->store, found[coding]);
    }
    exchange->response->varies |= RESPONSE_BY_ENCODING;
    if (choice == CODINGS) {
        exchange->refused = (struct refused){path, available};
        exchange_note(exchange, path, "exists only encoded, in no coding that the client accepts");
        return status;
    }
    exchange->entry = found[choice];
    exchange->coding = choice;
    return 0;
}

__attribute__((cold)) bool encoded_explain(struct exchange *exchange)
{
    struct buffer *text = &exchange->reason.text;
    struct refused refused = exchange->refused;
    struct span name = span_after_last(refused.path, '/');
    unsigned first = CODING_IDENTITY + 1;
    if (refused.codings == 0)
        return false;
    while ((refused.codings & 1U << first) == 0)
        first++;
    buffer_append(text, SPAN("'"));
    buffer_append(text, name);
    buffer_append(text, SPAN("' can only be served from '"));
    buffer_append(text, name);
    buffer_append(text, suffix_of(first));
    buffer_append(text, SPAN("', and the request does not accept "));
    buffer_append(text, representation_forms[first].name);
    buffer_append(text, SPAN(" (Accept-Encoding)."));
    if (text->overflow) /* by a long name */
        text->length = 0;
    return true;
}

#include "answer/encoded.h"

#include "answer/representation.h"
#include "http/negotiate.h"

#include <limits.h>

static struct span suffix_of(enum coding coding)
{
    return store_suffixes[representation_forms[coding].sibling];
}

/* Finds the encoded form of the path in the buffer, behind which its suffix is written; NULL if there is none. */
static struct entry *find_form(const struct exchange *exchange, struct buffer encoded, enum coding coding)
{
    struct store *store = exchange->context->store;
    struct entry *entry;
    buffer_append(&encoded, suffix_of(coding));
    buffer_byte(&encoded, '\0');
    if (encoded.overflow ||
        store_find(store, (struct span){encoded.at, encoded.length - 1}, exchange->iteration, &entry) != 0)
        return NULL;
    if (entry->kind == ENTRY_FILE)
        return entry;
    store_release(store, entry);
    return NULL;
}

/* Without Accept-Encoding the client may not be able to decode any form (negotiate.h). */
__attribute__((cold)) bool encoded_find(struct exchange *exchange, struct span path)
{
    struct entry *found[CODINGS] = {NULL};
    char room[PATH_MAX];
    struct buffer encoded = BUFFER(room);
    unsigned available = 0;
    exchange_note(exchange, path, exchange->denied ? "the workers' user may not read it" : "not found");
    if (path.length == 0 || exchange->context->config->file.length > 0)
        return false;
    buffer_append(&encoded, path);
    for (unsigned coding = CODING_IDENTITY + 1; coding < CODINGS; coding++) {
        found[coding] = find_form(exchange, encoded, coding);
        available |= found[coding] != NULL ? 1U << coding : 0;
    }
    if (available == 0)
        return false;
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
        return false;
    }
    exchange->entry = found[choice];
    exchange->coding = choice;
    return true;
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

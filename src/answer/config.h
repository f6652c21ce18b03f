/* What the command line says of every answer, brought once into the form in which answers need it. */
#ifndef TINYHTTPD_ANSWER_CONFIG_H
#define TINYHTTPD_ANSWER_CONFIG_H

#include "base/buffer.h"
#include "base/limits.h"
#include "base/settings.h"
#include "base/text.h"

#include <stdbool.h>

enum {
    /* All lines that are common to all answers: the server's own, two with an origin in them, and what --header says. */
    CONFIG_LINES_MAX = LIMIT_HEADER_BYTES + 2 * LIMIT_ORIGIN + 512,
    /* The field names that an answer to a preflight repeats. A page sends a few, this has room for dozens. */
    CONFIG_PREFLIGHT_MAX = 1024,
};

struct config {
    const struct settings *settings;
    struct span index; /* the name of the file that stands for its directory */
    struct span file;  /* the path of the one file that is served; empty: the whole root */
    struct span spa;   /* the path of the file for navigations that find nothing; empty where there is none */
    struct span common; /* whole lines of every head */

    /* The line of Cache-Control: of files, of files with a hash in their name (empty where it is no other), and of what the
       server makes itself. */
    struct span cache;
    struct span immutable;
    struct span unkept;

    size_t lines; /* by how many bytes a head may be longer than with response.h's own lines alone */
    bool guarded; /* every TCP listener is bound to a loopback address */
    size_t used;  /* of the room, in which the lines are */
    char room[CONFIG_LINES_MAX];
};

/*
 * Reads the settings, which must outlive the config. `guarded`: every TCP listener is bound to a loopback address. The
 * config points into itself: it stays where it is.
 */
void config_open(struct config *config, const struct settings *settings, bool guarded);

/* Appends the line of a field that the server has of its own, unless --header has one of this name: then that stands in
   its place, in the lines that are common to all answers. */
void config_append_own(const struct config *config, struct buffer *lines, struct span name,
                       struct span value);

/* Appends the Content-Type and the Content-Security-Policy of a generated page. */
void config_append_page(const struct config *config, struct buffer *lines, struct span type,
                        struct span policy);

/* True where the site may be known by this name, as host_name gives it: a loopback name or address, one that was bound
   to, or one that is allowed. */
bool config_answers_to(const struct config *config, struct span name);

/* True for a list of field names, with blanks and commas between (Access-Control-Request-Headers, Fetch 3.3.2). */
bool config_is_token_list(struct span list);

#endif

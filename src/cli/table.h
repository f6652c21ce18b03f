/* The one table of options: what is parsed, what --help says, and what the man page and the completions are made of. */
#ifndef TINYHTTPD_CLI_TABLE_H
#define TINYHTTPD_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum option_group { GROUP_LISTEN, GROUP_FILES, GROUP_HEADERS, GROUP_PROCESS, GROUPS };

/* What a shell may offer for the value. */
enum option_offer { OFFER_NOTHING, OFFER_DIRECTORIES, OFFER_FILES, OFFER_USERS, OFFER_WORDS };

/* The key of an option is its letter, or one of these where it has none. */
enum option_key {
    KEY_INDEX = 256,
    KEY_LIST,
    KEY_NO_LIST,
    KEY_DOTFILES,
    KEY_SYMLINKS,
    KEY_ISOLATE,
    KEY_MIME,
    KEY_CHARSET,
    KEY_ALLOW_HOST,
    KEY_LOG,
    KEY_CHECK,
    KEY_METRICS,
    KEY_TRUST_PROXY,
};

enum option_value {
    VALUE_NONE,
    VALUE_NEEDED,   /* "-p 80", "--port 80", "--port=80" */
    VALUE_OPTIONAL, /* "-o", "--open", "--open=PATH": a letter takes none, so that letters can stand together */
};

struct option_row {
    int key;
    const char *name;
    const char *value; /* how the help calls it, or NULL */
    enum option_value takes;
    enum option_group group;
    bool action;    /* is done instead of serving; not to be had from the environment */
    char separator; /* of its values in the environment, besides line ends; 0 where it is not repeatable */
    enum option_offer offer;
    const char *words;  /* with OFFER_WORDS: separated by blanks */
    const char *help;   /* one line of --help and of a completion */
    const char *manual; /* sentences that the man page adds; NULL where the line says it all */
};

extern const struct option_row table_rows[];
extern const size_t table_count;

/* More than there are rows. */
enum { TABLE_MAX = 48 };

/* A group's heading. */
const char *table_heading(enum option_group group);

/* The row with this key, or NULL. */
const struct option_row *table_find(int key);

/* True when the key is a letter that can be typed after "-". */
bool table_has_letter(const struct option_row *row);

#endif

/* The table of options: the parser, --help, the man page and the completions all use it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The values that a shell completes. */
enum option_offer { OFFER_NOTHING, OFFER_DIRECTORIES, OFFER_FILES, OFFER_USERS, OFFER_WORDS };

/* The key of an option is its letter, or one of these. */
enum option_key {
    KEY_INDEX = 256,
    KEY_LIST,
    KEY_NO_LIST,
    KEY_DOTFILES,
    KEY_SYMLINKS,
    KEY_MIME,
    KEY_ENCODED,
    KEY_CHARSET,
    KEY_ALLOW_HOST,
    KEY_BASE,
    KEY_LOG,
    KEY_ACCESS_LOG,
    KEY_ERROR_LOG,
    KEY_CHECK,
    KEY_METRICS,
    KEY_TRUST_PROXY,
    KEY_PROXY_PROTOCOL,
    KEY_KEEP_ALIVE,
    KEY_SHUTDOWN_DELAY,
    KEY_DRAIN,
    KEY_STRICT,
    KEY_RULES,
    KEY_SLOW,
};

enum option_value {
    VALUE_NONE,
    VALUE_NEEDED,   /* "-p 80", "--port 80", "--port=80" */
    VALUE_OPTIONAL, /* "-o", "--open", "--open=PATH": a letter takes no value, so that letters can be combined */
};

struct option_row {
    int key;
    enum option_value takes;
    const char *name;
    const char *value;   /* its name in the help, or NULL */
    const char *heading; /* of the group that the row begins, else NULL */
    bool action;         /* runs instead of the server; not in the environment */
    char separator;      /* of values in the environment, besides newlines; 0 if not repeatable */
    enum option_offer offer;
    const char *words;  /* for OFFER_WORDS: separated by spaces */
    const char *help;   /* one line, for --help and completions */
    const char *manual; /* more sentences for the man page, or NULL */
};

extern const struct option_row table_rows[];
extern const size_t table_count;

/* Greater than the number of rows. */
enum { TABLE_MAX = 48 };

/* Returns the row with this key, or NULL. */
const struct option_row *table_find(int key);

/* True if the option has a short form, "-x". */
bool table_has_letter(const struct option_row *row);

#include "cli/table.h"

const struct option_row table_rows[] = {
    {.key = 'r',
     .name = "root",
     .value = "DIR",
     .takes = VALUE_NEEDED,
     .group = GROUP_LISTEN,
     .offer = OFFER_DIRECTORIES,
     .help = "the directory to serve (default: the current one)",
     .manual = "The same as the operand DIR."},
    {.key = 'p',
     .name = "port",
     .value = "PORT",
     .takes = VALUE_NEEDED,
     .group = GROUP_LISTEN,
     .help = "the TCP port, 0 for any that is free (default: 8080)",
     .manual = "Where nobody asks for a port and 8080 is in use, the next free one of the ten after it is "
               "taken, and that is said. A port that was asked for and is in use ends the program."},
    {.key = 'b',
     .name = "bind",
     .value = "ADDRESS",
     .takes = VALUE_NEEDED,
     .group = GROUP_LISTEN,
     .separator = ',',
     .help = "listen here, on * or unix:PATH (default: loopback)",
     .manual = "An address or a name of this machine, * for all its addresses, or unix:PATH for a Unix "
               "socket, which is removed at the end. Without it only this machine reaches the server, by "
               "127.0.0.1 and ::1."},
    {.key = 'L',
     .name = "lan",
     .group = GROUP_LISTEN,
     .help = "open it to the local network, and print the addresses",
     .manual = "Listens on all addresses. Other devices reach the server by plain HTTP, where a browser "
               "offers a page no service workers, camera, microphone, location or clipboard."},
    {.key = 'o',
     .name = "open",
     .value = "PATH",
     .takes = VALUE_OPTIONAL,
     .group = GROUP_LISTEN,
     .help = "open a browser there (default: /)",
     .manual = "Calls xdg-open once the server listens."},
    {.key = KEY_ALLOW_HOST,
     .name = "allow-host",
     .value = "NAME",
     .takes = VALUE_NEEDED,
     .group = GROUP_LISTEN,
     .separator = ',',
     .help = "answer to this host name as well",
     .manual =
         "A server that only this machine reaches answers to no other name than a loopback one, so "
         "that no page of another site reads it by DNS rebinding. This lets one more name in; .NAME all "
         "names beneath it as well, and * every name."},

    {.key = KEY_INDEX,
     .name = "index",
     .value = "NAME",
     .takes = VALUE_NEEDED,
     .group = GROUP_FILES,
     .help = "the file that stands for its directory",
     .manual = "The default is index.html."},
    {.key = KEY_LIST,
     .name = "list",
     .group = GROUP_FILES,
     .help = "list directories that have no index",
     .manual =
         "The default with --lan, and for who is at this machine where only that reaches the server: not "
         "for clients of a proxy on it."},
    {.key = KEY_NO_LIST, .name = "no-list", .group = GROUP_FILES, .help = "never list a directory"},
    {.key = 's',
     .name = "spa",
     .value = "FILE",
     .takes = VALUE_OPTIONAL,
     .group = GROUP_FILES,
     .offer = OFFER_FILES,
     .help = "navigations that find nothing get index.html or FILE",
     .manual = "For applications of a single page, whose script reads the address. A picture or a script "
               "that is missing stays a 404."},
    {.key = KEY_DOTFILES,
     .name = "dotfiles",
     .group = GROUP_FILES,
     .help = "serve names that begin with a dot, too",
     .manual = "Without it they are 404, .well-known excepted."},
    {.key = KEY_SYMLINKS,
     .name = "symlinks",
     .value = "WHICH",
     .takes = VALUE_NEEDED,
     .group = GROUP_FILES,
     .offer = OFFER_WORDS,
     .words = "inside all none",
     .help = "links to follow: inside, all, none (default: inside)",
     .manual = "With inside, a symbolic link that leaves the root is 404; with none, every one is; with all, "
               "links may lead anywhere."},

    {.key = 'w',
     .name = "watch",
     .group = GROUP_HEADERS,
     .help = "pages reload when their files change",
     .manual = "A script element is appended to HTML pages as they are sent; no file is touched."},
    {.key = 'c',
     .name = "cache",
     .value = "HOW",
     .takes = VALUE_NEEDED,
     .group = GROUP_HEADERS,
     .offer = OFFER_WORDS,
     .words = "auto off",
     .help = "what browsers keep: off, auto, SECONDS (default: ask)",
     .manual = "By default they keep files, but ask each time whether these have changed. With off nothing "
               "is kept. "
               "With SECONDS files are used for so long without asking. With auto, files whose names hold a "
               "hash of "
               "their content are kept for good, and all others are asked for each time."},
    {.key = 'C',
     .name = "cors",
     .value = "ORIGIN",
     .takes = VALUE_OPTIONAL,
     .group = GROUP_HEADERS,
     .help = "let pages of any site, or of ORIGIN, read the files",
     .manual = "ORIGIN is written as browsers write it: https://example.org."},
    {.key = 'H',
     .name = "header",
     .value = "'NAME: VALUE'",
     .takes = VALUE_NEEDED,
     .group = GROUP_HEADERS,
     .separator = '\n',
     .help = "add this field to every answer",
     .manual =
         "It takes the place of the server's own field of that name; without a value it only takes that "
         "one away. Cache-Control goes to files alone. Fields that frame a message, or that the server "
         "computes, are refused."},
    {.key = KEY_ISOLATE,
     .name = "isolate",
     .group = GROUP_HEADERS,
     .help = "cross-origin isolation, for SharedArrayBuffer",
     .manual = "Sends Cross-Origin-Opener-Policy, Cross-Origin-Embedder-Policy and "
               "Cross-Origin-Resource-Policy."},
    {.key = KEY_MIME,
     .name = "mime",
     .value = "EXT=TYPE",
     .takes = VALUE_NEEDED,
     .group = GROUP_HEADERS,
     .separator = ',',
     .help = "the media type of an extension",
     .manual = "It overrides the built-in table, and what libmagic says."},
    {.key = KEY_CHARSET,
     .name = "charset",
     .value = "NAME",
     .takes = VALUE_NEEDED,
     .group = GROUP_HEADERS,
     .offer = OFFER_WORDS,
     .words = "utf-8 none",
     .help = "charset of text, or none (default: utf-8 where it is)"},

    {.key = 'j',
     .name = "workers",
     .value = "N",
     .takes = VALUE_NEEDED,
     .group = GROUP_PROCESS,
     .help = "worker processes (default: one for each usable CPU)",
     .manual = "Affinity and the cgroup's quota say how many are usable."},
    {.key = 'u',
     .name = "user",
     .value = "USER",
     .takes = VALUE_NEEDED,
     .group = GROUP_PROCESS,
     .offer = OFFER_USERS,
     .help = "workers become USER[:GROUP] (root's default: nobody)",
     .manual =
         "Both are names or numbers. Only root can become somebody else; started by another user, workers "
         "stay who they are."},
    {.key = KEY_LOG,
     .name = "log",
     .value = "FORM",
     .takes = VALUE_NEEDED,
     .group = GROUP_PROCESS,
     .offer = OFFER_WORDS,
     .words = "text combined json errors off",
     .help = "access log: text, combined, json, errors, off",
     .manual = "Without it, text on a terminal and combined, the format of Apache and nginx, elsewhere. With "
               "errors, only answers of 400 and more. One line is one request, on standard output."},
    {.key = KEY_TRUST_PROXY,
     .name = "trust-proxy",
     .value = "CIDR",
     .takes = VALUE_NEEDED,
     .group = GROUP_PROCESS,
     .separator = ',',
     .help = "believe X-Forwarded-For from CIDR (or unix) in the log",
     .manual = "A network such as 10.0.0.0/8 or fd00::/8, an address, or unix for whoever comes over a Unix "
               "socket. Where the peer is one of them, the log has the rightmost address of X-Forwarded-For "
               "that is none of them."},
    {.key = KEY_METRICS,
     .name = "metrics",
     .value = "PATH",
     .takes = VALUE_NEEDED,
     .group = GROUP_PROCESS,
     .help = "counters for Prometheus at this path, such as /metrics",
     .manual = "Requests, octets, connections and durations of all workers, in the text format. Whoever "
               "reaches the server reads them. Nothing is there without this option."},
    {.key = KEY_CHECK,
     .name = "check",
     .value = "URL",
     .takes = VALUE_OPTIONAL,
     .group = GROUP_PROCESS,
     .action = true,
     .help = "ask a running server whether it is well; exit 0 or 1",
     .manual =
         "For the health checks of containers. Without URL it asks for the health path, where the other "
         "options and the environment say that the server listens; else for URL itself. A server that "
         "answers 200 within two seconds is well."},
    {.key = 'q',
     .name = "quiet",
     .group = GROUP_PROCESS,
     .help = "no banner and no access log, only errors",
     .manual = "An access log that --log asks for is written all the same."},
    {.key = 'v',
     .name = "verbose",
     .group = GROUP_PROCESS,
     .help = "also print the number of workers and their sandbox"},
    {.key = 'h', .name = "help", .group = GROUP_PROCESS, .action = true, .help = "print this and exit"},
    {.key = 'V',
     .name = "version",
     .group = GROUP_PROCESS,
     .action = true,
     .help = "print the version and exit"},
};
const size_t table_count = sizeof table_rows / sizeof *table_rows;
_Static_assert(sizeof table_rows / sizeof *table_rows < TABLE_MAX, "there is room for every row");

const char *table_heading(enum option_group group)
{
    switch (group) {
    case GROUP_LISTEN:
        return "What is served, and where";
    case GROUP_FILES:
        return "What a path finds";
    case GROUP_HEADERS:
        return "What an answer says";
    case GROUP_PROCESS:
    case GROUPS:
        break;
    }
    return "How it runs";
}

const struct option_row *table_find(int key)
{
    for (size_t i = 0; i < table_count; i++) {
        if (table_rows[i].key == key)
            return &table_rows[i];
    }
    return NULL;
}

bool table_has_letter(const struct option_row *row)
{
    return row->key < KEY_INDEX;
}

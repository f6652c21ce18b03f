#include "cli/table.h"

/* An option without a value, with one, and with one that may be left out. */
#define FLAG(letter, long_name) .key = (letter), .name = (long_name)
#define NEEDED(letter, long_name, shown) FLAG(letter, long_name), .value = (shown), .takes = VALUE_NEEDED
#define OPTIONAL(letter, long_name, shown) FLAG(letter, long_name), .value = (shown), .takes = VALUE_OPTIONAL
#define WORDS(list) .offer = OFFER_WORDS, .words = (list)

const struct option_row table_rows[] = {
    {NEEDED('r', "root", "DIR"), .heading = "Root and addresses", .offer = OFFER_DIRECTORIES,
     .help = "directory to serve (default: the current one)", .manual = "Same as the operand DIR."},
    {NEEDED('p', "port", "PORT"), .help = "TCP port, 0 for any free port (default: 8080)",
     .manual = "Without this option, if 8080 is in use, the server takes the next free port up to 8090 and "
               "prints it. If a port that you give is in use, the server does not start."},
    {NEEDED('b', "bind", "ADDRESS"), .separator = ',', .help = "listen address, * or unix:PATH (default: loopback)",
     .manual = "An address or a name of this machine, * for all its addresses, or unix:PATH for a Unix socket, "
               "which is removed at the end. unix:PATH,mode=660,group=NAME gives it these permissions; unix:@NAME "
               "is an abstract socket. The default is 127.0.0.1 and ::1, which only this machine can reach."},
    {FLAG('L', "lan"), .help = "listen on all addresses, print the network's URLs",
     .manual = "Other devices use plain HTTP, where browsers offer no service workers, camera, microphone, "
               "location or clipboard."},
    {NEEDED(KEY_BASE, "base", "PATH"), .help = "serve the site below PATH, such as /repo/",
     .manual = "As hosts do for the pages of a project. / and /repo redirect to /repo/, and any other address "
               "outside is 404. The paths of --open and --cache are relative to the site; those of --metrics and "
               "of the health check are not."},
    {OPTIONAL('o', "open", "PATH"), .help = "open a browser at PATH (default: /)",
     .manual = "Once the server listens, tries the commands of BROWSER, then xdg-open, then wslview, until one "
               "does not fail. Under sudo, they run as the user that typed the command."},
    {NEEDED(KEY_ALLOW_HOST, "allow-host", "NAME"), .separator = ',', .help = "accept this host name as well",
     .manual = "A server that only this machine can reach accepts only loopback names, so that other sites "
               "can't read it by DNS rebinding. Their pages can't load its files, either, unless --cors is "
               "given. This option adds a name, by which any page may load them; .NAME also adds all "
               "names below it, and * every name."},

    {NEEDED(KEY_INDEX, "index", "NAME"), .heading = "Files", .separator = ',',
     .help = "index file of directories (default: index.html)",
     .manual = "Of several, the first that a directory has is served."},
    {FLAG(KEY_LIST, "list"), .help = "list directories that have no index",
     .manual = "Default with --lan. Otherwise the default is to list for local clients only, if the server "
               "is bound to loopback: the request has a loopback Host and no proxy is detected."},
    {FLAG(KEY_NO_LIST, "no-list"), .help = "never list a directory"},
    {OPTIONAL('s', "spa", "FILE"), .offer = OFFER_FILES, .help = "serve FILE (index.html) for unknown page URLs",
     .manual = "For single-page applications, which route in the browser. Whatever its path, a navigation "
               "gets the page; an image or script that is missing, or a script's request, gets a 404."},
    {FLAG(KEY_DOTFILES, "dotfiles"), .help = "serve files whose names begin with a dot",
     .manual = "By default they are 404, except .well-known."},
    {NEEDED(KEY_SYMLINKS, "symlinks", "WHICH"), WORDS("inside all none"),
     .help = "links to follow: inside, all, none (default: inside)",
     .manual = "With inside, a symbolic link that leaves the root is 404. With none, every link is 404. With "
               "all, links may lead anywhere."},

    {OPTIONAL(KEY_RULES, "rules", "HOST"), WORDS("netlify cloudflare"),
     .help = "obey _redirects and _headers, as HOST does",
     .manual = "HOST is netlify or cloudflare (Cloudflare Pages). Without it: _redirects after the IPFS "
               "specification, and _headers "
               "as Cloudflare's. Ignored lines are reported with file and line. The two files "
               "are never "
               "served."},

    {FLAG('w', "watch"), .heading = "Response headers", .help = "reload pages in the browser when their files change",
     .manual = "Appends a script element to HTML pages and listings as they are sent to a browser that opens "
               "them. No file is changed."},
    {NEEDED('c', "cache", "HOW"), .separator = ',', WORDS("auto off"),
     .help = "Cache-Control: off, auto, SECONDS or /PREFIX=HOW",
     .manual = "By default, caches keep files, and ask each time whether they have changed. With off, they "
               "keep nothing. With SECONDS, they use files for that time without asking. With auto, they "
               "keep scripts, styles and fonts with a hash of at least 16 digits in the name for a year, as "
               "well as directories of such files, such as _next/static/, and revalidate all others. "
               "/PREFIX=HOW is for the files beneath a path, with HOW off, SECONDS or "
               "immutable: /assets/=immutable keeps what a bundler writes there for a year, but no HTML."},
    {OPTIONAL('C', "cors", "ORIGIN"), .help = "let pages of any site, or of ORIGIN, read responses",
     .manual = "Write ORIGIN as browsers do: https://example.org. Pages that are opened as file:// need --cors, "
               "too."},
    {NEEDED('H', "header", "'NAME: VALUE'"), .separator = '\n', .help = "add this field to every response",
     .manual = "Replaces the server's own field of that name; without a value, only removes it. Cache-Control is "
               "sent for files only. Fields that frame a message, or that the server computes, are errors."},
    {NEEDED(KEY_MIME, "mime", "EXT=TYPE"), .separator = ',', .help = "media type of an extension, or of a file NAME",
     .manual = "Overrides the built-in table and libmagic. EXT may have several parts, such as user.js, or be "
               "the whole NAME of a file; a single dot stands for names without an extension."},
    {NEEDED(KEY_ENCODED, "encoded", "EXT=CODING"), .separator = ',',
     .help = "files of this extension are encoded: gzip, br or zstd",
     .manual = "They are sent with that Content-Encoding. Of an EXT of several parts, such as js.gz=gzip, the "
               "last part is the coding's, and the others give the media type. svgz=gzip is the default."},
    {NEEDED(KEY_CHARSET, "charset", "NAME"), WORDS("utf-8 none"),
     .help = "charset of text, or none (default: utf-8 if valid)"},

    {NEEDED('j', "workers", "N"), .heading = "Process and logs", .help = "worker processes (default: CPUs, at least 2)",
     .manual = "The default is one for each CPU that affinity and the cgroup's quota allow, and at least 2. While "
               "a worker waits for a slow disk it answers nothing else: give more there."},
    {OPTIONAL(KEY_SLOW, "slow", "RATE[,DELAY]"), WORDS("4g 3g 2g"),
     .help = "simulate a slow network: 4g (default), 3g, 2g or a rate",
     .manual = "All connections share RATE bytes per second; k and M are 1024 and 1048576, as for curl's "
               "--limit-rate. Each response begins DELAY milliseconds after its request (default: 0). 4g is "
               "Lighthouse's slow 4G, 1638.4 kbit/s and 150 ms; 3g its regular 3G, 700 kbit/s and 300 ms; 2g, "
               "which Lighthouse lacks, WebPageTest's Mobile Edge, 240 kbit/s and 840 ms. Health checks, metrics "
               "and the requests of --watch's script are not slowed. There is one worker."},
    {NEEDED('u', "user", "USER"), .offer = OFFER_USERS, .help = "run workers as this user (default for root: nobody)",
     .manual = "USER or USER:GROUP, as names or numbers. A name alone keeps all groups of the user. Only "
               "root can change the user; otherwise workers keep the user that started the server. If "
               "nobody can't read the root, root's workers become its owner and group. They take group root "
               "only together with user root, without capabilities."},
    {NEEDED(KEY_LOG, "log", "FORM"), WORDS("text combined json errors off"),
     .help = "access log: text, combined, json, errors, off",
     .manual = "The default is text on a terminal, else combined, the format of Apache and nginx. With errors, "
               "only responses of 400 and above are logged. Each request is one line on standard output; with "
               "text, a second line gives the reason of an error, where one is known."},
    {NEEDED(KEY_ACCESS_LOG, "access-log", "FILE"), .offer = OFFER_FILES,
     .help = "append the access log to FILE, reopened by SIGUSR1",
     .manual = "FILE is made with mode 0640, and keeps its owner: the user that starts the server. SIGHUP "
               "reopens it as well."},
    {NEEDED(KEY_ERROR_LOG, "error-log", "FILE"), .offer = OFFER_FILES,
     .help = "append standard error to FILE, in the same way",
     .manual = "From the moment at which the root is open; errors before that go to standard error."},
    {NEEDED(KEY_TRUST_PROXY, "trust-proxy", "CIDR"), .separator = ',',
     .help = "trust X-Forwarded-For from these proxies (CIDR or unix)",
     .manual = "A network such as 10.0.0.0/8 or fd00::/8, an address, or unix for clients of a Unix socket. "
               "If the peer is trusted, the log has the rightmost untrusted address of X-Forwarded-For."},
    {FLAG(KEY_PROXY_PROTOCOL, "proxy-protocol"), .help = "proxies of --trust-proxy send a PROXY header",
     .manual = "Version 1 or 2 of the PROXY protocol. A connection of a peer that --trust-proxy names must "
               "begin with "
               "the header, or it is closed; one of any other peer must not, and is plain HTTP."},
    {NEEDED(KEY_KEEP_ALIVE, "keep-alive", "SECONDS"), .help = "seconds an idle connection stays open (default: 75)",
     .manual = "Give more than the idle time of the load balancer or proxy in front, so that the server never "
               "closes "
               "a connection on which a request is on its way. With this option, responses name the time in a "
               "Keep-Alive field."},
    {NEEDED(KEY_SHUTDOWN_DELAY, "shutdown-delay", "SECONDS"),
     .help = "after SIGTERM, keep serving this long; health is 503",
     .manual = "Load balancers then stop sending new connections before the server refuses them. The default "
               "is 0."},
    {NEEDED(KEY_DRAIN, "drain", "SECONDS"), .help = "seconds to finish responses after SIGTERM (default: 8)",
     .manual = "Then the remaining connections are closed. It begins after the --shutdown-delay."},
    {NEEDED(KEY_METRICS, "metrics", "PATH"), .help = "serve Prometheus metrics at PATH, such as /metrics",
     .manual = "Requests, bytes, connections and durations of all workers, in the text format. Every client "
               "that reaches the server can read them. Off by default."},
    {FLAG(KEY_STRICT, "strict"), .help = "exit 1 if a page misses a resource or (-w) has an error",
     .manual = "At the end, a line for each resource that a page of this server asked for and that was missing, "
               "failed, or "
               "has a type that browsers refuse for a script or a stylesheet; with --watch, also for "
               "uncaught errors, "
               "violations of a Content-Security-Policy and failed loads from elsewhere, which the script in "
               "the page "
               "reports."},
    {OPTIONAL(KEY_CHECK, "check", "URL"), .action = true,
     .help = "health check: exit 0 if the server answers 200, else 1",
     .manual = "For the health checks of containers. Without URL, it requests the health path at the address "
               "that the other options and the environment give. It waits at most two seconds."},
    {FLAG('q', "quiet"), .help = "no banner, no summary; access log only if asked for",
     .manual = "Errors are still printed, hints and warnings at the start are not. An access log that you "
               "ask for with --log or --access-log is still written."},
    {FLAG('v', "verbose"), .help = "also print the number of workers and their sandbox"},
    {FLAG('h', "help"), .action = true, .help = "print this help and exit"},
    {FLAG('V', "version"), .action = true, .help = "print the version and exit"},
};
const size_t table_count = sizeof table_rows / sizeof *table_rows;
_Static_assert(sizeof table_rows / sizeof *table_rows < TABLE_MAX, "TABLE_MAX exceeds the number of rows");

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

#include "cli/option_aliases.h"

#include <stddef.h>
#include <string.h>

#define IS_CALLED(option) "is called '" option "' here"

/* Names used by the servers of Python, PHP, Node.js, Ruby and Go, and by small servers in C. Leave out our own names
   and their abbreviations. */
static const struct {
    const char *names; /* separated by blanks */
    const char *answer;
} rows[] = {
    {"host hostname address addr a bind-address listen l interface ip ipaddr", IS_CALLED("--bind ADDRESS")},
    {"single rewrite fallback history-api-fallback single-page", IS_CALLED("--spa")},
    {"directory dir d docroot document-root doc-root webroot wwwroot basedir public t", IS_CALLED("--root DIR")},
    {"silent no-logging no-request-logging no-log S", IS_CALLED("--quiet")},
    {"live live-reload livereload reload hot", IS_CALLED("--watch")},
    {"browse browser open-browser launch", IS_CALLED("--open")},
    {"threads processes concurrency", IS_CALLED("--workers N")},
    {"throttle throttling limit-rate rate-limit bandwidth latency", IS_CALLED("--slow[=RATE[,DELAY]]")},
    {"uid setuid run-as", IS_CALLED("--user USER")},
    {"gid setgid group", IS_CALLED("--user USER:GROUP")},
    {"no-cache no-etag", IS_CALLED("--cache off")},
    {"max-age cache-control cache-time expires", IS_CALLED("--cache SECONDS")},
    {"enable-cors allow-origin access-control-allow-origin", IS_CALLED("--cors")},
    {"add-header headers response-header", IS_CALLED("--header 'NAME: VALUE'")},
    {"isolate coop coep cross-origin-isolation",
     "is two fields here: -H 'Cross-Origin-Opener-Policy: same-origin' -H 'Cross-Origin-Embedder-Policy: "
     "require-corp'"},
    {"mimetypes mime-types mimetype content-type default-type", IS_CALLED("--mime EXT=TYPE")},
    {"no-dir-listing no-directory-listing no-dirlist no-listing no-autoindex no-dirlisting", IS_CALLED("--no-list")},
    {"autoindex dir-listing directory-listing listing show-dir", IS_CALLED("--list")},
    {"default-index index-file default-file directory-index", IS_CALLED("--index NAME")},
    {"follow-symlinks follow-links follow", IS_CALLED("--symlinks all")},
    {"no-symlinks no-follow-symlinks", IS_CALLED("--symlinks none")},
    {"hidden show-hidden all-files dot-files", IS_CALLED("--dotfiles")},
    {"no-dotfiles no-hidden", "is not needed: dotfiles are hidden unless you add '--dotfiles'"},
    {"access-log log-format log-level logger", IS_CALLED("--log FORM")},
    {"allowed-hosts server-name virtual-host vhost", IS_CALLED("--allow-host NAME")},
    {"ssl tls https cert certificate key ssl-cert ssl-key",
     "is not supported: the server speaks plain HTTP; put a TLS proxy in front of it"},
    {"gzip brotli compress compression zstd",
     "is not needed: FILE.br, FILE.zst or FILE.gz is sent for FILE if the client accepts it"},
    {"cgi php router proxy", "is not supported: the server only sends files"},
    {"upload auth basic-auth username password",
     "is not supported: the server has no accounts and no uploads; put a proxy in front of it"},
    {"daemon daemonize background detach", "is not supported: end the line with '&', or start the server with systemd"},
    {"config conf config-file", "is not supported: use options, or TINYHTTPD_... variables"},
    {"chroot", "is not needed: workers can't open files outside the root; '--verbose' shows their sandbox"},
    {"no-clean-urls no-clipboard no-port-switching no-ipv6", "is not needed here; leave it out"},
};

const char *option_aliases_find(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof rows / sizeof *rows && length > 0; i++) {
        for (const char *at = rows[i].names; *at != '\0';) {
            size_t word = strcspn(at, " ");
            if (word == length && memcmp(at, name, length) == 0)
                return rows[i].answer;
            at += word;
            at += *at == ' ';
        }
    }
    return NULL;
}

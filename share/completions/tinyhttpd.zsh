#compdef tinyhttpd
# Completion of tinyhttpd for zsh. Made from src/cli/table.c by share/generate.c.
_arguments -s -S \
    '-r+[directory to serve (default: the current one)]:root:_directories' \
    '--root=[directory to serve (default: the current one)]:root:_directories' \
    '-p+[TCP port, 0 for any free port (default: 8080)]:port: ' \
    '--port=[TCP port, 0 for any free port (default: 8080)]:port: ' \
    '*-b+[listen address, * or unix:PATH (default: loopback)]:bind: ' \
    '*--bind=[listen address, * or unix:PATH (default: loopback)]:bind: ' \
    '-L[listen on all addresses, print the network'\''s URLs]' \
    '--lan[listen on all addresses, print the network'\''s URLs]' \
    '--base=[serve the site below PATH, such as /repo/]:base: ' \
    '-o[open a browser at PATH (default: /)]' \
    '--open=-[open a browser at PATH (default: /)]::open: ' \
    '*--allow-host=[accept this host name as well]:allow-host: ' \
    '*--index=[index file of directories (default: index.html)]:index: ' \
    '--list[list directories that have no index]' \
    '--no-list[never list a directory]' \
    '-s[serve FILE (index.html) for unknown page URLs]' \
    '--spa=-[serve FILE (index.html) for unknown page URLs]::spa:_files' \
    '--dotfiles[serve files whose names begin with a dot]' \
    '--symlinks=[links to follow: inside, all, none (default: inside)]:symlinks:(inside all none)' \
    '--rules=-[obey _redirects and _headers, as HOST does]::rules:(netlify cloudflare)' \
    '-w[reload pages in the browser when their files change]' \
    '--watch[reload pages in the browser when their files change]' \
    '*-c+[Cache-Control: off, auto, SECONDS or /PREFIX=HOW]:cache:(auto off)' \
    '*--cache=[Cache-Control: off, auto, SECONDS or /PREFIX=HOW]:cache:(auto off)' \
    '-C[let pages of any site, or of ORIGIN, read responses]' \
    '--cors=-[let pages of any site, or of ORIGIN, read responses]::cors: ' \
    '*-H+[add this field to every response]:header: ' \
    '*--header=[add this field to every response]:header: ' \
    '*--mime=[media type of an extension, or of a file NAME]:mime: ' \
    '*--encoded=[files of this extension are encoded: gzip, br or zstd]:encoded: ' \
    '--charset=[charset of text, or none (default: utf-8 if valid)]:charset:(utf-8 none)' \
    '-j+[worker processes (default: CPUs, at least 2)]:workers: ' \
    '--workers=[worker processes (default: CPUs, at least 2)]:workers: ' \
    '--slow=-[simulate a slow network: 4g (default), 3g, 2g or a rate]::slow:(4g 3g 2g)' \
    '-u+[run workers as this user (default for root: nobody)]:user:_users' \
    '--user=[run workers as this user (default for root: nobody)]:user:_users' \
    '--log=[access log: text, combined, json, errors, off]:log:(text combined json errors off)' \
    '--access-log=[append the access log to FILE, reopened by SIGUSR1]:access-log:_files' \
    '--error-log=[append standard error to FILE, in the same way]:error-log:_files' \
    '*--trust-proxy=[trust X-Forwarded-For from these proxies (CIDR or unix)]:trust-proxy: ' \
    '--proxy-protocol[proxies of --trust-proxy send a PROXY header]' \
    '--keep-alive=[seconds an idle connection stays open (default: 75)]:keep-alive: ' \
    '--shutdown-delay=[after SIGTERM, keep serving this long; health is 503]:shutdown-delay: ' \
    '--drain=[seconds to finish responses after SIGTERM (default: 8)]:drain: ' \
    '--metrics=[serve Prometheus metrics at PATH, such as /metrics]:metrics: ' \
    '--strict[exit 1 if a page misses a resource or (-w) has an error]' \
    '--check=-[health check: exit 0 if the server answers 200, else 1]::check: ' \
    '-q[no banner, no summary; access log only if asked for]' \
    '--quiet[no banner, no summary; access log only if asked for]' \
    '-v[also print the number of workers and their sandbox]' \
    '--verbose[also print the number of workers and their sandbox]' \
    '-h[print this help and exit]' \
    '--help[print this help and exit]' \
    '-V[print the version and exit]' \
    '--version[print the version and exit]' \
    '::root:_files'

#compdef tinyhttpd
# Completion of tinyhttpd for zsh. Made from src/cli/table.c by share/generate.c.
_arguments -s -S \
    '-r+[the directory to serve (default: the current one)]:root:_directories' \
    '--root=[the directory to serve (default: the current one)]:root:_directories' \
    '-p+[the TCP port, 0 for any that is free (default: 8080)]:port: ' \
    '--port=[the TCP port, 0 for any that is free (default: 8080)]:port: ' \
    '*-b+[listen here, on * or unix:PATH (default: loopback)]:bind: ' \
    '*--bind=[listen here, on * or unix:PATH (default: loopback)]:bind: ' \
    '-L[open it to the local network, and print the addresses]' \
    '--lan[open it to the local network, and print the addresses]' \
    '-o[open a browser there (default: /)]' \
    '--open=-[open a browser there (default: /)]::open: ' \
    '*--allow-host=[answer to this host name as well]:allow-host: ' \
    '--index=[the file that stands for its directory]:index: ' \
    '--list[list directories that have no index]' \
    '--no-list[never list a directory]' \
    '-s[navigations that find nothing get index.html or FILE]' \
    '--spa=-[navigations that find nothing get index.html or FILE]::spa:_files' \
    '--dotfiles[serve names that begin with a dot, too]' \
    '--symlinks=[links to follow: inside, all, none (default: inside)]:symlinks:(inside all none)' \
    '-w[pages reload when their files change]' \
    '--watch[pages reload when their files change]' \
    '-c+[what browsers keep: off, auto, SECONDS (default: ask)]:cache:(auto off)' \
    '--cache=[what browsers keep: off, auto, SECONDS (default: ask)]:cache:(auto off)' \
    '-C[let pages of any site, or of ORIGIN, read the files]' \
    '--cors=-[let pages of any site, or of ORIGIN, read the files]::cors: ' \
    '*-H+[add this field to every answer]:header: ' \
    '*--header=[add this field to every answer]:header: ' \
    '--isolate[cross-origin isolation, for SharedArrayBuffer]' \
    '*--mime=[the media type of an extension]:mime: ' \
    '--charset=[charset of text, or none (default: utf-8 where it is)]:charset:(utf-8 none)' \
    '-j+[worker processes (default: one for each usable CPU)]:workers: ' \
    '--workers=[worker processes (default: one for each usable CPU)]:workers: ' \
    '-u+[workers become USER[:GROUP] (root'\''s default: nobody)]:user:_users' \
    '--user=[workers become USER[:GROUP] (root'\''s default: nobody)]:user:_users' \
    '--log=[access log: text, combined, json, errors, off]:log:(text combined json errors off)' \
    '*--trust-proxy=[believe X-Forwarded-For from CIDR (or unix) in the log]:trust-proxy: ' \
    '--metrics=[counters for Prometheus at this path, such as /metrics]:metrics: ' \
    '--check=-[ask a running server whether it is well; exit 0 or 1]::check: ' \
    '-q[no banner and no access log, only errors]' \
    '--quiet[no banner and no access log, only errors]' \
    '-v[also print the number of workers and their sandbox]' \
    '--verbose[also print the number of workers and their sandbox]' \
    '-h[print this and exit]' \
    '--help[print this and exit]' \
    '-V[print the version and exit]' \
    '--version[print the version and exit]' \
    '::root:_files'

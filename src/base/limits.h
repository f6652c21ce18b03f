/* Every bound of the program, each with its reason. Sizes in bytes, times in milliseconds. */
#pragma once

/* ---- requests ---- */

/* Request line and fields. nginx allows four buffers of 8 KiB, Apache 8190 bytes per field; browsers' cookies stay well
   below. Must be under 64 KiB: offsets of fields have 16 bits. */
#define LIMIT_HEAD 32768

/* Request target. RFC 9112 3 recommends at least 8000. */
#define LIMIT_TARGET 8192

/* Fields of a request. Apache allows 100; a browser behind two proxies sends about 40. */
#define LIMIT_FIELDS 128

/* Field lines that the server evaluates: it knows two dozen fields, and only lists may have several lines. Each line
   takes 6 bytes in every request. */
#define LIMIT_FIELD_LINES 32

/* A longer method is unknown without further input. The longest registered one has 17 bytes. */
#define LIMIT_METHOD 32

/* Request body with its framing, which the server discards. Enough for a form or an upload that was sent here by
   mistake; too little to keep a worker busy. */
#define LIMIT_BODY 1048576

/* Ranges of a request; more get the whole file (RFC 9110 14.2). Browsers ask for one, PDF viewers for a few, zsync for
   20, zchunk for 127. Ranges that touch are joined, so a response has each byte of the file once at most, and besides
   only a head of about 150 bytes for each part (RFC 9110 17.15). */
#define LIMIT_RANGES 256

/* One recv. Holds any usual request, and bounds what a pipelining client leaves in memory. */
#define LIMIT_INPUT 16384

/* Input that a worker receives from ready and new connections before it answers any: about a hundred usual requests. A
   multiple of LIMIT_INPUT, so that a whole recv fits while there is any room. */
#define LIMIT_BATCH 65536

/* The buffer of an incomplete head doubles and grows by this much more: doubling keeps a client that sends single bytes
   at linear cost, and the addition spares small buffers several steps. */
#define LIMIT_INPUT_ROOM 1024

/* ---- connections ---- */

/* From the first byte of a head to its last. Slow progress does not extend it. */
#define LIMIT_HEAD_MS 10000

/* From the end of a head to the end of its body. Slow progress does not extend it. */
#define LIMIT_BODY_MS 30000

/* Seconds between requests, without --keep-alive. Longer than the 60 s of common load balancers, so that the server
   never closes while a request is on its way. */
#define LIMIT_IDLE_S 75

/* A client must acknowledge LIMIT_WRITE_BYTES of the response every LIMIT_WRITE_MS, or 273 bytes per second;
   Kestrel asks for 240. Six connections that share a mobile network's 2 KiB/s are fast enough; a client that reads
   single bytes can't hold a descriptor forever. Browsers that pause a film are cut off as well, and send a Range
   when it continues. */
#define LIMIT_WRITE_MS 30000
#define LIMIT_WRITE_BYTES 8192

/* A header of the PROXY protocol. nginx allows as much; with all usual fields it has less than 536 bytes. */
#define LIMIT_PROXY_HEADER 4096

/* The interval between log messages about proxies without such a header. */
#define LIMIT_PROXY_HINT_S 60

/* The interval at which waitpid(2) polls the old workers when a program that can't start is stopped. */
#define LIMIT_DRAIN_POLL_MS 20

/* Lingering close: read after the last response, so that a reset does not overtake it (RFC 9112 9.6). An endless upload
   does not extend it. */
#define LIMIT_LINGER_MS 2000

/* Bytes that a connection sends before other connections have their turn. */
#define LIMIT_TURN_BYTES 1048576

/* Bytes that responses which begin together share in their first turns, or a small one would wait for a whole turn of
   each; and the least of one, and all while connections wait to be accepted. Usual batches are so small that each still
   has a whole turn. */
#define LIMIT_FIRST_TURNS_BYTES 67108864
#define LIMIT_FIRST_TURN_BYTES 65536

/* Microseconds for the turns of all responses in flight before a worker looks for new requests, or a small one would
   wait for a turn of each of a thousand downloads. */
#define LIMIT_TURNS_US 2000

/* A turn of a response in a simulated slow network: short enough that six downloads look even, and 50 wakeups a second
   cost no CPU time to speak of. */
#define LIMIT_SLOW_TURN_MS 20

/* Bytes a second of --slow. Below, its user meant kilobytes; above, no network is slow. */
#define LIMIT_SLOW_RATE_LEAST 1000
#define LIMIT_SLOW_RATE 104857600

/* Milliseconds of --slow before each response: no network is slower, and clients give up. */
#define LIMIT_SLOW_DELAY_MS 60000

/* ---- workers ---- */

/* Events of one epoll_wait. The next call returns the rest. */
#define LIMIT_EVENTS 256

/* Connections accepted in one iteration, so that other workers get a share of a burst. */
#define LIMIT_ACCEPTS 16

/* Connections after which a worker lets others accept first: 100 that a proxy keeps are then spread over a few workers,
   and the two system calls are shared by 16 connections. */
#define LIMIT_ACCEPT_SHARE 16

/* Connections in the accept queue of a listening socket: the kernel's own limit, net.core.somaxconn, as it is without
   sysctl. The C libraries' SOMAXCONN differ: 4096 in glibc, 128 in musl. */
#define LIMIT_BACKLOG 4096

/* Rounds of LIMIT_ACCEPTS that a stopping worker still accepts: LIMIT_BACKLOG of them. */
#define LIMIT_DRAIN_ROUNDS 256

/* A worker stops accepting for this long if it has no room for a connection and can't close one, or after an error of
   accept that may return at once. */
#define LIMIT_ACCEPT_PAUSE_MS 100

/* The interval between log messages about a failing listener. */
#define LIMIT_ACCEPT_HINT_S 60

/* A new connection may replace one with an incomplete request of this age. Honest requests arrive in one piece, or in
   two a round trip apart. */
#define LIMIT_HALF_REQUEST_MS 1000

/* Connections of a worker. Idle ones take 144 bytes each, so all take 9 MB. */
#define LIMIT_CONNECTIONS 65536

/* Listening sockets. More addresses than usual machines have; each takes a descriptor in every worker. */
#define LIMIT_LISTENERS 32

/* Descriptors that a worker needs besides listeners, files and connections: standard streams, epoll, the root,
   libmagic's database, a path lookup, a file being opened, and spare ones. */
#define LIMIT_RESERVED_FDS 16

/* The most descriptors of a worker: each connection may need two, its socket and a large file. */
#define LIMIT_DESCRIPTORS (2 * LIMIT_CONNECTIONS + LIMIT_LISTENERS + LIMIT_RESERVED_FDS)

/* ---- cached files ---- */

/* Files up to this size are cached in memory; larger ones are open descriptors for sendfile. Memory is about 5 % faster
   at 100 KiB, sendfile a third faster at 1 MiB. */
#define LIMIT_STORE_FILE 131072

/* All files cached in memory, per worker: this, or less if the cgroup limits memory. */
#define LIMIT_STORE_BYTES 67108864

/* The part of the cgroup's memory that the cached files of all workers take at most, and their listings as well: a
   quarter each. Half remains for the programs, connections, entries of the cache, and pages of large files. */
#define LIMIT_MEMORY_PART 4

/* Cache entries, per worker; fewer in proportion if LIMIT_STORE_BYTES does not apply. Each takes about 1100 bytes
   besides its file, its path and the fields of --header. */
#define LIMIT_STORE_ENTRIES 16384

/* Directories in which encoded siblings were looked for, per worker: 72 bytes each; and how many names of one are read
   at most, which takes a third of a millisecond. */
#define LIMIT_STORE_DIRECTORIES 4096
#define LIMIT_SIBLING_NAMES 1024

/* Piece of a file, on the stack, that is compared with cached bytes. */
#define LIMIT_STORE_PIECE 16384

/* Open descriptors in the cache. */
#define LIMIT_STORE_FDS 256

/* A cached descriptor closes this long after its last response, in time for a browser's next range. Until then, a
   deleted file keeps its space and its file system can't be unmounted. */
#define LIMIT_STORE_FD_MS 5000

/* A file must be unchanged for this long before its times are trusted. Two changes can have the same time: within a
   tick on most file systems, within two seconds on others (vfat, ext4 with small inodes). A writer can also be
   suspended between the timestamp and the write. */
#define LIMIT_RACY_MS 3000

/* A change that is older than this by our clock is trusted at first sight. A file server's clock may differ, but by
   less than a day: Kerberos fails at 5 minutes, and so do make(1), rsync(1) and TLS. */
#define LIMIT_CLOCK_SKEW_MS 86400000

/* Times that a file is read again if it changes meanwhile or two reads differ, before the response is 503; and times
   that a lookup is repeated after a descriptor was freed for it. */
#define LIMIT_STORE_RETRIES 4

/* The interval between log messages about files that can't be opened for lack of descriptors or memory: while it lasts,
   each request may fail. */
#define LIMIT_SHORTAGE_MS 60000

/* Names opened for a path, those of its links included, in about a millisecond; then the path is 404 (ELOOP). After
   each ".." of a link, the names before it are opened again. Honest paths need some dozens. */
#define LIMIT_WALK_STEPS 512

/* The directories from the root downwards in which Cloudflare's 404.html is looked for. */
#define LIMIT_MISSING_PAGES 32

/* The start of a large text file that is checked for UTF-8. Reading all of it would cost more than sending it. */
#define LIMIT_CHARSET_PROBE 65536

/* The start of a file that libmagic reads. Formats of web sites need no more, and its worst case grows with it. */
#define LIMIT_MIME_PROBE 4096

/* Bytes that libmagic's regular expressions read: 4 KiB of newlines then take 6 ms instead of 39. */
#define LIMIT_MAGIC_REGEX 1024

/* Indirect rules of libmagic, which call themselves at another offset (CVE-2014-8117). */
#define LIMIT_MAGIC_INDIRECT 10

/* Nested rules of libmagic. ZIP and MP4 need several. */
#define LIMIT_MAGIC_NAMES 50

/* CPU time of libmagic for a file. With the limits above, the worst known file takes 6 ms. */
#define LIMIT_MAGIC_MS 1000

/* Remembered files that crashed a worker in libmagic. With more of them in the root, each of the oldest can crash a
   worker again. */
#define LIMIT_BAD_FILES 64

/* ---- responses ---- */

/* Head, and the body of an error page or redirect, or the heads of LIMIT_RANGES parts. A Location can be three times as
   long as a target. The kernel allocates only pages that are used. */
#define LIMIT_RESPONSE_TEXT 90112

/* Parts of a response: its head, a head and a slice for each range, and the end of the multipart. */
#define LIMIT_PARTS (2 * LIMIT_RANGES + 2)

/* Piece of a body that is produced while it is sent; the first one also holds the head. Most listings fit into one
   piece, and then have a Content-Length. Must hold the longest row of a listing: a path as long as a target, and a name
   that HTML at most doubles. */
#define LIMIT_PIECE 25600

/* ---- listings ---- */

/* Entries of a listing. More are of no use to a person; the page says that it is cut. */
#define LIMIT_LISTING_ENTRIES 200000

/* Entries that a listing reads, with those that it does not show: a directory of FUSE may have no end. For each entry
   that is shown, four may be hidden. */
#define LIMIT_LISTING_READ (5 * LIMIT_LISTING_ENTRIES)

/* Microseconds that all listings of a worker take per iteration, before it serves other connections. */
#define LIMIT_LISTING_US 500

/* Entries read between two readings of the clock: about 20 microseconds. The clock is also read after each entry
   that had to be opened. */
#define LIMIT_LISTING_BATCH 16

/* All listings that a worker produces at once: this, or less if the cgroup limits memory. 100,000 entries with names of
   12 bytes take about 7 MB. */
#define LIMIT_LISTING_BYTES 67108864

/* A listing may take a quarter of the memory that is free beyond the reserve, an eighth of all, so that slow clients
   can't take all of it. Only small listings, of about 1000 entries, may take the reserve. */
#define LIMIT_LISTING_RESERVE 8
#define LIMIT_LISTING_SMALL 131072

/* Parent directories that a listing links by name. It leaves out those between them and the root. */
#define LIMIT_LISTING_CRUMBS 12

/* ---- rules by path: _redirects and _headers ---- */

/* A file of rules, as the IPFS specification says. Cloudflare names no size; this one has room for all of its rules
   with 120 bytes each. */
#define LIMIT_RULES_TEXT 65536
#define LIMIT_RULES_TEXT_CLOUDFLARE 262144

/* Rules of a file; GitLab Pages takes as many. Cloudflare: rules without wildcards above the first one with them, and
   the rest (MAX_STATIC_REDIRECT_RULES, MAX_DYNAMIC_REDIRECT_RULES). */
#define LIMIT_RULES 1000
#define LIMIT_RULES_STATIC 2000
#define LIMIT_RULES_DYNAMIC 100

/* Blocks of a _headers at Cloudflare (MAX_HEADER_RULES). */
#define LIMIT_RULES_BLOCKS 100

/* A line of rules (Cloudflare: MAX_LINE_LENGTH). */
#define LIMIT_RULES_LINE 2000

/* Wildcards of a rule, with its query parameters: more than segments of honest paths. */
#define LIMIT_RULES_WILDCARDS 16

/* Fields that _headers adds to a response. */
#define LIMIT_RULES_FIELDS 64

/* Bytes of them for which a header that is cached with a file has room: a Content-Security-Policy and some more. Each
   entry of the store has this room. */
#define LIMIT_RULES_HEAD 512

/* ---- explanations of a 404 ---- */

/* Explanations per second and worker: enough for a page full of dead links, too few to make a flood of 404s costly. */
#define LIMIT_REASONS 20

/* Names of a directory that are compared with the requested one: 0.4 ms on ext4, the slowest. */
#define LIMIT_REASON_NAMES 1024

/* Work of comparing them, in bytes and cells of the distance matrix: at most 0.3 ms. A name that shares only its ends
   costs about 300, one of a different length 1. */
#define LIMIT_REASON_WORK 65536

/* Names that are opened for a reason, those of links included, in about 0.3 ms: twice or three times each name of the
   path. */
#define LIMIT_REASON_STEPS 128

/* The interval between log messages about clients that speak TLS. */
#define LIMIT_TLS_HINT_S 60

/* ---- options ---- */

/* Values of a repeatable option: more than a person types. */
#define LIMIT_HEADERS 32
#define LIMIT_TYPE_OVERRIDES 64
#define LIMIT_CACHE_RULES 16
#define LIMIT_ENCODED_NAMES 32
#define LIMIT_ALLOWED_HOSTS 32

/* All fields of --header, each with ": " and CRLF. Every response and every cached file has them. */
#define LIMIT_HEADER_BYTES 4096

/* An origin: a scheme, the longest DNS name, and a port. */
#define LIMIT_ORIGIN 272

/* The path of --base, decoded. A repository's name has at most 100 bytes on GitHub and GitLab. */
#define LIMIT_BASE 255

/* The path of --open, with its query. */
#define LIMIT_OPEN_PATH 2048

/* A command of --open that runs for so long has not failed: some browsers stay in the foreground. */
#define LIMIT_BROWSER_MS 5000

/* Seconds of --keep-alive, --shutdown-delay and --drain. */
#define LIMIT_OPTION_S 86400

/* A charset name: at most 40 bytes in IANA's registry (RFC 2978 2.3). */
#define LIMIT_CHARSET_NAME 40

/* Entries of a listing whose size and time --watch checks, with a system call for each. It checks only the names of
   further entries, in some milliseconds for all. */
#define LIMIT_WATCHED_ENTRIES 1000
#define LIMIT_WATCHED_NAMES 10000

/* A media type with parameters. The longest registered one has 73 bytes. */
#define LIMIT_MEDIA_TYPE 79

/* The names of --index; each that a directory lacks costs a system call. */
#define LIMIT_INDEX_NAMES 8

/* The file name of --index. */
#define LIMIT_INDEX_NAME 64

/* Networks of --trust-proxy. Large content networks publish about two dozen. */
#define LIMIT_TRUSTED_PROXIES 64

/* ---- processes ---- */

/* Workers: the CPUs of the largest machines with two sockets. */
#define LIMIT_WORKERS 512

/* Workers on one CPU: while one waits for a disk, the other accepts. */
#define LIMIT_WORKERS_LEAST 2

/* Supplementary groups of --user. NFS passes on 16, and users of directory services have some dozens. */
#define LIMIT_GROUPS 256

/* Tries to find a port that is free at every address. The first nearly always is. */
#define LIMIT_FREE_PORT_TRIES 16

/* Ports tried after the default one, if it is in use. */
#define LIMIT_NEXT_PORTS 10

/* Time to resolve the name of the project's own origin, before the banner is printed without it. */
#define LIMIT_RESOLVE_MS 200

/* Seconds from SIGTERM until connections are closed, without --drain. Docker waits 10 s. */
#define LIMIT_DRAIN_S 8

/* A second SIGTERM, SIGINT or SIGQUIT stops at once, unless it follows so soon that it is the same one: timeout(1)
   signals the process, then its group. */
#define LIMIT_STOP_TWICE_MS 10

/* The master kills workers that still run this long after the drain or LIMIT_RETIRE_MS. */
#define LIMIT_DRAIN_GRACE_MS 500

/* The master waits this long for a killed worker before it exits without it. */
#define LIMIT_KILL_MS 1000

/* From a reload until old workers close their connections: long enough for a large download, as no new request
   waits. */
#define LIMIT_RETIRE_MS 3600000

/* After a reload, an old worker waits this long for one more request on an idle connection. A client that loads a page
   or sends requests in a row is in time; others have to reconnect. */
#define LIMIT_LAST_REQUEST_MS 2000

/* A request waits this long for the workers of a new root, which start within milliseconds; then it gets a 503. The
   master waits as long for the file system that holds the root's name. */
#define LIMIT_ROOT_MS 2000

/* The interval at which a worker retries such a request, as the root's name may lead to the open root again. */
#define LIMIT_ROOT_RETRY_MS 10

/* The interval in which the master looks at the root's name while it leads to no directory, or if the workers can't
   look. */
#define LIMIT_ROOT_LOOK_MS 100

/* The least time between two looks of the master at the root's name when workers report a change. Each look forks a
   process, and after a change all workers. */
#define LIMIT_ROOT_REPLACE_MS 20

/* The interval in which a worker goes on to hand over its connections when the queue is full. */
#define LIMIT_HANDOFF_RETRY_MS 1

/* The interval in which a reload looks whether late workers have taken over what waits in the channels. */
#define LIMIT_CHANNEL_LOOK_MS 20

/* From a reload until the master checks that old workers have closed the listening sockets; it checks twice, then kills
   those that have not. Workers close them at once unless they wait for a disk or a CPU. */
#define LIMIT_RELEASE_MS 2000

/* A check that uses this much CPU time between two looks at it, or waits for a CPU, goes on and is given more time: it
   takes 12 microseconds for each descriptor, and a machine may have no CPU for it. One that lacks memory or descriptors
   is begun again. All of them together have LIMIT_CHECK_MS. */
#define LIMIT_CHECK_STEP_US 5000
#define LIMIT_CHECK_MS 30000

/* More CPU time than the check of a worker with all its descriptors takes. Meanwhile other workers may wait: what /proc
   tells of an epoll instance locks that. */
#define LIMIT_CHECK_CPU_US 4000000

/* The interval at which a stopping worker checks whether the client has acknowledged everything. Then it does not wait
   for the client to close. */
#define LIMIT_LAST_BYTES_MS 50

/* Old workers at once. With more, a reload fails, so that repeated reloads can't fill the machine. */
#define LIMIT_RETIRED 1024

/* The dry run of a new program. It takes a few milliseconds. */
#define LIMIT_DRY_RUN_MS 10000

/* Wait for a busy service manager. The workers serve meanwhile. */
#define LIMIT_NOTIFY_MS 2000

/* A worker that can't be started, or that dies at an age below LIMIT_YOUNG_MS (a start takes much less), is restarted
   after a pause, which begins at LIMIT_PAUSE_MS and doubles up to LIMIT_BACKOFF_MS. */
#define LIMIT_YOUNG_MS 100
#define LIMIT_PAUSE_MS 50
#define LIMIT_BACKOFF_MS 5000

/* ---- the log ---- */

/* A line of the access log. Up to PIPE_BUF bytes, a write to a pipe is atomic (pipe(7)). */
#define LIMIT_LOG_LINE 4096

/* Lines that a worker collects before it writes them, for a few milliseconds: waking the reader of a pipe takes
   microseconds. */
#define LIMIT_LOG_HELD 32768

/* Minimum capacity of a pipe on standard output: several workers may write at once. */
#define LIMIT_LOG_PIPE 262144

/* The interval between messages while a log loses lines, and from the end of a loss to the message that the next one
   has begun: a reader that is a little too slow begins and ends them all the time. */
#define LIMIT_LOG_LOSS_MS 60000
#define LIMIT_LOG_LOSS_AGAIN_MS 1000

/* The interval between writes to a full pipe. */
#define LIMIT_LOG_RETRY_MS 100

/* Time for the last lines after the server has ended, and for the report of lost ones, before the writer
   is killed. With LIMIT_DRAIN_S and its grace under the 10 s of Docker. */
#define LIMIT_LOG_LAST_MS 1000
#define LIMIT_LOG_GRACE_MS 250

/* The same after a second SIGTERM, SIGINT or SIGQUIT. */
#define LIMIT_LOG_HURRY_MS 100

/* The least time from one start of a log writer to the next. */
#define LIMIT_LOG_RESTART_MS 1000

/* Log writers of earlier programs that are passed on at a reload; each ends with the old workers. */
#define LIMIT_LOG_FORMER 64

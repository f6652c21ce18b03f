/* Every bound in the program, each with its reason. Sizes in bytes, times in milliseconds. */
#ifndef TINYHTTPD_BASE_LIMITS_H
#define TINYHTTPD_BASE_LIMITS_H

/* ---- what a client may send ---- */

/* A request line with its fields. nginx takes four buffers of 8 KiB, Apache 8190 bytes a field; browsers' cookies stay
   well below. Field offsets are 16 bits wide, so it must stay under 64 KiB. */
#define LIMIT_HEAD 32768

/* A request target. RFC 9112 3 asks for 8000 at least. */
#define LIMIT_TARGET 8192

/* Fields in a request. Apache's figure is 100; a browser behind two proxies sends about 40. */
#define LIMIT_FIELDS 128

/* Of these, those that the server reads: seventeen fields, of which only lists may stand on several lines. Each
   takes 6 bytes of every request, whether it has them or not. */
#define LIMIT_FIELD_LINES 32

/* The longest method name worth waiting for before it is called unknown: the registry's longest has 17. */
#define LIMIT_METHOD 32

/* A request body with its framing, which is discarded. Large enough for a form or an upload that went to
   the wrong place to stay in step, small enough not to be a way to keep a worker busy. */
#define LIMIT_BODY 1048576

/* Ranges in a request, counted as they are asked for; more give the whole file, as a server may (RFC 9110 14.2). A
   browser asks for one and a PDF viewer for a few. Each costs a part of the response with a head of its own, so this
   bounds what a small request can make of a small file (RFC 9110 17.15). */
#define LIMIT_RANGES 16

/* One recv. Takes any usual request whole, and bounds what a pipelining client leaves in memory. */
#define LIMIT_INPUT 16384

/* What a worker receives from its connections before it answers any of them: each is offered LIMIT_INPUT of it, and takes
   as much as has come. Room for a hundred usual requests; a multiple of LIMIT_INPUT, so that there is one more recv while
   any of it is free. */
#define LIMIT_BATCH 65536

/* When the memory of a head in part is nearly full it is doubled, so that a client which sends byte by byte costs
   linear work, and this much is added, so that the first few bytes are no reason to do it again. */
#define LIMIT_INPUT_ROOM 1024

/* ---- what a connection may take ---- */

/* From the first byte of a head to its last; absolute, a trickle does not renew it. */
#define LIMIT_HEAD_MS 10000

/* From the end of a head to the end of its body, absolute as well. */
#define LIMIT_BODY_MS 30000

/* Between requests. Longer than the 60 s after which common load balancers give a connection up, so that it is
   never this side that closes while a request is on its way. */
#define LIMIT_IDLE_MS 75000

/* While the socket is full, in each of these times a client must take so many bytes, as its acknowledgements tell: 273
   a second. Slow but honest clients live, even six connections that share 2 KiB/s of a mobile network; one that takes
   a byte now and then does not hold its answer, and a descriptor, for ever. A client that pauses a film stops reading and is
   cut off as well: browsers ask for the rest with a Range when it is played on. Kestrel asks for 240 a second. */
#define LIMIT_WRITE_MS 30000
#define LIMIT_WRITE_BYTES 8192

/* Reading on after the last answer, so that a reset does not overtake it (RFC 9112 9.6); absolute, so that an upload
   which never ends does. */
#define LIMIT_LINGER_MS 2000

/* Bytes that a connection sends in a turn before others have theirs. */
#define LIMIT_TURN_BYTES 1048576

/* ---- what a worker may take ---- */

/* Events of one epoll_wait. What is left over comes with the next; the ready list is stepped besides. */
#define LIMIT_EVENTS 256

/* Connections accepted in a turn: a burst is taken in pieces, so that other workers get their share. */
#define LIMIT_ACCEPTS 16

/* Times LIMIT_ACCEPTS that a worker still accepts when it stops: what a full queue of connections (SOMAXCONN) holds. */
#define LIMIT_DRAIN_ROUNDS 256

/* How long listeners are left alone when there is no room for a connection and none that gives way, and after an error
   of accept that may come again at once. */
#define LIMIT_ACCEPT_PAUSE_MS 100

/* How often a listener that fails is worth a line in the log. */
#define LIMIT_ACCEPT_HINT_S 60

/* How old half a request must be before it gives way to a new connection: an honest one comes in one piece, or two a
   round trip apart. */
#define LIMIT_HALF_REQUEST_MS 1000

/* Connections that a worker holds. At 112 bytes each while idle, and malloc's 8, 8 MB. */
#define LIMIT_CONNECTIONS 65536

/* Listening sockets: addresses given with --bind, after names are resolved. More than the interfaces of any usual
   machine in both families; each is a descriptor in every worker. */
#define LIMIT_LISTENERS 32

/* Descriptors that a worker keeps for itself, besides its listeners: the standard streams, epoll, the root, libmagic's
   database, a path being looked up, a file being opened, and some to spare. */
#define LIMIT_RESERVED_FDS 16

/* ---- what the store may take ---- */

/* A file up to this size is held as bytes, a larger one as a descriptor for sendfile. Sending 100 KiB from memory
   costs about 5 % less than sendfile; at 1 MiB sendfile costs a third less. */
#define LIMIT_STORE_FILE 131072

/* All files held as bytes, in each worker. */
#define LIMIT_STORE_BYTES 67108864

/* Entries, of which each takes about 1100 bytes besides its file, and what --header says. */
#define LIMIT_STORE_ENTRIES 16384

/* A piece of a file that is compared with the bytes that are held, on the stack. */
#define LIMIT_STORE_PIECE 16384

/* Open descriptors among the entries. */
#define LIMIT_STORE_FDS 256

/* How long a descriptor stays open after the last answer that needed it: as long as a browser takes for its next range.
   Until then the space of a deleted file is not freed, and its file system can't be unmounted. */
#define LIMIT_STORE_FD_MS 5000

/* Directories that are open at once, only while requests are answered. Most pages need two or three; more take turns.
   They give way where a descriptor is needed. */
#define LIMIT_STORE_DIRECTORIES 16

/* A file is read again for every request until it has been seen unchanged for so long. Two changes may carry the same
   time: for a tick of the kernel's clock on most file systems, for a second or two on others (ext4 with small inodes,
   vfat). And a writer may be held up between stamping the file and writing to it. */
#define LIMIT_RACY_MS 3000

/* A change that is older than this by the clock is trusted when it is first seen. A file server's clock may differ from
   ours, but not by a day: Kerberos refuses 5 minutes, and make(1), rsync(1) and TLS would fail as well. */
#define LIMIT_CLOCK_SKEW_MS 86400000

/* Times a file that changes while it is read, or of which two reads differ, is read again before the client is told to
   come back; and that a path is looked up again where a descriptor had to be freed for it. */
#define LIMIT_STORE_RETRIES 4

/* Times that openat2 is asked for a path. It gives EAGAIN at each ".." during which anything was renamed anywhere, as one
   lock counts the renames of all file systems. After the last time the path is walked without openat2. */
#define LIMIT_OPENAT2_TRIES 64

/* Names that are opened on such a walk, which takes about 10 ms; then the path counts as a loop (ELOOP). A path of 4,095
   bytes and a symbolic link that leads all the way back need 4,096. */
#define LIMIT_WALK_STEPS 8192

/* The part of a large text file in which UTF-8 is looked for: reading all of it would cost more than its answer. */
#define LIMIT_CHARSET_PROBE 65536

/* As much of a file as its type may depend on. libmagic needs no more for what is found on web sites, and its worst
   case grows with what it sees. */
#define LIMIT_MIME_PROBE 4096

/* What libmagic's regular expressions see: the whole of its time for 4 KiB of newlines, 6 ms and not 39. */
#define LIMIT_MAGIC_REGEX 1024

/* Its rules that call themselves at another offset: CVE-2014-8117. */
#define LIMIT_MAGIC_INDIRECT 10

/* Its rules that call others; ZIP and MP4 need several. */
#define LIMIT_MAGIC_NAMES 50

/* CPU time that libmagic may take for a file. With the bounds above the worst file found takes 6 ms. */
#define LIMIT_EXAMINATION_MS 1000

/* Files that are remembered for having ended a worker. A person who can put more of them into the root can have a worker
   ended by each of the oldest again. */
#define LIMIT_BAD_FILES 64

/* ---- what a response may take ---- */

/* A head with an error page or a redirect's body after it; a Location may be three times a target. */
#define LIMIT_RESPONSE_TEXT 40960

/* Parts of a response: its head, then for each range a head and a slice, then the end of the multipart. */
#define LIMIT_PARTS (2 * LIMIT_RANGES + 2)

/* A piece of a body that is made while it is sent; the head of its answer stands behind the first in the same text. Most
   directories fit into one, and then have a Content-Length. It holds the longest row of a listing: a path as long as a
   target, and its text, which as HTML is at most twice as long. */
#define LIMIT_PIECE 25600

/* ---- what a listing may take ---- */

/* Entries that a page lists. More is nothing that a person could use; the page says that there are more. */
#define LIMIT_LISTING_ENTRIES 200000

/* Microseconds that all listings of a worker together take of an iteration of its loop, before other connections are
   served. */
#define LIMIT_LISTING_US 500

/* Entries that are read between two looks at the clock: about 20 microseconds. A symbolic link is followed by a look. */
#define LIMIT_LISTING_BATCH 16

/* All listings that a worker makes at a time. 100,000 entries with names of 12 bytes take about 7 MB. */
#define LIMIT_LISTING_BYTES 67108864

/* A listing may take a quarter of what the others leave of that, less the reserve: clients that read slowly can't take
   all of it. The reserve is for listings up to the second size, about 1,000 entries. */
#define LIMIT_LISTING_RESERVE 8388608
#define LIMIT_LISTING_SMALL 131072

/* The directories above that a page leads to by name; it leaves out what lies between them and the root. */
#define LIMIT_LISTING_CRUMBS 12

/* ---- what the reason of a 404 may take ---- */

/* Reasons that a worker looks for in a second: a page with that many dead links is told all of them, and a flood of such
   requests costs what it did before. */
#define LIMIT_REASONS 20

/* Names of a directory that are read in search of the one that was meant: 0.4 ms on ext4, where each costs most. */
#define LIMIT_REASON_NAMES 1024

/* What it may cost to compare them, in bytes and cells of the matrix that are looked at: 0.3 ms at most. A name that is
   alike but for its two ends counts for about 300, one of another length for 1. */
#define LIMIT_REASON_WORK 65536

/* Directories on the way to it. */
#define LIMIT_REASON_DEPTH 32

/* How often a client that speaks TLS is worth a line in the log. */
#define LIMIT_TLS_HINT_S 60

/* ---- what a command line may say ---- */

/* Header fields, types and hosts of its own: more than anybody types. */
#define LIMIT_HEADERS 32
#define LIMIT_TYPE_OVERRIDES 64

/* All those header fields together, each with ": " and its line's end: they stand in the head of every answer, and are kept
   with each file. */
#define LIMIT_HEADER_BYTES 4096

/* An origin: a scheme, the longest name that DNS can hold, a port. */
#define LIMIT_ORIGIN 272

/* The path that a browser is opened at, query included; it is one of the site's own. */
#define LIMIT_OPEN_PATH 2048

/* The name of a charset; IANA's longest has 40 bytes at most (RFC 2978 2.3). */
#define LIMIT_CHARSET_NAME 40

/* A media type, with its parameters. The longest that is registered has 73 bytes. */
#define LIMIT_MEDIA_TYPE 79

/* The name of the file that stands for its directory. */
#define LIMIT_INDEX_NAME 64
#define LIMIT_ALLOWED_HOSTS 32

/* Networks of proxies. A large content network publishes about two dozen. */
#define LIMIT_TRUSTED_PROXIES 64

/* ---- processes ---- */

/* As many as the largest machines of two sockets have CPUs: more would only take turns. */
#define LIMIT_WORKERS 512

/* How many free ports are tried until one is free on every address. The first nearly always is. */
#define LIMIT_FREE_PORT_TRIES 16

/* How many ports after the default one are tried where it is in use and none was chosen. */
#define LIMIT_NEXT_PORTS 10

/* From a signal to stop until connections are cut: under the 10 s that Docker waits. */
#define LIMIT_DRAIN_MS 8000

/* A second signal to stop means "at once", unless it comes so soon that it is the first one sent twice, as timeout(1)
   does: to the process, then to its group. No person is that quick. */
#define LIMIT_STOP_TWICE_MS 10

/* What the master gives the workers on top, before it ends one that hangs. */
#define LIMIT_DRAIN_GRACE_MS 500

/* From SIGHUP until the workers of before cut what they still send: a large file over a slow line takes its time, and
   no client waits for them. */
#define LIMIT_RETIRE_MS 3600000

/* How long a worker of before waits for another request on an idle connection, which it answers as the last one. A client
   that asks in a row, or loads a page, does so sooner; another one has to open a new connection. */
#define LIMIT_LAST_REQUEST_MS 2000

/* From SIGHUP until a worker of before must have closed the listening sockets; then once more, before it is ended. It closes
   them when it hears of the reload, unless a disk or a lack of CPU time holds it up for longer than clients wait. */
#define LIMIT_RELEASE_MS 2000

/* How often a worker that stops looks whether the last bytes have arrived. When they have, it no longer waits for the
   client's end, as the client could hold it up by that. */
#define LIMIT_LAST_BYTES_MS 50

/* Workers of before at once. With as many left a SIGHUP is refused; so no number of them can fill the machine. */
#define LIMIT_RETIRED 1024

/* How long a new program may take to show that it can serve, when SIGHUP comes. It takes some milliseconds. */
#define LIMIT_TRIAL_MS 10000

/* How long a service manager that is busy is waited for when it has to be told something. The workers serve meanwhile. */
#define LIMIT_NOTIFY_MS 2000

/* A worker that dies younger than the first figure, which is many times what its start takes, or for which there is no
   process, is started again only after a pause: the second one, then doubled each time, up to the third. */
#define LIMIT_YOUNG_MS 100
#define LIMIT_PAUSE_MS 50
#define LIMIT_BACKOFF_MS 5000

/* One line of the access log, and of what is written of it at once: to a pipe, a write(2) of up to PIPE_BUF bytes is
   whole (pipe(7)). */
#define LIMIT_LOG_LINE 4096

/* Lines that a worker holds before it writes them, for a few milliseconds at most: waking the reader of a pipe costs some
   microseconds, which many lines shall share. */
#define LIMIT_LOG_HELD 32768

/* What a pipe for them shall have room for, where it has less: several workers may write theirs at one moment. */
#define LIMIT_LOG_PIPE 262144

/* While the reader does not read, how often it is tried again. */
#define LIMIT_LOG_RETRY_MS 100

/* How long the process that writes to a terminal has for the last lines once the server has ended, and what the master
   gives it on top to tell which were lost, before it kills it. With LIMIT_DRAIN_MS and its grace still under the 10 s
   that Docker waits. */
#define LIMIT_LOG_LAST_MS 1000
#define LIMIT_LOG_GRACE_MS 250

/* How often that process is replaced when it is killed: the master is not to do it for ever. */
#define LIMIT_LOG_WRITERS 16

#endif

/* A name of its own for each project: FOLDER.localhost (RFC 6761 6.3). Storage, cookies and service workers belong to
   an origin, and all projects that are served at localhost:8080 in turn share that one. */
#pragma once

#include <stdbool.h>

enum { ORIGIN_NAME_MAX = 63 + sizeof ".localhost" };

/* Writes the name for the folder at `path`. Returns false if the folder's name is no label of a host name (RFC 1123
   2.1), or if the name does not resolve to loopback addresses alone within LIMIT_RESOLVE_MS; a child process asks, as
   getaddrinfo(3) has no limit. */
bool origin_find(const char *path, char name[static ORIGIN_NAME_MAX]);

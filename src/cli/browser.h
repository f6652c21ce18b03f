/* A browser, opened as the desktop does it. */
#ifndef TINYHTTPD_CLI_BROWSER_H
#define TINYHTTPD_CLI_BROWSER_H

/* Starts xdg-open with the URL, in a session of its own, so that Ctrl-C does not end the browser with the server. Its
   process is the caller's child. Returns 0, or an errno, such as ENOENT where there is no xdg-open. */
int browser_open(const char *url);

#endif

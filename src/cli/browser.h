/* Opens the desktop's browser. */
#ifndef TINYHTTPD_CLI_BROWSER_H
#define TINYHTTPD_CLI_BROWSER_H

/* Starts xdg-open with the URL, in a session of its own, so that Ctrl-C does not end the browser with the server. The
   caller reaps the child. Returns 0 or an errno, such as ENOENT if xdg-open is not installed. */
int browser_open(const char *url);

#endif

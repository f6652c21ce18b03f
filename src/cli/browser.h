/* Opens a browser. */
#pragma once

/* Starts a process that tries the commands of $BROWSER, xdg-open and wslview until one does not fail, and logs the
   first failure if all do. Under sudo they run as the user that typed the command. The caller reaps the process, which
   ends after LIMIT_BROWSER_MS for each command at most. */
void browser_open(const char *url);

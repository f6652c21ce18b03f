/* Notifies the service manager of the server's state (sd_notify(3)). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* True if a service manager waits for notify_ready(). */
bool notify_is_expected(void);

/* The server accepts requests. */
void notify_ready(void);

/* A reload begins; the old program or the new one calls notify_ready when it is over. */
void notify_reloading(void);

/* The server stops, which may take this long: systemd then waits longer than TimeoutStopSec=. */
void notify_stopping(int64_t milliseconds);

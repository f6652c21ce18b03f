/* Reports the state of the server to the service manager that started it: the datagrams of sd_notify(3). */
#ifndef TINYHTTPD_PROCESS_NOTIFY_H
#define TINYHTTPD_PROCESS_NOTIFY_H

/* This process serves. */
void notify_ready(void);

/* It is about to be replaced by a new program in the same process; notify_ready follows, from the old program or the
   new one. */
void notify_reloading(void);

/* It finishes what is in flight and ends. */
void notify_stopping(void);

#endif

/* Tells whoever started this how it fares: the datagrams of sd_notify(3). */
#ifndef TINYHTTPD_PROCESS_NOTIFY_H
#define TINYHTTPD_PROCESS_NOTIFY_H

/* This process serves. */
void notify_ready(void);

/* It is about to be replaced by a new program in the same process; notify_ready follows, whoever serves then. */
void notify_reloading(void);

/* It finishes what is in flight and ends. */
void notify_stopping(void);

#endif

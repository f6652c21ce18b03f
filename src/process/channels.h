/* The sockets between processes. Workers that retire hand their connections over to others, directly: the master reads
   nothing that a client has sent, and never holds a descriptor that a worker has opened. */
#pragma once

#include <stdbool.h>

/* What is sent to one end is received from the other. */
struct channel {
    int sender;
    int receiver;
};

enum { CHANNELS_OLD = 2 };

/* Each program has channels of its own: a compromised worker of the program before can spoil and read none of them but
   that on which it hands over. */
struct channels {
    struct channel own;    /* between the workers of this program: they have both ends */
    struct channel next;   /* to those of the program that replaces this one */
    int before;            /* receives from those of the program that this one replaces */
    int old[CHANNELS_OLD]; /* receive what nothing is handed over to any more, see channels_end_old(); -1: none */
};

/* What the program before has passed. */
struct passed_channels {
    int next; /* the receiving ends */
    int own;
    int before;
    bool are_of_this_version; /* else this program can't read their messages, and ends all of them */
};

/* Makes the sockets. `passed`: NULL if there is no program before; on failure the caller keeps it. Returns 0, or -1
   with errno. */
int channels_open(struct channels *channels, const struct passed_channels *passed);

/* Drops what a worker has sent to the next program before there is one: its descriptors would stay in flight after the
   worker's end. Takes as long as closing them does, which a file system may delay. */
void channels_drop_early(const struct channels *channels);

/* Ends the channel among the workers of the program before, and that from the program before that one: nothing can be
   sent on them any more. A compromised worker could keep a listening socket in them while the master checks whether it
   has one, so drop their messages before that. */
void channels_end_old(const struct channels *channels);

/* Ends only the latter, once the workers that receive from it are about to be told to retire: they take what is on its
   way, and its senders, two programs back, see that no worker takes connections over any more. */
void channels_end_oldest(const struct channels *channels);

/* True if no connection waits in those from which workers of this or an earlier program receive. Reads none. */
bool channels_are_empty(const struct channels *channels);

/* True if one of both is open. */
bool channels_have_old(const struct channels *channels);

/* In a child: drops the messages of the ended channels. Closing what is in them may take seconds, such as an epoll
   instance with millions of entries, or as long as a file system does not respond. */
void channels_drop_old(const struct channels *channels);

/* Closes the ended channels, once a child has dropped their messages. */
void channels_close_old(struct channels *channels);

/* In a worker: moves a descriptor that has a fixed number (base/descriptors.h). False with errno on failure. */
bool channels_make_room(int *fd);

/* In a worker, when the fixed numbers are free: puts its ends there, and `notices`, a socket to the master. False with
   errno on failure. */
bool channels_enter_worker(const struct channels *channels, int notices);

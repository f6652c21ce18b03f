/*
 * Deadlines of connections. One queue for each kind: all in it wait equally long, so that the one that came first
 * is due first, and arming, disarming and finding the next are O(1).
 */
#ifndef TINYHTTPD_SERVE_DEADLINE_H
#define TINYHTTPD_SERVE_DEADLINE_H

#include <stdint.h>

/* What is waited for; limits.h says for how long. */
enum deadline_kind {
    DEADLINE_IDLE,         /* a request */
    DEADLINE_HEAD,         /* the rest of a head */
    DEADLINE_BODY,         /* the rest of a body */
    DEADLINE_WRITE,        /* that the client takes so much of its answer */
    DEADLINE_LINGER,       /* the client's end, after the last answer */
    DEADLINE_LAST_REQUEST, /* idle, in a worker that retires */
    DEADLINE_LAST_BYTES,   /* lingering, in a worker that stops */
    DEADLINE_KINDS,        /* their number; as a kind: not armed */
};

/* A place in a queue, embedded in what waits. */
struct deadline {
    struct deadline *earlier;
    struct deadline *later;
    int64_t due; /* milliseconds of the monotonic clock */
    enum deadline_kind kind;
};

struct deadlines {
    struct deadline ends[DEADLINE_KINDS]; /* of rings: `later` is the first due, `earlier` the last */
};

void deadlines_init(struct deadlines *deadlines);

/* Makes a deadline that is not armed. */
void deadline_init(struct deadline *deadline);

/* Arms the deadline anew: `now` plus the time of the kind. */
void deadline_arm(struct deadlines *deadlines, struct deadline *deadline, enum deadline_kind kind,
                  int64_t now);

void deadline_disarm(struct deadline *deadline);

/* The one of the kind that is due first, or NULL. */
struct deadline *deadline_first(const struct deadlines *deadlines, enum deadline_kind kind);

/* The one of the same kind that is due after an armed one, or NULL. */
struct deadline *deadline_after(const struct deadlines *deadlines, const struct deadline *deadline);

/* Milliseconds since an armed one was armed. */
int64_t deadline_age(const struct deadline *deadline, int64_t now);

/* One that is due at `now`, or NULL. */
struct deadline *deadline_due(const struct deadlines *deadlines, int64_t now);

/* Milliseconds from `now` until the next is due, at least 0; -1 where none is armed. */
int64_t deadline_wait(const struct deadlines *deadlines, int64_t now);

#endif

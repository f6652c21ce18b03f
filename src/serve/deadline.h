/* Deadlines of connections, in a queue for each kind. All deadlines of a kind take equally long, so the first armed is
   the first due, and arming, disarming and finding the next are O(1). Only a deadline that another worker armed is
   sorted in. */
#pragma once

#include <stdint.h>

/* The events that a connection waits for; limits.h has the times. */
enum deadline_kind {
    DEADLINE_IDLE,         /* a request */
    DEADLINE_HEAD,         /* the rest of a head */
    DEADLINE_BODY,         /* the rest of a body */
    DEADLINE_WRITE,        /* acknowledgements of LIMIT_WRITE_BYTES of the response */
    DEADLINE_LINGER,       /* the client's close after the last response */
    DEADLINE_ROOT,         /* the workers of a root that has replaced this one's */
    DEADLINE_LAST_REQUEST, /* a request, in a worker that retires without successors */
    DEADLINE_LAST_BYTES,   /* acknowledgement of the last bytes, in a worker that drains */
    DEADLINE_DELAY,        /* the delay of a slow network; armed for its end */
    DEADLINE_TURN,         /* a turn in a slow network; armed for its end */
    DEADLINE_KINDS,        /* their number; as a kind: not armed */
};

/* A member of a queue, embedded in a connection. */
struct deadline {
    struct deadline *earlier;
    struct deadline *later;
    int64_t due; /* milliseconds of the monotonic clock */
    enum deadline_kind kind;
};

struct deadlines {
    struct deadline ends[DEADLINE_KINDS]; /* rings: `later` is the first due, `earlier` the last */
    int64_t earliest;                     /* no deadline is due before; the one that was due then may be disarmed */
    int64_t durations[DEADLINE_KINDS];
};

/* `idle`: milliseconds of DEADLINE_IDLE. */
void deadlines_init(struct deadlines *deadlines, int64_t idle);

/* Makes an unarmed deadline. */
void deadline_init(struct deadline *deadline);

/* Arms the deadline, again if it is armed: it is due at `now`, or an earlier time, plus the time of the kind. */
void deadline_arm(struct deadlines *deadlines, struct deadline *deadline, enum deadline_kind kind, int64_t now);

void deadline_disarm(struct deadline *deadline);

/* Arms all armed deadlines again at `now`; their order stays. */
void deadlines_renew(struct deadlines *deadlines, int64_t now);

/* The deadline of this kind that is due first, or NULL. */
struct deadline *deadline_first(const struct deadlines *deadlines, enum deadline_kind kind);

/* The deadline of the same kind that is due after this armed one, or NULL. */
struct deadline *deadline_after(const struct deadlines *deadlines, const struct deadline *deadline);

/* Milliseconds since the deadline was armed. */
int64_t deadline_age(const struct deadlines *deadlines, const struct deadline *deadline, int64_t now);

/* A deadline that is due at `now`, or NULL. */
struct deadline *deadline_due(struct deadlines *deadlines, int64_t now);

/* Milliseconds from `now` until the next deadline is due, at least 0; perhaps less, if a deadline was disarmed. -1:
   none is armed. */
int64_t deadline_wait(struct deadlines *deadlines, int64_t now);

#include "serve/deadline.h"

#include "base/limits.h"

#include <stddef.h>
#include <string.h>

static const int64_t durations[DEADLINE_KINDS] = {
    [DEADLINE_HEAD] = LIMIT_HEAD_MS,
    [DEADLINE_BODY] = LIMIT_BODY_MS,
    [DEADLINE_WRITE] = LIMIT_WRITE_MS,
    [DEADLINE_LINGER] = LIMIT_LINGER_MS,
    [DEADLINE_ROOT] = LIMIT_ROOT_MS,
    [DEADLINE_LAST_REQUEST] = LIMIT_LAST_REQUEST_MS,
    [DEADLINE_LAST_BYTES] = LIMIT_LAST_BYTES_MS,
};

void deadlines_init(struct deadlines *deadlines, int64_t idle)
{
    memcpy(deadlines->durations, durations, sizeof durations);
    deadlines->durations[DEADLINE_IDLE] = idle;
    for (unsigned kind = 0; kind < DEADLINE_KINDS; kind++) {
        struct deadline *end = &deadlines->ends[kind];
        *end = (struct deadline){.earlier = end, .later = end, .kind = kind};
    }
    deadlines->earliest = INT64_MAX;
}

void deadline_init(struct deadline *deadline)
{
    *deadline = (struct deadline){.kind = DEADLINE_KINDS};
}

static void leave_queue(struct deadline *deadline)
{
    if (deadline->kind == DEADLINE_KINDS)
        return;
    deadline->earlier->later = deadline->later;
    deadline->later->earlier = deadline->earlier;
}

void deadline_disarm(struct deadline *deadline)
{
    leave_queue(deadline);
    deadline_init(deadline);
}

void deadline_arm(struct deadlines *deadlines, struct deadline *deadline, enum deadline_kind kind, int64_t now)
{
    struct deadline *end = &deadlines->ends[kind];
    struct deadline *later = end;
    int64_t due = now + deadlines->durations[kind];
    leave_queue(deadline);
    while (later->earlier != end && later->earlier->due > due)
        later = later->earlier;
    *deadline = (struct deadline){.earlier = later->earlier, .later = later, .due = due, .kind = kind};
    later->earlier->later = deadline;
    later->earlier = deadline;
    if (due < deadlines->earliest)
        deadlines->earliest = due;
}

struct deadline *deadline_first(const struct deadlines *deadlines, enum deadline_kind kind)
{
    const struct deadline *end = &deadlines->ends[kind];
    return end->later != end ? end->later : NULL;
}

struct deadline *deadline_after(const struct deadlines *deadlines, const struct deadline *deadline)
{
    const struct deadline *end = &deadlines->ends[deadline->kind];
    return deadline->later != end ? deadline->later : NULL;
}

int64_t deadline_age(const struct deadlines *deadlines, const struct deadline *deadline, int64_t now)
{
    return now + deadlines->durations[deadline->kind] - deadline->due;
}

/* Also sets `earliest`. */
static struct deadline *next_due(struct deadlines *deadlines)
{
    struct deadline *next = NULL;
    for (unsigned kind = 0; kind < DEADLINE_KINDS; kind++) {
        struct deadline *first = deadline_first(deadlines, kind);
        if (first != NULL && (next == NULL || first->due < next->due))
            next = first;
    }
    deadlines->earliest = next != NULL ? next->due : INT64_MAX;
    return next;
}

void deadlines_renew(struct deadlines *deadlines, int64_t now)
{
    for (unsigned kind = 0; kind < DEADLINE_KINDS; kind++) {
        struct deadline *deadline = deadline_first(deadlines, kind);
        for (; deadline != NULL; deadline = deadline_after(deadlines, deadline))
            deadline->due = now + deadlines->durations[kind];
    }
    (void)next_due(deadlines);
}

struct deadline *deadline_due(struct deadlines *deadlines, int64_t now)
{
    if (now < deadlines->earliest)
        return NULL;
    struct deadline *next = next_due(deadlines);
    return next != NULL && next->due <= now ? next : NULL;
}

int64_t deadline_wait(struct deadlines *deadlines, int64_t now)
{
    if (now >= deadlines->earliest)
        (void)next_due(deadlines);
    if (deadlines->earliest == INT64_MAX)
        return -1;
    return deadlines->earliest > now ? deadlines->earliest - now : 0;
}

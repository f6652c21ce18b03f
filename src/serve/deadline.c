#include "serve/deadline.h"

#include "base/limits.h"

#include <stddef.h>

static const int64_t durations[DEADLINE_CLASSES] = {
    [DEADLINE_IDLE] = LIMIT_IDLE_MS,   [DEADLINE_HEAD] = LIMIT_HEAD_MS,     [DEADLINE_BODY] = LIMIT_BODY_MS,
    [DEADLINE_WRITE] = LIMIT_WRITE_MS, [DEADLINE_LINGER] = LIMIT_LINGER_MS,
};

void deadlines_init(struct deadlines *deadlines)
{
    for (unsigned class = 0; class < DEADLINE_CLASSES; class ++) {
        struct deadline *end = &deadlines->ends[class];
        *end = (struct deadline){.earlier = end, .later = end, .class = class};
    }
}

void deadline_init(struct deadline *deadline)
{
    *deadline = (struct deadline){.class = DEADLINE_CLASSES};
}

void deadline_disarm(struct deadline *deadline)
{
    if (deadline->class == DEADLINE_CLASSES)
        return;
    deadline->earlier->later = deadline->later;
    deadline->later->earlier = deadline->earlier;
    deadline_init(deadline);
}

void deadline_arm(struct deadlines *deadlines, struct deadline *deadline, enum deadline_class class,
                  int64_t now)
{
    struct deadline *end = &deadlines->ends[class];
    deadline_disarm(deadline);
    *deadline = (struct deadline){
        .earlier = end->earlier,
        .later = end,
        .due = now + durations[class],
        .class = class,
    };
    end->earlier->later = deadline;
    end->earlier = deadline;
}

struct deadline *deadline_first(const struct deadlines *deadlines, enum deadline_class class)
{
    const struct deadline *end = &deadlines->ends[class];
    return end->later != end ? end->later : NULL;
}

static struct deadline *next_due(const struct deadlines *deadlines)
{
    struct deadline *next = NULL;
    for (unsigned class = 0; class < DEADLINE_CLASSES; class ++) {
        struct deadline *first = deadline_first(deadlines, class);
        if (first != NULL && (next == NULL || first->due < next->due))
            next = first;
    }
    return next;
}

struct deadline *deadline_due(const struct deadlines *deadlines, int64_t now)
{
    struct deadline *next = next_due(deadlines);
    return next != NULL && next->due <= now ? next : NULL;
}

int64_t deadline_wait(const struct deadlines *deadlines, int64_t now)
{
    const struct deadline *next = next_due(deadlines);
    if (next == NULL)
        return -1;
    return next->due > now ? next->due - now : 0;
}

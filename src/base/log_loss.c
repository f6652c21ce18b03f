#include "base/log_loss.h"

#include "base/buffer.h"
#include "base/limits.h"

#include <errno.h>
#include <string.h>

void log_loss_add(struct log_loss *loss, unsigned long lines, int error)
{
    loss->lines += lines;
    loss->error = error;
}

static const char *reason_of(int error)
{
    switch (error) {
    case EAGAIN:
        return "its reader or its disk does not keep up";
    case EPIPE:
        return "no process reads it";
    case ECHILD:
        return "no process writes it";
    case EFBIG:
        return "File too large; see 'ulimit -f'";
    default:
        return strerror(error);
    }
}

static void append_lines(struct buffer *text, unsigned long lines, const char *log)
{
    buffer_number(text, lines);
    buffer_string(text, lines == 1 ? " line of the " : " lines of the ");
    buffer_string(text, log);
    buffer_string(text, lines == 1 ? " was dropped: " : " were dropped: ");
}

static void append_end(struct buffer *text, unsigned long lines, const char *log)
{
    buffer_string(text, lines > 0 ? "; it" : "the ");
    buffer_string(text, lines > 0 ? "" : log);
    buffer_string(text, " is written again");
}

bool log_loss_describe(const struct log_loss *loss, enum log_loss_state state, const char *log, int64_t now,
                       char room[LOG_LOSS_MAX])
{
    struct buffer text = {room, 0, LOG_LOSS_MAX - 1, false};
    bool lasts = state == LOG_LOSS_LASTS, is_over = state == LOG_LOSS_OVER && loss->is_told;
    if (lasts ? now < loss->due : loss->lines == 0 && !is_over)
        return false;
    if (lasts && !loss->is_told) {
        buffer_string(&text, "the ");
        buffer_string(&text, log);
        buffer_string(&text, " loses lines: ");
        buffer_string(&text, reason_of(loss->error));
    } else if (loss->lines > 0) {
        append_lines(&text, loss->lines, log);
        buffer_string(&text, reason_of(loss->error));
    }
    if (state == LOG_LOSS_OVER)
        append_end(&text, loss->lines, log);
    room[text.length] = '\0';
    return true;
}

void log_loss_note(struct log_loss *loss, enum log_loss_state state, bool said, int64_t now)
{
    if (state == LOG_LOSS_LASTS)
        loss->due = now + (said ? LIMIT_LOG_LOSS_MS : LIMIT_LOG_RETRY_MS);
    if (!said)
        return;
    if (state != LOG_LOSS_LASTS || loss->is_told)
        loss->lines = 0;
    loss->is_told = state == LOG_LOSS_LASTS;
    if (state != LOG_LOSS_LASTS)
        loss->due = now + LIMIT_LOG_LOSS_AGAIN_MS;
}

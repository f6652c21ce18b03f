#include "cli/qr_code.h"

#ifndef TINYHTTPD_QR

void qr_code_append(struct buffer *text, const char *string, bool coloured)
{
    (void)text;
    (void)string;
    (void)coloured;
}

#else

#include <langinfo.h>
#include <locale.h>
#include <qrencode.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    QUIET_ZONE = 4, /* light modules on each side (ISO/IEC 18004) */
    INDENT = 2,
    WIDTH_MAX = 65, /* of version 10 with its quiet zone; three bytes for two modules of a column */
};

static bool shows_utf8(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (locale == (locale_t)0)
        return false;
    bool utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return utf8;
}

/* A terminal that does not know its size (ioctl_tty(2)) counts as wide. */
static bool is_wide_enough(int width)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0)
        return false;
    return width <= WIDTH_MAX && (size.ws_col == 0 || width + INDENT <= size.ws_col);
}

/* False in the quiet zone, and below it. */
static bool is_dark(const QRcode *code, int row, int column)
{
    if (row < 0 || column < 0 || row >= code->width || column >= code->width)
        return false;
    return (code->data[row * code->width + column] & 1) != 0;
}

/* A line has two rows of modules; the blocks are the light ones. */
static void append_line(struct buffer *text, const QRcode *code, int row, bool coloured)
{
    static const char *const blocks[2][2] = {{"\u2588", "\u2580"}, {"\u2584", " "}};
    buffer_append(text, coloured ? SPAN("\n  \x1B[40;97m") : SPAN("\n  "));
    for (int column = -QUIET_ZONE; column < code->width + QUIET_ZONE; column++)
        buffer_string(text, blocks[is_dark(code, row, column)][is_dark(code, row + 1, column)]);
    if (coloured)
        buffer_append(text, SPAN("\x1B[0m"));
}

void qr_code_append(struct buffer *text, const char *string, bool coloured)
{
    QRcode *code = shows_utf8() ? QRcode_encodeString8bit(string, 0, QR_ECLEVEL_L) : NULL;
    if (code == NULL)
        return;
    if (is_wide_enough(code->width + 2 * QUIET_ZONE)) {
        buffer_byte(text, '\n');
        for (int row = -QUIET_ZONE; row < code->width + QUIET_ZONE; row += 2)
            append_line(text, code, row, coloured);
        buffer_byte(text, '\n');
    }
    QRcode_free(code);
}

#endif

/* QR codes (ISO/IEC 18004) on a terminal. Only a program built with `make QR=1` has them, by libqrencode. */
#pragma once

#include "base/buffer.h"

#include <stdbool.h>

/* The most bytes that qr_code_append appends. */
enum { QR_CODE_MAX = 8192 };

/* Appends `string` as a QR code: lines of block characters, light on dark. Appends nothing if standard error is no
   terminal that shows UTF-8 and is wide enough, if the string is too long, or if the program has no libqrencode. */
void qr_code_append(struct buffer *text, const char *string, bool coloured);

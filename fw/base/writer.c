/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void writer_bytes(struct writer *w, const void *bytes, size_t len)
{
	if (w->full || len > w->size - w->len) {
		w->full = true;
		return;
	}
	if (len)	/* memcpy(NULL, NULL, 0) is undefined */
		memcpy(w->buf + w->len, bytes, len);
	w->len += len;
}

void writer_char(struct writer *w, char c)
{
	writer_bytes(w, &c, 1);
}

void writer_text(struct writer *w, const char *text)
{
	writer_bytes(w, text, strlen(text));
}

void writer_u64(struct writer *w, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	writer_bytes(w, digits + at, sizeof(digits) - at);
}

void writer_hex(struct writer *w, const void *bytes, size_t len, char between)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len; i++) {
		char pair[2] = { "0123456789abcdef"[p[i] >> 4], "0123456789abcdef"[p[i] & 15] };

		if (between && i)
			writer_char(w, between);
		writer_bytes(w, pair, sizeof(pair));
	}
}

void writer_format(struct writer *w, const char *format, ...)
{
	char text[512];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(text)) {
		w->full = true;
		return;
	}
	writer_bytes(w, text, (size_t)len);
}

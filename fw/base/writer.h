/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * writer - writes bytes into a buffer of fixed size and never beyond it.
 *
 * What does not fit is not written at all, sets @full, and everything after it is ignored: check writer.full once, at
 * the end. writer_mark() and writer_undo() take back what was begun. No allocation, no errors, no logging.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct writer {
	char *buf;
	size_t size;
	size_t len;
	bool full;
};

#define WRITER(array) { .buf = (char *)(array), .size = sizeof(array) }

void writer_bytes(struct writer *w, const void *bytes, size_t len);
void writer_char(struct writer *w, char c);
void writer_text(struct writer *w, const char *text);		/* up to its NUL */
void writer_u64(struct writer *w, uint64_t value);		/* decimal */
void writer_hex(struct writer *w, const void *bytes, size_t len, char between);	/* lower case; @between: 0 for none */
void writer_format(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline size_t writer_mark(const struct writer *w)
{
	return w->len;
}

static inline void writer_undo(struct writer *w, size_t mark)
{
	w->len = mark;
	w->full = false;
}

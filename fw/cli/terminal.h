/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * terminal - what weir top draws on: one key at a time without echo, the other screen, and all of it put back.
 *
 * Signals that would end the program are said by terminal_wait() instead; terminal_restore() may be called twice.
 * 0 or a negative errno; no messages.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct terminal_size {
	unsigned int rows, columns;
};

int terminal_take(void);	/* standard input and output; input that is no terminal has no keys */
void terminal_restore(void);

struct terminal_size terminal_size(void);	/* 24 x 80 where it does not say */

/* A key, or 0 after @milliseconds or when the size changed; below 0: minus the signal that is to end the program. */
int terminal_wait(unsigned int milliseconds);

/* Over what is there, no more than the screen has lines. */
int terminal_draw(const char *text, size_t len);

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * highest - the N highest of any number of items, in the room of N: a heap whose root is the lowest of those kept.
 *
 * The room is the caller's; items are copied into it. O(log N) for one that is kept, one comparison for one that is not.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* As for qsort(): above 0 where @x is the higher one. Equal items may come out in any order. */
typedef int (*highest_compare)(const void *x, const void *y);

struct highest {
	void *items;		/* room for @max of them, and one more, which is the heap's own */
	size_t size;		/* of an item */
	unsigned int max;
	highest_compare compare;
	unsigned int n;		/* kept; 0 to begin */
};

bool highest_offer(struct highest *h, const void *item);	/* true: it is kept for now */
void highest_sort(struct highest *h);	/* the highest first; it takes no more offers until n is 0 */

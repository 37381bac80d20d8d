/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/highest.h"

#include <stdlib.h>
#include <string.h>

static void *at(const struct highest *h, unsigned int i)
{
	return (char *)h->items + i * h->size;
}

static bool lower(const struct highest *h, unsigned int i, unsigned int j)
{
	return h->compare(at(h, i), at(h, j)) < 0;
}

static void swap(struct highest *h, unsigned int i, unsigned int j)
{
	void *between = at(h, h->max);

	memcpy(between, at(h, i), h->size);
	memcpy(at(h, i), at(h, j), h->size);
	memcpy(at(h, j), between, h->size);
}

static void up(struct highest *h, unsigned int i)
{
	for (; i && lower(h, i, (i - 1) / 2); i = (i - 1) / 2)
		swap(h, i, (i - 1) / 2);
}

static void down(struct highest *h, unsigned int n)
{
	unsigned int i = 0, child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && lower(h, child + 1, child))
			child++;
		if (!lower(h, child, i))
			return;
		swap(h, i, child);
		i = child;
	}
}

bool highest_offer(struct highest *h, const void *item)
{
	if (h->n < h->max) {
		memcpy(at(h, h->n), item, h->size);
		up(h, h->n++);
		return true;
	}
	if (!h->max || h->compare(item, h->items) <= 0)
		return false;
	memcpy(h->items, item, h->size);
	down(h, h->n);
	return true;
}

void highest_sort(struct highest *h)
{
	for (unsigned int n = h->n; n > 1; n--) {	/* the lowest goes to the end, */
		swap(h, 0, n - 1);
		down(h, n - 1);		/* and the next one to the root */
	}
}

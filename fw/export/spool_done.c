/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/spool_done.h"

#include <string.h>

#include "base/util.h"

static void take_out(struct spool_done *d, uint32_t i, uint32_t n)
{
	memmove(&d->run[i], &d->run[i + n], (d->n - i - n) * sizeof(d->run[0]));
	d->n -= n;
}

static void forget_shortest(struct spool_done *d)
{
	uint32_t least = 0;

	for (uint32_t i = 1; i < d->n; i++)
		if (d->run[i].to - d->run[i].from < d->run[least].to - d->run[least].from)
			least = i;
	take_out(d, least, 1);
}

void spool_done_add(struct spool_done *d, uint64_t from, uint64_t to)
{
	uint32_t first = 0, last;

	if (to <= d->base || from > to)
		return;
	if (from <= d->base + 1) {	/* the base grows, over the runs that it reaches */
		d->base = to;
		while (d->n && d->run[0].from <= d->base + 1) {
			d->base = MAX(d->base, d->run[0].to);
			take_out(d, 0, 1);
		}
		return;
	}
	while (first < d->n && d->run[first].to + 1 < from)
		first++;
	for (last = first; last < d->n && d->run[last].from <= to + 1; last++) {
		from = MIN(from, d->run[last].from);
		to = MAX(to, d->run[last].to);
	}
	if (last > first) {
		d->run[first] = (struct spool_run){ from, to };
		take_out(d, first + 1, last - first - 1);
		return;
	}
	if (d->n == SPOOL_RUNS_MAX) {
		forget_shortest(d);
		for (first = 0; first < d->n && d->run[first].to < from; )
			first++;
	}
	memmove(&d->run[first + 1], &d->run[first], (d->n - first) * sizeof(d->run[0]));
	d->run[first] = (struct spool_run){ from, to };
	d->n++;
}

/* By taking all apart and adding what is left of it: rarely called. */
void spool_done_remove(struct spool_done *d, uint64_t from, uint64_t to)
{
	const struct spool_done old = *d;

	*d = (struct spool_done){ .base = from ? MIN(old.base, from - 1) : 0 };
	if (old.base > to)
		spool_done_add(d, to + 1, old.base);
	for (uint32_t i = 0; i < old.n; i++) {
		const struct spool_run *r = &old.run[i];

		spool_done_add(d, r->from, from ? MIN(r->to, from - 1) : 0);
		spool_done_add(d, MAX(r->from, to + 1), r->to);
	}
}

bool spool_done_covers(const struct spool_done *d, uint64_t from, uint64_t to)
{
	return spool_done_skip(d, from) > to;
}

uint64_t spool_done_skip(const struct spool_done *d, uint64_t seq)
{
	if (seq <= d->base)
		seq = d->base + 1;
	for (uint32_t i = 0; i < d->n && d->run[i].from <= seq; i++)
		if (seq <= d->run[i].to)
			return d->run[i].to + 1;
	return seq;
}

uint64_t spool_done_until(const struct spool_done *d, uint64_t seq, uint64_t to)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (d->run[i].from > seq)
			return MIN(to, d->run[i].from - 1);
	return to;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/spool_losses.h"

#include <string.h>

#include "base/util.h"

static bool is_alike(const struct spool_loss *x, const struct spool_loss *y)
{
	return x->class == y->class && x->epoch == y->epoch && x->reason != SPOOL_LOST_UNCLEAN &&
	       y->reason != SPOOL_LOST_UNCLEAN;
}

static void join(struct spool_loss *into, const struct spool_loss *from)
{
	into->from = MIN(into->from, from->from);
	into->to = MAX(into->to, from->to);
	if (into->records == SPOOL_OPEN || from->records == SPOOL_OPEN)
		into->records = SPOOL_OPEN;
	else
		into->records += from->records;
}

static void take_out(struct spool_losses *l, uint32_t i)
{
	memmove(&l->loss[i], &l->loss[i + 1], (l->n - i - 1) * sizeof(l->loss[0]));
	l->n--;
}

static uint64_t gap(const struct spool_loss *x, const struct spool_loss *y)
{
	return x->to < y->from ? y->from - x->to - 1 : y->to < x->from ? x->from - y->to - 1 : 0;
}

/* Room for one more, at the price of saying too much. Of SPOOL_CLASSES classes and few epochs some two are alike. */
static void squeeze(struct spool_losses *l)
{
	uint32_t best_i = 0, best_j = 0;
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < l->n; i++)
		for (uint32_t j = i + 1; j < l->n; j++)
			if (is_alike(&l->loss[i], &l->loss[j]) && gap(&l->loss[i], &l->loss[j]) < least) {
				least = gap(&l->loss[i], &l->loss[j]);
				best_i = i;
				best_j = j;
			}
	if (best_j) {
		l->merged += least;
		join(&l->loss[best_i], &l->loss[best_j]);
		take_out(l, best_j);
	} else {	/* 64 epochs at once: files that nobody of us wrote */
		l->merged++;
		take_out(l, 0);
	}
}

void spool_losses_add(struct spool_losses *l, const struct spool_loss *loss)
{
	for (uint32_t i = 0; i < l->n; i++) {
		struct spool_loss *have = &l->loss[i];

		if (is_alike(have, loss) && have->reason == loss->reason &&
		    (have->to + 1 == loss->from || loss->to + 1 == have->from)) {
			join(have, loss);
			return;
		}
	}
	if (l->n == SPOOL_LOSSES_MAX)
		squeeze(l);
	l->loss[l->n++] = *loss;
}

bool spool_losses_take(struct spool_losses *l, struct spool_loss *ret_loss)
{
	if (!l->n)
		return false;
	*ret_loss = l->loss[0];
	take_out(l, 0);
	return true;
}

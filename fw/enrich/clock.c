/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/clock.h"

#include <errno.h>
#include <sys/timex.h>
#include <time.h>

#include "base/util.h"

#define TRIES 5		/* the one with the least time between its two monotonic readings counts */

static uint64_t to_ns(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * NS_PER_S + (uint64_t)t->tv_nsec;
}

void clock_fixed(struct clock *c)
{
	*c = (struct clock){ .measured = true };
}

void clock_learn(struct clock *c, uint64_t before_ns, uint64_t wall_ns, uint64_t after_ns)
{
	int64_t offset_ns = (int64_t)(wall_ns - (before_ns + (after_ns - before_ns) / 2));
	int64_t change_ns = offset_ns - c->offset_ns;

	if (c->measured && (change_ns > CLOCK_STEP_NS || change_ns < -CLOCK_STEP_NS)) {
		c->steps++;
		c->last_step_ns = change_ns;
	}
	c->offset_ns = offset_ns;
	c->measured = true;
}

int clock_measure(struct clock *c)
{
	uint64_t best[3] = { 0, 0, UINT64_MAX };

	for (unsigned int i = 0; i < TRIES; i++) {
		struct timespec before, wall, after;

		if (clock_gettime(CLOCK_MONOTONIC, &before) < 0 || clock_gettime(CLOCK_REALTIME, &wall) < 0 ||
		    clock_gettime(CLOCK_MONOTONIC, &after) < 0)
			return -errno;
		if (to_ns(&after) - to_ns(&before) < best[2] - best[0]) {
			best[0] = to_ns(&before);
			best[1] = to_ns(&wall);
			best[2] = to_ns(&after);
		}
	}
	clock_learn(c, best[0], best[1], best[2]);
	return 0;
}

uint64_t clock_wall_us(const struct clock *c, uint64_t mono_ns)
{
	if (c->offset_ns < 0 && mono_ns < (uint64_t)-c->offset_ns)
		return 0;
	return (mono_ns + (uint64_t)c->offset_ns) / NS_PER_US;
}

bool clock_is_synced(void)
{
	struct timex t = { .modes = 0 };	/* only reads */

	return adjtimex(&t) >= 0 && !(t.status & STA_UNSYNC);
}

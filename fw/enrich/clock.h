/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clock - what the kernel measured (CLOCK_MONOTONIC ns) as time of day (microseconds since 1970).
 *
 * One offset, measured at the start and again whenever clock_measure() is called (once a minute is plenty: slewing by
 * NTP moves both clocks alike, so the offset changes by steps only). A step is counted; times said before it stay as they
 * were said. Replay: clock_fixed(), the capture's times are times of day already. clock_measure() alone touches the
 * system; it returns 0 or a negative errno. No logging.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_STEP_NS (5 * 1000000LL)	/* a change of the offset over this is a step: less is noise of measuring */

struct clock {
	int64_t offset_ns;	/* time of day - monotonic */
	bool measured;
	uint32_t steps;		/* since the start */
	int64_t last_step_ns;	/* forward > 0 */
};

void clock_fixed(struct clock *c);	/* offset 0: replay */
int clock_measure(struct clock *c);

/* The pure part of clock_measure(): @wall_ns was read between the monotonic times @before_ns and @after_ns. */
void clock_learn(struct clock *c, uint64_t before_ns, uint64_t wall_ns, uint64_t after_ns);

uint64_t clock_wall_us(const struct clock *c, uint64_t mono_ns);	/* before 1970: 0 */

bool clock_is_synced(void);	/* the kernel says that something disciplines it: adjtimex(2), STA_UNSYNC clear */

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "enrich/clock.h"

#define S 1000000000ULL
#define WALL (1795341600ULL * S)

static void offset_is_the_middle(void **state)
{
	struct clock c = { 0 };

	clock_learn(&c, 100 * S, WALL + 500, 100 * S + 1000);
	assert_int_equal(c.steps, 0);
	assert_int_equal(clock_wall_us(&c, 100 * S), 1795341600ULL * 1000000);
	assert_int_equal(clock_wall_us(&c, 90 * S), 1795341590ULL * 1000000);
}

static void steps_are_counted_noise_is_not(void **state)
{
	struct clock c = { 0 };

	clock_learn(&c, 100 * S, WALL, 100 * S);
	clock_learn(&c, 110 * S, WALL + 10 * S + CLOCK_STEP_NS, 110 * S);
	assert_int_equal(c.steps, 0);
	clock_learn(&c, 120 * S, WALL + 3620 * S + CLOCK_STEP_NS, 120 * S);
	assert_int_equal(c.steps, 1);
	assert_int_equal(c.last_step_ns, 3600 * S);
	clock_learn(&c, 130 * S, WALL + 30 * S, 130 * S);
	assert_int_equal(c.steps, 2);
	assert_true(c.last_step_ns < -(int64_t)(3600 * S));
	assert_int_equal(clock_wall_us(&c, 130 * S), 1795341630ULL * 1000000);
}

/* A board without a battery: 1970 until the first synchronisation, and monotonic is ahead of it. */
static void before_1970_is_0(void **state)
{
	struct clock c = { 0 };

	clock_learn(&c, 100 * S, 40 * S, 100 * S);
	assert_int_equal(clock_wall_us(&c, 101 * S), 41 * 1000000);
	assert_int_equal(clock_wall_us(&c, 60 * S), 0);
	assert_int_equal(clock_wall_us(&c, 59 * S), 0);
}

static void replay_time_stays(void **state)
{
	struct clock c = { .offset_ns = 5, .steps = 3 };

	clock_fixed(&c);
	assert_int_equal(clock_wall_us(&c, WALL + 123456789), 1795341600ULL * 1000000 + 123456);
	assert_int_equal(c.steps, 0);
}

static void measured_against_the_system(void **state)
{
	struct clock c = { 0 };
	struct timespec mono, wall;
	int64_t off_us;

	assert_int_equal(clock_measure(&c), 0);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &wall);
	off_us = (int64_t)clock_wall_us(&c, (uint64_t)mono.tv_sec * S + (uint64_t)mono.tv_nsec) -
		 ((int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000);
	assert_true(off_us > -1000000 && off_us < 1000000);	/* wide: the machine may be busy */
	clock_is_synced();	/* either answer is right here */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offset_is_the_middle),
		cmocka_unit_test(steps_are_counted_noise_is_not),
		cmocka_unit_test(before_1970_is_0),
		cmocka_unit_test(replay_time_stays),
		cmocka_unit_test(measured_against_the_system),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "export/spool_done.h"

#define NUMBERS 160

static void holds(const struct spool_done *d, const bool *is_done)
{
	for (uint64_t seq = 1; seq < NUMBERS; seq++) {
		uint64_t skip = seq;

		assert_int_equal(spool_done_covers(d, seq, seq), is_done[seq]);
		while (skip < NUMBERS && is_done[skip])
			skip++;
		if (skip < NUMBERS)
			assert_int_equal(spool_done_skip(d, seq), skip);
	}
	for (uint32_t i = 0; i < d->n; i++)
		assert_true(d->run[i].from > (i ? d->run[i - 1].to : d->base) + 1 && d->run[i].from <= d->run[i].to);
}

/* Against a plain table, in an order that makes and joins runs everywhere. */
static void like_a_table(void **state)
{
	for (uint64_t seed = 1; seed < 200; seed++) {
		struct spool_done d = { 0 };
		bool is_done[NUMBERS] = { false };
		uint64_t x = seed;

		for (int i = 0; i < 120; i++) {
			uint64_t from, to;

			x = x * 6364136223846793005ULL + 1442695040888963407ULL;
			from = 1 + (x >> 33) % (NUMBERS - 6);
			to = from + (x >> 20) % 5;
			if (x >> 60 < 4)
				spool_done_remove(&d, from, to);
			else
				spool_done_add(&d, from, to);
			for (uint64_t seq = from; seq <= to; seq++)
				is_done[seq] = x >> 60 >= 4;
			if (d.n < SPOOL_RUNS_MAX)
				holds(&d, is_done);
		}
	}
}

static void until(void **state)
{
	struct spool_done d = { 0 };

	spool_done_add(&d, 10, 12);
	assert_int_equal(spool_done_until(&d, 3, 100), 9);
	assert_int_equal(spool_done_until(&d, 3, 7), 7);
	assert_int_equal(spool_done_until(&d, 13, 100), 100);
}

/* What is forgotten is not done: it goes out twice, and is not lost. */
static void full_forgets_the_shortest(void **state)
{
	struct spool_done d = { 0 };

	for (uint64_t i = 0; i < SPOOL_RUNS_MAX; i++)
		spool_done_add(&d, 10 + 10 * i, 12 + 10 * i - (i == 7));
	spool_done_add(&d, 5, 7);
	assert_int_equal(d.n, SPOOL_RUNS_MAX);
	assert_true(spool_done_covers(&d, 5, 7));
	assert_false(spool_done_covers(&d, 80, 80));
	assert_true(spool_done_covers(&d, 90, 92));
	spool_done_add(&d, 1, 4);
	assert_int_equal(d.base, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(like_a_table), cmocka_unit_test(until),
					    cmocka_unit_test(full_forgets_the_shortest) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

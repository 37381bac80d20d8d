/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/backoff.h"

static void grows_to_the_cap(void **state)
{
	struct backoff b = { .min_ms = 1000, .max_ms = 60000, .phase = UINT32_MAX };
	static const uint32_t ceilings[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };

	for (unsigned int i = 0; i < sizeof(ceilings) / sizeof(*ceilings); i++) {
		assert_int_equal(backoff_ceiling_ms(&b), ceilings[i]);
		assert_int_equal(backoff_next_ms(&b, UINT32_MAX), ceilings[i]);
	}
	b.failures = 0;
	assert_int_equal(backoff_next_ms(&b, UINT32_MAX), 1000);
}

/* From the second wait on: not below a half. */
static void later_waits(void **state)
{
	struct backoff b = { .min_ms = 1000, .max_ms = 60000, .phase = UINT32_MAX, .failures = 1 };

	assert_int_equal(backoff_next_ms(&b, 0), 1000);
	assert_int_equal(backoff_next_ms(&b, 0), 2000);
	b.failures = 50;
	assert_int_equal(backoff_next_ms(&b, 0), 30000);
	assert_int_equal(backoff_next_ms(&b, UINT32_MAX / 2 + 1), 45000);
	assert_int_equal(backoff_next_ms(&b, UINT32_MAX), 60000);
}

static void phases(void **state)
{
	static const struct { uint32_t phase, ceiling_ms; } rows[] = {
		{ 0, 500 }, { UINT32_MAX / 2 + 1, 750 }, { UINT32_MAX, 1000 },
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct backoff b = { .min_ms = 1000, .max_ms = 60000, .phase = rows[i].phase };

		assert_int_equal(backoff_ceiling_ms(&b), rows[i].ceiling_ms);
		b.failures = 3;
		assert_int_equal(backoff_ceiling_ms(&b), rows[i].ceiling_ms * 8);
		b.failures = 30;
		assert_int_equal(backoff_ceiling_ms(&b), 60000);
	}
}

static void first_wait(void **state)
{
	static const struct { uint32_t random, wait_ms; } rows[] = {
		{ 0, 0 }, { UINT32_MAX / 4 + 1, 250 }, { UINT32_MAX / 2 + 1, 500 }, { UINT32_MAX, 1000 },
		{ 4290676, 0 }, { 4290677, 1 },		/* 2^32 / 1001 = 4290676.6: each of 0 to 1000 as likely */
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct backoff b = { .min_ms = 1000, .max_ms = 60000, .phase = UINT32_MAX };

		assert_int_equal(backoff_next_ms(&b, rows[i].random), rows[i].wait_ms);
	}
}

static void never_overflows(void **state)
{
	struct backoff b = { .min_ms = UINT32_MAX, .max_ms = UINT32_MAX, .failures = 31, .phase = UINT32_MAX };

	assert_int_equal(backoff_next_ms(&b, UINT32_MAX), UINT32_MAX);
	b.failures = UINT32_MAX;
	assert_int_equal(backoff_next_ms(&b, UINT32_MAX), UINT32_MAX);
	assert_int_equal(b.failures, UINT32_MAX);
	b = (struct backoff){ .min_ms = 1, .max_ms = 1, .phase = UINT32_MAX };
	assert_int_equal(backoff_next_ms(&b, 0), 0);
	assert_int_equal(backoff_next_ms(&b, UINT32_MAX), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_to_the_cap),
		cmocka_unit_test(first_wait),
		cmocka_unit_test(later_waits),
		cmocka_unit_test(phases),
		cmocka_unit_test(never_overflows),
	};

	return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}

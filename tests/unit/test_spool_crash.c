/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The quick form of the crash matrix: every seventh operation is cut. make test-spool: all of them, and the mutants. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/spool/matrix.h"

static void matrix(void **state)
{
	const struct matrix_kind *kind = *state;
	struct matrix_counts n = { 0 };

	matrix_kind_run(&n, kind, true);
	if (n.failures)
		fail_msg("%llu of %llu cases: %s", (unsigned long long)n.failures, (unsigned long long)n.cases, n.first);
	assert_true(n.cases > 50);
	assert_true(n.items > 1000);
	if (kind->c.fault)
		assert_true(n.faults > 0);
	if (kind->c.is_tight || kind->c.fs_bytes)
		assert_true(n.losses > n.cases);
}

int main(void)
{
	struct CMUnitTest tests[MATRIX_KINDS];

	for (size_t i = 0; i < MATRIX_KINDS; i++)
		tests[i] = (struct CMUnitTest){ .name = matrix_kinds[i].name, .test_func = matrix,
						.initial_state = (void *)(uintptr_t)&matrix_kinds[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/util.h"
#include "run/phase.h"

/* From wherever one starts: the same grid, a whole interval from slot to slot. */
static void same_grid(void **state)
{
	const uint64_t interval_ns = 10 * NS_PER_S, first_ns = 5 + phase_next_ns("lab", "gw", interval_ns, 5);

	assert_true(first_ns > 5 && first_ns <= 5 + interval_ns);
	assert_true(phase_next_ns("lab", "gw", interval_ns, first_ns) == interval_ns);
	assert_true(phase_next_ns("lab", "gw", interval_ns, first_ns - 1) == 1);
	assert_true(phase_next_ns("lab", "gw", interval_ns, first_ns + 1) == interval_ns - 1);
	assert_true(phase_next_ns("lab", "gw", interval_ns, first_ns + 77 * interval_ns + 3) == interval_ns - 3);
}

/* A thousand gateways of one configuration, switched on together: in no tenth of the interval more than twice a tenth. */
static void fleet_is_spread(void **state)
{
	static const uint64_t intervals_ns[] = { NS_PER_S, 30 * NS_PER_S, 3600 * NS_PER_S };

	for (unsigned int i = 0; i < ARRAY_SIZE(intervals_ns); i++) {
		unsigned int bins[10] = { 0 };
		char name[16];

		for (int n = 0; n < 1000; n++) {
			snprintf(name, sizeof(name), "gw-%04d", n);
			bins[(phase_next_ns("lab", name, intervals_ns[i], 0) - 1) * 10 / intervals_ns[i]]++;
		}
		for (int b = 0; b < 10; b++)
			assert_true(bins[b] > 50 && bins[b] < 200);
	}
	assert_true(phase_next_ns("a", "gw", NS_PER_S, 0) != phase_next_ns("b", "gw", NS_PER_S, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_grid),
		cmocka_unit_test(fleet_is_spread),
	};

	return cmocka_run_group_tests_name("phase", tests, NULL, NULL);
}

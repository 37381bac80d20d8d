/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_highest - against sorting everything: random, ascending, descending and equal items, fewer and more than there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/highest.h"
#include "base/util.h"

#define MOST 300

static int compare(const void *x, const void *y)
{
	const uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return a < b ? -1 : a > b;
}

static int down(const void *x, const void *y)
{
	return compare(y, x);
}

static void against_sorting(void **state)
{
	static const unsigned int rooms[] = { 1, 2, 3, 10, 64, MOST };

	srandom(3);
	for (unsigned int run = 0; run < 600; run++) {
		const unsigned int n = (unsigned int)random() % (MOST + 1), max = rooms[run % ARRAY_SIZE(rooms)];
		uint32_t all[MOST], kept[MOST + 1];
		struct highest h = { .items = kept, .size = sizeof(kept[0]), .max = max, .compare = compare };

		for (unsigned int i = 0; i < n; i++) {
			all[i] = run % 4 == 0 ? i : run % 4 == 1 ? MOST - i : (uint32_t)random() % (run % 4 == 2 ? 5 : 1u << 30);
			highest_offer(&h, &all[i]);
		}
		highest_sort(&h);
		qsort(all, n, sizeof(all[0]), down);
		assert_int_equal(h.n, MIN(n, max));
		assert_memory_equal(kept, all, h.n * sizeof(all[0]));
	}
}

static void offers(void **state)
{
	uint32_t kept[3], item = 5;
	struct highest h = { .items = kept, .size = sizeof(kept[0]), .max = 2, .compare = compare };

	assert_true(highest_offer(&h, &item));
	item = 7;
	assert_true(highest_offer(&h, &item));
	item = 5;
	assert_false(highest_offer(&h, &item));
	item = 6;
	assert_true(highest_offer(&h, &item));
	highest_sort(&h);
	assert_int_equal(kept[0], 7);
	assert_int_equal(kept[1], 6);
	h.max = h.n = 0;
	assert_false(highest_offer(&h, &item));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(against_sorting), cmocka_unit_test(offers) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

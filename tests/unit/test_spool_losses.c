/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "export/spool_losses.h"

static struct spool_loss loss(uint8_t class, enum spool_reason reason, uint64_t from, uint64_t to)
{
	return (struct spool_loss){ .class = class, .reason = reason, .epoch = 7, .from = from, .to = to, .records = 1 };
}

static void neighbours_become_one(void **state)
{
	struct spool_losses l = { 0 };
	struct spool_loss got;

	for (uint64_t seq = 5; seq < 50; seq++)
		spool_losses_add(&l, &(struct spool_loss){ .class = 2, .reason = SPOOL_LOST_MEMORY, .epoch = 7, .from = seq, .to = seq, .records = 3 });
	spool_losses_add(&l, &(struct spool_loss){ .class = 2, .reason = SPOOL_LOST_FULL, .epoch = 7, .from = 50, .to = 50, .records = 1 });
	spool_losses_add(&l, &(struct spool_loss){ .class = 3, .reason = SPOOL_LOST_MEMORY, .epoch = 7, .from = 50, .to = 50, .records = 1 });
	spool_losses_add(&l, &(struct spool_loss){ .class = 2, .reason = SPOOL_LOST_MEMORY, .epoch = 8, .from = 50, .to = 50, .records = 1 });
	assert_int_equal(l.n, 4);
	assert_true(spool_losses_take(&l, &got));
	assert_true(got.from == 5 && got.to == 49 && got.records == 45 * 3);
	assert_int_equal(l.merged, 0);
}

/* The two that lie nearest: as little as can be is declared too much, and counted. */
static void full(void **state)
{
	struct spool_losses l = { 0 };
	struct spool_loss x, got;
	unsigned int n = 0;
	bool is_joined = false;

	for (uint64_t i = 0; i < SPOOL_LOSSES_MAX; i++) {
		x = loss(2, SPOOL_LOST_REFUSED, 1000 * i + 1 - (i == 40 ? 990 : 0), 1000 * i + 1 - (i == 40 ? 990 : 0));
		spool_losses_add(&l, &x);
	}
	x = loss(3, SPOOL_LOST_REFUSED, 5, 5);
	spool_losses_add(&l, &x);
	assert_int_equal(l.n, SPOOL_LOSSES_MAX);
	assert_int_equal(l.merged, 9);
	while (spool_losses_take(&l, &got)) {
		is_joined |= got.from == 39001 && got.to == 39011;
		n++;
	}
	assert_int_equal(n, SPOOL_LOSSES_MAX);
	assert_true(is_joined);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(neighbours_become_one), cmocka_unit_test(full) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

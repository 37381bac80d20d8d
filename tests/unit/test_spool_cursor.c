/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "export/spool_cursor.h"
#include "tests/spool/sim_disk.h"

static struct sim disk;
static uint8_t buf[SPOOL_SLOT_MAX];

static struct spool_cursor cursor(void)
{
	struct spool_cursor c = { .epoch = 7 };

	for (int i = 0; i < SPOOL_CLASSES; i++)
		c.class[i].next_seq = 1;
	return c;
}

static void the_newer_slot(void **state)
{
	struct spool_cursor c = cursor(), got;

	sim_begin(&disk);
	assert_int_equal(spool_cursor_load(&disk.io, &got, buf), -ENODATA);
	for (uint64_t n = 1; n < 6; n++) {
		c.prev_epoch = n;
		assert_int_equal(spool_cursor_store(&disk.io, &c, buf), 0);
		assert_int_equal(spool_cursor_load(&disk.io, &got, buf), 0);
		assert_true(got.generation == n && got.prev_epoch == n);
	}
	sim_end(&disk);
}

/* Either slot may rot: with one store the older one is left, with both the same is said. */
static void one_slot_rots(void **state)
{
	for (int both = 0; both < 2; both++)
		for (size_t slot = 0; slot < 2; slot++) {
			struct spool_cursor c = cursor(), got;

			sim_begin(&disk);
			spool_cursor_store_both(&disk.io, &c, buf);
			c.prev_epoch = 99;
			assert_int_equal((both ? spool_cursor_store_both : spool_cursor_store)(&disk.io, &c, buf), 0);
			disk.file[0].seen[slot * SPOOL_CURSOR_SLOT + 30] ^= 1;
			assert_int_equal(spool_cursor_load(&disk.io, &got, buf), 0);
			assert_int_equal(got.prev_epoch, both || slot != c.generation % 2 ? 99 : 0);
			sim_end(&disk);
		}
}

/* A store that failed must not make the next one go over the slot that is good. */
static void failed_store_keeps_the_good_slot(void **state)
{
	struct spool_cursor c = cursor(), got;

	sim_begin(&disk);
	assert_int_equal(spool_cursor_store_both(&disk.io, &c, buf), 0);
	disk.fault = SIM_EIO;
	disk.fault_until = UINT64_MAX;
	for (int i = 0; i < 3; i++)
		assert_int_equal(spool_cursor_store(&disk.io, &c, buf), -EIO);
	assert_int_equal(c.generation, 2);
	disk.fault = SIM_NO_FAULT;
	assert_int_equal(spool_cursor_load(&disk.io, &got, buf), 0);
	assert_int_equal(got.generation, 2);
	sim_end(&disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_newer_slot), cmocka_unit_test(one_slot_rots),
					    cmocka_unit_test(failed_store_keeps_the_good_slot) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

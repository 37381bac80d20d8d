/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "collect/residual.h"

static struct residual r;
static struct residual_reading in;

/* Both counters stand at 1000 frames of 100 bytes before the hook came on. */
static int begin(void **state)
{
	r = (struct residual){ 0 };
	in = (struct residual_reading){ .ifindex = 7, .attach_count = 1, .hook = { true, true } };
	for (int dir = 0; dir < DIRS; dir++)
		for (int i = 0; i < 2; i++)
			in.nic[i].dir[dir] = (struct nic_side){ .frames = 1000, .bytes = 100000 };
	assert_true(residual_take(&r, &in));
	return 0;
}

static void add(int dir, uint64_t nic, uint64_t nic_bytes, uint64_t seen, uint64_t seen_bytes)
{
	for (int i = 0; i < 2; i++) {
		in.nic[i].dir[dir].frames += nic;
		in.nic[i].dir[dir].bytes += nic_bytes;
	}
	in.seen[dir].frames += seen;
	in.seen[dir].bytes += seen_bytes;
}

static void is_part(struct residual_part p, int64_t frames, int64_t bytes)
{
	assert_int_equal(p.frames, frames);
	assert_int_equal(p.bytes, bytes);
}

static void test_agrees(void **state)
{
	add(DIR_RX, 500, 50000, 500, 50000);
	assert_false(residual_take(&r, &in));
	is_part(r.dir[DIR_RX].all, 0, 0);
	assert_false(residual_shows(&r.dir[DIR_RX]));
	assert_int_equal(r.begin.nic[1].dir[DIR_RX].frames, 1000);
}

static void test_unexplained(void **state)
{
	add(DIR_TX, 507, 50700, 500, 50000);
	residual_take(&r, &in);
	is_part(r.dir[DIR_TX].all, 7, 700);
	is_part(r.dir[DIR_TX].unexplained, 7, 700);
}

static void test_joined(void **state)
{
	add(DIR_TX, 10, 300000, 210, 310800);
	in.joined[DIR_TX] = (struct tally){ 200, 10800 };
	residual_take(&r, &in);
	is_part(r.dir[DIR_TX].reason[RESIDUAL_JOINED], -200, -10800);
	is_part(r.dir[DIR_TX].unexplained, 0, 0);
}

static void test_drops_and_foreign_xdp(void **state)
{
	add(DIR_RX, 110, 11000, 100, 10000);
	in.nic[0].dir[DIR_RX].dropped = in.nic[1].dir[DIR_RX].dropped = 4;
	in.foreign_xdp = true;
	residual_take(&r, &in);
	is_part(r.dir[DIR_RX].reason[RESIDUAL_DRIVER_DROP], 4, 400);
	is_part(r.dir[DIR_RX].reason[RESIDUAL_FOREIGN_XDP], 6, 600);
	is_part(r.dir[DIR_RX].unexplained, 0, 0);
}

static void test_queue(void **state)
{
	add(DIR_TX, 95, 9500, 100, 10000);
	in.nic[0].queue_dropped = in.nic[1].queue_dropped = 3;
	in.nic[0].queue_waiting = in.nic[1].queue_waiting = 2;
	residual_take(&r, &in);
	is_part(r.dir[DIR_TX].reason[RESIDUAL_QUEUE], -5, -500);
	is_part(r.dir[DIR_TX].unexplained, 0, 0);
}

static void test_bytes_a_frame(void **state)
{
	add(DIR_RX, 100, 10000 - 1400, 100, 10000);
	add(DIR_TX, 100, 10000 + 400, 100, 10000);
	residual_take(&r, &in);
	is_part(r.dir[DIR_RX].reason[RESIDUAL_LINK_HEADER], 0, -1400);
	is_part(r.dir[DIR_TX].reason[RESIDUAL_FCS], 0, 400);
	is_part(r.dir[DIR_RX].unexplained, 0, 0);
	is_part(r.dir[DIR_TX].unexplained, 0, 0);
}

static void test_moving(void **state)
{
	add(DIR_RX, 500, 50000, 503, 50300);
	in.nic[1].dir[DIR_RX].frames += 5;
	in.nic[1].dir[DIR_RX].bytes += 500;
	residual_take(&r, &in);
	is_part(r.dir[DIR_RX].all, 0, 0);
	assert_int_equal(r.dir[DIR_RX].moving, 5);
}

static void test_baselines(void **state)
{
	in.ifindex = 8;
	assert_true(residual_take(&r, &in));
	assert_int_equal(r.base, RESIDUAL_BASE_INTERFACE);
	in.attach_count++;
	assert_true(residual_take(&r, &in));
	assert_int_equal(r.base, RESIDUAL_BASE_ATTACHED);
	in.nic[0].dir[DIR_RX].frames = in.nic[1].dir[DIR_RX].frames = 3;	/* 32 bits wrapped */
	assert_true(residual_take(&r, &in));
	assert_int_equal(r.base, RESIDUAL_BASE_WENT_BACK);
	assert_int_equal(r.baselines, 4);
	is_part(r.dir[DIR_RX].all, 0, 0);
	in.hook[DIR_RX] = in.hook[DIR_TX] = false;
	assert_true(residual_take(&r, &in));
	assert_int_equal(r.base, RESIDUAL_BASE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_agrees, begin),
		cmocka_unit_test_setup(test_unexplained, begin),
		cmocka_unit_test_setup(test_joined, begin),
		cmocka_unit_test_setup(test_drops_and_foreign_xdp, begin),
		cmocka_unit_test_setup(test_queue, begin),
		cmocka_unit_test_setup(test_bytes_a_frame, begin),
		cmocka_unit_test_setup(test_moving, begin),
		cmocka_unit_test_setup(test_baselines, begin),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

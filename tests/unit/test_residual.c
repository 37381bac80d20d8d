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

/* Segments and packets mixed on the received side: what GRO joined once more is not counted anywhere. */
static void test_joined_in_part(void **state)
{
	add(DIR_RX, 150, 150 * 1514, 210, 210 * 1514);
	in.joined[DIR_RX] = (struct tally){ 200, 200 * 66 };
	residual_take(&r, &in);
	is_part(r.dir[DIR_RX].reason[RESIDUAL_JOINED], 0, 0);
	is_part(r.dir[DIR_RX].unexplained, -60, -60 * 1514);
	assert_int_equal(r.dir[DIR_RX].possible, 1 << RESIDUAL_POSSIBLE_RX_JOINED);
}

/* 7 frames that the hook has missed do not vanish behind those that were joined. */
static void test_joined_hides_nothing(void **state)
{
	for (int dir = 0; dir < DIRS; dir++) {
		add(dir, 17, 17000, 210, 210000);
		in.joined[dir] = (struct tally){ 200, 200000 };
	}
	residual_take(&r, &in);
	for (int dir = 0; dir < DIRS; dir++) {
		is_part(r.dir[dir].reason[RESIDUAL_JOINED], -200, -200000);
		is_part(r.dir[dir].unexplained, 7, 7000);
	}
	assert_int_equal(r.dir[DIR_RX].possible, 1 << RESIDUAL_POSSIBLE_RX_JOINED);
	assert_int_equal(r.dir[DIR_TX].possible, 1 << RESIDUAL_POSSIBLE_BYPASS);
}

/* One row for each: what is there, which way the difference goes; it is said, and takes nothing away. */
static void test_possible_takes_nothing(void **state)
{
	static const struct {
		const char *name;
		int dir;
		int64_t frames, bytes;		/* what the NIC has more than the hook, of 100 frames */
		bool foreign_xdp, hw_flowtable, dropped;
		uint32_t features, possible;
	} rows[] = {
		{ "rx: foreign XDP", DIR_RX, 6, 600, .foreign_xdp = true, .possible = 1 << RESIDUAL_POSSIBLE_FOREIGN_XDP },
		{ "rx: foreign XDP, fewer", DIR_RX, -6, -600, .foreign_xdp = true },
		{ "tx: foreign XDP is not in the way", DIR_TX, 6, 600, .foreign_xdp = true,
		  .possible = 1 << RESIDUAL_POSSIBLE_BYPASS },
		{ "rx: flowtable in hardware", DIR_RX, 6, 600, .hw_flowtable = true, .possible = 1 << RESIDUAL_POSSIBLE_HW_OFFLOAD },
		{ "tx: flowtable in hardware", DIR_TX, 6, 600, .hw_flowtable = true,
		  .possible = 1 << RESIDUAL_POSSIBLE_HW_OFFLOAD | 1 << RESIDUAL_POSSIBLE_BYPASS },
		{ "rx: hw-tc-offload", DIR_RX, 6, 600, .features = 1 << NIC_HW_TC, .possible = 1 << RESIDUAL_POSSIBLE_HW_OFFLOAD },
		{ "rx: l2-fwd-offload", DIR_RX, 6, 600, .features = 1 << NIC_L2_FWD, .possible = 1 << RESIDUAL_POSSIBLE_HW_OFFLOAD },
		{ "rx: LRO", DIR_RX, 6, 600, .features = 1 << NIC_LRO, .possible = 1 << RESIDUAL_POSSIBLE_LRO },
		{ "rx: GRO in hardware", DIR_RX, 6, 600, .features = 1 << NIC_GRO_HW, .possible = 1 << RESIDUAL_POSSIBLE_LRO },
		{ "tx: LRO is not in the way", DIR_TX, 6, 600, .features = 1 << NIC_LRO, .possible = 1 << RESIDUAL_POSSIBLE_BYPASS },
		{ "rx: dropped, before the hook or behind", DIR_RX, 6, 600, .dropped = true, .possible = 1 << RESIDUAL_POSSIBLE_RX_DROP },
		{ "rx: dropped behind the hook", DIR_RX, 0, 0, .dropped = true },
		{ "rx: fewer: nothing that forwards or joins does that", DIR_RX, -6, -600, .foreign_xdp = true, .hw_flowtable = true,
		  .dropped = true, .features = UINT32_MAX },
		{ "tx: fewer: nor on the other side", DIR_TX, -6, -600, .foreign_xdp = true, .hw_flowtable = true,
		  .features = UINT32_MAX },
		{ "all is there, and the NIC agrees", DIR_RX, 0, 0, .foreign_xdp = true, .hw_flowtable = true, .dropped = true,
		  .features = UINT32_MAX },
		{ "rx: tags", DIR_RX, 0, -400, .features = 1 << NIC_RX_VLAN, .possible = 1 << RESIDUAL_POSSIBLE_VLAN_TAG },
		{ "rx: no whole tags", DIR_RX, 0, -399, .features = 1 << NIC_RX_VLAN },
		{ "rx: more than tags", DIR_RX, 0, -404, .features = 1 << NIC_RX_VLAN },
		{ "rx: the feature of the other side", DIR_RX, 0, -40, .features = 1 << NIC_TX_VLAN },
		{ "tx: tags", DIR_TX, 0, -40, .features = 1 << NIC_TX_VLAN, .possible = 1 << RESIDUAL_POSSIBLE_VLAN_TAG },
		{ "tx: padding", DIR_TX, 0, 18, .possible = 1 << RESIDUAL_POSSIBLE_PADDING },
		{ "tx: more than padding", DIR_TX, 0, 4601, .possible = 0 },
		{ "rx: padding was seen, too", DIR_RX, 0, 18, .possible = 0 },
		{ "rx: nothing is there", DIR_RX, 6, 600, .possible = 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct residual_dir *d = &r.dir[rows[i].dir];

		begin(state);
		add(rows[i].dir, (uint64_t)(100 + rows[i].frames), (uint64_t)(10000 + rows[i].bytes), 100, 10000);
		in.foreign_xdp = rows[i].foreign_xdp;
		in.hw_flowtable = rows[i].hw_flowtable;
		in.features = rows[i].features;
		in.nic[1].dir[DIR_RX].dropped = rows[i].dropped * 50;
		in.nic[0].dir[DIR_RX].dropped = rows[i].dropped * 50;
		residual_take(&r, &in);
		print_message("# %s\n", rows[i].name);
		is_part(d->all, rows[i].frames, rows[i].bytes);
		is_part(d->unexplained, rows[i].frames, rows[i].bytes);
		for (int reason = 0; reason < RESIDUAL_N; reason++)
			is_part(d->reason[reason], 0, 0);
		assert_int_equal(d->possible, rows[i].possible);
	}
}

/* What has gone by now has left its difference; with the next baseline both are gone. */
static void test_possible_stays(void **state)
{
	in.foreign_xdp = in.hw_flowtable = true;
	in.features = 1 << NIC_LRO;
	residual_take(&r, &in);
	assert_int_equal(r.dir[DIR_RX].possible, 0);
	in.foreign_xdp = in.hw_flowtable = false;
	in.features = 0;
	add(DIR_RX, 107, 10700, 100, 10000);
	residual_take(&r, &in);
	assert_int_equal(r.dir[DIR_RX].possible, 1 << RESIDUAL_POSSIBLE_FOREIGN_XDP | 1 << RESIDUAL_POSSIBLE_HW_OFFLOAD |
			 1 << RESIDUAL_POSSIBLE_LRO);
	in.attach_count++;
	assert_true(residual_take(&r, &in));
	add(DIR_RX, 107, 10700, 100, 10000);
	residual_take(&r, &in);
	assert_int_equal(r.dir[DIR_RX].possible, 0);
	is_part(r.dir[DIR_RX].unexplained, 7, 700);
}

/* A year of a full queue. */
static void test_many_dropped(void **state)
{
	const uint64_t frames = 3000000000ULL;

	add(DIR_TX, 0, 0, frames + 3, (frames + 3) * 1500);
	in.queue.dropped = frames;
	residual_take(&r, &in);
	is_part(r.dir[DIR_TX].reason[RESIDUAL_QUEUE], -(int64_t)frames, -(int64_t)frames * 1500);
	is_part(r.dir[DIR_TX].unexplained, -3, -3 * 1500);
}

static void test_driver_drop(void **state)
{
	add(DIR_TX, 90, 9000, 100, 10000);
	in.nic[0].dir[DIR_TX].dropped = in.nic[1].dir[DIR_TX].dropped = 4;
	residual_take(&r, &in);
	is_part(r.dir[DIR_TX].reason[RESIDUAL_DRIVER_DROP], -4, -400);
	is_part(r.dir[DIR_TX].unexplained, -6, -600);
	assert_int_equal(r.dir[DIR_TX].possible, 0);
}

static void test_queue(void **state)
{
	add(DIR_TX, 95, 9500, 100, 10000);
	in.queue.dropped = 3;
	in.queue.waiting = 2;
	residual_take(&r, &in);
	is_part(r.dir[DIR_TX].reason[RESIDUAL_QUEUE], -5, -500);
	is_part(r.dir[DIR_TX].unexplained, 0, 0);
}

/* One more was missing than the queue told a moment later. */
static void test_queue_moves(void **state)
{
	add(DIR_TX, 95, 9500, 100, 10000);
	in.queue = (struct nic_queue){ .ifindex = 7, .waiting = 1, .dropped = 3 };
	residual_take(&r, &in);
	is_part(r.dir[DIR_TX].reason[RESIDUAL_QUEUE], -4, -400);
	is_part(r.dir[DIR_TX].unexplained, -1, -100);
	assert_int_equal(r.dir[DIR_TX].possible, 1 << RESIDUAL_POSSIBLE_IN_QUEUE);
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

/* 4 bytes more of each frame are told; 4 bytes more of half of them are not the FCS. */
static void test_bytes_of_some_frames(void **state)
{
	add(DIR_TX, 100, 10000 + 300, 100, 10000);
	add(DIR_RX, 100, 10000 - 1401, 100, 10000);
	residual_take(&r, &in);
	is_part(r.dir[DIR_TX].reason[RESIDUAL_FCS], 0, 0);
	is_part(r.dir[DIR_TX].unexplained, 0, 300);
	is_part(r.dir[DIR_RX].unexplained, 0, -1401);
}

/* A port without link header has none that the NIC could leave out. */
static void test_raw_ip_has_no_header(void **state)
{
	add(DIR_RX, 100, 10000 - 1400, 100, 10000);
	in.raw_ip = true;
	residual_take(&r, &in);
	is_part(r.dir[DIR_RX].unexplained, 0, -1400);
}

static void test_queue_went_back(void **state)
{
	in.queue.dropped = 9;
	residual_take(&r, &in);
	add(DIR_TX, 107, 10700, 100, 10000);
	in.queue.dropped = 2;	/* another qdisc */
	assert_true(residual_take(&r, &in));
	assert_int_equal(r.base, RESIDUAL_BASE_WENT_BACK);
	in.queue.dropped = 2;
	add(DIR_TX, 107, 10700, 100, 10000);
	assert_false(residual_take(&r, &in));
	is_part(r.dir[DIR_TX].unexplained, 7, 700);
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
	assert_int_equal(r.base, RESIDUAL_BASE_BEGAN);
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
	in.hook[DIR_RX] = true;
	assert_true(residual_take(&r, &in));
	assert_int_equal(r.base, RESIDUAL_BASE_ATTACHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_agrees, begin),
		cmocka_unit_test_setup(test_unexplained, begin),
		cmocka_unit_test_setup(test_joined, begin),
		cmocka_unit_test_setup(test_joined_in_part, begin),
		cmocka_unit_test_setup(test_joined_hides_nothing, begin),
		cmocka_unit_test_setup(test_possible_takes_nothing, begin),
		cmocka_unit_test_setup(test_possible_stays, begin),
		cmocka_unit_test_setup(test_many_dropped, begin),
		cmocka_unit_test_setup(test_driver_drop, begin),
		cmocka_unit_test_setup(test_bytes_of_some_frames, begin),
		cmocka_unit_test_setup(test_raw_ip_has_no_header, begin),
		cmocka_unit_test_setup(test_queue_went_back, begin),
		cmocka_unit_test_setup(test_queue, begin),
		cmocka_unit_test_setup(test_queue_moves, begin),
		cmocka_unit_test_setup(test_bytes_a_frame, begin),
		cmocka_unit_test_setup(test_moving, begin),
		cmocka_unit_test_setup(test_baselines, begin),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

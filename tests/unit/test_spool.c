/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "export/spool.h"
#include "tests/spool/sim_disk.h"

#define T0 (1000 * NS_PER_S)
enum { LOSS, EVENT, FLOW, HEALTH, CLASSES };

static struct sim disk;

static struct spool_conf conf_of(enum spool_mode mode)
{
	return (struct spool_conf){
		.io = mode == SPOOL_MEMORY ? NULL : &disk.io, .mode = mode, .classes = CLASSES, .device = "lab/gw", .max_bytes = 1 << 20,
		.segment_bytes = 4096, .queue_bytes = 20000, .commit_ns = NS_PER_S, .commit_bytes = 1 << 20,
		.spill_after_ns = 5 * NS_PER_S, .cursor_ns = NS_PER_S, .backlog_ns = 10 * NS_PER_S,
	};
}

static struct spool *open_spool(enum spool_mode mode)
{
	const struct spool_conf conf = conf_of(mode);
	struct spool *s;

	assert_int_equal(spool_open(&s, &conf, T0), 0);
	return s;
}

static void add(struct spool *s, uint8_t class, unsigned int len, uint64_t now_ns)
{
	static char text[4000];
	const struct spool_stamp stamp = { .mono_ns = now_ns, .wall_us = now_ns / 1000, .count = 2 };

	memset(text, 'a' + class, sizeof(text));
	assert_int_equal(spool_append(s, class, &stamp, text, len, now_ns, NULL), 0);
}

/* What a part has to hand out, as "class:seq class:seq"; all of it is then in flight. */
static const char *hand_out(struct spool *s, enum spool_part part, uint64_t now_ns)
{
	static char text[1024];
	struct spool_message m;
	size_t len = 0;

	text[0] = 0;
	while (spool_next(s, part, now_ns, &m)) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u:%llu", len ? " " : "", m.record.class,
					(unsigned long long)m.record.seq);
		assert_int_equal(spool_sent(s, &m), 0);
	}
	return text;
}

static uint32_t id(uint8_t class, uint32_t seq)
{
	return (uint32_t)(class + 1) << 28 | seq;
}

static struct spool_loss next_loss(struct spool *s, uint64_t now_ns)
{
	struct spool_message m;
	struct spool_loss loss;

	assert_true(spool_next(s, SPOOL_LIVE, now_ns, &m) || spool_next(s, SPOOL_BACKLOG, now_ns, &m));
	assert_int_equal(m.record.class, LOSS);
	assert_true(spool_loss_get(m.record.payload, m.record.len, &loss));
	assert_int_equal(spool_sent(s, &m), 0);
	assert_int_equal(spool_ack(s, m.id), 0);
	return loss;
}

static uint64_t waiting(const struct spool *s)
{
	struct spool_state state;

	spool_state(s, T0, &state);
	return state.waiting;
}

/* Nothing leaves before it is durable, and a group is one sync. */
static void durable_is_shown_when_it_is(void **state)
{
	struct spool *s;
	uint64_t commits;

	sim_begin(&disk);
	s = open_spool(SPOOL_DURABLE);
	spool_tick(s, T0, true);
	commits = spool_counters(s)->commits;
	for (int i = 0; i < 5; i++)
		add(s, FLOW, 100, T0);
	assert_string_equal(hand_out(s, SPOOL_LIVE, T0), "");
	spool_tick(s, T0 + NS_PER_S / 2, true);
	assert_string_equal(hand_out(s, SPOOL_LIVE, T0), "");
	assert_int_equal(spool_durable(s, FLOW), 0);
	spool_tick(s, T0 + NS_PER_S, true);
	assert_int_equal(spool_durable(s, FLOW), 5);
	assert_int_equal(spool_counters(s)->commits, commits + 1);
	assert_string_equal(hand_out(s, SPOOL_LIVE, T0), "2:1 2:2 2:3 2:4 2:5");
	spool_free(s);
	sim_end(&disk);
}

/* With a broker that answers, the disk is not touched. */
static void spill_writes_only_what_waits(void **state)
{
	struct spool *s;
	struct spool_state st;
	uint64_t now = T0, writes;

	sim_begin(&disk);
	s = open_spool(SPOOL_SPILL);
	writes = disk.ops;
	for (uint32_t i = 1; i <= 50; i++, now += NS_PER_S) {
		add(s, FLOW, 100, now);
		spool_tick(s, now, true);
		hand_out(s, SPOOL_LIVE, now);
		assert_int_equal(spool_ack(s, id(FLOW, i)), 0);
	}
	assert_int_equal(spool_counters(s)->segments_made, 0);
	assert_int_equal(disk.ops, writes);
	add(s, FLOW, 100, now);
	spool_tick(s, now + 4 * NS_PER_S, false);
	assert_int_equal(spool_counters(s)->segments_made, 0);
	spool_tick(s, now + 5 * NS_PER_S, false);
	assert_int_equal(spool_counters(s)->segments_made, 1);
	assert_int_equal(spool_durable(s, FLOW), 51);
	spool_state(s, now, &st);
	assert_int_equal(st.queue_bytes, 0);
	assert_int_equal(st.worst_case_loss_ns, 6 * NS_PER_S);
	for (int i = 0; i < 20; i++)	/* and when three quarters of the queue are full */
		add(s, FLOW, 1000, now + 6 * NS_PER_S);
	assert_true(spool_durable(s, FLOW) > 60);
	spool_free(s);
	sim_end(&disk);
}

static void classes_in_turn_losses_first(void **state)
{
	struct spool *s;

	s = open_spool(SPOOL_MEMORY);
	for (int i = 0; i < 2; i++)
		for (uint8_t class = HEALTH; class >= EVENT; class--)
			add(s, class, 10, T0);
	spool_declare(s, FLOW, SPOOL_LOST_TOO_BIG, 9, T0);
	spool_tick(s, T0, true);
	assert_string_equal(hand_out(s, SPOOL_LIVE, T0), "0:1 1:1 1:2 2:1 3:1 2:2 3:2");
	spool_free(s);
}

/* Short of backlog_ns all is live after an outage; from there on what waits is backlog, and the new is live. */
static void live_before_backlog(void **state)
{
	struct spool *s = open_spool(SPOOL_MEMORY);

	spool_tick(s, T0, true);
	add(s, FLOW, 10, T0);
	spool_tick(s, T0 + NS_PER_S, false);
	spool_tick(s, T0 + 10 * NS_PER_S, true);
	assert_string_equal(hand_out(s, SPOOL_BACKLOG, T0), "");
	assert_string_equal(hand_out(s, SPOOL_LIVE, T0), "2:1");
	spool_tick(s, T0 + 11 * NS_PER_S, false);
	add(s, FLOW, 10, T0);
	spool_unsend_all(s);
	spool_tick(s, T0 + 21 * NS_PER_S, true);
	add(s, FLOW, 10, T0);
	assert_string_equal(hand_out(s, SPOOL_LIVE, T0), "2:3");
	assert_string_equal(hand_out(s, SPOOL_BACKLOG, T0), "2:1 2:2");
	assert_int_equal(spool_ack(s, id(FLOW, 3)), 0);
	spool_unsend_all(s);
	assert_string_equal(hand_out(s, SPOOL_LIVE, T0), "");
	assert_string_equal(hand_out(s, SPOOL_BACKLOG, T0), "2:1 2:2");
	spool_free(s);
}

static void acknowledgements_in_any_order(void **state)
{
	struct spool *s = open_spool(SPOOL_MEMORY);

	spool_tick(s, T0, true);
	for (int i = 0; i < 4; i++)
		add(s, FLOW, 10, T0);
	assert_int_equal(spool_ack(s, id(FLOW, 1)), -ENOENT);	/* it was never handed out */
	hand_out(s, SPOOL_LIVE, T0);
	assert_int_equal(spool_ack(s, id(FLOW, 3)), 0);
	assert_int_equal(spool_ack(s, id(FLOW, 3)), -ENOENT);
	assert_int_equal(spool_ack(s, 0), -ENOENT);
	assert_int_equal(spool_ack(s, UINT32_MAX), -ENOENT);
	spool_unsend_all(s);
	assert_int_equal(spool_counters(s)->resent, 3);
	assert_int_equal(spool_ack(s, id(FLOW, 1)), 0);	/* the answer overtook the news */
	assert_string_equal(hand_out(s, SPOOL_LIVE, T0), "2:2 2:4");
	assert_int_equal(waiting(s), 2);
	spool_free(s);
}

static void refused_is_tried_again_then_lost(void **state)
{
	struct spool *s = open_spool(SPOOL_MEMORY);
	uint64_t now = T0, wait = NS_PER_S;
	struct spool_message m;
	struct spool_loss loss;

	add(s, FLOW, 10, T0);
	spool_tick(s, T0, true);
	hand_out(s, SPOOL_LIVE, T0);
	for (int i = 1; i < SPOOL_TRIES; i++, now += wait, wait = MIN(2 * wait, SPOOL_RETRY_MAX_NS)) {
		assert_int_equal(spool_refuse(s, id(FLOW, 1), now), 0);
		assert_false(spool_next(s, SPOOL_LIVE, now + wait - 1, &m));
		assert_true(spool_next(s, SPOOL_LIVE, now + wait, &m));
		assert_int_equal(m.tries, i);
		assert_int_equal(spool_sent(s, &m), 0);
	}
	assert_int_equal(spool_refuse(s, id(FLOW, 1), now), 0);
	spool_tick(s, now, true);
	loss = next_loss(s, now);
	assert_true(loss.reason == SPOOL_LOST_REFUSED && loss.class == FLOW && loss.from == 1 && loss.to == 1 && loss.records == 2);
	assert_int_equal(waiting(s), 0);
	spool_free(s);
}

/* The oldest of the lowest class; neighbours are told together. */
static void memory_full(void **state)
{
	struct spool *s = open_spool(SPOOL_MEMORY);
	struct spool_loss loss;

	add(s, EVENT, 1000, T0);
	for (int i = 0; i < 3; i++)
		add(s, HEALTH, 1000, T0);
	for (int i = 0; i < 40; i++)
		add(s, FLOW, 1000, T0);
	spool_tick(s, T0, true);
	loss = next_loss(s, T0);
	assert_true(loss.class == HEALTH && loss.from == 1 && loss.to == 3 && loss.records == 6 && loss.reason == SPOOL_LOST_MEMORY);
	loss = next_loss(s, T0);
	assert_true(loss.class == FLOW && loss.from == 1 && loss.to > 20 && loss.to < 30);
	assert_int_equal(spool_counters(s)->lost, 3 + loss.to);
	spool_free(s);
}

static void too_big(void **state)
{
	const struct spool_stamp stamp = { .count = 1 };
	static char big[SPOOL_PAYLOAD_MAX + 1];
	struct spool *s = open_spool(SPOOL_MEMORY);
	struct spool_loss loss;

	assert_int_equal(spool_append(s, FLOW, &stamp, big, sizeof(big), T0, NULL), -EMSGSIZE);
	assert_int_equal(spool_append(s, LOSS, &stamp, big, 1, T0, NULL), -EINVAL);
	assert_int_equal(spool_append(s, CLASSES, &stamp, big, 1, T0, NULL), -EINVAL);
	spool_tick(s, T0, true);
	loss = next_loss(s, T0);
	assert_true(loss.reason == SPOOL_LOST_TOO_BIG && loss.from == 1 && loss.to == 1);
	add(s, FLOW, 10, T0);
	assert_string_equal(hand_out(s, SPOOL_LIVE, T0), "2:2");
	spool_free(s);
}

/* Three errors: memory only, and an alarm. Messages go on. The disk comes back: what memory has goes there. */
static void disk_off_and_back(void **state)
{
	struct spool_state st;
	struct spool *s;

	sim_begin(&disk);
	s = open_spool(SPOOL_DURABLE);
	disk.fault = SIM_EIO;
	disk.fault_until = UINT64_MAX;
	add(s, FLOW, 10, T0);
	spool_tick(s, T0 + NS_PER_S, true);
	spool_state(s, T0 + 7 * NS_PER_S, &st);
	assert_true(st.is_disk_off && st.disk_error == -EIO && st.worst_case_loss_ns == 7 * NS_PER_S);
	assert_string_equal(hand_out(s, SPOOL_LIVE, T0), "2:1");
	add(s, FLOW, 10, T0);
	spool_tick(s, T0 + 2 * NS_PER_S + SPOOL_REST_NS, true);
	spool_tick(s, T0 + 2 * NS_PER_S + 2 * SPOOL_REST_NS, true);	/* the second rest is twice as long */
	assert_int_equal(spool_counters(s)->disk_off, 2);
	disk.fault = SIM_NO_FAULT;
	spool_tick(s, T0 + 3 * NS_PER_S + 3 * SPOOL_REST_NS, true);
	spool_state(s, T0, &st);
	assert_false(st.is_disk_off);
	assert_int_equal(st.worst_case_loss_ns, NS_PER_S);
	assert_int_equal(spool_durable(s, FLOW), 2);
	assert_int_equal(st.disk_off_since_ns, 0);
	spool_free(s);
	sim_end(&disk);
}

static void stop_in_order_goes_on(void **state)
{
	struct spool_state before, after;
	struct spool *s;

	sim_begin(&disk);
	s = open_spool(SPOOL_SPILL);
	for (int i = 0; i < 3; i++)
		add(s, FLOW, 10, T0);
	spool_tick(s, T0, true);
	hand_out(s, SPOOL_LIVE, T0);
	assert_int_equal(spool_ack(s, id(FLOW, 2)), 0);
	spool_state(s, T0, &before);
	assert_int_equal(spool_close(s, T0), 0);
	spool_free(s);
	s = open_spool(SPOOL_SPILL);
	spool_state(s, T0, &after);
	assert_int_equal(after.epoch, before.epoch);
	assert_int_equal(spool_counters(s)->unclean_stops, 0);
	add(s, FLOW, 10, T0);
	spool_tick(s, T0, true);
	assert_string_equal(hand_out(s, SPOOL_LIVE, T0), "2:4");
	assert_string_equal(hand_out(s, SPOOL_BACKLOG, T0), "2:1 2:3");
	spool_free(s);	/* no stop in order */
	s = open_spool(SPOOL_SPILL);
	spool_state(s, T0, &after);
	assert_true(after.epoch != before.epoch);
	assert_int_equal(spool_counters(s)->unclean_stops, 1);
	spool_free(s);
	sim_end(&disk);
}

/* What another gateway has left stays where it is, unread, until its room is needed. */
static void of_another_device(void **state)
{
	struct spool_conf conf = conf_of(SPOOL_DURABLE);
	struct spool_state st;
	struct spool *s;

	sim_begin(&disk);
	s = open_spool(SPOOL_DURABLE);
	add(s, FLOW, 10, T0);
	assert_int_equal(spool_close(s, T0), 0);
	spool_free(s);
	conf.device = "lab/other";
	conf.max_bytes = spool_least_bytes(&conf);
	assert_int_equal(spool_open(&s, &conf, T0), 0);
	assert_int_equal(spool_counters(s)->segments_foreign, 1);
	spool_tick(s, T0, true);
	assert_string_equal(hand_out(s, SPOOL_BACKLOG, T0), "");
	for (int i = 0; i < 10; i++)
		add(s, FLOW, 3000, T0);
	spool_state(s, T0, &st);
	assert_true(st.disk_bytes <= conf.max_bytes);
	assert_int_equal(sim_look(disk.name, "2-0000000000000001.seg"), -1);
	spool_free(s);
	sim_end(&disk);
}

/* Full of what is worth more: a message is refused, and the disk is none that fails. */
static void low_class_on_a_full_file_system(void **state)
{
	struct spool_conf conf = conf_of(SPOOL_DURABLE);
	struct spool_state st;
	struct spool *s;

	sim_begin(&disk);
	disk.fs_bytes = 100000;
	conf.min_free_bytes = 20000;
	assert_int_equal(spool_open(&s, &conf, T0), 0);
	for (int i = 0; i < 40; i++)
		add(s, EVENT, 3000, T0);
	add(s, HEALTH, 3000, T0);
	spool_tick(s, T0 + NS_PER_S, false);
	spool_state(s, T0, &st);
	assert_false(st.is_disk_off);
	assert_int_equal(st.lost_of[HEALTH], 1);
	assert_int_equal(st.lost_by_reason[SPOOL_LOST_FULL], 0);
	assert_int_equal(st.lost_by_reason[SPOOL_LOST_NO_SPACE], 1 + st.lost_of[EVENT]);
	assert_true(st.lost_of[EVENT] > 10 && st.lost_of[EVENT] < 35);
	disk.fs_bytes = 1;	/* and of others, so that in the end it would not help if all of ours went: then it stays */
	add(s, EVENT, 3000, T0);
	spool_tick(s, T0 + 2 * NS_PER_S, false);
	spool_state(s, T0, &st);
	assert_true(st.is_disk_off && st.disk_error == -ENOSPC);
	assert_in_range(st.disk_bytes, 32768 + 12288, 32768 + 24576);
	spool_free(s);
	sim_end(&disk);
}

/* A record in the middle of the newest segment rots: what is behind it is kept, and one number is lost. */
static void rot_in_the_last_segment(void **state)
{
	struct spool *s;
	struct spool_loss loss;

	sim_begin(&disk);
	s = open_spool(SPOOL_DURABLE);
	for (int i = 0; i < 5; i++)
		add(s, FLOW, 100, T0);
	assert_int_equal(spool_close(s, T0), 0);
	spool_free(s);
	disk.file[disk.name[sim_look(disk.name, "2-0000000000000001.seg")].file].seen[SPOOL_SEGMENT_HEAD + 2 * 156 + 80] ^= 1;
	s = open_spool(SPOOL_DURABLE);
	spool_tick(s, T0, true);
	loss = next_loss(s, T0);
	assert_true(loss.reason == SPOOL_LOST_CORRUPT && loss.from == 3 && loss.to == 3);
	assert_string_equal(hand_out(s, SPOOL_BACKLOG, T0), "2:1 2:2 2:4 2:5");
	spool_free(s);
	sim_end(&disk);
}

/* The index is by file: so many messages as the cap holds take no memory but the queue's. */
static void memory_is_flat(void **state)
{
	struct spool_conf conf = conf_of(SPOOL_DURABLE);
	struct spool_state st;
	struct spool *s;

	sim_begin(&disk);
	conf.segment_bytes = 256 << 10;
	conf.max_bytes = 5 << 20;
	conf.commit_bytes = 8192;
	assert_int_equal(spool_open(&s, &conf, T0), 0);
	for (int i = 0; i < 15000; i++)
		add(s, FLOW, 400, T0);
	spool_state(s, T0, &st);
	assert_true(st.disk_bytes <= conf.max_bytes && st.disk_bytes > 4 << 20);
	assert_true(st.queue_bytes <= conf.queue_bytes && st.segments < 30);
	assert_int_equal(st.waiting + spool_counters(s)->lost, spool_counters(s)->messages);
	spool_free(s);
	sim_end(&disk);
}

static void sizes_that_cannot_be(void **state)
{
	struct spool_conf conf = conf_of(SPOOL_DURABLE);
	struct spool *s;

	sim_begin(&disk);
	conf.max_bytes = spool_least_bytes(&conf) - 1;
	assert_int_equal(spool_open(&s, &conf, T0), -EINVAL);
	conf = conf_of(SPOOL_DURABLE);
	conf.classes = 1;
	assert_int_equal(spool_open(&s, &conf, T0), -EINVAL);
	conf.classes = SPOOL_CLASSES + 1;
	assert_int_equal(spool_open(&s, &conf, T0), -EINVAL);
	assert_null(spool_free(NULL));
	sim_end(&disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durable_is_shown_when_it_is), cmocka_unit_test(spill_writes_only_what_waits),
		cmocka_unit_test(classes_in_turn_losses_first), cmocka_unit_test(live_before_backlog),
		cmocka_unit_test(acknowledgements_in_any_order), cmocka_unit_test(refused_is_tried_again_then_lost),
		cmocka_unit_test(memory_full), cmocka_unit_test(too_big), cmocka_unit_test(disk_off_and_back),
		cmocka_unit_test(stop_in_order_goes_on), cmocka_unit_test(of_another_device), cmocka_unit_test(rot_in_the_last_segment),
		cmocka_unit_test(low_class_on_a_full_file_system), cmocka_unit_test(memory_is_flat), cmocka_unit_test(sizes_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

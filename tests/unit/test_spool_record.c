/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "export/spool_record.h"

static const struct spool_record RECORD = { .epoch = 77, .seq = 12, .mono_ns = 1, .wall_us = 1795341600000000ULL, .count = 4,
					    .len = 11, .class = 2, .flags = 1, .time_quality = 2, .payload = "{\"a\":\"bcd\"}" };

static size_t put(uint8_t *buf, const struct spool_record *r)
{
	spool_record_put(buf, r);
	memcpy(buf + SPOOL_RECORD_HEAD, r->payload, r->len);
	return SPOOL_RECORD_HEAD + r->len;
}

static void record_there_and_back(void **state)
{
	uint8_t buf[128];
	const size_t len = put(buf, &RECORD);
	struct spool_record r;

	assert_int_equal(spool_record_get(buf, len, &r), SPOOL_RECORD);
	assert_true(r.epoch == 77 && r.seq == 12 && r.mono_ns == 1 && r.wall_us == RECORD.wall_us && r.count == 4 && r.len == 11 &&
		    r.class == 2 && r.flags == 1 && r.time_quality == 2 && !memcmp(r.payload, RECORD.payload, 11));
}

/* Each shorter length wants more; each flipped bit is seen, and a bad payload is told from a bad head. */
static void record_short_or_changed(void **state)
{
	uint8_t buf[128];
	const size_t len = put(buf, &RECORD);
	struct spool_record r;

	for (size_t n = 0; n < len; n++)
		assert_int_equal(spool_record_get(buf, n, &r), SPOOL_MORE);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(spool_record_get(buf, len, &r), bit / 8 < SPOOL_RECORD_HEAD ? SPOOL_BAD_HEAD : SPOOL_BAD_PAYLOAD);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* A checksum that is right does not make them possible. */
static void record_impossible(void **state)
{
	static const struct { uint64_t seq; uint32_t len; uint8_t class; enum spool_found want; } rows[] = {
		{ 0, 11, 2, SPOOL_BAD_HEAD }, { SPOOL_SEQ_MAX, 11, 2, SPOOL_RECORD }, { SPOOL_SEQ_MAX + 1, 11, 2, SPOOL_BAD_HEAD },
		{ 1, 11, SPOOL_CLASSES - 1, SPOOL_RECORD }, { 1, 11, SPOOL_CLASSES, SPOOL_BAD_HEAD }, { 1, 0, 0, SPOOL_RECORD },
		{ 1, SPOOL_PAYLOAD_MAX, 1, SPOOL_RECORD }, { 1, SPOOL_PAYLOAD_MAX + 1, 1, SPOOL_BAD_HEAD },
	};
	static uint8_t buf[SPOOL_RECORD_HEAD + SPOOL_PAYLOAD_MAX + 1];
	static uint8_t payload[SPOOL_PAYLOAD_MAX + 1];
	struct spool_record r = RECORD, got;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r.seq = rows[i].seq;
		r.len = rows[i].len;
		r.class = rows[i].class;
		r.payload = payload;
		put(buf, &r);
		assert_int_equal(spool_record_get(buf, sizeof(buf), &got), rows[i].want);
	}
}

static void segment_head(void **state)
{
	const struct spool_segment_head want = { .serial = 9, .epoch = 77, .first_seq = 5, .epoch_first = 3, .prev_epoch = 76, .class = 1,
						 .device = "lab/gw" };
	struct spool_segment_head h;
	uint8_t buf[SPOOL_SEGMENT_HEAD];

	spool_segment_head_put(buf, &want);
	assert_true(spool_segment_head_get(buf, sizeof(buf), &h));
	assert_true(h.serial == 9 && h.epoch == 77 && h.first_seq == 5 && h.epoch_first == 3 && h.prev_epoch == 76 && h.class == 1);
	assert_string_equal(h.device, "lab/gw");
	assert_false(spool_segment_head_get(buf, sizeof(buf) - 1, &h));
	for (size_t i = 0; i < sizeof(buf); i++) {
		buf[i] ^= 0x40;
		assert_false(spool_segment_head_get(buf, sizeof(buf), &h));
		buf[i] ^= 0x40;
	}
}

static void loss(void **state)
{
	struct spool_loss want = { .reason = SPOOL_LOST_FULL, .class = 2, .epoch = 77, .from = 812, .to = 830, .records = 400 }, l;
	uint8_t buf[SPOOL_LOSS_BYTES];

	spool_loss_put(buf, &want);
	assert_true(spool_loss_get(buf, sizeof(buf), &l));
	assert_memory_equal(&l, &want, sizeof(l));
	assert_false(spool_loss_get(buf, sizeof(buf) - 1, &l));
	want.from = 831;
	spool_loss_put(buf, &want);
	assert_false(spool_loss_get(buf, sizeof(buf), &l));
	for (int i = 0; i < SPOOL_REASON_N; i++)
		assert_non_null(spool_reason_name((enum spool_reason)i));
	assert_null(spool_reason_name(SPOOL_REASON_N));
}

static void cursor(void **state)
{
	static struct spool_cursor want, c;
	static uint8_t buf[SPOOL_SLOT_MAX];
	size_t len;

	want = (struct spool_cursor){ .generation = 4, .epoch = 77, .prev_epoch = 76, .clean = true, .device = "lab/gw" };
	for (int i = 0; i < SPOOL_CLASSES; i++) {
		want.class[i] = (struct spool_cursor_class){ .next_seq = 1000, .epoch_first = 2, .durable_last = 900, .done.base = 10 };
		for (uint64_t n = 0; n < SPOOL_RUNS_MAX; n++)
			spool_done_add(&want.class[i].done, 20 + 3 * n, 21 + 3 * n);
	}
	len = spool_cursor_put(buf, &want);
	assert_true(len <= SPOOL_SLOT_MAX);
	assert_true(spool_cursor_get(buf, len, &c));
	assert_memory_equal(&c, &want, sizeof(c));
	assert_false(spool_cursor_get(buf, len - 1, &c));
	for (size_t i = 0; i < len; i++) {
		buf[i] ^= 1;
		assert_false(spool_cursor_get(buf, SPOOL_SLOT_MAX, &c));
		buf[i] ^= 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_there_and_back), cmocka_unit_test(record_short_or_changed), cmocka_unit_test(record_impossible),
		cmocka_unit_test(segment_head), cmocka_unit_test(loss), cmocka_unit_test(cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

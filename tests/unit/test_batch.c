/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "export/batch.h"
#include "json_check.h"

#define WALL_US 1795341600000000ULL
#define RECORD "{\"r\":\"0123456789012345678901234567890123456789\"}"	/* 48 bytes */

static struct batch *new_batch(size_t batch_bytes, size_t unacked_bytes)
{
	const struct batch_conf conf = { .gateway = "gw-1", .site = "home", .boot_id = "b0", .epoch = 77,
					 .batch_bytes = batch_bytes, .unacked_bytes = unacked_bytes };
	struct batch *b;

	assert_int_equal(batch_new(&b, &conf), 0);
	return b;
}

/* One batch of one record. */
static void add_batch(struct batch *b)
{
	assert_int_equal(batch_add_record(b, RECORD, sizeof(RECORD) - 1, WALL_US), 0);
	assert_int_equal(batch_close(b, WALL_US), 0);
}

/* Hands out everything that is due; the ids as text: "1 2 3". */
static const char *hand_out(struct batch *b, uint64_t now_ns)
{
	static char text[256];
	const struct batch_message *m;
	size_t len = 0;

	text[0] = '\0';
	while ((m = batch_next_unsent(b, now_ns))) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%llu", len ? " " : "", (unsigned long long)m->id);
		assert_int_equal(batch_sent(b, m->id), 0);
	}
	return text;
}

static uint64_t number_of(const struct batch_message *m, const char *key)
{
	const char *at = memmem(m->payload, m->len, key, strlen(key));

	assert_non_null(at);
	return strtoull(at + strlen(key), NULL, 10);
}

static void envelope_exact(void **state)
{
	struct batch *b = new_batch(4096, 65536);
	const struct batch_message *m;
	const char *want = "{\"schema\":\"weir.flow/1\",\"gateway\":\"gw-1\",\"site\":\"home\",\"boot_id\":\"b0\",\"epoch\":77,"
			   "\"seq\":1,\"ts\":\"2026-11-22T10:00:00.000000Z\",\"clock\":\"synced\",\"historical\":false,"
			   "\"lost\":{\"batches\":0,\"records\":0},\"records\":[{\"a\":1},{\"b\":2}]}";

	batch_set_clock(b, true);
	assert_int_equal(batch_close(b, WALL_US), 0);	/* nothing collected: no message */
	assert_null(batch_next_unsent(b, 0));
	assert_int_equal(batch_add_record(b, "{\"a\":1}", 7, 0), 0);
	assert_int_equal(batch_add_record(b, "{\"b\":2}", 7, 0), 0);
	assert_int_equal(batch_collected(b), 2);
	assert_int_equal(batch_close(b, WALL_US), 0);
	m = batch_next_unsent(b, 0);
	assert_non_null(m);
	assert_int_equal(m->id, 1);
	assert_int_equal(m->seq, 1);
	assert_int_equal(m->records, 2);
	assert_int_equal(m->class, MESSAGE_FLOW);
	assert_false(m->retain);
	assert_int_equal(m->len, strlen(want));
	assert_memory_equal(m->payload, want, m->len);
	batch_free(b);
}

static void hostile_names_and_unset_clock(void **state)
{
	const struct batch_conf conf = { .gateway = "a\"\n\xff", .site = "", .boot_id = "\\", .batch_bytes = 4096, .unacked_bytes = 65536 };
	const struct batch_message *m;
	struct batch *b;

	assert_int_equal(batch_new(&b, &conf), 0);
	assert_int_equal(batch_add_record(b, "{}", 2, 0), 0);
	assert_int_equal(batch_close(b, UINT64_MAX), 0);	/* no such year: no ts */
	m = batch_next_unsent(b, 0);
	assert_true(json_check(m->payload, m->len, NULL, NULL));
	assert_null(memmem(m->payload, m->len, "\"ts\"", 4));
	assert_non_null(memmem(m->payload, m->len, "\"clock\":\"unsynced\"", 18));
	batch_free(b);
}

/* Every size around the first that holds a record: never an envelope over the cap, never a record lost unsaid. */
static void batch_bytes_is_never_passed(void **state)
{
	unsigned int refused = 0, too_big = 0;

	for (size_t size = 0; size < 700; size++) {
		const struct batch_conf conf = { .gateway = "g", .site = "s", .boot_id = "b", .epoch = 1,
						 .batch_bytes = size, .unacked_bytes = 1 << 20 };
		const struct batch_message *m;
		uint64_t records = 0;
		struct batch *b;
		int r = batch_new(&b, &conf);

		if (r) {
			assert_int_equal(r, -EINVAL);
			refused++;
			continue;
		}
		for (int i = 0; i < 20; i++) {
			r = batch_add_record(b, RECORD, sizeof(RECORD) - 1, WALL_US);
			assert_true(!r || r == -EMSGSIZE);
		}
		assert_int_equal(batch_close(b, WALL_US), 0);
		too_big += batch_counters(b)->record_too_big != 0;
		while ((m = batch_next_unsent(b, 0))) {
			assert_true(m->len <= size);
			assert_true(json_check(m->payload, m->len, NULL, NULL));
			records += m->records;
			batch_sent(b, m->id);
		}
		assert_int_equal(records, batch_counters(b)->records);
		assert_int_equal(records + batch_counters(b)->record_too_big, 20);
		assert_int_equal(batch_counters(b)->lost_records, batch_counters(b)->record_too_big);
		batch_free(b);
	}
	assert_true(refused > 0 && refused < 400);
	assert_int_equal(too_big, sizeof(RECORD) - 2);	/* room for 1 to 47 bytes of records */
}

/* The envelope of batch.h in CBOR, item by item. */
static void cbor_envelope_exact(void **state)
{
	static const char wanted[] =
		"\xbf" "\x66schema" "\x6bweir.flow/1" "\x67gateway" "\x64gw-1" "\x64site" "\x64home" "\x67" "boot_id" "\x62" "b0"
		"\x65" "epoch" "\x18\x4d" "\x63seq" "\x01" "\x62ts" "\x78\x1b" "2026-11-22T10:00:00.000000Z" "\x65" "clock" "\x68unsynced"
		"\x6ahistorical" "\xf4" "\x64lost" "\xbf" "\x67" "batches" "\x00" "\x67records" "\x00" "\xff"
		"\x67records" "\x9f" "\xbf\xff" "\xbf\xff" "\xff" "\xff";
	const struct batch_conf conf = { .gateway = "gw-1", .site = "home", .boot_id = "b0", .epoch = 77, .batch_bytes = 4096,
					 .cbor = true, .unacked_bytes = 65536 };
	const struct batch_message *m;
	struct batch *b;

	assert_int_equal(batch_new(&b, &conf), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(batch_add_record(b, "\xbf\xff", 2, WALL_US), 0);
	assert_int_equal(batch_close(b, WALL_US), 0);
	m = batch_next_unsent(b, 0);
	assert_non_null(m);
	assert_int_equal(m->len, sizeof(wanted) - 1);
	assert_memory_equal(m->payload, wanted, sizeof(wanted) - 1);
	batch_free(b);
}

static void cbor_batch_bytes_is_never_passed(void **state)
{
	static const char record[48] = "\xbf";

	for (size_t size = 0; size < 700; size++) {
		const struct batch_conf conf = { .gateway = "g", .site = "s", .boot_id = "b", .epoch = 1, .cbor = true,
						 .batch_bytes = size, .unacked_bytes = 1 << 20 };
		const struct batch_message *m;
		uint64_t records = 0;
		struct batch *b;

		if (batch_new(&b, &conf))
			continue;
		for (int i = 0; i < 20; i++)
			batch_add_record(b, record, sizeof(record), WALL_US);
		assert_int_equal(batch_close(b, WALL_US), 0);
		while ((m = batch_next_unsent(b, 0))) {
			assert_true(m->len <= size);
			assert_memory_equal((const char *)m->payload + m->len - 2, "\xff\xff", 2);
			records += m->records;
			batch_sent(b, m->id);
		}
		assert_int_equal(records + batch_counters(b)->record_too_big, 20);
		batch_free(b);
	}
}

/* Exactly full: the comma of the last record is counted. */
static void record_that_fits_exactly(void **state)
{
	for (size_t last = 1; last < 200; last++) {
		struct batch *b = new_batch(700, 65536);
		char record[512];
		const struct batch_message *m;

		memset(record, '1', sizeof(record));
		assert_int_equal(batch_add_record(b, record, 300, WALL_US), 0);
		assert_int_equal(batch_add_record(b, record, last, WALL_US), 0);
		assert_int_equal(batch_close(b, WALL_US), 0);
		for (uint32_t records = 0; records < 2; records += m->records, batch_sent(b, m->id)) {
			m = batch_next_unsent(b, 0);
			assert_true(m->len <= 700);
			assert_true(json_check(m->payload, m->len, NULL, NULL));
		}
		batch_free(b);
	}
}

static void lost_record_is_told(void **state)
{
	struct batch *b = new_batch(700, 65536);
	static const char big[800];

	assert_int_equal(batch_add_record(b, big, sizeof(big), WALL_US), -EMSGSIZE);
	assert_int_equal(batch_counters(b)->record_too_big, 1);
	add_batch(b);
	assert_int_equal(number_of(batch_next_unsent(b, 0), "\"lost\":{\"batches\":0,\"records\":"), 1);
	batch_free(b);
}

static void ack_in_any_order(void **state)
{
	struct batch *b = new_batch(4096, 65536);

	for (int i = 0; i < 4; i++)
		add_batch(b);
	assert_int_equal(batch_ack(b, 1), -ENOENT);	/* never handed out: the uplink is wrong */
	assert_string_equal(hand_out(b, 0), "1 2 3 4");
	assert_int_equal(batch_fill(b).in_flight, 4);
	assert_int_equal(batch_ack(b, 3), 0);
	assert_int_equal(batch_ack(b, 1), 0);
	assert_int_equal(batch_ack(b, 1), -ENOENT);
	assert_int_equal(batch_ack(b, 99), -ENOENT);
	assert_int_equal(batch_ack(b, 2), 0);
	assert_int_equal(batch_ack(b, 4), 0);
	assert_int_equal(batch_fill(b).bytes, 0);
	assert_int_equal(batch_fill(b).in_flight + batch_fill(b).waiting, 0);
	assert_int_equal(batch_counters(b)->acked, 4);
	assert_int_equal(batch_counters(b)->ack_unknown, 3);
	batch_free(b);
}

static void resend_keeps_the_order(void **state)
{
	struct batch *b = new_batch(4096, 65536);

	add_batch(b);
	add_batch(b);
	add_batch(b);
	assert_int_equal(batch_sent(b, 1), 0);
	assert_int_equal(batch_sent(b, 2), 0);
	add_batch(b);
	batch_resend_all(b);
	assert_true(batch_next_unsent(b, 0)->again);
	assert_string_equal(hand_out(b, 0), "1 2 3 4");
	assert_int_equal(batch_ack(b, 2), 0);
	batch_resend_all(b);
	assert_int_equal(batch_ack(b, 1), 0);	/* a late answer of the connection before: no need to send it again */
	assert_string_equal(hand_out(b, 0), "3 4");
	assert_int_equal(batch_counters(b)->resent, 2 + 3);
	assert_int_equal(batch_counters(b)->lost_batches, 0);
	batch_free(b);
}

static void refused_waits_then_is_lost(void **state)
{
	struct batch *b = new_batch(4096, 65536);
	uint64_t now_ns = 1000;

	add_batch(b);
	add_batch(b);
	assert_string_equal(hand_out(b, now_ns), "1 2");
	assert_int_equal(batch_refuse(b, 1, now_ns), 0);
	assert_int_equal(batch_refuse(b, 1, now_ns), -ENOENT);	/* not in flight any more */
	assert_int_equal(batch_ack(b, 2), 0);
	assert_string_equal(hand_out(b, now_ns + BATCH_RETRY_NS - 1), "");
	add_batch(b);
	assert_string_equal(hand_out(b, now_ns + BATCH_RETRY_NS), "1 3");
	assert_int_equal(batch_ack(b, 3), 0);
	for (unsigned int i = 1; i < BATCH_TRIES; i++) {
		assert_int_equal(batch_refuse(b, 1, now_ns), 0);
		now_ns += BATCH_RETRY_MAX_NS;
		assert_string_equal(hand_out(b, now_ns), i < BATCH_TRIES - 1 ? "1" : "");
	}
	assert_int_equal(batch_counters(b)->refused, BATCH_TRIES);
	assert_int_equal(batch_counters(b)->lost_batches, 1);
	assert_int_equal(batch_counters(b)->lost_records, 1);
	assert_int_equal(batch_fill(b).bytes, 0);
	add_batch(b);
	assert_int_equal(number_of(batch_next_unsent(b, now_ns), "\"lost\":{\"batches\":"), 1);
	batch_free(b);
}

/* Full: what has not been sent goes first, and the next envelope says how much. */
static void overflow_is_accounted(void **state)
{
	struct batch *b = new_batch(1024, 1024 + 256);
	uint64_t seq_seen = 0, gaps = 0, lost = 0;
	const struct batch_message *m;

	add_batch(b);
	assert_string_equal(hand_out(b, 0), "1");
	for (int i = 0; i < 50; i++)
		add_batch(b);
	assert_true(batch_fill(b).bytes <= 1024 + 256);
	assert_int_equal(batch_fill(b).in_flight, 1);	/* most likely at the broker already */
	batch_resend_all(b);
	while ((m = batch_next_unsent(b, 0))) {
		gaps += m->seq - seq_seen - 1;
		seq_seen = m->seq;
		lost = number_of(m, "\"lost\":{\"batches\":");
		batch_sent(b, m->id);
	}
	assert_int_equal(seq_seen, 51);
	assert_int_equal(gaps, batch_counters(b)->lost_batches);
	assert_int_equal(gaps, lost);
	assert_true(gaps > 40);
	batch_free(b);
}

/* All in flight and no room: the oldest goes, its late answer is no surprise. */
static void overflow_of_what_is_in_flight(void **state)
{
	struct batch *b = new_batch(1024, 1024 + 256);

	for (int i = 0; i < 4; i++) {
		add_batch(b);
		hand_out(b, 0);
	}
	assert_true(batch_counters(b)->lost_batches > 0);
	assert_int_equal(batch_ack(b, 1), -ENOENT);
	assert_int_equal(batch_ack(b, 4), 0);
	batch_free(b);
}

static void other_classes_take_no_seq(void **state)
{
	struct batch *b = new_batch(4096, 65536);
	const struct batch_message *m;
	static const char big[65536];

	add_batch(b);
	assert_int_equal(batch_add_message(b, MESSAGE_BIRTH, true, "{}", 2), 0);
	assert_int_equal(batch_add_message(b, MESSAGE_STATE, true, NULL, 0), 0);	/* empty: clears a retained one */
	add_batch(b);
	batch_sent(b, 1);
	m = batch_next_unsent(b, 0);
	assert_int_equal(m->id, 2);
	assert_int_equal(m->seq, 0);
	assert_true(m->retain);
	assert_string_equal(batch_class_name(m->class), "birth");
	assert_int_equal(m->len, 2);
	assert_memory_equal(m->payload, "{}", 2);
	batch_sent(b, 2);
	batch_sent(b, 3);
	assert_int_equal(batch_next_unsent(b, 0)->seq, 2);	/* no gap for a subscriber of flow alone */
	assert_int_equal(batch_add_message(b, MESSAGE_EVENT, false, big, sizeof(big)), -EMSGSIZE);
	assert_int_equal(batch_counters(b)->message_too_big, 1);
	assert_int_equal(batch_counters(b)->lost_other, 1);
	assert_int_equal(batch_counters(b)->lost_batches, 0);
	assert_int_equal(batch_fill(b).in_flight, 3);	/* nobody had to go for it */
	batch_free(b);
}

/* Random walk: what was added = acknowledged + lost + still there, always. */
static void the_books_of_the_queue_balance(void **state)
{
	struct batch *b = new_batch(1024, 4096);
	const struct batch_counters *n = batch_counters(b);
	uint64_t seed = 1, now_ns = 0, added = 0;

	for (int i = 0; i < 200000; i++) {
		const struct batch_message *m;
		struct batch_fill fill;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		now_ns += seed >> 34;
		switch (seed >> 60) {
		case 0 ... 3:
			batch_add_record(b, RECORD, sizeof(RECORD) - 1, now_ns / 1000);
			batch_close(b, now_ns / 1000);
			added++;
			break;
		case 4:
			batch_add_message(b, MESSAGE_HEALTH, false, RECORD, (seed >> 40) % 48);
			added++;
			break;
		case 5 ... 8:
			m = batch_next_unsent(b, now_ns);
			if (m)
				batch_sent(b, m->id);
			break;
		case 9 ... 12:
			batch_ack(b, n->messages - (seed >> 40) % 24);
			break;
		case 13:
			batch_refuse(b, n->messages - (seed >> 40) % 24, now_ns);
			break;
		case 14:
			if (!((seed >> 40) % 16))
				batch_resend_all(b);
			break;
		}
		fill = batch_fill(b);
		assert_true(fill.bytes <= 4096);
		assert_int_equal(added, n->acked + n->lost_batches + n->lost_other + fill.waiting + fill.in_flight);
		assert_int_equal(n->lost_records, n->lost_batches);
	}
	assert_true(n->acked > 1000 && n->lost_batches > 1000 && n->refused > 1000 && n->resent > 1000);
	batch_free(b);
}

static void sizes_that_hold_nothing(void **state)
{
	char long_name[3000];
	struct batch_conf conf = { .gateway = "g", .site = "s", .boot_id = "b", .batch_bytes = 4096, .unacked_bytes = 4096 };
	struct batch *b = NULL;

	assert_int_equal(batch_new(&b, &conf), -EINVAL);	/* no room for the list head */
	conf.unacked_bytes = 65536;
	conf.batch_bytes = 100;
	assert_int_equal(batch_new(&b, &conf), -EINVAL);
	conf.batch_bytes = SIZE_MAX;
	assert_int_equal(batch_new(&b, &conf), -EINVAL);
	memset(long_name, 'x', sizeof(long_name));
	long_name[2999] = '\0';
	conf.batch_bytes = 32768;
	conf.gateway = long_name;
	assert_int_equal(batch_new(&b, &conf), -EINVAL);
	assert_null(b);
	assert_null(batch_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelope_exact),
		cmocka_unit_test(hostile_names_and_unset_clock),
		cmocka_unit_test(batch_bytes_is_never_passed),
		cmocka_unit_test(cbor_envelope_exact),
		cmocka_unit_test(cbor_batch_bytes_is_never_passed),
		cmocka_unit_test(record_that_fits_exactly),
		cmocka_unit_test(lost_record_is_told),
		cmocka_unit_test(ack_in_any_order),
		cmocka_unit_test(resend_keeps_the_order),
		cmocka_unit_test(refused_waits_then_is_lost),
		cmocka_unit_test(overflow_is_accounted),
		cmocka_unit_test(overflow_of_what_is_in_flight),
		cmocka_unit_test(other_classes_take_no_seq),
		cmocka_unit_test(the_books_of_the_queue_balance),
		cmocka_unit_test(sizes_that_hold_nothing),
	};

	return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "export/batch.h"
#include "json_check.h"

#define WALL_US 1795341600000000ULL
#define RECORD "{\"r\":\"0123456789012345678901234567890123456789\"}"	/* 48 bytes */

/* What was handed on. */
static struct {
	char text[40000];
	size_t len, longest;
	uint32_t records, batches, sum;
} got;

static void closed(const char *payload, size_t len, uint32_t records, void *arg)
{
	assert_ptr_equal(arg, &got);
	assert_true(len <= sizeof(got.text));
	if (payload[0] == '{')
		assert_true(json_check(payload, len, NULL, NULL));
	memcpy(got.text, payload, len);
	got.len = len;
	got.longest = len > got.longest ? len : got.longest;
	got.records = records;
	got.sum += records;
	got.batches++;
}

static struct batch_conf conf_of(size_t batch_bytes)
{
	memset(&got, 0, sizeof(got));
	return (struct batch_conf){ .gateway = "gw-1", .site = "home", .boot_id = "b0", .batch_bytes = batch_bytes, .closed = closed,
				    .arg = &got };
}

static struct batch *new_batch(size_t batch_bytes)
{
	const struct batch_conf conf = conf_of(batch_bytes);
	struct batch *b;

	assert_int_equal(batch_new(&b, &conf), 0);
	return b;
}

static void envelope_exact(void **state)
{
	struct batch *b = new_batch(4096);
	const char *want = "{\"schema\":\"weir.flow/1\",\"gateway\":\"gw-1\",\"site\":\"home\",\"boot_id\":\"b0\","
			   "\"ts\":\"2026-11-22T10:00:00.000000Z\",\"clock\":\"synced\",\"lost\":{\"batches\":3,\"records\":40},"
			   "\"records\":[{\"a\":1},{\"b\":2}]}";

	batch_set_clock(b, true);
	batch_set_lost(b, &(struct batch_lost){ 3, 40 });
	batch_close(b, WALL_US);	/* nothing collected: no message */
	assert_int_equal(got.batches, 0);
	assert_int_equal(batch_add_record(b, "{\"a\":1}", 7, 0), 0);
	assert_int_equal(batch_add_record(b, "{\"b\":2}", 7, 0), 0);
	assert_int_equal(batch_collected(b), 2);
	batch_close(b, WALL_US);
	assert_int_equal(batch_collected(b), 0);
	assert_int_equal(got.records, 2);
	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.text, want, got.len);
	batch_free(b);
}

static void hostile_names_and_unset_clock(void **state)
{
	struct batch_conf conf = conf_of(4096);
	struct batch *b;

	conf.gateway = "a\"\n\xff";
	conf.site = "";
	conf.boot_id = "\\";
	assert_int_equal(batch_new(&b, &conf), 0);
	assert_int_equal(batch_add_record(b, "{}", 2, 0), 0);
	batch_close(b, UINT64_MAX);	/* no such year: no ts */
	assert_null(memmem(got.text, got.len, "\"ts\"", 4));
	assert_non_null(memmem(got.text, got.len, "\"clock\":\"unsynced\"", 18));
	batch_free(b);
}

/* Every size around the first that holds a record: never an envelope over the cap, with the largest stamp and all. */
static void batch_bytes_is_never_passed(void **state)
{
	static const struct batch_stamp largest = { .epoch = UINT64_MAX, .seq = UINT64_MAX };
	unsigned int refused = 0, too_big = 0;

	for (size_t size = 0; size < 700; size++) {
		const struct batch_conf conf = conf_of(size);
		char text[800];
		struct writer w = { .buf = text, .size = size };
		struct batch *b;
		int r = batch_new(&b, &conf);

		if (r) {
			assert_int_equal(r, -EINVAL);
			refused++;
			continue;
		}
		batch_set_lost(b, &(struct batch_lost){ UINT64_MAX, UINT64_MAX });
		for (int i = 0; i < 20; i++) {
			r = batch_add_record(b, RECORD, sizeof(RECORD) - 1, WALL_US);
			assert_true(!r || r == -EMSGSIZE);
		}
		batch_close(b, WALL_US);
		too_big += batch_counters(b)->record_too_big != 0;
		assert_true(got.longest + BATCH_STAMP_MAX <= size);
		if (got.len)
			batch_stamp(&w, &largest, got.text, got.len);
		assert_false(w.full);
		assert_int_equal(got.sum, batch_counters(b)->records);
		assert_int_equal(got.batches, batch_counters(b)->batches);
		assert_int_equal(got.sum + batch_counters(b)->record_too_big, 20);
		batch_free(b);
	}
	assert_true(refused > 0 && refused < 450);
	assert_int_equal(too_big, sizeof(RECORD) - 2);	/* room for 1 to 47 bytes of records */
}

/* The envelope of batch.h in CBOR, item by item, as it is handed on and as it is sent. */
static void cbor_envelope_exact(void **state)
{
#define MEMBERS \
		"\x66schema" "\x6bweir.flow/1" "\x67gateway" "\x64gw-1" "\x64site" "\x64home" "\x67" "boot_id" "\x62" "b0" \
		"\x62ts" "\x78\x1b" "2026-11-22T10:00:00.000000Z" "\x65" "clock" "\x68unsynced" \
		"\x64lost" "\xbf" "\x67" "batches" "\x03" "\x67records" "\x18\x28" "\xff" \
		"\x67records" "\x9f" "\xbf\xff" "\xbf\xff" "\xff" "\xff"
	static const char wanted[] = "\xbf" MEMBERS,
			  sent[] = "\xbf" "\x65" "epoch" "\x18\x4d" "\x63seq" "\x01" "\x6ahistorical" "\xf5" MEMBERS;
	struct batch_conf conf = conf_of(4096);
	char text[4096];
	struct writer w = WRITER(text);
	struct batch *b;

	conf.cbor = true;
	assert_int_equal(batch_new(&b, &conf), 0);
	batch_set_lost(b, &(struct batch_lost){ 3, 40 });
	for (int i = 0; i < 2; i++)
		assert_int_equal(batch_add_record(b, "\xbf\xff", 2, WALL_US), 0);
	batch_close(b, WALL_US);
	assert_int_equal(got.len, sizeof(wanted) - 1);
	assert_memory_equal(got.text, wanted, got.len);
	batch_stamp(&w, &(struct batch_stamp){ 77, 1, true }, got.text, got.len);
	assert_int_equal(w.len, sizeof(sent) - 1);
	assert_memory_equal(text, sent, w.len);
	batch_free(b);
}

static void cbor_batch_bytes_is_never_passed(void **state)
{
	static const struct batch_stamp largest = { .epoch = UINT64_MAX, .seq = UINT64_MAX };
	static const char record[48] = "\xbf";
	unsigned int held = 0;

	for (size_t size = 0; size < 700; size++) {
		struct batch_conf conf = conf_of(size);
		char text[800];
		struct writer w = { .buf = text, .size = size };
		struct batch *b;

		conf.cbor = true;
		if (batch_new(&b, &conf))
			continue;
		batch_set_lost(b, &(struct batch_lost){ UINT64_MAX, UINT64_MAX });
		for (int i = 0; i < 20; i++)
			batch_add_record(b, record, sizeof(record), WALL_US);
		batch_close(b, WALL_US);
		assert_true(got.longest + BATCH_STAMP_MAX <= size);
		if (got.len) {
			batch_stamp(&w, &largest, got.text, got.len);
			assert_memory_equal(text + w.len - 2, "\xff\xff", 2);
			held++;
		}
		assert_false(w.full);
		assert_int_equal(got.sum + batch_counters(b)->record_too_big, 20);
		batch_free(b);
	}
	assert_true(held > 100);
}

/* Exactly full: the comma of the last record is counted. */
static void record_that_fits_exactly(void **state)
{
	for (size_t last = 1; last < 260; last++) {
		struct batch *b = new_batch(700);
		char record[512];

		memset(record, '1', sizeof(record));
		assert_int_equal(batch_add_record(b, record, 150, WALL_US), 0);
		assert_int_equal(batch_add_record(b, record, last, WALL_US), 0);
		batch_close(b, WALL_US);
		assert_true(got.longest <= 700 - BATCH_STAMP_MAX);
		assert_int_equal(got.sum, 2);
		assert_int_equal(got.batches, got.records == 2 ? 1 : 2);
		batch_free(b);
	}
}

static void stamps(void **state)
{
	static const struct { const char *json, *want; } rows[] = {
		{ "{\"a\":1}", "{\"epoch\":7,\"seq\":8,\"historical\":true,\"a\":1}" },
		{ "{}", "{\"epoch\":7,\"seq\":8,\"historical\":true}" },
		{ "\xbf\xff", "\xbf" "\x65" "epoch\x07" "\x63seq\x08" "\x6ahistorical\xf5" "\xff" },
		{ "", NULL }, { "{", NULL }, { "[1]", NULL }, { "\xbf", NULL }, { "\xa1\x61" "a\x01", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[200];
		struct writer w = WRITER(text);

		batch_stamp(&w, &(struct batch_stamp){ 7, 8, true }, rows[i].json, strlen(rows[i].json));
		assert_int_equal(w.full, !rows[i].want);
		if (rows[i].want) {
			assert_int_equal(w.len, strlen(rows[i].want));
			assert_memory_equal(text, rows[i].want, w.len);
		}
	}
}

/* Of both encodings. */
static void largest_stamps(void **state)
{
	static const char *const messages[] = { "{\"a\":1}", "\xbf" "\x61" "a\x01\xff" };

	for (int i = 0; i < 2; i++) {
		char text[200];
		struct writer w = WRITER(text);

		batch_stamp(&w, &(struct batch_stamp){ UINT64_MAX, UINT64_MAX, i }, messages[i], strlen(messages[i]));
		assert_false(w.full);
		assert_true(w.len <= strlen(messages[i]) + BATCH_STAMP_MAX);
	}
}

static void sizes_that_hold_nothing(void **state)
{
	char long_name[3000];
	struct batch_conf conf = conf_of(100);
	struct batch *b = NULL;

	assert_int_equal(batch_new(&b, &conf), -EINVAL);
	memset(long_name, 'x', sizeof(long_name));
	long_name[2999] = '\0';
	conf.batch_bytes = 32768;
	conf.gateway = long_name;
	assert_int_equal(batch_new(&b, &conf), -EINVAL);
	assert_null(b);
	assert_null(batch_free(NULL));
	assert_null(batch_class_name(MESSAGE_N));
	assert_string_equal(batch_class_name(MESSAGE_FLOW_HIST), "flow_hist");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelope_exact), cmocka_unit_test(hostile_names_and_unset_clock),
		cmocka_unit_test(batch_bytes_is_never_passed), cmocka_unit_test(cbor_envelope_exact),
		cmocka_unit_test(cbor_batch_bytes_is_never_passed), cmocka_unit_test(record_that_fits_exactly), cmocka_unit_test(stamps), cmocka_unit_test(largest_stamps),
		cmocka_unit_test(sizes_that_hold_nothing),
	};

	return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}

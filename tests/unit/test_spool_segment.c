/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "export/spool_segment.h"
#include "tests/spool/sim_disk.h"

static struct sim disk;
static uint8_t buf[SPOOL_SCAN_BYTES];

static void names(void **state)
{
	static const char *const bad[] = { "", "cursor", "bad.seg", "8-0000000000000001.seg", "1-0000000000000000.seg", "1-000000000000001.seg",
					   "1-0000000000000001.seg.", "1-000000000000000A.seg", "01-0000000000000001.seg", "1-ffffffffffffffff.seg" };
	char name[SPOOL_NAME_MAX];
	uint64_t serial;
	uint8_t class;

	spool_segment_name(name, 3, 0x1a2b);
	assert_string_equal(name, "3-0000000000001a2b.seg");
	assert_true(spool_segment_parse(name, &class, &serial));
	assert_true(class == 3 && serial == 0x1a2b);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(spool_segment_parse(bad[i], &class, &serial));
}

/* A segment of ten records with payloads of @len bytes. */
static void make(struct spool_segment *seg, uint32_t len)
{
	static uint8_t payload[SPOOL_PAYLOAD_MAX];

	sim_begin(&disk);
	*seg = (struct spool_segment){ .serial = 1, .epoch = 7, .first = 1, .class = 2, .fd = -1 };
	assert_int_equal(spool_segment_create(seg, &disk.io, "d"), 0);
	for (uint64_t seq = 1; seq <= 10; seq++) {
		const struct spool_record r = { .epoch = 7, .seq = seq, .class = 2, .len = len, .payload = payload };

		assert_int_equal(spool_segment_append(seg, &r, buf), 0);
	}
}

static unsigned int count(uint64_t *ret_bad)
{
	struct spool_scan scan;
	struct spool_record r;
	unsigned int n = 0;

	*ret_bad = 0;
	assert_int_equal(spool_scan_open(&scan, &disk.io, "2-0000000000000001.seg", SPOOL_SEGMENT_HEAD, UINT64_MAX, buf), 0);
	while (spool_scan_next(&scan, &r)) {
		*ret_bad += scan.bad_bytes;
		n++;
	}
	*ret_bad += scan.bad_bytes;
	spool_scan_close(&scan);
	return n;
}

/* One byte changed anywhere costs one record, in a file of many reads, too. */
static void one_bad_byte(void **state)
{
	static const uint32_t lens[] = { 0, 100, 40000, SPOOL_PAYLOAD_MAX };

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		const uint64_t size = SPOOL_SEGMENT_HEAD + 10 * (SPOOL_RECORD_HEAD + lens[i]);
		struct spool_segment seg;
		uint64_t bad;

		make(&seg, lens[i]);
		assert_int_equal(count(&bad), 10);
		assert_int_equal(bad, 0);
		for (uint64_t at = SPOOL_SEGMENT_HEAD; at < size; at += 1 + size / 60) {
			disk.file[0].seen[at] ^= 0x55;
			assert_int_equal(count(&bad), 9);
			assert_int_equal(bad, SPOOL_RECORD_HEAD + lens[i]);
			disk.file[0].seen[at] ^= 0x55;
		}
		spool_segment_close(&seg);
		sim_end(&disk);
	}
}

static void cut_anywhere(void **state)
{
	struct spool_segment seg;
	uint64_t bad;

	make(&seg, 100);
	for (size_t size = disk.file[0].seen_len; size >= SPOOL_SEGMENT_HEAD; size--) {
		disk.file[0].seen_len = size;
		assert_int_equal(count(&bad), (size - SPOOL_SEGMENT_HEAD) / 156);
		assert_int_equal(bad, (size - SPOOL_SEGMENT_HEAD) % 156);
	}
	spool_segment_close(&seg);
	sim_end(&disk);
}

static void poisoned(void **state)
{
	struct spool_segment seg;
	const struct spool_record r = { .epoch = 7, .seq = 11, .class = 2, .len = 1, .payload = "x" };

	make(&seg, 10);
	assert_int_equal(spool_segment_sync(&seg), 0);
	assert_int_equal(spool_segment_append(&seg, &r, buf), 0);
	assert_true(spool_segment_is_dirty(&seg));
	disk.fault = SIM_SYNC_LIES;
	disk.fault_until = UINT64_MAX;
	assert_int_equal(spool_segment_sync(&seg), -EIO);
	assert_true(seg.last == 11 && seg.durable_last == 10);
	spool_segment_poison(&seg);
	assert_true(seg.last == 10 && seg.fd == -1 && seg.bytes == seg.durable_bytes);
	sim_end(&disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(one_bad_byte), cmocka_unit_test(cut_anywhere),
					    cmocka_unit_test(poisoned) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

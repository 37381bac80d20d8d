/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "run/snapshot_spool.h"
#include "json_check.h"

static struct snapshot s;
static char text[2048];

static void begin(enum spool_mode mode)
{
	memset(&s, 0, sizeof(s));
	s.now_us = 1795341600000000ULL;
	s.spool = (struct spool_state){ .mode = mode, .waiting = 12, .oldest_wall_us = s.now_us - 90500000, .queue_bytes = 300,
					.disk_bytes = 65536, .segments = 3, .worst_case_loss_ns = 1500 * NS_PER_MS, .epoch = 77 };
	s.spool_counters.lost = 4;
	memset(text, 0, sizeof(text));
}

static void status(void **state)
{
	struct writer w = WRITER(text);

	begin(SPOOL_DURABLE);
	snapshot_spool_text(&w, &s);
	assert_string_equal(text, "spool   durable; 12 messages wait, the oldest for 90 s; 300 bytes in memory, 65536 in 3 segments; lost 4 messages; "
				  "a power cut takes 1.5 s at most\n");
	begin(SPOOL_MEMORY);
	s.spool.oldest_wall_us = s.now_us + 1000000;	/* the time of day went back */
	w = (struct writer)WRITER(text);
	snapshot_spool_text(&w, &s);
	assert_string_equal(text, "spool   off; 12 messages wait, the oldest for 0 s; 300 bytes in memory; lost 4 messages; "
				  "a power cut takes 1.5 s at most\n");
}

static void alarm_is_said(void **state)
{
	struct writer w = WRITER(text);

	begin(SPOOL_SPILL);
	s.spool.is_disk_off = true;
	s.spool.disk_error = -EROFS;
	snapshot_spool_text(&w, &s);
	assert_non_null(strstr(text, "\n        ALARM: the disk is left alone, messages are in memory only: Read-only file system\n"));
	w = (struct writer)WRITER(text);
	memset(text, 0, sizeof(text));
	writer_char(&w, '{');
	snapshot_spool_json(&w, &s);
	writer_char(&w, '}');
	assert_true(json_check(text, w.len, NULL, NULL));
	assert_string_equal(text, "{\"spool\":{\"mode\":\"spill\",\"memory_only\":true,\"error\":\"Read-only file system\",\"alarm\":true,\"epoch\":77,"
				  "\"waiting\":12,\"oldest_s\":90,\"memory_bytes\":300,\"disk_bytes\":65536,\"segments\":3,\"lost\":4,"
				  "\"worst_case_loss_s\":2}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(status), cmocka_unit_test(alarm_is_said) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

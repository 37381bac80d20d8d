/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "run/backlog.h"

#define MESSAGE 10000u

enum live { NONE, FREE, WAITS };

/* Bytes of backlog that go in @seconds, offered every 10 ms; all are acknowledged at once. */
static uint64_t sent_in(struct backlog *b, uint64_t *now_ns, unsigned int seconds, enum live live)
{
	uint64_t sent = 0;

	for (unsigned int i = 0; i < 100 * seconds; i++, *now_ns += 10 * NS_PER_MS) {
		if (live != NONE)
			backlog_live(b, live == WAITS, *now_ns);
		for (int n = 0; n < 50 && backlog_may(b, *now_ns); n++) {
			backlog_sent(b, MESSAGE);
			backlog_acked(b, MESSAGE, *now_ns);
			sent += MESSAGE;
		}
	}
	return sent;
}

/* 2 MB a second were acknowledged: beside new messages that wait, backlog has 30 % of that, and less as the rate fades. */
static void share(void **state)
{
	struct backlog b = { .share = 30 };
	uint64_t now = 100 * NS_PER_S;

	for (int i = 0; i < 400; i++, now += 10 * NS_PER_MS)
		backlog_acked(&b, 20000, now);
	assert_in_range(b.rate, 1900000, 2100000);
	sent_in(&b, &now, 2, WAITS);	/* what had gathered */
	assert_in_range(sent_in(&b, &now, 5, WAITS), 2500000, 3100000);
	now += BACKLOG_QUIET_NS;
	assert_int_equal(sent_in(&b, &now, 1, NONE), 50 * 100 * MESSAGE);
}

/* New messages that find room beside it are no reason to hold back: 1 MB a second within ten seconds, from nothing known. */
static void room_is_found(void **state)
{
	struct backlog b = { .share = 30 };
	uint64_t now = 100 * NS_PER_S;

	sent_in(&b, &now, 10, FREE);
	assert_true(sent_in(&b, &now, 1, FREE) > 1000000);
	sent_in(&b, &now, 2, WAITS);
	assert_true(sent_in(&b, &now, 5, WAITS) < 5 * 1000000);
}

static void never_nothing(void **state)
{
	struct backlog b = { .share = 1 };
	uint64_t now = 100 * NS_PER_S;

	sent_in(&b, &now, 2, WAITS);
	assert_in_range(sent_in(&b, &now, 20, WAITS), 19 * BACKLOG_LEAST, 22 * BACKLOG_LEAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(share), cmocka_unit_test(room_is_found), cmocka_unit_test(never_nothing) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

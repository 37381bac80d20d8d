/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "run/backlog.h"

#define MESSAGE 10000u

/* Bytes of backlog that go in @seconds, offered every 10 ms. */
static uint64_t sent_in(struct backlog *b, uint64_t *now_ns, unsigned int seconds, bool with_live)
{
	uint64_t sent = 0;

	for (unsigned int i = 0; i < 100 * seconds; i++, *now_ns += 10 * NS_PER_MS) {
		if (with_live)
			backlog_live(b, *now_ns);
		for (int n = 0; n < 50 && backlog_may(b, *now_ns); n++) {
			backlog_sent(b, MESSAGE);
			sent += MESSAGE;
		}
	}
	return sent;
}

/* 2 MB a second were acknowledged: beside new messages backlog has 30 % of that, alone as much as is taken. */
static void share(void **state)
{
	struct backlog b = { .share = 30 };
	uint64_t now = 100 * NS_PER_S, sent;

	for (int i = 0; i < 300; i++, now += 10 * NS_PER_MS)
		backlog_acked(&b, 20000, now);
	assert_in_range(b.rate, 1900000, 2100000);
	backlog_live(&b, now);
	sent_in(&b, &now, 2, true);	/* what had gathered */
	sent = sent_in(&b, &now, 10, true);
	assert_in_range(sent, 5500000, 6500000);
	now += BACKLOG_QUIET_NS;
	assert_int_equal(sent_in(&b, &now, 1, false), 50 * 100 * MESSAGE);
}

static void never_nothing(void **state)
{
	struct backlog b = { .share = 1 };
	uint64_t now = 100 * NS_PER_S;

	backlog_live(&b, now);
	sent_in(&b, &now, 2, true);
	assert_in_range(sent_in(&b, &now, 20, true), 19 * BACKLOG_LEAST, 22 * BACKLOG_LEAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(share), cmocka_unit_test(never_nothing) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

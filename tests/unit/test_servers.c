/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mqtt/servers.h"

#define HIGHEST ((const uint32_t[]){ UINT32_MAX, UINT32_MAX })
#define LOWEST ((const uint32_t[]){ 0, 0 })
#define S NS_PER_S

static struct servers three(void)
{
	struct servers s = { .count = 3 };

	for (unsigned int i = 0; i < s.count; i++)
		s.server[i] = (struct server){ .host = "h", .port = (uint16_t)i,
			.backoff = { .min_ms = 1000, .max_ms = 60000, .phase = UINT32_MAX }, .version = { .protocol = 5 } };
	return s;
}

static void in_turn(void **state)
{
	struct servers s = three();

	for (unsigned int i = 1; i <= 7; i++) {
		servers_ended(&s, BROKER_FAILED, 0, i * 1000 * S, LOWEST);
		assert_int_equal(s.at, i % 3);
	}
	assert_int_equal(s.server[0].backoff.failures, 3);
	assert_int_equal(s.server[1].backoff.failures, 2);
	assert_int_equal(s.server[0].address, 3);
}

/* The wait is that of the one that comes next: of one never tried it is the first, of one that failed lately its own. */
static void waits(void **state)
{
	struct servers s = three();

	s.count = 2;
	assert_true(servers_ended(&s, BROKER_FAILED, 0, 100 * S, HIGHEST) == 101 * S);		/* B's first, 1 s at most */
	assert_true(servers_ended(&s, BROKER_FAILED, 0, 101 * S, LOWEST) == 101 * S);		/* A's is over: 100 + 1 */
	s.server[1].ready_ns = 500 * S;
	assert_true(servers_ended(&s, BROKER_FAILED, 0, 102 * S, LOWEST) == 500 * S);		/* never before its own */
}

static void good_one_again(void **state)
{
	struct servers s = three();

	s.at = 1;
	s.server[1].backoff.failures = 3;
	servers_ended(&s, BROKER_LOST, 9 * S, 100 * S, LOWEST);
	assert_int_equal(s.at, 1);
	assert_int_equal(s.server[1].backoff.failures, 1);	/* starts over */
	assert_int_equal(s.server[1].address, 0);
	servers_ended(&s, BROKER_LOST, 1, 100 * S, LOWEST);	/* thrown out at once: not a good one */
	assert_int_equal(s.at, 2);
	assert_int_equal(s.server[1].backoff.failures, 2);
}

static void version(void **state)
{
	struct servers s = three();

	assert_true(servers_ended(&s, BROKER_VERSION, 0, 100 * S, HIGHEST) == 100 * S);	/* no wait, same broker */
	assert_int_equal(s.at, 0);
	assert_int_equal(s.server[0].version.protocol, 4);
	assert_int_equal(s.server[1].version.protocol, 5);
	servers_ended(&s, BROKER_REFUSED, 0, 100 * S, HIGHEST);
	assert_int_equal(s.at, 1);
	servers_ended(&s, BROKER_CLOSED_EARLY, 0, 100 * S, HIGHEST);
	assert_int_equal(s.at, 2);
	servers_ended(&s, BROKER_FAILED, 0, 100 * S, HIGHEST);
	servers_ended(&s, BROKER_FAILED, 0, 100 * S, HIGHEST);
	servers_ended(&s, BROKER_CLOSED_EARLY, 0, 100 * S, HIGHEST);	/* the second time: 3.1.1 with the same */
	assert_int_equal(s.at, 1);
	assert_int_equal(s.server[1].version.protocol, 4);
}

static void alone(void **state)
{
	struct servers s = three();

	s.count = 1;
	assert_true(servers_ended(&s, BROKER_FAILED, 0, 100 * S, HIGHEST) == 101 * S);
	assert_true(servers_ended(&s, BROKER_FAILED, 0, 101 * S, HIGHEST) == 103 * S);
	assert_int_equal(s.at, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_turn),
		cmocka_unit_test(waits),
		cmocka_unit_test(good_one_again),
		cmocka_unit_test(version),
		cmocka_unit_test(alone),
	};

	return cmocka_run_group_tests_name("servers", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mqtt/outbox.h"

static struct link agent, uplink;
static unsigned int fills;

static void fill(void *arg, struct link_state *state)
{
	*state = (struct link_state){ .port = 1 };
	state->next_attempt_ms = ++fills;
}

static int open_ends(void **state)
{
	int fds[2];

	fills = 0;
	if (link_pair(fds) || link_open(&agent, fds[0], LINK_AGENT) || link_open(&uplink, fds[1], LINK_UPLINK))
		return -1;
	agent.session = uplink.session = 7;
	return 0;
}

static int close_ends(void **state)
{
	link_close(&agent);
	link_close(&uplink);
	return 0;
}

static void order(void **state)
{
	static const enum link_type want[] = { LINK_READY, LINK_ACK, LINK_REFUSED, LINK_WINDOW, LINK_STATE };
	struct link_window window = { 3, 4 };
	struct outbox box = { .ready_due = true, .window_due = true, .state_due = true, .window = &window,
		.fill_state = fill };
	struct link_msg got;

	outbox_verdict(&box, LINK_ACK, 5, 0);
	outbox_verdict(&box, LINK_REFUSED, 6, 135);
	assert_int_equal(outbox_flush(&box, &uplink), 0);
	assert_int_equal(outbox_flush(&box, &uplink), 0);
	for (unsigned int i = 0; i < sizeof(want) / sizeof(*want); i++) {
		assert_int_equal(link_recv(&agent, &got), 0);
		assert_int_equal(got.type, want[i]);
	}
	assert_int_equal(link_recv(&agent, &got), -EAGAIN);
}

/* An agent that does not read: nothing is dropped, nothing told twice, STATE only as new as it is when it goes. */
static void full_link(void **state)
{
	struct link_window window = { 3, 4 };
	struct outbox box = { .window = &window, .fill_state = fill };
	struct link_msg got;
	uint32_t told = 0, heard = 0;

	while (outbox_flush(&box, &uplink) != -EAGAIN) {
		outbox_verdict(&box, LINK_ACK, ++told, 0);
		assert_true(told < 100000);
	}
	while (box.count < UPLINK_WINDOW_MAX)
		outbox_verdict(&box, LINK_ACK, ++told, 0);
	box.state_due = true;
	assert_int_equal(outbox_flush(&box, &uplink), -EAGAIN);
	assert_int_equal(fills, 0);
	while (box.count || box.state_due || heard < told) {
		assert_int_equal(link_recv(&agent, &got), 0);
		if (got.type == LINK_ACK)
			assert_int_equal(got.verdict.id, ++heard);
		outbox_flush(&box, &uplink);
	}
	assert_int_equal(heard, told);
	assert_int_equal(link_recv(&agent, &got), 0);
	assert_int_equal(got.type, LINK_STATE);
	assert_int_equal(link_recv(&agent, &got), -EAGAIN);
}

static void ended_link(void **state)
{
	struct outbox box = { .ready_due = true };

	link_close(&agent);
	assert_int_equal(outbox_flush(&box, &uplink), -EPIPE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_ends, close_ends)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(order),
		TEST(full_link),
		TEST(ended_link),
	};

	return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}

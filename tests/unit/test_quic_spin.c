/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_quic_spin - two endpoints that play by RFC 9000 17.4, or do not, on both sides of a port; and what the port makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "bpf/quic_spin.h"

#define CLIENT 0
#define SERVER 1
#define UNDER_WAY 8192
#define FOREVER UINT64_MAX

enum habit { SPINS, CONSTANT, RANDOM };

/* One endpoint, and what lies between it and the port. */
struct end {
	uint32_t delay_us;	/* to the port, and back */
	uint32_t every_us;	/* between two packets that it sends */
	uint32_t late_us, late_each;	/* so much later comes each so manieth packet that it sent */
	uint32_t burst_us, pause_us;	/* sends for so long, then nothing for so long; 0: always */
	enum habit habit;
	/* its state */
	uint8_t value;
	uint64_t highest, number, next_us;
};

struct packet_in_flight {
	uint64_t due_us, number;
	uint8_t value, from;
	bool passed;		/* the port */
};

static struct end end[2];
static struct packet_in_flight flight[UNDER_WAY];
static size_t in_flight;
static struct tcp_health h;
static uint64_t now, random_state, over_us, clock_start;
static uint32_t client_side;	/* which side of the flow the client is */
static bool is_mistaken;	/* the port takes the other one for it */
static unsigned int packets;

static uint32_t chance(void)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(random_state >> 33);
}

static void send(int from)
{
	struct end *e = &end[from];
	struct packet_in_flight *p = &flight[in_flight++];

	assert_true(in_flight < UNDER_WAY);
	e->number++;
	*p = (struct packet_in_flight){
		.due_us = now + e->delay_us, .number = e->number, .from = (uint8_t)from,
		.value = e->habit == RANDOM ? chance() & 1 : e->value,
	};
	if (e->late_each && e->number % e->late_each == 0)
		p->due_us += e->late_us;
}

/* RFC 9000 17.4: only a higher packet number counts. */
static void receive(const struct packet_in_flight *p)
{
	struct end *e = &end[!p->from];

	if (p->number <= e->highest)
		return;
	e->highest = p->number;
	if (e->habit == SPINS)
		e->value = e == &end[CLIENT] ? !p->value : p->value;
}

static void pass(struct packet_in_flight *p)
{
	const uint32_t side = p->from == CLIENT ? client_side : !client_side;

	packets++;
	if (over_us == FOREVER && !quic_spin(&h, side, client_side ^ is_mistaken, 0x40 | (p->value ? QUIC_SPIN_BIT : 0) | (chance() & 0x1f),
					     (uint32_t)(clock_start + now)))
		over_us = now;
}

static void forward(void)
{
	for (size_t i = 0; i < in_flight; i++) {
		struct packet_in_flight *p = &flight[i];

		if (p->due_us > now)
			continue;
		if (!p->passed) {
			pass(p);
			p->passed = true;
			p->due_us = now + end[!p->from].delay_us;
		} else {
			receive(p);
			flight[i--] = flight[--in_flight];
		}
	}
}

static bool is_silent(const struct end *e)
{
	return e->burst_us && now % (e->burst_us + e->pause_us) >= e->burst_us;
}

/* @us of it, in steps of 10 us. */
static void go_on(uint64_t us)
{
	for (const uint64_t until = now + us; now < until; now += 10) {
		forward();
		for (int i = 0; i < 2; i++)
			if (now >= end[i].next_us && !is_silent(&end[i])) {
				send(i);
				end[i].next_us = now + end[i].every_us;
			}
	}
}

static void begin(struct end client, struct end server)
{
	end[CLIENT] = client;
	end[SERVER] = server;
	memset(&h, 0, sizeof(h));
	in_flight = packets = 0;
	now = 0;
	over_us = FOREVER;
	random_state = 42;
}

static uint32_t mean(int side)
{
	return h.rtt_count[side] ? h.side[side].rtt_sum_us / h.rtt_count[side] : 0;
}

#define assert_near(is, want, more) assert_in_range(is, (want) - 10, (want) + 10 + (more))

/* Both halves, whichever side the client is on, also where the clock wraps. */
static void spins(void **state)
{
	static const struct { uint32_t near, far, every; } rows[] = {
		{ 10000, 30000, 500 }, { 15000, 15000, 200 }, { 200, 9800, 100 }, { 30000, 300, 300 }, { 150000, 150000, 1000 },
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		const uint32_t near_us = 2 * rows[i / 2].near, far_us = 2 * rows[i / 2].far, every = rows[i / 2].every;
		const uint32_t round_us = near_us + far_us;

		client_side = i & 1;
		clock_start = i & 1 ? 0xfff00000u : 1000;
		begin((struct end){ .delay_us = rows[i / 2].near, .every_us = every },
		      (struct end){ .delay_us = rows[i / 2].far, .every_us = every });
		go_on(20ull * round_us);
		assert_int_equal(h.side[0].spin.state, SPIN_SPINNING);
		assert_true(over_us == FOREVER);
		/* a client's packet waits @every at most, and so does the server's */
		assert_in_range(h.rtt_min_us[client_side], near_us - 20, near_us + every + 20);
		assert_in_range(mean((int)client_side), near_us - 20, near_us + every + 20);
		assert_in_range(h.rtt_min_us[!client_side], far_us - 20, far_us + every + 20);
		assert_in_range(mean(!client_side), far_us - 20, far_us + every + 20);
		/* one sample a side and round trip, but for the first ones */
		assert_in_range(h.rtt_count[0], 13, 20);
		assert_in_range(h.rtt_count[1], 13, 20);
	}
	clock_start = client_side = 0;
}

/* Two changes of each side are not told: 2 and a half round trips of the watch, and the next one is. */
static void not_before_several_changes(void **state)
{
	begin((struct end){ .delay_us = 10000, .every_us = 100 }, (struct end){ .delay_us = 10000, .every_us = 100 });
	/* the server's value is the first one that changes after the client's, every 40 ms; the third change is told */
	go_on(105000);
	assert_int_equal(h.rtt_count[0] + h.rtt_count[1], 0);
	assert_int_equal(h.side[0].spin.run, 2);
	assert_int_equal(h.side[0].spin.state, SPIN_WATCHING);
	go_on(40000);
	assert_int_equal(h.rtt_count[0], 1);
	assert_int_equal(h.rtt_count[1], 1);
	assert_int_equal(h.side[0].spin.state, SPIN_SPINNING);
}

static void silent_ends(void **state)
{
	static const struct { enum habit client, server; uint8_t value; enum spin_state state; } rows[] = {
		{ CONSTANT, CONSTANT, 0, SPIN_CONSTANT },
		{ CONSTANT, CONSTANT, 1, SPIN_CONSTANT },
		{ CONSTANT, SPINS, 1, SPIN_CONSTANT },
		{ SPINS, CONSTANT, 0, SPIN_CONSTANT },
		{ RANDOM, RANDOM, 0, SPIN_ERRATIC },
		{ RANDOM, SPINS, 0, SPIN_ERRATIC },
		{ SPINS, RANDOM, 0, SPIN_ERRATIC },
		{ RANDOM, CONSTANT, 0, SPIN_ERRATIC },
	};

	for (uint32_t every = 10; every <= 30000; every *= 3) {
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			begin((struct end){ .delay_us = 20000, .every_us = every, .habit = rows[i].client, .value = rows[i].value },
			      (struct end){ .delay_us = 30000, .every_us = every, .habit = rows[i].server, .value = rows[i].value });
			if (every < 100)	/* as many as fit */
				end[CLIENT].delay_us = end[SERVER].delay_us = 1500;
			go_on(MAX(3100000, 300 * every));
			assert_int_equal(h.side[0].spin.state, rows[i].state);
			assert_true(over_us != FOREVER);
			assert_int_equal(h.rtt_count[0] + h.rtt_count[1], 0);
		}
	}
}

/* A change that is out of order is neither one nor two; nor is a sample of it wrong. */
static void reordered(void **state)
{
	begin((struct end){ .delay_us = 10000, .every_us = 300, .late_us = 700, .late_each = 7 },
	      (struct end){ .delay_us = 30000, .every_us = 300, .late_us = 700, .late_each = 5 });
	go_on(4000000);
	assert_int_equal(h.side[0].spin.state, SPIN_SPINNING);
	assert_in_range(h.rtt_count[0], 40, 50);
	assert_in_range(h.rtt_count[1], 40, 50);
	for (int side = 0; side < 2; side++) {
		assert_in_range(h.rtt_min_us[side], side ? 59000 : 19000, side ? 60400 : 20400);
		assert_in_range(mean(side), side ? 59900 : 19900, side ? 60900 : 20900);
	}
	/* far later than the hold-off of 1 ms, but not than a quarter of the round trip */
	begin((struct end){ .delay_us = 10000, .every_us = 4000, .late_us = 9000, .late_each = 9 },
	      (struct end){ .delay_us = 30000, .every_us = 4000, .late_us = 9000, .late_each = 7 });
	go_on(8000000);
for (int side = 0; side < 2; side++)
		assert_in_range(h.rtt_min_us[side], side ? 50990 : 10990, side ? 64400 : 24400);
}

/* Who has nothing to send answers late: a request now and then, every answer at once. */
static void idle(void **state)
{
	begin((struct end){ .delay_us = 5000, .every_us = 200, .burst_us = 30000, .pause_us = 70000 },
	      (struct end){ .delay_us = 15000, .every_us = 200 });
	go_on(5000000);
	/* the server always sends: its half is true to an eighth of the round; the client's stands still for 70 ms at times */
	if (h.rtt_count[SERVER])
		assert_in_range(mean(SERVER), 29900, 35000);
	if (h.rtt_count[CLIENT])
		assert_in_range(mean(CLIENT), 9900, 15000);
	begin((struct end){ .delay_us = 5000, .every_us = 50000 }, (struct end){ .delay_us = 15000, .every_us = 50000 });
	go_on(20000000);	/* fewer packets than round trips */
	assert_int_equal(h.rtt_count[0] + h.rtt_count[1], 0);
}

/* Both sides pause; what lies over a pause is not told. */
static void pauses(void **state)
{
	begin((struct end){ .delay_us = 5000, .every_us = 200, .burst_us = 300000, .pause_us = 400000 },
	      (struct end){ .delay_us = 15000, .every_us = 200, .burst_us = 300000, .pause_us = 400000 });
	go_on(20000000);
	assert_in_range(h.rtt_count[0], 190, 210);
	assert_in_range(h.rtt_count[1], 190, 210);
for (int side = 0; side < 2; side++)
		assert_in_range(mean(side), side ? 29900 : 9900, side ? 30300 : 10300);
}

/* Windows that are sent at once: who sends first after a pause may have had nothing to send. Nor are they noise. */
static void bursts(void **state)
{
	begin((struct end){ .delay_us = 5000, .every_us = 250, .burst_us = 5000, .pause_us = 35000 },
	      (struct end){ .delay_us = 5000, .every_us = 250, .burst_us = 5000, .pause_us = 35000 });
	go_on(10000000);
	assert_int_equal(h.rtt_count[0] + h.rtt_count[1], 0);
	assert_int_equal(h.side[0].spin.state, SPIN_WATCHING);
}

static int give(int side, bool value, uint64_t at_us)
{
	return quic_spin(&h, (uint32_t)side, CLIENT, value ? 0x60 : 0x40, (uint32_t)at_us);
}

/* Constant is not who sends little, nor who changed lately: a side has a whole number of packets and of seconds. */
static void little_is_not_constant(void **state)
{
	memset(&h, 0, sizeof(h));
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(give(CLIENT, false, 1000 + 1000 * i), 1);
	assert_int_equal(give(CLIENT, true, 200000), 1);
	for (uint32_t i = 0; i < QUIC_SPIN_STILL - 1; i++)
		assert_int_equal(give(CLIENT, true, 4000000 + i), 1);
	assert_int_equal(give(CLIENT, true, 4000000 + QUIC_SPIN_STILL), 0);
	assert_int_equal(h.side[0].spin.state, SPIN_CONSTANT);
	memset(&h, 0, sizeof(h));
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(give(SERVER, false, 1000 * i), 1);
	assert_int_equal(give(SERVER, false, QUIC_SPIN_STILL_US), 0);
}

/* Once it is known that a round trip is 40 ms, a packet that overtook three is a change 4 ms early, and not three; five are too many. */
static void overtaken(void **state)
{
	for (uint32_t ahead = 4; ahead <= 5; ahead++) {
		memset(&h, 0, sizeof(h));
		for (uint32_t ms = 0; ms < 2000; ms++) {
			const bool client = ms / 40 & 1, server = (ms + 20) / 40 & 1, early = ms > 400 && ms % 40 == 40 - ahead;

			give(CLIENT, early ? !client : client, 1000 * ms + 100);
			give(SERVER, !server, 1000 * ms + 200);
			if (ms == 400)
				h.rtt_count[0] = h.rtt_count[1] = h.side[0].rtt_sum_us = h.side[1].rtt_sum_us = 0;
		}
		assert_in_range(h.rtt_count[CLIENT], ahead == 4 ? 39 : 0, ahead == 4 ? 40 : 4);
		assert_in_range(h.rtt_count[SERVER], ahead == 4 ? 39 : 0, ahead == 4 ? 40 : 4);
		if (ahead == 4) {
			assert_in_range(mean(CLIENT), 15900, 16100);
			assert_in_range(mean(SERVER), 23900, 24200);
		}
	}
}

static uint64_t wandered_us;
static bool wandered_value;

/* @n whole round trips, half of them on each side; packets of 0.1 ms. */
static void wander(int n, uint32_t round_us)
{
	for (int i = 0; i < n; i++) {
		wandered_value = !wandered_value;
		for (uint32_t at = 0; at < round_us; at += 100) {
			give(CLIENT, wandered_value, wandered_us + at);
			give(SERVER, at < round_us / 2 ? !wandered_value : wandered_value, wandered_us + at);
		}
		wandered_us += round_us;
	}
}

/* The hold-off is a quarter of the shortest round trip, and so follows one that becomes shorter step by step. */
static void shorter_and_shorter(void **state)
{
	memset(&h, 0, sizeof(h));
	wandered_us = 5000;
	wandered_value = false;
	wander(10, 40000);
	wander(10, 12000);
	wander(10, 4000);
	assert_int_equal(h.rtt_count[CLIENT], 30 - 2 - 1);	/* the first change but shows the first value */
	assert_int_equal(h.rtt_count[SERVER], 30 - 2);
	assert_int_equal(h.rtt_min_us[SERVER], 2000);
	wander(2, 20000);
	/* a change 4 ms after one, seen when the hold-off is over: when it was, nobody knows */
	h.side[CLIENT].spin.least_us = 20000;
	h.rtt_count[CLIENT] = 0;
	give(CLIENT, !wandered_value, wandered_us);
	assert_int_equal(h.rtt_count[CLIENT], 1);
	give(SERVER, !wandered_value, wandered_us + 2000);
	give(CLIENT, !wandered_value, wandered_us + 3990);
	give(CLIENT, wandered_value, wandered_us + 4000);
	give(CLIENT, wandered_value, wandered_us + 5000);
	assert_int_equal(h.rtt_count[CLIENT], 1);
	assert_int_equal(h.side[CLIENT].spin.run, 0);
}

/* The path becomes shorter than the hold-off that the longer one made: not for ever. */
static void another_path(void **state)
{
	begin((struct end){ .delay_us = 20000, .every_us = 100 }, (struct end){ .delay_us = 60000, .every_us = 100 });
	go_on(2000000);
	assert_int_equal(h.side[0].spin.state, SPIN_SPINNING);
	memset(h.rtt_count, 0, sizeof(h.rtt_count));
	end[CLIENT].delay_us = 1000;
	end[SERVER].delay_us = 4000;
	go_on(1000000);
	h.rtt_count[0] = h.rtt_count[1] = 0;
	h.side[0].rtt_sum_us = h.side[1].rtt_sum_us = 0;
	go_on(1000000);
	assert_in_range(h.rtt_count[0], 50, 110);
	assert_in_range(mean(0), 1990, 2120);
	assert_in_range(mean(1), 7990, 8120);
}

/* Below a millisecond changes are too near to each other to be told from packets out of order. */
static void too_short(void **state)
{
	begin((struct end){ .delay_us = 100, .every_us = 10 }, (struct end){ .delay_us = 100, .every_us = 10 });
	go_on(3000000);
	assert_int_equal(h.rtt_count[0] + h.rtt_count[1], 0);
}

/* A server's value is the client's, a client's the opposite of the server's: what fits by time alone is not believed. */
static void roles(void **state)
{
	is_mistaken = true;
	begin((struct end){ .delay_us = 10000, .every_us = 100 }, (struct end){ .delay_us = 10000, .every_us = 100 });
	go_on(2000000);
	is_mistaken = false;
	assert_int_equal(h.rtt_count[0] + h.rtt_count[1], 0);
}

static void short_headers(void **state)
{
	for (uint32_t first = 0; first < 256; first++)
		assert_int_equal(quic_spin_is_short(first), first < 0x80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spins), cmocka_unit_test(not_before_several_changes), cmocka_unit_test(silent_ends), cmocka_unit_test(reordered),
		cmocka_unit_test(idle), cmocka_unit_test(pauses), cmocka_unit_test(another_path), cmocka_unit_test(bursts),
		cmocka_unit_test(little_is_not_constant), cmocka_unit_test(overtaken), cmocka_unit_test(shorter_and_shorter), cmocka_unit_test(too_short),
		cmocka_unit_test(roles), cmocka_unit_test(short_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_report_tcp - flags and health of a flow as fields: states, failures, who is near and who is source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <netinet/in.h>

#include "base/util.h"
#include "run/report_tcp.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

static const struct flow_key TCP = { .proto = IPPROTO_TCP }, UDP = { .proto = IPPROTO_UDP };

static void same(const char *is, const char *want)
{
	if (want)
		assert_string_equal(is, want);
	else
		assert_null(is);
}

static void states(void **state)
{
	static const struct {
		uint8_t source, destination;
		bool ended;
		const char *state, *failure, *reset;
	} rows[] = {
		{ SYN, 0, false, "syn_sent", NULL, NULL },
		{ SYN, 0, true, "syn_sent", "no_answer", NULL },
		{ SYN, RST | ACK, true, "reset", "refused", "destination" },
		{ SYN, SYN | ACK, false, "syn_received", NULL, NULL },
		{ SYN | RST, SYN | ACK, true, "reset", "reset_in_handshake", "source" },
		{ SYN | ACK, SYN | ACK, false, "established", NULL, NULL },
		{ SYN | ACK | FIN, SYN | ACK, false, "closing", NULL, NULL },
		{ SYN | ACK | FIN, SYN | ACK | FIN, true, "closed", NULL, NULL },
		{ SYN | ACK | RST, SYN | ACK | RST, true, "reset", NULL, "both" },
		{ ACK, ACK, false, "established", NULL, NULL },
		{ ACK, 0, true, "established", NULL, NULL },
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		const uint8_t a = i & 1 ? rows[i / 2].destination : rows[i / 2].source;
		const uint8_t b = i & 1 ? rows[i / 2].source : rows[i / 2].destination;
		const struct flow_report flow = {
			.key = &TCP, .flags = (i & 1 ? FLOW_INITIATOR_B : 0) | a | (uint32_t)b << 8,
			.end = rows[i / 2].ended ? FLOW_END_IDLE : FLOW_END_ACTIVE,
		};
		struct record_tcp tcp = { 0 };

		report_tcp(&flow, &tcp);
		same(tcp.state, rows[i / 2].state);
		same(tcp.failure, rows[i / 2].failure);
		same(tcp.reset, rows[i / 2].reset);
		assert_false(tcp.measured);
	}
}

static void sides(void **state)
{
	struct tcp_health h = { .handshake_us = { 10, 20 }, .duplicate_acks = { 1, 2 }, .zero_windows = { 3, 4 } };
	struct flow_report flow = { .key = &TCP, .tcp = &h };
	struct record_tcp tcp = { 0 };

	h.side[0] = (struct tcp_side){ .next_seq = 500, .acked = 90, .retransmits = 5, .lost_before = 6, .out_of_order = 7 };
	h.side[1] = (struct tcp_side){ .next_seq = 80, .acked = 400, .retransmits = 15 };
	h.rtt[0][2] = 1;
	h.rtt_base[0] = 9;
	h.rtt_count[0] = 2;
	h.rtt_min_us[0] = 30;
	h.side[0].rtt_sum_us = 99;
	report_tcp(&flow, &tcp);
	assert_true(tcp.measured && tcp.has_handshake);
	assert_int_equal(tcp.handshake_near_us, 10);
	assert_int_equal(tcp.handshake_far_us, 20);
	assert_int_equal(tcp.rtt[0].count, 2);
	assert_int_equal(tcp.rtt[0].min_us, 30);
	assert_int_equal(tcp.rtt[0].mean_us, 49);
	assert_int_equal(tcp.rtt[0].first_bucket, 8);
	assert_int_equal(tcp.rtt[0].buckets[2], 1);
	assert_int_equal(tcp.rtt[1].count, 0);
	assert_int_equal(tcp.source.retransmits, 5);
	assert_int_equal(tcp.source.lost_before, 6);
	assert_int_equal(tcp.source.out_of_order, 7);
	assert_int_equal(tcp.source.duplicate_acks, 1);
	assert_int_equal(tcp.source.in_flight, 100);
	assert_int_equal(tcp.destination.zero_windows, 4);
	assert_int_equal(tcp.destination.in_flight, 0);	/* acknowledged more than was seen */

	flow.flags = FLOW_INITIATOR_B;	/* a connection from beyond: near stays near */
	report_tcp(&flow, &tcp);
	assert_int_equal(tcp.source.retransmits, 15);
	assert_int_equal(tcp.handshake_near_us, 10);
	flow.flags |= FLOW_MIRROR;
	report_tcp(&flow, &tcp);
	assert_int_equal(tcp.handshake_near_us, 20);
	assert_int_equal(tcp.rtt[1].count, 2);
}

static void not_tcp(void **state)
{
	const struct tcp_health h = { .handshake_us = { 10, 20 } };
	const struct flow_report flow = { .key = &UDP, .tcp = &h };
	struct record_tcp tcp = { 0 };
	static const struct record_tcp nothing;

	report_tcp(&flow, &tcp);
	assert_memory_equal(&tcp, &nothing, sizeof(tcp));
}

static void icmp_echo(void **state)
{
	static const struct flow_key icmp = { .proto = IPPROTO_ICMP }, icmp6 = { .proto = IPPROTO_ICMPV6 };
	struct tcp_health h = { .rtt_count = { 1, 2 }, .rtt_min_us = { 10, 20 }, .rtt_base = { 1, 1 } };
	struct flow_report flow = { .key = &icmp, .tcp = &h, .flags = FLOW_INITIATOR_B };
	struct record_rtt r[2] = { 0 };

	report_icmp(&flow, r);
	assert_int_equal(r[0].count, 1);
	assert_int_equal(r[0].min_us, 10);
	assert_int_equal(r[1].min_us, 20);
	flow.key = &icmp6;
	flow.flags |= FLOW_MIRROR;
	report_icmp(&flow, r);
	assert_int_equal(r[0].min_us, 20);
	memset(r, 0, sizeof(r));
	flow.key = &TCP;
	report_icmp(&flow, r);
	flow.key = &icmp;
	flow.tcp = NULL;
	report_icmp(&flow, r);
	assert_int_equal(r[0].count | r[1].count, 0);
}

static void quic_spin(void **state)
{
	struct tcp_health h = { .rtt_count = { 1, 2 }, .rtt_min_us = { 10, 20 }, .rtt_base = { 1, 1 } };
	struct flow_report flow = { .key = &UDP, .tcp = &h };
	struct record_quic r = { 0 };

	h.side[0].spin.state = SPIN_SPINNING;
	report_quic(&flow, &r);
	assert_string_equal(r.spin, "spinning");
	assert_int_equal(r.rtt[0].min_us, 10);
	assert_int_equal(r.rtt[1].min_us, 20);
	flow.flags = FLOW_INITIATOR_B;
	report_quic(&flow, &r);
	assert_int_equal(r.rtt[0].min_us, 10);
	flow.flags |= FLOW_MIRROR;
	report_quic(&flow, &r);
	assert_int_equal(r.rtt[0].min_us, 20);
	for (int i = 0; i < 3; i++) {	/* not UDP, no place, garbage */
		r = (struct record_quic){ 0 };
		flow.key = i == 0 ? &TCP : &UDP;
		flow.tcp = i == 1 ? NULL : &h;
		h.side[0].spin.state = i == 2 ? SPIN_STATE_N : SPIN_WATCHING;
		report_quic(&flow, &r);
		assert_null(r.spin);
		assert_int_equal(r.rtt[0].count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(states), cmocka_unit_test(sides), cmocka_unit_test(not_tcp), cmocka_unit_test(icmp_echo),
						cmocka_unit_test(quic_spin) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

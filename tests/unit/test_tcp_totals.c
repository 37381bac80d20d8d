/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_tcp_totals - sides, differences of counters that only grow, intervals, and who stays in a table that is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <netinet/in.h>

#include "base/util.h"
#include "records.h"
#include "run/tcp_totals.h"

#define FLOWS 64
#define START_NS 1000

static const struct flow_key KEY = { .proto = IPPROTO_TCP, .port = 3 };

static struct record measured(uint16_t retransmits, uint16_t lost_before)
{
	struct record r = records_usual();

	r.tcp = (struct record_tcp){
		.state = "established", .measured = true,
		.rtt = { { .count = 2, .first_bucket = 20, .buckets = { 2 } }, { .count = 4, .first_bucket = 30, .buckets = { 0, 4 } } },
		.source = { .retransmits = retransmits, .lost_before = lost_before },
	};
	return r;
}

static struct flow_report report_of(uint32_t slot, uint32_t flags, uint64_t first_ns)
{
	return (struct flow_report){ .key = &KEY, .slot = slot, .flags = flags, .first_ns = first_ns, .end = FLOW_END_ACTIVE };
}

static struct tcp_totals *start(void)
{
	struct tcp_totals *t = NULL;

	assert_int_equal(tcp_totals_new(&t, FLOWS, START_NS), 0);
	return t;
}

static void sides(void **state)
{
	static const struct {
		uint32_t flags;
		int source;	/* 0: near */
	} rows[] = { { 0, 0 }, { FLOW_INITIATOR_B, 1 }, { FLOW_MIRROR, 0 }, { FLOW_MIRROR | FLOW_INITIATOR_B, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tcp_totals *t = start();
		const struct record r = measured(5, 7);
		const struct flow_report report = report_of(1, rows[i].flags, START_NS + 1);
		const struct tcp_total *total;

		tcp_totals_add(t, &report, &r);
		total = tcp_totals_port(t, KEY.port);
		assert_int_equal(total->connections, 1);
		assert_int_equal(total->packets[rows[i].source], 12);
		assert_int_equal(total->packets[!rows[i].source], 14);
		assert_int_equal(total->retransmits[rows[i].source], 5);
		assert_int_equal(total->retransmits[!rows[i].source], 0);
		assert_int_equal(total->lost_before[rows[i].source], 7);
		assert_int_equal(total->rtt[0].count[20], 2);
		assert_int_equal(total->rtt[1].count[31], 4);
		assert_int_equal(tcp_totals_port(t, KEY.port + 1)->connections, 0);
		/* the MAC that the record has is the initiator's: the near side's, or nobody's here */
		assert_int_equal(tcp_totals_devices(t)->n, rows[i].source == 0);
		tcp_totals_free(t);
	}
}

/* Records have losses since the connection began; each interval has its own. A connection counts once an interval. */
static void differences(void **state)
{
	struct tcp_totals *t = start();
	const struct flow_report report = report_of(2, 0, START_NS + 1), older = report_of(3, 0, START_NS - 1);
	struct record r = measured(5, 1);

	tcp_totals_add(t, &report, &r);
	r = measured(9, 1);
	tcp_totals_add(t, &report, &r);
	assert_int_equal(tcp_totals_port(t, KEY.port)->connections, 1);
	assert_int_equal(tcp_totals_port(t, KEY.port)->retransmits[0], 9);
	tcp_totals_next(t);
	assert_true(tcp_total_is_empty(tcp_totals_port(t, KEY.port)));
	r = measured(11, 1);
	tcp_totals_add(t, &report, &r);
	assert_int_equal(tcp_totals_port(t, KEY.port)->connections, 1);
	assert_int_equal(tcp_totals_port(t, KEY.port)->retransmits[0], 2);
	assert_int_equal(tcp_totals_port(t, KEY.port)->lost_before[0], 0);
	tcp_totals_freed(t, 2);	/* another connection has the slot */
	r = measured(11, 1);
	tcp_totals_add(t, &report, &r);
	assert_int_equal(tcp_totals_port(t, KEY.port)->connections, 2);
	assert_int_equal(tcp_totals_port(t, KEY.port)->retransmits[0], 13);
	tcp_totals_next(t);
	r = measured(1000, 0);	/* a predecessor has told these */
	tcp_totals_add(t, &older, &r);
	assert_int_equal(tcp_totals_port(t, KEY.port)->retransmits[0], 0);
	r = measured(1003, 0);
	tcp_totals_add(t, &older, &r);
	assert_int_equal(tcp_totals_port(t, KEY.port)->retransmits[0], 3);
	tcp_totals_free(t);
}

/* Of a connection that finds no place nothing is known of what was told: its losses would count again with each report. */
static void no_place(void **state)
{
	struct tcp_totals *t = start();
	const struct flow_report last = report_of(FLOWS * 100003, 0, START_NS + 1);
	const struct record r = measured(5, 1);

	for (uint32_t slot = 0; slot <= FLOWS; slot++) {
		const struct flow_report report = report_of(slot * 100003, 0, START_NS + 1);

		tcp_totals_add(t, &report, &r);
	}
	assert_int_equal(tcp_totals_port(t, KEY.port)->connections, FLOWS + 1);
	assert_int_equal(tcp_totals_port(t, KEY.port)->retransmits[0], 5 * FLOWS);
	assert_int_equal(tcp_totals_port(t, KEY.port)->lost_before[0], FLOWS);
	assert_int_equal(histogram_samples(&tcp_totals_port(t, KEY.port)->rtt[0]), 2 * (FLOWS + 1));
	assert_int_equal(tcp_totals_not_kept(t), 1);
	tcp_totals_freed(t, 5 * 100003);
	tcp_totals_add(t, &last, &r);
	assert_int_equal(tcp_totals_port(t, KEY.port)->retransmits[0], 5 * (FLOWS + 1));
	assert_int_equal(tcp_totals_not_kept(t), 1);
	tcp_totals_free(t);
}

/* Halves of a QUIC handshake are samples once, whatever record tells them; what the spin bit tells are samples of its record. */
static void quic(void **state)
{
	struct tcp_totals *t = start();
	const struct flow_report report = report_of(5, 0, START_NS + 1);
	struct record r = records_usual();
	const struct tcp_total *total = tcp_totals_port(t, KEY.port);

	r.proto = IPPROTO_UDP;
	r.quic = (struct record_quic){ .handshake_far_us = 1024 };
	tcp_totals_add(t, &report, &r);
	assert_int_equal(total->connections, 0);
	assert_int_equal(total->quic_connections, 1);
	assert_int_equal(total->rtt[1].count[20], 1);
	assert_int_equal(histogram_samples(&total->rtt[0]), 0);
	assert_int_equal(total->packets[0] + total->packets[1], 0);	/* of which losses are parts: not counted here */
	assert_int_equal(tcp_totals_names(t)->n, 1);
	r.quic.handshake_near_us = 3;
	r.quic.rtt[0] = (struct record_rtt){ .count = 2, .first_bucket = 30, .buckets = { 0, 2 } };
	tcp_totals_add(t, &report, &r);
	assert_int_equal(total->quic_connections, 1);
	assert_int_equal(total->rtt[1].count[20], 1);
	assert_int_equal(total->rtt[0].count[3], 1);
	assert_int_equal(total->rtt[0].count[31], 2);
	tcp_totals_next(t);
	r.quic.rtt[0].count = 0;
	tcp_totals_add(t, &report, &r);	/* nothing new */
	assert_true(tcp_total_is_empty(total));
	r.quic.rtt[1] = (struct record_rtt){ .count = 1, .first_bucket = 30, .buckets = { 1 } };
	tcp_totals_add(t, &report, &r);
	assert_int_equal(total->quic_connections, 1);
	assert_int_equal(total->rtt[1].count[30], 1);
	assert_int_equal(histogram_samples(&total->rtt[0]), 0);
	tcp_totals_freed(t, 5);	/* another flow: its handshake counts */
	r.quic.rtt[1].count = 0;
	tcp_totals_add(t, &report, &r);
	assert_int_equal(total->quic_connections, 2);
	assert_int_equal(total->rtt[1].count[20], 1);
	tcp_totals_free(t);
}

static void failures(void **state)
{
	struct tcp_totals *t = start();
	struct flow_report report = report_of(4, 0, START_NS + 1);
	struct record r = records_usual();

	r.tcp = (struct record_tcp){ .state = "reset", .failure = "refused" };
	tcp_totals_add(t, &report, &r);	/* interim: told again at its end */
	assert_true(tcp_total_is_empty(tcp_totals_port(t, KEY.port)));
	report.end = FLOW_END_DETECTED;
	tcp_totals_add(t, &report, &r);
	r.tcp.failure = "no_answer";
	tcp_totals_add(t, &report, &r);
	r.tcp.failure = "reset_in_handshake";
	tcp_totals_add(t, &report, &r);
	tcp_totals_add(t, &report, &r);
	r.tcp = (struct record_tcp){ 0 };	/* not TCP */
	tcp_totals_add(t, &report, &r);
	assert_int_equal(tcp_totals_port(t, KEY.port)->failures[TCP_FAILURE_refused], 1);
	assert_int_equal(tcp_totals_port(t, KEY.port)->failures[TCP_FAILURE_no_answer], 1);
	assert_int_equal(tcp_totals_port(t, KEY.port)->failures[TCP_FAILURE_reset_in_handshake], 2);
	assert_int_equal(tcp_totals_port(t, KEY.port)->connections, 0);
	tcp_totals_free(t);
}

/* Many light names come before and behind the heavy ones: those stay, the others are in "other", and nothing is lost. */
static void full(void **state)
{
	struct tcp_totals *t = start();
	const struct tcp_table *names;
	const unsigned int n = 3 * TCP_TOTALS_KEPT;
	uint64_t connections;

	for (unsigned int i = 0; i < n; i++) {
		const bool heavy = i % 37 == 5;
		const struct flow_report report = report_of(i % FLOWS, 0, START_NS + 1);
		struct record r = measured(0, 0);
		char name[32];

		tcp_totals_freed(t, i % FLOWS);
		r.sni_len = (uint16_t)snprintf(name, sizeof(name), "%s-%u.test", heavy ? "heavy" : "light", i);
		r.sni = (const uint8_t *)name;
		r.source.bytes = heavy ? 1000000 + i : 10;
		r.destination.bytes = 0;
		tcp_totals_add(t, &report, &r);
	}
	names = tcp_totals_names(t);
	assert_int_equal(names->n, TCP_TOTALS_SHOWN);
	for (unsigned int i = 0; i < (n + 31) / 37; i++) {
		assert_memory_equal(names->entry[i].key, "heavy-", 6);
		assert_true(i == 0 || names->bytes[i] < names->bytes[i - 1]);
		assert_int_equal(names->entry[i].port, KEY.port);
	}
	connections = names->other.connections;
	for (unsigned int i = 0; i < names->n; i++)
		connections += names->entry[i].total.connections;
	assert_int_equal(connections, n);
	assert_int_equal(names->in_other, n - TCP_TOTALS_SHOWN);
	assert_int_equal(histogram_samples(&names->other.rtt[0]), 2 * (n - TCP_TOTALS_SHOWN));
	assert_int_equal(tcp_totals_devices(t)->n, 1);
	assert_int_equal(tcp_totals_devices(t)->entry[0].total.connections, n);
	assert_int_equal(tcp_totals_devices(t)->in_other, 0);
	tcp_totals_next(t);
	assert_int_equal(tcp_totals_names(t)->n, 0);
	assert_int_equal(tcp_totals_names(t)->in_other, n - TCP_TOTALS_SHOWN);
	assert_true(tcp_total_is_empty(&tcp_totals_names(t)->other));
	tcp_totals_free(t);
}

static void said(void **state)
{
	struct tcp_totals *t = start();
	const struct flow_report report = report_of(1, 0, START_NS + 1);
	const struct record r = measured(5, 7);
	char text[4096];
	struct writer w = WRITER(text);

	tcp_totals_add(t, &report, &r);
	writer_char(&w, '{');
	tcp_total_json(&w, tcp_totals_port(t, KEY.port));
	writer_text(&w, "}");
	writer_char(&w, 0);
	assert_string_equal(text, "{\"connections\":1,\"quic_connections\":0,\"no_answer\":0,\"refused\":0,\"reset_in_handshake\":0,"
		"\"packets_near\":12,\"retransmits_near\":5,\"lost_before_near\":7,"
		"\"packets_far\":14,\"retransmits_far\":0,\"lost_before_far\":0,"
		"\"rtt_near_count\":2,\"rtt_near_p50_us\":1254,\"rtt_near_p95_us\":1254,\"rtt_near_p99_us\":1254,"
		"\"rtt_near_first_bucket\":20,\"rtt_near_buckets\":[2],"
		"\"rtt_far_count\":4,\"rtt_far_p50_us\":56754,\"rtt_far_p95_us\":56754,\"rtt_far_p99_us\":56754,"
		"\"rtt_far_first_bucket\":31,\"rtt_far_buckets\":[4]}");
	w = (struct writer)WRITER(text);
	tcp_total_text(&w, "lan0", tcp_totals_port(t, KEY.port), 8);
	writer_char(&w, 0);
	assert_string_equal(text,
		"lan0        near     1.25     1.25     1.25      5 (41.67 %)      7 (58.33 %)   8 measured now\n"
		"            far      56.8     56.8     56.8       0 (0.00 %)       0 (0.00 %)   no_answer 0, refused 0, reset_in_handshake 0\n");
	w = (struct writer)WRITER(text);
	tcp_total_text(&w, "a", tcp_totals_port(t, 0), 0);
	writer_char(&w, 0);
	assert_non_null(strstr(text, "a           near        -        -        -                0                0   0 measured now\n"));
	tcp_totals_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sides), cmocka_unit_test(differences), cmocka_unit_test(no_place), cmocka_unit_test(failures), cmocka_unit_test(quic),
		cmocka_unit_test(full),
		cmocka_unit_test(said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

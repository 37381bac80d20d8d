/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_tcp - segments of a connection as rows of a story, and what the two sides are said to have lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "bpf/tcp.h"

#define A 0
#define B 1
#define WRAP 0xffffff00u	/* a's first byte: its numbers wrap in every story */
#define B0 7000u

struct row {
	uint32_t at_us;
	uint8_t side;
	int32_t seq, len, ack;	/* from the side's, and the other side's, first byte on */
	uint16_t window;
};

static struct tcp_health h;
static unsigned int clock_reads;

static uint32_t clock_us;

static uint32_t read_clock(void)
{
	clock_reads++;
	return clock_us;
}

static void put(const struct row *r)
{
	const struct tcp_segment s = {
		.seq = (r->side ? B0 : WRAP) + (uint32_t)r->seq, .len = (uint32_t)r->len,
		.ack = (r->side ? WRAP : B0) + (uint32_t)r->ack, .window = r->window, .flags = TCP_ACK,
	};

	clock_us = r->at_us;
	tcp_segment(&h, r->side, &s, read_clock);
}

static void tell(const struct row *rows, size_t count)
{
	const struct tcp_segment first = { .seq = WRAP, .ack = B0, .window = 100, .flags = TCP_ACK };

	memset(&h, 0, sizeof(h));
	clock_reads = 0;
	tcp_begin(&h, A, &first);
	for (size_t i = 0; i < count; i++)
		put(&rows[i]);
}
#define TELL(...) do { \
	static const struct row rows_[] = { __VA_ARGS__ }; \
	tell(rows_, ARRAY_SIZE(rows_)); \
} while (0)

static unsigned int samples(int side)
{
	unsigned int sum = 0;

	for (int i = 0; i < TCP_RTT_BUCKETS; i++)
		sum += h.rtt[side][i];
	return sum;
}

/* Grid bucket of the only sample of @side. */
static unsigned int only_sample(int side)
{
	assert_int_equal(samples(side), 1);
	for (unsigned int i = 0; i < TCP_RTT_BUCKETS; i++)
		if (h.rtt[side][i])
			return h.rtt_base[side] - 1 + i;
	return 0;
}

static void expect(int side, unsigned int retransmits, unsigned int lost_before, unsigned int out_of_order)
{
	assert_int_equal(h.side[side].retransmits, retransmits);
	assert_int_equal(h.side[side].lost_before, lost_before);
	assert_int_equal(h.side[side].out_of_order, out_of_order);
}

static void in_order(void **state)
{
	TELL({ 1000, A, 0, 300, 0, 100 }, { 1200, A, 300, 300, 0, 100 }, { 21000, B, 0, 0, 300, 100 }, { 22000, B, 0, 0, 600, 100 },
	     { 22500, B, 0, 50, 600, 100 }, { 22600, A, 600, 0, 50, 100 });
	expect(A, 0, 0, 0);
	expect(B, 0, 0, 0);
	assert_int_equal(only_sample(B), tcp_rtt_bucket(20000));
	assert_int_equal(h.rtt_min_us[B], 20000);
	assert_int_equal(only_sample(A), tcp_rtt_bucket(100));
	assert_int_equal(clock_reads, 4);	/* two samples, each begun and ended */
	assert_int_equal(h.side[A].next_seq, WRAP + 600);
	assert_int_equal(h.side[B].acked, WRAP + 600);
}

static void sent_again(void **state)
{
	TELL({ 1000, A, 0, 300, 0, 100 }, { 250000, A, 0, 300, 0, 100 }, { 260000, B, 0, 0, 300, 100 });
	expect(A, 1, 0, 0);
	assert_int_equal(samples(B), 0);	/* Karn: which of the two is acknowledged nobody knows */
	put(&(struct row){ 300000, A, 300, 100, 0, 100 });
	put(&(struct row){ 310000, B, 0, 0, 400, 100 });
	assert_int_equal(only_sample(B), tcp_rtt_bucket(10000));
	put(&(struct row){ 320000, A, 200, 400, 0, 100 });	/* old and new */
	expect(A, 2, 0, 0);
	assert_int_equal(h.side[A].next_seq, WRAP + 600);
}

/* The timed byte itself must be acknowledged. */
static void acknowledged_in_part(void **state)
{
	TELL({ 1000, A, 0, 300, 0, 100 }, { 5000, B, 0, 0, 299, 100 });
	assert_int_equal(samples(B), 0);
	put(&(struct row){ 21000, B, 0, 0, 300, 100 });
	assert_int_equal(h.rtt_min_us[B], 20000);
}

static void fin_again(void **state)
{
	const struct tcp_segment fin = { .seq = WRAP + 300, .len = 1, .ack = B0, .window = 100, .flags = TCP_ACK | TCP_FIN };

	TELL({ 1000, A, 0, 300, 0, 100 });
	tcp_segment(&h, A, &fin, read_clock);
	expect(A, 0, 0, 0);
	tcp_segment(&h, A, &fin, read_clock);
	expect(A, 1, 0, 0);	/* one byte before the next, and yet no keep-alive */
}

static void keep_alive(void **state)
{
	TELL({ 1000, A, 0, 300, 0, 100 }, { 2000, B, 0, 0, 300, 100 }, { 3000, A, 299, 1, 0, 100 }, { 4000, B, 0, 0, 300, 100 });
	expect(A, 0, 0, 0);
	assert_int_equal(h.duplicate_acks[B], 0);
}

static void gap(void **state)
{
	TELL({ 1000, A, 0, 100, 0, 100 }, { 2000, B, 0, 0, 100, 100 }, { 3000, A, 200, 100, 0, 100 }, { 4000, A, 100, 100, 0, 100 });
	expect(A, 0, 0, 1);	/* filled after 1 ms */
	TELL({ 3000, A, 100, 100, 0, 100 }, { 9000, A, 0, 100, 0, 100 });
	expect(A, 0, 1, 0);	/* after 6 ms */
	TELL({ 3000, A, 200, 100, 0, 100 }, { 9000, A, 0, 100, 0, 100 }, { 9100, A, 100, 100, 0, 100 }, { 9200, A, 200, 100, 0, 100 });
	expect(A, 1, 2, 0);	/* in two pieces, and what was behind it once more */
	assert_false(tcp_in_gap(&h.side[A]));
	TELL({ 3000, A, 200, 100, 0, 100 }, { 9000, A, 100, 100, 0, 100 }, { 9100, A, 0, 100, 0, 100 });
	expect(A, 0, 2, 0);	/* from its end */
	assert_false(tcp_in_gap(&h.side[A]));
	TELL({ 3000, A, 100, 100, 0, 100 }, { 3000 + TCP_REORDER_US, A, 0, 100, 0, 100 });
	expect(A, 0, 1, 0);	/* at the limit: late */
	put(&(struct row){ 20000, A, 200, 100, 0, 100 });
	put(&(struct row){ 30000, B, 0, 0, 300, 100 });
	assert_int_equal(only_sample(B), tcp_rtt_bucket(10000));	/* a closed gap is no hindrance */
	TELL({ 3000, A, 100, 100, 0, 100 }, { 4000, B, 0, 0, 200, 100 }, { 5000, A, 0, 100, 0, 100 });
	expect(A, 1, 0, 0);	/* acknowledged: it came by another way */
	TELL({ 3000, A, 100, 100, 0, 100 }, { 3100, A, 300, 100, 0, 100 }, { 3200, B, 0, 0, 200, 100 }, { 9000, A, 100, 50, 0, 100 },
	     { 9100, A, 200, 100, 0, 100 });
	expect(A, 1, 1, 0);	/* the first of two gaps is acknowledged, and sent again is what lies before it */
	assert_false(tcp_in_gap(&h.side[A]));
	TELL({ 3000, A, 100, 100, 0, 100 }, { 3100, A, 300, 100, 0, 100 }, { 9000, A, 0, 100, 0, 100 }, { 9100, A, 200, 100, 0, 100 });
	expect(A, 0, 2, 0);	/* both filled */
	TELL({ 3000, A, 100, 100, 0, 100 }, { 4000, A, 300, 100, 0, 100 }, { 5000, A, 0, 100, 0, 100 });
	expect(A, 0, 0, 1);
	assert_int_equal(samples(B), 0);
}

static void duplicate_acks(void **state)
{
	TELL({ 1000, A, 0, 300, 0, 100 }, { 1100, A, 300, 300, 0, 100 }, { 2000, B, 0, 0, 300, 100 }, { 2100, B, 0, 0, 300, 100 },
	     { 2200, B, 0, 0, 300, 100 }, { 2300, B, 0, 0, 300, 90 }, { 2400, B, 0, 10, 300, 90 });
	assert_int_equal(h.duplicate_acks[B], 2);	/* not with another window, not with data */
	put(&(struct row){ 2500, B, 10, 0, 600, 90 });
	put(&(struct row){ 2600, B, 10, 0, 600, 90 });
	assert_int_equal(h.duplicate_acks[B], 2);	/* nothing is outstanding */
}

static void zero_window(void **state)
{
	TELL({ 1000, B, 0, 0, 0, 0 }, { 1100, B, 0, 0, 0, 0 }, { 1200, B, 0, 0, 0, 50 }, { 1300, B, 0, 0, 0, 0 });
	assert_int_equal(h.zero_windows[B], 2);
	assert_int_equal(h.zero_windows[A], 0);
}

static void reset(void **state)
{
	static const struct tcp_segment rst = { .seq = 123456, .flags = TCP_RST | TCP_ACK };

	TELL({ 1000, A, 0, 100, 0, 100 });
	tcp_segment(&h, B, &rst, read_clock);
	expect(B, 0, 0, 0);
	assert_int_equal(h.zero_windows[B], 0);
}

static void counters_stay(void **state)
{
	TELL({ 1000, A, 0, 100, 0, 100 });
	for (int i = 0; i < 70000; i++)
		put(&(struct row){ 2000, A, 0, 100, 0, 100 });
	assert_int_equal(h.side[A].retransmits, 65535);
}

static void buckets(void **state)
{
	assert_int_equal(tcp_rtt_bucket(0), 0);
	assert_int_equal(tcp_rtt_bucket(1), 0);
	for (unsigned int k = 1; k < 32; k++) {
		assert_int_equal(tcp_rtt_bucket(1u << k), 2 * k);
		assert_int_equal(tcp_rtt_bucket((1u << k) + (1u << k) / 2 - 1), k == 1 ? 2 : 2 * k);
		assert_int_equal(tcp_rtt_bucket((1u << k) + (1u << k) / 2), 2 * k + 1);
		assert_int_equal(tcp_rtt_bucket((1u << k) + ((1u << k) - 1)), 2 * k + 1);
	}
}

static void histogram(void **state)
{
	memset(&h, 0, sizeof(h));
	tcp_rtt(&h, B, 1000);
	assert_int_equal(h.rtt_base[B], 1 + 14);	/* of bucket 19: 4 below, and even */
	tcp_rtt(&h, B, 1);		/* below what is kept */
	tcp_rtt(&h, B, 1000);
	assert_int_equal(h.rtt[B][0], 1);
	assert_int_equal(h.rtt[B][5], 2);
	tcp_rtt(&h, B, 0xffffffff);	/* above: octaves from now on */
	assert_int_equal(h.rtt_base[B], (1 + 14) | TCP_RTT_WIDE);
	assert_int_equal(h.rtt[B][0], 1);
	assert_int_equal(h.rtt[B][2], 2);
	assert_int_equal(h.rtt[B][TCP_RTT_BUCKETS - 1], 1);
	assert_int_equal(samples(B), 4);
	assert_int_equal(h.rtt_min_us[B], 1);
	assert_int_equal(h.side[B].rtt_sum_us, 2000);	/* + 1 + 2^32 - 1: hostile */
	for (int i = 0; i < 253; i++)
		tcp_rtt(&h, B, 1000);
	assert_int_equal(h.rtt[B][2], 255);
	tcp_rtt(&h, B, 1000);
	assert_int_equal(h.rtt[B][2], 128);	/* halved, and one more */
	assert_int_equal(h.rtt[B][0], 0);
	assert_int_equal(samples(A), 0);
	tcp_rtt(&h, A, 3);
	assert_int_equal(h.rtt_base[A], 1);
	memset(h.rtt[A], 200, sizeof(h.rtt[A]));
	tcp_rtt_widen(h.rtt[A]);
	assert_int_equal(h.rtt[A][7], 255);	/* not 400 */
	assert_int_equal(h.rtt[A][8], 0);
	h.rtt_count[A] = 0xfffe;
	tcp_rtt(&h, A, 2);
	tcp_rtt(&h, A, 1);
	assert_int_equal(h.rtt_count[A], 0xffff);
	assert_int_equal(h.side[A].rtt_sum_us, 5);
	assert_int_equal(h.rtt_min_us[A], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order), cmocka_unit_test(sent_again), cmocka_unit_test(acknowledged_in_part), cmocka_unit_test(fin_again),
		cmocka_unit_test(keep_alive), cmocka_unit_test(gap),
		cmocka_unit_test(duplicate_acks), cmocka_unit_test(zero_window), cmocka_unit_test(reset),
		cmocka_unit_test(counters_stay), cmocka_unit_test(buckets), cmocka_unit_test(histogram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

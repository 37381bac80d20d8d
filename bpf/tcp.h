/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcp - health of one TCP connection from the sequence numbers that pass: loss on which side, order, round trips. Pure.
 *
 * A round trip is timed from the port: data of one side until the other side's acknowledgement of its last byte, one sample at
 * a time a direction; no sample from data that was sent again (Karn, RFC 6298 3). It needs no timestamps option, and where there
 * is one gives the same to the microsecond: a TSval stands still for a millisecond or more. An acknowledgement that is held back
 * (RFC 9293 3.8.6.3) makes a sample longer.
 *
 * Sequence numbers are compared modulo 2^32 (RFC 9293 3.4). Of what a side sent, everything between the first gap's first byte
 * and the last gap's end counts as one gap; what the other side acknowledges is none any more. The clock is asked only where a
 * time is needed. What rarely happens is not inlined, to keep the way of the rest short.
 */
#pragma once

#include "bpf/abi.h"

#ifndef TCP_FIN
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#endif

#define TCP_RARELY static __attribute__((noinline))

/* Microseconds of any clock that goes on. */
typedef __u32 (*tcp_clock)(void);

struct tcp_segment {
	__u32 seq;		/* of its first byte; of the SYN, when there is one */
	__u32 len;		/* payload, SYN and FIN */
	__u32 ack;
	__u16 window;
	__u8 flags;
};

static inline __attribute__((always_inline)) int tcp_after(__u32 x, __u32 y)
{
	return (__s32)(x - y) > 0;
}

static inline __attribute__((always_inline)) void tcp_count(__u16 *counter)
{
	if (*counter != 0xffff)
		*counter += 1;
}

static inline __attribute__((always_inline)) int tcp_in_gap(const struct tcp_side *from)
{
	return from->gap != from->mark;
}

/* Number of the grid's bucket. */
static inline __attribute__((always_inline)) __u32 tcp_rtt_bucket(__u32 us)
{
	__u32 octave = 0, x = us;

	if (x >> 16) { octave += 16; x >>= 16; }
	if (x >> 8) { octave += 8; x >>= 8; }
	if (x >> 4) { octave += 4; x >>= 4; }
	if (x >> 2) { octave += 2; x >>= 2; }
	if (x >> 1) octave += 1;
	return octave ? 2 * octave + (us >> (octave - 1) & 1) : 0;
}

/* 0 is no time. */
static inline __attribute__((always_inline)) __u32 tcp_now(tcp_clock clock)
{
	const __u32 now_us = clock();

	return now_us + !now_us;
}

/* Data that is not the next byte: a gap before it, the filling of one, or sent again. */
TCP_RARELY int tcp_odd_data(struct tcp_side *from, __u32 seq, __u32 len, __u32 flags, __u32 now_us)
{
	const __u32 end = seq + len;

	if (tcp_after(seq, from->next_seq)) {
		if (!tcp_in_gap(from)) {
			from->gap = from->next_seq;
			from->mark_us = now_us;
		}
		from->mark = seq;
		from->next_seq = end;
		return 0;
	}
	if (tcp_after(end, from->next_seq)) {	/* old and new */
		from->next_seq = end;
	} else if (len == 1 && !(flags & TCP_FIN) && end == from->next_seq && !tcp_in_gap(from)) {
		return 0;	/* keep-alive: RFC 9293 3.8.4 */
	}
	if (tcp_in_gap(from) && !tcp_after(from->gap, seq) && tcp_after(from->mark, seq)) {
		tcp_count(now_us - from->mark_us < TCP_REORDER_US ? &from->out_of_order : &from->lost_before);
		if (seq == from->gap)
			from->gap = tcp_after(end, from->mark) ? from->mark : end;
		else if (!tcp_after(from->mark, end))
			from->mark = seq;
		if (!tcp_in_gap(from))
			from->mark_us = 0;
		return 0;
	}
	tcp_count(&from->retransmits);
	if (!tcp_in_gap(from))
		from->mark_us = 0;	/* Karn */
	return 0;
}

#ifdef __clang__
#define TCP_EACH_BUCKET _Pragma("clang loop unroll(full)")
#else
#define TCP_EACH_BUCKET
#endif

TCP_RARELY int tcp_rtt_widen(__u8 *counts)
{
	TCP_EACH_BUCKET
	for (int i = 0; i < TCP_RTT_BUCKETS; i++) {
		__u32 sum = i < TCP_RTT_BUCKETS / 2 ? (__u32)counts[2 * i] + counts[2 * i + 1] : 0;

		counts[i] = sum > 0xff ? 0xff : (__u8)sum;
	}
	return 0;
}

TCP_RARELY int tcp_rtt(struct tcp_health *h, __u32 side, __u32 us)
{
	const __u32 bucket = tcp_rtt_bucket(us);
	__u8 *counts = h->rtt[side & 1], *base = &h->rtt_base[side & 1];
	__u32 first, at;

	if (h->rtt_count[side & 1] == 0xffff)
		return 0;
	if (!*base)
		*base = 1 + ((bucket > TCP_RTT_BELOW ? bucket - TCP_RTT_BELOW : 0) & ~1u);
	first = (*base & ~TCP_RTT_WIDE) - 1;
	at = bucket > first ? bucket - first : 0;
	if (at >= TCP_RTT_BUCKETS && !(*base & TCP_RTT_WIDE)) {
		tcp_rtt_widen(counts);
		*base |= TCP_RTT_WIDE;
	}
	if (*base & TCP_RTT_WIDE)
		at /= 2;
	if (at >= TCP_RTT_BUCKETS)
		at = TCP_RTT_BUCKETS - 1;
	asm volatile("" : "+r"(at));	/* the verifier sees only what the compiler does not see through */
	at &= TCP_RTT_BUCKETS - 1;
	if (counts[at] == 0xff) {
		TCP_EACH_BUCKET
		for (int i = 0; i < TCP_RTT_BUCKETS; i++)
			counts[i] >>= 1;
	}
	counts[at]++;
	if (!h->rtt_count[side & 1] || us < h->rtt_min_us[side & 1])
		h->rtt_min_us[side & 1] = us;
	h->side[side & 1].rtt_sum_us += us;
	h->rtt_count[side & 1]++;
	return 0;
}

/* @side acknowledges more than before; data of the other side is being timed, or misses a piece. */
TCP_RARELY int tcp_timed(struct tcp_health *h, __u32 side, __u32 ack, __u32 now_us)
{
	struct tcp_side *to = &h->side[!(side & 1)];

	if (tcp_in_gap(to)) {	/* what it acknowledges is no gap: it came by another way */
		if (tcp_after(ack, to->gap))
			to->gap = tcp_after(ack, to->mark) ? to->mark : ack;
		if (!tcp_in_gap(to))
			to->mark_us = 0;
	} else {
		tcp_rtt(h, side, now_us - to->mark_us);
		to->mark_us = 0;
	}
	return 0;
}

/* One segment that @side sent. */
static inline __attribute__((always_inline)) void tcp_segment(struct tcp_health *h, __u32 side, const struct tcp_segment *s,
							      tcp_clock clock)
{
	struct tcp_side *from = &h->side[side & 1], *to = &h->side[!(side & 1)];

	if (s->flags & TCP_RST)
		return;	/* its numbers may be anything: RFC 9293 3.10.7 */
	if (s->len) {
		if (s->seq != from->next_seq) {
			tcp_odd_data(from, s->seq, s->len, s->flags, tcp_now(clock));
		} else {
			from->next_seq = s->seq + s->len;
			if (!from->mark_us) {
				from->gap = from->mark = s->seq + s->len;
				from->mark_us = tcp_now(clock);
			}
		}
	}
	if (!(s->flags & TCP_ACK))
		return;
	if (tcp_after(s->ack, from->acked)) {
		from->acked = s->ack;
		if (to->mark_us && (tcp_in_gap(to) || !tcp_after(to->mark, s->ack)))
			tcp_timed(h, side, s->ack, tcp_in_gap(to) ? 0 : tcp_now(clock));
	} else if (s->ack == from->acked && !s->len && s->window == from->window && to->next_seq != s->ack) {
		tcp_count(&h->duplicate_acks[side & 1]);
	}
	if (s->window != from->window) {
		if (!s->window && h->zero_windows[side & 1] != 0xff)
			h->zero_windows[side & 1]++;
		from->window = s->window;
	}
}

/* The first segment of all, from @side: what is before it has been dealt with. */
static inline __attribute__((always_inline)) void tcp_begin(struct tcp_health *h, __u32 side, const struct tcp_segment *s)
{
	struct tcp_side *from = &h->side[side & 1], *to = &h->side[!(side & 1)];

	from->next_seq = to->acked = s->seq;
	from->acked = to->next_seq = s->ack;
	from->window = to->window = s->window;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcp - health of one TCP connection from the sequence numbers that pass: loss on which side, order, round trips. Pure.
 *
 * A round trip is timed from the port: data of one side until the other side's acknowledgement of its last byte, one sample at
 * a time a direction; no sample from data that was sent again (Karn, RFC 6298 3). It needs no timestamps option, and where there
 * is one gives the same to the microsecond: a TSval stands still for a millisecond or more. An acknowledgement that is held back
 * (RFC 9293 3.8.6.3) makes a sample longer.
 *
 * Sequence numbers are compared modulo 2^32 (RFC 9293 3.4). One gap a side is kept, the oldest. The time is asked for only where
 * it is needed: tcp_wants_time() first, then tcp_segment().
 */
#pragma once

#include "bpf/abi.h"

#ifndef TCP_FIN
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#endif

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
	return from->gap != from->gap_end;
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

/* Does tcp_segment() look at its @now_us? */
static inline __attribute__((always_inline)) int tcp_wants_time(const struct tcp_health *h, __u32 side, const struct tcp_segment *s)
{
	const struct tcp_side *from = &h->side[side & 1], *to = &h->side[!(side & 1)];

	return (s->len && (!from->timed_us || s->seq != from->next_seq)) ||
	       (s->flags & TCP_ACK && to->timed_us && !tcp_in_gap(to) && !tcp_after(to->timed_seq, s->ack));
}

/* Data that is not the next byte: a gap before it, the filling of one, or sent again. */
static inline __attribute__((always_inline)) void tcp_odd_data(struct tcp_side *from, const struct tcp_segment *s, __u32 now_us)
{
	const __u32 end = s->seq + s->len;

	if (tcp_after(s->seq, from->next_seq)) {
		if (!tcp_in_gap(from)) {
			from->gap = from->next_seq;
			from->gap_end = s->seq;
			from->timed_us = now_us;
		}
		from->next_seq = end;
		return;
	}
	if (tcp_after(end, from->next_seq)) {	/* old and new */
		from->next_seq = end;
	} else if (s->len == 1 && !(s->flags & TCP_FIN) && end == from->next_seq && !tcp_in_gap(from)) {
		return;	/* keep-alive: RFC 9293 3.8.4 */
	}
	if (tcp_in_gap(from) && !tcp_after(from->gap, s->seq) && tcp_after(from->gap_end, s->seq)) {
		tcp_count(now_us - from->timed_us < TCP_REORDER_US ? &from->out_of_order : &from->lost_before);
		if (s->seq == from->gap)
			from->gap = tcp_after(end, from->gap_end) ? from->gap_end : end;
		else
			from->gap_end = s->seq;
		if (!tcp_in_gap(from))
			from->timed_us = 0;
		return;
	}
	tcp_count(&from->retransmits);
	if (!tcp_in_gap(from))
		from->timed_us = 0;	/* Karn */
}

static inline __attribute__((always_inline)) void tcp_rtt(struct tcp_health *h, __u32 side, __u32 us)
{
	__u32 bucket = tcp_rtt_bucket(us), at;
	__u8 *counts = h->rtt[side & 1];

	if (!(h->rtt_any >> (side & 1) & 1)) {
		h->rtt_any |= 1 << (side & 1);
		h->rtt_base[side & 1] = bucket > TCP_RTT_BELOW ? bucket - TCP_RTT_BELOW : 0;
	}
	at = bucket > h->rtt_base[side & 1] ? bucket - h->rtt_base[side & 1] : 0;
	if (at >= TCP_RTT_BUCKETS)
		at = TCP_RTT_BUCKETS - 1;
	if (counts[at] == 0xff) {
#ifdef __clang__
#pragma clang loop unroll(full)
#endif
		for (int i = 0; i < TCP_RTT_BUCKETS; i++)
			counts[i] >>= 1;
	}
	counts[at]++;
}

static inline __attribute__((always_inline)) void tcp_acknowledges(struct tcp_health *h, __u32 side, const struct tcp_segment *s,
								   __u32 now_us)
{
	struct tcp_side *from = &h->side[side & 1], *to = &h->side[!(side & 1)];

	if (tcp_after(s->ack, from->acked)) {
		from->acked = s->ack;
		if (to->timed_us && !tcp_after(tcp_in_gap(to) ? to->gap_end : to->timed_seq, s->ack)) {
			if (tcp_in_gap(to))
				to->gap = to->gap_end;	/* filled without us */
			else
				tcp_rtt(h, side, now_us - to->timed_us);
			to->timed_us = 0;
		}
	} else if (s->ack == from->acked && !s->len && s->window == from->window && to->next_seq != s->ack) {
		tcp_count(&h->duplicate_acks[side & 1]);
	}
}

/* One segment that @side sent. @now_us: any clock of microseconds that goes on; 0 where tcp_wants_time() said no. */
static inline __attribute__((always_inline)) void tcp_segment(struct tcp_health *h, __u32 side, const struct tcp_segment *s,
							      __u32 now_us)
{
	struct tcp_side *from = &h->side[side & 1];

	if (s->flags & TCP_RST)
		return;	/* its numbers may be anything: RFC 9293 3.10.7 */
	now_us += !now_us;
	if (s->len && s->seq != from->next_seq) {
		tcp_odd_data(from, s, now_us);
	} else if (s->len) {
		from->next_seq = s->seq + s->len;
		if (!from->timed_us) {
			from->timed_seq = from->next_seq;
			from->timed_us = now_us;
		}
	}
	if (!(s->flags & TCP_ACK))
		return;
	tcp_acknowledges(h, side, s, now_us);
	if (!s->window && from->window)
		tcp_count(&h->zero_windows[side & 1]);
	from->window = s->window;
}

/* The first segment of all, from @side: what is before it has been dealt with. */
static inline __attribute__((always_inline)) void tcp_begin(struct tcp_health *h, __u32 side, const struct tcp_segment *s)
{
	struct tcp_side *from = &h->side[side & 1], *to = &h->side[!(side & 1)];

	from->next_seq = to->acked = s->seq;
	from->acked = to->next_seq = s->ack;
	from->window = to->window = s->window;
}

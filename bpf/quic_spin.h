/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quic_spin - round trips of one QUIC connection from its latency spin bit (RFC 9000 17.4, RFC 9312 3.8). Pure.
 *
 * A server sends the value that it has from the client, the client the opposite of what it has from the server: a change
 * wanders round. From one side's change to the change of the other side that answers it is a round trip from the port to that
 * other side and back. It is too long by the time for which that side had nothing to send; so a change counts only where its
 * sender's packet before it is at most 1/QUIC_SPIN_SHARE of a whole round trip old: no sample is wrong by more than that.
 *
 * What is not believed (RFC 9312 4.2): a change back within a hold-off, as a packet out of order makes it; a change whose
 * beginning fell into one; a change to a value that is not the answer to the other side's, so that both change in turn.
 * Nothing is told before a side has had QUIC_SPIN_RUN changes in a row that fit. Whoever switched the bit off sends it constant or at
 * random (RFC 9000 17.4: at least one connection of 16): then the watch ends. Whole round trips below the hold-off, 1 ms, are
 * not measured.
 */
#pragma once

#include "bpf/tcp.h"

#define QUIC_SPIN_BIT	0x20
#define QUIC_SPIN_HOLD_US	1000	/* least time between two changes of a side; also 1/QUIC_SPIN_HOLD of the shortest so far */
#define QUIC_SPIN_HOLD	4
#define QUIC_SPIN_ODD	3	/* packets of the old value that are out of order; more: it was no change */
#define QUIC_SPIN_RUN	2
#define QUIC_SPIN_SHARE	8
#define QUIC_SPIN_NOISE	8	/* a packet unlike the one before it weighs as much as so many alike */
#define QUIC_SPIN_STILL	64	/* packets without a change, over QUIC_SPIN_STILL_US: constant */
#define QUIC_SPIN_STILL_US	3000000

/*
 * Is @first, the first byte of a datagram of a QUIC flow, one of a short header? RFC 9000 17.3.1. The fixed bit does not count:
 * ngtcp2, for one, clears it in many connections, all through (RFC 9287).
 */
static inline __attribute__((always_inline)) int quic_spin_is_short(__u32 first)
{
	return !(first & 0x80);
}

static inline __attribute__((always_inline)) void quic_spin_count(__u8 *counter)
{
	if (*counter != 0xff)
		*counter += 1;
}

/* @from's value changes to @value. @follows: the packet before it had the old one; it was @quiet_us ago. */
static inline __attribute__((always_inline)) void quic_spin_edge(struct tcp_health *h, __u32 side, __u32 client, __u32 value,
								  __u32 follows, __u32 quiet_us, __u32 now_us)
{
	struct spin_side *from = &h->side[side & 1].spin, *to = &h->side[!(side & 1)].spin;
	const __u32 round_us = now_us - from->edge_us, other = to->bits / SPIN_VALUE & 1;
	const int is_answer = to->bits & SPIN_SEEN && other == (value ^ (((side ^ client) & 1) ^ 1));

	from->edge_us = now_us;
	from->bits ^= SPIN_VALUE;
	from->same = 0;
	if (!follows || !is_answer || from->odd > QUIC_SPIN_ODD) {
		from->odd = from->run = to->run = from->least_us = 0;
		return;
	}
	from->odd = 0;
	quic_spin_count(&from->run);
	if (from->run <= QUIC_SPIN_RUN)
		return;
	if (!from->least_us || round_us < from->least_us)
		from->least_us = round_us;
	if (quiet_us > round_us / QUIC_SPIN_SHARE)
		return;
	tcp_rtt(h, side, now_us - to->edge_us);
	h->side[0].spin.state = SPIN_SPINNING;
}

/* A packet with a short header, whose first byte is @first, that @side sent; @client: which side that is. 0: the watch is over. */
static inline __attribute__((always_inline)) int quic_spin(struct tcp_health *h, __u32 side, __u32 client, __u32 first, __u32 now_us)
{
	struct spin_side *from = &h->side[side & 1].spin;
	const __u32 value = first / QUIC_SPIN_BIT & 1, quiet_us = now_us - from->last_us;
	const __u32 differs = value ^ (from->bits / SPIN_LAST & 1);
	__u32 hold_us = from->least_us / QUIC_SPIN_HOLD;

	from->last_us = now_us;
	if (!(from->bits & SPIN_SEEN)) {
		from->bits = SPIN_SEEN | (value ? SPIN_VALUE | SPIN_LAST : 0);
		from->edge_us = now_us;
		return 1;
	}
	if (hold_us < QUIC_SPIN_HOLD_US)
		hold_us = QUIC_SPIN_HOLD_US;
	if (differs) {
		from->bits ^= SPIN_LAST;
		from->noise = from->noise > 0xff - QUIC_SPIN_NOISE ? 0xff : from->noise + QUIC_SPIN_NOISE;
	} else if (from->noise) {
		from->noise--;
	}
	if (value == (from->bits / SPIN_VALUE & 1)) {
		quic_spin_count(&from->same);
	} else if (now_us - from->edge_us >= hold_us) {
		quic_spin_edge(h, side, client, value, differs, quiet_us, now_us);
	} else {
		quic_spin_count(&from->odd);
	}
	if (h->side[0].spin.state == SPIN_SPINNING)
		return 1;
	if (from->noise == 0xff) {
		h->side[0].spin.state = SPIN_ERRATIC;
		return 0;
	}
	if (from->same < QUIC_SPIN_STILL || now_us - from->edge_us < QUIC_SPIN_STILL_US)
		return 1;
	h->side[0].spin.state = SPIN_CONSTANT;
	return 0;
}

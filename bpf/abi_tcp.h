/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * abi_tcp - the part of abi.h about the health of TCP connections; include abi.h.
 *
 * One struct tcp_health a connection, from the first packet behind its handshake on, in a pool of a quarter of the table's
 * slots, or of more (flows.tcp_share). Flows of ICMP echo and of QUIC have one, too, for their round trips. Index [0] is side a, [1]
 * side b of the flow. "Sent by" is what crossed the port from that side.
 */
#pragma once

#include <linux/types.h>

/*
 * Round-trip times by half octaves of microseconds: bucket 2k is [2^k, 1.5 * 2^k), bucket 2k + 1 is [1.5 * 2^k, 2^(k + 1)). Its
 * geometric middle is at most 23 % from any time in it. A connection keeps TCP_RTT_BUCKETS of them, from rtt_base on, which its
 * first sample sets: about 1/4 to 64 times that. When a time lies above, each becomes a whole octave (TCP_RTT_WIDE, 41 %), and they
 * reach 16,000 times as far. What still lies outside counts in the first or the last one. The least time and the sum of all are kept to
 * the microsecond beside them.
 */
#define TCP_RTT_BUCKETS	16
#define TCP_RTT_BELOW	4	/* buckets below the first sample's */
#define TCP_RTT_WIDE	0x80	/* of rtt_base: buckets are octaves */

#define TCP_REORDER_US	3000	/* a gap that is filled sooner was only out of order: tshark's rule */

#define TCP_SLOTS_EACH	4	/* flow slots for each place of the pool, if nothing else is asked for */
#define TCP_NO_PLACE	0xffffffffu	/* flow_slot.tcp: the pool was full when it began */
#define TCP_CLAIMED	0xffffffffu	/* tcp_health.owner: taken, not filled yet */

/* QUIC's latency spin bit, as one side sends it: quic_spin.h. */
struct spin_side {
	__u32 edge_us;		/* when its value changed last; before the first change: when the watch began */
	__u32 last_us;		/* its newest packet */
	__u32 least_us;		/* shortest time between two changes that fit; 0: not known */
	__u8 bits;		/* SPIN_* */
	__u8 odd;		/* packets of the old value since the change; stays at 255, as the others do */
	__u8 run;		/* changes in a row that fit the other side's */
	__u8 noise;		/* high where packets are unlike the one before them */
	__u8 same;		/* packets of the value since the change */
	__u8 state;		/* of side [0], for both: enum spin_state */
	__u16 zero;
};
#define SPIN_SEEN	0x1
#define SPIN_VALUE	0x2	/* that counts, */
#define SPIN_LAST	0x4	/* and that of the newest packet */

/* What weir.quic.spin says of a connection whose bit is watched. */
#define SPIN_STATES(X) \
	X(WATCHING,	"watching") \
	X(SPINNING,	"spinning")	/* there were samples */ \
	X(CONSTANT,	"constant") \
	X(ERRATIC,	"erratic")	/* changes with nearly every packet: at random, or few packets a round trip */

enum spin_state {
#define X(id, text) SPIN_##id,
	SPIN_STATES(X)
#undef X
	SPIN_STATE_N,
};

struct tcp_side {
	union {
		struct {
			__u32 next_seq;		/* behind the newest byte that it sent */
			__u32 acked;		/* the newest acknowledgement that it sent */
			__u32 gap;		/* first byte of a gap in what it sent, */
			__u32 mark;		/* first byte behind it. gap == mark: there is none, and its data up to here is being timed, */
			__u32 mark_us;		/* since then; 0: it is not. While there is a gap: when that was seen */
		};
		struct spin_side spin;	/* UDP */
	};
	__u32 rtt_sum_us;	/* of rtt_count samples: they do not overlap, so that it holds 71 minutes */
	__u16 window;		/* as in its newest segment, not scaled */
	/* since the connection began; they stay at 65535 */
	__u16 retransmits;	/* data that had crossed the port before: lost beyond it, or its acknowledgement was */
	__u16 lost_before;	/* data for a gap that came late: lost before it reached the port */
	__u16 out_of_order;	/* data for a gap that came soon */
};
_Static_assert(sizeof(struct tcp_side) == 32, "tcp_side");

/* Value of map "tcp", a pool; of QUIC and ICMP only what is about samples; owner is claimed by compare-and-swap and cleared by user space. */
struct tcp_health {
	struct tcp_side side[2];
	/* second cache line */
	__u32 owner;		/* 1 + slot number of the flow; 0: free */
	__u32 handshake_us[2];	/* [1] when a began: SYN -> SYN-ACK, [0]: SYN-ACK -> ACK. 0: not measured */
	__u16 duplicate_acks[2];	/* sent by it: RFC 5681 2 */
	/* samples: from the port to that side and back. User space takes them, but not the base */
	__u32 rtt_min_us[2];	/* 0: no sample */
	__u16 rtt_count[2];	/* at 65535 no more are taken */
	__u8 rtt[2][TCP_RTT_BUCKETS];	/* one that reaches 255 halves its side's */
	__u8 rtt_base[2];	/* 1 + grid bucket of rtt[][0], an even one, and TCP_RTT_WIDE; 0: no sample yet */
	__u8 zero_windows[2];	/* times that its window closed; stays at 255 */
};
_Static_assert(sizeof(struct tcp_health) == 128, "tcp_health");

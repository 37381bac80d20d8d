/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * health - ties tcp.h to a flow's slot and the pool "tcp".
 *
 * A connection gets its place with the first packet behind the handshake, or the first one seen: a SYN alone takes none, so that
 * a flood of them costs nobody his. The place is freed by user space, together with the slot.
 */
#pragma once

#include "bpf/flowtab.h"
#include "bpf/tcp.h"

#define TCP_PROBES 8	/* places of the pool tried for a new connection */

/* A free place of the pool, now this flow's: its index, or -1. */
static __always_inline long tcp_claim(const struct flow_ref *flow)
{
	for (__u32 i = 0; i < TCP_PROBES; i++) {
		__u32 at = ((flow->number * 0x9e3779b1u >> 8) + i) & cfg_tcp_mask;
		struct tcp_health *h = bpf_map_lookup_elem(&tcp, &at);

		if (h && h->owner == 0 && __sync_val_compare_and_swap(&h->owner, 0, flow->number + 1) == 0)
			return at;
	}
	return -1;
}

/* Both halves of the handshake, where it was seen whole and nothing of it came twice. @before_ns: when the SYN-ACK came. */
static __always_inline void tcp_handshake(struct tcp_health *h, const struct flow_slot *slot, __u32 side, __u64 before_ns,
					  __u64 now_ns)
{
	const __u32 initiator = slot->flags / FLOW_INITIATOR_B & 1, other = initiator ^ 1;
	const __u64 frames = COUNT_FRAMES_MASK;

	if (!(slot->flags & FLOW_SYN_SEEN) || side != initiator || (slot->count[0] & frames) + (slot->count[1] & frames) != 3 ||
	    (slot->count[initiator] & frames) != 2)
		return;
	h->handshake_us[other] = (before_ns - slot->first_ns) / 1000;
	h->handshake_us[initiator] = (now_ns - before_ns) / 1000;
	tcp_rtt(h, other, h->handshake_us[other]);
	tcp_rtt(h, initiator, h->handshake_us[initiator]);
}

/* A packet of TCP of a flow that is in its slot already. @before_ns: last_ns of the slot before it. */
static __always_inline void health_look(const struct packet *pkt, struct flow_ref *flow, __u32 side, __u64 before_ns)
{
	struct flow_slot *slot = flow->slot;
	struct tcp_segment s = {
		.seq = pkt->tcp_seq - !!(pkt->tcp_flags & TCP_SYN),
		.len = pkt->payload_len + !!(pkt->tcp_flags & TCP_SYN) + !!(pkt->tcp_flags & TCP_FIN),
		.ack = pkt->tcp_ack,
		.window = pkt->tcp_window,
		.flags = pkt->tcp_flags,
	};
	__u32 at = slot->tcp - 1;
	struct tcp_health *h = bpf_map_lookup_elem(&tcp, &at);

	if (!h) {
		long claimed;

		if (slot->tcp || pkt->tcp_flags & (TCP_SYN | TCP_RST) || !(pkt->tcp_flags & TCP_ACK))
			return;
		claimed = tcp_claim(flow);
		at = (__u32)claimed;
		h = bpf_map_lookup_elem(&tcp, &at);
		if (claimed < 0 || !h) {
			slot->tcp = TCP_NO_PLACE;
			count_stat(STAT_TCP_POOL_FULL);
			return;
		}
		tcp_begin(h, side, &s);
		tcp_handshake(h, slot, side, before_ns, clock_precise_ns());
		slot->tcp = at + 1;
	}
	tcp_segment(h, side, &s, tcp_wants_time(h, side, &s) ? clock_precise_ns() / 1000 : 0);
}

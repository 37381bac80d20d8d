/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * health - ties tcp.h to a flow's slot and the pool "tcp".
 *
 * A connection gets its place with the first packet behind the handshake, or the first one seen: a SYN alone takes none, so that
 * a flood of them costs nobody his. The place is freed by user space, together with the slot.
 *
 * Where in the pool follows from the tag, so that the place can be asked for while the slot is still on its way from memory: of
 * two places in a half full pool three lie there ("home"), the others in one of the next ones, and slot.tcp says which.
 */
#pragma once

#include "bpf/flowtab.h"
#include "bpf/tcp.h"

#define TCP_PROBES 8	/* places of the pool tried for a new connection */

/* Where the place of a flow with this tag lies in most cases: asked for now, it comes together with the slot. */
static __always_inline void health_ask(__u32 tag)
{
	__u32 at = tag & cfg_tcp_mask;
	const struct tcp_health *h = bpf_map_lookup_elem(&tcp, &at);

	if (h)
		asm volatile("" : : "r"(h->side[0].next_seq));
}

/* NULL: it has none, or not yet. */
static __always_inline struct tcp_health *health_of(const struct flow_slot *slot)
{
	__u32 at = slot->tcp - 1;

	return bpf_map_lookup_elem(&tcp, &at);
}

/* A free place of the pool, now taken and nobody's yet: its index, or -1. */
static __always_inline long tcp_claim(__u32 tag)
{
	for (__u32 i = 0; i < TCP_PROBES; i++) {
		__u32 at = (tag + i) & cfg_tcp_mask;
		struct tcp_health *h = bpf_map_lookup_elem(&tcp, &at);

		if (h && h->owner == 0 && __sync_val_compare_and_swap(&h->owner, 0, TCP_CLAIMED) == 0)
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

	if (!(slot->flags & FLOW_SYN_SEEN) || (side ^ initiator) & 1 || (slot->count[0] & frames) + (slot->count[1] & frames) != 3 ||
	    (slot->count[initiator] & frames) != 2)
		return;
	h->handshake_us[other] = (before_ns - slot->first_ns) / 1000;
	h->handshake_us[initiator] = (now_ns - before_ns) / 1000;
	tcp_rtt(h, other, h->handshake_us[other]);
	tcp_rtt(h, initiator, h->handshake_us[initiator]);
}

static __always_inline void segment_of(const struct packet *pkt, struct tcp_segment *ret)
{
	const __u32 syn = !!(pkt->tcp_flags & TCP_SYN);

	ret->seq = pkt->tcp_seq - syn;
	ret->len = pkt->payload_len + syn + (pkt->tcp_flags & TCP_FIN);
	ret->ack = pkt->tcp_ack;
	ret->window = pkt->tcp_window;
	ret->flags = pkt->tcp_flags;
}

static __always_inline __u32 health_clock_us(void)
{
	struct scratch *tmp = scratch_find();
	__u64 now_ns = clock_precise_ns();

	if (tmp)
		tmp->precise_ns = now_ns;
	return now_ns / 1000;
}

static __always_inline void health_segment(const struct packet *pkt, struct tcp_health *h, __u32 side)
{
	struct tcp_segment s;

	segment_of(pkt, &s);
	tcp_segment(h, side, &s, health_clock_us);
}

/*
 * A flow that has no place yet. @before_ns: last_ns of the slot before this packet. A global function like the stages of
 * weir.bpf.c: the verifier looks at it once.
 */
__noinline int health_begin(const struct packet *pkt, __u32 number, __u32 side, __u64 before_ns)
{
	struct flow_slot *slot = slot_find(number);
	struct tcp_health *h;
	struct tcp_segment s;
	long claimed;
	__u32 at;

	if (!pkt || !slot || slot->tcp || pkt->tcp_flags & (TCP_SYN | TCP_RST) || !(pkt->tcp_flags & TCP_ACK))
		return 0;
	claimed = tcp_claim(slot->tag);
	at = (__u32)claimed;
	h = bpf_map_lookup_elem(&tcp, &at);
	if (claimed < 0 || !h) {
		slot->tcp = TCP_NO_PLACE;
		count_stat(STAT_TCP_POOL_FULL);
		return 0;
	}
	segment_of(pkt, &s);
	tcp_begin(h, side, &s);
	tcp_handshake(h, slot, side, before_ns, clock_precise_ns());
	h->owner = number + 1;
	if (__sync_val_compare_and_swap(&slot->tcp, 0, at + 1)) {	/* another CPU was first */
		__builtin_memset(h, 0, sizeof(*h));
		return 0;
	}
	return 0;
}

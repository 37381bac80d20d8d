/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * health - ties tcp.h and quic_spin.h to a flow's slot and the pool "tcp".
 *
 * A connection gets its place with the first packet behind the handshake, or the first one seen: a SYN alone takes none, so that
 * a flood of them costs nobody his. The place is freed by user space, together with the slot.
 *
 * Where in the pool follows from the tag, so that the place can be asked for while the slot is still on its way from memory: of
 * two places in a half full pool three lie there ("home"), the others in one of the next ones, and slot.tcp says which.
 */
#pragma once

#include "bpf/flowtab.h"
#include "bpf/quic_spin.h"
#include "bpf/tcp.h"

#define TCP_PROBES 8	/* places of the pool tried for a new connection */
#define ECHO_US 3000000	/* ICMP echo: a reply that takes longer is not waited for when the next request comes */

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

/* Nothing of what is counted there has been taken: it is all there was since the flow began. */
static __always_inline int slot_is_whole(const struct flow_slot *slot)
{
	return !slot->reported_s;
}

/* Both halves of the handshake, where it was seen whole and nothing of it came twice. @before_ns: when the SYN-ACK came. */
static __always_inline void tcp_handshake(struct tcp_health *h, const struct flow_slot *slot, __u32 side, __u64 before_ns,
					  __u64 now_ns)
{
	const __u32 initiator = slot->flags / FLOW_INITIATOR_B & 1, other = initiator ^ 1;
	const __u64 frames = COUNT_FRAMES_MASK;

	if (!(slot->flags & FLOW_SYN_SEEN) || !slot_is_whole(slot) || (side ^ initiator) & 1 || (slot->count[0] & frames) + (slot->count[1] & frames) != 3 ||
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

/* A place for the flow of @slot, which nobody sees before health_show(); NULL, and counted: there is none. */
static __always_inline struct tcp_health *health_place(struct flow_slot *slot, __u32 *ret_at)
{
	const long claimed = tcp_claim(slot->tag);
	struct tcp_health *h;

	*ret_at = (__u32)claimed;
	h = bpf_map_lookup_elem(&tcp, ret_at);
	if (claimed >= 0 && h)
		return h;
	slot->tcp = TCP_NO_PLACE;
	count_stat(STAT_TCP_POOL_FULL);
	return 0;
}

static __always_inline void health_show(struct flow_slot *slot, struct tcp_health *h, __u32 at, __u32 number)
{
	h->owner = number + 1;
	if (__sync_val_compare_and_swap(&slot->tcp, 0, at + 1))	/* another CPU was first */
		__builtin_memset(h, 0, sizeof(*h));
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
	__u32 at;

	if (!pkt || !slot || slot->tcp || pkt->tcp_flags & (TCP_SYN | TCP_RST) || !(pkt->tcp_flags & TCP_ACK))
		return 0;
	h = health_place(slot, &at);
	if (!h)
		return 0;
	segment_of(pkt, &s);
	tcp_begin(h, side, &s);
	tcp_handshake(h, slot, side, before_ns, clock_precise_ns());
	health_show(slot, h, at, number);
	return 0;
}

/*
 * ICMP echo: one request a side is timed until its reply, the oldest; one without a reply for ECHO_US gives way. The flow gets its
 * place with the first reply: a flood of requests takes none. A global function, as health_begin().
 */
__noinline int health_echo(const struct packet *pkt, __u32 number, __u32 side)
{
	const __u64 frames = COUNT_FRAMES_MASK;
	struct flow_slot *slot = slot_find(number);
	struct tcp_health *h;
	struct tcp_side *timed;
	__u64 now_ns;
	__u32 now_us, at;

	if (!pkt || !slot)
		return 0;
	side &= 1;
	asm volatile("" : "+r"(side));
	h = health_of(slot);
	if (!h) {
		if (!pkt->tcp_ack || slot->tcp || !(slot->count[side ^ 1] & frames))
			return 0;
		now_ns = clock_precise_ns();
		h = health_place(slot, &at);
		if (!h)
			return 0;
		if (slot_is_whole(slot) && (slot->count[0] & frames) + (slot->count[1] & frames) == 2)	/* the flow began with the request */
			tcp_rtt(h, side, (now_ns - slot->first_ns) / 1000);
		health_show(slot, h, at, number);
		return 0;
	}
	now_us = health_clock_us();
	now_us += !now_us;
	timed = &h->side[pkt->tcp_ack ? side ^ 1 : side];
	if (!pkt->tcp_ack && (!timed->mark_us || now_us - timed->mark_us > ECHO_US)) {
		timed->mark = pkt->tcp_seq;
		timed->mark_us = now_us;
	} else if (pkt->tcp_ack && timed->mark_us && timed->mark == pkt->tcp_seq) {
		tcp_rtt(h, side, now_us - timed->mark_us);
		timed->mark_us = 0;
	}
	return 0;
}

/*
 * A datagram of a flow that is known to be QUIC (FLOW_QUIC), whose first byte is @first. The flow gets its place with the first
 * short header: a handshake was seen before that. A global function, as health_begin().
 */
__noinline int health_spin(__u32 number, __u32 side, __u32 first)
{
	struct flow_slot *slot = slot_find(number);
	struct tcp_health *h;
	__u32 client, now_us, at;
	int goes_on = 0;

	if (!slot || !quic_spin_is_short(first))
		return 0;
	side &= 1;
	asm volatile("" : "+r"(side));
	client = slot->flags / FLOW_INITIATOR_B & 1;
	h = health_of(slot);
	now_us = health_clock_us();
	if (h) {
		goes_on = quic_spin(h, side, client, first, now_us);
	} else if (!slot->tcp) {
		h = health_place(slot, &at);
		if (h) {
			goes_on = quic_spin(h, side, client, first, now_us);
			health_show(slot, h, at, number);
		}
	}
	if (!goes_on)
		__sync_fetch_and_and(&slot->flags, ~FLOW_QUIC);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * copy - which payload user space gets a copy of, and the copy itself (struct copy, by the ring buffer).
 *
 * Of a connection its first bytes, until user space has seen enough (FLOW_COPY_OFF) or COPIES_MAX is reached; of the
 * services that name others (DNS, mDNS, LLMNR, DHCP, neighbour discovery, ARP) every message. A ring that is full loses
 * the copy, not the count, and says so (copy_lost).
 */
#pragma once

#include "bpf/event.h"
#include "bpf/flowtab.h"

/* A TCP or UDP port whose every message is copied. */
static __always_inline int is_naming_port(__be16 port)
{
	return port == bpf_htons(53) || port == bpf_htons(5353) || port == bpf_htons(5355) || port == bpf_htons(67) ||
	       port == bpf_htons(68) || port == bpf_htons(546) || port == bpf_htons(547);
}

/* What has to be set in a flow's flags for its payload to be of no interest any more. */
static __always_inline __u32 payload_looked(const struct packet *pkt)
{
	return pkt->bits & PACKET_TCP ? FLOW_HELLO_DONE | FLOW_COPY_OFF : FLOW_COPY_OFF;
}

/* The flow's next packet of side @side is to be copied; the limit is counted chunk by chunk. */
static __always_inline int copy_wanted(struct flow_slot *slot, const struct packet *pkt, __u32 side)
{
	if (slot->flags & FLOW_COPY_OFF)
		return 0;
	if (slot->copies[side & 1] < COPIES_MAX || is_naming_port(pkt->sport) || is_naming_port(pkt->dport) ||
	    pkt->proto == IPPROTO_ICMPV6)
		return 1;
	count_stat(STAT_COPY_LIMIT);
	flow_flag(slot, FLOW_COPY_OFF);
	return 0;
}

/* The head of the copies of one packet; @slot: COPY_NO_SLOT for ARP. */
static __always_inline void copy_begin(struct scratch *tmp, const struct packet *pkt, const struct frame *frame,
				       __u32 slot, __u32 from_b)
{
	struct copy *copy = &tmp->copy;

	copy->event.time_ns = frame->now_ns;
	copy->event.slot = slot;
	copy->event.port = frame->port;
	copy->event.type = EVENT_COPY;
	copy->event.dir = from_b;
	copy->event.proto = pkt->proto;
	copy->vlan = pkt->vlan[0];
	copy->ack = pkt->tcp_ack;
}

/*
 * To wake user space for each copy would cost more than all else that is done for it (an interrupt to oneself, microseconds in
 * a guest). It comes by itself every COPY_TICK_MS, and is woken when the ring fills before that.
 */
static __always_inline int copy_wakes(__u32 len)
{
	__u64 used = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);

	return used < COPY_WAKE_BYTES && used + len >= COPY_WAKE_BYTES;
}

/* @len bytes of payload from @at on, which lie in tmp->buf. 0: the ring was full. */
static __always_inline int copy_send(struct scratch *tmp, const struct packet *pkt, __u32 at, __u32 len)
{
	struct copy *copy = &tmp->copy;
	__u32 left = pkt->payload_len - at;

	copy->seq = pkt->bits & PACKET_TCP ? pkt->tcp_seq + at : at;
	copy->len = len;
	copy->left = left > 0xffff ? 0xffff : left;
	len -= 1;
	asm volatile("" : "+r"(len));
	len &= HELLO_CHUNK - 1;
	len += 1 + COPY_BYTES_AT;
	if (bpf_ringbuf_output(&events, copy, len, copy_wakes(len) ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP)) {
		count_stat(STAT_COPY_LOST);
		return 0;
	}
	count_stat(STAT_COPY_SENT);
	return 1;
}

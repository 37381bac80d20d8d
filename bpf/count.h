/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * count - which port a frame is on, the books, the counters of no port, and the clock.
 *
 * The books are per CPU: plain adds. Every frame is counted as seen once, and then in a flow slot or in one class.
 */
#pragma once

#include "bpf/maps.h"
#include "bpf/parse.h"

static __always_inline void count_stat(enum stat_id stat)
{
	__u32 zero = 0;
	struct stats *all = bpf_map_lookup_elem(&stats, &zero);

	if (all)
		all->count[stat]++;
}

static __always_inline struct scratch *scratch_find(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

/* NULL: not measured (attached, but not in the table any more). */
static __always_inline const struct port_conf *port_find(__u32 ifindex)
{
	for (int i = 0; i < PORT_PROBES; i++) {
		__u32 at = (ifindex + i) & (PORT_HASH - 1);
		const struct port_conf *port = bpf_map_lookup_elem(&ports, &at);

		if (port && port->ifindex == ifindex)
			return port;
	}
	return 0;
}

static __always_inline struct books *books_find(__u32 port)
{
	return bpf_map_lookup_elem(&books, &port);
}

static __always_inline void tally_add(struct tally *tally, __u32 frames, __u32 bytes)
{
	tally->frames += frames;
	tally->bytes += bytes;
}

static __always_inline enum book_class class_of(enum parse_result result)
{
	switch (result) {
	case PARSE_OK:
		return BOOK_FLOW;
	case PARSE_ARP:
		return BOOK_ARP;
	case PARSE_NOT_IP:
		return BOOK_NOT_IP;
	case PARSE_SHORT:
		return BOOK_SHORT;
	case PARSE_BAD_HEADER:
		return BOOK_BAD_HEADER;
	case PARSE_TOO_DEEP:
		return BOOK_TOO_DEEP;
	}
	return BOOK_ERROR;
}

/* Place in refused.proto and new_due_ns. */
static __always_inline __u32 book_proto_of(__u8 proto)
{
	return proto == IPPROTO_TCP ? 0 : proto == IPPROTO_UDP ? 1 :
	       proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 ? 2 : 3;
}

static __always_inline const struct replay *replay_find(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&replay, &zero);
}

/*
 * For each packet: a tick (1 to 10 ms) is fine enough. The coarse clock stands still between two ticks, so it is asked
 * once a tick and CPU: 1 ns instead of 14.
 */
static __always_inline __u64 clock_coarse_ns(struct scratch *tmp)
{
	const struct replay *r = cfg_replay ? replay_find() : 0;
	__u64 tick;

	if (r)
		return r->now_ns;
	tick = bpf_jiffies64();
	if (tmp->tick != tick) {
		tmp->tick_ns = bpf_ktime_get_coarse_ns();
		tmp->tick = tick;
	}
	return tmp->tick_ns;
}

/* For each new flow. */
static __always_inline __u64 clock_precise_ns(void)
{
	const struct replay *r = cfg_replay ? replay_find() : 0;

	return r ? r->now_ns : bpf_ktime_get_ns();
}

/* Length of the frame on the wire; a capture may hold less of it than @here. */
static __always_inline __u32 frame_bytes(__u32 here)
{
	const struct replay *r = cfg_replay ? replay_find() : 0;

	return r ? r->frame_bytes : here;
}

/* What a hook knows of a frame. */
struct frame {
	__u16 port;		/* port_conf.port */
	__u16 port_flags;
	__u32 dir;
	__u32 segments;		/* frames on the wire (GSO, GRO) */
	__u32 bytes;		/* of all of them */
	__u32 tag_bytes;	/* of a VLAN tag that the driver took out of the frame */
	__u32 here;		/* bytes of the frame that can be read: fewer in a capture that was cut */
	__u64 now_ns;		/* clock_coarse_ns() */
};

/* Bytes of @frame that are not IP, for the flow slot. */
static __always_inline __u32 frame_overhead(const struct frame *frame, const struct packet *pkt)
{
	__u32 overhead = frame->bytes - pkt->ip_len, most = COUNT_OVERHEAD_MAX * frame->segments;

	if (!pkt->ip_len || frame->segments > 1)
		overhead = (pkt->l3_off + frame->tag_bytes) * frame->segments;
	else if (pkt->ip_len > frame->bytes)
		overhead = 0;	/* snapped, or the header lies */
	return overhead < most ? overhead : most;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The way of a packet: hook -> port -> parse -> books -> key -> flow table -> identity. Never drops, never changes a
 * packet, always lets the next program have it.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "bpf/abi.h"
#include "bpf/maps.h"
#include "bpf/parse.h"
#include "bpf/key.h"
#include "bpf/count.h"
#include "bpf/event.h"
#include "bpf/flowtab.h"
#include "bpf/health.h"
#include "bpf/hello.h"
#include "bpf/identity.h"

/* What count_flow() returns: class in the low byte, slot number in the upper half. */
#define FLOWED_CLASS	0xffULL
#define FLOWED_NEW	0x100ULL	/* the flow began with this packet */
#define FLOWED_PAYLOAD	0x200ULL	/* its payload may tell the name */
#define FLOWED_FROM_B	0x400ULL
#define FLOWED_SPIN	0x800ULL	/* its spin bit is to be read */
#define FLOWED_TODO	(FLOWED_NEW | FLOWED_PAYLOAD | FLOWED_SPIN)

#define MAC_DST_OFF	0
#define MAC_SRC_OFF	6
#define PULL_BYTES	256	/* link, IP and TCP headers with all that is walked, when an skb has them in fragments */

/*
 * The stages are global functions: the verifier looks at each once, with an unknown packet, instead of once for every
 * way through the parser. They hand on a slot number, not a pointer.
 */

/* Ports of a datagram for its later fragments. */
__noinline int fragment_ports(struct packet *pkt, __u32 port)
{
	struct frag_key key = {};

	if (!pkt)
		return 0;
	key.id = pkt->frag_id;
	key.port = port;
	key.proto = pkt->proto;
	__builtin_memcpy(key.saddr, pkt->saddr, 16);
	__builtin_memcpy(key.daddr, pkt->daddr, 16);
	if (pkt->bits & PACKET_LATER_FRAGMENT) {
		struct frag_ports *known = bpf_map_lookup_elem(&fragments, &key);

		if (known) {
			pkt->sport = known->sport;
			pkt->dport = known->dport;
		} else {
			count_stat(STAT_FRAGMENT_ORPHAN);
		}
	} else {
		struct frag_ports mine = { .sport = pkt->sport, .dport = pkt->dport };

		bpf_map_update_elem(&fragments, &key, &mine, BPF_ANY);
	}
	return 0;
}

/* May a flow begin with this packet? Counts a flow that may (generic cell rate algorithm). */
static __always_inline int flow_admit(const struct flow_search *search, const struct frame *frame, __u8 proto)
{
	struct books *books;
	__u64 *due;

	if (!cfg_new_interval_ns || flow_bucket_used(search) < BUCKET_ADMIT)
		return 1;
	books = books_find(frame->port);
	if (!books)
		return 1;
	due = &books->dir[frame->dir & 1].new_due_ns[book_proto_of(proto) & (BOOK_PROTOS - 1)];
	if (*due > frame->now_ns + cfg_new_burst_ns)
		return 0;
	*due = (*due > frame->now_ns ? *due : frame->now_ns) + cfg_new_interval_ns;
	return 1;
}

/* Packet -> flow slot. Returns FLOWED_*: the class, what is still to be done, and the slot's number. */
__noinline __u64 count_flow(struct packet *pkt, const struct frame *frame)
{
	enum book_class class = BOOK_FLOW;
	struct flow_search search;
	struct flow_ref flow = {};
	struct flow_add add;
	__u64 todo = 0;

	if (!pkt || !frame)
		return BOOK_ERROR;
	if (pkt->bits & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT))
		fragment_ports(pkt, frame->port);
	add.from_b = key_make(pkt, frame->port, frame->port_flags, frame->dir, &search.key);
	flow_search_begin(&search);
	if (pkt->bits & PACKET_TCP && !(pkt->tcp_flags & TCP_SYN))
		health_ask(search.tag);
	add.flags = (__u32)pkt->tcp_flags << (add.from_b ? 8 : 0);
	if (pkt->bits & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT))
		add.flags |= FLOW_FRAGMENTS;
	add.bytes = frame->bytes;
	add.count = frame->segments | (__u64)frame_overhead(frame, pkt) << COUNT_FRAMES_BITS;

	if (!flow_find(&search, &flow) || is_reused(flow.slot, pkt)) {
		if (!flow_admit(&search, frame, pkt->proto))
			return BOOK_NEW_LIMIT;
		if (flow.slot)
			flow_kill(flow.slot, search.tag);
		add.flags |= flow_first_flags(pkt, add.from_b, frame->port_flags);
		add.now_ns = clock_precise_ns();
		if (!flow_claim(&search, pkt, &add, &flow))
			return BOOK_TABLE_FULL;
		todo = FLOWED_NEW;
	} else {
		const __u64 before_ns = flow.slot->last_ns;

		/* A SYN-ACK's time is half of two round trips. */
		add.now_ns = (pkt->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) ? clock_precise_ns() : frame->now_ns;
		class = flow_count(flow.slot, &add);
		if (pkt->bits & PACKET_TCP) {
			struct tcp_health *health = health_of(flow.slot);

			if (!health) {
				health_begin(pkt, flow.number, add.from_b, before_ns);
				health = health_of(flow.slot);
			}
			if (health)
				health_segment(pkt, health, add.from_b);
		}
	}
	if (pkt->bits & PACKET_ECHO)
		health_echo(pkt, flow.number, add.from_b);
	if (pkt->payload_len) {
		const __u32 flags = flow.slot->flags;

		if (~flags & payload_looked(pkt))
			todo |= FLOWED_PAYLOAD;
		if (flags & FLOW_QUIC)
			todo |= FLOWED_SPIN;
	}
	return class | todo | (add.from_b ? FLOWED_FROM_B : 0) | (__u64)flow.number << 32;
}

static __always_inline void mac_copy(const void *data, const void *data_end, __u32 off, __u8 to[6])
{
	const __u16 *from = data + off;

	if ((const void *)(from + 3) > data_end)
		return;
	((__u16 *)to)[0] = from[0];
	((__u16 *)to)[1] = from[1];
	((__u16 *)to)[2] = from[2];
}

/* What needs the frame's bytes once more: the layer-2 peer of a new flow. True: and its payload. */
static __always_inline int flow_detail(const void *data, const void *data_end, const struct frame *frame, __u64 flowed)
{
	struct flow_ref flow = { .number = flowed >> 32, .slot = slot_find(flowed >> 32) };
	struct scratch *tmp = scratch_find();

	if (!flow.slot || !tmp)
		return 0;
	if (flowed & FLOWED_NEW && !(frame->port_flags & PORT_RAW_IP)) {
		mac_copy(data, data_end, frame->dir == DIR_TX ? MAC_DST_OFF : MAC_SRC_OFF, flow.slot->mac);
		if (flow.slot->flags & FLOW_MIRROR && flowed & FLOWED_FROM_B)
			flow_flag(flow.slot, FLOW_MAC_B);
	}
	if (!(flowed & FLOWED_PAYLOAD))
		return 0;
	return identity_begin(tmp, &tmp->pkt, frame, !!(flowed & FLOWED_FROM_B), &flow);
}

static __always_inline void copy_mac(const void *data, const void *data_end, const struct frame *frame)
{
	struct scratch *tmp = scratch_find();

	if (!tmp)
		return;
	__builtin_memset(tmp->copy.mac, 0, sizeof(tmp->copy.mac));
	if (!(frame->port_flags & PORT_RAW_IP))
		mac_copy(data, data_end, MAC_SRC_OFF, tmp->copy.mac);
}

__noinline int identity_chunk_xdp(struct xdp_md *ctx)
{
	return identity_chunk(ctx, HOOK_XDP);
}

__noinline int identity_chunk_tc(struct __sk_buff *ctx)
{
	return identity_chunk(ctx, HOOK_TC);
}

/* @kind is a constant: each program has one of the two chunk functions. */
static __always_inline int detail(void *ctx, const void *data, const void *data_end, enum hook_kind kind,
				  const struct frame *frame, __u64 flowed)
{
	struct scratch *tmp = scratch_find();

	if (!frame || !tmp)
		return 0;
	if (flowed & FLOWED_SPIN) {
		__u8 first = 0;

		if (!frame_load(ctx, kind, tmp->pkt.payload_off, &first, 1))
			health_spin(flowed >> 32, !!(flowed & FLOWED_FROM_B), first);
	}
	if (flowed & FLOWED_PAYLOAD)
		copy_mac(data, data_end, frame);
	if ((flowed & FLOWED_CLASS) == BOOK_ARP) {
		identity_arp(ctx, kind, frame);
	} else if (flow_detail(data, data_end, frame, flowed)) {
		for (int i = 0; i < HELLO_CHUNKS; i++)
			if (kind == HOOK_XDP ? identity_chunk_xdp(ctx) : identity_chunk_tc(ctx))
				break;
		identity_end_look(tmp);
	}
	return 0;
}

__noinline int flow_detail_xdp(struct xdp_md *ctx, const struct frame *frame, __u64 flowed)
{
	return detail(ctx, (void *)(long)ctx->data, (void *)(long)ctx->data_end, HOOK_XDP, frame, flowed);
}

__noinline int flow_detail_tc(struct __sk_buff *ctx, const struct frame *frame, __u64 flowed)
{
	return detail(ctx, (void *)(long)ctx->data, (void *)(long)ctx->data_end, HOOK_TC, frame, flowed);
}

/* Into the books: seen, and the class unless a flow slot has it. Returns what count_flow() did. */
static __always_inline __u64 count_frame(const struct frame *frame, enum parse_result result, struct packet *pkt)
{
	struct books *books = books_find(frame->port);
	__u64 flowed = class_of(result);
	__u32 dir = frame->dir & 1, class;

	if (!books)
		return BOOK_ERROR;
	tally_add(&books->dir[dir].seen, frame->segments, frame->bytes);
	if (result == PARSE_ARP)
		flowed |= FLOWED_PAYLOAD;
	if (result == PARSE_OK) {
		flowed = count_flow(pkt, frame);
		if ((flowed & FLOWED_CLASS) == BOOK_TABLE_FULL)
			count_refused(&books->dir[dir].table_full, EVENT_TABLE_FULL, frame, pkt->proto);
		if ((flowed & FLOWED_CLASS) == BOOK_NEW_LIMIT)
			count_refused(&books->dir[dir].new_limit, EVENT_NEW_LIMIT, frame, pkt->proto);
	}
	class = flowed & FLOWED_CLASS;
	if (class < BOOK_N)
		tally_add(&books->dir[dir].class[class], frame->segments, frame->bytes);
	return flowed;
}

static __always_inline void measure_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	const struct port_conf *port = port_find(ctx->ingress_ifindex);
	struct cursor c = { .start = data, .pos = data, .end = data_end };
	struct frame frame = { .dir = DIR_RX, .segments = 1 };
	struct scratch *tmp = scratch_find();
	enum parse_result result;
	__u64 flowed;

	if (!port || !tmp) {
		count_stat(STAT_UNKNOWN_PORT);
		return;
	}
	frame.port = port->port;
	frame.port_flags = port->flags;
	frame.now_ns = clock_coarse_ns(tmp);
	tmp->precise_ns = 0;
	frame.here = bpf_xdp_get_buff_len(ctx);
	frame.bytes = frame_bytes(frame.here);
	result = parse_frame(&c, frame.port_flags & PORT_RAW_IP, 0, &tmp->pkt);
	flowed = count_frame(&frame, result, &tmp->pkt);
	if (flowed & FLOWED_TODO)
		flow_detail_xdp(ctx, &frame, flowed);
}

SEC("xdp.frags")
int weir_rx_xdp(struct xdp_md *ctx)
{
	measure_xdp(ctx);
	return XDP_PASS;
}

/*
 * Frames and bytes on the wire of a packet that is cut into segments later (GSO), or was put together (GRO). What they
 * are more than the one packet is counted by itself: a NIC's driver counts the one or the other.
 */
static __always_inline void count_segments(const struct __sk_buff *ctx, const struct packet *pkt, struct frame *frame)
{
	__u32 segments = ctx->gso_segs, size = ctx->gso_size, more;
	struct books *books;

	if (!size)
		return;
	if (!segments && frame->bytes > pkt->hdr_len)	/* a guest's packet may come without a count */
		segments = (frame->bytes - pkt->hdr_len + size - 1) / size;
	if (segments <= 1)
		return;
	more = (segments - 1) * (pkt->hdr_len + frame->tag_bytes);
	frame->segments = segments;
	frame->bytes += more;
	books = books_find(frame->port);
	if (books)
		tally_add(&books->dir[frame->dir & 1].joined, segments - 1, more);
}

/* The flows of a mirror port do not tell what it sent: the little that it sends itself counts with the received. */
static __always_inline __u32 books_dir(__u32 dir, __u16 port_flags)
{
	__u32 mirror = port_flags / PORT_MIRROR & 1;

	asm volatile("" : "+r"(mirror));	/* no branch: the verifier would walk all that follows twice */
	return dir & ~mirror;
}

static __always_inline int measure_skb(struct __sk_buff *ctx, __u32 dir)
{
	const struct port_conf *port = port_find(ctx->ifindex);
	struct frame frame = { .segments = 1 };
	__u16 tag_vlan = ctx->vlan_present ? ctx->vlan_tci & 0x0fff : 0;
	enum parse_result result = PARSE_SHORT;
	struct scratch *tmp = scratch_find();
	__u64 flowed;

	if (!port || !tmp) {
		count_stat(STAT_UNKNOWN_PORT);
		return TC_ACT_UNSPEC;
	}
	frame.port = port->port;
	frame.port_flags = port->flags;
	/* Headers are in the linear part nearly always; when not, they are pulled there, once. Unrolled: Linux 6.1 refuses
	 * a loop that the compiler closes by falling through. */
#pragma clang loop unroll(full)
	for (int i = 0; i < 2; i++) {
		void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
		struct cursor c = { .start = data, .pos = data, .end = data_end };
		__u32 len = ctx->len;

		result = parse_frame(&c, frame.port_flags & PORT_RAW_IP, tag_vlan, &tmp->pkt);
		if (result != PARSE_SHORT && !(tmp->pkt.bits & PACKET_CUT))
			break;
		if (data + len <= data_end || bpf_skb_pull_data(ctx, len < PULL_BYTES ? len : PULL_BYTES))
			break;
	}

	frame.dir = books_dir(dir, frame.port_flags);
	frame.now_ns = clock_coarse_ns(tmp);
	tmp->precise_ns = 0;
	frame.tag_bytes = ctx->vlan_present ? 4 : 0;
	frame.here = ctx->len;
	frame.bytes = frame_bytes(ctx->len + frame.tag_bytes);
	count_segments(ctx, &tmp->pkt, &frame);
	if (!tmp->pkt.ip_len && tmp->pkt.bits & PACKET_TCP && ctx->len > tmp->pkt.payload_off)
		tmp->pkt.payload_len = ctx->len - tmp->pkt.payload_off;	/* BIG TCP: the header does not say */
	flowed = count_frame(&frame, result, &tmp->pkt);
	if (flowed & FLOWED_TODO)
		flow_detail_tc(ctx, &frame, flowed);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int weir_rx_tc(struct __sk_buff *ctx)
{
	return measure_skb(ctx, DIR_RX);
}

SEC("tc")
int weir_tx_tc(struct __sk_buff *ctx)
{
	return measure_skb(ctx, DIR_TX);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

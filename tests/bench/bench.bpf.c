/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bench.bpf - Weir's whole rx path, and what it is compared with: the same parser and key in front of a kernel hash.
 *
 * Every program begins with the same prelude, which makes the frame one of another flow by rewriting its source
 * address; bench_empty has nothing else, and is subtracted. The hello programs put one flow back to the state before
 * its first payload instead, so that each run walks the ClientHello.
 */
#include "bpf/weir.bpf.c"
#include "tests/bench/bench.h"

volatile struct bench bench;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct flow_key);
	__type(value, struct bench_count);
} kernel_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct flow_key);
	__type(value, struct bench_count);
} kernel_lru SEC(".maps");

static __always_inline void next_flow(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__be32 *saddr = data + BENCH_SADDR_OFF;
	__u64 sent = bench.sent, id = sent * 0x9e3779b97f4a7c15ULL;	/* splitmix64 without its last step */

	bench.sent = sent + 1;
	id = (id ^ id >> 30) * 0xbf58476d1ce4e5b9ULL;
	id = bench.at_random ? id >> 32 : sent;
	if ((void *)(saddr + 1) <= data_end)
		*saddr = bpf_htonl(0x0a000000 | ((((__u32)id & bench.mask) + bench.base) & 0xffffff));
}

static __always_inline void forget_hello(void)
{
	__u32 number = bench.hello_slot, bucket_number = number / BUCKET_SLOTS, walk;
	struct flow_bucket *bucket = bpf_map_lookup_elem(&flows, &bucket_number);
	struct hello_entry *entry;
	struct flow_slot *slot;

	if (!bucket)
		return;
	slot = &bucket->slot[number & (BUCKET_SLOTS - 1)];
	walk = slot->hello - 1;
	entry = bpf_map_lookup_elem(&hellos, &walk);
	if (entry)
		entry->owner = 0;
	slot->hello = 0;
	slot->flags = bench.hello_flags;
	slot->copies[0] = 0;
	slot->name_status = 0;
}

/* Finds, adds two counters and a time; or inserts. The kernel's cheapest clock, as Weir uses for each packet. */
static __always_inline void plain_count(struct xdp_md *ctx, void *map)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct cursor c = { .start = data, .pos = data, .end = data_end };
	struct scratch *tmp = scratch_find();
	struct bench_count *count;
	struct flow_key key;

	if (!tmp || parse_frame(&c, 0, 0, &tmp->pkt) != PARSE_OK)
		return;
	key_make(&tmp->pkt, 0, 0, DIR_RX, &key);
	count = bpf_map_lookup_elem(map, &key);
	if (count) {
		__sync_fetch_and_add(&count->packets, 1);
		__sync_fetch_and_add(&count->bytes, data_end - data);
		count->last_ns = bpf_ktime_get_coarse_ns();
	} else {
		struct bench_count first = {
			.packets = 1, .bytes = data_end - data, .last_ns = bpf_ktime_get_coarse_ns(),
		};

		bpf_map_update_elem(map, &key, &first, BPF_NOEXIST);
	}
}

SEC("xdp.frags")
int bench_empty(struct xdp_md *ctx)
{
	next_flow(ctx);
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_weir(struct xdp_md *ctx)
{
	next_flow(ctx);
	measure_xdp(ctx);
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_hash(struct xdp_md *ctx)
{
	next_flow(ctx);
	plain_count(ctx, &kernel_hash);
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_lru(struct xdp_md *ctx)
{
	next_flow(ctx);
	plain_count(ctx, &kernel_lru);
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_empty_hello(struct xdp_md *ctx)
{
	next_flow(ctx);
	forget_hello();
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_weir_hello(struct xdp_md *ctx)
{
	next_flow(ctx);
	forget_hello();
	measure_xdp(ctx);
	return XDP_PASS;
}

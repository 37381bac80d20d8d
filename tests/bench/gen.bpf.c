/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * gen.bpf - makes a frame one of another flow, counts it, and hands it to an interface: for bench_gen, which runs it on
 * live frames (BPF_F_TEST_XDP_LIVE_FRAMES). What the interface refuses is in that interface's own counters.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tests/bench/bench.h"

volatile const __u32 gen_ifindex;
volatile const __u32 gen_flows;
volatile struct bench_sent sent;

SEC("xdp")
int bench_gen(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__be32 *saddr = data + BENCH_SADDR_OFF;
	__u64 frames = sent.frames;

	if ((void *)(saddr + 1) > data_end || !gen_flows)
		return XDP_ABORTED;
	*saddr = bpf_htonl(0x0a000000 | (__u32)(frames % gen_flows));
	sent.frames = frames + 1;
	sent.bytes += data_end - data;
	return bpf_redirect(gen_ifindex, 0);
}

char LICENSE[] SEC("license") = "GPL";
